"""The one batch that scores look at: images of a data set, or noise; the same for all networks."""

import functools
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from nas.training.augment import normalize
from search_spaces.rounding import Size

if TYPE_CHECKING:
    from nas.training.images import ImageData

IMAGES = 128  # of a batch: what NASWOT's authors take


@dataclass(frozen=True)
class Batch:
    """Images with their classes.

    Attributes:
        images: (n, channels, height, width) float32, around 0.
        labels: (n,) classes from 0.
        classes: How many there are.
    """

    images: Tensor
    labels: Tensor
    classes: int


@functools.lru_cache(maxsize=2)
def noise_batch(
    size: Size, channels: int = 3, classes: int = 10, seed: int = 0, images: int = IMAGES
) -> Batch:
    """Normal noise of mean 0 and spread 1, with classes drawn evenly.

    Args:
        size: Height and width in pixels.
        channels: Of the images.
        classes: How many there are.
        seed: Of the draw.
        images: How many.
    """
    generator = torch.Generator().manual_seed(seed)
    pixels = torch.randn(images, channels, *size, generator=generator)
    return Batch(pixels, torch.randint(classes, (images,), generator=generator), classes)


def image_batch(data: "ImageData", seed: int = 0, images: int = IMAGES) -> Batch:
    """Training images drawn at random, each at most once, as the training normalizes them.

    Args:
        data: A decoded data set.
        seed: Of the draw.
        images: How many; all where there are fewer.
    """
    rows = np.sort(np.random.default_rng(seed).permutation(data.train)[:images])
    order = np.random.default_rng((seed, 1)).permutation(len(rows))  # files are listed by class
    rows = rows[order]
    pixels = normalize(torch.from_numpy(data.train_x[rows])).contiguous()
    return Batch(pixels, torch.from_numpy(data.train_y[rows]), len(data.classes))


@functools.lru_cache(maxsize=8)
def folder_batch(folder: Path, size: Size, channels: int = 3, seed: int = 0) -> Batch:
    """A batch of an image folder's training images; they are decoded once, and cached on disk.

    Args:
        folder: As `nas.training.folders` describes.
        size: Height and width in pixels.
        channels: Of the images.
        seed: Of the draw.

    Raises:
        UserError: The folder can't be used.
        RunFailure: The cache can't be written.
    """
    from nas.training.images import load_images

    return image_batch(load_images(folder, size.plain, channels=channels), seed)
