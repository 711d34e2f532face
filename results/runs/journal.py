"""The file of a run's store: Optuna's journal, a line a trial, and what can be wrong with it.

It is read and written here without Optuna, which reads it too, but line by line into objects of
its own; where another program added lines of other kinds, Optuna reads it for us.
"""

import json
import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, BinaryIO

from results.interrupts import held
from results.runs.files import check_regular
from results.runs.lines import (
    CREATE_STUDY,
    CREATE_TRIAL,
    MAXIMIZE,
    MINIMIZE,
    OURS,
    STUDY,
    STUDY_ATTR,
    STUDY_NOTE,
    WORKER,
    Content,
    Lines,
    text_of,
)
from results.runs.records import DAMAGE, Trial, check_line, damaged, damaged_line
from search_spaces.errors import UserError

Loading = Callable[[int, int], None]  # called with (trials read, of how many by their bytes)
_START = b'{"op_code":0,"worker_id":"'  # of a journal: a study is created
_STUDY = f'{{"op_code":{STUDY_ATTR},'.encode()
_TRIAL = f'{{"op_code":{CREATE_TRIAL},'.encode()


def refuse_foreign(path: Path) -> None:
    """Raises UserError for a file that no store began, before anything in it is touched."""
    if not path.is_dir():  # which can't be opened
        check_regular(path, None)
    with path.open("rb") as file:
        line = file.readline(1 << 16)
    torn = not line.endswith(b"\n")
    if not (line.startswith(_START) or (torn and _START.startswith(line))):
        raise UserError(
            f"{path} is no store of trials: choose another --name, put it back from a copy, or "
            "move it away, and the run's command makes its trials again"
        )
    try:
        study = STUDY if torn else json.loads(line).get("study_name")
    except ValueError as error:
        raise damaged_line(1, path, error) from error
    if study != STUDY:
        raise UserError(f"{path} holds another program's study {study!r}: choose another --name")


def _line_start(file: BinaryIO, end: int) -> int:
    """Where the line that holds the byte before `end` begins, if that is no newline; else `end`."""
    while end:
        start = max(0, end - 65536)
        file.seek(start)
        newline = file.read(end - start).rfind(b"\n")
        if newline >= 0:
            return start + newline + 1
        end = start
    return 0


def drop_torn_line(path: Path) -> None:
    """Cuts a last line without its end: a write that a kill or a full disk broke off."""
    with path.open("rb+") as file:
        size = file.seek(0, os.SEEK_END)
        end = _line_start(file, size)
        if end < size:
            file.truncate(end)


def refuse_broken_end(path: Path) -> None:
    """Raises UserError for a last line that is whole and no JSON.

    Optuna would read it only when another follows.
    """
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(_line_start(file, max(0, size - 1)))
        last = file.read()
    try:
        json.loads(last.strip() or b"{}")
    except ValueError:
        raise UserError(
            f"the last line of {path} is no trial ({last[:40]!r}): take it out, or choose another "
            "--name"
        ) from None


def check_lines(path: Path) -> int:
    """Refuses a journal with a broken line, in the time that reading its bytes takes.

    A line whose brackets and quotation marks match is believed; `read` looks at what it says.

    Returns:
        How many trials it holds.

    Raises:
        UserError: A line is no JSON; it is named.
        OSError: It can't be read.
    """
    trials, told = 0, False
    refuse_foreign(path)
    with path.open("rb") as file:
        for at, line in enumerate(file, 1):
            told = told or line.startswith(_STUDY)
            trials += line.startswith(_TRIAL) and line.endswith(b"\n")
            matching = all(line.count(a) == line.count(b) for a, b in (b"{}", b"[]"))
            whole = line.startswith(b'{"') and line.endswith(b"}\n")
            if matching and whole and not line.count(b'"') % 2:
                continue
            if not line.endswith(b"\n"):
                break  # a write that was cut off
            try:
                json.loads(line)
            except ValueError as error:
                raise damaged_line(at, path, error) from error
    if trials and not told:
        raise damaged(str(path), UserError("nothing says of what run it is"), "move it away")
    return trials


def read(
    path: Path,
    choices: Mapping[str, tuple[Any, ...]] | None = None,
    loading: Loading = lambda done, of: None,
) -> Content:
    """Reads a journal; a last line without its end is left out.

    Args:
        path: The file.
        choices: The space's options, where they are known: trials take less memory then.
        loading: Called now and then.

    Raises:
        KeyError: It holds trials of another program.
        UserError: A line is no JSON, or its trial damaged; line, field and what was expected are
            named.
    """
    content, lines, ours = Content(), Lines(choices), True
    whole, read_bytes = path.stat().st_size, 0
    with path.open("rb") as file:
        for at, text in enumerate(file, 1):
            if not text.endswith(b"\n"):
                break
            read_bytes += len(text)
            try:
                if (quick := lines.quickly(text.decode())) is not None:
                    content.add(*quick)
                else:
                    ours = _take(content, lines, json.loads(text))
            except (*DAMAGE, KeyError) as error:
                if isinstance(error, KeyError) and content.experiment is None:
                    raise  # no run of ours says what it is
                raise damaged_line(at, path, error) from error
            if not ours:
                return _by_optuna(path)
            if content.trials and len(content.trials) % 1000 == 0:
                done = len(content.trials)
                loading(done, int(done * whole / read_bytes))
    return content


