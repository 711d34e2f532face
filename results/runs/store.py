"""The append-only store of finished trials: an Optuna journal file, or any Optuna storage URL.

One process writes. A trial is one line, written whole and synced before `append` returns, or with
others within a second where it says what can be said again. No row says RUNNING, so that a killed
run needs no repair but dropping a last line cut short.
"""

import contextlib
import json
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import optuna
from optuna.distributions import CategoricalDistribution
from optuna.storages.journal import JournalStorage

from results.runs.folder import difference, masked
from results.runs.journal import (
    STUDY,
    Journal,
    Lines,
    drop_torn_line,
    refuse_broken_end,
    refuse_foreign,
)
from results.runs.records import Trial, from_optuna, to_optuna
from search_spaces.errors import RunFailure, UserError


class Store:
    """The finished trials of one experiment.

    Args:
        location: A file path, or a URL such as `sqlite:///runs.db` or `postgresql://...`.
        experiment: What the run is, as plain JSON values; a store of another experiment is refused.
        choices: The search space's options, name by name.
        name: Of the study in a database, which may hold many; a file holds one.

    Attributes:
        place: The location for messages: without a URL's password.

    Raises:
        UserError: The store is of another experiment, or the file is no store.
        RunFailure: The location can't be written.
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
        self._journal: Journal | None = None
        self._lines = Lines(choices)
        self._known: list[Trial] | None = None  # those stored, once they are asked for
        wanted = json.loads(json.dumps(experiment))
        try:
            self._study = self._open(name)
            held = self._study.user_attrs.get("experiment")
            if held is None and not self._study.get_trials(deepcopy=False):
                self._study.set_user_attr("experiment", wanted)
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
                    self._study.set_metric_names(["accuracy", "cost"])
                held = wanted
        except OSError as error:
            raise RunFailure(f"the store {self.place} can't be written: {error}") from error
        except UserError:
            raise
        except Exception as error:
            raise UserError(
                f"{self.place} is no store of trials that can be read ({_why(error)}): choose "
                "another --name, or move it away"
            ) from error
        if held != wanted:
            raise UserError(
                f"{self.place} holds another experiment ({difference(held, wanted)}): choose "
                "another --name, or give that experiment's arguments"
            )

    def _open(self, name: str) -> optuna.Study:
        storage: Any
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        if "://" in self._location:
            from sqlalchemy.exc import SQLAlchemyError

            self._failures += (SQLAlchemyError, optuna.exceptions.StorageInternalError)
            storage = optuna.storages.get_storage(self._location)
        else:
            path, name = Path(self._location), STUDY
            if path.exists():
                refuse_foreign(path)
                drop_torn_line(path)
                refuse_broken_end(path)
            self._journal = Journal(self._location)
            storage = JournalStorage(self._journal)
        if name in optuna.get_all_study_names(storage):  # to load writes nothing
            return optuna.load_study(study_name=name, storage=storage)
        return optuna.create_study(
            study_name=name, storage=storage, directions=["maximize", "minimize"]
        )

    def append(self, trial: Trial, cost: float, soon: bool = False) -> None:
        """Writes a finished trial.

        Args:
            trial: What is finished.
            cost: The second objective.
            soon: It may wait a moment, half a second at most while trials come in, to be written
                with others, since what it says can be said again. `flush` ends the waiting.

        Raises:
            RunFailure: It could not be written; those before it are.
        """
        values = None if trial.accuracy is None else [trial.accuracy, cost]
        known = self._all()
        with self._writing():
            if self._journal is None:
                self._study.add_trial(to_optuna(trial, self._distributions, values))
            else:
                self._journal.grouped = soon
                self._journal.append_logs([self._lines.of(trial, values)])
        known.append(trial)

    def flush(self) -> None:
        """Writes the trials that wait.

        Raises:
            RunFailure: They could not be written.
        """
        if self._journal is not None:
            with self._writing():
                self._journal.flush()

    @contextlib.contextmanager
    def _writing(self) -> Iterator[None]:
        """Turns what goes wrong with the disk or the database into a RunFailure."""
        try:
            yield
        except self._failures as error:
            if self._journal is not None:
                drop_torn_line(Path(self._location))  # another append must not join it
            raise RunFailure(
                f"the trial could not be written to {self.place} ({_why(error)}): the "
                "trials before it are stored; free some space and run the same command again"
            ) from error

    def trials(self) -> list[Trial]:
        """All stored trials, in the order in which they were written.

        Raises:
            UserError: One can't be read.
        """
        try:
            return list(self._all())
        except KeyError as error:
            raise UserError(
                f"{self.place} holds trials of another program (they lack {error}): choose "
                "another --name"
            ) from None

    def _all(self) -> list[Trial]:
        """The stored trials, read once; grows by each that is appended."""
        if self._known is None:
            stored = self._study.get_trials(deepcopy=False)
            self._known = [from_optuna(trial) for trial in stored]
        return self._known


def _why(error: Exception) -> str:
    """The first line of the first cause: a database's own words, not Optuna's about them."""
    cause = error.__cause__ if isinstance(error.__cause__, Exception) else error
    said = getattr(cause, "strerror", None) or next(iter(str(cause).splitlines()), repr(cause))
    return masked(str(said))
