"""The one life of a run: its folder is taken, its store opened, work done in it and written down.

    with session(folder, experiment, command, storage, choices, build) as run:
        with run.interruptible():
            ...  # run.store.append(trial, cost); run.trials.append(trial)
        ...  # conclude
        run.facts["stopped"] = why

What was done stands in the record's `sessions` afterwards; of a run that ended in an error nothing
stands there, and the same command goes on from its store.
"""

import contextlib
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from results.interrupts import caused, now_kept
from results.runs.files import write_json
from results.runs.folder import (
    RECORD,
    STORE,
    check_store,
    forgotten,
    lacking,
    masked,
    open_run,
    trials_left,
)
from results.runs.made import now
from results.starting import Unguarded, check_once
from results.terminal import tell
from search_spaces.errors import RunFailure, UserError
from search_spaces.space import Chosen

if TYPE_CHECKING:
    from results.runs.journal import Loading
    from results.runs.records import Trial
    from results.runs.store import Store
    from search_spaces.space import Build


@dataclass
class Run:
    """A run while it is open in this process.

    Attributes:
        folder: Where it is kept.
        record: What run.json holds.
        trials: Those finished, of this session and before; grows as they are stored.
        before: How many of them were there when it was opened.
        missing: How many that earlier sessions left are not there, and are made again.
        interrupted: Ctrl-C ended the work.
        facts: What else the session's entry says.
        seconds: What the time went to, part by part.
        build: The space's, where networks are built of values.
    """

    folder: Path
    record: dict[str, Any]
    trials: "list[Trial]" = field(default_factory=list)
    before: int = 0
    missing: int = 0
    interrupted: bool = False
    facts: dict[str, Any] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    build: "Build | None" = None
    _store: "Store | None" = None

    @property
    def store(self) -> "Store":
        """Where finished trials go.

        Raises:
            RuntimeError: The run keeps none.
        """
        if self._store is None:
            raise RuntimeError(f"the run {self.folder.name} was opened without choices: no store")
        return self._store

    @property
    def new(self) -> int:
        """How many trials this session finished."""
        return len(self.trials) - self.before

    def line_of(self, place: int) -> int:
        """The line of its journal, from 1, of the trial that was stored at this place, from 0."""
        with (self.folder / STORE).open("rb") as file:
            return sum(1 for _ in file) - len(self.trials) + place + 1

    @contextlib.contextmanager
    def interruptible(self) -> Iterator[None]:
        """Ctrl-C inside ends what is done there and no more; trials are then what is stored."""
        try:
            yield
        except BaseException as error:
            if not caused(error):
                raise
            self.interrupted = True
            if self._store is not None:
                self.trials[:] = self._store.trials()

    def entry(self, command: str) -> dict[str, Any]:
        """What the record says of this session."""
        kept = {} if self._store is None else {"trials": len(self.trials), "new": self.new}
        ended = {"command": masked(command), "ended": now(), **kept}
        ended |= {"again": self.missing} if self.missing else {}
        spent = {"seconds": self.seconds} if self.seconds else {}
        return {**ended, "interrupted": self.interrupted, **self.facts, **spent}


def say_missing(run: Run, measured: bool = True, extent: str = "") -> None:
    """Says that what earlier sessions left and is not there any more is made again.

    Args:
        run: Of which trials are missing.
        measured: They took time, so that a copy of them would be worth something.
        extent: How far they are made again, in words.
    """
    lacks = lacking(run.folder, run.record, run.before)
    copy = ". If you have a copy of what was lost, press Ctrl-C now and put it back instead"
    tell(f"note: {lacks}: what is missing is made again{extent}{copy * measured}")


@contextlib.contextmanager
def timed(seconds: dict[str, float], part: str) -> Iterator[None]:
    """Writes down what the block took, as seconds[part]."""
    start = time.perf_counter()
    try:
        yield
    finally:
        seconds[part] = round(time.perf_counter() - start, 3)


