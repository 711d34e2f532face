"""The prior off its training data, and choices under noise."""

import dataclasses
import itertools
import math
import random

import pytest

from gridsearch.family.presets import released
from gridsearch.grid.choice import Estimate, choose, estimate
from gridsearch.prior.law import check, effective, fit, fitted, fitted_rows, hold_out, published
from gridsearch.prior.prior import ScalingPrior
from nas.evaluators import Measurement
from search_spaces.errors import OutOfDomain, UserError
from search_spaces.networks import EFFICIENTNET_B0, NETWORKS, RESNET_50
from search_spaces.scaling.rules import Multipliers, scale


def test_the_table_is_of_networks_that_we_build_with_sources() -> None:
    rows = published()
    assert len(rows) > 80
    assert {row.network for row in rows} <= set(NETWORKS)
    assert all(row.source and 40 < row.top1 < 90 for row in rows)
    b7 = next(row for row in rows if row.top1 == 84.3)
    assert math.exp(b7.logs[2]) == pytest.approx(600 / 224)


def test_networks_left_out_of_the_fit_are_predicted_within_the_error_that_is_shown() -> None:
    law, held = fitted()
    assert law.rmse < 0.3
    assert 0.5 < held.gain < 0.9  # points of top-1: docs/scaling.md
    assert held.n == 38
    by_network: dict[str, list[float]] = {}
    for one in hold_out(fitted_rows()):
        by_network.setdefault(one.row.network, []).append(one.predicted - one.printed)
    assert len(by_network) == 5
    assert all(math.hypot(*off) / math.sqrt(len(off)) < 1.3 for off in by_network.values())
    assert check(hold_out(fitted_rows())) == held


def test_the_law_is_monotone_saturating_and_fair_between_networks() -> None:
    law = fit(fitted_rows())
    for axis in range(3):
        gains = [law.gain(20, [log * (axis == i) for i in range(3)]) for log in (0, 0.5, 1, 1.5)]
        steps = [b - a for a, b in itertools.pairwise(gains)]
        assert gains[0] == 0
        assert steps[0] > steps[1] > steps[2] > 0


def test_the_prior_is_an_evaluator_of_scaled_baselines() -> None:
    prior = ScalingPrior(EFFICIENTNET_B0)
    found = prior(released("b3"), 1.0, 0)
    assert found.accuracy == pytest.approx(81.6, abs=1)
    assert found.spread == pytest.approx(prior.held_out.gain)
    assert prior(EFFICIENTNET_B0, 1.0, 0) == Measurement(77.1, 0.0)
    assert "not a measurement" in prior.label
    assert f"{prior.held_out.gain:.2f} points" in prior.label
    near, far = (scale(EFFICIENTNET_B0, Multipliers(1, w, 1)) for w in (1.1, 2))
    assert prior.difference_error(near, near) == 0
    assert 0 < prior.difference_error(EFFICIENTNET_B0, near) < prior.difference_error(near, far)
    with pytest.raises(OutOfDomain, match="stages"):
        prior(RESNET_50, 1.0, 0)
    with pytest.raises(OutOfDomain, match="module:name"):
        ScalingPrior(dataclasses.replace(EFFICIENTNET_B0, classes=10))


def test_an_unknown_baseline_says_whose_accuracy_stands_in() -> None:
    stages = (dataclasses.replace(EFFICIENTNET_B0.stages[0], kernel=5), *EFFICIENTNET_B0.stages[1:])
    prior = ScalingPrior(dataclasses.replace(EFFICIENTNET_B0, stages=stages))
    assert "efficientnet_b0's 77.1 % stands in" in prior.label


def test_effective_multipliers_are_those_after_rounding() -> None:
    scaled = scale(EFFICIENTNET_B0, Multipliers(1.05, 1.0, 1.0))
    assert effective(EFFICIENTNET_B0, scaled) == (23 / 16, 1.0, 1.0)


def test_the_pick_is_the_cheapest_of_those_not_told_from_the_best() -> None:
    def measured(*values: float) -> Estimate:
        return estimate([Measurement(value) for value in values])

    estimates = [measured(70.0, 70.4, 70.2), measured(70.3, 70.5, 70.1), measured(60, 60.2, 60.4)]
    chosen = choose(estimates, [(100.0, 1.0), (200.0, 1.0), (10.0, 1.0)])
    assert (chosen.best, chosen.pick) == (1, 0)
    assert chosen.tied == (1, 0)
    same = choose(estimates, [(100.0, 9.0), (100.5, 1.0), (10.0, 1.0)])
    assert same.pick == 1  # MACs within 1 %: fewer params
    with pytest.raises(UserError, match="--replicates 3"):
        choose([measured(70.0), measured(71.0)], [(1.0, 1.0), (2.0, 1.0)])
    one = estimate([Measurement(70.0), Measurement(72.0)])
    assert one.half == pytest.approx(12.706, abs=1e-3)  # t of 1 degree of freedom


def test_the_set_holds_the_true_best_as_often_as_it_says() -> None:
    rng = random.Random(0)
    true = [70 + 0.1 * i for i in range(8)]
    kept = 0
    for _ in range(300):
        estimates = [
            estimate([Measurement(rng.gauss(mean, 0.4)) for _ in range(3)]) for mean in true
        ]
        kept += 7 in choose(estimates, [(1.0, 1.0)] * 8).tied
    assert kept / 300 >= 0.95
