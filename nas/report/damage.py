"""What is damaged or missing of what a run wrote at its end, command by command."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from results.report.record import content
from results.runs.addresses import TABLES, cells_of, check_best, check_tables, ids_of
from results.runs.files import Kinds, check_kinds
from results.runs.folder import trials_left
from results.runs.load import BEST, architecture_of, coefficients_in, mending
from search_spaces.errors import UserError
from search_spaces.scaling.coefficients import LETTERS

COEFFICIENTS = "coefficients.json"
NETWORKS = {"family": "family.json", "compare": "compare.json"}  # what other commands write
_NUMBER = (int, float)
_PICK: Mapping[str, Kinds] = {
    **dict.fromkeys(LETTERS, _NUMBER),
    "product": _NUMBER,
    "ratio": _NUMBER,
}
_TAKEN: Mapping[str, Kinds] = {**_PICK, "family": _NUMBER, "by_phi": list}
_CHOICE: Mapping[str, Kinds] = {
    "pick": dict, "baseline": dict, "removed": dict, "target_ratio": _NUMBER,
}  # fmt: skip
_JUDGED: Mapping[str, Kinds] = {  # of a choice among families
    "paper": dict, "highest": dict, "for_phi": list, "behind": list, "families": int,
    "points": int,
}  # fmt: skip
_FAMILY = (*LETTERS, "product", "ratio", "macs", "params", "memory")
_COLUMNS = {  # of a grid's tables: those of numbers, and the others that a report needs
    "points.csv": ((*_FAMILY, "accuracy", "error", "replicates"), ("moved", "resolution", "pick")),
    "families.csv": ((*_FAMILY, "family", "over_paper", "over_paper_error"), ("pick",)),
}


def ended(record: Mapping[str, Any]) -> bool:
    """Whether a run's last session came to its end."""
    sessions = record["sessions"]
    return bool(sessions) and not sessions[-1].get("interrupted")


def check_results(folder: Path, record: Mapping[str, Any], best: Mapping[str, Any]) -> None:
    """Refuses a run whose command would have to write a file of it anew.

    Args:
        folder: Of the run.
        record: What its run.json holds.
        best: What its best.json holds; empty where there is none.

    Raises:
        UserError: A file is damaged, or missing in a run that ended; it is named.
    """
    kind = record["experiment"].get("kind")
    for of, name in NETWORKS.items():
        check_networks(folder, name, kind == of and ended(record))
    choice = checked_choice(folder / COEFFICIENTS)
    if kind == "gridsearch":
        for why in grid_damage(folder, record, choice).values():
            raise UserError(why)
    if "architecture" not in best:
        return
    if kind == "search" and record["sessions"]:
        check_best(best, str(folder / BEST))
        check_tables(folder, record)
    else:
        architecture_of(best, str(folder / BEST))


def check_networks(folder: Path, name: str, needed: bool) -> None:
    """Raises UserError for a family.json or compare.json without networks, or a needed one lost."""
    found = content(folder / name)
    if found is None:
        if needed:
            raise UserError(f"{folder} has no {name} any more")
        return
    check_kinds(found, str(folder / name), {"networks": list})
    if not found["networks"]:
        raise UserError(f"{folder / name} holds no network")


def checked_choice(place: Path) -> dict[str, Any] | None:
    """What a grid's coefficients.json holds; None where there is none.

    Raises:
        UserError: It is damaged.
    """
    if (choice := content(place)) is None:
        return None
    coefficients_in(choice, str(place))
    check_kinds(choice, str(place), _CHOICE)
    architecture_of(choice["baseline"], f"baseline in {place}")
    check_kinds(choice["pick"], f"pick in {place}", _PICK)
    if "for_phi" in choice:  # none in old files
        check_kinds(choice, str(place), _JUDGED)
        for name in ("pick", "paper", "highest"):
            check_kinds(choice[name], f"{name} in {place}", _TAKEN)
    return choice


def choice_of(place: Path, record: Mapping[str, Any]) -> dict[str, Any] | None:
    """`checked_choice`, which tells in its UserError also what to do.

    Args:
        place: The file.
        record: What the run's run.json holds.
    """
    try:
        return checked_choice(place)
    except UserError as error:
        raise UserError(mending(record, error)) from None


def grid_damage(
    folder: Path, record: Mapping[str, Any], choice: Mapping[str, Any] | None
) -> dict[str, str]:
    """What is wrong with the files of a grid, file by file.

    Args:
        folder: Of the run.
        record: What its run.json holds.
        choice: What its coefficients.json holds; None where there is none.
    """
    found, whole, told = dict[str, str](), ended(record), choice or {}
    if choice is None and whole:
        found[COEFFICIENTS] = f"{folder} has no {COEFFICIENTS} any more"
    if whole and not (folder / BEST).is_file():
        found[BEST] = f"{folder} has no {BEST} any more"
    rows = {"points.csv": told.get("points"), "trials.csv": trials_left(record)}
    if not told or "for_phi" in told:  # none in old runs
        rows["families.csv"] = told.get("families")
    for name, least in rows.items():
        place = folder / name
        if not place.is_file():
            found |= {name: f"{folder} has no {name} any more"} if whole else {}
            continue
        try:
            held = len(ids_of(place) if name in TABLES else cells_of(place, *_COLUMNS[name]))
        except UserError as error:
            found[name] = str(error)
            continue
        if whole and isinstance(least, int) and held < least:
            found[name] = f"{place} holds {held:,} of {least:,} rows"
    return found