@contextlib.contextmanager
def session(
    folder: Path,
    experiment: Mapping[str, Any],
    command: str = "",
    storage: str | None = None,
    choices: Mapping[str, tuple[Any, ...]] | None = None,
    build: "Build | None" = None,
    loading: "Loading" = lambda done, of: None,
    short: Callable[[Run], None] = say_missing,
) -> Iterator[Run]:
    """Opens or continues a run, and writes the session down at its end.

    Args:
        folder: Of the run; taken by this process alone until the end.
        experiment: What the run is, as plain JSON values.
        command: The command line; passwords of URLs in it are masked.
        storage: An Optuna storage's URL; None for the folder's own journal.
        choices: Of the search space; None for a run that keeps no trials.
        build: The space's; what it gives must be what is stored.
        loading: Called now and then while trials are read: how many, and of about how many.
        short: Called where trials are missing that earlier sessions left, before any is made again.

    Yields:
        The run, with its store and the trials found there.

    Raises:
        UserError: The folder is no run's, holds another experiment or is in use; its trials are
            elsewhere, or not what the space builds now.
        RunFailure: The folder or the store can't be written.
    """
    check_once()
    fresh = not (folder / RECORD).exists()
    made = [path for path in (folder, folder.parent) if not path.exists()]
    with open_run(folder, experiment) as record, _failing(folder, record):
        run = Run(folder, record, build=build)
        now_kept(f"what was finished is kept in {folder}, and the same command goes on from there")
        if command and "command" not in record:  # for who finds the run cut off
            record["command"] = masked(command)
            write_json(folder / RECORD, record)
        try:
            if choices is not None:
                with timed(run.seconds, "load"), forgotten(folder, made if fresh else None):
                    _open_store(run, experiment, storage, choices, loading)
                    if build is not None:
                        check_built(run.trials, build)
                if run.missing:
                    short(run)
            yield run
        except Unguarded:
            if folder in made and not run.trials:  # its name stays free
                shutil.rmtree(folder, ignore_errors=True)
                with contextlib.suppress(OSError):
                    for parent in made[1:]:
                        parent.rmdir()
            raise
        finally:
            if run._store is not None:
                run._store.close()
        record["sessions"].append(run.entry(command))
        write_json(folder / RECORD, record)


@contextlib.contextmanager
def _failing(folder: Path, record: dict[str, Any]) -> Iterator[None]:
    """Writes down why a run's first session failed, for who lists runs."""
    try:
        yield
    except Exception as error:
        if not (caused(error) or record["sessions"]) and (folder / RECORD).exists():
            ours = isinstance(error, UserError | RunFailure)
            record["failed"] = str(error) if ours else f"{type(error).__name__}: {error}"
            with contextlib.suppress(UserError, RunFailure):
                write_json(folder / RECORD, record)
        raise


def _open_store(
    run: Run,
    experiment: Mapping[str, Any],
    storage: str | None,
    choices: Mapping[str, tuple[Any, ...]],
    loading: "Loading",
) -> None:
    from results.runs.store import Store

    place = masked(storage) if storage else None
    check_store(run.folder, run.record, place)
    name = f"compound-nas/{run.folder.name}"
    run._store = Store(storage or run.folder / STORE, experiment, choices, name, loading)
    run.trials = run._store.trials()
    run.before = len(run.trials)
    run.missing = max(0, trials_left(run.record) - run.before)
    if "storage" not in run.record:
        run.record["storage"] = place
        write_json(run.folder / RECORD, run.record)


def check_built(trials: "list[Trial]", build: "Build") -> None:
    """Refuses a space that builds, of the same values, other networks than those stored.

    It was changed, and the run's numbers would be of two spaces.

    Raises:
        UserError: It does.
    """
    others = [trial for trial in trials if not _builds(build, trial)]
    if others:
        raise UserError(
            f"the space was changed: of {len(trials)} stored networks it builds {len(others)} "
            f"otherwise than when they were evaluated, number {others[0].number} the first; take "
            "the space as it was, or choose another --name"
        )


def _builds(build: "Build", trial: "Trial") -> bool:
    values = trial.values
    try:
        return build(values.plain if isinstance(values, Chosen) else values) == trial.architecture
    except Exception:  # of a user's space
        return False
