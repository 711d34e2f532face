"""A small law of how accuracy follows depth, width and resolution, fitted to published results.

log error = log e1 - k_net * (a * g(d) + b * g(w) + c * g(r)),  a + b + c = 1

g(x) = 1 - x**-p where a multiplier x is 1 or more: each dimension saturates. Below 1 it goes on
with the same slope, g(x) = (p / t) * (1 - x**-t), with a bend t of its own for width and
resolution; for depth, of which little is printed below 1, t is 0: linear in the logarithm. Shared
by all networks: a, b, c, p, t, the mean of log k and how it falls with the MACs of the 1x network.
Each network has its own k_net, drawn to these; each printed table (a recipe) has its own e1, the
error at d = w = r = 1. The multipliers are those that a network really has after rounding
(`effective`), not the nominal ones.

Around the law lies a random field of what it does not know (`gridsearch.prior.field`).
"""

import functools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gridsearch.prior.printed import Printed, effective, first_error, fitted_rows, published
from search_spaces.cost import cost
from search_spaces.scaling.published import network

__all__ = ["Law", "effective", "first_error", "fit", "fitted", "fitted_rows", "published"]

NOISE = 0.3  # points that a printed accuracy is off by
STEP_NOISE = 0.15  # and for each unit of the logarithm of its ratio of MACs
OWN = 0.15  # standard deviation of a network's log k around what its MACs let expect
SHAPE = 1.0  # standard deviation of log p around 0 and of log b/a, c/a around 0
BEND = 0.5  # standard deviation of t around 0
SLOPE = 0.3  # standard deviation of how log k changes with log MACs around 0
TYPICAL = 4e8  # MACs of a 1x network whose k is `Law.share`
# Of the parameters: log b/a, c/a; log p (3); t of width and resolution; log k; slope.
SHARED = 9
STEPS = 1e-4  # of finite differences
MOST_ROUNDS = 60  # of the fit

Vector = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Law:
    """The fitted law, see the module.

    Attributes:
        mean: (SHARED,) the shared parameters.
        covariance: (SHARED, SHARED) of what the fit leaves open.
        own: log k_net, over what its MACs let expect, by network.
        rmse: Of the fitted rows, points.
    """

    mean: Vector
    covariance: Vector
    own: dict[str, float]
    rmse: float

    @property
    def parts(self) -> tuple[float, float, float]:
        """a, b, c."""
        return _three(_parts(self.mean))

    @property
    def powers(self) -> tuple[float, float, float]:
        """The powers p of depth, width and resolution."""
        return _three(np.exp(self.mean[2:5]))

    @property
    def bends(self) -> tuple[float, float]:
        """The bends t of width and resolution."""
        return float(self.mean[5]), float(self.mean[6])

    @property
    def share(self) -> float:
        """The k of a network of TYPICAL multiply-adds that was not fitted."""
        return math.exp(self.mean[7])

    @property
    def slope(self) -> float:
        """How log k changes with log MACs of the 1x network."""
        return float(self.mean[8])

    def share_of(self, macs: float, known: str | None = None) -> float:
        """The k of a network.

        Args:
            macs: Of the 1x network, multiply-adds.
            known: Its name where it was fitted.
        """
        return float(np.exp(_log_share(self.mean, macs) + self.own.get(known or "", 0.0)))

    def drop(self, logs: Any, macs: float = TYPICAL, known: str | None = None) -> Vector:
        """How much the logarithm of the error falls.

        Args:
            logs: (n, 3) natural logarithms of the multipliers of depth, width and resolution.
            macs: Of the 1x network, multiply-adds.
            known: Its name where it was fitted.

        Returns:
            (n,), negative where it rises.
        """
        return self.share_of(macs, known) * _saved(
            self.mean, np.atleast_2d(np.asarray(logs, float))
        )

    def gain(
        self, error: float, logs: Sequence[float], known: str | None = None, macs: float = TYPICAL
    ) -> float:
        """The points of top-1 that scaling adds.

        Args:
            error: Of the network at 1x, percent.
            logs: Natural logarithms of the multipliers of depth, width and resolution.
            known: The network's name where it was fitted; else k is what its MACs let expect.
            macs: Of the 1x network, multiply-adds.
        """
        return error * (1 - math.exp(-float(self.drop(logs, macs, known)[0])))

    def jacobian(self, logs: Any, macs: float = TYPICAL, known: str | None = None) -> Vector:
        """(n, SHARED) how `drop` changes with the shared parameters."""
        logs = np.atleast_2d(np.asarray(logs, float))
        own = self.own.get(known or "", 0.0)

        def drop(x: Vector) -> Vector:
            return np.asarray(np.exp(_log_share(x, macs) + own) * _saved(x, logs))

        columns = [
            (drop(self.mean + step) - drop(self.mean - step)) / (2 * STEPS)
            for step in STEPS * np.eye(SHARED)
        ]
        return np.stack(columns, 1)


