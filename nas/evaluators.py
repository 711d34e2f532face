"""What measures a network: `evaluator(architecture, budget, seed)` -> top-1 in percent.

An evaluator is any callable of that form; it returns a number or a `Measurement`. Where it has
a method `check(architecture)`, that raises OutOfDomain for a network it can't measure.
"""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from search_spaces.architecture import Architecture
from search_spaces.errors import UserError
from search_spaces.spaces import load_object


@dataclass(frozen=True)
class Measurement:
    """accuracy: top-1 in percent.   spread: its standard deviation in points, None if unknown."""

    accuracy: float
    spread: float | None = None


class Evaluator(Protocol):
    """Measures one network. budget: in the evaluator's own unit; seed: of anything random."""

    def __call__(
        self, architecture: Architecture, budget: float, seed: int
    ) -> Measurement | float: ...


@dataclass(frozen=True)
class Outcome:
    """What came of a job: a measurement, or the text of the error; seconds of wall clock."""

    measurement: Measurement | None
    error: str | None
    seconds: float


def evaluate(evaluator: Evaluator, architecture: Architecture, budget: float, seed: int) -> Outcome:
    """Runs the evaluator; whatever it raises becomes the outcome's error."""
    start = time.perf_counter()
    measurement: Measurement | None = None
    error = None
    try:
        found = evaluator(architecture, budget, seed)
        found = found if isinstance(found, Measurement) else Measurement(float(found))
        if 0 <= found.accuracy < math.inf and 0 <= (found.spread or 0) < math.inf:
            measurement = found
        else:
            error = f"the accuracy is {found.accuracy}, its spread {found.spread}: expected percent"
    except Exception as raised:
        error = f"{type(raised).__name__}: {raised}"
    return Outcome(measurement, error, time.perf_counter() - start)


class SurrogateEvaluator:
    """The ImageNet surrogate as an evaluator; budget and seed change nothing."""

    def __init__(self, path: str | None = None) -> None:
        from nas.imagenet.model import Surrogate

        self.surrogate = Surrogate.load(path)

    def check(self, architecture: Architecture) -> None:
        self.surrogate.predict_one(architecture)

    def __call__(self, architecture: Architecture, budget: float, seed: int) -> Measurement:
        mean, spread = self.surrogate.predict_one(architecture)
        return Measurement(float(mean), float(spread))


# An evaluator is one class or function and one line here.
EVALUATORS: dict[str, Callable[[], Evaluator]] = {"surrogate": SurrogateEvaluator}


def evaluator(spec: str) -> Evaluator:
    """An evaluator by name, as `surrogate:FILE.npz`, or as `module:name`. Raises UserError."""
    if spec in EVALUATORS:
        return EVALUATORS[spec]()
    if spec.startswith("surrogate:"):
        return SurrogateEvaluator(spec.partition(":")[2])
    if ":" in spec:
        found: Any = load_object(spec, "evaluator")
        found = found() if isinstance(found, type) else found
        if not callable(found):
            raise UserError(
                f"the evaluator {spec!r} is {type(found).__name__}: expected a callable of "
                "(architecture, budget, seed)"
            )
        return found  # type: ignore[no-any-return]
    raise UserError(
        f"there is no evaluator {spec!r}: expected one of {', '.join(EVALUATORS)}, "
        "surrogate:FILE.npz, or module:name of your own"
    )
