"""Networks of a search by address: `RUN:pick`, `RUN:other`, `RUN:beside`, `RUN:@300M`, `RUN:ID`."""

import contextlib
import csv
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from results.runs.files import Kinds, check_kinds, named, read_json
from results.runs.folder import RECORD, STORE, read_record, trials_left
from search_spaces.architecture import from_dict, to_dict
from search_spaces.cost import cost
from search_spaces.errors import UserError
from search_spaces.quantities import QUANTITIES

FRONT = "front.json"
TABLES = ("front.csv", "trials.csv")
TRAINED = ("train", "supernet")  # kinds of runs that end in weights
SEARCH = "-search"  # what the search's name ends in that `nas fit` makes before its training
BESIDE = "beside"  # what the pick stands beside
_ID = re.compile(r"[0-9a-f]{2,12}")
_NUMBERS = (  # of a table; what is not known of a failure is empty
    "number", "accuracy", "spread", "macs", "params", "memory", "budget", "seconds",
)  # fmt: skip
_NUMBER, _MAYBE = (int, float), (dict, type(None))
_ROW: Mapping[str, Kinds] = {"id": str, "accuracy": _NUMBER, "macs": _NUMBER, "architecture": dict}
_BEST: Mapping[str, Kinds] = {
    **_ROW, "params": _NUMBER, "memory": _NUMBER, "other": _MAYBE, "otherwise": _MAYBE,
    "baseline": _MAYBE,
}  # fmt: skip


def network_at(folder: Path, best: Any, which: str) -> Mapping[str, Any]:
    """What an object of best.json or front.json says of a network.

    Args:
        folder: Of the run.
        best: What its best.json holds.
        which: `pick`, `other` (of the other objective), `beside` (what one would otherwise take),
            `@300M` (the most accurate of the front within so many multiply-adds), or an id, or how
            it begins: of these networks, else of any that was evaluated.

    Raises:
        UserError: There is none, or several begin so; what would do is listed.
    """
    held = best if isinstance(best, dict) else {}
    if which == "pick":
        return _object(best, folder)
    if which == "other":
        return _object(held.get("other"), folder)
    otherwise = held.get("otherwise")
    otherwise = otherwise if isinstance(otherwise, dict) else {}
    if which == BESIDE:
        why = otherwise.get("absent")
        return _object(otherwise.get("scaled_b0"), folder, why if isinstance(why, str) else "")
    _check_search(folder, which)
    rows = front_rows(folder / FRONT)
    if which.startswith("@"):
        most = QUANTITIES["flops"].parse(which[1:], f"the budget of {folder.name}:{which}")
        caution = held.get("caution")
        found = best_within(rows, most, caution if isinstance(caution, int | float) else 0.0)
        if found is None:
            least = QUANTITIES["flops"].format(min(row["macs"] for row in rows))
            raise UserError(
                f"no network of the front of {folder} takes {which[1:]} or less: the smallest "
                f"takes {least}"
            )
        return found
    named = [row for row in (held, held.get("other"), *rows) if isinstance(row, dict)]
    begin = _beginning(named, which) or _beginning(_evaluated(folder), which)
    if len(begin) == 1:
        return begin[0]
    some = ", ".join(row["id"] for row in (begin or rows)[:4])
    what = f"{len(begin)} networks" if begin else "no network"
    raise UserError(
        f"{what} of {folder} {'begin' if begin else 'is called'} {which!r}: expected pick, other, "
        f"{f'{BESIDE}, ' * isinstance(otherwise.get('scaled_b0'), dict)}@300M for the best of the "
        f"front within 300M multiply-adds, or an id of front.csv or trials.csv, as {some}"
    )


def _beginning(rows: Iterable[Mapping[str, Any]], which: str) -> list[Mapping[str, Any]]:
    """The networks whose ids begin so, each once."""
    if not _ID.fullmatch(which):
        return []
    return [*{str(row["id"]): row for row in rows if str(row.get("id")).startswith(which)}.values()]


def _evaluated(folder: Path) -> Iterator[Mapping[str, Any]]:
    """Every network that is in the run's journal; of a run in a database none."""
    from results.runs.journal import read

    if not (folder / STORE).is_file():
        return
    with contextlib.suppress(KeyError):  # of another program
        for network in dict.fromkeys(trial.architecture for trial in read(folder / STORE).trials):
            yield {"id": network.id, "architecture": to_dict(network)}


def best_within(
    rows: Sequence[Mapping[str, Any]], most: float, caution: float = 0.0, column: str = "macs"
) -> Mapping[str, Any] | None:
    """The most accurate of a front within a cost, the cheapest of equals.

    Args:
        rows: The front.
        most: Multiply-adds at most, or what else the column has.
        caution: How many spreads are taken off an accuracy before it is compared, as for the pick.
        column: Of the cost.

    Returns:
        None if there is none.
    """
    able = [row for row in rows if row[column] <= most]

    def merit(row: Mapping[str, Any]) -> tuple[float, float]:
        return row["accuracy"] - caution * (row.get("spread") or 0.0), -row[column]

    return max(able, key=merit, default=None)


