"""Published networks by name: those of `search_spaces.networks`, and those scaled from B0.

The released EfficientNets and TinyNets are a table, since they do not follow alpha**phi.
"""

import dataclasses
import functools
import re
from dataclasses import dataclass

from search_spaces.architecture import Architecture
from search_spaces.errors import UserError, meant
from search_spaces.networks import EFFICIENTNET_B0, NETWORKS
from search_spaces.scaling.rules import Multipliers, scale


@dataclass(frozen=True)
class Preset:
    """How a published network follows from EfficientNet-B0.

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


RELEASED = {
    # tensorflow/tpu models/official/efficientnet: efficientnet_builder.py,
    # efficientnet_lite_builder.py. width, depth, px, dropout
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
    # Han et al. 2020 (arXiv 2010.14819).
    "tinynet_a": Preset(1.0, 1.2, 192, 0.2, "tinynet"),
    "tinynet_b": Preset(0.75, 1.1, 188, 0.2, "tinynet"),
    "tinynet_c": Preset(0.54, 0.85, 184, 0.2, "tinynet"),
    "tinynet_d": Preset(0.54, 0.695, 152, 0.2, "tinynet"),
    "tinynet_e": Preset(0.51, 0.6, 106, 0.2, "tinynet"),
}

# What timm calls networks of ours, each before a width in percent, as `mobilenetv2_140`.
STEMS = {
    "lcnet": "lcnet",
    "mnasnet": "mnasnet_b1",
    "mobilenetv1": "mobilenet_v1",
    "mobilenetv2": "mobilenet_v2",
    "mobilenetv3_large": "mobilenet_v3_large",
    "mobilenetv3_small": "mobilenet_v3_small",
    "semnasnet": "mnasnet_a1",
}
ALIASES = {"resnet50": "resnet_50", **{f"{stem}_100": name for stem, name in STEMS.items()}}
TRAINING = re.compile(r"\.\w*in1k$")  # the last part of a name of timm's
SAME_STEM = 0.75  # timm keeps MobileNetV3's stem for widths below
WIDE = re.compile(r"(\w+?)_(\d+\.\d+)(?:_(\d+))?")  # TensorFlow's names, and TIMM's
PERCENT = re.compile(r"(\w+)_(\d{3})")
NAMES = (
    f"{', '.join(NETWORKS)}, efficientnet_b1 to efficientnet_b8, efficientnet_l2, "
    "efficientnet_lite1 to efficientnet_lite4, tinynet_a to tinynet_e"
)
# By how a name begins, the longer first: where the networks are printed.
PAPERS = {
    "efficientnet_lite": "EfficientNet-Lite, tensorflow/tpu, models/official/efficientnet/lite",
    "efficientnet": "Tan & Le 2019, EfficientNet, arXiv 1905.11946, table 1",
    "tinynet": "Han et al. 2020, Model Rubik's Cube, arXiv 2010.14819",
    "lcnet": "Cui et al. 2021, PP-LCNet, arXiv 2109.15099, table 1",
    "mnasnet": "Tan et al. 2019, MnasNet, arXiv 1807.11626, figure 7",
    "mobilenet_v1": "Howard et al. 2017, MobileNets, arXiv 1704.04861, table 1",
    "mobilenet_v2": "Sandler et al. 2018, MobileNetV2, arXiv 1801.04381, table 2",
    "mobilenet_v3": "Howard et al. 2019, Searching for MobileNetV3, arXiv 1905.02244, tables 1, 2",
    "resnet": "He et al. 2016, Deep Residual Learning, arXiv 1512.03385, table 1 (v1.5)",
}


def full_name(preset: str) -> str:
    """`efficientnet_b3` for `b3`."""
    return preset if "_" in preset else f"efficientnet_{preset}"


KNOWN = tuple(dict.fromkeys([*NETWORKS, *map(full_name, RELEASED), *ALIASES]))


def network(name: str) -> Architecture:
    """The published network of this name, one of KNOWN, or of timm's where it is one of these.

    Raises:
        UserError: There is none; the names are listed.
    """
    if (found := named(name)) is None:
        raise UserError(
            f"there is no network {name!r}{meant(name, KNOWN)}: expected one of {NAMES}"
        )
    return found


def named(name: str) -> Architecture | None:
    """As `network`; None where there is none of this name.

    A width follows a name as TensorFlow has it, with or without pixels (`mobilenet_v2_0.5`,
    `mobilenet_v1_0.5_160`), or as timm does (`mobilenetv2_050`). Of timm's names `tf_` says
    TensorFlow's padding, and what follows a dot says the training.
    """
    name = TRAINING.sub("", name)
    if name.startswith("tf_"):
        found = named(name.removeprefix("tf_"))
        return None if found is None else dataclasses.replace(found, padding="same", name=name)
    name = ALIASES.get(name, name)
    if name in KNOWN:
        return NETWORKS.get(name) or released(name.removeprefix("efficientnet_"))
    if (match := WIDE.fullmatch(name)) and (base := NETWORKS.get(match[1])):
        pixels = int(match[3] or base.size.height)
        how = Multipliers(width=float(match[2]), resolution=pixels / base.size.height)
        return scale(base, how, name=name)
    if (match := PERCENT.fullmatch(name)) and int(match[2]):
        if (base := NETWORKS.get(STEMS.get(match[1], match[1]))) is None:
            return None
        width = int(match[2]) / 100
        found = scale(base, Multipliers(width=width), name=name)
        same = width < SAME_STEM and base.name.startswith("mobilenet_v3")
        return dataclasses.replace(found, stem=base.stem) if same else found
    return None


def paper_of(architecture: Architecture) -> str | None:
    """Where a published network is printed; None of any other."""
    name = _known().get(architecture)
    return next((text for start, text in PAPERS.items() if name and name.startswith(start)), None)


@functools.cache
def _known() -> dict[Architecture, str]:
    return {network(name): name for name in KNOWN if name not in ALIASES}


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
    return NETWORKS["efficientnet_lite0"] if preset.rule == "lite" else EFFICIENTNET_B0


def multipliers(preset: Preset) -> Multipliers:
    """The preset's multipliers; resolution relative to B0's 224 pixels."""
    return Multipliers(preset.depth, preset.width, preset.resolution / EFFICIENTNET_B0.size.height)


def released(name_or_phi: str | int) -> Architecture:
    """The published `b0`..`b8`, `l2`, `lite0`..`lite4`, `tinynet_a`..; a phi from 0 to 8 is b-phi.

    Raises:
        UserError: There is no such network; the names are listed.
    """
    name = preset_name(name_or_phi)
    preset = RELEASED[name]
    made = scale(baseline(preset), multipliers(preset), preset.rule, dropout=preset.dropout)
    return dataclasses.replace(made, name=full_name(name))
