"""Depth, width and resolution multipliers applied to a network, with the papers' rounding.

What a multiplier does to a network after rounding is its `Rule`. A width of 1 changes no channels,
whatever they are a multiple of.
"""

import dataclasses
import functools
import math
from collections.abc import Callable
from dataclasses import dataclass

from search_spaces.architecture import Architecture, Stage
from search_spaces.errors import UserError, check_is, make_plain, meant, plain
from search_spaces.layers import hidden_channels
from search_spaces.networks import NETWORKS
from search_spaces.rounding import Size, nearest_repeats, round_channels, round_repeats

MULTIPLIER_RANGE = (1 / 1024, 65536.0)  # least and largest
ROUND_RESOLUTION = (None, 8, 32)  # pixels; None: the nearest pixel


@dataclass(frozen=True)
class Multipliers:
    """What a network's depth, width and resolution are multiplied by.

    Attributes:
        depth: In MULTIPLIER_RANGE.
        width: In MULTIPLIER_RANGE.
        resolution: In MULTIPLIER_RANGE.

    Raises:
        UserError: A number is outside, or NaN.
    """

    depth: float = 1.0
    width: float = 1.0
    resolution: float = 1.0

    def __post_init__(self) -> None:
        low, high = MULTIPLIER_RANGE
        make_plain(self)
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if isinstance(value, bool) or not isinstance(value, int | float):
                raise UserError(f"the {field.name} multiplier is {value!r}: expected a number")
            if not low <= value <= high:  # NaN fails too
                raise UserError(
                    f"the {field.name} multiplier is {value}: expected a number from {low:g} to "
                    f"{high:g}, as 1.2"
                )


def _truncate(channels: float) -> int:
    """The channels as MobileNetV1 truncates them: tensorflow/models, slim/nets/mobilenet_v1.py."""
    return max(8, int(round(channels, 9)))


@dataclass(frozen=True)
class Rule:
    """How multipliers change a kind of network.

    Attributes:
        channels: Rounds a multiplied number of channels; of a bottleneck the inner width.
        stem: Whether width scales the stem.
        head: The head conv: `scale`, `fixed`, or `grow` (never below the baseline's).
        mix: The layer after the pooling, in the same words; None does as with the head.
        end_stages: Whether depth scales the repeats of the first and the last stage too.
        repeats: Rounds a multiplied number of repeats.
        dropout: Whether the formula family's dropout grows with phi (`budget.dropout_at`).
    """

    channels: Callable[[float], int] = round_channels
    stem: bool = True
    head: str = "scale"
    mix: str | None = None
    end_stages: bool = True
    repeats: Callable[[float], int] = round_repeats
    dropout: bool = True

    def wide(self, channels: int, width: float, how: str = "scale") -> int:
        """Channels times width, rounded.

        Args:
            channels: Of a conv or linear layer; 0 for none.
            width: The multiplier.
            how: `scale`, `fixed` or `grow`.
        """
        times = {"scale": width, "fixed": 1.0, "grow": max(1.0, width)}[how]
        return channels if times == 1 or not channels else self.channels(channels * times)


# A rule is one line here.
RULES = {
    # tensorflow/tpu efficientnet_model.py: round_filters and round_repeats, everywhere.
    "efficientnet": Rule(),
    # EfficientNet-Lite (tensorflow/tpu, efficientnet/lite): fix_head_stem.
    "lite": Rule(stem=False, head="fixed", end_stages=False),
    # Han et al. 2020's TinyNets as timm builds them: repeats to the nearest.
    "tinynet": Rule(stem=False, head="grow", repeats=nearest_repeats),
    # tensorflow/tpu mnasnet_model.py: the head conv stays.
    "mnasnet": Rule(head="fixed"),
    # Howard et al. 2017, sec. 3.3.
    "mobilenet_v1": Rule(channels=_truncate, dropout=False),
    # Sandler et al. 2018, sec. 6.1: for multipliers below 1 the last conv keeps its width.
    "mobilenet_v2": Rule(head="grow", dropout=False),
    # Keras mobilenet_v3.py, and timm's mobilenetv3_large_075: the layer after the pooling keeps
    # its width for multipliers below 1.
    "mobilenet_v3": Rule(mix="grow", dropout=False),
    # Cui et al. 2021, PP-LCNet: the layer after the pooling stays.
    "lcnet": Rule(head="fixed", dropout=False),
    # He et al. 2016; channels stay a multiple of the bottleneck's expansion.
    "resnet": Rule(dropout=False),
}

_RULE_OF_NETWORK = {
    "mnasnet_a1": "mnasnet",
    "mnasnet_b1": "mnasnet",
    "mnasnet_small": "mnasnet",
    "mobilenet_v2": "mobilenet_v2",
}
_RULE_OF_OP = {"bottleneck": "resnet", "dsconv": "mobilenet_v1"}


def rule_name(architecture: Architecture, rule: str | None = None) -> str:
    """The rule asked for, or the one that fits the network.

    A published network, with any number of classes, has its own; else those with a layer after the
    pooling take `mobilenet_v3`, or `lcnet` where all their blocks are depthwise-separable convs; of
    others bottlenecks take `resnet`, depthwise-separable convs `mobilenet_v1`, the rest
    `efficientnet`.

    Raises:
        UserError: There is no such rule.
    """
    if rule is not None:
        if not isinstance(rule, str) or rule not in RULES:
            raise UserError(
                f"there is no rule {rule!r}{meant(rule, RULES)}: expected one of {', '.join(RULES)}"
            )
        return rule
    for name, fitting in _RULE_OF_NETWORK.items():
        if dataclasses.replace(architecture, classes=NETWORKS[name].classes) == NETWORKS[name]:
            return fitting
    ops = {stage.op for stage in architecture.stages}
    if architecture.mix:
        return "lcnet" if ops == {"dsconv"} else "mobilenet_v3"
    return next((fitting for op, fitting in _RULE_OF_OP.items() if op in ops), "efficientnet")


