"""The append-only store of finished trials: an Optuna journal file, or any Optuna storage URL.

One process writes. A trial is one line, written whole and synced before `append` returns; no
row says RUNNING, so that a killed run needs no repair but dropping a last line cut short.
"""

import json
import os
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

import optuna
from optuna.distributions import CategoricalDistribution
from optuna.storages.journal import JournalFileBackend, JournalStorage

from results.runs.folder import difference, masked
from results.runs.records import Trial, from_optuna, to_optuna
from search_spaces.errors import RunFailure, UserError

STUDY = "compound-nas"
_START = b'{"op_code":0,"worker_id":"'  # of a journal: a study is created


class _Held:
    """The run folder's lock is held for as long as the store is open: nothing to take here."""

    def acquire(self) -> bool:
        return True

    def release(self) -> None:
        pass


def _refuse_foreign(path: Path) -> None:
    """Raises UserError for a file that no store began, before anything in it is touched."""
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


def _drop_torn_line(path: Path) -> None:
    """Cuts a last line without its end: a write that a kill or a full disk broke off."""
    with path.open("rb+") as file:
        size = file.seek(0, os.SEEK_END)
        end = _line_start(file, size)
        if end < size:
            file.truncate(end)


def _refuse_broken_end(path: Path) -> None:
    """Raises UserError where the last line is whole and no JSON: Optuna would read it only when
    another follows."""
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


class Store:
    """The finished trials of one experiment.

    location: a file path, or a URL such as `sqlite:///runs.db` or `postgresql://...`.
    experiment: what the run is, as plain JSON values; a store of another experiment is refused.
    choices: the search space's options, name by name.
    name: of the study in a database, which may hold many; a file holds one.
    place: of the finished store, the location for messages: without a URL's password.
    Raises UserError for a store of another experiment or a file that is no store, RunFailure
    where the location can't be written.
    """

    def __init__(
        self,
        location: str | Path,
        experiment: Mapping[str, Any],
        choices: Mapping[str, tuple[Any, ...]],
        name: str = STUDY,
    ) -> None:
        self._location = str(location)
        self.place = masked(self._location)
        self._distributions = {key: CategoricalDistribution(o) for key, o in choices.items()}
        self._failures: tuple[type[Exception], ...] = (OSError,)
        wanted = json.loads(json.dumps(experiment))
        try:
            self._study = self._open(name)
            found = self._study.user_attrs.get("experiment")
            if found is None and not self._study.get_trials(deepcopy=False):
                self._study.set_user_attr("experiment", wanted)
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
                    self._study.set_metric_names(["accuracy", "cost"])
                found = wanted
        except OSError as error:
            raise RunFailure(f"the store {self.place} can't be written: {error}") from error
        except UserError:
            raise
        except Exception as error:
            raise UserError(
                f"{self.place} is no store of trials that can be read ({_why(error)}): choose "
                "another --name, or move it away"
            ) from error
        if found != wanted:
            raise UserError(
                f"{self.place} holds another experiment ({difference(found, wanted)}): choose "
                "another --name, or give that experiment's arguments"
            )

    def _open(self, name: str) -> optuna.Study:
        storage: Any
        if "://" in self._location:
            from sqlalchemy.exc import SQLAlchemyError

            self._failures += (SQLAlchemyError, optuna.exceptions.StorageInternalError)
            storage = optuna.storages.get_storage(self._location)
        else:
            path, name = Path(self._location), STUDY
            if path.exists():
                _refuse_foreign(path)
                _drop_torn_line(path)
                _refuse_broken_end(path)
            storage = JournalStorage(JournalFileBackend(self._location, lock_obj=_Held()))  # type: ignore[arg-type]
        if name in optuna.get_all_study_names(storage):  # to load writes nothing
            return optuna.load_study(study_name=name, storage=storage)
        return optuna.create_study(
            study_name=name, storage=storage, directions=["maximize", "minimize"]
        )

    def append(self, trial: Trial, cost: float) -> None:
        """Writes a finished trial; `cost` is the second objective. Raises RunFailure."""
        values = None if trial.accuracy is None else [trial.accuracy, cost]
        try:
            self._study.add_trial(to_optuna(trial, self._distributions, values))
        except self._failures as error:
            if "://" not in self._location:
                _drop_torn_line(Path(self._location))  # another append must not join it
            raise RunFailure(
                f"the trial could not be written to {self.place} ({_why(error)}): the "
                "trials before it are stored; free some space and run the same command again"
            ) from error

    def trials(self) -> list[Trial]:
        """All stored trials, in the order in which they were written. Raises UserError."""
        try:
            return [from_optuna(stored) for stored in self._study.get_trials(deepcopy=False)]
        except KeyError as error:
            raise UserError(
                f"{self.place} holds trials of another program (they lack {error}): choose "
                "another --name"
            ) from None


def _why(error: Exception) -> str:
    """The first line of the first cause: a database's own words, not Optuna's about them."""
    cause = error.__cause__ if isinstance(error.__cause__, Exception) else error
    said = getattr(cause, "strerror", None) or next(iter(str(cause).splitlines()), repr(cause))
    return masked(str(said))
