"""A Gaussian process over encoded choices and costs: weights by MAP, sample paths, in numpy.

Kernel: constant + linear + squared exponential over weighted numbers (Rasmussen and Williams
2006, ch. 4 and 5), with log-normal priors on all weights, so that few trials overfit little.
Sample paths are drawn by Matheron's rule (Wilson et al. 2020, eq. 13): they cost what a mean costs.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_solve, solve_triangular
from scipy.optimize import minimize

Floats = NDArray[np.float64]
ROWS = 300  # at most so many set the weights
STEPS = 25  # of L-BFGS
FREQUENCIES = 256  # random Fourier features of a sample path's prior (Rahimi and Recht 2007)
GROWTH = 1.25
JITTER = 1e-8
WIDTH = 1.0  # standard deviation of the log weights' prior


@dataclass(frozen=True)
class Kernel:
    """A linear and a smooth term of weighted numbers.

    Attributes:
        weights: (f,) of the numbers.
        linear, smooth: Variances of the terms.
        noise: Variance.
    """

    weights: Floats
    linear: float
    smooth: float
    noise: float

    def __call__(self, left: Floats, right: Floats) -> Floats:
        """(n, m), without noise, of weighted numbers (n, f) and (m, f)."""
        return np.asarray(1.0 + self.linear * (left @ right.T) + self.bell(left, right))

    def bell(self, left: Floats, right: Floats, halves: Floats | None = None) -> Floats:
        """(n, m) the squared exponential term alone, in place since it is most of the time.

        Args:
            left: (n, f) weighted numbers.
            right: (m, f) too.
            halves: (m,) half the squares of `right`, where they are known.
        """
        found = left @ right.T
        found -= 0.5 * (left**2).sum(1)[:, None]
        found -= 0.5 * (right**2).sum(1) if halves is None else halves
        np.exp(found, out=found)
        found *= self.smooth
        return np.asarray(found)

    def prior(self, points: Floats) -> Floats:
        """(n,) the diagonal."""
        return np.asarray(1.0 + self.linear * (points**2).sum(1) + self.smooth)


def _prior(f: int) -> tuple[Floats, Floats]:
    """Mean and standard deviation of the logs of weights, linear, smooth, noise."""
    means = np.r_[np.full(f, -0.5 * np.log(f)), 0.0, 0.0, np.log(0.05)]
    return means, np.r_[np.full(f, WIDTH), 1.0, 1.0, 1.5]


def _loss(
    logs: Floats, x: Floats, z: Floats, centre: Floats, width: Floats
) -> tuple[float, Floats]:
    """Negative log posterior of the kernel's logs, and its gradient (eq. 5.8 and 5.9)."""
    weights, (linear, smooth, noise) = np.exp(logs[:-3]), np.exp(logs[-3:])
    points = x * weights
    product = points @ points.T
    squares = np.diag(product)
    bell = smooth * np.exp(-0.5 * (squares[:, None] + squares - 2 * product))
    kernel = 1.0 + linear * product + bell
    kernel[np.diag_indices(len(z))] += noise + JITTER
    try:
        lower = np.linalg.cholesky(kernel)
    except np.linalg.LinAlgError:
        return 1e10, np.zeros_like(logs)
    inverse = cho_solve((lower, True), np.eye(len(z)), check_finite=False)
    alpha = inverse @ z
    outer = 0.5 * (inverse - np.outer(alpha, alpha))  # d loss / d kernel
    tilted = outer * bell
    by_weight = 2 * linear * (points * (outer @ points)).sum(0) - 2 * (
        tilted.sum(1) @ points**2 - (points * (tilted @ points)).sum(0)
    )
    by_scale = [(outer * product).sum() * linear, tilted.sum(), np.trace(outer) * noise]
    far = (logs - centre) / width
    value = 0.5 * z @ alpha + np.log(np.diag(lower)).sum() + 0.5 * (far**2).sum()
    return float(value), np.r_[by_weight, by_scale] + far / width


def spaced(n: int, at_most: int) -> NDArray[np.intp]:
    """Positions of so many of n rows at most, evenly spaced."""
    return np.arange(n) if n <= at_most else np.linspace(0, n - 1, at_most).astype(np.intp)


def fit(x: Floats, z: Floats) -> Kernel:
    """The kernel of highest posterior density, for standardised numbers (n, f), targets (n,)."""
    kept = spaced(len(z), ROWS)
    x, z = x[kept], z[kept]
    centre, width = _prior(x.shape[1])
    found = minimize(
        _loss, centre, (x, z, centre, width), "L-BFGS-B", jac=True, options={"maxiter": STEPS},
        bounds=[(m - 5 * s, m + 5 * s) for m, s in zip(centre, width, strict=True)],
    )  # fmt: skip
    scales = np.exp(found.x)
    return Kernel(scales[:-3], *map(float, scales[-3:]))


