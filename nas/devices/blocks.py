"""Blocks as readable keys, and the blocks of networks and spaces.

A key says the input, the layers in order and how they join; it is what a device file lists:

    16@112 conv1x1 96 swish, dw3x3/2 96 swish, se 4, conv1x1 24
    24@56 conv1x1 144 swish, dw3x3 144 swish, conv1x1 24 + input
    320@7 conv1x1 1280 swish, global_pool, linear 1000

`16@112`: 16 channels of 112 x 112 pixels; `16@48x80`: of height 48 and width 80. `conv3x3/2 32`:
kernel, stride where it is not 1, output channels. `dw`: a depthwise conv. `se 4`:
squeeze-and-excitation of that width; `se 24 of relu hard_sigmoid`: with its own activation and
gate. `+ input`: the sum with the block's input, or with a layer on it; `then relu`: after the sum.
"""

import functools
import random
import re
from collections import Counter
from typing import NamedTuple

from search_spaces.architecture import ACTIVATIONS, Architecture, Stage
from search_spaces.errors import UserError
from search_spaces.layers import (
    ONE,
    Block,
    Ends,
    Layer,
    ends_of,
    head,
    stage_blocks,
    stage_inputs,
    stem,
)
from search_spaces.rounding import Size
from search_spaces.space import Space

POOLS = ("max_pool", "avg_pool")
OFTEN = 4  # the blocks of a space are known when each was met this many times
DRAWS = 200_000  # networks at most that are drawn to meet them

_NAMES = "|".join(ACTIVATIONS)
_LAYER = re.compile(
    rf"(?:(?P<conv>conv|dw|max_pool|avg_pool)(?P<k>\d+)x(?P=k)(?:/(?P<s>\d+))?(?: (?P<out>\d+))?"
    rf"|(?P<wide>se|linear) (?P<width>\d+)(?: of (?P<inner>{_NAMES}))?(?: (?P<gate>hard_sigmoid))?"
    rf"(?P<bare> unbiased)?"
    rf"|(?P<pool>global_pool))"
    rf"(?: (?P<act>{_NAMES}))?"
)
_KEY = re.compile(
    rf"(?P<c>\d+)@(?P<size>\d+(?:x\d+)?) (?P<path>[^+]+?)(?: \+ (?P<side>.+?))?"
    rf"(?: then (?P<act>{_NAMES}))?"
)


class Keyed(NamedTuple):
    """A block and the activation function of its network, None where it has none."""

    block: Block
    activation: str | None


def _layer_text(layer: Layer, activation: str) -> str:
    act = f" {activation}" if layer.activation else ""
    if layer.kind == "se":
        inner = f" of {layer.inner}" if layer.inner else ""
        gate = f" {layer.gate}" if layer.gate != "sigmoid" else ""
        return f"se {layer.out_channels}{inner}{gate}"
    if layer.kind == "linear":
        return f"linear {layer.out_channels}{'' if layer.bias else ' unbiased'}{act}"
    if layer.kind == "global_pool":
        return "global_pool"
    stride = f"/{layer.stride}" if layer.stride > 1 else ""
    size = f"{layer.kernel}x{layer.kernel}{stride}"
    if layer.kind in POOLS:
        return f"{layer.kind}{size}"
    depthwise = layer.groups > 1
    return f"{'dw' if depthwise else 'conv'}{size} {layer.out_channels}{act}"


def key_of(block: Block, activation: str) -> str:
    """The key of a block in a network with this activation function.

    Blocks of equal key do the same work.
    """
    first, activation = block.path[0], block.act or activation
    text = f"{first.in_channels}@{first.size_in} "
    text += ", ".join(_layer_text(layer, activation) for layer in block.path)
    if block.residual:
        side = "input" if block.shortcut is None else _layer_text(block.shortcut, activation)
        text += f" + {side}"
    return text + (f" then {activation}" if block.activation else "")