def scale(
    architecture: Architecture,
    multipliers: Multipliers,
    rule: str | None = None,
    round_resolution: int | None = None,
    dropout: float | None = None,
    name: str = "",
) -> Architecture:
    """Multiplies a network's depth, width and resolution, and rounds them.

    Args:
        architecture: The baseline; its drop-connect, classes and SE ratios are kept. SE of a width
            of its own (`se_from` is `channels`) is widened as the channels that it scales.
        multipliers: Of depth, width and resolution, which is both sides'.
        rule: A name in RULES; None takes the one that fits the network (`rule_name`).
        round_resolution: None for the nearest pixel, 8 or 32 for the nearest multiple, at least
            one.
        dropout: None keeps the network's.
        name: Of the scaled network.

    Raises:
        UserError: The rule or the rounding is unknown.
    """
    check_is("architecture", architecture, Architecture, "an Architecture")
    check_is("multipliers", multipliers, Multipliers, "Multipliers, as Multipliers(depth=1.2)")
    how = RULES[rule_name(architecture, rule)]
    width = multipliers.width
    sides = (side * multipliers.resolution for side in architecture.size)
    resolution = Size(*(round_pixels(side, round_resolution) for side in sides)).plain
    stem = how.wide(architecture.stem, width, "scale" if how.stem else "fixed")
    stems = architecture.stem, stem
    stages = _resized(architecture.stages, stems, multipliers.depth, width, how)
    return dataclasses.replace(
        architecture,
        stages=stages,
        stem=stem,
        head=how.wide(architecture.head, width, how.head),
        mix=how.wide(architecture.mix, width, how.mix or how.head),
        resolution=resolution,
        dropout=architecture.dropout if dropout is None else plain(dropout),
        name=name,
    )


@functools.lru_cache(maxsize=1 << 12)  # a grid varies resolution over the same stages
def _resized(
    stages: tuple[Stage, ...], stems: tuple[int, int], depth: float, width: float, how: Rule
) -> tuple[Stage, ...]:
    """The stages with both multipliers applied, and the stem's channels before and after them."""
    resized = []
    before, after = stems
    for old, deep in zip(stages, deepened(stages, depth, how), strict=True):
        new = resized_stage(old, deep, (before, after), width, how)
        resized.append(new)
        before, after = old.channels, new.channels
    return tuple(resized)


def resized_stage(
    old: Stage, deep: Stage, inputs: tuple[int, int], width: float, how: Rule
) -> Stage:
    """A stage made wider.

    Args:
        old: The baseline's.
        deep: The same with as many repeats as it is to have.
        inputs: Channels that it takes in the baseline, and in the scaled network.
        width: The multiplier.
        how: Rounds.
    """
    new = widened((deep,), width, how)[0]
    if (inputs[0], old) == (inputs[1], new):
        return new
    return dataclasses.replace(new, expand=_expand(new, inputs[1]))


def _expand(stage: Stage, c_in: int) -> int | float:
    """The expansion; a fraction is moved so that hidden channels are multiples of 8.

    Where no number does so for the first block and for those that repeat, it does for the latter.
    """
    if isinstance(stage.expand, int):
        return stage.expand
    inputs = (c_in, stage.channels) if stage.repeats > 1 else (c_in,)
    for channels in inputs:
        expand = round_channels(channels * stage.expand) / channels
        if all(hidden_channels(taken, expand) % 8 == 0 for taken in inputs):
            break
    return expand


def deepened(stages: tuple[Stage, ...], depth: float, how: Rule) -> tuple[Stage, ...]:
    """Each stage's repeats times depth, rounded."""
    last = len(stages) - 1
    return tuple(
        stage
        if i in (0, last) and not how.end_stages
        else dataclasses.replace(stage, repeats=how.repeats(stage.repeats * depth))
        for i, stage in enumerate(stages)
    )


def widened(stages: tuple[Stage, ...], width: float, how: Rule) -> tuple[Stage, ...]:
    """Each stage's channels times width, rounded; a bottleneck's inner width is rounded.

    An SE width that is given in channels is multiplied too, and a multiple of 8.
    """

    def wide(stage: Stage) -> Stage:
        step = int(stage.expand) if stage.op == "bottleneck" else 1
        channels = step * how.wide(stage.channels // step, width)
        se = stage.se
        if stage.se_from == "channels" and width != 1:
            se = round_channels(se * width)
        return dataclasses.replace(stage, channels=channels, se=se)

    return tuple(wide(stage) for stage in stages)


def round_pixels(pixels: float, multiple: int | None = None) -> int:
    """The nearest pixel, or multiple of 8 or 32; at least one.

    Raises:
        UserError: The multiple is none of ROUND_RESOLUTION.
    """
    multiple = plain(multiple)
    if not isinstance(multiple, int | None) or multiple not in ROUND_RESOLUTION:
        raise UserError(f"round_resolution is {multiple!r}: expected none, 8 or 32")
    step = multiple or 1
    return max(1, math.floor(pixels / step + 0.5)) * step
