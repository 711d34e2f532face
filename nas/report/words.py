"""What a pick is and how it stands, in words that a search's screen and its page share."""

from collections.abc import Mapping
from typing import Any

from search_spaces.quantities import Quantity

FULL = 0.95  # of T: a pick that takes less leaves some of it
NUMBERS = {1: "It is", 2: "Both are"}


def merit(best: Mapping[str, Any]) -> str:
    """What networks are compared by: `top-1`, less some times its ± where that is known.

    Args:
        best: best.json.
    """
    if unit := best.get("unit"):
        return str(unit)
    spreads = best.get("caution") and best.get("spread") is not None
    return f"top-1 less {best['caution']:g} times its ±" if spreads else "top-1"


def agreed(best: Mapping[str, Any]) -> bool:
    """Whether both objectives pick the same network."""
    other = best.get("other") or {}
    return bool(other.get("id", "") == best.get("id"))


def roles(best: Mapping[str, Any]) -> str:
    """A sentence on what the picks are picked for."""
    hard = f"of the networks within T the one of the highest {merit(best)}"
    soft = (
        "the best by --objective soft of the networks within T, the only ones evaluated: it may "
        "give up some of that for a lower cost"
    )
    names = {"hard": (hard, soft), "soft": ("the best by --objective soft, within T or not", hard)}
    own, others = names[best["objective"]]
    if agreed(best):
        which = "of these" if best["objective"] == "hard" else "within T"
        return f"pick: {own}; --objective {best['other']['objective']} picks the same {which}."
    return f"pick: {own}" + (f"; other pick: {others}." if best.get("other") else ".")


def short_role(best: Mapping[str, Any], objective: str) -> str:
    """What the pick by an objective is, in a row of the page's table."""
    if objective == "hard":
        return f"highest {merit(best)} within T"
    if best.get("objective") == "hard":
        return "best by soft of the networks within T"
    return "best by soft, within T or not" if objective == "soft" else objective


def scaled_to(best: Mapping[str, Any]) -> str:
    """What B0 is scaled to beside the pick: T, or with `soft` what the pick takes."""
    scaled = (best.get("otherwise") or {}).get("scaled_b0") or {}
    return str(scaled.get("to", "T")) if best.get("objective") == "soft" else "T"


def taking(best: Mapping[str, Any], of: Quantity) -> str:
    """A sentence on how much of T the pick by `soft` takes; empty where that is T, or hard's.

    Args:
        best: best.json.
        of: The quantity that has the target.
    """
    share = of.base(best[of.column]) / best["target"]
    if best["objective"] != "soft" or FULL <= share <= 1:
        return ""
    much = f"{share:.3g} times T" if share > 1 else f"{share:.2g} of T"
    time = " (of an image's time)" if of.inverse else ""
    return (
        f"The pick takes {much}{time}, as --objective soft allows: its reward, accuracy * (cost / "
        "T) ** -0.07 (MnasNet, eq. 2), is the highest there. The default, --objective hard, stays "
        "within T."
    )


def above_pick(best: Mapping[str, Any]) -> str:
    """A sentence on the published networks whose printed top-1 is above the pick's, if any is."""
    rows = (best.get("otherwise") or {}).get("published") or []
    accuracy = best.get("accuracy")
    if accuracy is None or "unit" in best:
        return ""
    over = [row for row in rows if row["top1"] > accuracy]
    if not over:
        return ""
    who = NUMBERS.get(len(rows), f"All {len(rows)} are")
    if len(over) < len(rows):
        who = f"{over[0]['network']} is" if len(over) == 1 else f"{len(over)} of them are"
    same = (
        "; given one's blocks, nas predict says what it would have by the pick's"
        if best.get("evaluator") == "imagenet" else ""
    )  # fmt: skip
    return (
        f"{who} above the pick's {accuracy:.2f} %, by other recipes, some of them much longer, so "
        f"these numbers don't compare{same}."
    )
