"""A second opinion on a family, beside the law's: what `nas predict` says of its networks."""

from collections.abc import Mapping, Sequence
from typing import Any

from gridsearch.prior.prior import ScalingPrior
from nas.imagenet.evaluator import ImagenetEvaluator
from search_spaces.architecture import Architecture
from search_spaces.errors import OutOfDomain

ALIKE = 0.5  # points up to which two levels of a baseline count as one
Figures = Mapping[str, Any]


def second_opinion(
    base: Architecture, networks: Sequence[Architecture], rule: str | None = None
) -> dict[str, Any]:
    """What family.json holds of it.

    Args:
        base: The family's baseline.
        networks: The family.
        rule: Its scaling rule, None for the baseline's own.

    Returns:
        imagenet: what `nas predict` says of each network by its stages, in percent, None outside of
        its evidence; baseline: the baseline's top-1 as the law (`top1`) and as `nas predict`
        (`imagenet`) have it, None where one doesn't cover it.
    """
    model = ImagenetEvaluator()

    def said(network: Architecture) -> float | None:
        try:
            return model(network, 1.0, 0).accuracy
        except OutOfDomain:
            return None

    try:
        level = 100 - ScalingPrior(base, rule).error
    except OutOfDomain:
        level = None
    return {
        "imagenet": [said(network) for network in networks],
        "baseline_top1": {"law": level, "imagenet": said(base)},
    }


def opinion_text(content: Mapping[str, Any]) -> str:
    """A sentence or two on it; empty where the two agree within the law's spread.

    Levels are compared where both begin at the same one of the baseline, else gains over it.
    """
    networks: Sequence[Figures] = content["networks"]
    first = content["baseline_top1"]
    pairs = [
        (row, other) for row, other in zip(networks, content["imagenet"], strict=True)
        if other is not None and row["top1"] is not None
    ]  # fmt: skip
    if None in (first["law"], first["imagenet"]) or not pairs:
        return ""
    levels = abs(first["imagenet"] - first["law"]) <= ALIKE
    if levels and not any(
        row["top1_error"] and abs(other - row["top1"]) > row["top1_error"] for row, other in pairs
    ):
        return ""
    model = "A second opinion: `nas predict`, a model of whole networks and not of how they scale, "
    known = {row["name"] for row, _ in pairs}
    beyond = ", ".join(row["name"] for row in networks if row["name"] not in known)
    more = f" Its evidence does not reach to {beyond}." if beyond else ""
    if levels:
        listed = ", ".join(f"{row['name']} {other:.1f}" for row, other in pairs)
        return f"{model}says {listed} %.{more} Where the two differ, expect something between them."
    listed = ", ".join(
        f"{row['name']} {row['top1'] - first['law']:+.1f} by the law, "
        f"{other - first['imagenet']:+.1f} by `nas predict`"
        for row, other in pairs
        if row["ratio"] != 1
    )
    return (
        f"{model}speaks of EfficientNet's full recipe, in which it gives the baseline "
        f"{first['imagenet']:.1f} %; the table starts from {first['law']:.1f} % of another recipe. "
        f"So compare gains over the baseline: {listed}.{more} Where the two differ, expect "
        "something between them."
    )
