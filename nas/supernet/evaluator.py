"""A supernet as an evaluator: top-1 of any network of its space, with its part of the weights."""

import functools
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nas.measurement import Measurement
from nas.supernet.hull import check_inside, digest, fitted
from results.export.inputs import Inputs
from results.export.weights import WEIGHTS, read_weights, safetensors_bytes
from results.runs.files import write_atomically
from results.runs.folder import read_record
from results.runs.load import BEST, load_space, run_folder, without_network
from search_spaces.architecture import Architecture, from_dict
from search_spaces.errors import UserError
from search_spaces.rounding import Size, resolution_of
from search_spaces.space import Space

if TYPE_CHECKING:
    from nas.supernet.measure import Judge
    from nas.training.images import ImageData

KIND = "supernet"  # of the run


@dataclass(frozen=True)
class Kept:
    """What a supernet's run left.

    Attributes:
        folder: Of the run.
        largest: The network whose weights are shared.
        state: They, by name.
        inputs: How images become inputs.
        data: Where the images are.
        experiment: What the run was asked for.
    """

    folder: Path
    largest: Architecture
    state: Mapping[str, Any]
    inputs: Inputs
    data: Path
    experiment: Mapping[str, Any]

    @functools.cached_property
    def space(self) -> Space:
        """Of the networks. Raises UserError where it is another one by now."""
        named = str(self.experiment["space"])
        found = self.fitted(load_space(named, self.folder.parent))
        if digest(found) != self.experiment.get("choices"):
            raise UserError(
                f"the space {named!r} has other choices than when the supernet {self.folder} was "
                "trained: put it back as it was, or train another supernet"
            )
        return found

    def fitted(self, space: Space) -> Space:
        """A space for the images that the supernet was trained on."""
        pixels = self.experiment.get("pixels")
        return fitted(space, self.largest, None if pixels is None else resolution_of(pixels))

    @functools.cached_property
    def judge(self) -> "Judge":
        """The images. Raises UserError where they are others by now."""
        from nas.supernet.measure import Judge
        from nas.training.images import load_images

        pixels = Size(*self.inputs.resized).plain
        images = load_images(self.data, pixels, channels=self.inputs.channels, fit=self.inputs.fit)
        if images.digest != self.experiment.get("images"):
            raise UserError(
                f"the images in {self.data} are others than the supernet {self.folder} was trained "
                "on: put them back, or train another supernet"
            )
        return Judge(images, self.largest.size, *self.inputs.by_channel)


@functools.lru_cache(maxsize=2)
def kept_in(folder: Path, device: str) -> Kept:
    """What a run left, read once in a process.

    Args:
        folder: Of the run.
        device: Where the weights go.

    Raises:
        UserError: It is no supernet's, has not ended, or is damaged.
    """
    record = read_record(folder)
    experiment = record["experiment"]
    if experiment.get("kind") != KIND:
        raise UserError(
            f"the run {folder} is of the kind {experiment.get('kind')}: expected one that nas "
            "supernet made"
        )
    if not (folder / BEST).is_file():
        raise without_network(folder)
    largest = from_dict(experiment.get("network"))
    weights = read_weights(folder / WEIGHTS, largest)
    if weights.inputs is None or not isinstance(record.get("data"), str):
        raise UserError(
            f"the run {folder} does not say which images it was trained on: train it again"
        )
    state = {name: tensor.to(device) for name, tensor in weights.state.items()}
    return Kept(folder, largest, state, weights.inputs, Path(record["data"]), experiment)


@dataclass(frozen=True)
class SupernetEvaluator:
    """Measures networks with their part of a supernet's weights; the budget changes nothing.

    Neither does the seed: batch normalization is counted anew on the same images for all.

    Attributes:
        run: The folder of a run of `nas supernet`, or its name in `runs`.
        device: `auto`, `cpu`, `cuda`, `cuda:1`.
        threads: Of torch, on a CPU; take as many workers as there are cores.

    Raises:
        UserError: There is no such run, or it can't be used.
    """

    run: str
    device: str = "auto"
    threads: int = 1

    def __post_init__(self) -> None:
        if not self.run:
            raise UserError("the evaluator is supernet without a run: expected supernet:RUN")
        if run_folder(self.run, Path("runs")) is None:
            raise UserError(
                f"there is no run {self.run!r}: expected the folder of a run of nas supernet, or "
                "its name in runs/"
            )
        _ = self.kept

    @property
    def kept(self) -> Kept:
        """What the run left."""
        folder = run_folder(self.run, Path("runs"))
        assert folder is not None
        return kept_in(folder, self.where)

    @property
    def where(self) -> str:
        """The device's name, `auto` resolved on the machine that measures."""
        from nas.training.loop import device_named

        return str(device_named(self.device))

    @property
    def label(self) -> str:
        """What its numbers are."""
        from nas.supernet.measure import COUNTED

        kept = self.kept
        return (
            f"Top-1 is measured on {kept.judge.images.val:,} validation images with the network's "
            f"part of the weights of the supernet {kept.folder}, batch normalization counted anew "
            f"on {min(COUNTED, kept.judge.images.train):,} training images, and no training of its "
            "own: it ranks networks, which reach other numbers when they are trained."
        )

    @property
    def space(self) -> Space:
        """See `nas.holding.Holds`."""
        return self.kept.space

    @property
    def data(self) -> Path:
        """See `nas.holding.Holds`."""
        return self.kept.data

    @property
    def fit(self) -> str:
        """See `nas.holding.Holds`."""
        return self.kept.inputs.fit

    def images_of(self, architecture: Architecture) -> "ImageData":
        """See `nas.holding.Holds`."""
        return self.kept.judge.images

    def fitted(self, space: Space) -> Space:
        """See `nas.holding.Holds`."""
        return self.kept.fitted(space)

    def check(self, architecture: Architecture) -> None:
        """Refuses networks outside the supernet. Raises OutOfDomain."""
        check_inside(self.kept.largest, architecture)

    def __call__(self, architecture: Architecture, budget: float, seed: int) -> Measurement:
        """Top-1 of a network with its part of the weights.

        Raises:
            OutOfDomain: It is not inside the supernet.
        """
        return self._measured(architecture)[1]

    def _measured(self, architecture: Architecture) -> tuple[Any, Measurement]:
        """The network, ready, and how good it is."""
        import torch

        from nas.training.loop import settings

        kept = self.kept
        with settings(self.threads, torch.device(self.where)):
            network = kept.judge.ready(architecture, kept.largest, kept.state)
            return network, kept.judge.top1(network, architecture.size)

    def keep(self, architecture: Architecture, folder: Path) -> str:
        """See `nas.holding.Holds`."""
        kept = self.kept
        network, found = self._measured(architecture)
        tensors = {name: t.cpu().contiguous() for name, t in network.state_dict().items()}
        origin = (
            f"The weights are the network's part of those of the supernet {kept.folder}, with "
            f"batch normalization counted anew and no training of its own: {found.accuracy:.2f} % "
            f"top-1 on {kept.judge.images.val:,} validation images."
        )
        size = architecture.size
        inputs = replace(kept.inputs, height=size.height, width=size.width)
        data = safetensors_bytes(tensors, architecture, origin, inputs)
        write_atomically(folder / WEIGHTS, data)
        places = map(shlex.quote, map(str, (folder, kept.data, kept.folder)))
        return "nas train {} --data {} --weights {}".format(*places) + f" --pixels {size}"
