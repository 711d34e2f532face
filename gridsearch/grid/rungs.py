"""Which measurements of a grid are due: every point with every seed, rung by rung.

Halving is synchronous: the best 1/eta of a rung's points, by the mean of their replicates, go on
with eta times the budget and the same seeds, so that a trainer continues from its checkpoints. A
point left behind may still be the best with a larger budget; how many of them are within their own
error of the last one kept is said with the result (`Rung.close`). With one budget there is one
rung, and what is measured beyond the first replicates goes where it changes the choice
(`gridsearch.grid.rounds`).
"""

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from gridsearch.grid.grid import Question
from gridsearch.grid.plan import Plan, kept
from nas.evaluators import Measurement
from nas.jobs import Job
from results.runs.records import Trial
from search_spaces.architecture import Architecture


@dataclass(frozen=True)
class Estimate:
    """What a point's replicates say.

    Attributes:
        mean: Top-1, percent.
        error: One standard deviation of the mean, points; None where unknown.
        n: Replicates.
    """

    mean: float
    error: float | None
    n: int


def estimate(measurements: Sequence[Measurement]) -> Estimate:
    """The replicates' mean and its error; of a single one the spread that it states."""
    values = [measurement.accuracy for measurement in measurements]
    n = len(values)
    mean = math.fsum(values) / n
    if n == 1:
        return Estimate(mean, measurements[0].spread, n)
    squares = math.fsum((value - mean) ** 2 for value in values)
    return Estimate(mean, math.sqrt(squares / (n - 1) / n), n)


@dataclass(frozen=True)
class Rung:
    """One budget of a grid that was measured whole.

    Attributes:
        budget: Of each measurement.
        points: Positions in the grid, best first.
        estimates: Of these that could be measured, the same order.
        kept: How many went on.
        close: How many of the others are nearer to the last that was kept than one error of their
            difference.
    """

    budget: float
    points: tuple[int, ...]
    estimates: tuple[Estimate, ...]
    kept: int
    close: int


def hold(question: Question, architecture: Architecture) -> None:
    """Holds a network to window and memory: none outside is ever evaluated.

    Raises:
        AssertionError: It is outside.
    """
    ratio = question.ratio_of(architecture)
    if not (question.meets_window(ratio) and question.meets_memory(architecture)):
        raise AssertionError(f"a point of {ratio:.4g} times the MACs is outside the window")


def missing(
    plan: Plan, points: Sequence[Architecture], trials: Sequence[Trial], running: Sequence[Job]
) -> list[Job]:
    """The measurements of the first rung that lacks some, by seed and point.

    A measurement that failed is not made again, nor gone on with.

    Args:
        plan: Its budgets and replicates.
        points: The grid's networks.
        trials: What was measured so far.
        running: What is being measured.

    Returns:
        None at all while that rung waits for its last ones, or where nothing is left.
    """
    known: list[Trial | Job] = [*trials, *running]
    begun = {(each.architecture, each.seed, each.budget) for each in known}
    failed = {(trial.architecture, trial.seed) for trial in trials if trial.error}
    number = 1 + max((each.number for each in known), default=-1)
    alive = list(points)
    for budget in plan.budgets:
        due = [
            (architecture, seed)
            for seed in range(plan.first)
            for architecture in alive
            if (architecture, seed, budget) not in begun and (architecture, seed) not in failed
        ]
        if due:
            return [Job(number + i, {}, *each, budget) for i, each in enumerate(due)]
        if any(job.budget == budget for job in running):
            return []
        means = _means(alive, trials, budget)
        alive = sorted(means, key=lambda each: -means[each])[: kept(len(means), plan.eta or 1)]
    return []


def _measured(trials: Sequence[Trial], budget: float) -> dict[Architecture, list[Measurement]]:
    measured = defaultdict(list)
    for trial in sorted(trials, key=lambda trial: trial.seed):
        if trial.accuracy is not None and trial.budget == budget:
            measured[trial.architecture].append(Measurement(trial.accuracy, trial.spread))
    return measured


def _means(
    points: Sequence[Architecture], trials: Sequence[Trial], budget: float
) -> dict[Architecture, float]:
    """The mean of each point that could be measured, in the grid's order."""
    measured = _measured(trials, budget)
    return {
        network: math.fsum(m.accuracy for m in measured[network]) / len(measured[network])
        for network in points
        if network in measured
    }


def climbed(plan: Plan, points: Sequence[Architecture], trials: Sequence[Trial]) -> list[Rung]:
    """The rungs of a grid that is measured whole, first to last."""
    rungs: list[Rung] = []
    place = {network: i for i, network in enumerate(points)}
    alive = list(points)
    for i, budget in enumerate(plan.budgets):
        measured, means = _measured(trials, budget), _means(alive, trials, budget)
        order = sorted(means, key=lambda network: -means[network])
        estimates = tuple(estimate(measured[network]) for network in order)
        last = i == len(plan.budgets) - 1
        alive = order if last else order[: kept(len(order), plan.eta)]
        close = sum(_near(estimates[len(alive) - 1], one) for one in estimates[len(alive) :])
        places = tuple(place[network] for network in order)
        rungs.append(Rung(budget, places, estimates, len(alive), close))
    return rungs


def _near(kept: Estimate, left: Estimate) -> bool:
    return kept.mean - left.mean <= math.hypot(kept.error or 0.0, left.error or 0.0)


def latest(
    plan: Plan, points: Sequence[Architecture], trials: Sequence[Trial]
) -> list[tuple[Estimate, float] | None]:
    """What was measured of each point with the largest budget.

    Returns:
        By point its estimate and that budget; None where every measurement failed or none was made.
    """
    largest: dict[Architecture, tuple[Estimate, float]] = {}
    for budget in plan.budgets:
        for network, measured in _measured(trials, budget).items():
            largest[network] = (estimate(measured), budget)
    return [largest.get(network) for network in points]
