"""What a trained network expects of an image, and what its outputs are called."""

import json
import math
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from search_spaces.errors import UserError, shortened

Numbers = tuple[float, ...]
FITS = ("crop", "letterbox")
KEY = "inputs"  # of a file's metadata


@dataclass(frozen=True)
class Inputs:
    """How an image becomes what a network was trained on.

    It is cut (`crop`) or padded (`letterbox`) to the network's ratio of sides, resized (bicubic) to
    1 / `crop` of its size, the middle of that is cut out, and each channel of pixels from 0 to 1
    goes through (x - mean) / deviation.

    Attributes:
        height: Of the network's images.
        width: Of them.
        mean: By channel, or one number for all.
        deviation: By channel, or one number for all.
        classes: Names of the outputs in their order; empty where they are not known.
        channels: 3 for RGB, 1 for grey.
        crop: Part of the resized image's sides, in (0, 1].
        fit: `crop` or `letterbox`.
    """

    height: int
    width: int
    mean: Numbers
    deviation: Numbers
    classes: tuple[str, ...] = ()
    channels: int = 3
    crop: float = 1.0
    fit: str = "crop"

    def __post_init__(self) -> None:
        for numbers, least in ((self.mean, -math.inf), (self.deviation, 0.0)):
            if len(numbers) not in (1, self.channels) or not all(
                least < x < math.inf for x in numbers
            ):
                raise UserError(
                    f"mean and deviation are {_listed(self.mean)} and {_listed(self.deviation)}: "
                    f"expected one number for all channels or {self.channels}, deviations above 0"
                )

    @property
    def by_channel(self) -> tuple[Numbers, Numbers]:
        """Mean and deviation, a number for each channel."""
        mean, deviation = self.mean, self.deviation
        return mean * (self.channels // len(mean)), deviation * (self.channels // len(deviation))

    @property
    def resized(self) -> tuple[int, int]:
        """Height and width of the image from whose middle the network's is cut out."""
        return round(self.height / self.crop), round(self.width / self.crop)

    def metadata(self) -> dict[str, str]:
        """JSON texts by field, as they stand in an ONNX file's metadata."""
        return {name: json.dumps(value) for name, value in asdict(self).items()}

    def source(self) -> str:
        """Python that says the same in an exported module."""
        fields = asdict(self)
        names = fields.pop("classes")
        rows = "".join(f'    "{name}": {value!r},\n' for name, value in fields.items())
        classes = "".join(f"    {name!r},\n" for name in names)
        return f"""

# What images it was trained on: cut out of the middle (crop) or padded (letterbox) to this ratio of
# sides, resized (bicubic) to 1 / crop of this size, the middle of that cut out; then pixels from 0
# to 1, less mean, divided by deviation, as (batch, channels, height, width).
INPUTS = {{
{rows}}}
CLASSES = (
{classes})
"""

    def text(self) -> str:
        """JSON, as it stands in the metadata of weights and ONNX files."""
        return json.dumps(asdict(self))


def _listed(numbers: Numbers) -> str:
    return ",".join(f"{number:g}" for number in numbers)


def inputs_of(content: Any, place: str) -> Inputs:
    """Inputs in parsed JSON.

    Args:
        content: An object as `Inputs.text` writes it.
        place: Names it in messages.

    Raises:
        UserError: It is none.
    """
    if not isinstance(content, dict) or not any(name in content for name in _FIELDS):
        raise UserError(
            f"{place} does not say what images its network expects: expected {', '.join(_FIELDS)}"
        )
    read = {}
    for name, (kind, expected) in _FIELDS.items():
        try:
            read[name] = kind(content[name])
        except KeyError:
            raise UserError(f"{place} lacks {name} of its images: expected {expected}") from None
        except (TypeError, ValueError, OverflowError):
            came = shortened(content[name])
            raise UserError(f"{place} has {came} for {name}: expected {expected}") from None
    try:
        return Inputs(**read)
    except UserError as error:
        raise UserError(f"{place}: {error}") from None


def _side(value: Any) -> int:
    if type(value) is not int or value < 1:
        raise ValueError
    return value


def _part(value: Any) -> float:
    if not 0 < float(value) <= 1:
        raise ValueError
    return float(value)


def _numbers(value: Any) -> Numbers:
    return tuple(float(x) for x in value)


def _names(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list | tuple):
        raise TypeError
    return tuple(str(name) for name in value)


def _fit(value: Any) -> str:
    if value not in FITS:
        raise ValueError
    return str(value)


# What each field is read with, and what it is expected to be.
_FIELDS: dict[str, tuple[Callable[[Any], Any], str]] = {
    "height": (_side, "a whole number of pixels"),
    "width": (_side, "a whole number of pixels"),
    "mean": (_numbers, "a list of numbers, as [0.5]"),
    "deviation": (_numbers, "a list of numbers above 0, as [0.25]"),
    "classes": (_names, "a list of names"),
    "channels": (_side, "a whole number, as 3"),
    "crop": (_part, "a number above 0 to 1"),
    "fit": (_fit, "crop or letterbox"),
}


def inputs_in(text: str, place: str) -> Inputs:
    """Inputs in the metadata of weights, as `Inputs.text` writes them.

    Raises:
        UserError: It is none; `place` is named.
    """
    try:
        content = json.loads(text)
    except (ValueError, RecursionError):
        content = None
    return inputs_of(content, place)


def from_metadata(texts: dict[str, str], place: str) -> Inputs:
    """Inputs in the metadata of an ONNX file, as `Inputs.metadata` writes them.

    Raises:
        UserError: They aren't there.
    """
    fields = {}
    for name in Inputs.__dataclass_fields__:
        try:
            fields[name] = json.loads(texts[name])
        except KeyError:
            continue
        except (ValueError, RecursionError):
            fields[name] = texts[name]  # no JSON: it is named there
    return inputs_of(fields, place)
