"""The released EfficientNets: a table, since they do not follow alpha**phi."""

import dataclasses
import re
from dataclasses import dataclass

from search_spaces.architecture import Architecture
from search_spaces.errors import UserError, meant
from search_spaces.networks import EFFICIENTNET_B0
from search_spaces.scaling.rules import Multipliers, scale


@dataclass(frozen=True)
class Preset:
    """How a released network follows from its baseline.

    Attributes:
        width: Multiplies B0's.
        depth: Multiplies B0's.
        resolution: Pixels.
        dropout: Before the classifier.
        rule: How the multipliers round (`search_spaces.scaling.rules.RULES`).
    """

    width: float
    depth: float
    resolution: int
    dropout: float
    rule: str = "efficientnet"


# tensorflow/tpu models/official/efficientnet: efficientnet_builder.py, efficientnet_lite_builder.py
RELEASED = {
    # width, depth, px, dropout
    "b0": Preset(1.0, 1.0, 224, 0.2),
    "b1": Preset(1.0, 1.1, 240, 0.2),
    "b2": Preset(1.1, 1.2, 260, 0.3),
    "b3": Preset(1.2, 1.4, 300, 0.3),
    "b4": Preset(1.4, 1.8, 380, 0.4),
    "b5": Preset(1.6, 2.2, 456, 0.4),
    "b6": Preset(1.8, 2.6, 528, 0.5),
    "b7": Preset(2.0, 3.1, 600, 0.5),
    "b8": Preset(2.2, 3.6, 672, 0.5),
    "l2": Preset(4.3, 5.3, 800, 0.5),
    "lite0": Preset(1.0, 1.0, 224, 0.2, "lite"),
    "lite1": Preset(1.0, 1.1, 240, 0.2, "lite"),
    "lite2": Preset(1.1, 1.2, 260, 0.3, "lite"),
    "lite3": Preset(1.2, 1.4, 280, 0.3, "lite"),
    "lite4": Preset(1.4, 1.8, 300, 0.3, "lite"),
}


def preset_name(name_or_phi: str | int) -> str:
    """`b3` for `b3`, `B3`, `efficientnet_b3`, `3` or 3.

    Raises:
        UserError: There is no such network; the names are listed.
    """
    name = re.sub(r"^efficientnet[_-]?", "", str(name_or_phi).lower())
    name = f"b{name}" if name.isdigit() else name
    if name not in RELEASED:
        raise UserError(
            f"there is no released EfficientNet {name_or_phi!r}{meant(name, RELEASED)}: expected "
            f"one of {', '.join(RELEASED)}, or a whole phi from 0 to 8 (--preset formula takes "
            "others)"
        )
    return name


def baseline(preset: Preset) -> Architecture:
    """What the preset multiplies: B0; for lite without SE and with relu6."""
    if preset.rule != "lite":
        return EFFICIENTNET_B0
    stages = tuple(dataclasses.replace(stage, se=0.0) for stage in EFFICIENTNET_B0.stages)
    return dataclasses.replace(EFFICIENTNET_B0, stages=stages, activation="relu6")


def multipliers(preset: Preset) -> Multipliers:
    """The preset's multipliers; resolution relative to B0's 224 pixels."""
    return Multipliers(preset.depth, preset.width, preset.resolution / EFFICIENTNET_B0.size.height)


def released(name_or_phi: str | int) -> Architecture:
    """The released EfficientNet `b0`..`b8`, `l2` or `lite0`..`lite4`; a phi from 0 to 8 is b-phi.

    Raises:
        UserError: There is no such network; the names are listed.
    """
    name = preset_name(name_or_phi)
    preset = RELEASED[name]
    return scale(
        baseline(preset),
        multipliers(preset),
        preset.rule,
        dropout=preset.dropout,
        name=f"efficientnet_{name}",
    )
