"""What a grid says of the second opinion on its pick, in tables and in words."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from gridsearch.prior.opinion import BETWEEN, Figures, alike, other_recipe

LEVEL = 0.05  # points within which a difference counts as none

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


class Beside(NamedTuple):
    """A grid's pick by `nas predict`, at the budgets that it speaks of.

    Attributes:
        behind: Budget -> points by which the pick is below the paper's.
        level: Budgets at which the two are level.
        between: Budgets at which it is farther from the law than the law's ±, from one level.
        mean: Points by which the pick is above the paper's on the average, None where a budget
            lacks it.
    """

    behind: Mapping[str, float]
    level: Sequence[str]
    between: Sequence[str]
    mean: float | None


def beside(chosen: Figures) -> Beside:
    """What `nas predict` says of a grid's pick.

    Args:
        chosen: What coefficients.json holds; that of earlier versions says less.
    """
    found: Sequence[Any] = chosen.get("imagenet") or ([], [])
    budgets = multiples(chosen["for_phi"])
    between = [
        at
        for at, said, top1, error in zip(
            budgets, found[0], *(chosen.get("law") or ([], [])), strict=False
        )
        if said is not None and abs(said - top1) > error
    ]
    between = between if alike(chosen.get("baseline_top1")) else []
    if not papers_able(chosen):
        return Beside({}, [], between, None)
    over = {  # as they are printed
        budget: round(round(mine, 2) - round(other, 2), 2)
        for budget, mine, other in zip(budgets, *found, strict=False)
        if None not in (mine, other)
    }
    same = not found[0] or found[0] == found[1]
    return Beside(
        {at: -points for at, points in over.items() if points < -LEVEL},
        [at for at, points in over.items() if abs(points) <= LEVEL and not same],
        between,
        sum(over.values()) / len(over) if over and len(over) == len(budgets) else None,
    )


def named_budgets(chosen: Figures) -> set[str]:
    """Budgets that `advice` speaks of."""
    found = beside(chosen)
    return {*found.behind, *found.level, *found.between}


def contradicted(chosen: Figures) -> str:
    """A clause where `nas predict` has the whole pick below the paper's and the law above it."""
    mean, law = beside(chosen).mean, chosen["pick"]["over_paper"]
    if mean is None or mean >= -LEVEL or law <= LEVEL:
        return ""
    return f"`nas predict` has the pick {-mean:.2f} points below the paper's family on the average"


def advice(chosen: Figures) -> str:
    """What follows from the second opinion; empty where nothing does.

    Where it has the pick below the paper's, where the two are level, and how it goes with the law.
    """
    found = beside(chosen)
    behind = ", ".join(f"{at} (by {points:.2f})" for at, points in found.behind.items())
    level = ", ".join(found.level)
    texts = []
    if behind:
        texts.append(
            f"By that the paper's network is the better one at {behind}: where that matters train "
            "both."
        )
    if level:
        texts.append(f"At {level} the two are within {LEVEL:g} points, which counts as level.")
    if said := contradicted(chosen):
        over = chosen["pick"]["over_paper"]
        texts.append(f"{said}, the law {over:.2f} above it: which is right only training can tell.")
    if found.between:
        texts.append(
            f"At {', '.join(found.between)} `nas predict` is farther from the law than its ±: "
            "expect something between them."
        )
    texts += _gains(chosen)
    return " ".join(texts)


def _ends(listed: Sequence[str]) -> str:
    """The first and the last of them."""
    return " and ".join(dict.fromkeys([*listed[:1], *listed[-1:]]))


def _gains(chosen: Figures) -> list[str]:
    """Where a baseline's levels differ: that gains are to be compared, and the pick's."""
    first, law = chosen.get("baseline_top1"), chosen.get("law")
    if not first or None in first.values() or alike(first) or not law:
        return []
    by_law, by_model = (
        _ends(
            [
                f"{top1 - level:+.1f} at {at}"
                for at, top1 in zip(multiples(chosen["for_phi"]), gained, strict=True)
                if top1 is not None
            ]
        )
        for gained, level in ((law[0], first["law"]), (chosen["imagenet"][0], first["imagenet"]))
    )
    if not by_model:
        return []
    return [
        f"`nas predict` {other_recipe(first)} the pick's are {by_law} by the law, and {by_model} "
        f"by `nas predict`. {BETWEEN}"
    ]
