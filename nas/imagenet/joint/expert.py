"""One Gaussian process over features of networks: a linear and a Matern 3/2 term, sparse.

Modelled is -log(100 - top1) of a named recipe, up to a constant. Groups of features share a
length scale, so what a width of one segment does says something of the others.
"""

import functools
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nas.imagenet.exact import Exact
from nas.imagenet.joint.blocks import Floats
from nas.imagenet.joint.features import Groups

CLIP = 2.5  # standard deviations beyond which a feature counts by its logarithm

TOGETHER = 128  # rows that are worked on at once


def squash(standardized: Floats) -> Floats:
    """The value itself within CLIP, and logarithmic growth beyond: no number explodes outside."""
    size = np.abs(standardized)
    beyond = np.sign(standardized) * (CLIP + np.log1p(np.maximum(size - CLIP, 0.0)))
    return np.where(size > CLIP, beyond, standardized)


def columns(of: Groups, names: tuple[str, ...]) -> tuple[Floats, NDArray[np.int64]]:
    """(features (n, d), the group of each column) of the groups named."""
    parts = [of[name] for name in names]
    ids = np.repeat(np.arange(len(names)), [part.shape[1] for part in parts])
    return np.concatenate(parts, 1), ids


@dataclass(frozen=True)
class Expert:
    """One process of d features and m inducing points.

    Attributes:
        names: The groups of features that it sees.
        centre: (d,) means that standardize them.
        width: (d,) standard deviations that do.
        linear: (d,) weights of the features in the linear term, 0 for one that was constant.
        matern: (d,) weights in the Matern term.
        gain: (2,) variances of the two terms.
        points: (m, d) inducing points, standardized.
        alpha: (m,) weights of the mean.
        q: (v, v) what the data take off the prior covariance, on the first v points.
    """

    names: tuple[str, ...]
    centre: Floats
    width: Floats
    linear: Floats
    matern: Floats
    gain: Floats
    points: Floats
    alpha: Floats
    q: Floats

    def inputs(self, of: Groups) -> Floats:
        """Standardized features (n, d)."""
        raw, _ = columns(of, self.names)
        return squash((raw - self.centre) / self.width)

    def mean(self, x: Floats) -> Floats:
        """The posterior mean at standardized features."""
        near, alpha = self._near, self.alpha * self.gain[1]
        mean = (x * self._slope).sum(1)
        for rows in _slices(len(x)):
            mean[rows] += (near.matern(x[rows]) * alpha).sum(1)
        return np.asarray(mean)

    @functools.cached_property
    def _near(self) -> "Cross":
        """The points, ready."""
        return Cross(self.points, self.linear, self.matern)

    @functools.cached_property
    def _known(self) -> "Cross":
        """The points that `q` is of, ready."""
        return Cross(self.points[: len(self.q)], self.linear, self.matern)

    @functools.cached_property
    def _slope(self) -> Floats:
        """(d,) of the mean's linear term."""
        towards = (self.points * self.linear * self.alpha[:, None]).sum(0)
        return np.asarray(self.gain[0] * self.linear * towards)

    @functools.cached_property
    def _q(self) -> Exact:
        """`q`, ready."""
        return Exact(self.q, parts=2)

    def difference_variance(self, x: Floats, reference: Floats) -> Floats:
        """The posterior variance of f(x) - f(reference) for x (n, d) and one reference (1, d)."""
        return self.compared(x, reference)[1]

    def compared(self, x: Floats, reference: Floats) -> tuple[Floats, Floats]:
        """`mean` and `difference_variance` together, whose covariances are the same in part."""
        near, known, alpha = self._near, self._known, self.alpha * self.gain[1]
        base, there = Cross(reference, self.linear, self.matern), known(reference, self.gain)
        mean, variance = (x * self._slope).sum(1), np.empty(len(x))
        for rows in _slices(len(x)):
            some = x[rows]
            matern = near.matern(some)
            far = known.whole(some, self.gain, matern[:, : len(self.q)].copy()) - there
            matern *= alpha
            mean[rows] += matern.sum(1)
            variance[rows] = -2 * base(some, self.gain)[:, 0] - (self._q(far) * far).sum(1)
        variance += 2 * self.gain[1] + self.gain[0] * ((x * self.linear) ** 2).sum(1)
        variance += self.gain[0] * ((reference * self.linear) ** 2).sum()
        return mean, np.maximum(variance, 0.0)

    def prior_variance(self, left: Floats, right: Floats) -> Floats:
        """The prior variance (n, m) of differences between points (n, d) and (m, d)."""
        variance = self.gain[0] * _squares(left * self.linear, right * self.linear)
        r = np.sqrt(3 * _squares(left * self.matern, right * self.matern))
        variance += 2 * self.gain[1] * (1 - (1 + r) * np.exp(-r))
        return np.asarray(variance)


def _slices(n: int) -> Iterator[slice]:
    """Rows that are worked on at once: what is made of them stays in the processor's cache."""
    return (slice(at, at + TOGETHER) for at in range(0, n, TOGETHER))


def _squares(left: Floats, right: Floats) -> Floats:
    """Squared distances (n, m)."""
    squares = (left**2).sum(1)[:, None] + (right**2).sum(1) - 2 * left @ right.T
    return np.asarray(np.maximum(squares, 0.0))


class Cross:
    """Covariances with some points, the same bits on any number of threads.

    Args:
        points: (m, d).
        linear: (d,) as of `Expert`.
        matern: (d,) as of `Expert`.
    """

    def __init__(self, points: Floats, linear: Floats, matern: Floats) -> None:
        self._weights = (linear, matern)
        self._linear, scaled = Exact((points * linear).T), points * matern
        self._matern, self._squares = Exact(scaled.T), (scaled**2).sum(1)

    def matern(self, x: Floats) -> Floats:
        """The Matern term at x (n, d), of variance 1, (n, m)."""
        scaled = x * self._weights[1]
        return _decayed((scaled**2).sum(1), self._squares, self._matern(scaled))

    def __call__(self, x: Floats, gain: Floats) -> Floats:
        """As `kernel`."""
        return self.whole(x, gain, self.matern(x))

    def whole(self, x: Floats, gain: Floats, matern: Floats) -> Floats:
        """The same where the Matern term, which is overwritten, is known."""
        matern *= gain[1]
        matern += gain[0] * self._linear(x * self._weights[0])
        return matern


def kernel(left: Floats, right: Floats, linear: Floats, matern: Floats, gain: Floats) -> Floats:
    """gain[0] * linear term + gain[1] * Matern 3/2 term."""
    one, two = left * matern, right * matern
    whole = _decayed((one**2).sum(1), (two**2).sum(1), one @ two.T)
    whole *= gain[1]
    whole += gain[0] * ((left * linear) @ (right * linear).T)
    return whole


def _decayed(left: Floats, right: Floats, product: Floats) -> Floats:
    """The Matern term (n, m) from squares (n,) and (m,) and the product, which it overwrites."""
    r = product
    r *= -2
    r += left[:, None]
    r += right
    r *= 3
    np.maximum(r, 1e-12, out=r)
    np.sqrt(r, out=r)
    decay = np.negative(r)
    np.exp(decay, out=decay)
    r += 1
    r *= decay
    return r
