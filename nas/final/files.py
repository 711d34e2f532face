"""The files of a training's folder: names, and what they hold, read without being believed."""

import csv
import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from results.export.weights import WEIGHTS
from results.runs.files import Kinds, check_kinds, read_json, read_text
from results.runs.load import BEST
from search_spaces.errors import UserError, install

STATE, HISTORY, SCORES = "state.pt", "history.csv", "scores.json"
INSTALL = install("train")
COLUMNS = ("epoch", "loss", "val_loss", "top1")  # of history.csv, that are read again
_NUMBER: Kinds = (float, int)
_MAYBE: Kinds = (float, int, type(None))
_BEST: Mapping[str, Kinds] = {
    "accuracy": _NUMBER, "spread": _NUMBER, "budget": _NUMBER, "balanced": _NUMBER,
    "top5": _MAYBE, "hours": _MAYBE, "label": str, "architecture": dict,
}  # fmt: skip
_SCORES: Mapping[str, Kinds] = {
    "top1": _NUMBER, "top5": _MAYBE, "balanced": _NUMBER, "majority": _NUMBER, "confusion": list,
    "classes": list, "by_class": list, "worst_images": list, "notes": list,
}  # fmt: skip
_CLASS: Mapping[str, Kinds] = {
    "class": str, "images": int, "right": _MAYBE, "taken_for": (str, type(None)),
}  # fmt: skip
_IMAGE: Mapping[str, Kinds] = {"image": str, "class": str, "named": str, "loss": _NUMBER}


def ended(folder: Path) -> bool:
    """Whether a training ended there, which keeps no state then."""
    whole = (folder / WEIGHTS).is_file() and not (folder / STATE).exists()
    return (folder / BEST).is_file() or whole


def read_best(folder: Path) -> dict[str, Any]:
    """What best.json of a training that ended holds.

    Raises:
        UserError: It is missing or damaged; it is named.
    """
    return _read(folder / BEST, _BEST)


def read_scores(folder: Path) -> dict[str, Any]:
    """What scores.json holds.

    Raises:
        UserError: It is missing or damaged; it is named.
    """
    place = folder / SCORES
    scores = _read(place, _SCORES)
    for field, kinds in (("by_class", _CLASS), ("worst_images", _IMAGE)):
        for number, row in enumerate(scores[field]):
            check_kinds(row, f"{field} {number} of {place}", kinds)
    rows, of = scores["confusion"], len(scores["classes"])
    counts = (
        isinstance(row, list) and len(row) == of and all(type(n) is int for n in row)
        for row in rows
    )  # fmt: skip
    if len(rows) != of or not all(counts):
        raise UserError(f"{place} has a damaged confusion: expected a row of counts for each class")
    return scores


def read_history(folder: Path) -> list[dict[str, float]]:
    """The rows of history.csv.

    Raises:
        UserError: It is missing or damaged; it is named.
    """
    place = folder / HISTORY
    try:
        rows = [
            {name: float(number) for name, number in row.items()}
            for row in csv.DictReader(io.StringIO(read_text(place)))
        ]
        if not rows or any(name not in row for row in rows for name in COLUMNS):
            raise ValueError
    except (TypeError, ValueError, csv.Error) as error:
        if isinstance(error, UserError):
            raise
        raise UserError(
            f"{place} is damaged: expected a row of numbers for each validation"
        ) from None
    return rows


def _read(place: Path, kinds: Mapping[str, Kinds]) -> dict[str, Any]:
    if not place.is_file():
        raise UserError(f"{place} is missing")
    content: dict[str, Any] = read_json(place)
    check_kinds(content, str(place), kinds)
    return content
