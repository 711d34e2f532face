"""Promotion with several objectives, and retraining the best."""

import contextlib
import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nas.evaluators import Measurement
from nas.objective import Objective
from nas.search.ask import Search
from nas.search.drive import drive
from nas.search.execution import rungs
from nas.search.halving import Halving, by_front
from nas.search.retrain import Retrain, agreement, comparable
from nas.strategies.registry import STRATEGIES
from nas.workers.executor import LocalExecutor
from results.runs.records import Trial
from search_spaces import NETWORKS, UserError, cost, space

T = Objective("hard", 4e8)


def learns(architecture, budget, seed):
    """More budget is more accuracy; the order of networks stays."""
    return Measurement(50 + cost(architecture).params / 1e6 + budget)


class Memory:
    def append(self, trial, cost):
        pass


def run(known=(), wanted=27, stop=None, count=0, ranking="reward"):
    first = [trial for trial in known if trial.budget == 1]
    base = Search(space("efficientnet"), T, STRATEGIES["evolution"], (), 5, first, wanted, 1.0)
    search = Halving(base, (1.0, 3.0, 9.0), 3, ranking, [t for t in known if t.budget < 20])
    if count:
        search = Retrain(search, count, 20.0, 9.0, 5, known)
    trials = list(known)

    class Stop(Exception):
        pass

    def show(trial):
        if len(trials) == stop:
            raise Stop

    with contextlib.suppress(Stop):
        drive(search, LocalExecutor(learns), Memory(), trials, show)
    return trials


def said(trials):
    return [(t.number, t.architecture.id, t.budget, t.accuracy, t.seed) for t in trials]


@pytest.mark.parametrize("ranking", ["reward", "front"])
def test_a_third_rises_and_it_is_the_best_third(ranking):
    trials = run(ranking=ranking)
    rung = {b: [t for t in trials if t.budget == b] for b in (1.0, 3.0, 9.0)}
    assert len(rung[1.0]) == 27
    assert len(rung[3.0]) >= 9
    assert len(rung[9.0]) >= len(rung[3.0]) // 3
    if ranking == "reward":  # early promotions can be wrong (ASHA, sec. 3.2), but few are
        assert len(rung[3.0]) <= 13
        assert len(rung[9.0]) <= 6
    assert len({t.number for t in trials}) == len(trials)
    for lower, upper in ((1.0, 3.0), (3.0, 9.0)):
        assert {t.architecture for t in rung[upper]} <= {t.architecture for t in rung[lower]}
    if ranking == "reward":
        best = sorted(rung[1.0], key=T.of)[-9:]
        assert {t.architecture for t in best} <= {t.architecture for t in rung[3.0]}
    seeds = {t.architecture: t.seed for t in rung[1.0]}
    assert all(t.seed == seeds[t.architecture] for t in trials)  # its checkpoint is found again


def test_continued_anywhere_it_equals_an_uninterrupted_run():
    whole = run(count=3)
    assert [t.budget for t in whole[-3:]] == [20.0] * 3
    for stop in (1, 2, 9, 17, 30, len(whole) - 1):
        assert said(run(known=run(stop=stop, count=3), count=3)) == said(whole)


def test_the_retrained_are_the_best_of_the_longest_budget_and_decide():
    trials = run(count=3)
    longest = [t for t in trials if t.budget == 9]
    best = sorted(longest, key=T.of)[-3:]
    retrained = [t for t in trials if t.budget == 20]
    assert {t.architecture for t in retrained} == {t.architecture for t in best}
    assert comparable(trials) == retrained
    assert not {t.seed for t in retrained} & {t.seed for t in longest}
    pairs, tau = agreement(trials, 20.0)
    assert len(pairs) == 3
    assert tau == pytest.approx(1.0)
    assert math.isnan(agreement(trials[:5], 20.0)[1])


def test_failures_never_rise():
    def fails(architecture, budget, seed):
        raise ValueError("no")

    base = Search(space("efficientnet"), T, STRATEGIES["random"], wanted=9)
    search, trials = Halving(base, (1.0, 3.0), 3), []
    for _ in range(9):
        job = search.ask()
        trials.append(search.tell(job, outcome_of(fails, job)))
    assert search.ask() is None


def outcome_of(evaluator, job):
    executor = LocalExecutor(evaluator)
    executor.submit(job)
    return executor.next()[1]


@given(st.floats(1, 1000), st.integers(2, 10))
def test_rungs_are_eta_apart(largest, eta):
    found = rungs(largest, eta)
    assert found[-1] == largest
    assert 1 <= found[0] < eta * (1 + 1e-9)
    assert all(b / a == pytest.approx(eta) for a, b in itertools.pairwise(found))


def test_rungs_and_retraining_refuse_nonsense():
    for arguments in ((1, 1), (1, 3, 2), (1, 3, 0), (1, 3, float("nan"))):
        with pytest.raises(UserError, match="expected an eta of 2 or more"):
            rungs(*arguments)
    with pytest.raises(UserError, match="more than"):
        Retrain(None, 3, 4.0, 4.0, 0)


def test_front_ranking_is_non_dominated_sorting():
    names = ("mnasnet_small", "mnasnet_a1", "mnasnet_b1", "efficientnet_b0")  # MACs ascending
    accuracy = (60.0, 75.0, 74.0, 77.0)
    trials = [
        Trial(i, {}, NETWORKS[name], accuracy=a)
        for i, (name, a) in enumerate(zip(names, accuracy, strict=True))
    ]
    assert [t.number for t in by_front(trials, T)] == [3, 1, 0, 2]
