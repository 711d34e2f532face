"""Which coefficients to take: those whose family is expected best at real budgets.

A family's value is the mean of its networks' expected top-1 over the budgets that it is for. What a
network leaves of its budget is worth what the law's slope says, so that families are compared at
equal MACs. "Can't be told apart" is never a reason to take what looks worse: doubt is shown beside
the pick (expected loss, probability of being the best), and decides nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gridsearch.grid.belief import Belief

DRAWS = 4000
EQUAL = 0.005  # points below the paper's that count as none: two digits don't show them
OUTCOMES = np.linspace(-2.4, 2.4, 25)  # of one more training, in standard deviations

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Judged:
    """What is expected of a family.

    Attributes:
        value: Mean expected top-1 over its phis at their whole budgets, percent.
        by_phi: The same of each.
        over: Above the paper's family, points.
        spread: One standard deviation of `over`.
        loss: What taking it is expected to lose against the best that can be taken, points; None
            of one that can't.
        best: Probability that it is the best of these; None of one that can't be taken.
    """

    value: float
    by_phi: tuple[float, ...]
    over: float
    spread: float
    loss: float | None
    best: float | None


@dataclass(frozen=True)
class Choice:
    """Which family was taken, and how sure that is.

    Attributes:
        families: What was judged, by family.
        pick: The one taken.
        paper: The paper's.
        highest: The one of highest value of those that can be taken.
        behind: Phis at which the highest is expected below the paper's; where there are, it is the
            pick of measured families alone.
    """

    families: tuple[Judged, ...]
    pick: int
    paper: int
    highest: int
    behind: tuple[float, ...]

    @property
    def loss(self) -> float:
        """What the pick is expected to lose, points."""
        loss = self.families[self.pick].loss
        assert loss is not None
        return loss


@dataclass(frozen=True, eq=False)
class Values:
    """The families' values as a Gaussian vector.

    Attributes:
        by_phi: (families, phis) expected top-1 at the whole budgets.
        weights: (families, networks) how a value follows -log error.
    """

    by_phi: Floats
    weights: Floats


def values(belief: Belief, ratios: Floats, paper: int, slopes: Floats) -> Values:
    """Values of families whose members are the first networks of a belief, family by family.

    Args:
        belief: Of families * phis networks, and perhaps more.
        ratios: (families, phis) MACs / 2**phi times the baseline's.
        paper: Place of the paper's family.
        slopes: (phis,) what log MACs save of log error.
    """
    count, each = ratios.shape
    errors = belief.errors[: count * each].reshape(count, each)
    by_phi = 100 - errors - (errors[paper] * slopes)[None] * np.log(ratios)
    weights = np.zeros((count, len(belief.mean)))
    for i in range(count):
        weights[i, i * each : (i + 1) * each] = errors[i] / each
    return Values(by_phi, weights)


def choose(
    belief: Belief,
    ratios: Floats,
    slopes: Floats,
    phis: Sequence[float],
    paper: int = 0,
    guard: bool = True,
    strict: bool = True,
) -> Choice:
    """The family of highest expected value; of those never expected below the paper's if `strict`.

    Args:
        belief: As in `values`.
        ratios: As in `values`.
        slopes: As in `values`.
        phis: Of the members.
        paper: As in `values`.
        guard: The paper's can be taken; False where it
            can't, since it needs too much memory. Then there have to be others.
        strict: Whether what is expected below the paper's at one budget can't be taken. Where
            families are measured their noise would decide that.
    """
    found = values(belief, ratios, paper, slopes)
    mean = found.by_phi.mean(1)
    covariance = found.weights @ belief.covariance @ found.weights.T
    ahead = found.by_phi - found.by_phi[paper] >= -EQUAL
    able = (np.arange(len(mean)) != paper) | guard
    highest = int(np.argmax(np.where(able, mean, -np.inf)))
    held = ahead.all(1) | (not guard) | (not strict)
    pick = int(np.argmax(np.where(able & held, mean, -np.inf)))
    draws = np.where(able, drawn(mean, covariance), -np.inf)
    top = draws.max(1)
    best = np.bincount(draws.argmax(1), minlength=len(mean)) / len(draws)
    variance = np.diag(covariance) + covariance[paper, paper] - 2 * covariance[paper]
    spread = np.sqrt(np.maximum(0, variance))
    judged = tuple(
        Judged(
            float(mean[i]),
            tuple(map(float, found.by_phi[i])),
            float(mean[i] - mean[paper]),
            float(spread[i]),
            float(top.mean() - draws[:, i].mean()) if able[i] else None,
            float(best[i]) if able[i] else None,
        )
        for i in range(len(mean))
    )
    behind = tuple(phi for phi, ok in zip(phis, ahead[highest], strict=True) if guard and not ok)
    return Choice(judged, pick, paper, highest, behind)


def telling(
    found: Values, covariance: Floats, first: int, noise: float, fails: Floats, count: int
) -> list[int]:
    """The networks whose measurement is expected to raise the highest expected value most.

    Each is chosen as if those before it had been measured (Frazier et al. 2009's knowledge
    gradient).

    Args:
        found: Of the families that can be taken.
        covariance: Of all networks.
        first: Place of the first that can be measured; they are the last ones.
        noise: A measurement's standard deviation, in log error.
        fails: Which of them can't be measured after all.
        count: Of measurements.

    Returns:
        Places among those that can be measured; one may come more than once.
    """
    mean, chosen = found.by_phi.mean(1), []
    own = covariance[first:, first:]
    crossed = found.weights @ covariance[:, first:]
    for _ in range(count):
        deviations = np.sqrt(np.diag(own) + noise**2)
        moved = crossed / deviations
        highest = [(mean[:, None] + moved * outcome).max(0) for outcome in OUTCOMES]
        gain = np.exp(-(OUTCOMES**2) / 2) @ np.array(highest)
        i = int(np.argmax(np.where(fails, -np.inf, gain)))
        chosen.append(i)
        crossed = crossed - np.outer(crossed[:, i], own[i]) / deviations[i] ** 2
        own = own - np.outer(own[:, i], own[i]) / deviations[i] ** 2
    return chosen


def drawn(mean: Floats, covariance: Floats) -> Floats:
    """(DRAWS, n) draws of a Gaussian vector, always the same."""
    scales, axes = np.linalg.eigh(covariance)
    root = axes * np.sqrt(np.maximum(0, scales))
    normal = np.random.default_rng(0).standard_normal((DRAWS, len(mean)))
    return np.asarray(mean + normal @ root.T)