def _parts(x: Vector) -> Vector:
    parts = np.exp(np.r_[0.0, x[:2]])
    return np.asarray(parts / parts.sum())


def _log_share(x: Vector, macs: Any) -> Any:
    return x[7] + x[8] * np.log(np.asarray(macs) / TYPICAL)


def _saved(x: Vector, logs: Vector) -> Vector:
    """(n,) a * g(d) + b * g(w) + c * g(r)."""
    powers, bends = np.exp(x[2:5]), np.r_[0.0, x[5:7]]
    bends = np.where(np.abs(bends) < 1e-9, 1e-9, bends)
    up, down = np.maximum(logs, 0), np.minimum(logs, 0)
    saved = -np.expm1(-powers * up) - powers / bends * np.expm1(-bends * down)
    return np.asarray(saved @ _parts(x))


def _three(values: Any) -> tuple[float, float, float]:
    first, second, third = map(float, values)
    return first, second, third


def fit(rows: Sequence[Printed]) -> Law:
    """Fits the law by penalized least squares, in tens of milliseconds."""
    networks = list(dict.fromkeys(row.network for row in rows))
    recipes = list(dict.fromkeys(row.recipe for row in rows))
    of_network = np.array([networks.index(row.network) for row in rows])
    of_recipe = np.array([recipes.index(row.recipe) for row in rows])
    macs = np.array([cost(network(name)).macs for name in networks], float)
    logs = np.array([row.logs for row in rows])
    errors = 100 - np.array([row.top1 for row in rows])
    noise = np.hypot(NOISE, STEP_NOISE * np.log([row.ratio for row in rows]))

    def off(x: Vector) -> Vector:
        e1, own = np.split(x[SHARED:], [len(recipes)])
        shares = np.exp(_log_share(x, macs) + OWN * own)
        return np.asarray(e1[of_recipe] * np.exp(-shares[of_network] * _saved(x, logs)) - errors)

    def residuals(x: Vector) -> Vector:
        drawn = x[:5] / SHAPE, x[5:7] / BEND, x[8:9] / SLOPE, x[SHARED + len(recipes) :]
        return np.concatenate([off(x) / noise, *drawn])

    at_1x = [first_error(rows, recipe) for recipe in recipes]
    start = np.r_[np.zeros(5), 0.2, 0.2, math.log(0.5), 0.0, at_1x, np.zeros(len(networks))]
    found, normal = _least_squares(residuals, start)
    covariance = np.asarray(np.linalg.inv(normal)[:SHARED, :SHARED], np.float64)
    own = dict(zip(networks, map(float, OWN * found[SHARED + len(recipes) :]), strict=True))
    return Law(found[:SHARED], covariance, own, math.sqrt(float(np.mean(off(found) ** 2))))


def _least_squares(residuals: Callable[[Vector], Vector], x: Vector) -> tuple[Vector, Vector]:
    """Levenberg and Marquardt's minimum of a sum of squares, and the normal matrix there.

    It is here because importing SciPy's takes longer than all fits together.
    """
    damping, now = 1e-3, residuals(x)
    for _ in range(MOST_ROUNDS):
        steps = 1e-6 * np.maximum(1.0, np.abs(x))
        jacobian = np.stack(
            [(residuals(x + s * e) - now) / s for s, e in zip(steps, np.eye(len(x)), strict=True)],
            1,
        )
        normal = jacobian.T @ jacobian
        for _ in range(MOST_ROUNDS):
            damped = normal + damping * np.diag(np.diag(normal))
            tried = x - np.linalg.solve(damped, jacobian.T @ now)
            then = residuals(tried)
            if then @ then < now @ now:
                break
            damping *= 4
        else:
            break
        gained = 1 - (then @ then) / (now @ now)
        x, now, damping = tried, then, damping / 4
        if gained < 1e-10:
            break
    return x, normal


@functools.cache
def fitted() -> Law:
    """The law on all rows, fitted once a process."""
    return fit(fitted_rows())
