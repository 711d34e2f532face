"""What is trained on, and a network's outputs of it."""

import contextlib
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from nas.final.batches import Order, Share
from nas.final.settings import Settings
from nas.training.augment import middle, scaled
from nas.training.images import ImageData
from nas.training.state import TrainingFailed

LOOKS = 20  # times that a training is validated along its way at most, the end included
DEAR = 0.05  # part of the training that these looks may take
VAL_BATCH = 250
Numbers = tuple[float, ...]


@dataclass(frozen=True)
class Task:
    """What is trained on, and how.

    Attributes:
        data: The images, of the network's size or larger.
        settings: How.
        size: (height, width) of the network's images.
        mean: Of each channel, of pixels from 0 to 1; what is subtracted.
        deviation: What the difference is divided by.
        seed: Of all that is random.
        workers: Processes that load; 0 loads in this one.
        share: This process's part of each batch.
    """

    data: ImageData
    settings: Settings
    size: tuple[int, int]
    mean: Numbers
    deviation: Numbers
    seed: int
    workers: int = 0
    share: Share = field(default_factory=Share)

    @cached_property
    def order(self) -> Order:
        """The batches of all steps."""
        return Order(np.asarray(self.data.train_y), self.settings, self.seed, self.share)

    @property
    def steps(self) -> int:
        """Of the whole training."""
        return max(1, round(self.settings.epochs * self.order.steps))

    @property
    def looks(self) -> list[int]:
        """The steps after which the network is validated; the last is the training's."""
        epochs, steps = self.settings.epochs, self.order.steps
        dear = self.data.val / (3 * len(self.data.train_y) * DEAR)  # a look at it costs a third
        every = 1 if self.settings.patience else max(1, round(epochs / LOOKS), math.ceil(dear))
        along = range(every * steps, self.steps, every * steps)
        return [step for step in along if self.steps - step >= every * steps / 2] + [self.steps]


def normalized(images: Tensor, task: Task, device: torch.device) -> Tensor:
    """(n, channels, height, width) uint8 -> floats around 0, channels last, on the device."""
    return scaled(images, task.mean, task.deviation, device)


@contextlib.contextmanager
def _evaluating(network: nn.Module) -> Iterator[None]:
    before = network.training
    network.eval()
    try:
        with torch.inference_mode():
            yield
    finally:
        network.train(before)


def outputs(network: nn.Module, task: Task) -> npt.NDArray[np.float32]:
    """The network's logits (n, classes) of the validation images.

    Raises:
        TrainingFailed: One is not finite.
    """
    device, images = next(network.parameters()).device, task.data.val_x
    parts = []
    with _evaluating(network):
        for start in range(0, len(images), VAL_BATCH):
            x = middle(images[start : start + VAL_BATCH], task.size)
            half = device.type == "cuda"
            with torch.autocast(device.type, torch.bfloat16, enabled=half):
                parts.append(network(normalized(x, task, device)).float().cpu())
    logits = torch.cat(parts)
    if not logits.isfinite().all():
        raise TrainingFailed("the network's outputs are not finite: the training diverged")
    return logits.numpy()
