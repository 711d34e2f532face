"""Sizes in pixels, and roundings of channels and repeats: EfficientNet's (tensorflow/tpu)."""

import math
import re
from typing import Any, NamedTuple

from search_spaces.errors import LARGEST, UserError, shortened


class Size(NamedTuple):
    """Height and width in pixels; as a text `96`, or `96x160` where it isn't square."""

    height: int
    width: int

    @property
    def area(self) -> int:
        """Pixels of the whole."""
        return self.height * self.width

    @property
    def plain(self) -> "int | Size":
        """One number where it is square, as `Architecture.resolution`."""
        return self.height if self.height == self.width else self

    @property
    def label(self) -> int | str:
        """For tables: one number where it is square, else the text."""
        return self.height if self.height == self.width else str(self)

    def after(self, stride: int) -> "Size":
        """After a layer of this stride with 'same' padding."""
        if stride == 1:
            return self
        return Size(-(-self.height // stride), -(-self.width // stride))

    def over(self, other: "Size") -> float:
        """How many times larger its sides are: the root of the areas' ratio."""
        if self.height * other.width == self.width * other.height:
            return self.height / other.height
        return math.sqrt(self.area / other.area)

    def __str__(self) -> str:
        return str(self.height) if self.height == self.width else f"{self.height}x{self.width}"


def resolution_of(given: Any, what: str = "Architecture.resolution") -> "int | Size":
    """A resolution as networks hold it: one number where it is square, else a `Size`.

    Args:
        given: A number, (height, width), or a text as `96` or `96x160`.
        what: Names it in messages.

    Raises:
        UserError: It is none.
    """
    match = re.fullmatch(r"(\d{1,9})(?:x(\d{1,9}))?", given) if isinstance(given, str) else None
    if match:
        given = (int(match[1]), int(match[2] or match[1]))
    pair = isinstance(given, list | tuple) and len(given) == 2
    for side in given if pair else (given,):
        if type(side) is not int or not 1 <= side <= LARGEST["resolution"]:
            raise UserError(
                f"{what} is {shortened(given)}: expected whole pixels from 1 to "
                f"{LARGEST['resolution']:,}, as 96, or 96x160 for height x width"
            )
    return Size(*given).plain if pair else given


def size_of(resolution: "int | tuple[int, int]") -> Size:
    """Height and width of a resolution that networks hold."""
    return Size(resolution, resolution) if isinstance(resolution, int) else Size(*resolution)


def round_channels(channels: float, divisor: int = 8) -> int:
    """The nearest multiple of `divisor`, at least one, and never below 90 % of `channels`."""
    rounded = max(divisor, int(channels + divisor / 2) // divisor * divisor)
    return rounded + divisor if rounded < 0.9 * channels else rounded


def round_repeats(repeats: float) -> int:
    """Up, and never below 1. A product like 1.1 * 10 = 11.000000000000002 is 11."""
    return max(1, math.ceil(round(repeats, 9)))


def nearest_repeats(repeats: float) -> int:
    """To the nearest, a half to the even one, and never below 1: as Python's round."""
    return max(1, round(repeats))


def se_width(in_channels: int, ratio: float) -> int:
    """Squeezed channels: max(1, int(block input channels * ratio)), as in EfficientNet."""
    return max(1, int(in_channels * ratio))
