"""The append-only store of finished trials: an Optuna journal file, or any Optuna storage URL.

One process writes. A trial is one line, written whole and synced before `append` returns; no
row says RUNNING, so that a killed run needs no repair but dropping a last line cut short.
"""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import optuna
from optuna.distributions import CategoricalDistribution
from optuna.storages.journal import JournalFileBackend, JournalStorage

from results.records import Trial, from_optuna, to_optuna
from search_spaces.errors import RunFailure, UserError

STUDY = "compound-nas"


class _Held:
    """The run folder's lock is held for as long as the store is open: nothing to take here."""

    def acquire(self) -> bool:
        return True

    def release(self) -> None:
        pass


def _drop_torn_line(path: Path) -> None:
    """Cuts a last line without its end: a write that a kill or a full disk broke off."""
    if not path.exists():
        return
    with path.open("rb+") as file:
        file.seek(0, os.SEEK_END)
        end = size = file.tell()
        while end:
            start = max(0, end - 65536)
            file.seek(start)
            newline = file.read(end - start).rfind(b"\n")
            if newline >= 0:
                end = start + newline + 1
                break
            end = start
        if end < size:
            file.truncate(end)


class Store:
    """The finished trials of one experiment.

    location: a file path, or a URL such as `sqlite:///runs.db` or `postgresql://...`.
    experiment: what the run is, as plain JSON values; a store of another experiment is refused.
    choices: the search space's options, name by name.
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
        self.location = str(location)
        self._distributions = {key: CategoricalDistribution(o) for key, o in choices.items()}
        wanted = json.loads(json.dumps(experiment))
        try:
            self._study = self._open(name)
            found = self._study.user_attrs.get("experiment")
            if found is None and not self._study.get_trials(deepcopy=False):
                self._study.set_user_attr("experiment", wanted)
                self._study.set_metric_names(["accuracy", "cost"])
                found = wanted
        except OSError as error:
            raise RunFailure(f"the store {self.location} can't be written: {error}") from error
        except UserError:
            raise
        except Exception as error:
            raise UserError(
                f"{self.location} is no store of trials that can be read ({error}): choose "
                "another --name, or move it away"
            ) from error
        if found != wanted:
            raise UserError(
                f"{self.location} holds another experiment ({difference(found, wanted)}): choose "
                "another --name, or give that experiment's arguments"
            )

    def _open(self, name: str) -> optuna.Study:
        storage: Any = self.location
        if "://" not in self.location:
            _drop_torn_line(Path(self.location))
            storage = JournalStorage(JournalFileBackend(self.location, lock_obj=_Held()))  # type: ignore[arg-type]
        return optuna.create_study(
            study_name=name,
            storage=storage,
            directions=["maximize", "minimize"],
            load_if_exists=True,
        )

    def append(self, trial: Trial, cost: float) -> None:
        """Writes a finished trial; `cost` is the second objective. Raises RunFailure."""
        values = None if trial.accuracy is None else [trial.accuracy, cost]
        try:
            self._study.add_trial(to_optuna(trial, self._distributions, values))
        except OSError as error:
            raise RunFailure(
                f"the trial could not be written to {self.location} ({error.strerror}): the "
                "trials before it are stored; free some space and run the same command again"
            ) from error

    def trials(self) -> list[Trial]:
        """All stored trials, in the order in which they were written. Raises UserError."""
        try:
            return [from_optuna(stored) for stored in self._study.get_trials(deepcopy=False)]
        except KeyError as error:
            raise UserError(
                f"{self.location} holds trials of another program (they lack {error}): choose "
                "another --name"
            ) from None


def difference(found: Any, wanted: Any) -> str:
    """What differs between two experiments, for a message."""
    if not isinstance(found, dict):
        return "of another program"
    keys = [key for key in {**found, **wanted} if found.get(key) != wanted.get(key)]
    return ", ".join(f"{key} {found.get(key)!r}, not {wanted.get(key)!r}" for key in keys)
