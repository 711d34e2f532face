"""What measures a network: `evaluator(architecture, budget, seed)` -> top-1 in percent.

An evaluator is any callable of that form (`Evaluator`). It may say more of itself by having what
one of the protocols below names; each is asked for by one function here, and nowhere else:

    check(architecture)          raises OutOfDomain for what it can't measure   `checked`
    predict(architectures)       many at once, of one that is a model           `predictor_of`
    label                        what its numbers are, in a sentence            `label_of`
    difference_error(one, two)   how far a difference between two can be off    `difference_of`
    where                        the device that it works on                    `device_of`
    notes(architecture)          where its evidence is thin, in sentences       `notes_of`
    evidence                     the costs where its evidence begins and ends   `evidence_of`
    against(reference)           the same, of differences to one network        `against`
    unit                         what its numbers are, where they are no top-1  `unit_of`

What holds weights of its networks says so in `nas.holding`, and what knows good networks from
searches before in `nas.search.generations`.
"""

import contextlib
import functools
import math
import sys
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from nas.measurement import Measurement as Measurement
from nas.measurement import Outcome as Outcome
from nas.scores.registry import SCORES
from results.interrupts import caused
from results.streams import aside
from search_spaces.architecture import Architecture
from search_spaces.errors import OutOfDomain, UserError, meant
from search_spaces.spaces import load_object

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]


class Evaluator(Protocol):
    """Measures one network. Everything else that an evaluator may have is optional."""

    def __call__(self, architecture: Architecture, budget: float, seed: int) -> Measurement | float:
        """Measures a network.

        Args:
            architecture: What is measured.
            budget: How much is spent on it, in the evaluator's own unit (epochs for training).
            seed: Of anything random; the same arguments give the same number.

        Returns:
            Top-1 in percent, or a Measurement, which has a spread besides.

        Raises:
            Exception: Anything; it is that trial's failure and ends no run.
        """


@runtime_checkable
class Checks(Protocol):
    """Knows what it can't measure, before anything is spent on it."""

    def check(self, architecture: Architecture) -> None:
        """Refuses a network whose `__call__` would raise OutOfDomain.

        Raises:
            OutOfDomain: In one sentence, what is outside and what is covered.
        """


@runtime_checkable
class Predicts(Protocol):
    """Is a model: its numbers are predictions, cheap, of many networks at once."""

    def predict(self, architectures: Sequence[Architecture]) -> "tuple[Floats, Floats]":
        """Predicts n networks, or none; each as `__call__` does, whatever its budget and seed.

        Returns:
            Means in percent and standard deviations in points, both of shape (n,).

        Raises:
            OutOfDomain: For a network that it does not cover.
        """


@runtime_checkable
class Labelled(Protocol):
    """Says what its numbers are."""

    @property
    def label(self) -> str:
        """A sentence or two, shown beside every number."""


@runtime_checkable
class Compares(Protocol):
    """Knows how far the difference between two of its numbers can be off."""

    def difference_error(self, one: Architecture, two: Architecture) -> float:
        """The standard error of the difference between two networks, points of top-1, 0 or more.

        Raises:
            OutOfDomain: For a network that it does not cover.
        """


@runtime_checkable
class Placed(Protocol):
    """Works on a device of its own choice."""

    @property
    def where(self) -> str:
        """The device as torch names it, as `cpu` or `cuda:1`."""


@runtime_checkable
class Notes(Protocol):
    """Knows where its own evidence is thin."""

    def notes(self, architecture: Architecture) -> list[str]:
        """What a reader of the number of a network that it covers should know.

        Returns:
            Sentences without an end, most important first; none where nothing is to be said.
        """


@runtime_checkable
class Bounded(Protocol):
    """Knows where its evidence begins and ends."""

    @property
    def evidence(self) -> tuple[float, float]:
        """Least and most multiply-adds of the networks that it was fitted to."""


@runtime_checkable
class Relative(Protocol):
    """Knows differences better than levels."""

    def against(self, reference: Architecture, alike: Sequence[Architecture] = ()) -> Evaluator:
        """The same evaluator, whose spreads are of the difference to one network.

        Args:
            reference: A network; what it has itself is then without a spread.
            alike: Others in its proportions, where those are not a scaled B0's.

        Raises:
            OutOfDomain: It does not cover the network.
        """


@runtime_checkable
class Scores(Protocol):
    """Ranks networks by a number of its own, 0 or more, which is no accuracy."""

    @property
    def unit(self) -> str:
        """What the number is called in tables, as `NASWOT`."""


def checked(evaluator: Evaluator, architecture: Architecture) -> None:
    """Refuses a network that the evaluator says it can't measure.

    Raises:
        OutOfDomain: It is one.
    """
    if isinstance(evaluator, Checks):
        evaluator.check(architecture)


def predictor_of(evaluator: Evaluator) -> Predicts | None:
    """The evaluator itself where it is a model, else None."""
    return evaluator if isinstance(evaluator, Predicts) else None


