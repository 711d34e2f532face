"""How far things are, for whoever shows it: what an evaluation tells, and what a run tells.

Nobody has to: an evaluator that tells nothing will do, and so does a plain function of (trial, how
many there are) as what a run calls with each finished trial.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Protocol, runtime_checkable

Tell = Callable[[int, int], None]  # called with the steps done, and of how many
Show = Callable[[Any, int], None]  # called with each finished trial and how many there are


class Running(NamedTuple):
    """An evaluation under way.

    Attributes:
        number: Of its trial.
        begun: When it began, by `time.monotonic`.
        done: Steps of it that are done.
        of: How many there are; 0 where nothing was told yet.
    """

    number: int
    begun: float
    done: int = 0
    of: int = 0


Poll = Callable[[], Sequence[Running]]


@runtime_checkable
class Tells(Protocol):
    """An evaluator that says how far an evaluation is."""

    def telling(self, tell: Tell) -> Any:
        """The same evaluator, telling.

        Args:
            tell: Called after each step, from the process that evaluates; it takes microseconds.
        """


@runtime_checkable
class Watches(Protocol):
    """A `Show` that wants to know what happens between finished trials too."""

    def __call__(self, trial: Any, finished: int) -> None:
        """Takes a finished trial, and how many there are."""

    def phase(self, name: str, poll: Poll | None, finished: int) -> None:
        """Takes what begins now.

        Args:
            name: A word or two, as `searching`.
            poll: Gives the evaluations under way, from any thread; None where none are made.
            finished: How many trials there are.
        """


@runtime_checkable
class Recalls(Protocol):
    """A `Show` that wants to know of the trials that were finished before."""

    def earlier(self, trials: Sequence[Any]) -> None:
        """Takes them, those of earlier sessions."""


def telling(evaluator: Any, tell: Tell) -> Any:
    """The evaluator, telling its steps where it can."""
    return evaluator.telling(tell) if isinstance(evaluator, Tells) else evaluator


def begin(show: Show, phase: str, poll: Poll | None = None, finished: int = 0) -> None:
    """Tells what begins now, if `show` watches; the arguments are those of `Watches.phase`."""
    if isinstance(show, Watches):
        show.phase(phase, poll, finished)


def recall(show: Show, trials: Sequence[Any]) -> None:
    """Tells of trials of earlier sessions, if `show` wants to know."""
    if trials and isinstance(show, Recalls):
        show.earlier(trials)