def _layer(text: str, channels: int, size: Size) -> tuple[Layer, str | None]:
    """The layer of this text on its input, and its activation. Raises ValueError."""
    match = _LAYER.fullmatch(text)
    if match is None:
        raise ValueError(text)
    act, kind = match["act"], match["conv"] or match["wide"] or match["pool"]
    if match["pool"]:
        return Layer(kind, kind, channels, channels, size, ONE), act
    if kind == "se":
        gate, inner = match["gate"] or "sigmoid", match["inner"]
        width = int(match["width"])
        return Layer(kind, kind, channels, width, size, size, gate=gate, inner=inner), act
    if kind == "linear":
        width, bias = int(match["width"]), not match["bare"]
        return Layer(kind, kind, channels, width, ONE, ONE, activation=bool(act), bias=bias), act
    kernel, stride = int(match["k"]), int(match["s"] or 1)
    after = size.after(stride)
    if kind in POOLS:
        return Layer(kind, kind, channels, channels, size, after, kernel, stride), act
    out, groups = int(match["out"] or 0), channels if kind == "dw" else 1
    if kernel % 2 == 0 or not out or (kind == "dw" and out != channels):
        raise ValueError(text)
    made = Layer(kind, "conv", channels, out, size, after, kernel, stride, groups, True, bool(act))
    return made, act


@functools.lru_cache(maxsize=1 << 15)
def parse(key: str) -> Keyed:
    """Reads a block from its key, the inverse of `key_of`; layers are called by their kind.

    Raises:
        UserError: It is no block's key.
    """
    match = _KEY.fullmatch(key)
    try:
        if match is None:
            raise ValueError(key)
        channels, sides = int(match["c"]), [int(side) for side in match["size"].split("x")]
        size = Size(sides[0], sides[-1])
        if not channels or not all(sides):
            raise ValueError(f"{channels}@{size}")
        path, acts = [], {match["act"]}
        c, s = channels, size
        for text in match["path"].split(", "):
            layer, act = _layer(text, c, s)
            path.append(layer)
            acts.add(act)
            c, s = (c if layer.kind == "se" else layer.out_channels), layer.size_out
        shortcut = None
        if match["side"] not in (None, "input"):
            shortcut, act = _layer(match["side"], channels, size)
            acts.add(act)
        used = acts - {None}
        if len(used) > 1:
            raise ValueError(", ".join(sorted(filter(None, used))))
    except ValueError as error:
        raise UserError(
            f"{key!r} is no block's key, because of {str(error)!r}: expected one as "
            "'24@56 conv1x1 144 swish, dw3x3 144 swish, se 6, conv1x1 24 + input'"
        ) from None
    block = Block(tuple(path), match["side"] is not None, shortcut, match["act"] is not None)
    return Keyed(block, next(iter(used), None))


@functools.lru_cache(maxsize=1 << 17)
def stage_keys(stage: Stage, c_in: int, size: Size, activation: str) -> tuple[str, ...]:
    """The keys of a stage's blocks, in order. Cached."""
    blocks = list(stage_blocks(stage, c_in, size))
    keys = [key_of(block, activation) for block in blocks[:2]]
    return tuple(keys[:1] + keys[1:] * (len(blocks) - 1))


@functools.lru_cache(maxsize=1 << 12)
def end_keys(ends: Ends) -> tuple[str, str]:
    """The keys of stem and head. Cached."""
    return key_of(stem(ends), ends.activation), key_of(head(ends), ends.activation)


def keys_of(architecture: Architecture) -> tuple[str, ...]:
    """The keys of the network's blocks from stem to head, as `layers.walk` gives the blocks."""
    inputs = stage_inputs(architecture)
    first, last = end_keys(ends_of(architecture, inputs))
    keys = [first]
    for row in inputs:
        keys += stage_keys(*row, architecture.activation)
    return (*keys, last)


def blocks_in(space: Space) -> tuple[str, ...]:
    """The keys of every block of a space's networks, from input to output.

    Random networks are drawn until every block was met OFTEN times; a block that is left out
    then is hundreds of times less likely than one that was met so often.
    """
    rng = random.Random(0)
    met: Counter[str] = Counter()
    place: dict[str, float] = {}
    for draw in range(DRAWS):
        keys = keys_of(space.build(space.sample(rng)))
        for i, key in enumerate(keys):
            place.setdefault(key, i / len(keys))
        met.update(keys)
        if draw % 256 == 255 and min(met.values()) >= OFTEN:
            break
    return tuple(sorted(met, key=lambda key: (place[key], key)))
