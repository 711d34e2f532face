"""One Gaussian process over features of networks: a linear and a Matern 3/2 term, sparse.

Modelled is -log(100 - top1) of a named recipe, up to a constant. Groups of features share a
length scale, so what a width of one segment does says something of the others.
"""

import functools
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nas.imagenet.joint.blocks import Floats
from nas.imagenet.joint.features import Groups

Singles = NDArray[np.float32]

CLIP = 2.5  # standard deviations beyond which a feature counts by its logarithm

TOGETHER = 512  # rows that are worked on at once


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
        return np.asarray(x @ self._slope + self._matern_mean(x))

    @functools.cached_property
    def _slope(self) -> Floats:
        """(d,) of the mean's linear term."""
        towards = (self.points * self.linear).T @ self.alpha
        return np.asarray(self.gain[0] * self.linear * towards)

    @functools.cached_property
    def _single(self) -> tuple[Singles, Singles, Singles]:
        """Scaled points (m, d), their squares and the weights of the mean (m,) in 32 bits."""
        points = (self.points * self.matern * np.sqrt(3)).astype(np.float32)
        alpha = self.alpha.astype(np.float32) * np.float32(self.gain[1])
        return -2 * points, (points**2).sum(1), alpha

    def _matern_mean(self, x: Floats) -> Floats:
        """The Matern term of the mean, in single precision: four times as fast, off by 1e-5."""
        points, squares, alpha = self._single
        left = (x * self.matern * np.sqrt(3)).astype(np.float32)
        mean = np.empty(len(x))
        for rows in _slices(len(x)):
            r = left[rows] @ points.T
            r += (left[rows] ** 2).sum(1)[:, None]
            r += squares
            np.maximum(r, 1e-9, out=r)
            np.sqrt(r, out=r)
            decay = np.exp(-r)
            r += 1
            r *= decay
            mean[rows] = r @ alpha
        return mean

    def difference_variance(self, x: Floats, reference: Floats) -> Floats:
        """The posterior variance of f(x) - f(reference) for x (n, d) and one reference (1, d)."""
        some = self.points[: len(self.q)]
        terms = (self.linear, self.matern, self.gain)
        base, right = kernel(reference, some, *terms), np.concatenate([some, reference])
        variance = np.empty(len(x))
        for rows in _slices(len(x)):
            cross = kernel(x[rows], right, *terms)
            far = cross[:, :-1] - base
            variance[rows] = -2 * cross[:, -1] - ((far @ self.q) * far).sum(1)
        variance += 2 * self.gain[1] + self.gain[0] * ((x * self.linear) ** 2).sum(1)
        variance += self.gain[0] * ((reference * self.linear) ** 2).sum()
        return np.maximum(variance, 0.0)

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


def kernel(left: Floats, right: Floats, linear: Floats, matern: Floats, gain: Floats) -> Floats:
    """gain[0] * linear term + gain[1] * Matern 3/2 term."""
    one, two = left * matern, right * matern
    r = (one**2).sum(1)[:, None] - 2 * one @ two.T
    r += (two**2).sum(1)
    r *= 3
    np.maximum(r, 1e-12, out=r)
    np.sqrt(r, out=r)
    decay = np.exp(-r)
    r += 1
    r *= decay
    r *= gain[1]
    r += gain[0] * ((left * linear) @ (right * linear).T)
    return np.asarray(r)
