"""Printed results of scaled networks, with what rounding really multiplied."""

import csv
import functools
import math
from collections.abc import Sequence
from importlib import resources
from typing import NamedTuple

from search_spaces.architecture import Architecture
from search_spaces.cost import cost
from search_spaces.errors import OutOfDomain
from search_spaces.scaling.published import network
from search_spaces.scaling.rules import Multipliers, scale

TABLE = "published_scaling.csv"
SMALLEST = 0.1  # share of the 1x network's MACs below which a row is left out of the fit


class Printed(NamedTuple):
    """A printed result.

    Attributes:
        network: That was scaled.
        recipe: The table that it stands in.
        logs: Natural logarithms of the effective depth, width and resolution.
        ratio: MACs / the network's 1x.
        top1: Percent.
        source: Where it is printed.
        architecture: The network as we build it.
    """

    network: str
    recipe: str
    logs: tuple[float, float, float]
    ratio: float
    top1: float
    source: str
    architecture: Architecture


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
        scaled.size.over(baseline.size),
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
        how = Multipliers(*nominal, pixels / base.size.height)
        scaled = scale(base, how, line["rule"] or None)
        depth, width, resolution = map(math.log, effective(base, scaled))
        ratio = cost(scaled).macs / cost(base).macs
        recipe = f"{line['network']} {line['recipe']}"
        logs, top1 = (depth, width, resolution), float(line["top1"])
        rows.append(Printed(line["network"], recipe, logs, ratio, top1, line["source"], scaled))
    return tuple(rows)


def fitted_rows() -> tuple[Printed, ...]:
    """The rows of `published` that the law is fitted to."""
    return tuple(row for row in published() if row.ratio >= SMALLEST)


def first_error(rows: Sequence[Printed], recipe: str) -> float:
    """100 - the printed top-1 of the recipe's own 1x network."""
    return next(100 - row.top1 for row in rows if row.recipe == recipe and not any(row.logs))
