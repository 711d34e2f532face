"""A trained network whose weights the candidates of a search start from."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from nas.parent.start import IMAGENET, Start, calm_classifier, load_start, start_from
from search_spaces.architecture import Architecture
from search_spaces.errors import OutOfDomain, UserError

Numbers = Sequence[float]


@dataclass(frozen=True)
class Parent:
    """Where weights are, and the network that they are of.

    Attributes:
        place: A file, or the folder of a training.
        architecture: The network; its classes and channels may be others than a child's.
        digest: Of the file, where it was read.
    """

    place: Path
    architecture: Architecture
    digest: str

    def check(self, child: Architecture) -> None:
        """Refuses what has other stages than the parent.

        Raises:
            OutOfDomain: It has.
        """
        mine, its = len(child.stages), len(self.architecture.stages)
        if mine != its:
            raise OutOfDomain(
                f"the network has {mine} stages and the parent {its}: take a space of as many, as "
                f"--space inside:{self.architecture.name or 'NETWORK'}"
            )

    def start(self, child: Architecture) -> Start:
        """What a child starts from. Raises UserError where the file is another one by now."""
        start = start_from(self.place, child, self.architecture)
        if start.digest != self.digest:
            raise UserError(
                f"the weights {self.place} are others than when the run began: put the file back, "
                "or begin another run with --name"
            )
        return start

    @property
    def identity(self) -> list[str]:
        """What makes two parents the same, as plain JSON values."""
        return [self.architecture.id, self.digest]


def parent_of(place: Path, architecture: Architecture) -> Parent:
    """A parent whose weights can be read.

    Args:
        place: A file, or the folder of a training.
        architecture: The network that they are of.

    Raises:
        UserError: They can't, or are of another network.
    """
    start = start_from(place, architecture)
    if start.padding is not None:
        architecture = replace(architecture, padding=start.padding)
    return Parent(place, architecture, start.digest)


def begin(network: Any, start: Start, mean: float, deviation: float) -> None:
    """Gives a built network the weights that it starts from.

    Args:
        network: Made by `builder.build`.
        start: The weights.
        mean: Of the pixels, from 0 to 1, that the network will see.
        deviation: Of them.
    """
    calm_classifier(network, start.new)
    load_start(network, start)
    theirs = IMAGENET if start.inputs is None else start.inputs.by_channel
    fit_stem(network, theirs, mean, deviation)


def fit_stem(network: Any, theirs: tuple[Numbers, Numbers], mean: float, deviation: float) -> None:
    """Lets a stem that knows other pixels see the same: exact but for the images' edges.

    Args:
        network: Made by `builder.build`.
        theirs: Mean and deviation by channel, of the pixels that the weights were trained on.
        mean: Of the pixels that the network will see.
        deviation: Of them.
    """
    conv, norm = network.stem.conv[0], network.stem.conv[1]
    channels = conv.in_channels
    means, deviations = (
        torch.tensor(numbers if len(numbers) == channels else [sum(numbers) / len(numbers)])
        for numbers in theirs
    )
    with torch.no_grad():
        shift = ((mean - means) / deviations).view(1, -1, 1, 1)
        norm.running_mean -= (conv.weight * shift).sum((1, 2, 3))
        conv.weight *= (deviation / deviations).view(1, -1, 1, 1)


def count_anew(network: Any, batches: Iterable[Any]) -> None:
    """Counts batch normalization's means and variances anew, as one average over the batches.

    Children have other ones than their parent (Yu et al. 2019, "Universally slimmable networks").
    Nothing is dropped out meanwhile, as nothing is when the network is evaluated.

    Args:
        network: Left in the mode that it was in.
        batches: Each (n, channels, height, width), normalized.
    """
    norms = [one for one in network.modules() if isinstance(one, torch.nn.BatchNorm2d)]
    momenta, mode = [one.momentum for one in norms], network.training
    for one in norms:
        one.reset_running_stats()
        one.momentum = None  # a plain average
    network.eval()
    for one in norms:
        one.train()
    with torch.no_grad():
        for images in batches:
            network(images)
    for one, momentum in zip(norms, momenta, strict=True):
        one.momentum = momentum
    network.train(mode)


def statistics_of(network: Any) -> dict[str, Any]:
    """Name -> tensor: copies of batch normalization's means, variances and counts."""
    return {
        f"{name}.{part}": tensor.clone()
        for name, module in network.named_modules()
        if isinstance(module, torch.nn.BatchNorm2d)
        for part, tensor in module.named_buffers(recurse=False)
    }
