"""A store in any database that Optuna knows, which may hold many runs, each written by one process.

Who writes stands in the database itself, since its users need share no folder: a study beside the
run's own, whose name no two processes can create, says who and since when, and that it lives.
"""

import contextlib
import os
import socket
import threading
import time
import uuid
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

import optuna
from optuna.distributions import CategoricalDistribution

from results.runs.folder import masked
from results.runs.lines import Content, Lines
from results.runs.made import now
from results.runs.records import DAMAGE, Trial, damaged, to_optuna, trial_of
from search_spaces.errors import UserError, install

# Kind of a database -> the extra that brings our driver of it, and that driver.
DRIVERS = {"mysql": ("mysql", "pymysql"), "postgresql": ("postgresql", "psycopg")}
_OWNER = "/owner-"
_AT_ONCE = ("already exists", "locked", "unique constraint", "duplicate key")
BEAT = 20.0  # seconds between two signs of life
EXPIRES = 120.0  # seconds without one after which a process is dead
WORDS = 5.0  # seconds within which a new owner says who it is
_MACHINE = f"{socket.gethostname()}-{uuid.getnode():x}"


class Database:
    """The trials of one run in a database.

    Args:
        url: Of the database.
        experiment: What the run is; it is written where the study does not say.
        choices: The space's options.
        name: Of the run's study.

    Attributes:
        content: What it held when it was opened.
    """

    def __init__(
        self,
        url: str,
        experiment: Mapping[str, Any],
        choices: Mapping[str, tuple[Any, ...]],
        name: str,
    ) -> None:
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        self._distributions = {key: CategoricalDistribution(o) for key, o in choices.items()}
        storage = _opened(url)
        self._owner: Owner | None = None
        if name in optuna.get_all_study_names(storage):  # another experiment's is only looked at
            study = optuna.load_study(study_name=name, storage=storage)
            if study.user_attrs.get("experiment", experiment) != experiment:
                self.content = content_of(study)
                return
        self._owner = Owner(storage, name)
        try:
            self._open(storage, experiment, name)
        except BaseException:
            self.close()
            raise

    def _open(self, storage: Any, experiment: Mapping[str, Any], name: str) -> None:
        if name in optuna.get_all_study_names(storage):  # to load writes nothing
            self._study = optuna.load_study(study_name=name, storage=storage)
        else:
            self._study = optuna.create_study(
                study_name=name, storage=storage, directions=["maximize", "minimize"]
            )
        self.content = content_of(self._study)
        if self.content.experiment is None and not self.content.trials:
            self._study.set_user_attr("experiment", experiment)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
                self._study.set_metric_names(["accuracy", "cost"])
            self.content.experiment = experiment

    @staticmethod
    def failures() -> tuple[type[Exception], ...]:
        """What is raised where the database can't be written."""
        from sqlalchemy.exc import SQLAlchemyError

        return SQLAlchemyError, optuna.exceptions.StorageInternalError

    def append(self, trial: Trial, values: list[float] | None, soon: bool) -> None:
        """Writes a trial at once. Raises UserError where another process has taken the run over."""
        if self._owner is not None:
            self._owner.check()
        self._study.add_trial(to_optuna(trial, self._distributions, values))

    def flush(self) -> None:
        """Nothing waits."""

    def close(self) -> None:
        """Lets another process write."""
        if self._owner is not None:
            self._owner.leave()


def _opened(url: str) -> Any:
    """The database; of two processes that make its tables at once, one waits for the other.

    Raises:
        UserError: Its driver is not installed, or no server answers.
    """
    from sqlalchemy.exc import OperationalError, SQLAlchemyError

    for wait in (0.2, 0.5, 1.0, None):
        try:
            return optuna.storages.get_storage(url)
        except SQLAlchemyError as error:
            if any(text in str(error).lower() for text in _AT_ONCE) and wait is not None:
                time.sleep(wait)
                continue
            if isinstance(error, OperationalError) and not url.startswith("sqlite"):
                raise UserError(
                    f"{masked(url)} can't be used ({' '.join(str(error.orig).split())}): see that "
                    "the server runs and has that database, and that user and password are right"
                ) from None
            raise
        except ImportError:
            raise _without_driver(url) from None
    raise AssertionError("the last wait raises")


def _without_driver(url: str) -> UserError:
    kind = url.partition(":")[0].partition("+")[0]
    extra, driver = DRIVERS.get(kind.replace("mariadb", "mysql"), ("", ""))
    how = f"{install(extra)}, and write {kind}+{driver}://..." if extra else "install it"
    needs = f"needs a driver of {kind} databases, which is not installed"
    return UserError(f"{masked(url)} {needs}: {how}")


