"""Choices by what was measured: beliefs, noise, and where further trainings go."""

import contextlib
import dataclasses
import json
import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from gridsearch.grid.belief import belief, noise_of
from gridsearch.grid.conclude import Result
from gridsearch.grid.families import family
from gridsearch.grid.grid import Question, build_grid
from gridsearch.grid.judge import judge
from gridsearch.grid.plan import Plan
from gridsearch.grid.rounds import BATCH
from gridsearch.grid.run import due, evaluate_points
from gridsearch.grid.run import run as grid_run
from gridsearch.prior.prior import Expected
from gridsearch.report.words import reason
from nas.evaluators import Measurement
from nas.workers.executor import LocalExecutor
from results.runs.records import Trial
from search_spaces.architecture import Architecture
from search_spaces.cost import cost
from search_spaces.errors import OutOfDomain, UserError
from search_spaces.networks import EFFICIENTNET_B0
from search_spaces.scaling.coefficients import PAPER

QUESTION = Question(EFFICIENTNET_B0)
GRID = build_grid(QUESTION)
NETWORKS = [point.architecture for point in GRID.points]
EXPECTED = Expected.of(EFFICIENTNET_B0)
PHIS = (1.0, 2.0, 3.0)


def deep(network: Architecture, budget: float, seed: int) -> Measurement:
    """Of images that want depth and nothing else; seeds differ by 0.3 points."""
    depth, width, _ = EXPECTED.logs([network])[0]
    noise = np.random.default_rng([seed, network.blocks, network.resolution]).normal()
    return Measurement(100 - 40 * math.exp(-0.5 * depth + 0.1 * width) + 0.3 * noise)


def trials(evaluator, seeds: int) -> list[Trial]:
    found = []
    for seed in range(seeds):
        for network in NETWORKS:
            top1 = evaluator(network, 1.0, seed).accuracy
            found.append(Trial(len(found), {}, network, top1, seed=seed))
    return found


def test_measuring_moves_the_belief_to_what_was_seen_and_makes_it_surer() -> None:
    before = belief(EXPECTED, NETWORKS)
    seen = -np.log([60.0, 55.0])
    after = before.given([0, 5], seen, np.array([1e-8, 1e-8]))
    assert after.mean[[0, 5]] == pytest.approx(seen, abs=1e-3)
    assert np.all(np.diag(after.covariance) <= np.diag(before.covariance) + 1e-12)
    assert np.linalg.eigvalsh(after.covariance).min() > -1e-9
    near = int(np.argmax(before.covariance[0, 1:])) + 1
    assert abs(after.mean[near] - seen[0]) < abs(before.mean[near] - seen[0])


def test_measurements_decide_against_the_law() -> None:
    by = judge(GRID, deep, PHIS)
    lawful, told = by.choice([]), by.choice(trials(deep, 3))
    assert by.families[told.pick].coefficients.alpha > by.families[lawful.pick].coefficients.alpha
    assert told.families[told.pick].over > 0.3
    assert told.loss < lawful.loss
    one = [dataclasses.replace(trial, spread=None) for trial in trials(deep, 1)]
    with pytest.raises(UserError, match="--replicates 3"):
        by.choice(one)
    by.choice([dataclasses.replace(trial, spread=0.3) for trial in one])


def test_a_few_replicates_do_not_make_the_noise_small() -> None:
    assert noise_of([[1.0], [1.1]], [None, None]) is None
    assert noise_of([[1.0], [1.1]], [0.02, 0.02]) == pytest.approx(0.02)
    assert noise_of([[1.0, 1.0]], []) == pytest.approx(0.015 * math.sqrt(2 / 3))
    many = [list(row) for row in np.random.default_rng(0).normal(0, 0.05, (200, 3))]
    assert noise_of(many, []) == pytest.approx(0.05, rel=0.1)


class Kept:
    """A store in memory."""

    def append(self, trial, macs):
        assert trial.cost.macs == macs


class Stop(Exception):
    pass


def run(known=(), stop=None, replicates: int = 3, tolerance: float = 0.0) -> Result:
    plan = Plan(QUESTION, "b0", "x:y", replicates, for_phis=PHIS, tolerance=tolerance)
    result = Result(plan, Path(), GRID, deep, list(known), judge(GRID, deep, PHIS))

    def show(trial):
        if len(result.trials) == stop:
            raise Stop

    with contextlib.suppress(Stop):
        evaluate_points(result, Kept(), LocalExecutor(deep), show)
    return result


def told(result: Result) -> list[tuple[int, str, int]]:
    return [(t.number, t.architecture.id, t.seed) for t in result.trials]


