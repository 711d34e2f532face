"""How wrong the law is on networks that it was not fitted to."""

import functools
import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from gridsearch.prior.field import covariance
from gridsearch.prior.law import Law, Vector, fit
from gridsearch.prior.printed import Printed, first_error, fitted_rows
from search_spaces.cost import cost
from search_spaces.scaling.published import network

DIMENSIONS = ("depth", "width", "resolution")
PRINTED = 0.24  # points that one printed accuracy is off by, beside the law's own error


class HeldOut(NamedTuple):
    """Rows of one network predicted by a law that never saw it.

    Attributes:
        rows: Without those at 1x, from which gains count.
        predicted: (n,) logarithm of the error over the 1x network's.
        printed: (n,) the same as printed.
        covariance: (n, n) stated of the predicted ones, with the noise of what is printed.
    """

    rows: tuple[Printed, ...]
    predicted: Vector
    printed: Vector
    covariance: Vector

    @property
    def errors(self) -> Vector:
        """(n,) 100 - printed top-1."""
        return np.array([100 - row.top1 for row in self.rows])

    @property
    def off(self) -> Vector:
        """(n,) points of top-1 by which gains are predicted too large."""
        first = self.errors / np.exp(self.printed)
        return np.asarray(self.errors - first * np.exp(self.predicted))

    @property
    def spreads(self) -> Vector:
        """(n,) the stated standard deviations, points."""
        return np.asarray(self.errors * np.sqrt(np.diag(self.covariance)))


def hold_out(
    rows: Sequence[Printed], fitter: Callable[[Sequence[Printed]], Law] = fit
) -> tuple[HeldOut, ...]:
    """Each network's gains as predicted by the law fitted to the other networks."""
    found = []
    for name in dict.fromkeys(row.network for row in rows):
        law = fitter([row for row in rows if row.network != name])
        own = tuple(row for row in rows if row.network == name and any(row.logs))
        found.append(against(law, own, rows))
    return tuple(found)


def against(law: Law, own: tuple[Printed, ...], rows: Sequence[Printed]) -> HeldOut:
    """Rows of a network that a law has not seen, beside what it says of them.

    Args:
        law: Fitted to others.
        own: Rows of the network, none at 1x.
        rows: That hold its recipes' 1x.
    """
    macs = cost(network(own[0].network)).macs
    logs = np.array([row.logs for row in own])
    first = np.array([first_error(rows, row.recipe) for row in own])
    errors = np.array([100 - row.top1 for row in own])
    known = law.jacobian(logs, macs)
    stated = known @ law.covariance @ known.T + covariance(logs, logs)
    recipes = np.array([row.recipe for row in own])
    shared = recipes[:, None] == recipes[None]  # the same 1x result is in each gain
    stated += shared * np.outer(PRINTED / first, PRINTED / first)
    stated += np.diag((PRINTED / errors) ** 2)
    return HeldOut(own, -law.drop(logs, macs), np.log(errors / first), stated)


class Check(NamedTuple):
    """RMSE of gains over a network's own 1x, of networks left out of the fit, in points of top-1.

    Attributes:
        above: Of networks larger than 1x.
        below: Of smaller ones, down to a tenth.
        n: Results that this comes from.
        networks: And their networks.
    """

    above: float
    below: float
    n: int
    networks: int


def check(held: Sequence[HeldOut]) -> Check:
    """The errors of gains of networks held out."""
    off = np.concatenate([one.off for one in held])
    large = np.array([row.ratio > 1 for one in held for row in one.rows])

    def rms(values: Vector) -> float:
        return math.sqrt(float(np.mean(values**2))) if len(values) else math.nan

    return Check(rms(off[large]), rms(off[~large]), len(off), len(held))


@functools.cache
def held() -> tuple[HeldOut, ...]:
    """Of the law that the package uses: a fit for each network, once a process."""
    return hold_out(fitted_rows())


@functools.cache
def checked() -> Check:
    """The errors of the law that the package uses."""
    return check(held())


class Alone(NamedTuple):
    """What a law that never saw a network promises of one of its dimensions alone.

    Attributes:
        network: Which.
        dimension: Of DIMENSIONS.
        times: The multiples that are printed, all above 1, the least first.
        off: Points of top-1 by which the gains are predicted too large, in the same order.
    """

    network: str
    dimension: str
    times: tuple[float, ...]
    off: tuple[float, ...]


def alone(found: Sequence[HeldOut]) -> list[Alone]:
    """Networks held out, by each dimension that was scaled up alone."""
    listed = []
    for one in found:
        for i, dimension in enumerate(DIMENSIONS):
            own = sorted(
                (math.exp(row.logs[i]), float(off))
                for row, off in zip(one.rows, one.off, strict=True)
                if row.logs[i] > 0 and sum(map(bool, row.logs)) == 1
            )
            if own:
                times, off = zip(*own, strict=True)
                listed.append(Alone(one.rows[0].network, dimension, times, off))
    return listed
