"""Ask and tell: limits, repeats, seeds, continuing, failing."""

import itertools
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nas.evaluators import Measurement, Outcome, evaluate
from nas.objective import Limit, Objective, broken, feasible_values
from nas.search.ask import Search
from nas.search.drive import FAILURES, drive
from nas.strategies.registry import STRATEGIES
from nas.workers.executor import LocalExecutor
from search_spaces import (
    Architecture,
    RunFailure,
    Space,
    Stage,
    UserError,
    cost,
    space,
    table_space,
)
from search_spaces.quantities import QUANTITIES

EFFICIENTNET = space("efficientnet")
# Past two generations; learners are slower, and those with an inner search slower still.
LENGTHS = {"evolution": 230, "nsga2": 230, "predictor": 60, "predictor-front": 60}
SMALL = table_space(
    "small",
    [
        {"channels": [8, 16], "stride": 2, "kernel": [3, 5]},
        {"channels": [16, 24], "repeats": [1, 2]},
    ],
    {"resolution": 32},
)


def accuracy(architecture, budget, seed):
    """A smooth function of the architecture that no limit is aligned with."""
    whole = cost(architecture)
    depth = sum(stage.repeats for stage in architecture.stages)
    return Measurement(50 + depth + 10 * whole.params / (whole.params + whole.macs), 0.5)


class Memory:
    """A store in memory."""

    def __init__(self):
        self.kept = []

    def append(self, trial, cost):
        self.kept.append(trial)


def search(n, strategy="random", seed=0, known=(), where=EFFICIENTNET, target=400e6, limits=()):
    made = Search(where, Objective("hard", target), STRATEGIES[strategy], limits, seed, known, n)
    trials = list(known)
    drive(made, LocalExecutor(accuracy), Memory(), trials)
    return trials, made.stopped


def said(trials):
    return [(t.number, t.architecture.id, t.accuracy, t.seed) for t in trials]


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_search_continued_anywhere_equals_an_uninterrupted_one(strategy):
    n = LENGTHS.get(strategy, 90)
    whole, _ = search(n, strategy)
    for stop in (1, n // 3, n // 2, n // 2 + 1, n - 10):
        continued, _ = search(n, strategy, known=whole[:stop])
        assert said(continued) == said(whole)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_one_seed_one_result_and_nothing_twice(strategy):
    n = min(150, LENGTHS.get(strategy, 90))
    first, _ = search(n, strategy, seed=3)
    assert said(first) == said(search(n, strategy, seed=3)[0])
    assert said(first) != said(search(n, strategy, seed=4)[0])
    assert len({trial.architecture for trial in first}) == n


@settings(max_examples=15, deadline=None)
@given(
    name=st.sampled_from(["efficientnet", "efficientnet-wide", "mnasnet"]),
    flops=st.floats(0.0, 1.0),
    memory=st.floats(0.0, 1.0),
    strategy=st.sampled_from(["random", "evolution", "nsga2"]),
)
def test_no_limit_is_ever_broken(name, flops, memory, strategy):
    """Targets from the smallest network up: tight ones leave a vanishing share of the space."""
    where = space(name)
    rng = random.Random(1)
    a, b = (where.build(where.sample(rng)) for _ in range(2))
    smallest = where.build(feasible_values(where, [Limit("flops", 1e12)]))
    least = {
        q: min(measure(one) for one in (a, b, smallest))
        for q, measure in ((q, QUANTITIES[q].measure) for q in ("flops", "memory"))
    }
    target = least["flops"] * (1 + flops)
    limits = (Limit("memory", least["memory"] * (1 + memory)),)
    try:
        feasible_values(where, (Limit("flops", target), *limits))
    except UserError:
        return
    trials, _ = search(40, strategy, where=where, target=target, limits=limits)
    every = (Limit("flops", target), *limits)
    assert trials
    assert not any(broken(trial.architecture, every) for trial in trials)


def test_a_target_just_above_the_smallest_network_is_searched():
    trials, _ = search(50, where=EFFICIENTNET, target=53e6)
    assert len(trials) == 50
    assert all(trial.cost.macs <= 53e6 for trial in trials)


def test_a_small_space_is_exhausted_with_its_reason():
    trials, why = search(100, where=SMALL, target=1e9)
    every = list(itertools.product(*SMALL.choices.values()))
    assert len(trials) == len(every) == 16
    assert "already evaluated" in why


def test_impossible_limits_name_the_nearest():
    with pytest.raises(UserError, match=r"MACs <= 40M: the smallest has 51\.59M \(51594768\)"):
        search(1, target=40e6)
    with pytest.raises(UserError, match=r"params <= 1\.7M: the smallest has 1\.798M"):
        search(1, limits=(Limit("params", 1.7e6),))

    def either(values):  # few MACs or few parameters
        wide = values["wide"]
        stage = Stage("conv", 512 if wide else 8, stride=8)
        return Architecture((stage,), head=0, resolution=32 if wide else 224)

    where = Space("either", {"wide": (0, 1), "unused": (0, 1)}, either)
    narrow, wide = (cost(either({"wide": w})) for w in (0, 1))
    assert narrow.params < wide.params
    assert narrow.macs > wide.macs
    offers = (
        rf"with the others kept, of MACs the smallest has \S+ \({narrow.macs}\); "
        rf"or of params the smallest has \S+ \({wide.params}\)"
    )
    with pytest.raises(UserError, match=offers):
        search(1, where=where, target=wide.macs, limits=(Limit("params", narrow.params),))


def test_failures_are_kept_and_do_not_end_a_run():
    def sometimes(architecture, budget, seed):
        if architecture.stages[0].kernel == 3:
            raise ValueError("no threes")
        return 50.0

    made = Search(EFFICIENTNET, Objective("hard", 4e8), STRATEGIES["evolution"], seed=1, wanted=60)
    trials, store = [], Memory()
    drive(made, LocalExecutor(sometimes), store, trials)
    failed = [trial for trial in trials if trial.error]
    assert len(trials) == 60
    assert 5 < len(failed) < 55
    assert all(trial.error == "ValueError: no threes" for trial in failed)
    assert store.kept == trials


def test_a_run_whose_every_trial_fails_stops_with_the_reason():
    def never(architecture, budget, seed):
        raise OSError("no camera")

    trials = []
    made = Search(EFFICIENTNET, Objective("hard", 4e8), STRATEGIES["random"])
    with pytest.raises(RunFailure, match="OSError: no camera"):
        drive(made, LocalExecutor(never), Memory(), trials)
    assert len(trials) == FAILURES


@pytest.mark.parametrize("said", [float("nan"), -5.0, Measurement(50.0, float("nan"))])
def test_a_number_that_is_no_accuracy_is_a_failure(said):
    outcome = evaluate(lambda a, b, s: said, EFFICIENTNET, 1.0, 0)
    assert outcome.measurement is None
    assert "expected percent" in outcome.error


def test_a_job_is_told_once():
    made = Search(EFFICIENTNET, Objective("hard", 4e8), STRATEGIES["random"])
    job = made.ask()
    made.tell(job, Outcome(Measurement(50.0), None, 0.0))
    with pytest.raises(UserError, match="job 0"):
        made.tell(job, Outcome(Measurement(50.0), None, 0.0))


def test_evolution_beats_random_search():
    best = {
        name: [Objective("hard", 4e8).pick(search(400, name, seed)[0]).accuracy for seed in (0, 1)]
        for name in ("random", "evolution")
    }
    assert min(best["evolution"]) > max(best["random"])
