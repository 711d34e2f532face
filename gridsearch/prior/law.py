"""A small law of how accuracy follows depth, width and resolution, fitted to published results.

error(d, w, r) = e1 * (1 - k_net + k_net * (a * d**-p + b * w**-q + c * r**-s)),  a + b + c = 1

An additive saturating law: e1 * (1 - k_net) is a network's floor, e1 * k_net its scale. Shared by
all networks: a, b, c, p, q, s and the mean of log k. Each network has its own k_net, drawn to the
shared one; each printed table (a recipe) has its own e1, the error at d = w = r = 1. The
multipliers are those that a network really has after rounding (`effective`), not the nominal ones.
"""

import csv
import functools
import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from search_spaces.architecture import Architecture
from search_spaces.cost import cost
from search_spaces.errors import OutOfDomain
from search_spaces.networks import network
from search_spaces.scaling.rules import Multipliers, scale

TABLE = "published_scaling.csv"
SMALLEST = 0.4  # share of the 1x network's MACs below which a row is left out of the fit
NOISE = 0.3  # points that a printed accuracy is off by
OWN = 0.3  # standard deviation of a network's log k around the shared one
SHAPE = 1.0  # standard deviation of log p, q, s around 0 and of log b/a, c/a around 0
SAME_BUDGET = 1.25  # held-out pairs within this ratio of MACs tell the error of differences

Vector = NDArray[np.float64]


class Printed(NamedTuple):
    """A printed result.

    Attributes:
        network: That was scaled.
        recipe: The table that it stands in.
        logs: Natural logarithms of the effective depth, width and resolution.
        ratio: MACs / the network's 1x.
        top1: Percent.
        source: Where it is printed.
    """

    network: str
    recipe: str
    logs: tuple[float, float, float]
    ratio: float
    top1: float
    source: str


def effective(baseline: Architecture, scaled: Architecture) -> tuple[float, float, float]:
    """What depth, width and resolution were really multiplied by, after rounding.

    Depth: blocks; width: the geometric mean over stages of their channels; resolution: pixels.

    Raises:
        OutOfDomain: The networks have different numbers of stages.
    """
    if len(baseline.stages) != len(scaled.stages):
        raise OutOfDomain(
            f"the network has {len(scaled.stages)} stages, its baseline {len(baseline.stages)}: "
            "expected a scaled version of the baseline"
        )
    logs = [
        math.log(big.channels / small.channels)
        for big, small in zip(scaled.stages, baseline.stages, strict=True)
    ]
    return (
        scaled.blocks / baseline.blocks,
        math.exp(sum(logs) / len(logs)),
        scaled.resolution / baseline.resolution,
    )


@functools.cache
def published() -> tuple[Printed, ...]:
    """The package's table, with effective multipliers and MACs of the networks as we build them."""
    text = resources.files("gridsearch.prior").joinpath("data", TABLE).read_text()
    rows = []
    for line in csv.DictReader(text.splitlines()):
        base = network(line["network"])
        nominal = float(line["depth"]), float(line["width"])
        pixels = int(line["pixels"])
        scaled = scale(base, Multipliers(*nominal, pixels / base.resolution))
        logs = tuple(math.log(value) for value in effective(base, scaled))
        ratio = cost(scaled).macs / cost(base).macs
        recipe = f"{line['network']} {line['recipe']}"
        top1 = float(line["top1"])
        rows.append(Printed(line["network"], recipe, logs, ratio, top1, line["source"]))  # type: ignore[arg-type]
    return tuple(rows)


def fitted_rows() -> tuple[Printed, ...]:
    """The rows of `published` that the law is fitted to."""
    return tuple(row for row in published() if row.ratio >= SMALLEST)


@dataclass(frozen=True)
class Law:
    """The fitted law, see the module.

    Attributes:
        parts: a, b, c.
        powers: p, q, s.
        share: k for a network that was not fitted.
        shares: k_net by network.
        rmse: Of the fitted rows, points.
    """

    parts: tuple[float, float, float]
    powers: tuple[float, float, float]
    share: float
    shares: dict[str, float]
    rmse: float

    def gain(self, error: float, logs: Sequence[float], network: str | None = None) -> float:
        """The points of top-1 that scaling adds.

        Args:
            error: Of the network at 1x, percent.
            logs: Natural logarithms of the multipliers of depth, width and resolution.
            network: Its name where it was fitted; else the shared k counts.
        """
        kept = sum(
            part * math.exp(-power * log)
            for part, power, log in zip(self.parts, self.powers, logs, strict=True)
        )
        return error * self.shares.get(network or "", self.share) * (1 - kept)


