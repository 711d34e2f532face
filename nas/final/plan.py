"""What is asked of a final training, fitted to the images."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nas.final.settings import SMALL, Settings
from nas.final.start import Start
from nas.training.folders import splits_of
from nas.training.headers import own_pixels
from nas.training.images import ImageData, load_images
from results.export.inputs import Inputs
from results.runs.folder import run_name
from search_spaces.architecture import Architecture, to_dict
from search_spaces.errors import UserError
from search_spaces.rounding import Size, size_of

CUT = 0.875  # of an image's sides what the network sees when it is validated (timm's crop_pct)
IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
PLAIN = ((0.5,), (0.25,))  # of a network that starts from nothing: any set's figures would do
Numbers = tuple[float, ...]


@dataclass(frozen=True)
class Plan:
    """A final training.

    Attributes:
        spec: The network as the user named it.
        architecture: The network, of the images' size, classes and channels.
        data: Where the images are.
        images: Them, decoded: of the network's size, or larger where parts are cut out.
        given: Fields of `Settings` that the user gave.
        minutes: How long the training may take instead of how many epochs; None for epochs.
        start: Weights to start from; None for initial ones.
        inputs: How images become what the network sees.
        seed: Of initial weights, order, augmentation and dropout.
        device: `auto`, `cpu`, `cuda`, `cuda:1`.
        threads: Of torch, on a CPU; None takes its default.
        workers: Processes that load images; None takes none on a CPU and 8 at most with a GPU.
        name: Of the run; None makes one.
        runs: The folder of runs.
        tensorboard: Whether curves are written for it too.
        command: The command line, for the records.
    """

    spec: str
    architecture: Architecture
    data: Path
    images: ImageData
    inputs: Inputs
    given: dict[str, Any] = field(default_factory=dict)
    minutes: float | None = None
    start: Start | None = None
    seed: int = 0
    device: str = "auto"
    threads: int | None = None
    workers: int | None = None
    name: str | None = None
    runs: Path = Path("runs")
    tensorboard: bool = False
    command: str = ""

    def __post_init__(self) -> None:
        if self.minutes is not None and self.given.get("epochs") is not None:
            raise UserError("--epochs and --minutes both say how long: give one of them")
        if self.minutes is not None and not 0 < self.minutes <= 60 * 24 * 365:
            raise UserError(f"--minutes is {self.minutes:g}: expected minutes above 0, to a year's")
        Settings(**self.given)

    @property
    def experiment(self) -> dict[str, Any]:
        """What makes two trainings the same, as plain JSON values."""
        return {
            "kind": "train",
            "network": to_dict(self.architecture),
            "images": self.images.digest,
            "given": self.given,
            "minutes": self.minutes,
            "weights": None if self.start is None else self.start.digest,
            "inputs": json.loads(self.inputs.text()),
            "seed": self.seed,
        }

    @property
    def folder(self) -> str:
        """The run's name."""
        if self.name is not None:
            return self.name
        digest = hashlib.sha256(json.dumps(self.experiment, sort_keys=True).encode()).hexdigest()[
            :6
        ]
        network = Path(self.spec).stem if "/" in self.spec else self.spec
        return run_name(["train", network[:40], self.data.resolve().stem[:40], digest])


def cuts(size: Size, crop: str | None) -> bool:
    """Whether parts are cut out of images, which are then decoded larger than the network's."""
    return crop == "resized" or (crop is None and min(size) > SMALL)


def decoded_size(size: Size, crop: str | None) -> Size:
    """What images are decoded to for a network of this size.

    Args:
        size: Of the network.
        crop: As given; None takes what the size asks for.
    """
    if not cuts(size, crop):
        return size
    return Size(*(round(side / CUT) for side in size))


def inputs_for(
    images: ImageData,
    size: Size,
    start: Start | None,
    mean: Numbers | None,
    deviation: Numbers | None,
    channels: int,
    fit: str,
    crop: str | None = None,
) -> Inputs:
    """How images become inputs: what the weights were trained on, or what was given.

    Args:
        images: The decoded images.
        size: Of the network.
        start: The weights.
        mean: As given; None takes the weights', ImageNet's for weights that don't say, else 0.5.
        deviation: As given.
        channels: Of the images.
        fit: `crop` or `letterbox`.
        crop: How training images are cut, as given.
    """
    usual: tuple[Numbers, Numbers] = PLAIN
    if start is not None:
        usual = IMAGENET if channels == 3 else PLAIN
        if start.inputs is not None and start.inputs.channels == channels:
            usual = (start.inputs.mean, start.inputs.deviation)
    return Inputs(
        size.height,
        size.width,
        mean or usual[0],
        deviation or usual[1],
        images.classes,
        channels,
        CUT if cuts(size, crop) else 1.0,
        fit,
    )


def size_for(architecture: Architecture, data: Path, pixels: int | Size | None) -> tuple[Size, str]:
    """The size that a network is trained at, and a sentence where it isn't the network's own.

    Args:
        architecture: The network as it was found.
        data: Where the images are.
        pixels: As the user gave them; None takes the network's size, or the images' own where they
            are smaller.

    Raises:
        UserError: The images can't be listed.
    """
    if pixels is not None:
        return size_of(pixels), ""
    own = own_pixels(splits_of(data.expanduser().resolve(), 0), max(architecture.size))
    if own.area >= architecture.size.area:
        return architecture.size, ""
    return own, (
        f"the network is for {architecture.size} px and the images are about {own} px: it is "
        f"trained at {own} px; --pixels {architecture.size} takes its own"
    )


def images_for(
    data: Path, size: Size, channels: int, fit: str, crop: str | None, show: Callable[..., None]
) -> ImageData:
    """The images, decoded for a network of this size.

    Args:
        data: Where they are.
        size: Of the network.
        channels: Of the network.
        fit: `crop` or `letterbox`.
        crop: How training images are cut, as given.
        show: Is told how far decoding is.
    """
    decoded = decoded_size(size, crop)
    return load_images(data, decoded, None, 2, 0, show, channels, fit)
