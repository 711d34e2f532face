"""What the promises of picks were worth, by `benchmarks/budgets.py` (table in docs/search.md).

Models of one half of the evidence picked as `nas search` does, and models of the other half, which
did not choose, said how far these picks are above EfficientNet-B0 scaled to the same T.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from nas.objective import CAUTION, Limit, Objective
from search_spaces.networks import EFFICIENTNET_B0
from search_spaces.quantities import QUANTITIES

NEAR = 1.7  # times a T of the table, or one over it, that it still speaks of
JUDGE = "imagenet"  # the evaluator whose promises were tested
WORTH = 0.1  # points granted in the median from which a search is worth more than nothing


class Granted(NamedTuple):
    """Of eighty picks at one T (multiply-adds), points above B0 scaled: medians, least and most."""

    target: float
    promised: float
    granted: float
    least: float
    most: float


TABLE = (
    Granted(30e6, 3.36, 2.13, -0.68, 2.85),
    Granted(52e6, 2.17, 1.16, -0.58, 1.91),
    Granted(60e6, 1.38, 0.05, -1.47, 0.68),
    Granted(70e6, 2.24, 0.76, -0.92, 1.89),
    Granted(100e6, 1.86, 0.78, -1.34, 1.73),
    Granted(200e6, 1.73, 0.76, 0.15, 1.31),
    Granted(400e6, 1.43, 0.17, -0.41, 1.01),
    Granted(800e6, 0.78, -0.09, -0.66, 0.45),
    Granted(1.6e9, 0.50, 0.00, -0.38, 0.19),
    Granted(3.2e9, 0.51, -0.16, -0.56, 0.45),
    Granted(6.4e9, 0.53, 0.11, -0.16, 0.30),
)


def granted(
    evaluator: str, space: str, objective: Objective, macs: float, limits: Sequence[Limit] = ()
) -> dict[str, float] | None:
    """What promises at such a T were worth, as best.json has it; None where nobody tested it.

    Args:
        evaluator: Of the search, by name.
        space: What was searched, by name.
        objective: Its target T.
        macs: What the pick takes: with `soft` it stands beside B0 scaled to that.
        limits: Its other limits that make a difference; nobody tested any.
    """
    asked = (evaluator, space, objective.of_quantity.key, objective.caution)
    if limits or asked != (JUDGE, "mbconv", "flops", CAUTION):
        return None
    target = macs if objective.name == "soft" else objective.target
    one = min(TABLE, key=lambda row: abs(math.log(row.target / target)))
    return one._asdict() if 1 / NEAR <= one.target / target <= NEAR else None


def promised(beside: Mapping[str, Any]) -> bool:
    """Whether the pick is predicted above B0 scaled by more than that may be off.

    Args:
        beside: What best.json holds of the alternatives.
    """
    scaled = beside.get("scaled_b0") or {}
    gain, error = scaled.get("gain"), scaled.get("gain_spread")
    return gain is not None and error is not None and bool(gain > error)


def even(beside: Mapping[str, Any]) -> bool:
    """Whether B0 scaled is as good a choice as a pick that is promised to be better.

    Args:
        beside: As of `promised`.
    """
    tested = beside.get("granted")
    return tested is not None and promised(beside) and bool(tested["granted"] < WORTH)


def untested(best: Mapping[str, Any]) -> bool:
    """Whether the ImageNet model promises a lead that no test speaks of.

    Args:
        best: best.json. Of networks for one's own classes nothing is promised.
    """
    beside = best.get("otherwise") or {}
    classes = (best.get("architecture") or {}).get("classes", EFFICIENTNET_B0.classes)
    asked = best.get("evaluator") == JUDGE and classes == EFFICIENTNET_B0.classes
    return asked and not beside.get("granted") and promised(beside)


def trusted(best: Mapping[str, Any]) -> str:
    """What such a promise was worth elsewhere, in words; empty where none is made.

    Args:
        best: best.json. The T of the table that is nearest to its own was tested.
    """
    beside = best.get("otherwise") or {}
    tested, of = beside.get("granted"), QUANTITIES["flops"]
    if untested(best):
        least, most = (of.format(row.target) for row in (TABLE[0], TABLE[-1]))
        return (
            "How far to trust that: no test speaks of it. Tested were only searches of the space "
            f"mbconv with the usual caution, for a T of {least} to {most} multiply-adds without "
            "other limits, and there evidence that had not chosen the picks took back between a "
            "third of such a lead and more than all of it. So train B0 scaled beside it."
        )
    if tested is None or not promised(beside):
        return ""
    one = Granted(**tested)
    soft = best["objective"] == "soft"
    own, which = (best["macs"], "what the pick takes") if soft else (best["target"], "this one")
    nearest = "" if one.target == own else f", the tested T nearest to {which},"
    by = " of --objective hard" * soft
    text = (
        f"How far to trust that: at {of.format(one.target)}{nearest} eighty picks{by} by one "
        f"half of the evidence were promised {one.promised:.1f} points in the median, and the "
        f"other half granted {one.granted:.1f} ({one.least:.1f} to {one.most:.1f}). "
    ).replace("-0.0", "0.0")
    if even(beside):
        return f"{text}So B0 scaled is as good a choice here, and well known."
    return f"{text}So train B0 scaled beside it."
