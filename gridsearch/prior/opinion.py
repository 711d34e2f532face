"""A second opinion on a family, beside the law's: what `nas predict` says of its networks."""

from collections.abc import Mapping, Sequence
from typing import Any

from gridsearch.prior.prior import ScalingPrior
from nas.imagenet.evaluator import ImagenetEvaluator
from nas.imagenet.joint.domain import BEYOND
from search_spaces.architecture import Architecture
from search_spaces.errors import OutOfDomain

ALIKE = 0.5  # points up to which two levels of a baseline count as one
LEVEL = 0.05  # points within which a difference counts as none
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
        level = 100 - ScalingPrior(base, rule).error
    except OutOfDomain:
        level = None
    return {
        "imagenet": said(networks),
        "baseline_top1": {"law": level, "imagenet": said([base])[0]},
    }


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
        imagenet: as of `said`, of the pick and of the paper's; outside: where the pick's networks
        are outside what the law, or the model of `nas predict`, was fitted to.
    """
    if not isinstance(evaluator, ScalingPrior):
        return {"imagenet": None, "outside": []}
    pairs = list(zip(phis, pick, strict=True))
    outside = [f"phi {phi:g}: {note}" for phi, one in pairs for note in evaluator.notes(one)]
    if far := ", ".join(f"{phi:g}" for phi, one in pairs if _extrapolated(one)):
        outside.append(
            f"phi {far}: something of the network is {BEYOND} of `nas predict`, whose number is "
            "extrapolated there"
        )
    return {"imagenet": [said(pick), said(paper)], "outside": outside}


SECOND = (
    "A second opinion, top-1 in % by `nas predict`, a model of whole networks and not of how they "
    "scale (- where its evidence does not reach to):"
)


def multiples(phis: Sequence[float]) -> list[str]:
    """Budgets of phis, as multiples of the baseline's MACs."""
    return [f"{2.0**phi:.4g}x" for phi in phis]


def second_rows(chosen: Figures) -> list[dict[str, str]]:
    """What `nas predict` says of a grid's pick and of the paper's family, a column a budget.

    Args:
        chosen: What coefficients.json holds.
    """
    found = chosen.get("imagenet")
    if not found or all(top1 is None for top1 in found[0]):
        return []
    names = ("pick", "paper's") if found[0] != found[1] else ("pick",)
    budgets = multiples(chosen["for_phi"])
    return [
        {"": name}
        | {
            budget: "-" if top1 is None else f"{top1:.2f}"
            for budget, top1 in zip(budgets, each, strict=True)
        }
        for name, each in zip(names, found, strict=False)
    ]


def papers_able(chosen: Figures) -> bool:
    """Whether the paper's family can be taken; it can't where it needs too much memory.

    Args:
        chosen: What coefficients.json holds; that of earlier versions says it by the pick alone.
    """
    paper = chosen.get("paper") or {}
    return paper.get("best", 0) is not None and chosen["pick"]["over_paper"] >= 0


def advice(chosen: Figures) -> str:
    """A sentence on budgets at which `nas predict` has the pick below the paper's; else empty."""
    found: Sequence[Any] = chosen.get("imagenet") or ([], [])
    if not papers_able(chosen):
        return ""
    short = {  # as they are printed
        budget: round(round(other, 2) - round(mine, 2), 2)
        for budget, mine, other in zip(multiples(chosen["for_phi"]), *found, strict=False)
        if None not in (mine, other)
    }
    behind = ", ".join(at for at, points in short.items() if points > LEVEL)
    level = ", ".join(at for at, points in short.items() if abs(points) <= LEVEL)
    text = ""
    if behind:
        text = (
            f"By that the paper's network is the better one at {behind}: where that matters train "
            "both."
        )
    if level and found[0] != found[1]:
        text += f" At {level} the two are within {LEVEL:g} points, which counts as level."
    return text.strip()


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