class Process:
    """The posterior on rows that may be added to.

    Row by row it does the same operations however it came to be, so that a continued search gives
    the same bits.
    """

    def __init__(self, kernel: Kernel, x: Floats) -> None:
        self.kernel, self.points = kernel, x * kernel.weights
        whole = kernel(self.points, self.points)
        whole[np.diag_indices(len(x))] += kernel.noise + JITTER
        self._room = np.linalg.cholesky(whole)
        self._held: tuple[bytes, Floats] = (b"", np.zeros(0))  # targets, solved

    @property
    def size(self) -> int:
        """Rows."""
        return len(self.points)

    def cut(self, rows: int) -> None:
        """Forgets the rows from `rows` on."""
        if rows < self.size:
            self.points, self._held = self.points[:rows], (b"", np.zeros(0))

    @property
    def _lower(self) -> Floats:
        """The Cholesky factor, of which `_room` holds more than is in use."""
        return np.asarray(self._room[: self.size, : self.size])

    def add(self, x: Floats) -> None:
        """One more row (f,)."""
        n, point = self.size, (x * self.kernel.weights)[None]
        across = self.kernel(point, self.points)[0]
        row = solve_triangular(self._lower, across, lower=True, check_finite=False)
        left = float(self.kernel.prior(point)[0]) + self.kernel.noise + JITTER - row @ row
        if n == len(self._room):
            room = np.zeros((n + 64 + n // 4,) * 2)
            room[:n, :n] = self._room
            self._room = room
        self._room[n, :n], self._room[n, n] = row, np.sqrt(max(left, JITTER))
        self.points = np.vstack([self.points, point])

    def solve(self, z: Floats) -> Floats:
        """(K + noise)^-1 z of the first len(z) rows."""
        lower = self._lower[: len(z), : len(z)]
        return np.asarray(cho_solve((lower, True), z, check_finite=False))

    def white(self, rows: Floats) -> Floats:
        """Rows (n, ...) of its first n points, of which targets are independent, of variance 1."""
        lower = self._lower[: len(rows), : len(rows)]
        return np.asarray(solve_triangular(lower, rows, lower=True, check_finite=False))

    def mean(self, z: Floats) -> Floats:
        """(rows,) the mean at the process's own rows, given the first len(z) targets."""
        n, key = len(z), z.tobytes()
        if self._held[0] != key:  # the same for a whole batch of proposals
            self._held = key, self.solve(z)
        solved = self._held[1]
        others = self.kernel(self.points[n:], self.points[:n]) @ solved
        return np.asarray(np.r_[z - (self.kernel.noise + JITTER) * solved, others])

    def predict(self, x: Floats, z: Floats) -> tuple[Floats, Floats]:
        """Mean and standard deviation of the noise-free value at x (m, f), given z (n,)."""
        points, lower = x * self.kernel.weights, self._lower[: len(z), : len(z)]
        across = self.kernel(points, self.points[: len(z)])
        explained = solve_triangular(lower, across.T, lower=True, check_finite=False)
        variance = self.kernel.prior(points) - (explained**2).sum(0)
        return across @ self.solve(z), np.sqrt(np.maximum(variance, 0.0))

    def path(
        self, z: Floats, rng: np.random.RandomState, temper: float = 1.0
    ) -> Callable[[Floats], Floats]:
        """A function drawn from the posterior.

        Args:
            z: Targets of all rows.
            rng: The source of randomness.
            temper: Its distance from the mean is multiplied by this; 0 gives the mean itself.

        Returns:
            x (m, f) -> (m,).
        """
        kernel, f = self.kernel, self.points.shape[1]
        waves = rng.standard_normal((f, FREQUENCIES)).astype(np.float32)  # cosines are quicker
        phases = rng.uniform(0, 2 * np.pi, FREQUENCIES).astype(np.float32)
        heights = rng.standard_normal(FREQUENCIES) * np.sqrt(2 * kernel.smooth / FREQUENCIES)
        heights = heights.astype(np.float32)
        slope = rng.standard_normal(f) * np.sqrt(kernel.linear)
        level = rng.standard_normal()

        def prior(points: Floats) -> Floats:
            bumps = np.cos(points.astype(np.float32) @ waves + phases) @ heights
            drawn = level + points @ slope + bumps
            return np.asarray(temper * drawn)

        error = rng.standard_normal(len(z)) * np.sqrt(kernel.noise) * temper
        solved = self.solve(z - prior(self.points) - error)
        here = self.points
        halves = 0.5 * (here**2).sum(1)
        total, tilt = solved.sum(), kernel.linear * (solved @ here)

        def drawn(x: Floats) -> Floats:
            points = x * kernel.weights
            learned = total + points @ tilt + kernel.bell(points, here, halves) @ solved
            return np.asarray(prior(points) + learned)

        return drawn


class Growing:
    """A process on rows that come and go at the end.

    Its kernel is fitted at `first` targets and whenever there are GROWTH times as many; both are
    functions of the rows and targets alone.
    """

    def __init__(self, first: int) -> None:
        self._first = first
        self._kernel: Kernel | None = None
        self._process: Process | None = None
        self._key, self._rows = b"", np.zeros((0, 0))

    def milestone(self, targets: int) -> int:
        """How many of the targets set the kernel."""
        rows = after = max(2, self._first)
        while after <= targets:
            rows, after = after, max(after + 1, int(after * GROWTH))
        return min(rows, targets)

    def on(
        self, x: Floats, z: Floats, told: Floats | None = None, begun: int | None = None
    ) -> Process:
        """The process on rows.

        Args:
            x: (n, f) the rows.
            z: Standardised targets that set the kernel, some of the milestone's.
            told: (len(z), f) their rows; None: the first of x.
            begun: So many of the first of x are taken at once; None: as many as z.
        """
        told = x[: len(z)] if told is None else told
        first = x[: len(z) if begun is None else begun]
        key = z.tobytes() + told.tobytes()
        if self._kernel is None or key != self._key:
            self._kernel, self._key, self._process = fit(told, z), key, None
        if self._process is None or not np.array_equal(self._rows[: len(first)], first):
            self._process, self._rows = Process(self._kernel, first), first
        shared = min(len(self._rows), len(x))
        equal = (self._rows[:shared] == x[:shared]).all(1)
        shared = shared if equal.all() else int(equal.argmin())
        self._process.cut(shared)
        for row in x[shared:]:
            self._process.add(row)
        self._rows = x
        return self._process
