"""What each score was worth on the recorded table, in numbers and in a sentence."""

import functools
import importlib.resources
import json
from typing import Any

FILE = "worth.json"  # written by `python benchmarks/scores.py --write`


@functools.cache
def recorded() -> dict[str, Any]:
    """What the recorded table says.

    Returns:
        `table`, what it is of in words; `networks`; `noise`, the tau between one training and
        another of the same networks; `tau`, by score: `tau`, `low` and `high` (95 %), `gain`,
        `gain_low` and `gain_high` over multiply-adds, and `seconds` of a network. A score that
        looks at images is there twice: on noise by its name, and as `NAME on images`.
    """
    file = importlib.resources.files("nas.scores") / "data" / FILE
    found: dict[str, Any] = json.loads(file.read_text())
    return found


def sentence(name: str, on_images: bool = False) -> str:
    """What a score was worth beside multiply-adds, in plain words.

    Args:
        name: Of SCORES.
        on_images: Whether it looked at the images that the networks were trained on.
    """
    held = recorded()
    own, macs = held["tau"][f"{name} on images" if on_images else name], held["tau"]["macs"]
    return (
        f"On {held['table']} it ranked with Kendall's tau {_interval(own)}, where 1 is the "
        f"order of their accuracies and 0 none, and multiply-adds alone with {_interval(macs)}: "
        f"{verdict(own)}"
    )


def verdict(own: dict[str, float]) -> str:
    """Whether a score ranked better than multiply-adds, as far as the table can tell."""
    if own["gain_low"] > 0:
        return "it ranked better than they do."
    if own["gain_high"] < 0:
        return "it ranked worse than they do."
    return "no better than they do as far as so few networks can tell."


def _interval(of: dict[str, float]) -> str:
    return f"{of['tau']:.2f} ({of['low']:.2f} to {of['high']:.2f})"
