"""What a pick is and how it stands, in words that a search's screen and its page share."""

from collections.abc import Mapping, Sequence
from typing import Any

from nas.imagenet.granted import Granted, even, promised, untested
from nas.imagenet.published import COLUMNS
from search_spaces.quantities import QUANTITIES, Quantity

FULL = 0.95  # of T: a pick that takes less leaves some of it
LITTLE = 0.8  # of T: a pick by `hard` that takes less is told why
MUCH = 1.5  # times the multiply-adds: a comparison of unlike things
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


def roles(best: Mapping[str, Any], of: Quantity) -> str:
    """What the picks are picked for, and how the other objective's stands beside the pick.

    Args:
        best: best.json.
        of: The quantity that has the target.
    """
    hard = f"of the networks within T the one of the highest {merit(best)}"
    soft = "the best by --objective soft of the networks within T, the only ones evaluated"
    names = {"hard": (hard, soft), "soft": ("the best by --objective soft, within T or not", hard)}
    own, others = names[best["objective"]]
    if agreed(best):
        which = "of these" if best["objective"] == "hard" else "within T"
        return f"pick: {own}; --objective {best['other']['objective']} picks the same {which}."
    if not best.get("other"):
        return f"pick: {own}."
    return f"pick: {own}; other pick: {others}. {_aside(best, best['other'], of)}"


def _aside(best: Mapping[str, Any], other: Mapping[str, Any], of: Quantity) -> str:
    """Why the other objective's pick is there, what it costs and what it saves."""
    times = other[of.column] / best[of.column]
    more = round(other["accuracy"] - best["accuracy"], 2)
    points = f"{abs(more):.2f} points {'more' if more > 0 else 'less'} top-1"
    much = f"{times:.2g} times the pick's" if f"{times:.2g}" != "1" else "nearly the pick's"
    stands = f"{much} {of.title} and {points if more else 'the same top-1'}"
    if best["objective"] == "hard":
        return (
            "It is there for those to whom a low cost is worth more, since soft counts half the "
            f"cost as much as 5 % of the accuracy: it has {stands}."
        )
    return f"It is what the default, --objective hard, would pick, and has {stands}."


def short_role(best: Mapping[str, Any], objective: str) -> str:
    """What the pick by an objective is, in a row of the page's table."""
    if objective == "hard":
        return f"highest {merit(best)} within T"
    if best.get("objective") == "hard":
        return "best by soft of the networks within T"
    return "best by soft, within T or not" if objective == "soft" else objective


def scaled_to(best: Mapping[str, Any]) -> str:
    """What B0 is scaled to beside the pick: T and limits, or with `soft` what the pick takes."""
    scaled = (best.get("otherwise") or {}).get("scaled_b0") or {}
    return str(scaled.get("to") or "T").removeprefix("the same ")


def taking(best: Mapping[str, Any], of: Quantity) -> str:
    """A sentence on how much of T the pick by `soft` takes; empty where that is T, or hard's.

    Args:
        best: best.json.
        of: The quantity that has the target.
    """
    share = of.base(best[of.column]) / best["target"]
    if best["objective"] != "soft" or FULL <= share <= 1:
        return ""
    much = f"takes {share:.3g} times T" if share > 1 else f"takes {share:.2g} of T"
    much = _does(best, of) if of.inverse else much
    what = merit(best)
    what = f"({what})" if " " in what else what
    return (
        f"The pick {much}, as --objective soft allows: its reward, {what} * (cost / T) ** -0.07 "
        "(MnasNet, eq. 2), is the highest there. The default, --objective hard, stays within T."
    )


def beyond(best: Mapping[str, Any], figures: Mapping[str, Any]) -> list[str]:
    """Which of T and the limits a network breaks, by their titles, of those that are counted.

    Args:
        best: best.json.
        figures: The network's columns.
    """
    limits = {best.get("quantity", "flops"): best["target"], **best.get("limits", {})}
    counted = [(QUANTITIES[key], most) for key, most in limits.items() if key in QUANTITIES]
    return [of.title for of, most in counted if of.base(figures[of.column]) > most]


def leaving(best: Mapping[str, Any], of: Quantity) -> str:
    """A sentence on a pick by `hard` that leaves much of T, and why; empty for others.

    Args:
        best: best.json.
        of: The quantity that has the target.
    """
    share = of.base(best[of.column]) / best["target"]
    if best["objective"] != "hard" or share >= LITTLE:
        return ""
    part = f"{share:.0%}" if share >= 0.01 else "a hundredth or less"
    why = (
        "within the other limits this search found nothing better nearer to T" if best.get("limits")
        else "`nas spaces` says how far the space reaches"
    )  # fmt: skip
    return f"The pick {_does(best, of) if of.inverse else f'takes only {part} of T'}: {why}."


def _does(best: Mapping[str, Any], of: Quantity) -> str:
    """What the pick does of a quantity of which people ask for more, as images a second."""
    own, asked = of.format(of.base(best[of.column])), of.format(best["target"])
    return f"does {own} where {asked} were asked for"


