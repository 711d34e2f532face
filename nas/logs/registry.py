"""`--log NAME`: who is told of a run while it goes on.

A log is an object of three methods (`Log`), one of its own for each run. It is a guest: whatever it
raises is said once, it is not asked again, and the run goes on.
"""

import contextlib
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from nas.logs.log import About, Log, Numbers
from nas.watch import Poll, Show, begin
from results.runs.records import Trial
from results.streams import aside
from results.terminal import tell
from search_spaces.errors import (
    UserError,
    check_is,
    check_packages,
    meant,
    not_installed,
    said,
    shortened,
)
from search_spaces.spaces import load_object

VERBS = ("started", "finished", "ended")  # of a `Log`
LOGS = {  # name -> (its class in nas.logs.libraries, what it imports)
    "tensorboard": ("TensorBoard", "tensorboard"),
    "mlflow": ("MLflow", "mlflow"),
    "wandb": ("WandB", "wandb"),
}


def log(name: str) -> Log:
    """A log by its name.

    Args:
        name: One of LOGS, or `module:name` or `FILE.py:name` of a class or function that makes one.

    Raises:
        UserError: There is none, or its package is not installed.
    """
    if name in LOGS:
        return _of_library(name)
    if ":" not in name:
        raise UserError(
            f"--log is {name!r}{meant(name, LOGS)}: expected some of {', '.join(LOGS)}, or "
            "module:name of your own"
        )
    with aside():
        made = load_object(name, "--log")()
    check_verbs(f"what --log {name} makes", made)
    return made  # type: ignore[no-any-return]


def logs_given(given: Any) -> tuple[Log | str, ...]:
    """What a program gives as logs: a name, or several names and logs.

    Raises:
        UserError: They are something else.
    """
    listed = (given,) if isinstance(given, str) else given
    check_is("logs", listed, (list, tuple), 'names and logs, as ["tensorboard"]')
    for one in listed:
        if not isinstance(one, str):
            check_verbs("one of logs", one)
    return tuple(listed)


def check_verbs(what: str, made: Any) -> None:
    """Refuses what is no log.

    Raises:
        UserError: It lacks a method; `what` names it.
    """
    missing = [verb for verb in VERBS if not callable(getattr(made, verb, None))]
    if missing:
        raise UserError(
            f"{what} is {shortened(made)}, without {', '.join(missing)}: expected an object with "
            "started(about), finished(step, numbers), ended(numbers)"
        )


def _of_library(name: str) -> Log:
    """One of LOGS. Raises UserError where its package, or one that this needs, isn't there."""
    kind, package = LOGS[name]
    what, extra = f"--log {name}", "train" if name == "tensorboard" else name
    check_packages(what, (package,), extra)
    try:
        from nas.logs import libraries

        return getattr(libraries, kind)()  # type: ignore[no-any-return]
    except ImportError as error:
        raise not_installed(what, (error.name or str(error),), extra) from None


class Logs:
    """All logs of a run; none that fails is asked again.

    Args:
        logs: They, or names of them.

    Raises:
        UserError: As `log`.
    """

    def __init__(self, logs: Iterable[Log | str]) -> None:
        self._logs = [log(one) if isinstance(one, str) else one for one in logs_given(logs)]

    def __bool__(self) -> bool:
        return bool(self._logs)

    def started(self, about: About) -> None:
        """As `Log.started`."""
        self._each(lambda one: one.started(about))

    def finished(self, step: int, numbers: Numbers) -> None:
        """As `Log.finished`."""
        self._each(lambda one: one.finished(step, numbers))

    def ended(self, numbers: Numbers) -> None:
        """As `Log.ended`."""
        self._each(lambda one: one.ended(numbers))

    def _each(self, told: Callable[[Log], None]) -> None:
        for one in tuple(self._logs):
            try:
                with aside():  # as of an evaluator
                    told(one)
            except Exception as error:  # libraries, servers and users have errors of their own
                self._logs.remove(one)
                tell(
                    f"note: the log {type(one).__name__} failed ({said(error)}), and is told "
                    "nothing more; the run goes on"
                )


@contextlib.contextmanager
def logging(logs: Logs, about: About) -> Iterator[dict[str, float]]:
    """Tells logs of a run's beginning and, whatever happens, of its end.

    Args:
        logs: Who is told.
        about: The run.

    Yields:
        Numbers to be filled with what they are told at the end.
    """
    last: dict[str, float] = {}
    logs.started(about)
    try:
        yield last
    finally:
        logs.ended(last)


class Logged:
    """A `Show` whose trials logs are told of besides.

    Args:
        show: It.
        logs: They.
    """

    def __init__(self, show: Show, logs: Logs) -> None:
        self._show, self._logs = show, logs

    def __call__(self, trial: Trial, finished: int) -> None:
        """Takes a finished trial, and how many there are."""
        self._show(trial, finished)
        if self._logs:
            self._logs.finished(trial.number, numbers_of(trial))

    def phase(self, name: str, poll: Poll | None, finished: int) -> None:
        """As `nas.watch.Watches.phase`."""
        begin(self._show, name, poll, finished)


def row_of(logs: Logs) -> Callable[[dict[str, float]], None]:
    """What tells logs of a row of a training's course, as `history.csv` has it."""

    def told(row: dict[str, float]) -> None:
        if logs:
            numbers = {name: value for name, value in row.items() if name != "step"}
            logs.finished(int(row["step"]), numbers)

    return told


def numbers_of(trial: Trial) -> dict[str, float]:
    """What logs are told of a trial."""
    costs = trial.cost
    numbers = {
        "accuracy": trial.accuracy, "spread": trial.spread, "flops": float(costs.macs),
        "params": float(costs.params), "memory": float(costs.memory), "budget": trial.budget,
        "seconds": trial.seconds, "failed": float(trial.accuracy is None),
    }  # fmt: skip
    return {name: value for name, value in numbers.items() if value is not None}
