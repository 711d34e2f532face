"""The state of one training on disk, and the numbers measured along it."""

import io
import pickle
import time
from pathlib import Path
from typing import Any

import torch

from nas.training.state import State
from results.runs.files import write_atomically
from search_spaces.errors import disk_error

COUNTED = "counted"  # in a finished state: batch normalization's statistics, name -> tensor
EVERY = 30.0  # seconds between two states of a training in progress
_BROKEN = (OSError, RuntimeError, ValueError, KeyError, TypeError, EOFError, pickle.PickleError)


class Checkpoint:
    """The file of one (network, seed, way of training), written whole or not at all.

    A file that can't be read counts as none.

    Args:
        file: Where it is; None keeps nothing.

    Attributes:
        measured: Optimizer steps -> images labelled rightly after them.
        damaged: There is a file, and it can't be read.
    """

    def __init__(self, file: Path | None) -> None:
        self.file, self._state, self._saved_at = file, None, time.monotonic()
        self.measured: dict[int, int] = {}
        self.damaged = False
        if file is not None and file.exists():
            try:
                content = torch.load(file, map_location="cpu", weights_only=True)
                self._state, self.measured = content["state"], dict(content["measured"])
            except _BROKEN:
                self._state, self.measured, self.damaged = None, {}, True

    @property
    def step(self) -> int:
        """Steps of the state on disk, 0 where there is none."""
        return 0 if self._state is None else int(self._state["step"])

    @property
    def counted(self) -> dict[str, Any]:
        """Batch normalization's statistics as they were counted anew for the averaged weights."""
        return {} if self._state is None else dict(self._state.get(COUNTED, {}))

    def restore(self, state: State, until: int) -> bool:
        """Loads the state on disk, unless it lies beyond step `until`.

        Args:
            state: What it is loaded into.
            until: The step that the training shall end at.

        Returns:
            Whether it was loaded whole; after a failure `state` may hold a part of it.
        """
        if self._state is None or self.step > until:
            return False
        try:
            state.load_state_dict(self._state)
        except _BROKEN:
            self._state = None
            return False
        return True

    def now_and_then(self, state: State) -> None:
        """Writes the state if the last is EVERY seconds old and the one on disk no later step's."""
        if time.monotonic() - self._saved_at > EVERY and state.step > self.step:
            self._state = state.state_dict()
            self._write()

    def finish(self, state: dict[str, Any] | None, steps: int, correct: int) -> None:
        """Writes a number that was measured, and the state.

        Args:
            state: To continue from, or None to keep none; a longer training's on disk stays there.
            steps: After which it was measured.
            correct: Images labelled rightly.

        Raises:
            RunFailure: The folder can't be made or written.
        """
        self.measured[steps] = correct
        if steps >= self.step:
            self._state = state
        self._write()

    def _write(self) -> None:
        if self.file is None:
            return
        content = io.BytesIO()
        torch.save({"state": self._state, "measured": self.measured}, content)
        try:
            self.file.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            message = f"the folder of checkpoints {self.file.parent} can't be made: "
            raise disk_error(error, message + str(error.strerror)) from error
        write_atomically(self.file, content.getvalue())
        self._saved_at = time.monotonic()
