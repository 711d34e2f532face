"""What an evaluator says of a network."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Measurement:
    """accuracy: top-1 in percent.   spread: its standard deviation in points, None if unknown."""

    accuracy: float
    spread: float | None = None
