"""How good a child is with its part of the weights: its own batch statistics, then top-1."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from nas.measurement import Measurement, share
from nas.parent.parent import count_anew
from nas.supernet.children import network_of, resized
from nas.training.augment import middle, scaled
from nas.training.images import ImageData
from nas.training.loop import lay_out
from search_spaces.architecture import Architecture
from search_spaces.rounding import Size

COUNTED = 512  # training images by which batch normalization is counted anew, the same for all
BATCH = {"train": 64, "val": 250}  # images at once
Numbers = tuple[float, ...]
Rows = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Judge:
    """The images that children are measured on, and how they become inputs.

    Attributes:
        images: Decoded, of the largest network's size or larger.
        size: Of the largest network's images; a smaller child's are made of them.
        mean: Of each channel, of pixels from 0 to 1; what is subtracted.
        deviation: What the difference is divided by.
    """

    images: ImageData
    size: Size
    mean: Numbers
    deviation: Numbers

    def ready(
        self, child: Architecture, largest: Architecture, state: Mapping[str, Any]
    ) -> nn.Module:
        """A child with its part of the weights, and its own statistics of batch normalization.

        Args:
            child: The network.
            largest: Whose weights are shared.
            state: They, by name.

        Raises:
            OutOfDomain: The child is not inside the largest.
        """
        network = network_of(child, largest, state)
        device = next(network.parameters()).device
        lay_out(network, device.type)
        network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        counted = np.random.default_rng(0).permutation(self.images.train)[:COUNTED]
        batches = self._batches("train", counted, child.size, device)
        count_anew(network, (images for _, images in batches))
        return network

    def top1(self, network: nn.Module, size: Size) -> Measurement:
        """Of the validation images.

        Args:
            network: Evaluating.
            size: Of its images.

        Returns:
            See `nas.measurement.share`.
        """
        device, right = next(network.parameters()).device, 0
        of = self.images.val
        with torch.inference_mode():
            for rows, x in self._batches("val", np.arange(of), size, device):
                named = network(x).argmax(1).cpu().numpy()
                right += int((named == self.images.val_y[rows]).sum())
        return share(right, of)

    def _batches(
        self, split: str, rows: Rows, size: Size, device: torch.device
    ) -> Iterator[tuple[Rows, Tensor]]:
        """Batches of a split's images as a network of this size sees them, with their places."""
        images, step = getattr(self.images, f"{split}_x"), BATCH[split]
        for start in range(0, len(rows), step):
            some = np.sort(rows[start : start + step])
            seen = scaled(middle(images[some], self.size), self.mean, self.deviation, device)
            yield some, resized(seen, size)