def _take(content: Content, lines: Lines, line: Mapping[str, Any]) -> bool:
    """Adds what a line says to what was read before it; False where it is of another kind."""
    op = line["op_code"]
    if op not in OURS or line.get("study_id", 0) != 0:
        return False
    if op == CREATE_TRIAL:
        trial, values = lines.trial(line), line.get("values")
        check_line(line, trial)
        content.add(trial, None if values is None else values[1])
    elif op == CREATE_STUDY:
        content.created = True
    elif op == STUDY_ATTR:
        content.experiment = line["user_attr"].get("experiment", content.experiment)
    return True


def _by_optuna(path: Path) -> Content:
    """What Optuna makes of a journal with lines of other kinds, as its dashboard's notes."""
    import optuna
    from optuna.storages.journal import JournalFileBackend, JournalStorage

    from results.runs.database import content_of

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        storage = JournalStorage(JournalFileBackend(str(path)))
        return content_of(optuna.load_study(study_name=STUDY, storage=storage))
    except UserError as error:
        raise UserError(f"{path}: {error}") from error
    except (KeyError, OSError):
        raise
    except Exception as error:  # Optuna's, of a line that it can't read
        raise damaged(str(path), error, "move it away") from error


def beginning(experiment: Mapping[str, Any], created: bool) -> list[dict[str, Any]]:
    """The lines before the first trial.

    Args:
        experiment: What the run is, as plain JSON values.
        created: Whether the study's own line is there already.
    """
    study = {"op_code": CREATE_STUDY, "worker_id": WORKER, "study_name": STUDY,
             "directions": [MAXIMIZE, MINIMIZE]}  # fmt: skip
    of = {"worker_id": WORKER, "study_id": 0}
    names = {"study:metric_names": ["accuracy", "cost"]}
    more = [
        {"op_code": STUDY_ATTR, **of, "user_attr": {"experiment": experiment}},
        {"op_code": STUDY_NOTE, **of, "system_attr": names},
    ]
    return more if created else [study, *more]


class Journal:
    """A journal that is written to, a line at once or many together.

    Args:
        path: Of the file; it is made where it is not there.
        experiment: What the run is; it is written where the file does not say.
        choices: The space's options.
        loading: Called now and then while trials are read.

    Attributes:
        content: What it held when it was opened.

    Raises:
        UserError: The file is no store.
        OSError: It can't be written.
    """

    AFTER = 0.5  # seconds that lines wait at most while others come in

    def __init__(
        self,
        path: Path,
        experiment: Mapping[str, Any],
        choices: Mapping[str, tuple[Any, ...]],
        loading: Loading = lambda done, of: None,
    ) -> None:
        self._path, self._lines = path, Lines(choices)
        self._waiting: list[str] = []
        self._since = time.monotonic()
        self.content = Content()
        if path.exists():
            refuse_foreign(path)
            drop_torn_line(path)
            refuse_broken_end(path)
            self.content = read(path, choices, loading)
        if self.content.experiment is None and not self.content.trials:
            self._write([text_of(line) for line in beginning(experiment, self.content.created)])
            self.content.experiment = experiment

    def append(self, trial: Trial, values: list[float] | None, soon: bool) -> None:
        """Writes a trial. Raises OSError where the disk refuses.

        Args:
            trial: What is finished.
            values: The objectives; None where it failed.
            soon: It may wait AFTER seconds, to be written with others.
        """
        if not soon:
            self.flush()
            self._write([text_of(self._lines.whole(trial, values))])
            return
        if not self._waiting:
            self._since = time.monotonic()
        self._waiting.append(self._lines.brief(trial, values))
        if time.monotonic() - self._since > self.AFTER:
            self.flush()

    def flush(self) -> None:
        """Writes the lines that wait. Raises OSError where the disk refuses; they are then lost."""
        if self._waiting:
            waiting, self._waiting = self._waiting, []
            self._write(waiting)

    def close(self) -> None:
        """Nothing is held open: the folder's lock says who writes."""

    def _write(self, texts: list[str]) -> None:
        with held(), self._path.open("ab") as file:
            file.write("".join(texts).encode())
            file.flush()
            os.fsync(file.fileno())
