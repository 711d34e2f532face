"""A second opinion on a family, beside the law's: what `nas predict` says of its networks."""

from collections.abc import Mapping, Sequence
from typing import Any

from gridsearch.prior.prior import ScalingPrior
from nas.imagenet.evaluator import ImagenetEvaluator
from nas.imagenet.joint.domain import BEYOND
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
    try:
        prior = ScalingPrior(base, rule)
    except OutOfDomain:
        prior = None
    return {"imagenet": said(networks), "baseline_top1": _levels(base, prior)}


def _levels(base: Architecture, prior: ScalingPrior | None) -> dict[str, float | None]:
    """A baseline's top-1 by the law and by `nas predict`, None where one doesn't cover it."""
    return {"law": None if prior is None else 100 - prior.error, "imagenet": said([base])[0]}


def said(networks: Sequence[Architecture]) -> list[float | None]:
    """What `nas predict` says of networks, in percent; None outside of its evidence."""
    model = ImagenetEvaluator()

    def one(network: Architecture) -> float | None:
        try:
            return model(network, 1.0, 0).accuracy
        except OutOfDomain:
            return None

    return [one(network) for network in networks]


def _extrapolated(network: Architecture) -> bool:
    """Whether `nas predict` has a number of a network that is beyond its evidence."""
    try:
        return any(BEYOND in note for note in ImagenetEvaluator().notes(network))
    except OutOfDomain:
        return False


def doubts(
    evaluator: object, phis: Sequence[float], pick: Sequence[Architecture],
    paper: Sequence[Architecture],
) -> dict[str, Any]:  # fmt: skip
    """What coefficients.json holds of how far the law is to be trusted.

    Args:
        evaluator: Of the grid; where it is not the law there is nothing to say.
        phis: Whose budgets families are judged at.
        pick: The picked family's networks at these.
        paper: Those of the paper's.

    Returns:
        imagenet: as of `said`, of the pick and of the paper's; law: top-1 of the pick's networks,
        and its ±; baseline_top1: as of `second_opinion`; outside: where the pick's networks are
        outside what the law, or the model of `nas predict`, was fitted to.
    """
    if not isinstance(evaluator, ScalingPrior):
        return {"imagenet": None, "law": None, "baseline_top1": None, "outside": []}
    pairs = list(zip(phis, pick, strict=True))
    outside = [f"phi {phi:g}: {note}" for phi, one in pairs for note in evaluator.notes(one)]
    if far := ", ".join(f"{phi:g}" for phi, one in pairs if _extrapolated(one)):
        outside.append(
            f"phi {far}: something of the network is {BEYOND} of `nas predict`, whose number is "
            "extrapolated there"
        )
    return {
        "imagenet": [said(pick), said(paper)],
        "law": [values.tolist() for values in evaluator.predict(pick)],
        "baseline_top1": _levels(evaluator.baseline, evaluator),
        "outside": outside,
    }


BETWEEN = "Where the two differ, expect something between them."


def alike(first: Mapping[str, float | None] | None) -> bool:
    """Whether the law and `nas predict` begin at the same level of a baseline."""
    law, imagenet = (first or {}).get("law"), (first or {}).get("imagenet")
    return law is not None and imagenet is not None and abs(imagenet - law) <= ALIKE


def other_recipe(first: Mapping[str, float]) -> str:
    """Why gains are compared and not levels, up to the list of them."""
    return (
        f"speaks of EfficientNet's full recipe, in which it gives the baseline "
        f"{first['imagenet']:.1f} %; the law starts from the {first['law']:.1f} % that are "
        "printed. That is another recipe, or `nas predict` errs, as it does by 1 to 3 points "
        "between kinds of networks. So compare gains over the baseline:"
    )


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
    levels = alike(first)
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
        return f"{model}says {listed} %.{more} {BETWEEN}"
    listed = ", ".join(
        f"{row['name']} {row['top1'] - first['law']:+.1f} by the law, "
        f"{other - first['imagenet']:+.1f} by `nas predict`"
        for row, other in pairs
        if row["ratio"] != 1
    )
    return f"{model}{other_recipe(first)} {listed}.{more} {BETWEEN}"