def reading(url: str) -> str:
    """The URL by which a database is looked at: a file of SQLite's is not made, and not written.

    Raises:
        UserError: There is no such file.
    """
    from sqlalchemy.engine import make_url

    parsed = make_url(url)
    if parsed.get_backend_name() != "sqlite":
        return url
    file = Path(parsed.database or "")
    if not file.is_file():
        raise UserError(f"{masked(url)} is no database: there is no file {file}")
    return f"sqlite:///file:{quote(str(file.resolve()))}?mode=ro&uri=true"


class Owner:
    """This process as the only one that writes a run, for as long as it lives.

    Args:
        storage: The database.
        name: Of the run's study.

    Raises:
        UserError: Another process writes it; who and since when is said.
    """

    def __init__(self, storage: Any, name: str) -> None:
        self._storage, self._prefix, self._lost = storage, f"{name}{_OWNER}", ""
        self._ended = threading.Event()
        self._number, self._id = self._take()
        self._thread = threading.Thread(target=self._live, daemon=True)
        self._thread.start()

    def _held(self) -> dict[int, int]:
        """Number -> id of the studies that say who writes."""
        held = {}
        for study in self._storage.get_all_studies():
            number = study.study_name.removeprefix(self._prefix)
            if study.study_name.startswith(self._prefix) and number.isdecimal():
                held[int(number)] = study._study_id
        return held

    def _take(self) -> tuple[int, int]:
        while True:
            held = self._held()
            last = max(held, default=-1)
            if held:
                self._refuse(held[last])
            try:
                taken = self._storage.create_new_study(
                    [optuna.study.StudyDirection.MAXIMIZE], f"{self._prefix}{last + 1}"
                )
            except optuna.exceptions.DuplicatedStudyError:
                continue  # another was quicker: look who it is
            for key, value in {**_myself(), "beat": time.time()}.items():
                self._storage.set_study_user_attr(taken, key, value)
            for left in held.values():
                with contextlib.suppress(KeyError):
                    self._storage.delete_study(left)
            return last + 1, taken

    def _refuse(self, study: int) -> None:
        """Raises UserError where the process that a study names lives."""
        for _ in range(int(WORDS / 0.5)):
            with contextlib.suppress(KeyError):
                said = self._storage.get_study_user_attrs(study)
                if "beat" in said:
                    break
            time.sleep(0.5)  # it was created a moment ago
        else:
            return
        if _lives(said):
            raise UserError(
                f"another process writes this run: {said['who']}, since {said['since']}; wait for "
                "it, or choose another --name"
            )

    def _live(self) -> None:
        while not self._ended.wait(BEAT):
            try:
                if max(self._held(), default=-1) != self._number:
                    self._lost = "another process has taken this run over, since this one was away"
                    return
                self._storage.set_study_user_attr(self._id, "beat", time.time())
            except Exception:  # the database is away: so will be the next trial's place
                continue

    def check(self) -> None:
        """Raises UserError where another process has taken over."""
        if self._lost:
            raise UserError(f"{self._lost}: what was stored is kept; end one of the two")

    def leave(self) -> None:
        """Ends the ownership."""
        self._ended.set()
        self._thread.join(BEAT)
        with contextlib.suppress(Exception):  # a database that is away forgets by itself
            if not self._lost:
                self._storage.delete_study(self._id)


def _started(pid: int) -> str:
    """When a process of this machine was started, in the machine's own ticks; empty if unknown."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            return file.read().rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        return ""


def _myself() -> dict[str, Any]:
    pid = os.getpid()
    return {
        "who": f"process {pid} on {socket.gethostname()}",
        "since": now(),
        "machine": _MACHINE,
        "pid": pid,
        "started": _started(pid),
    }


def _lives(said: Mapping[str, Any]) -> bool:
    """Whether the process that wrote this lives: asked here, or told by its last beat."""
    if said.get("machine") != _MACHINE:
        return time.time() - float(said["beat"]) < EXPIRES
    try:
        os.kill(int(said["pid"]), 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return _started(int(said["pid"])) == said.get("started")


def content_of(study: optuna.Study) -> Content:
    """What a study holds.

    Raises:
        KeyError: Its trials are of another program. UserError: One is damaged.
    """
    content = Content(study.user_attrs.get("experiment"), created=True)
    for told in study.get_trials(deepcopy=False):
        try:
            content.add(of_optuna(told), (told.values or (None, None))[1])
        except DAMAGE as error:
            raise damaged(f"row {told.number} of the study {study.study_name}", error) from error
    return content


def of_optuna(told: optuna.trial.FrozenTrial) -> Trial:
    """The inverse of `to_optuna`, and of what Optuna reads from a brief line."""
    if "stages" in told.user_attrs:
        return Lines().trial({"user_attrs": told.user_attrs, "values": told.values})
    return trial_of(told.params, told.user_attrs, told.system_attrs)
