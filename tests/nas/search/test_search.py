"""Ask and tell: limits, repeats, seeds, continuing, failing."""

import contextlib
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
MEDIUM = table_space(
    "medium",
    [
        {
            "op": ["mbconv3", "mbconv6", "fused3"],
            "channels": [width, 2 * width, 3 * width],
            "repeats": [1, 2, 3],
            "kernel": [3, 5],
            "stride": 2,
        }
        for width in (16, 32, 48)
    ],
    {"resolution": [96, 128]},
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


class Killed(BaseException):
    """The driver's end."""


class Hands(LocalExecutor):
    """Evaluates so many jobs, and then the driver is killed."""

    def __init__(self, most):
        super().__init__(accuracy)
        self.most = most

    def next(self):
        if self.most == 0:
            raise Killed
        self.most -= 1
        return super().next()


def search(
    n, strategy="random", seed=0, known=(), where=EFFICIENTNET, target=400e6, limits=(), most=-1
):
    made = Search(where, Objective("hard", target), STRATEGIES[strategy], limits, seed, known, n)
    trials = list(known)
    with contextlib.suppress(Killed):
        drive(made, Hands(most), Memory(), trials)
    return trials, made.stopped


def said(trials):
    return [(t.number, t.architecture.id, t.accuracy, t.seed) for t in trials]


DEAR = dict.fromkeys(("predictor", "predictor-front"), pytest.mark.slow)


@pytest.mark.parametrize(
    "strategy", [pytest.param(name, marks=DEAR.get(name, ())) for name in STRATEGIES]
)
def test_one_seed_one_result_wherever_it_was_cut_off_and_nothing_twice(strategy):
    """A continued search is followed for 30 trials, past the next generation and the next fit."""
    n = LENGTHS.get(strategy, 90)
    how = {"where": MEDIUM, "target": 120e6}
    whole, _ = search(n, strategy, **how)
    assert len({trial.architecture for trial in whole}) == len(whole) == n
    assert said(search(n, strategy, most=30, seed=4, **how)[0]) != said(whole)[:30]
    for stop, most in ((0, n), (1, 30), (n // 3, 30), (n // 2, 30), (n // 2 + 1, 30), (n - 10, 10)):
        continued, _ = search(n, strategy, known=whole[:stop], most=most, **how)
        assert len(continued) == min(n, stop + most)
        assert said(continued) == said(whole)[: len(continued)]


@settings(max_examples=9, deadline=None)
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
    trials, _ = search(20, strategy, where=where, target=target, limits=limits)
    every = (Limit("flops", target), *limits)
    assert trials
    assert not any(broken(trial.architecture, every) for trial in trials)


def test_a_target_just_above_the_smallest_network_is_searched():
    trials, _ = search(25, where=EFFICIENTNET, target=53e6)
    assert len(trials) == 25
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


@pytest.mark.slow
def test_evolution_beats_random_search():
    best = {
        name: [
            Objective("hard", 120e6).pick(search(300, name, seed, (), MEDIUM, 120e6)[0]).accuracy
            for seed in (0, 1)
        ]
        for name in ("random", "evolution")
    }
    assert min(best["evolution"]) > max(best["random"])
