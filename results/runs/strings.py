"""Networks given as block strings: TensorFlow's or timm's, on the command line or in a file."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from search_spaces.architecture import Architecture
from search_spaces.errors import UserError
from search_spaces.interchange import from_tf, from_timm

_TF = re.compile(r"r\d+_k\d")
_TIMM = re.compile(r"(?:ir|ds|dsa|er|cn)_r\d")
_OTHER = re.compile(r"[a-z]{2,3}_r\d+_[a-z]\d")  # timm's kinds that no stage here has


@dataclass(frozen=True)
class Shape:
    """What block strings leave open; None for the default of `Architecture`.

    Attributes:
        width: Multiplies the channels of timm's strings, the stem's included.
        depth: Multiplies the repeats of timm's strings, rounded up.
        pixels: The resolution, or (height, width).
        stem: Channels of the stem conv, before `width`.
        head: Channels of the head conv; 0 for none.
        activation: Of the whole network, as `relu6`.
        classes: Outputs of the linear layer.
        channels: Of the images.
    """

    width: float | None = None
    depth: float | None = None
    pixels: int | tuple[int, int] | None = None
    stem: int | None = None
    head: int | None = None
    activation: str | None = None
    classes: int | None = None
    channels: int | None = None

    @property
    def given(self) -> dict[str, Any]:
        """The fields that are not None, by the names of `Architecture` where it has them."""
        named = {"pixels": "resolution", "channels": "in_channels"}
        fields = {named.get(key, key): value for key, value in vars(self).items()}
        return {key: value for key, value in fields.items() if value is not None}


PLAIN = Shape()


def is_strings(text: str) -> bool:
    """Whether a text reads like block strings, as `ds_r1_k3_s1_e1_c16_se0.25 ir_r2_...`."""
    start = text.lstrip().lstrip("[\"'").lstrip()
    return bool(_TF.match(start) or _TIMM.match(start) or _OTHER.match(start))


def groups_of(text: str) -> list[list[str]]:
    """The block strings of a text, group by group.

    Args:
        text: JSON, as timm's arch_def is, of which an inner list is a group; or strings parted by
            commas, spaces or lines, each a group of its own.

    Raises:
        UserError: it looks like JSON and is none.
    """
    if text.lstrip().startswith("["):
        try:
            listed = json.loads(text)
        except ValueError as error:
            raise UserError(f"these block strings are no JSON ({error})") from None
        groups = [group if isinstance(group, list) else [group] for group in listed]
        if not all(isinstance(string, str) for group in groups for string in group):
            raise UserError("this JSON holds no block strings: expected texts or lists of texts")
        return groups
    return [[string] for string in re.split(r"[\s,;]+", text.strip()) if string]


def from_strings(text: str, shape: Shape = PLAIN) -> Architecture:
    """The network of TensorFlow's or timm's block strings.

    Args:
        text: See `groups_of`.
        shape: What the strings leave open.

    Raises:
        UserError: A string can't be read, or has what no stage here has.
    """
    groups = groups_of(text)
    strings: Sequence[str] = [string for group in groups for string in group]
    if not strings:
        raise UserError("there are no block strings: expected one or more")
    if not _TF.match(strings[0]):
        return from_timm(groups, **shape.given)
    scaled = [key for key in ("width", "depth") if key in shape.given]
    if scaled:
        raise UserError(
            f"--{scaled[0]} multiplies timm's block strings, and these are TensorFlow's, which say "
            "their channels and repeats themselves: leave it out"
        )
    return from_tf(strings, **shape.given)
