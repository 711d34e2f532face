"""What an evaluator says of a network, and what came of asking it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Measurement:
    """accuracy: top-1 in percent.   spread: its standard deviation in points, None if unknown."""

    accuracy: float
    spread: float | None = None


@dataclass(frozen=True)
class Outcome:
    """What came of a job: a measurement, or the text of the error; seconds of wall clock."""

    measurement: Measurement | None
    error: str | None
    seconds: float
