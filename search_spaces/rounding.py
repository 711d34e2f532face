"""Roundings of channels, repeats and pixels: EfficientNet's (tensorflow/tpu)."""

import math


def round_channels(channels: float, divisor: int = 8) -> int:
    """The nearest multiple of `divisor`, at least one, and never below 90 % of `channels`."""
    rounded = max(divisor, int(channels + divisor / 2) // divisor * divisor)
    return rounded + divisor if rounded < 0.9 * channels else rounded


def round_repeats(repeats: float) -> int:
    """Up, and never below 1. A product like 1.1 * 10 = 11.000000000000002 is 11."""
    return max(1, math.ceil(round(repeats, 9)))


def se_width(in_channels: int, ratio: float) -> int:
    """Squeezed channels: max(1, int(block input channels * ratio)), as in EfficientNet."""
    return max(1, int(in_channels * ratio))


def size_after(size: int, stride: int) -> int:
    """Pixels after a layer of this stride with 'same' padding."""
    return -(-size // stride)
