"""What a log of a run is: three methods, and what it is told."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

Numbers = Mapping[str, float]


@dataclass(frozen=True)
class About:
    """What a log is told of a run.

    Attributes:
        name: Of the run.
        folder: Where it is kept; a log may write into a folder of its own there.
        settings: What makes the run what it is, as plain JSON values.
    """

    name: str
    folder: Path
    settings: Mapping[str, Any]


class Log(Protocol):
    """Is told of one session of one run."""

    def started(self, about: About) -> None:
        """Takes what the run is.

        Args:
            about: Its name, folder and settings.
        """

    def finished(self, step: int, numbers: Numbers) -> None:
        """Takes a finished trial of a search, or a row of a training's course.

        Args:
            step: The trial's number, or the optimizer steps done.
            numbers: As accuracy in percent, flops in multiply-adds, seconds.
        """

    def ended(self, numbers: Numbers) -> None:
        """Takes how it ended; it is told in the end, whatever happened.

        Args:
            numbers: Of the pick, or of the trained network; empty where there is none.
        """
