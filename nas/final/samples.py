"""Some of a set of images as an exported network takes them: what `int8` is made by."""

import random
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from nas.final.classify import prepared
from nas.training.folders import splits_of
from results.export.inputs import Inputs
from results.export.request import Samples
from search_spaces.errors import UserError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

CALIBRATION, VALIDATION = 256, 2000  # images at most
PIXELS = 300_000_000  # numbers in memory at most, 1.2 GB


def samples_of(data: Path, inputs: Inputs, seed: int = 0) -> Samples:
    """Training images for the ranges of numbers, and validation images for the accuracy.

    Args:
        data: A folder or a CSV, as `nas train` takes it.
        inputs: What the network takes.
        seed: Draws them where there are more.

    Raises:
        UserError: The images can't be listed or read, or have other classes.
    """
    listing = splits_of(data, 0)
    places = {name: place for place, name in enumerate(inputs.classes)}
    missing = [name for name in listing.classes if name not in places]
    if missing:
        raise UserError(
            f"{data} has the class {missing[0]!r}, which the network does not name "
            f"({', '.join(inputs.classes[:5])}{', ...' * (len(places) > 5)}): expected the images "
            "that it was trained on, or others of its classes"
        )
    held = PIXELS // (inputs.channels * inputs.height * inputs.width)
    most = {"train": min(CALIBRATION, held), "val": min(VALIDATION, held)}
    found = {}
    for split, count in most.items():
        files = listing.splits[split]
        drawn = random.Random(seed).sample(files, min(count, len(files)))
        found[split] = _read(listing.root, drawn, inputs)
        if not found[split][1]:
            raise UserError(f"none of the {len(drawn)} images of {data} drawn can be read")
    own = [places[name] for name in listing.classes]
    images, labels = found["val"]
    return Samples(found["train"][0], images, tuple(own[label] for label in labels))


def _read(
    root: Path, files: Sequence[tuple[str, int]], inputs: Inputs
) -> tuple["NDArray[np.float32]", list[int]]:
    """(n, channels, height, width) and labels; files that can't be used are left out."""
    import numpy as np

    images, labels = [], []
    for path, label in files:
        try:
            images.append(prepared(root / path, inputs))
        except Exception:  # Pillow has errors of its own for each kind of damage
            continue
        labels.append(label)
    shape = (len(images), inputs.channels, inputs.height, inputs.width)
    return np.stack(images) if images else np.empty(shape, np.float32), labels