def label_of(evaluator: Evaluator) -> str | None:
    """What the evaluator's numbers are; None where it doesn't say."""
    return evaluator.label if isinstance(evaluator, Labelled) else None


def unit_of(evaluator: Evaluator) -> str | None:
    """What the evaluator's numbers are called; None where they are top-1 in percent."""
    return evaluator.unit if isinstance(evaluator, Scores) else None


def difference_of(evaluator: Evaluator) -> Callable[[Architecture, Architecture], float] | None:
    """The standard error of a difference, in points; None where the evaluator doesn't know it."""
    return evaluator.difference_error if isinstance(evaluator, Compares) else None


def device_of(evaluator: Evaluator) -> str:
    """The device that the evaluator works on, as torch names it."""
    return evaluator.where if isinstance(evaluator, Placed) else "cpu"


def against(
    evaluator: Evaluator, reference: Architecture | None, alike: Sequence[Architecture] = ()
) -> Evaluator:
    """The evaluator with spreads of the difference to a network.

    It is the evaluator itself where that knows no differences or does not cover the network.
    """
    if reference is None or not isinstance(evaluator, Relative):
        return evaluator
    with contextlib.suppress(OutOfDomain):
        return evaluator.against(reference, *([alike] if alike else []))
    return evaluator


def notes_of(evaluator: Evaluator, architecture: Architecture) -> list[str]:
    """Where the evaluator's evidence on a network is thin; nothing where it doesn't say."""
    return evaluator.notes(architecture) if isinstance(evaluator, Notes) else []


def evidence_of(evaluator: Evaluator) -> tuple[float, float]:
    """Least and most multiply-adds of the evaluator's evidence; without end if it doesn't say."""
    return evaluator.evidence if isinstance(evaluator, Bounded) else (0.0, math.inf)


def evaluate(evaluator: Evaluator, architecture: Architecture, budget: float, seed: int) -> Outcome:
    """Runs the evaluator; whatever it raises becomes the outcome's error."""
    start = time.perf_counter()
    try:
        with aside():  # what it prints is no answer of a command
            given = evaluator(architecture, budget, seed)
        made = given if isinstance(given, Measurement) else Measurement(float(given))
        most, wanted = 100.0, "the accuracy is {}, its spread {}: expected percent, 0 to 100"
        if unit_of(evaluator) is not None:
            most, wanted = sys.float_info.max, "the score is {}, its spread {}: expected 0 or more"
        if 0 <= made.accuracy <= most and 0 <= (made.spread or 0) < math.inf:
            return Outcome(made, None, time.perf_counter() - start)
        error = wanted.format(made.accuracy, made.spread)
    except BaseException as raised:  # whatever it is, an evaluator may not end the run
        if caused(raised):
            raise KeyboardInterrupt from raised
        error = f"{type(raised).__name__}: {raised}"
    return Outcome(None, error, time.perf_counter() - start)


def _surrogate(path: str | None = None) -> Evaluator:
    from nas.imagenet.surrogate import SurrogateEvaluator

    return SurrogateEvaluator(path)


def _imagenet(path: str | None = None) -> Evaluator:
    from nas.imagenet.evaluator import ImagenetEvaluator

    return ImagenetEvaluator(path)


def _score(name: str, images: str | None = None) -> Evaluator:
    from nas.scores.evaluator import ScoreEvaluator

    return ScoreEvaluator(name, images)


def _supernet(run: str = "") -> Evaluator:
    from nas.supernet.evaluator import SupernetEvaluator

    return SupernetEvaluator(run)


# An evaluator is one class and one line here; it is made with the text of `name:text`, if any.
EVALUATORS: dict[str, Callable[..., Evaluator]] = {
    "imagenet": _imagenet,
    "surrogate": _surrogate,
    "supernet": _supernet,
    **{name: functools.partial(_score, name) for name in SCORES},
}


def evaluator(spec: str) -> Evaluator:
    """An evaluator by name, as `surrogate:FILE.npz`, or as `module:name`.

    Raises:
        UserError: There is none, or what is named is no callable.
    """
    name, _, text = str(spec).partition(":")
    if name in EVALUATORS:
        return EVALUATORS[name](text) if ":" in spec else EVALUATORS[name]()
    if isinstance(spec, str) and ":" in spec:
        with aside():
            loaded: Any = load_object(spec, "evaluator")
            loaded = loaded() if isinstance(loaded, type) else loaded
        if not callable(loaded):
            raise UserError(
                f"the evaluator {spec!r} is {type(loaded).__name__}: expected a callable of "
                "(architecture, budget, seed)"
            )
        return loaded  # type: ignore[no-any-return]
    raise UserError(
        f"there is no evaluator {spec!r}{meant(spec, EVALUATORS)}: expected one of "
        f"{', '.join(EVALUATORS)}, surrogate:FILE.npz, or module:name of your own"
    )
