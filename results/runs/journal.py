"""The file of a run's store: Optuna's journal, a line a trial, and what can be wrong with it."""

import contextlib
import datetime
import json
import os
import signal
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

from optuna.distributions import CategoricalDistribution, distribution_to_json
from optuna.storages.journal import JournalFileBackend
from optuna.trial import TrialState

from results.runs.records import Trial, attributes
from search_spaces.errors import UserError

STUDY = "compound-nas"
CREATE_TRIAL = 4  # optuna.storages.journal: JournalOperation.CREATE_TRIAL
WORKER = "compound-nas"
_START = b'{"op_code":0,"worker_id":"'  # of a journal: a study is created


def refuse_foreign(path: Path) -> None:
    """Refuses a file that no store began, before anything in it is touched.

    Raises:
        UserError: It is one.
    """
    with path.open("rb") as file:
        line = file.readline(1 << 16)
    torn = not line.endswith(b"\n")
    if not (line.startswith(_START) or (torn and _START.startswith(line))):
        raise UserError(f"{path} is no store of trials: choose another --name, or move it away")
    if not torn and (study := json.loads(line).get("study_name")) != STUDY:
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
    """Refuses a last line that is whole and no JSON.

    Optuna would read it only when another follows.

    Raises:
        UserError: It is one.
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


class _Held:
    """The run folder's lock is held for as long as the store is open: nothing to take here."""

    def acquire(self) -> bool:
        return True

    def release(self) -> None:
        pass


@contextlib.contextmanager
def _whole() -> Iterator[None]:
    """Ctrl-C waits for what is done inside, so that it is done once and not by halves."""
    if threading.current_thread() is not threading.main_thread():
        yield  # signals go to the main thread
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


class Journal(JournalFileBackend):
    """Optuna's journal file, which may keep lines back for a moment to write many at once.

    Attributes:
        grouped: Lines wait for `flush`, or for the first line that comes AFTER seconds later.
    """

    AFTER = 0.5

    def __init__(self, path: str) -> None:
        super().__init__(path, lock_obj=_Held())  # type: ignore[arg-type]
        self.grouped = False
        self._waiting: list[dict[str, Any]] = []
        self._written = 0  # lines of the file that were read, all of them when lines wait
        self._since = time.monotonic()

    def append_logs(self, logs: list[dict[str, Any]]) -> None:
        """Writes the lines in one go and synced, or keeps them until more have come."""
        if not self.grouped:
            with _whole():
                super().append_logs(logs)
            return
        if not self._waiting:
            self._since = time.monotonic()
        self._waiting.extend(logs)
        if time.monotonic() - self._since > self.AFTER:
            self.flush()

    def flush(self) -> None:
        """Writes the lines that wait.

        Raises:
            OSError: The disk refuses; then they are lost.
        """
        if not self._waiting:
            return
        with _whole():
            waiting, self._waiting = self._waiting, []
            super().append_logs(waiting)

    def read_logs(self, log_number_from: int) -> Iterator[dict[str, Any]]:  # type: ignore[override]
        """The lines from a number on, those that wait included."""
        if self._waiting and log_number_from < self._written:
            self.flush()
        waiting = list(self._waiting)
        if waiting:
            yield from waiting[log_number_from - self._written :]
            return
        for number, line in enumerate(super().read_logs(log_number_from), log_number_from + 1):
            self._written = max(self._written, number)
            yield line


class Lines:
    """Writes finished trials as Optuna's journal does, without what it does besides.

    Optuna checks and reads back each trial that it adds, which is most of the time of a cheap
    search; the line is the same.

    Args:
        choices: the search space's options, name by name.
    """

    def __init__(self, choices: Mapping[str, tuple[Any, ...]]) -> None:
        self._choices = {name: list(options) for name, options in choices.items()}
        self._distributions = {
            name: distribution_to_json(CategoricalDistribution(options))
            for name, options in choices.items()
        }

    def of(self, trial: Trial, values: list[float] | None) -> dict[str, Any]:
        """The line of a finished trial.

        Args:
            trial: What is finished.
            values: The study's objectives; None where it failed.

        Raises:
            ValueError: A value is none of its choice's options.
        """
        now = datetime.datetime.now(datetime.UTC).isoformat(timespec="microseconds")
        state = TrialState.FAIL if values is None else TrialState.COMPLETE
        return {
            "op_code": CREATE_TRIAL,
            "worker_id": WORKER,
            "study_id": 0,
            "datetime_start": now,
            "state": int(state),
            "value": None,
            "values": values,
            "datetime_complete": now,
            "distributions": self._distributions,
            "params": {name: self._choices[name].index(v) for name, v in trial.values.items()},
            "user_attrs": attributes(trial),
            "system_attrs": dict(trial.notes),
            "intermediate_values": {},
        }
