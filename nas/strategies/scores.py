"""What is maximized on a predicted accuracy: the reward, or the hypervolume that it would add.

And of which trials accuracies are predicted.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from optuna.study import StudyDirection

from nas.imagenet.process import spaced
from nas.objective import Objective
from nas.strategies.codes import Codes, Floats
from results.runs.front import front

Rows = NDArray[np.intp]
GAP = 0.25  # the ceiling lies this share of the values' range above the best
USUAL = 20  # so many first values, which fill the space, say what is usual
MODELLED, RECENT = 500, 100  # trials at most of which a model is made; of these always the newest
STRIPS = 20  # of costs, of each of which the best are kept
NEAR, PULL = 8.0, 4.0  # how fast a failure's weight falls with the share of other options; prior
DEPTH = 6.0  # a training failed if it lies so many steps below usual; a step is best - usual


@dataclass(frozen=True)
class Warp:
    """How values are seen by a model: -log(ceiling - value), standardised.

    The last points are the dearest then, and networks that hardly trained weigh less. Values more
    than DEPTH steps below the usual, trainings that failed, are drawn near by a logarithm, so that
    they don't set the scale of all others.

    Attributes:
        ceiling: What no value reaches; None leaves the logarithm out.
        usual: The median of the first values.
        step: How far the best is above it; infinite where no value is drawn near.
        shift: The mean of the warped values that it was made of.
        scale: Their standard deviation.
    """

    ceiling: float | None
    usual: float
    step: float
    shift: float = 0.0
    scale: float = 1.0

    @classmethod
    def of(cls, values: Floats, log: bool = True) -> "Warp":
        """The warp of values (n,); `log`: whether with a ceiling."""
        top, usual = float(values.max()), float(np.median(values[:USUAL]))
        step = top - usual if log and top > usual else np.inf
        low = float(np.quantile(values, 0.1))
        low = max(low, usual - DEPTH * step)
        ceiling = top + GAP * max(top - low, 1e-6) + 1e-9 if log else None
        warped = cls(ceiling, usual, step)(values)
        mean, spread = float(warped.mean()), max(float(warped.std()), 1e-9)
        return cls(ceiling, usual, step, mean, spread)

    def failed(self, values: Floats) -> NDArray[np.bool_]:
        """Which of the values (n,) are of trainings that failed; none where most would be."""
        below = values < self.usual - DEPTH * self.step
        return below if below.mean() < 0.5 else np.zeros_like(below)

    def __call__(self, values: Floats) -> Floats:
        """The warped values (n,)."""
        below = (self.usual - values) / self.step - DEPTH
        if (below > 0).any():
            near = self.usual - self.step * (DEPTH + np.log1p(np.maximum(below, 0.0)))
            values = np.where(below > 0, near, values)
        warped = values if self.ceiling is None else -np.log(self.ceiling - values)
        return np.asarray((warped - self.shift) / self.scale)

    def back(self, warped: Floats) -> Floats:
        """The inverse: values (n,) of warped ones."""
        plain = warped * self.scale + self.shift
        if self.ceiling is None:
            return np.asarray(plain)
        values = self.ceiling - np.exp(np.clip(-plain, -50.0, 50.0))
        below = (self.usual - values) / self.step - DEPTH
        if (below > 0).any():
            far = self.usual - self.step * (DEPTH + np.expm1(np.clip(below, 0.0, 50.0)))
            values = np.where(below > 0, far, values)
        return np.asarray(values)


def factors(objective: Objective, cost: Floats) -> Floats:
    """The rewards (n,) of an accuracy of 1: the reward is linear in the accuracy."""
    return objective.reward(np.ones(len(cost)), cost)


def hypervolume_score(
    accuracy: Floats, cost: Floats, largest: float
) -> Callable[[Floats, Floats], Floats]:
    """How much networks would add to the front of those so far.

    Args:
        accuracy: (n,) of the networks so far; the worst of them bounds the area.
        cost: (n,) theirs.
        largest: The cost that bounds the area.

    Returns:
        A function (accuracy (m,), cost (m,)) -> (m,) the area that each would add to what is
        dominated; where it adds none, a small number that falls with the distance to the front.
    """
    on_front = front(accuracy, cost)
    floor = float(accuracy.min())
    levels = np.r_[floor, accuracy[on_front]]
    cuts = np.r_[0.0, cost[on_front], max(largest, float(cost.max()) * (1 + 1e-9))]
    small = 1e-3 * (cuts[-1] - cost.min()) if len(cost) else 1.0

    def added(a: Floats, c: Floats) -> Floats:
        widths = np.maximum(cuts[1:] - np.maximum(cuts[:-1], c[:, None]), 0.0)
        gains = np.maximum(a[:, None] - levels, 0.0)
        level = levels[np.searchsorted(cuts[1:-1], c, side="right")]
        return np.asarray((widths * gains).sum(1) + small * np.minimum(a - level, 0.0))

    return added


class Chances:
    """How probable it is that a training fails: of those near by, drawn to the share of all.

    Args:
        codes: (n, choices) of finished trainings.
        failed: (n,) whether they failed.
    """

    def __init__(self, codes: Codes, failed: NDArray[np.bool_]) -> None:
        self._codes, self._failed = codes, failed.astype(float)
        self._share = (failed.sum() + 0.5) / (len(failed) + 1.0)

    def __call__(self, codes: Codes) -> Floats:
        """The probabilities (m,) of networks (m, choices)."""
        apart = (codes[:, None, :] != self._codes[None]).mean(2)
        near = np.exp(-NEAR * apart)
        return np.asarray((near @ self._failed + PULL * self._share) / (near.sum(1) + PULL))


class Modelled:
    """Which trials a model is made of: all while they are few, so that it takes no longer later.

    Of many half are the best and half spread over the rest in time; the newest are all among them,
    so that the choice changes at every RECENT-th trial alone, and is remembered in between.
    """

    def __init__(self) -> None:
        self._key, self._kept = b"", np.zeros(0, np.intp)

    def __call__(
        self, y: Floats, cost: Floats, factor: Callable[[Floats], Floats] | None, n: int
    ) -> Rows:
        """Positions (k,), ascending; of finished trials MODELLED at most.

        Args:
            y: (m,) accuracies of the finished ones.
            cost: (n,) of all.
            factor: (costs) -> what accuracies are worth; None for the best of every cost.
            n: How many there are: the finished ones, then those under way.
        """
        if len(y) <= MODELLED:
            return np.arange(n)
        old = len(y) - (len(y) - MODELLED) % RECENT
        key = y[:old].tobytes() + cost[:old].tobytes()
        if key != self._key:
            self._key, self._kept = key, _kept(y[:old], cost[:old], factor)
        return np.asarray(np.r_[self._kept, np.arange(old, n)])


def _kept(y: Floats, cost: Floats, factor: Callable[[Floats], Floats] | None) -> Rows:
    """Those of old trials (n,) that are kept in a model, ascending."""
    old, half = len(y), (MODELLED - RECENT) // 2
    if factor is not None:
        best = np.argsort(-y * factor(cost), kind="stable")[:half]
    else:
        strip = np.argsort(np.argsort(cost, kind="stable"), kind="stable") * STRIPS // old
        order = np.lexsort((-y, strip))
        place = np.zeros(old)
        place[order] = np.arange(old) - np.searchsorted(strip[order], strip[order])
        place[front(y, cost)] = -1.0
        best = np.argsort(place, kind="stable")[:half]
    rest = np.setdiff1d(np.arange(old), best)
    return np.sort(np.r_[best, rest[spaced(len(rest), MODELLED - RECENT - half)]])


def finite(values: Floats) -> Floats:
    """Values that were told, infinite ones very large, and 0 for those that are no number."""
    return np.nan_to_num(values, nan=0.0, posinf=1e12, neginf=-1e12)


def scalarised(
    values: Floats,
    directions: Sequence[StudyDirection],
    rng: np.random.RandomState,
) -> Floats:
    """What is maximized of trials' values (n, m): the objective; of several, a random weighting.

    The weights are those of ParEGO (Knowles 2006), with a sum of values scaled to their span.

    Returns:
        (n,) values to maximize.
    """
    signs = [1.0 if direction == StudyDirection.MAXIMIZE else -1.0 for direction in directions]
    values = finite(values * signs)
    if values.shape[1] == 1:
        return np.asarray(values[:, 0])
    span = np.maximum(np.ptp(values, axis=0), 1e-12)
    return np.asarray((values / span) @ rng.dirichlet(np.ones(values.shape[1])))
