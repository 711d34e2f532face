"""A process of its own for EfficientNet-B0's skeleton, known from thousands of networks.

A sparse Gaussian process of one big table, over the numbers of each segment. On the skeleton it
takes the place of the experts' mean; by a bell over widths, stem, head and resolution it fades
away from there without a step.
"""

import functools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from nas.imagenet.exact import Exact
from nas.imagenet.joint.blocks import Floats
from nas.imagenet.joint.numbers import SEGMENTS, Numbers

Means = Callable[[Numbers], Floats]  # networks -> (n,) in the experts' units

FADE = 0.2  # standard deviation of the bell, in the norm of the logs of the frame
NEAR = 1e-3  # of the bell, below which the process is not asked
LEAST_BLOCKS = 0.05  # what a segment counts for at least


def frame(of: Numbers) -> Floats:
    """What the skeleton fixes: logs of each segment's channels, resolution, stem, head, mix."""
    ends = [np.log(of.resolution), np.log(of.stem), np.log(of.head), (of.mix > 0).astype(float)]
    return np.concatenate([of.out, np.stack(ends, 1), of.kinds[:, :4]], 1)


def choices(of: Numbers) -> Floats:
    """What the table chose from: log blocks, expansion, kernel and SE of each segment."""
    return np.concatenate(
        [np.log(np.maximum(of.blocks, LEAST_BLOCKS)), of.expansion, of.field, of.se], 1
    )


def stages(of: Numbers) -> Floats:
    """What the skeleton leaves free: in each segment expansion, depth, kernel, SE and sizes."""
    n = np.maximum(of.blocks, LEAST_BLOCKS)
    weights = np.log(of.weights + 100.0)
    whole = [np.log(of.macs), np.log(of.params), of.depth, np.log(of.depth)]
    shares = [(of.se * n).sum(1) / n.sum(1), np.log1p((of.se > 0.5).sum(1))]
    parts = (of.expansion, of.expands, of.field, n, np.log(n), of.se, weights)
    return np.concatenate([*parts, np.stack(whole + shares, 1)], 1)


@dataclass(frozen=True)
class Skeleton:
    """The process, of d features and m inducing points.

    Attributes:
        centre: (d,) means that standardize `stages`.
        width: (d,) standard deviations that do.
        scales: (d,) weights of the standardized features.
        gain: (3,) variances of the constant, linear and squared exponential terms.
        points: (m, d) inducing points, standardized and weighted.
        alpha: (m,) weights of the mean.
        at: The skeleton's `frame`.
        low: The least that the table has of each of `choices`.
        high: The most.
        level: (1,) what is added to the mean of -log(error - floor).
        floor: (1,) the least error of the table's recipe, percent: it keeps the best apart.
        line: (2,) slope and shift from -log(error) there to the experts' units.
    """

    centre: Floats
    width: Floats
    scales: Floats
    gain: Floats
    points: Floats
    alpha: Floats
    at: Floats
    low: Floats
    high: Floats
    level: Floats
    floor: Floats = field(default_factory=lambda: np.zeros(1))
    line: Floats = field(default_factory=lambda: np.array([1.0, 0.0]))

    def near(self, of: Numbers) -> Floats:
        """1 on the skeleton within the table's choices, falling to 0 away from them."""
        chosen = choices(of)
        beyond = np.maximum(0.0, np.maximum(chosen - self.high, self.low - chosen))
        squares = ((frame(of) - self.at) ** 2).sum(1) + (beyond**2).sum(1)
        return np.asarray(np.exp(-0.5 * squares / FADE**2))

    def instead(self, of: Numbers, means: Means, mean: Floats) -> Floats:
        """What to add to the experts' mean: what this process says more, where it is near.

        The table has one resolution. So the two are compared there, and what other pixels do is the
        experts' word: this process would take them for a matter of multiply-adds alone.

        Args:
            of: N networks.
            means: Their experts' mean.
            mean: (n,) what it is there.
        """
        near = self.near(of)
        added, close = np.zeros(len(near)), np.flatnonzero(near > NEAR)
        if len(close):
            there, expected = self._there(of.take(close)), mean[close]
            elsewhere = np.flatnonzero(there.resolution != of.resolution[close])
            if len(elsewhere):
                expected[elsewhere] = means(there.take(elsewhere))
            x = (stages(there) - self.centre) / self.width * self.scales
            error = np.exp(-(self._near(x) * self.alpha).sum(1) - self.level) + self.floor
            own = self.line[1] - self.line[0] * np.log(error)
            added[close] = near[close] * (own - expected)
        return added

    def _there(self, of: Numbers) -> Numbers:
        """The networks at the table's pixels; their multiply-adds as if those grew by the area."""
        pixels = np.rint(np.exp(self.at[len(SEGMENTS)]))  # as `frame` has them
        times = (pixels / of.resolution) ** 2
        return of._replace(resolution=np.full_like(of.resolution, pixels), macs=of.macs * times)

    def _near(self, x: Floats) -> Floats:
        """Covariances (n, m) with the points, the same bits on any number of threads."""
        return np.asarray(covariance(x, self.points, self.gain, product=self._points(x)))

    @functools.cached_property
    def _points(self) -> Exact:
        return Exact(self.points.T)


def covariance(left: Any, right: Any, gain: Any, exp: Any = np.exp, product: Any = None) -> Any:
    """The kernel: a constant, a linear and a squared exponential term.

    Args:
        left: (n, d) weighted points, an array or a tensor.
        right: (m, d) weighted points.
        gain: (3,) variances of the terms.
        exp: The exponential function of arrays or of tensors.
        product: (n, m) left @ right.T, where it was made otherwise.

    Returns:
        (n, m).
    """
    product = left @ right.T if product is None else product
    distance = (left**2).sum(1)[:, None] + (right**2).sum(1) - 2 * product
    return gain[0] + gain[1] * product + gain[2] * exp(-0.5 * distance)
