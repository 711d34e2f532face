"""How long a training search will take: a few steps measured, the rest reckoned."""

import math
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from nas.search.plan import Plan
from nas.search.run import prepare
from nas.workers.executor import Resources, executor, gpus_of_a_trial
from search_spaces.architecture import Architecture
from search_spaces.cost import cost
from search_spaces.errors import UserError

SAMPLE = 5  # networks timed
STEPS = 6


@dataclass(frozen=True)
class Forecast:
    """How long a training search will take.

    Attributes:
        hours: Of wall clock, with `workers` at once; without the seconds in which they start.
        low, high: About a 90 % interval of the hours.
        gpu_hours: 0 where no GPU is used.
        trainings: In all, with halving and retraining.
        epochs: In all, with halving and retraining.
        budget: Epochs of each first training.
        workers: Trainings at once.
        seconds: Of one training at the first budget, for each network timed.
        macs: Of these networks.
    """

    hours: float
    low: float
    high: float
    gpu_hours: float
    trainings: int
    epochs: float
    budget: float
    workers: int
    seconds: tuple[float, ...]
    macs: tuple[int, ...]


@dataclass(frozen=True)
class Work:
    """What is to be trained: epochs in all, `budget` of them in each first training."""

    trainings: int
    epochs: float
    budget: float


def forecast(
    plan: Plan,
    decoded: Callable[[int, int], None] | None = None,
    doing: Callable[[str], None] = lambda text: None,
) -> Forecast:
    """Times `STEPS` training and validation steps of `SAMPLE` networks that the search proposes.

    The interval holds the differences between networks, the spread of the steps, and 20 % for what
    a busy machine changes.

    Args:
        plan: Of a training search.
        decoded: Called with how many images are decoded, and of how many.
        doing: Told what is done.

    Raises:
        UserError: The plan trains nothing, or as `prepare`.
        RunFailure: As `prepare`.
    """
    if plan.proxy is None:
        raise UserError("a forecast is of training: give --data DIR")
    parts = prepare(plan, decoded)
    proposer = plan.proposer(parts.space, parts.strategy)
    jobs = [job for _ in range(SAMPLE) if (job := proposer.ask()) is not None]
    budgets = plan.budgets
    counts = [max(1, plan.trials // max(plan.eta, 1) ** rung) for rung in range(len(budgets))]
    epochs = epochs_of(counts, budgets) + plan.retrain * plan.retrain_budget
    work = Work(plan.evaluations, epochs, budgets[0])
    networks = [job.architecture for job in jobs]
    return reckon(parts.evaluator, networks, work, plan.executor, plan.resources, doing)


def epochs_of(counts: Sequence[int], budgets: Sequence[float]) -> float:
    """Epochs in all, of `counts` trainings at each rung that go on from the rung before."""
    growth = [b - a for a, b in zip((0.0, *budgets), budgets, strict=False)]
    return sum(n * more for n, more in zip(counts, growth, strict=True))


def reckon(
    evaluator: Any,
    networks: Sequence[Architecture],
    work: Work,
    kind: str,
    resources: Resources,
    doing: Callable[[str], None] = lambda text: None,
) -> Forecast:
    """Times some steps of the networks, and reckons with the work.

    Args:
        evaluator: The training one; what it raises is raised.
        networks: Timed one after the other.
        work: What is to be trained.
        kind: The executor's name.
        resources: The executor's.
        doing: Told what is done.
    """
    each, noise = [], []
    for place, network in enumerate(networks, 1):
        doing(f"calibrating: timing network {place} of {len(networks)}")
        step = evaluator.measure_step_time(network, STEPS)
        train, val = evaluator.images(network, work.budget)
        each.append(train * step.train + val * step.val)
        noise.append(step.train_spread / step.train)
    kind = "pool" if kind == "ray" else kind
    hands = executor(kind, evaluator, Resources(resources.workers))
    workers = hands.width
    hands.close()
    mean = statistics.fmean(each)
    hours = mean * work.epochs / work.budget / workers / 3600
    between = statistics.stdev(each) / mean / math.sqrt(len(each)) if len(each) > 1 else 1.0
    relative = 1.645 * math.hypot(between, statistics.fmean(noise)) + 0.2
    gpus = workers * gpus_of_a_trial(evaluator, resources, workers)
    macs = tuple(cost(network).macs for network in networks)
    return Forecast(
        hours, hours / (1 + relative), hours * (1 + relative), hours * gpus,
        work.trainings, work.epochs, work.budget, workers, tuple(each), macs,
    )  # fmt: skip


def duration(hours: float) -> str:
    """`2.1 h`, `12 min` or `40 s`."""
    if hours >= 1:
        return f"{hours:.1f} h"
    return f"{hours * 60:.0f} min" if hours * 60 >= 2 else f"{hours * 3600:.0f} s"
