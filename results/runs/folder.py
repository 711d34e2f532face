"""A run's folder: who may write it, what experiment it holds, and files written in one step."""

import contextlib
import json
import os
import re
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import filelock

from results.runs.made import new_record
from search_spaces.errors import RunFailure, UserError

RECORD = "run.json"
STORE = "trials.journal"
LONGEST = 80  # letters of a difference that a message quotes


def write_atomically(path: Path, content: bytes | str) -> None:
    """Writes the whole file or nothing: a reader never sees a part.

    Raises:
        RunFailure: The disk refuses.
    """
    data = content.encode() if isinstance(content, str) else content
    temporary = None
    try:
        with tempfile.NamedTemporaryFile(
            dir=path.parent, prefix=f".{path.name}.", delete=False
        ) as file:
            temporary = Path(file.name)
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(0o644)
        temporary.replace(path)
    except OSError as error:
        if temporary is not None:
            temporary.unlink(missing_ok=True)
        raise RunFailure(
            f"{path} could not be written ({error.strerror}): nothing was overwritten; free some "
            "space or choose another folder, and run the same command again"
        ) from error


def check_writable(path: Path) -> None:
    """Makes and removes a temporary file beside the file that is to be written.

    Where its folder is not there, so in the nearest one above.

    Raises:
        UserError: Nothing can be written there.
    """
    try:
        folder, name = path.parent, path.name
        while not folder.exists() and folder != folder.parent:
            folder, name = folder.parent, folder.name
        if not folder.is_dir():
            raise UserError(f"{folder} is a file: choose another folder")
        with tempfile.NamedTemporaryFile(dir=folder, prefix=f".{name}."):
            pass
    except OSError as error:
        raise UserError(
            f"{path} can't be written ({error.strerror}): choose another folder"
        ) from None


def write_json(path: Path, value: Any) -> None:
    """Writes indented JSON in one step.

    Raises:
        RunFailure: The disk refuses.
    """
    write_atomically(path, json.dumps(value, indent=2) + "\n")


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise UserError(f"{path} can't be read: {error.strerror}") from None


def read_text(path: Path) -> str:
    """A file's text.

    Raises:
        UserError: It can't be read or is no text.
    """
    try:
        return _read(path).decode()
    except UnicodeDecodeError:
        raise UserError(f"{path} is no text: expected a file as this package writes it") from None


def read_json(path: Path) -> Any:
    """A file's JSON.

    Raises:
        UserError: It can't be read or is none.
    """
    content = _read(path)
    try:
        return json.loads(content)
    except ValueError as error:
        raise UserError(
            f"{path} is no JSON ({error}): expected a file as this package writes it; if it is a "
            "run's, move it away and run the command that made it again"
        ) from None


def run_path(name: str, runs: Path = Path("runs")) -> Path:
    """`runs/NAME`.

    Raises:
        UserError: The name is no plain folder name, or `runs` is no folder.
    """
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._+=@-]*", name):
        raise UserError(
            f"the run's name is {name!r}: expected letters, digits and . _ + = @ -, beginning "
            "with a letter or digit"
        )
    if runs.exists() and not runs.is_dir():
        raise UserError(f"{runs} is a file: expected the folder of runs")
    return runs / name


def run_name(parts: Iterable[str]) -> str:
    """A name that `run_path` takes, of parts joined by dashes; what it can't hold becomes `_`."""
    return "-".join(re.sub(r"[^A-Za-z0-9._+=@-]", "_", part.replace(" ", "")) for part in parts)


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
    record = read_json(folder / RECORD)
    held = record.get("experiment") if isinstance(record, dict) else None
    wanted = json.loads(json.dumps(experiment))
    if not isinstance(held, dict) or {key: held.get(key) for key in wanted} != wanted:
        known = {k: v for k, v in held.items() if k in wanted} if isinstance(held, dict) else None
        raise _another(folder, known, wanted)


def _check_folder(folder: Path) -> None:
    """Raises UserError for what is no run's folder, OSError where it can't be looked into."""
    if folder.exists() and not folder.is_dir():
        raise UserError(f"{folder} is a file: choose another --name")
    visible = [p for p in folder.iterdir() if p.name[0] != "."] if folder.is_dir() else []
    if visible and not (folder / RECORD).exists():
        raise UserError(
            f"the folder {folder} is not empty and has no {RECORD}, so it is no run's: "
            "choose another --name"
        )


def _another(folder: Path, held: Any, wanted: Any) -> UserError:
    return UserError(
        f"the run {folder.name} holds another experiment ({difference(held, wanted)}): "
        "choose another --name, or give that experiment's arguments"
    )


def difference(held: Any, wanted: Any) -> str:
    """What differs between two experiments, for a message."""
    if not isinstance(held, dict):
        return "of another program"
    keys = [key for key in {**held, **wanted} if held.get(key) != wanted.get(key)]
    pairs = ((key, repr(held.get(key)), repr(wanted.get(key))) for key in keys)
    return ", ".join(
        f"other {key}" if max(len(was), len(now)) > LONGEST else f"{key} {was}, not {now}"
        for key, was, now in pairs
    )


@contextlib.contextmanager
def open_run(folder: Path, experiment: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Takes the folder for this process.

    Yields:
        Its record, new or as it was left.

    Raises:
        UserError: The folder is not a run's, holds another experiment or is in use.
        RunFailure: It can't be made.
    """
    record_path = folder / RECORD
    try:
        _check_folder(folder)
        folder.mkdir(parents=True, exist_ok=True)
        lock = filelock.FileLock(folder / ".lock")
        try:
            lock.acquire(timeout=0)
        except filelock.Timeout:
            raise UserError(
                f"the run {folder.name} is in use by another process: wait for it, or choose "
                "another --name"
            ) from None
    except OSError as error:
        raise RunFailure(f"the run folder {folder} can't be used: {error}") from error
    try:
        record = read_json(record_path) if record_path.exists() else new_record(experiment)
        held = record.get("experiment") if isinstance(record, dict) else None
        wanted = json.loads(json.dumps(experiment))
        if held != wanted:
            raise _another(folder, held, wanted)
        write_json(record_path, record)
        yield record
    finally:
        lock.release()


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


def check_whole(folder: Path, record: Mapping[str, Any], trials: int) -> None:
    """Refuses a store that holds fewer trials than the last session left.

    Raises:
        UserError: Trials were lost.
    """
    sessions = record["sessions"]
    left = max((int(entry.get("trials") or 0) for entry in sessions), default=0)
    left = max(left, sum(int(entry.get("new") or 0) for entry in sessions))
    if trials < left:
        raise UserError(
            f"the store of {folder.name} holds {trials} trials, but a session left {left}: put the "
            "store back, or choose another --name"
        )
