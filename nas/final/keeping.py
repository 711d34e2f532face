"""What of a training in progress is on disk: its state, its history, its curves."""

import csv
import io
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from nas.final.files import HISTORY, STATE
from nas.final.loop import Progress
from nas.training.checkpoints import EVERY
from nas.training.state import State
from results.runs.files import check_room, write_atomically
from search_spaces.errors import UserError


def restored(file: Path, state: State) -> Progress:
    """The progress on disk, with the state loaded; a new one where there is none.

    Raises:
        UserError: The file is damaged.
    """
    if not file.is_file():
        return Progress()
    try:
        content = torch.load(file, map_location="cpu", weights_only=True)
        state.load_state_dict(content["state"])
        total, number = content.get("losses", (0.0, 0))  # states of before have none
        return Progress(
            content["history"], float(content["seconds"]), content["best"], (total, number)
        )
    except Exception as error:  # torch.load raises nearly anything on a broken file
        raise UserError(
            f"{file} can't be continued from ({type(error).__name__}): it is damaged or of another "
            "version; remove it to train from the start"
        ) from None


def check_kept(folder: Path, state: State) -> None:
    """Refuses before the first step where the states of a training can't be kept.

    The last one stays until the next is whole, so there are two of them for a while: each has the
    network, its average and a momentum.

    Raises:
        RunFailure: There is no room for them.
    """
    tensors = [*state.network.state_dict().values(), *state.average, *state.network.parameters()]
    size = sum(tensor.numel() * tensor.element_size() for tensor in tensors)
    check_room(folder, size if (folder / STATE).is_file() else 2 * size)


def keeper(folder: Path, first: bool, curve: Callable[[dict[str, float]], None]) -> Any:
    """Keeps state and history on disk: now and then, after a validation, and when asked to."""
    last = [time.monotonic()]
    rows = [0]

    def keep(state: State, progress: Progress, now: bool) -> None:
        if not first or not (now or time.monotonic() - last[0] > EVERY):
            return
        content = io.BytesIO()
        held = {"state": state.state_dict(), "history": progress.history,
                "seconds": progress.seconds, "best": progress.best,
                "losses": progress.losses}  # fmt: skip
        torch.save(held, content)
        write_atomically(folder / STATE, content.getvalue())
        if progress.history:
            write_atomically(folder / HISTORY, _table(progress.history))
        for row in progress.history[rows[0] :]:
            curve(row)
        rows[0], last[0] = len(progress.history), time.monotonic()

    return keep


def _table(rows: list[dict[str, float]]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()
