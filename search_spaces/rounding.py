"""EfficientNet's rounding rules (tensorflow/tpu, efficientnet_model.py)."""

import math


def round_channels(channels: float, divisor: int = 8) -> int:
    """The nearest multiple of `divisor`, at least one, and never below 90 % of `channels`."""
    rounded = max(divisor, int(channels + divisor / 2) // divisor * divisor)
    return rounded + divisor if rounded < 0.9 * channels else rounded


def round_repeats(repeats: float) -> int:
    """Up, and never below 1. A product like 1.1 * 10 = 11.000000000000002 is 11."""
    return max(1, math.ceil(round(repeats, 9)))
