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


def share(right: int, of: int) -> Measurement:
    """The top-1 of so many images named rightly, and its spread, which is above 0 for every count.

    The spread is the standard deviation of Agresti and Coull's interval (The American Statistician
    52, 1998, sec. 3) at z = 1: that of the share (right + 1/2) / (of + 1) among of + 1 images. The
    usual sqrt(p (1 - p) / of) would call 36 of 36 images certain, and 35 of 36 not. Of 1,000 images
    and more, half of them right, the two differ by less than a thousandth.

    Args:
        right: How many.
        of: Of how many, 1 or more.
    """
    middle = (right + 0.5) / (of + 1)
    return Measurement(100 * right / of, 100 * (middle * (1 - middle) / (of + 1)) ** 0.5)


@dataclass(frozen=True)
class Outcome:
    """What came of a job: a measurement, or the text of the error; seconds of wall clock."""

    measurement: Measurement | None
    error: str | None
    seconds: float
