"""Networks of a search by address: `RUN:pick`, `RUN:other`, `RUN:@300M`, `RUN:ID`."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from results.runs.files import Kinds, check_kinds, read_json
from search_spaces.errors import UserError
from search_spaces.quantities import QUANTITIES

FRONT = "front.json"
_ID = re.compile(r"[0-9a-f]{2,12}")


def network_at(folder: Path, best: Any, which: str) -> Mapping[str, Any]:
    """What an object of best.json or front.json says of a network.

    Args:
        folder: Of the run.
        best: What its best.json holds.
        which: `pick`, `other` (of the other objective), `@300M` (the most accurate of the front
            within so many multiply-adds), or an id, or how it begins.

    Raises:
        UserError: There is none, or several begin so; what would do is listed.
    """
    place = folder / FRONT
    if which == "pick":
        return _object(best, folder)
    if which == "other":
        other = best.get("other") if isinstance(best, dict) else None
        return _object(other, folder)
    rows = front_rows(place)
    if which.startswith("@"):
        most = QUANTITIES["flops"].parse(which[1:], f"{folder.name}:@")
        caution = best.get("caution") if isinstance(best, dict) else None
        found = best_within(rows, most, caution if isinstance(caution, int | float) else 0.0)
        if found is None:
            least = QUANTITIES["flops"].format(min(row["macs"] for row in rows))
            raise UserError(
                f"no network of the front of {folder} takes {which[1:]} or less: the smallest "
                f"takes {least}"
            )
        return found
    begins = [row for row in rows if row["id"].startswith(which)]
    if _ID.fullmatch(which) and len(begins) == 1:
        return begins[0]
    some = ", ".join(row["id"] for row in (begins or rows)[:4])
    several = bool(begins and _ID.fullmatch(which))
    what = f"{len(begins)} networks" if several else "no network"
    raise UserError(
        f"{what} of the front of {folder} {'begin' if several else 'is called'} {which!r}: "
        f"expected pick, other, @300M for the best within 300M, or an id of front.csv, as {some}"
    )


def best_within(
    rows: Sequence[Mapping[str, Any]], macs: float, caution: float = 0.0
) -> Mapping[str, Any] | None:
    """The most accurate of a front within so many multiply-adds, the cheapest of equals.

    Args:
        rows: The front.
        macs: The most.
        caution: How many spreads are taken off an accuracy before it is compared, as for the pick.

    Returns:
        None if there is none.
    """
    able = [row for row in rows if row["macs"] <= macs]

    def merit(row: Mapping[str, Any]) -> tuple[float, float]:
        return row["accuracy"] - caution * (row.get("spread") or 0.0), -row["macs"]

    return max(able, key=merit, default=None)


def _object(row: Any, folder: Path) -> Mapping[str, Any]:
    if not isinstance(row, dict):
        raise UserError(f"the run {folder} has no such network: expected {folder.name}:pick")
    return row


def front_rows(place: Path) -> list[dict[str, Any]]:
    """The rows of a front.json. Raises UserError where it is missing or damaged."""
    if not place.is_file():
        raise UserError(
            f"there is no {place}, which a search writes at its end: run its command again to "
            "address networks of its front"
        )
    rows = read_json(place)
    if not isinstance(rows, list) or not rows:
        raise UserError(f"{place} holds no list of networks: run the search's command again")
    kinds: dict[str, Kinds] = {
        "id": str,
        "accuracy": (int, float),
        "macs": (int, float),
        "architecture": dict,
    }
    for number, row in enumerate(rows):
        check_kinds(row, f"network {number} of {place}", kinds)
    return rows
