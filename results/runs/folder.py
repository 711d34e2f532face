"""A run's folder: who may write it, what experiment it holds, and files written in one step."""

import contextlib
import json
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import filelock

from results.runs.files import EXPECTED, check_kinds, named, read_json, write_json
from results.runs.made import difference, new_record
from search_spaces.errors import UserError, disk_error, said
from search_spaces.scaling.published import named as network_named

RECORD = "run.json"
STORE = "trials.journal"
LOCK = ".lock"
LEFT = (  # files by which a run's folder is known, besides its record
    STORE, "best.json", "front.json", "front.csv", "trials.csv", "family.json",
    "coefficients.json", "compare.json",
)  # fmt: skip
LONGEST_NAME = 200  # letters of a run's name; file systems take 255 bytes


def run_path(name: str, runs: Path = Path("runs")) -> Path:
    """`runs/NAME`.

    Raises:
        UserError: The name is no plain folder name, or a published network's that no run has yet,
            or `runs` is no folder.
    """
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._+=@-]*", name):
        raise UserError(
            f"the run's name is {name!r}: expected letters, digits and . _ + = @ -, beginning "
            "with a letter or digit"
        )
    if len(name) > LONGEST_NAME:
        raise UserError(
            f"the run's name has {len(name)} letters: expected {LONGEST_NAME} or fewer, since it "
            "names a folder"
        )
    if runs.exists() and not runs.is_dir():
        raise UserError(f"{runs} is a file: expected the folder of runs")
    if network_named(name) is not None and not (runs / name).exists():
        raise UserError(
            f"the run's name is {name}, which every command takes for the published network: "
            f"choose another, as my-{name}"
        )
    return runs / name


def run_name(parts: Iterable[str]) -> str:
    """A name that `run_path` takes, of parts joined by dashes; what it can't hold becomes `_`."""
    name = "-".join(re.sub(r"[^A-Za-z0-9._+=@-]", "_", part.replace(" ", "")) for part in parts)
    return name.lstrip("._+=@-") or "run"


def check_run(folder: Path, experiment: Mapping[str, Any]) -> None:
    """Refuses early what `open_run` would refuse, before work that takes long; takes nothing.

    Args:
        folder: Of the run.
        experiment: As far as it is known; what the record holds besides is not looked at.

    Raises:
        UserError: As `open_run`.
    """
    try:
        _check_folder(folder)
    except OSError:
        return  # open_run says why
    if not (folder / RECORD).exists():
        return
    held = read_record(folder)["experiment"]
    wanted = json.loads(json.dumps(experiment))
    if {key: held.get(key) for key in wanted} != wanted:
        raise _another(folder, {k: v for k, v in held.items() if k in wanted}, wanted)


def read_record(folder: Path) -> dict[str, Any]:
    """What a run's run.json holds.

    Raises:
        UserError: It can't be read, or is no record of a run; what is wrong in it is named.
    """
    place = folder / RECORD
    text, count = (str, type(None)), (int, type(None))
    counted = dict.fromkeys(("trials", "new", "again"), count)
    kinds = {"command": text, "ended": text, **counted}
    try:
        record = read_json(place)
        check_kinds(record, str(place), {"experiment": dict, "sessions": list, "storage": text,
                                          "failed": text})  # fmt: skip
        for number, entry in enumerate(record["sessions"]):
            check_kinds(entry, f"session {number} of {place}", kinds)
        _check_experiment(record["experiment"], place)
    except UserError as error:
        raise UserError(
            f"{str(error).partition(EXPECTED)[0]}; it is damaged or of another program: put it "
            f"back from a copy, or move the folder {folder} away, or choose another --name, and "
            "begin anew"
        ) from None
    checked: dict[str, Any] = record
    return checked


def _check_experiment(experiment: Mapping[str, Any], place: Path) -> None:
    """Raises UserError for a search's target that is none, and for choices without options."""
    if experiment.get("kind") != "search":
        return
    target, choices = experiment.get("target"), experiment.get("choices")
    if target is not None:
        number = isinstance(target, int | float) and not isinstance(target, bool)
        if not number or not 0 < target <= sys.float_info.max:
            raise UserError(
                f"{place} has {named(target)} for target: expected a number above 0 and below 1e308"
            )
    if choices is not None:
        names = choices if isinstance(choices, dict) else ()
        check_kinds(choices, f"choices in {place}", dict.fromkeys(names, list))


def _check_folder(folder: Path) -> None:
    """Raises UserError for what is no run's folder, OSError where it can't be looked into."""
    if folder.exists() and not folder.is_dir():
        raise UserError(f"{folder} is a file: choose another --name")
    visible = [p for p in folder.iterdir() if p.name[0] != "."] if folder.is_dir() else []
    if visible and not (folder / RECORD).exists():
        if lost := orphaned(folder):
            raise UserError(f"{lost}, or choose another --name")
        raise UserError(
            f"the folder {folder} is not empty and has no {RECORD}, so it is no run's: "
            "choose another --name"
        )


