"""Batches of uint8 images -> augmented, normalized floats, on the device they are on."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

MEAN, SPREAD = 127.5, 64.0  # of a pixel, roughly: a data set's exact figures change nothing


def normalize(images: Tensor) -> Tensor:
    """Pixels as numbers around 0.

    Args:
        images: (n, height, width, channels) uint8.

    Returns:
        (n, channels, height, width) float32, laid out channels last.
    """
    return images.permute(0, 3, 1, 2).float().sub_(MEAN).div_(SPREAD)


def scaled(
    images: Tensor, mean: Sequence[float], deviation: Sequence[float], device: torch.device
) -> Tensor:
    """Pixels from 0 to 1, less the mean, divided by the deviation.

    Args:
        images: (n, channels, height, width) uint8.
        mean: By channel, or one number for all.
        deviation: By channel, or one number for all.
        device: Where they go.

    Returns:
        (n, channels, height, width) float32, laid out channels last, on the device.
    """
    shift, by = (
        255 * torch.tensor(tuple(n)).view(1, -1, 1, 1).to(device) for n in (mean, deviation)
    )
    pixels = images.to(device, non_blocking=True).to(torch.float32)
    return ((pixels - shift) / by).contiguous(memory_format=torch.channels_last)


def middle(images: npt.NDArray[np.uint8], size: tuple[int, int]) -> Tensor:
    """The middle of images.

    Args:
        images: (n, height, width, channels), as large as `size` or larger.
        size: (height, width) that is cut out.

    Returns:
        (n, channels, height, width) uint8.
    """
    top, left = ((have - want) // 2 for have, want in zip(images.shape[1:3], size, strict=True))
    cut = images[:, top : top + size[0], left : left + size[1]]
    return torch.from_numpy(np.array(cut)).permute(0, 3, 1, 2)


def augment(images: Tensor, flip: bool, shift: float, generator: torch.Generator) -> Tensor:
    """Mirrors each image with probability 1/2, and moves it; edges are reflected.

    It is a single gather for the whole batch.

    Args:
        images: (n, height, width, channels) uint8, on any device.
        flip: Whether images are mirrored.
        shift: They move by up to this part of their shorter side.
        generator: On the CPU, so that every device draws the same.

    Returns:
        Images of the same shape, on the same device.
    """
    n, height, width, channels = images.shape
    most = int(shift * min(height, width))
    if not flip and not most:
        return images
    moves = torch.randint(-most, most + 1, (2, n, 1), generator=generator)
    rows = _reflect(torch.arange(height) + moves[0], height)
    columns = _reflect(torch.arange(width) + moves[1], width)
    if flip:
        mirrored = torch.rand(n, 1, generator=generator) < 0.5
        columns = torch.where(mirrored, columns.flip(1), columns)
    flat = (torch.arange(n)[:, None, None] * height + rows[:, :, None]) * width
    flat = (flat + columns[:, None, :]).to(images.device, non_blocking=True)
    return images.reshape(-1, channels)[flat]


def _reflect(position: Tensor, size: int) -> Tensor:
    """Positions outside of 0..size-1, by less than size, mirrored at the edge pixels."""
    position = position.abs()
    return torch.minimum(position, 2 * (size - 1) - position)
