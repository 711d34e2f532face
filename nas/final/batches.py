"""Batches of altered images, from a training's first step or from any later one.

What happens to an image is seeded by (seed, epoch, image), and the order by (seed, epoch): neither
the number of processes that load nor where a training was cut off changes a pixel.
"""

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from nas.final.files import INSTALL
from nas.final.settings import Settings
from nas.training.augment import augment
from nas.training.images import ImageData
from nas.training.loop import entropy
from search_spaces.errors import UserError

SHIFT = 0.125  # part of the shorter side that an image is moved by at most
Key = tuple[int, int]  # (epoch, position of the image)


def transforms() -> Any:
    """Torchvision's transforms v2: whoever needs torchvision, or timm, imports it by this.

    Raises:
        UserError: torchvision is missing, or doesn't fit the installed torch.
    """
    try:
        from torchvision.transforms import v2
    except ImportError:
        raise UserError(f"training to the end needs torchvision: {INSTALL}") from None
    except (RuntimeError, AttributeError, OSError) as error:
        for name in [name for name in sys.modules if name.partition(".")[0] == "torchvision"]:
            del sys.modules[name]
        raise UserError(
            f"the installed torchvision doesn't fit torch {torch.__version__} ({error}): install "
            "both again, from the same index (docs/install.md)"
        ) from None
    return v2


def altered(settings: Settings, size: tuple[int, int]) -> Any:
    """What happens to each image by itself: uint8 (channels, height, width) of any size -> `size`.

    None where nothing does: images are moved and mirrored whole batches at once, by `moved`.
    """
    resized, v2 = settings.crop == "resized", transforms()
    steps: list[Any] = []
    if resized:
        ratio = size[1] / size[0]
        ratios = (ratio * 3 / 4, ratio * 4 / 3)
        steps.append(v2.RandomResizedCrop(size, (settings.scale, 1.0), ratios, antialias=True))
    if settings.augment != "none":
        steps.append(v2.TrivialAugmentWide() if settings.augment == "trivial" else v2.RandAugment())
    return v2.Compose(steps) if steps else None


def moved(images: Tensor, settings: Settings, seed: int) -> Tensor:
    """A batch of uint8 images (n, channels, height, width), mirrored and moved by the settings."""
    generator = torch.Generator().manual_seed(seed)
    reach = SHIFT if settings.crop == "shift" else 0.0
    rows = images.permute(0, 2, 3, 1)
    return augment(rows, settings.flip, reach, generator).permute(0, 3, 1, 2)


class Altered(Dataset[tuple[Tensor, int]]):
    """The training images, each altered by its own seed.

    Args:
        data: The images.
        settings: How they are altered.
        size: (height, width) of the network's images.
        seed: Of the training.
    """

    def __init__(
        self, data: ImageData, settings: Settings, size: tuple[int, int], seed: int
    ) -> None:
        self.data, self.seed, self.change = data, seed, altered(settings, size)

    def __getitem__(self, key: Key) -> tuple[Tensor, int]:
        epoch, place = key
        image = torch.from_numpy(self.data.train_x[place].copy()).permute(2, 0, 1)
        if self.change is not None:
            # torch.manual_seed costs half a millisecond: it looks for GPUs that are not used here
            torch.default_generator.manual_seed(entropy(self.seed, epoch, place, 3))
            image = self.change(image)
        return image, int(self.data.train_y[place])


@dataclass(frozen=True)
class Share:
    """Which part of each batch this process trains on.

    Attributes:
        rank: 0 to world - 1.
        world: Processes of the training.
    """

    rank: int = 0
    world: int = 1


class Order:
    """The batches from step `start` to `until`, as keys of `Altered`.

    Args:
        labels: (n,) of the training images.
        settings: Their `batch` and `balanced` count.
        seed: Of the training.
        share: Of each batch.
    """

    def __init__(
        self, labels: npt.NDArray[np.int64], settings: Settings, seed: int, share: Share
    ) -> None:
        self.labels, self.seed, self.share = labels, seed, share
        self.batch = min(settings.batch, len(labels)) // share.world * share.world
        if self.batch < share.world:
            raise UserError(
                f"a batch of {settings.batch} can't be shared by {share.world} processes: give a "
                "larger --batch"
            )
        counts = np.bincount(labels).astype(float)
        self._chance = 1 / counts[labels] if settings.balanced else None

    @property
    def steps(self) -> int:
        """Whole batches of an epoch; what is left over is another part of the images each time."""
        return len(self.labels) // self.batch

    def batches(self, start: int, until: int) -> Iterator[list[Key]]:
        """The keys of this process's share of each step."""
        order, of = np.empty(0, np.int64), -1
        for step in range(start, until):
            epoch, place = divmod(step, self.steps)
            if epoch != of:
                order, of = self._epoch(epoch), epoch
            whole = order[place * self.batch : (place + 1) * self.batch]
            yield [(epoch, int(i)) for i in whole[self.share.rank :: self.share.world]]

    def _epoch(self, epoch: int) -> npt.NDArray[np.int64]:
        rng = np.random.default_rng((self.seed, epoch))
        if self._chance is None:
            return rng.permutation(len(self.labels))
        chance = self._chance / self._chance.sum()
        return rng.choice(len(self.labels), len(self.labels), p=chance)


class _Batches:
    """A sampler of batches, as DataLoader takes one."""

    def __init__(self, order: Order, start: int, until: int) -> None:
        self.order, self.start, self.until = order, start, until

    def __iter__(self) -> Iterator[list[Key]]:
        return self.order.batches(self.start, self.until)

    def __len__(self) -> int:
        return self.until - self.start


def loader(
    images: Altered, order: Order, start: int, until: int, workers: int, pin: bool
) -> DataLoader[tuple[Tensor, int]]:
    """Batches (n, channels, height, width) uint8 and labels (n,), one for each step."""
    return DataLoader(
        images,
        batch_sampler=_Batches(order, start, until),
        num_workers=workers,
        pin_memory=pin,
        multiprocessing_context="spawn" if workers else None,
        prefetch_factor=4 if workers else None,
    )


def mixing(settings: Settings, classes: int) -> Any:
    """Mixes a batch's images and labels: mixup or cutmix, by the step's seed; None for neither."""
    v2 = transforms()
    kinds = [
        kind(alpha=alpha, num_classes=classes)
        for kind, alpha in ((v2.MixUp, settings.mixup), (v2.CutMix, settings.cutmix))
        if alpha
    ]
    return v2.RandomChoice(kinds) if kinds else None