def orphaned(folder: Path) -> str:
    """What to say of a folder with a run's files but no run.json; empty where it has none."""
    there = [name for name in LEFT if (folder / name).is_file()]
    if not there or (folder / RECORD).exists():
        return ""
    return (
        f"{folder} has no {RECORD}, which says what run it is, but {', '.join(there)}: put the "
        "file back from a copy, or move the folder away and begin anew"
    )


def in_use(folder: Path) -> bool:
    """Whether a process has the run open; its lock is tried, and let go at once."""
    if not (folder / LOCK).is_file():
        return False
    lock = filelock.FileLock(folder / LOCK)
    try:
        lock.acquire(timeout=0)
    except filelock.Timeout:
        return True
    except OSError:
        return False  # nothing may be written there
    lock.release()
    return False


def _another(folder: Path, held: Any, wanted: Any) -> UserError:
    return UserError(
        f"the run {folder.name} holds another experiment ({difference(held, wanted)}): "
        "choose another --name, or give that experiment's arguments"
    )


@contextlib.contextmanager
def open_run(folder: Path, experiment: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Takes the folder for this process.

    Yields:
        Its record, new or as it was left.

    Raises:
        UserError: The folder is not a run's, holds another experiment or is in use, or nothing
            may be written there.
        RunFailure: The disk refuses.
    """
    record_path = folder / RECORD
    try:
        _check_folder(folder)
        folder.mkdir(parents=True, exist_ok=True)
        lock = filelock.FileLock(folder / LOCK)
        try:
            lock.acquire(timeout=0)
        except filelock.Timeout:
            raise UserError(
                f"the run {folder.name} is in use by another process: wait for it, or choose "
                "another --name"
            ) from None
    except OSError as error:
        raise disk_error(
            error,
            f"the run folder {folder} can't be used ({said(error)}): choose another one with "
            "--runs",
        ) from error
    try:
        record = read_record(folder) if record_path.exists() else new_record(experiment)
        held = record["experiment"]
        wanted = json.loads(json.dumps(experiment))
        if held != wanted:
            raise _another(folder, held, wanted)
        record.pop("failed", None)  # of an earlier session
        write_json(record_path, record)
        yield record
    finally:
        lock.release()


@contextlib.contextmanager
def forgotten(folder: Path, made: Iterable[Path] | None) -> Iterator[None]:
    """Takes a new run's folder away again where the block is refused: its name stays free.

    Args:
        folder: Of the run.
        made: What was made for it, itself first; None for a run that was there before.
    """
    try:
        yield
    except BaseException:
        others = {path.name for path in folder.iterdir()} - {RECORD, LOCK}
        if made is not None and not others:
            with contextlib.suppress(OSError):  # what can't go stays, and does no harm
                for name in (RECORD, LOCK):
                    (folder / name).unlink(missing_ok=True)
                for path in made:
                    path.rmdir()
        raise


def masked(text: str) -> str:
    """Without the password of a URL in it."""
    return re.sub(r"(://[^\s:/@]*):\S*@", r"\1:***@", text)


def check_store(folder: Path, record: Mapping[str, Any], place: str | None) -> None:
    """Refuses to look for a run's trials where they are not.

    Args:
        folder: Of the run.
        record: What its run.json holds.
        place: A URL without its password; None for the folder's journal.

    Raises:
        UserError: The trials are elsewhere.
    """
    begun = (folder / STORE).exists()  # by a version that did not record where
    before = record.get("storage", None if begun else place)
    if before != place:
        raise UserError(
            f"the run {folder.name} keeps its trials in {before or STORE}, not in "
            f"{place or STORE}: "
            + (f"give --storage {before}" if before else "leave --storage out")
            + ", or choose another --name"
        )


def trials_left(record: Mapping[str, Any]) -> int:
    """How many trials a run's sessions left; where one made missing ones again, since that one."""
    left = summed = 0
    for entry in record["sessions"]:
        told = int(entry.get("trials") or 0)
        summed += int(entry.get("new") or 0)
        left = max(left, told, summed)
        if entry.get("again"):
            left = summed = told
    return left


def lacking(folder: Path, record: Mapping[str, Any], trials: int) -> str:
    """What a store that holds so many trials lacks, in words; empty where it lacks nothing."""
    left = trials_left(record)
    if trials >= left:
        return ""
    place = folder / STORE if record.get("storage") is None else f"the store of {folder.name}"
    return f"{place} holds {trials:,} of the {left:,} trials that a session left"
