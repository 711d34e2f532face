"""The append-only store of finished trials: an Optuna journal file, or any Optuna storage URL.

One process writes. A trial is one line, written whole and synced before `append` returns, or with
others within a second where it says what can be said again. No row says RUNNING, so that a killed
run needs no repair but dropping a last line cut short.
"""

import contextlib
import gc
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from results.runs.folder import masked
from results.runs.journal import Journal, Loading, drop_torn_line
from results.runs.lines import STUDY
from results.runs.made import difference
from results.runs.records import Trial, damaged
from search_spaces.errors import RunFailure, UserError, disk_error, said

if TYPE_CHECKING:
    from results.runs.database import Database

SETTLED = 2000  # trials, after so many of which the collector of cycles leaves all alone


class Store:
    """The finished trials of one experiment.

    Args:
        location: A file path, or a URL such as `sqlite:///runs.db` or `postgresql://...`.
        experiment: What the run is, as plain JSON values; a store of another experiment is refused.
        choices: The search space's options, name by name.
        name: Of the study in a database, which may hold many; a file holds one.
        loading: Called now and then while trials are read.

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
        loading: Loading = lambda done, of: None,
    ) -> None:
        self._location = str(location)
        self.place = masked(self._location)
        self._failures: tuple[type[Exception], ...] = (OSError,)
        wanted = json.loads(json.dumps(experiment))
        try:
            self._kept = self._open(wanted, choices, name, loading)
            held, self._known = self._kept.content.experiment, self._kept.content.trials
        except OSError as error:
            message = f"the store {self.place} can't be written: {said(error)}"
            raise disk_error(error, message) from error
        except UserError:
            raise
        except Exception as error:
            lacks = isinstance(error, KeyError)
            why = f"its trials are of another program: they lack {error}" if lacks else _why(error)
            raise UserError(
                f"{self.place} is no store of trials that can be read ({why}): choose "
                "another --name, or move it away"
            ) from error
        if held is None:
            self.close()
            raise damaged(self.place, UserError("nothing says of what run it is"), "move it away")
        if held != wanted:
            self.close()
            raise UserError(
                f"{self.place} holds another experiment ({difference(held, wanted)}): choose "
                "another --name, or give that experiment's arguments"
            )

        self._check_numbers()

    def _check_numbers(self) -> None:
        """Raises UserError where a number stands twice: a run would stop short of its trials."""
        seen: set[int] = set()
        for trial in self._known:
            if trial.number in seen:
                self.close()
                raise UserError(
                    f"{self.place} holds trial {trial.number} twice: two processes wrote it, or a "
                    "line was copied; take the second one out, or choose another --name"
                )
            seen.add(trial.number)

    def close(self) -> None:
        """Lets another process write."""
        gc.unfreeze()
        self._kept.close()

    def _open(
        self,
        experiment: Mapping[str, Any],
        choices: Mapping[str, tuple[Any, ...]],
        name: str,
        loading: Loading,
    ) -> "Journal | Database":
        if "://" not in self._location:
            return Journal(Path(self._location), experiment, choices, loading)
        from results.runs.database import Database

        self._failures += Database.failures()
        return Database(self._location, experiment, choices, name)

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
        with self._writing():
            self._kept.append(trial, values, soon)
        self._known.append(trial)
        if soon and not len(self._known) % SETTLED:  # they stay: none is looked at again and again
            gc.collect()
            gc.freeze()

    def flush(self) -> None:
        """Writes the trials that wait.

        Raises:
            RunFailure: They could not be written.
        """
        with self._writing():
            self._kept.flush()

    @contextlib.contextmanager
    def _writing(self) -> Iterator[None]:
        """Turns what goes wrong with the disk or the database into a RunFailure."""
        try:
            yield
        except self._failures as error:
            if isinstance(self._kept, Journal):
                drop_torn_line(Path(self._location))  # another append must not join it
            raise RunFailure(
                f"the trial could not be written to {self.place} ({_why(error)}): the "
                "trials before it are stored; free some space and run the same command again"
            ) from error

    def trials(self) -> list[Trial]:
        """All stored trials, in the order in which they were written."""
        return list(self._known)


def _why(error: Exception) -> str:
    """The first line of the first cause: a database's own words, not Optuna's about them."""
    cause = error.__cause__ if isinstance(error.__cause__, Exception) else error
    said = getattr(cause, "strerror", None) or next(iter(str(cause).splitlines()), repr(cause))
    return masked(str(said))
