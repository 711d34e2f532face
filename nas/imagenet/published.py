"""Networks that are published with their ImageNet top-1: what a user would otherwise take.

The table holds printed results of timm (huggingface/pytorch-image-models, results/, Apache-2.0),
of TensorFlow's models and TPU repositories (Apache-2.0) and of Tan & Le 2019, table 2, each under
the recipe that it was trained with; `benchmarks/published_table.py` makes it. Recipes differ by
several points, so the figures are compared with one another only within a recipe.
"""

import csv
import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources

TABLE = "published.csv"
NEAR = 0.6  # of the budget: a network that takes less is not what a user would take


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
) -> list[PublishedNetwork]:
    """The best published networks that take nearly as much as a budget, and no more.

    Args:
        most: Column -> what it may be at most: of `macs` and `params`.
        by: The one that is the budget.
        count: At most so many, each network once.
        rows: The results to choose from; None for all of `published`.

    Returns:
        Those of highest printed top-1 among the networks of NEAR to 1 times the budget; where there
        is none the dearest below it; none where all cost more.
    """
    every = published() if rows is None else rows
    below = [row for row in every if all(getattr(row, of) <= most[of] for of in most)]
    near = [row for row in below if getattr(row, by) >= NEAR * most[by]]
    if not near:
        return sorted(below, key=lambda row: getattr(row, by))[-1:]
    best: dict[str, PublishedNetwork] = {}
    for row in sorted(near, key=lambda row: -row.top1):
        best.setdefault(row.network, row)
    return list(best.values())[:count]
