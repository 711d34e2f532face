"""What is asked of a final training, fitted to the images."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from nas.final.settings import SMALL, check_given
from nas.holding import HOLDERS
from nas.logs.log import Log
from nas.parent.start import IMAGENET, Start
from nas.training.decoding import LARGEST
from nas.training.folders import Listing, real_place, splits_of
from nas.training.headers import about, own_pixels
from nas.training.images import ImageData, load_images
from results.export.inputs import KEY, Inputs, inputs_in
from results.export.weights import WEIGHTS, metadata
from results.runs.files import check_writable
from results.runs.folder import RECORD, check_run, read_record, run_name, run_path
from results.runs.load import TRAINED, run_folder
from search_spaces.architecture import Architecture, to_dict
from search_spaces.errors import UserError
from search_spaces.rounding import Size, size_of

if TYPE_CHECKING:
    from nas.final.loop import Step
    from nas.final.task import Task
    from nas.training.state import State

CUT = 0.875  # of an image's sides what the network sees when it is validated (timm's crop_pct)
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
        logs: Are told of each validation; texts are names of `--log`.
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
    logs: tuple[Log | str, ...] = ()
    command: str = ""
    kind: ClassVar[str] = "train"  # of its run
    shared: ClassVar[bool] = False  # whether the weights are those of many networks

    def step(self, state: "State", task: "Task") -> "Step":
        """What the training's steps do.

        Args:
            state: The training.
            task: What is trained on.
        """
        from nas.final.loop import Step

        return Step(state, task)

    def __post_init__(self) -> None:
        check_given(self.given, self.minutes)

    @property
    def experiment(self) -> dict[str, Any]:
        """What makes two trainings the same, as plain JSON values."""
        return {
            **begun(self.given, self.minutes, self.seed, self.kind),
            "network": to_dict(self.architecture),
            "images": self.images.digest,
            "weights": None if self.start is None else self.start.digest,
            "inputs": json.loads(self.inputs.text()),
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
        return run_name([self.kind, network[:40], real_place(self.data).stem[:40], digest])


def check_there(data: Path) -> None:
    """Refuses a place of images that isn't there, before anything slow.

    Raises:
        UserError: It is not.
    """
    if not real_place(data).exists():
        splits_of(data, 0)


def begun(
    given: dict[str, Any], minutes: float | None, seed: int, kind: str = Plan.kind
) -> dict[str, Any]:
    """What of a training's experiment is known before its images and its network are."""
    return {"kind": kind, "given": given, "minutes": minutes, "seed": seed}


def check_place(
    name: str,
    runs: Path,
    given: dict[str, Any],
    minutes: float | None,
    seed: int,
    kind: str = Plan.kind,
) -> None:
    """Refuses a run's name before work that takes long.

    Args:
        name: Of the run.
        runs: The folder of runs.
        given: As in `Plan`.
        minutes: As there.
        seed: As there.
        kind: As there.

    Raises:
        UserError: It is no folder's name, holds another experiment, or nothing can be written.
    """
    folder = run_path(name, runs)
    check_run(folder, begun(given, minutes, seed, kind))
    check_writable(folder / RECORD)


def cuts(size: Size, crop: str | None) -> bool:
    """Whether parts are cut out of images, which are then decoded larger than the network's."""
    return crop == "resized" or (crop is None and min(size) > SMALL)


def decoded_size(size: Size, crop: str | None) -> Size:
    """What images are decoded to for a network of this size.

    Args:
        size: Of the network.
        crop: As given; None takes what the size asks for.

    Raises:
        UserError: Images can't be decoded so large.
    """
    if not cuts(size, crop):
        return size
    if round(max(size) / CUT) > LARGEST:
        raise UserError(
            f"images of {size} px are asked for: expected {int(LARGEST * CUT)} px at most where "
            f"parts are cut out; give smaller --pixels, or --crop shift, which takes {LARGEST}"
        )
    return Size(*(round(side / CUT) for side in size))


def inputs_for(
    images: ImageData | Listing,
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
        images: Decoded, or their files: their classes count.
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


def size_for(
    architecture: Architecture,
    listing: Listing,
    pixels: int | Size | None,
    trained: Size | None = None,
) -> tuple[Size, str]:
    """The size that a network is trained at, and a sentence where it is one among several.

    Args:
        architecture: The network as it was found.
        listing: The images' files.
        pixels: As the user gave them; None takes the network's size, or where the images are
            smaller by 8 pixels or more `trained`, else their own.
        trained: That it, or the weights that it starts from, were trained at on images.
    """
    if pixels is not None:
        return size_of(pixels), ""
    own = own_pixels(listing, max(architecture.size))
    if own.area >= architecture.size.area or about(listing, architecture.size):
        return architecture.size, ""
    if trained is not None:
        return trained, (
            f"the images are about {own} px, and it was trained at {trained} px before: it is "
            f"trained at {trained} px again; --pixels {own} takes the images' own size"
        )
    return own, (
        f"the network is for {architecture.size} px and the images are about {own} px: it is "
        f"trained at {own} px; --pixels {architecture.size} takes its own"
    )


def trained_size(
    network: str | Architecture, found: Architecture, runs: Path, weights: Path | None
) -> Size | None:
    """The size that a network's run trained on images at, else that of weights; None for neither.

    Args:
        network: As the user named it, or itself.
        found: The network.
        runs: The folder of runs.
        weights: A file, or the folder of a run that has some.

    Raises:
        UserError: A file of weights can't be read.
    """
    for name in (network, network.rpartition(":")[0]) if isinstance(network, str) else ():
        folder = run_folder(name, runs, (RECORD,))
        if folder is not None and (folder / RECORD).is_file():
            held = read_record(folder)["experiment"]
            shared = str(held.get("evaluator")).partition(":")[0] in HOLDERS
            if held.get("kind") in TRAINED or held.get("training") or shared:
                return found.size
    file = None if weights is None else weights / WEIGHTS if weights.is_dir() else weights
    about = {} if file is None or not file.is_file() else metadata(file)
    if KEY not in about:
        return None
    inputs = inputs_in(about[KEY], str(file))
    return Size(inputs.height, inputs.width)


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