def test_further_trainings_go_where_they_change_the_choice_and_stopping_changes_nothing() -> None:
    whole, count = run(), len(NETWORKS)
    assert len(whole.trials) == 3 * count
    assert [t.seed for t in whole.trials[: 2 * count]] == [0] * count + [1] * count
    further = {t.architecture for t in whole.trials[2 * count :]}
    assert 1 < len(further) <= count / 2
    assert further - set(NETWORKS)  # to networks beside the points too, of the same cost
    assert all(QUESTION.meets_window(QUESTION.ratio_of(network)) for network in further)
    for stop in (1, 2 * count, 2 * count + 1, 2 * count + BATCH + 2):
        assert told(run(run(stop=stop).trials)) == told(whole)
    more = run(whole.trials, replicates=4)
    assert told(more)[: len(whole.trials)] == told(whole)
    assert len({(t.architecture, t.seed) for t in more.trials}) == len(more.trials) == 4 * count


def test_networks_beside_the_points_are_judged_ones_that_can_be_measured() -> None:
    memory = cost(family(QUESTION, PAPER, (QUESTION.phi,)).members[0]).memory - 1
    held = dataclasses.replace(QUESTION, memory=memory, window=0.02)
    by = judge(build_grid(held), deep, PHIS)
    assert by.others
    assert all(cost(network).memory <= memory for network in by.others)
    assert all(held.meets_window(held.ratio_of(network)) for network in by.others)
    assert not {*by.others} & {*by.points}

    class Some:
        def __call__(self, network, budget, seed):
            return deep(network, budget, seed)

        def check(self, network):
            if network not in NETWORKS:
                raise OutOfDomain("another one")

    assert judge(GRID, Some(), PHIS).others == ()
    assert judge(GRID, deep, (1.5, 2.0)).others  # also of a phi that nothing is judged at
    # A larger phi's network is no candidate: by it the pick is checked, and that decides nothing.
    question = dataclasses.replace(QUESTION, window=None)
    same = judge(build_grid(question), deep, (1.0, 1.01))
    assert not {*same.others} & {one.members[1] for one in same.families}


def test_a_network_that_fails_is_not_measured_again() -> None:
    seen = trials(deep, 2)
    by = judge(GRID, deep, PHIS)
    best = by.next(seen, 1)[0]
    failed = Trial(99, {}, best, None, error="diverged")
    assert best in by.next(seen, 4)
    assert best not in by.next([*seen, failed], 4)


def test_what_was_measured_in_another_order_counts_as_spent() -> None:
    further = [dataclasses.replace(t, seed=2, number=t.number + 100) for t in trials(deep, 1)]
    known = [*trials(deep, 2), *further]
    assert run(known).trials == known
    assert len(run(known, replicates=4).trials) == 4 * len(NETWORKS)


def test_it_ends_where_the_pick_is_good_enough() -> None:
    few = run(tolerance=50.0)
    assert len(few.trials) == 2 * len(NETWORKS)
    assert due(few).missing(few.trials, []) == []
    assert due(few).enough(few.trials)
    assert not due(run(tolerance=0.0)).enough(few.trials)


def test_a_larger_network_is_measured_to_check_what_is_said_of_it(tmp_path) -> None:
    given = {"evaluator": f"{__name__}:deep", "for_phis": PHIS, "runs": tmp_path, "name": "c"}
    plain = grid_run(Plan(QUESTION, "b0", replicates=2, **given))
    plan = Plan(QUESTION, "b0", replicates=2, check_phi=2.0, **given)
    result = grid_run(plan)
    assert (plain.check, result.new) == (None, 2)
    assert result.coefficients["pick"] == plain.coefficients["pick"]  # it decides nothing
    check = json.loads((tmp_path / "c" / "coefficients.json").read_text())["check"]
    assert check["replicates"] == 2
    assert 0 < check["measured_error"] < check["expected_error"]
    # Depth saturates by the law, and here it never does: that is what the check is for.
    off = check["measured"] - check["expected"]
    assert off > 2 * math.hypot(check["measured_error"], check["expected_error"])
    assert "Checked at phi 2: expected" in reason(result.coefficients)
    again = grid_run(plan)
    assert (again.new, again.check) == (0, check)
    for phi in (9.0, QUESTION.phi):
        with pytest.raises(UserError, match="judged at beyond the grid's own, 2, 3"):
            dataclasses.replace(plan, check_phi=phi)
    with pytest.raises(UserError, match="which measures nothing"):
        Plan(QUESTION, "b0", check_phi=2.0)


def test_measurements_beside_the_points_are_told_and_kept(tmp_path) -> None:
    given = {"evaluator": f"{__name__}:deep", "for_phis": PHIS, "runs": tmp_path, "name": "n"}
    plan = Plan(QUESTION, "b0", tolerance=0.0, **given)
    notes = grid_run(plan).coefficients["notes"]
    went = pd.read_csv(tmp_path / "n" / "trials.csv")["id"]
    others = [one for one in went if one not in {network.id for network in NETWORKS}]
    assert notes[-1].startswith(
        f"{len(others)} of the {len(went)} measurements went to {len(set(others))} networks"
    )
    again = grid_run(plan)
    assert (again.new, again.coefficients["notes"]) == (0, notes)
    assert len(again.frame) == len(NETWORKS)