def above_pick(best: Mapping[str, Any]) -> str:
    """A sentence on the published networks whose printed top-1 is above the pick's, if any is.

    Args:
        best: best.json. Of a network that may break T or a limit nothing is said.
    """
    beside, accuracy = best.get("otherwise") or {}, best.get("accuracy")
    rows = beside.get("published") or []
    if accuracy is None or "unit" in best:
        return ""
    over = [row for row in rows if row["top1"] > accuracy and not unchecked(row, beside)]
    if not over:
        return ""
    who = NUMBERS.get(len(rows), f"All {len(rows)} are")
    if len(over) < len(rows):
        who = f"{listed([row['network'] for row in over])} {'are' if len(over) > 1 else 'is'}"
    same = (
        "; nas predict says what one would have by the pick's, of its name or its blocks"
        if best.get("evaluator") == "imagenet" else ""
    )  # fmt: skip
    return (
        f"{who} above the pick's {accuracy:.2f} %, by other recipes, some of them much longer, so "
        f"these numbers don't compare{same}."
    )


def verdict(scaled: Mapping[str, Any]) -> str:
    """A sentence on the pick beside B0 scaled to T; empty where there is none."""
    gain, error = scaled.get("gain"), scaled.get("gain_spread")
    if at := scaled.get("at"):
        return (
            f"EfficientNet-B0 scaled to {_to(scaled)} at the images' {at} px was not trained here: "
            "only its costs can be compared."
        )
    if gain is None or error is None:
        return ""
    if gain == error == 0:
        return f"The pick is EfficientNet-B0 scaled to {_to(scaled)}."
    text, of = f"{abs(gain):.2f} ± {error:.2f} points", f"EfficientNet-B0 scaled to {_to(scaled)}"
    if gain > error:
        times = float(scaled.get("times", 1.0))
        more = f", with {times:.1f} times its multiply-adds" if times >= MUCH else ""
        return f"The pick is predicted {text} above {of}{more}."
    if gain < -error:
        return f"The pick is predicted {text} below {of}: that network is the better choice."
    if round(gain, 2) < 0:
        return (
            f"The pick is predicted {text} below {of}, which is within the error: that network is "
            "the better choice by what is predicted, and well known."
        )
    return (
        f"The pick is not better than {of} by more than its error "
        f"(+{text}): that network is as good a choice, and well known."
    )


def ahead(best: Mapping[str, Any]) -> str:
    """How far the pick is ahead of B0 scaled to T, as the end of a sentence; empty where unknown.

    Args:
        best: best.json.
    """
    scaled = (best.get("otherwise") or {}).get("scaled_b0") or {}
    gain, error = scaled.get("gain"), scaled.get("gain_spread")
    if gain is None or error is None:
        return ""
    of = f"EfficientNet-B0 scaled to {_to(scaled)}"
    if gain == error == 0:
        return f": it is {of}"
    return f": {gain:+.2f} ± {error:.2f} points against {of}{_tested(best)}"


def _tested(best: Mapping[str, Any]) -> str:
    """What such leads were worth where it was tested; empty where none is."""
    if untested(best):
        return ", a lead of a kind that was never tested"
    beside = best.get("otherwise") or {}
    if even(beside):
        return ", and in a test such leads were worth nothing"
    if not beside.get("granted") or not promised(beside):
        return ""
    one = Granted(**beside["granted"])
    return f", and in a test {one.granted:.1f} of {one.promised:.1f} such points were granted"


def _to(scaled: Mapping[str, Any]) -> str:
    return str(scaled.get("to", "the same T"))  # runs of before have none


def published_title(best: Mapping[str, Any]) -> str:
    """What the published networks beside a pick have in common, in words."""
    beside, where = best["otherwise"], f"within T{' and the limits' if best.get('limits') else ''}"
    rows, soft = beside.get("published") or [], best.get("objective") == "soft"
    if soft:
        where = "that take no more than the pick"
    notes, whole = list[str](), True
    for title in beside.get("unchecked") or []:
        of = [str(row["network"]) for row in rows if title in unchecked(row, beside)]
        whole = whole and len(of) == len(rows)
        notes.append(f"{title} not known{'' if len(of) == len(rows) else f' of {listed(of)}'}")
    where += " as far as known" * bool(notes)
    if best.get("quantity", "flops") not in COLUMNS and not soft:
        few = "of no more multiply-adds than the pick"
        where = few if notes and whole and not best.get("limits") else f"{few}, {where}"
    return f"Published networks {where}" + f" ({'; '.join(notes)})" * bool(notes)


def unchecked(row: Mapping[str, Any], beside: Mapping[str, Any]) -> list[str]:
    """Which of T and the limits is not known of a published network; of runs of before of all."""
    return list(row.get("unchecked", beside.get("unchecked") or []))


def listed(names: Sequence[str]) -> str:
    """`a, b and c`."""
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