def first_error(rows: Sequence[Printed], recipe: str) -> float:
    """100 - the printed top-1 of the recipe's own 1x network."""
    return next(100 - row.top1 for row in rows if row.recipe == recipe and not any(row.logs))


def fit(rows: Sequence[Printed]) -> Law:
    """Fits the law by penalized least squares, in about 20 ms."""
    from scipy.optimize import least_squares

    networks = list(dict.fromkeys(row.network for row in rows))
    recipes = list(dict.fromkeys(row.recipe for row in rows))
    of_network = np.array([networks.index(row.network) for row in rows])
    of_recipe = np.array([recipes.index(row.recipe) for row in rows])
    logs = np.array([row.logs for row in rows])
    errors = 100 - np.array([row.top1 for row in rows])

    def unpack(x: Vector) -> tuple[Vector, Vector, Vector, Vector]:
        parts = np.exp(np.r_[0.0, x[:2]])
        own = np.exp(x[5] + OWN * x[6 + len(recipes) :])
        return parts / parts.sum(), np.exp(x[2:5]), own, x[6 : 6 + len(recipes)]

    def residuals(x: Vector) -> Vector:
        parts, powers, own, e1 = unpack(x)
        kept = np.exp(-logs * powers) @ parts
        model = e1[of_recipe] * (1 - own[of_network] * (1 - kept))
        parts_of_loss = (model - errors) / NOISE, x[:5] / SHAPE, x[6 + len(recipes) :]
        return np.concatenate(parts_of_loss, dtype=float)

    at_1x = [first_error(rows, recipe) for recipe in recipes]
    start = np.r_[np.zeros(5), math.log(0.5), at_1x, np.zeros(len(networks))]
    x = least_squares(residuals, start).x
    parts, powers, own, _ = unpack(x)
    rmse = NOISE * math.sqrt(np.mean(residuals(x)[: len(rows)] ** 2))
    shares = dict(zip(networks, map(float, own), strict=True))
    return Law(_three(parts), _three(powers), math.exp(x[5]), shares, rmse)


def _three(values: Any) -> tuple[float, float, float]:
    first, second, third = map(float, values)
    return first, second, third


class HeldOut(NamedTuple):
    """A row predicted by a law that never saw its network.

    Attributes:
        row: What was printed.
        predicted: Gain over the network's own 1x, points.
        printed: The printed gain, points.
    """

    row: Printed
    predicted: float
    printed: float


def hold_out(rows: Sequence[Printed]) -> tuple[HeldOut, ...]:
    """Each network's gains as predicted by the law fitted to the other networks.

    Each recipe's gains count from its own 1x row, which is left out.
    """
    predictions = []
    for name in dict.fromkeys(row.network for row in rows):
        law = fit([row for row in rows if row.network != name])
        for row in rows:
            if row.network == name and any(row.logs):
                error = first_error(rows, row.recipe)
                printed = row.top1 - (100 - error)
                predictions.append(HeldOut(row, law.gain(error, row.logs), printed))
    return tuple(predictions)


class Check(NamedTuple):
    """What `hold_out` says of the law, in points of top-1.

    Attributes:
        gain: RMSE of the gains over a network's own 1x.
        difference: The error of a difference between two networks of equal MACs is this times the
            square root of the distance between their multipliers' natural logarithms (of constant,
            root and linear growth the root fits the held-out pairs best).
        n: Gains that this comes from.
        pairs: Pairs of them that `difference` comes from.
    """

    gain: float
    difference: float
    n: int
    pairs: int


def check(held: Sequence[HeldOut]) -> Check:
    """The errors of gains, and of differences at equal budgets, of networks held out."""
    off = {prediction: prediction.predicted - prediction.printed for prediction in held}
    squares, pairs = 0.0, 0
    for left, right in itertools.combinations(held, 2):
        a, b = left.row, right.row
        if a.recipe != b.recipe or max(a.ratio / b.ratio, b.ratio / a.ratio) > SAME_BUDGET:
            continue
        squares += (off[left] - off[right]) ** 2 / math.dist(a.logs, b.logs)
        pairs += 1
    gain = math.sqrt(sum(value**2 for value in off.values()) / len(held))
    return Check(gain, math.sqrt(squares / pairs), len(held), pairs)


@functools.cache
def fitted() -> tuple[Law, Check]:
    """The law on all rows and its leave-one-network-out errors; six fits, once a process."""
    rows = fitted_rows()
    return fit(rows), check(hold_out(rows))
