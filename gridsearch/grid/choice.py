"""Which point of a grid to take, when what was measured is noisy.

Not the highest number: the points that can't be told from it are as good, and of these the
cheapest is taken.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from nas.evaluators import Measurement
from search_spaces.errors import UserError

LEVEL = 0.05  # of the one-sided test against the best
SAME_COST = 0.01  # MACs this near, relative, count as equal
CONFIDENCE = 0.95  # of the intervals


@dataclass(frozen=True)
class Estimate:
    """What a point's replicates say.

    Attributes:
        mean: Top-1, percent.
        deviation: Of one replicate, points; None where unknown.
        half: Half the width of the mean's 95 % confidence interval; None where unknown.
        n: Replicates.
    """

    mean: float
    deviation: float | None
    half: float | None
    n: int


@dataclass(frozen=True)
class Choice:
    """Which point was taken, and why.

    Attributes:
        best: The point of highest mean.
        tied: Points that can't be told from it, itself first.
        pick: The cheapest of these.
        method: How they were compared.
    """

    best: int
    tied: tuple[int, ...]
    pick: int
    method: str


def t_quantile(probability: float, freedom: float) -> float:
    """Student's t."""
    from scipy.special import stdtrit

    return float(stdtrit(freedom, probability))


def estimate(measurements: Sequence[Measurement]) -> Estimate:
    """Mean and t interval of the replicates; of a single one with the spread that it states."""
    values = [measurement.accuracy for measurement in measurements]
    n = len(values)
    mean = math.fsum(values) / n
    stated = [measurement.spread for measurement in measurements if measurement.spread is not None]
    if n == 1:
        deviation = stated[0] if stated else None
        half = None if deviation is None else t_quantile(0.5 + CONFIDENCE / 2, 1e9) * deviation
        return Estimate(mean, deviation, half, n)
    deviation = math.sqrt(math.fsum((v - mean) ** 2 for v in values) / (n - 1))
    half = t_quantile(0.5 + CONFIDENCE / 2, n - 1) * deviation / math.sqrt(n)
    return Estimate(mean, deviation, half, n)


def choose(
    estimates: Sequence[Estimate],
    costs: Sequence[tuple[float, ...]],
    difference_error: Callable[[int, int], float] | None = None,
    level: float = LEVEL,
) -> Choice:
    """The cheapest point that can't be told from the best.

    With replicates, a one-sided t test on the variance pooled over all points, Bonferroni's
    correction for comparing each with the best (Hsu 1984's multiple comparisons with the best,
    conservatively). With single measurements that state their spread, their joint spread.

    Args:
        estimates: By point, at least one.
        costs: By point what is to be small, most important first, as (MACs, params); of points
            within 1 % of the fewest MACs the one with the fewest params is taken.
        difference_error: Standard error of the difference between two points, where the evaluator
            knows it (the prior does); a point is told from the best by a one-sided test then.
        level: Of the tests.

    Raises:
        UserError: Single measurements without a spread leave nothing to test with.
    """
    best = max(range(len(estimates)), key=lambda i: estimates[i].mean)
    if len(estimates) == 1:
        return Choice(0, (0,), 0, "one point, nothing to compare")
    tied, method = not_worse(estimates, best, difference_error, level)
    tied.sort(key=lambda i: (i != best, -estimates[i].mean))
    least = min(costs[i][0] for i in tied)
    cheap = [i for i in tied if costs[i][0] <= (1 + SAME_COST) * least]
    pick = min(cheap, key=lambda i: (*costs[i][1:], costs[i][0], -estimates[i].mean))
    return Choice(best, tuple(tied), pick, method)


def not_worse(
    estimates: Sequence[Estimate],
    reference: int,
    difference_error: Callable[[int, int], float] | None,
    level: float,
) -> tuple[list[int], str]:
    """The points that can't be told to be worse than a reference.

    Args:
        estimates: By point.
        reference: A point.
        difference_error: As in `choose`.
        level: Of the tests.

    Returns:
        The points, the reference among them, and how they were compared.

    Raises:
        UserError: As `choose`.
    """
    error, quantile, method = _test(estimates, difference_error, level)
    mean = estimates[reference].mean
    return [
        i
        for i in range(len(estimates))
        if i == reference or mean - estimates[i].mean <= quantile * error(reference, i)
    ], method


def _test(
    estimates: Sequence[Estimate],
    difference_error: Callable[[int, int], float] | None,
    level: float,
) -> tuple[Callable[[int, int], float], float, str]:
    """(standard error of a difference, quantile, description)."""
    if difference_error is not None:
        return (
            difference_error,
            t_quantile(1 - level, 1e9),
            f"one-sided test at {level:g} on the prior's held-out error of differences",
        )
    freedom = sum(e.n - 1 for e in estimates)
    if freedom:
        squares = sum((e.n - 1) * (e.deviation or 0.0) ** 2 for e in estimates)
        pooled = math.sqrt(squares / freedom)
        return (
            lambda i, j: pooled * math.sqrt(1 / estimates[i].n + 1 / estimates[j].n),
            t_quantile(1 - level / (len(estimates) - 1), freedom),
            f"one-sided t test at {level:g} against the best, pooled deviation {pooled:.3g} points "
            f"of {freedom} degrees of freedom, Bonferroni",
        )
    if any(e.deviation is None for e in estimates):
        raise UserError(
            "each point was measured once and the evaluator states no spread, so that no point "
            "can be told from another: ask for --replicates 3 (the measurements are kept)"
        )
    return (
        lambda i, j: math.hypot(estimates[i].deviation or 0.0, estimates[j].deviation or 0.0),
        t_quantile(1 - level / (len(estimates) - 1), 1e9),
        f"one-sided test at {level:g} against the best on the spreads that the evaluator states, "
        "Bonferroni",
    )
