"""MnasNet's reward, the pick, and its limits."""

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nas.objective import OBJECTIVES, Objective
from nas.search.halving import by_reward
from results.runs.frames import front_frame, trials_frame
from results.runs.records import Trial
from search_spaces import NETWORKS, UserError

B0, A1 = NETWORKS["efficientnet_b0"], NETWORKS["mnasnet_a1"]


def test_rewards_by_hand():
    hard, soft = Objective("hard", 400e6), Objective("soft", 400e6)
    assert hard.reward(75, 300e6) == 75
    assert hard.reward(75, 500e6) == 60
    # "doubling the cost is worth 5 % accuracy, relative" (MnasNet, sec. 3)
    assert soft.reward(100, 800e6) == pytest.approx(95.26, abs=0.01)
    assert soft.reward(100, 400e6) == 100


@given(st.floats(1, 100), st.floats(1e6, 1e10), st.floats(1e6, 1e10))
def test_the_reward_is_the_formula(accuracy, cost, target):
    for name, (alpha, beta) in OBJECTIVES.items():
        w = alpha if cost <= target else beta
        expected = math.exp(math.log(accuracy) + w * math.log(cost / target))
        assert Objective(name, target).reward(accuracy, cost) == pytest.approx(expected)


def test_the_pick_is_within_the_target_and_cautious():
    trials = [
        Trial(0, {}, B0, accuracy=80.0),  # 386M: above the target
        Trial(1, {}, A1, accuracy=75.0, spread=2.0),  # 312M
        Trial(2, {}, NETWORKS["mnasnet_small"], accuracy=74.0, spread=0.5),
        Trial(3, {}, A1, error="failed"),
    ]
    assert Objective("hard", 350e6).pick(trials).number == 2
    assert Objective("hard", 350e6, caution=0).pick(trials).number == 1
    assert Objective("hard", 400e6).pick(trials).number == 0
    assert Objective("hard", 60e6).pick(trials) is None


def test_of_equal_rewards_the_cheapest_is_picked():
    """Then that of fewest multiply-adds, parameters and bytes, then the first."""
    small = NETWORKS["mnasnet_small"]
    wide = replace(small, classes=1001)  # as many pixels, a little more of all else
    equal = [Trial(0, {}, B0, 50.0), Trial(1, {}, A1, 50.0), Trial(2, {}, wide, 50.0),
             Trial(3, {}, small, 50.0), Trial(4, {}, small, 50.0)]  # fmt: skip
    for objective in (Objective("hard", 4e8), Objective("hard", 4e8, "memory")):
        assert objective.pick(equal).number == 3
        assert [t.number for t in by_reward(equal, objective)] == [3, 4, 2, 1, 0]
    more = [Trial(0, {}, replace(small, resolution=256), 50.0), *equal[3:]]
    assert Objective("hard", 1e8, "params").pick(more).number == 3  # equal parameters, too
    frame = trials_frame(more)
    assert front_frame(frame, 0.0, "params")["number"].tolist() == [3]
    assert front_frame(frame)["number"].tolist() == [3]


def test_unknown_objective_and_negative_caution():
    with pytest.raises(UserError, match="hard, soft"):
        Objective("medium", 1e8)
    with pytest.raises(UserError, match="caution"):
        Objective("hard", 1e8, caution=float("nan"))