def _object(row: Any, folder: Path, why: str = "") -> Mapping[str, Any]:
    if not isinstance(row, dict):
        text = f"the run {folder} has no such network: expected another, as {folder.name}:pick"
        raise UserError(f"{text}. {why}".removesuffix("." * bool(why)))
    return row


def _check_search(folder: Path, which: str) -> None:
    """Refuses a training, and names the search before it where there is one. Raises UserError."""
    record = read_record(folder) if (folder / RECORD).is_file() else {"experiment": {}}
    if record["experiment"].get("kind") not in TRAINED:
        return
    search = folder.with_name(f"{folder.name}{SEARCH}")
    there = (search / FRONT).is_file()
    raise UserError(
        f"{folder.name} is a training, of one network: take "
        + (f"{search.name}:{which}" if there else f"{folder.name}:pick, or a run of nas search")
    )


def front_rows(place: Path) -> list[dict[str, Any]]:
    """The rows of a front.json. Raises UserError where it is missing or damaged."""
    if not place.is_file():
        raise UserError(
            f"there is no {place}, which a search writes at its end: run its command again to "
            "address networks of its front"
        )
    rows = read_json(place)
    if not isinstance(rows, list) or not rows:
        raise UserError(f"{place} holds no list of networks: expected those of the front")
    for number, row in enumerate(rows):
        check_kinds(row, f"network {number} of {place}", _ROW)
    return rows


def check_tables(folder: Path, record: Mapping[str, Any]) -> None:
    """Refuses what a search wrote of its trials and its front at its end.

    Args:
        folder: Of the run.
        record: What its run.json holds.

    Raises:
        UserError: A file is damaged, or missing in a run that has a pick; it is named.
    """
    there = [name for name in (FRONT, *TABLES) if (folder / name).is_file()]
    lost = [name for name in (FRONT, *TABLES) if name not in there]
    if lost and record["sessions"][-1].get("picked"):
        raise UserError(f"{folder} has no {', '.join(lost)} any more")
    ids = {name: ids_of(folder / name) for name in TABLES if name in there}
    front, held = ids.get("front.csv"), len(ids.get("trials.csv", ()))
    if FRONT in there:
        rows = front_rows(folder / FRONT)
        if front is not None and sorted(front) != sorted(row["id"] for row in rows):
            raise UserError(f"{folder / 'front.csv'} and {FRONT} hold different networks")
    if "trials.csv" in there and held < (left := trials_left(record)):
        raise UserError(f"{folder / 'trials.csv'} holds {held:,} of {left:,} trials")


def ids_of(table: Path) -> list[str]:
    """The networks of a table of trials. Raises UserError where it is none as a search writes."""
    return [row["id"] for row in cells_of(table, _NUMBERS, ("id",))]


def cells_of(
    table: Path, numbers: Sequence[str], texts: Sequence[str] = ()
) -> list[dict[str, str]]:
    """The rows of a table, without the rest of their columns.

    Args:
        table: The file.
        numbers: Its columns of numbers, which may be empty.
        texts: Other columns that it must have.

    Raises:
        UserError: It is no table as a run writes it; what is wrong is named.
    """
    rows: list[dict[str, str]] = []
    try:
        with table.open(newline="", encoding="utf-8") as file:
            cells = csv.reader(file)
            head = next(cells, [])
            lacks = [name for name in (*texts, *numbers) if name not in head]
            if lacks:
                others = f" and {len(lacks) - 3} others" if len(lacks) > 3 else ""
                raise ValueError(f"it has no column {', '.join(lacks[:3])}{others}")
            places = {name: head.index(name) for name in texts}
            amounts = [head.index(name) for name in numbers]
            for row in cells:
                if len(row) != len(head):
                    raise ValueError(f"row {len(rows) + 1} has {len(row)} cells, not {len(head)}")
                for place in amounts:
                    float(row[place] or 0)
                rows.append({name: row[place] for name, place in places.items()})
    except (csv.Error, ValueError) as error:
        raise UserError(f"{table} is no table as a run writes it: {error}") from None
    return rows


def check_best(best: Any, place: str) -> None:
    """Refuses a search's best.json whose fields can't be those of its network.

    Args:
        best: What it holds.
        place: Names it in messages.

    Raises:
        UserError: A field is of another kind, or not the network's.
    """
    check_kinds(best, place, _BEST)
    try:
        network = from_dict(best["architecture"])
    except UserError as error:
        raise UserError(f"{place} has no network for architecture: {error}") from None
    figures = cost(network)
    for name, value in (("id", network.id), ("macs", figures.macs), ("params", figures.params)):
        if best[name] != value:
            raise UserError(
                f"{place} has {named(best[name])} for {name}: expected {value}, its network's"
            )
