"""What an evaluator says of a network, and what came of asking it."""

import contextlib
from dataclasses import dataclass


@dataclass(frozen=True)
class Measurement:
    """accuracy: top-1 in percent.   spread: its standard deviation in points, None if unknown."""

    accuracy: float
    spread: float | None = None

    def __post_init__(self) -> None:
        for name in ("accuracy", "spread"):  # numpy's and torch's numbers can't go into files
            value = getattr(self, name)
            if type(value) is not float:
                with contextlib.suppress(TypeError, ValueError, OverflowError):  # judged later
                    object.__setattr__(self, name, float(value))


@dataclass(frozen=True)
class Outcome:
    """What came of a job: a measurement, or the text of the error; seconds of wall clock."""

    measurement: Measurement | None
    error: str | None
    seconds: float
