"""How long a training search will take: a few steps measured, the rest reckoned."""

import math
import statistics
from collections.abc import Callable
from dataclasses import dataclass

from nas.executors import executor
from nas.plan import Plan
from nas.run import prepare
from search_spaces.cost import cost
from search_spaces.errors import UserError
from search_spaces.quantities import QUANTITIES

SAMPLE = 5  # networks timed
STEPS = 6


@dataclass(frozen=True)
class Forecast:
    """hours: of wall clock, with `workers` at once; low, high: about a 90 % interval.
    gpu_hours: 0 where no GPU is used.   trainings, epochs: in all, with halving and retraining.
    seconds: of one training at the first budget, for each network timed, with its MACs.
    """

    hours: float
    low: float
    high: float
    gpu_hours: float
    trainings: int
    epochs: float
    workers: int
    seconds: tuple[float, ...]
    macs: tuple[int, ...]


def forecast(plan: Plan, decoded: Callable[[int, int], None] | None = None) -> Forecast:
    """Times `STEPS` training and validation steps of `SAMPLE` networks that the search proposes.

    The interval holds the differences between networks, the spread of the steps, and 20 % for
    what a busy machine changes. Raises UserError, RunFailure.
    """
    if plan.proxy is None:
        raise UserError("--dry-run forecasts training: give --data DIR")
    parts = prepare(plan, decoded)
    proposer = plan.proposer(parts.space, parts.strategy)
    jobs = [job for _ in range(SAMPLE) if (job := proposer.ask()) is not None]
    each, noise = [], []
    budgets = plan.budgets
    evaluator = parts.evaluator
    for job in jobs:
        step = evaluator.measure_step_time(job.architecture, STEPS)  # type: ignore[attr-defined]
        train, val = evaluator.images(job.architecture, budgets[0])  # type: ignore[attr-defined]
        each.append(train * step.train + val * step.val)
        noise.append(step.train_spread / step.train)
    counts = [max(1, plan.trials // max(plan.eta, 1) ** rung) for rung in range(len(budgets))]
    growth = [b - a for a, b in zip((0.0, *budgets), budgets, strict=False)]
    epochs = sum(n * more for n, more in zip(counts, growth, strict=True))
    epochs += plan.retrain * plan.retrain_budget
    hands = executor("pool" if plan.executor == "ray" else plan.executor, evaluator, plan.resources)
    workers = plan.resources.workers or hands.width
    hands.close()
    mean = statistics.fmean(each)
    hours = mean * epochs / budgets[0] / workers / 3600
    between = statistics.stdev(each) / mean / math.sqrt(len(each)) if len(each) > 1 else 1.0
    relative = 1.645 * math.hypot(between, statistics.fmean(noise)) + 0.2
    gpu = evaluator.where.startswith("cuda")  # type: ignore[attr-defined]
    share = plan.resources.gpus_per_trial or 1.0
    macs = tuple(cost(job.architecture).macs for job in jobs)
    return Forecast(
        hours, hours / (1 + relative), hours * (1 + relative), hours * workers * share * gpu,
        plan.evaluations, epochs, workers, tuple(each), macs,
    )  # fmt: skip


def duration(hours: float) -> str:
    """`2.1 h`, `12 min` or `40 s`."""
    if hours >= 1:
        return f"{hours:.1f} h"
    return f"{hours * 60:.0f} min" if hours * 60 >= 2 else f"{hours * 3600:.0f} s"


def print_forecast(found: Forecast) -> None:
    """The forecast in three lines."""
    from nas.present import console

    out, macs = console(), QUANTITIES["flops"]
    low, high = duration(found.low), duration(found.high)
    out.print(
        f"{found.trainings} trainings, {found.epochs:g} epochs in all, {found.workers} at once: "
        f"[bold]{duration(found.hours)}[/] ({low} to {high})"
        + (f", {found.gpu_hours:.1f} GPU-hours" if found.gpu_hours else "")
    )
    pairs = zip(found.macs, found.seconds, strict=True)
    listed = ", ".join(f"{macs.format(m)} {s:.1f} s" for m, s in sorted(pairs))
    out.print(f"one training at the first budget, by MACs: {listed}")
    out.print("nothing was trained; leave --dry-run out to begin")
