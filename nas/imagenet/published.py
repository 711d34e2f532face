"""Networks that are published with their ImageNet top-1: what a user would otherwise take.

The table holds printed results of timm (huggingface/pytorch-image-models, results/, Apache-2.0),
of TensorFlow's models and TPU repositories (Apache-2.0) and of Tan & Le 2019, table 2, each under
the recipe that it was trained with; `benchmarks/published_table.py` makes it. Recipes differ by
several points, so the figures are compared with one another only within a recipe.
"""

import contextlib
import csv
import dataclasses
import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from typing import Any

from nas.objective import Limit
from search_spaces.architecture import Architecture
from search_spaces.cost import BYTES, cost
from search_spaces.errors import OutOfDomain, UserError
from search_spaces.quantities import Quantity
from search_spaces.scaling.published import KNOWN, network

TABLE = "published.csv"
NEAR = 0.6  # of the budget: a network that takes less is not what a user would take
COLUMNS = {"flops": "macs", "params": "params"}  # quantity -> column
# Costs that differ by no more are of one network; of one name MACs may differ by more, since others
# count otherwise (ResNet-50's: 0.6 %), and of two names not (1.4 times MobileNetV2 and MnasNet-A1
# differ by 0.7 %, and hardly in parameters).
SAME, COUNTED = 0.002, 0.01


@dataclass(frozen=True)
class PublishedNetwork:
    """A printed result.

    Attributes:
        network: Its name.
        recipe: How it was trained, as its source calls it.
        resolution: Pixels at the test.
        macs: Multiply-adds at that resolution.
        params: Parameters.
        top1: ImageNet top-1 on the validation set, percent, as printed.
        source: Where it is printed.
    """

    network: str
    recipe: str
    resolution: int
    macs: int
    params: int
    top1: float
    source: str


@functools.cache
def published() -> tuple[PublishedNetwork, ...]:
    """All printed results, by their multiply-adds."""
    text = resources.files("nas.imagenet").joinpath("data", TABLE).read_text()
    return tuple(
        PublishedNetwork(
            row["network"],
            row["recipe"],
            int(row["resolution"]),
            int(row["macs"]),
            int(row["params"]),
            float(row["top1"]),
            row["source"],
        )
        for row in csv.DictReader(text.splitlines())
    )


def nearest_below(
    most: Mapping[str, float],
    by: str = "macs",
    count: int = 3,
    rows: Sequence[PublishedNetwork] | None = None,
    fits: Callable[[PublishedNetwork], bool] = lambda row: True,
    least: float = NEAR,
) -> list[PublishedNetwork]:
    """The best published networks that take nearly as much as a budget, and no more.

    Args:
        most: Column -> what it may be at most: of `macs` and `params`.
        by: The one that is the budget.
        count: At most so many, each network once.
        rows: The results to choose from; None for all of `published`.
        fits: What they have to be besides.
        least: Share of the budget that they take.

    Returns:
        Those of highest printed top-1 among the networks of that share to all of it; where there
        is none the dearest below it; none where all cost more.
    """
    every = published() if rows is None else rows
    below = [row for row in every if all(getattr(row, of) <= most[of] for of in most) and fits(row)]
    near = [row for row in below if getattr(row, by) >= least * most[by]]
    if not near:
        return sorted(below, key=lambda row: getattr(row, by))[-1:]
    best: list[PublishedNetwork] = []
    for row in sorted(near, key=lambda row: -row.top1):
        if not any(same(row, other) for other in best):
            best.append(row)
    return best[:count]


def within(limits: Sequence[Limit], macs: float) -> list[dict[str, Any]]:
    """The best published networks that break no limit as far as is known, as best.json has them.

    Args:
        limits: The first is the budget.
        macs: Multiply-adds that are the budget where the table has no column of the first limit.

    Returns:
        The rows; `unchecked` of each are the titles of what is not known of it. None without any
        limit.
    """
    if not limits:
        return []
    most = {COLUMNS[key]: one.at_most for one in limits if (key := one.of_quantity.key) in COLUMNS}
    by = COLUMNS.get(limits[0].of_quantity.key)
    alone = by is not None and len(limits) == 1  # else what is near a budget may break a limit
    if by is None:
        by, most["macs"] = "macs", macs

    def fits(row: PublishedNetwork) -> bool:
        return all(known(row, one.of_quantity)[0] <= one.at_most for one in limits)

    def told(row: PublishedNetwork) -> dict[str, Any]:
        titles = [of.title for of in (one.of_quantity for one in limits) if not known(row, of)[1]]
        return {**dataclasses.asdict(row), "unchecked": titles}

    found = nearest_below(most, by, fits=fits, least=NEAR if alone else 0.0)
    return [told(row) for row in found]


def known(row: PublishedNetwork, of: Quantity) -> tuple[float, bool]:
    """What a printed result takes at least, in the base unit, and whether it is known exactly.

    Of a network that can be built everything is that a device covers, of others their weights.
    """
    if of.key in COLUMNS:
        return float(getattr(row, COLUMNS[of.key])), True
    built = built_as(row)
    if built is not None:
        with contextlib.suppress(OutOfDomain):
            return of.measure(built), True
    return float(BYTES * row.params if of.key == "memory" else 0), False


def built_as(row: PublishedNetwork) -> Architecture | None:
    """The network of ours that a printed result is of, at its pixels."""
    ours = _ours(row)
    return None if ours is None else dataclasses.replace(ours, resolution=row.resolution)


@functools.cache
def _ours(row: PublishedNetwork) -> Architecture | None:
    """The same at its own pixels: of the same costs, or of nearly the same and that name."""
    named = [(ours, SAME) for ours in _networks().values()]
    if row.network in _networks():
        named.append((_networks()[row.network], COUNTED))
    for ours, most in named:
        if abs(cost(ours).params / row.params - 1) <= SAME:
            there = dataclasses.replace(ours, resolution=row.resolution)
            if abs(cost(there).macs / row.macs - 1) <= most:
                return ours
    return None


@functools.cache
def _networks() -> dict[str, Architecture]:
    """Those that can be built, by name: of KNOWN, and of the table."""
    found = {}
    for name in dict.fromkeys([*KNOWN, *(row.network for row in published())]):
        with contextlib.suppress(UserError):
            found[name] = network(name)
    return found


def same(one: PublishedNetwork, other: PublishedNetwork) -> bool:
    """Whether two rows are of one network, at whatever pixels: by name, by costs, or as ours."""
    if _plain(one) == _plain(other):
        return True
    ratios = (one.params / other.params, one.macs / other.macs)
    if one.resolution == other.resolution and all(abs(ratio - 1) <= SAME for ratio in ratios):
        return True
    return (ours := _ours(one)) is not None and ours == _ours(other)


def _plain(row: PublishedNetwork) -> str:
    """`mobilenetv3small075` for `tf_mobilenetv3_small_075` and `mobilenet_v3_small_0.75`."""
    name = row.network.removeprefix("tf_").removesuffix(f"_{row.resolution}")
    return name.replace("_", "").replace(".", "")
