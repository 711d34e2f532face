"""Blocks of many networks as columns, with what they cost and where in their network they stand.

Everything is counted as `search_spaces.cost` counts it, for all blocks at once.
"""

from collections.abc import Iterable
from operator import attrgetter
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from nas.imagenet.joint.network import OPS

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]

OP = {name: n for n, name in enumerate(OPS)}
MBCONV, DSCONV, FUSED, CONV, BOTTLENECK = range(5)  # what comes after these is a universal block
EARLY = np.array([0, 0, 0, 0, 0, 0, 3, 5])  # kernel of the depthwise conv before the expansion
SMOOTH = ("swish", "h_swish", "silu", "hard_swish")


class Blocks(NamedTuple):
    """Columns of blocks, (b,) each.

    Attributes:
        network: Which network the block is of, from 0.
        op: As in OP.
        c_in, hidden, c_out, kernel, stride, se: As in `Block`.
        expands: An expansion conv comes first, where the op may have one.
        smooth: The activation is one of SMOOTH.
        size: Pixels of a side of the input.
        level: Of the output; 0 for 1/2 of the network's input, 1 for 1/4 and so on.
        first: Output channels of the first block of the level.
        times: How many such blocks there are.
    """

    network: Ints
    op: Ints
    c_in: Ints
    hidden: Ints
    c_out: Ints
    kernel: Ints
    stride: Ints
    se: Ints
    expands: Flags
    smooth: Flags
    size: Ints
    level: Ints
    first: Ints
    times: Ints


class Frame(NamedTuple):
    """What networks have besides blocks, (n,) each; the fields are as in `Network`."""

    resolution: Ints
    stem: Ints
    head: Ints
    mix: Ints
    classes: Ints
    stem_kernel: Ints
    stem_stride: Ints
    stem_pool: Ints


def frame_of(networks: Iterable[Any]) -> Frame:
    """The frames of anything with the fields of `Frame`: a `Network` or an `Architecture`."""
    rows = list(map(attrgetter(*Frame._fields), networks))
    return Frame(*np.array(rows, np.int64).reshape(-1, len(Frame._fields)).T)


class Places(NamedTuple):
    """Where steps of networks stand, (steps,) each; a step is a block or a stage.

    Attributes:
        size: Pixels of a side of the input.
        size_out: Pixels of a side of the output.
        level: As in `Blocks`.
        first: As in `Blocks`.
        last_size: (n,) pixels of a side at each network's end.
    """

    size: Ints
    size_out: Ints
    level: Ints
    first: Ints
    last_size: Ints


def places(frame: Frame, steps: Ints, stride: Ints, channels: Ints) -> Places:
    """Walk through n networks at once.

    Args:
        frame: Of the networks.
        steps: (n,) how many steps each network has.
        stride: (sum of steps,) of each step, network after network.
        channels: (sum of steps,) of each step's output.
    """
    there = np.arange(steps.max(initial=0)) < steps[:, None]
    strides, widths = np.ones(there.shape), np.ones(there.shape, np.int64)
    strides[there], widths[there] = stride, channels
    begin = np.ceil(stem_size(frame) / (1 + frame.stem_pool))
    # Rounding up step by step is rounding up once: ceil(ceil(x / a) / b) = ceil(x / (a * b)).
    size_out = np.maximum(np.ceil(begin[:, None] / np.cumprod(strides, 1)), 1).astype(np.int64)
    size = np.concatenate([begin[:, None].astype(np.int64), size_out], 1)[:, :-1]
    halvings = np.frexp(strides)[1] - 1  # the whole part of log2
    start = np.frexp(frame.stem_stride.astype(float))[1] - 2 + frame.stem_pool
    level = start[:, None] + np.cumsum(halvings, 1)
    begins = strides > 1
    begins[:, :1] = True
    position = np.maximum.accumulate(np.where(begins, np.arange(there.shape[1]), 0), 1)
    first = np.take_along_axis(widths, position, 1)
    return Places(size[there], size_out[there], level[there], first[there], size_out[:, -1])


def stem_size(frame: Frame) -> Ints:
    """Pixels of a side after the stem conv, (n,)."""
    return -(-frame.resolution // frame.stem_stride)


def block_costs(b: Blocks) -> tuple[Floats, Floats]:
    """(multiply-adds, parameters) of each block."""
    c, h, o, k, se = (
        column.astype(float) for column in (b.c_in, b.hidden, b.c_out, b.kernel, b.se)
    )
    area, small = b.size.astype(float) ** 2, (-(-b.size // b.stride)).astype(float) ** 2
    universal, early = b.op > BOTTLENECK, EARLY[b.op].astype(float)
    inner = np.where(k == 0, small, area)  # a universal block without a main depthwise conv
    # Weights of: the expansion or first conv, the main conv, the projection, the shortcut.
    expand = c * h * (((b.op == MBCONV) & b.expands) | (b.op == BOTTLENECK) | universal)
    main = np.select(
        [(b.op == MBCONV) | universal, b.op == DSCONV, b.op == FUSED, b.op == CONV],
        [k * k * h, k * k * c, k * k * c * h, k * k * c * o],
        k * k * h * h,
    )
    project = np.where(b.op == CONV, 0, np.where(b.op == DSCONV, c, h) * o)
    side = c * o * ((b.op == BOTTLENECK) & ((c != o) | (b.stride > 1)))
    start = early**2 * c
    scaled = np.select([(b.op == CONV) | (b.op == BOTTLENECK), b.op == DSCONV], [o, c], h)
    macs = np.where(universal, inner, area) * expand + small * (main + project + side)
    macs += inner * start + 2 * scaled * se
    params = expand + main + project + side + start + (2 * scaled * se + scaled + se) * (se > 0)
    norms = h * (expand > 0) + o * (project > 0) + o * (side > 0) + c * (start > 0)
    norms += np.select([b.op == DSCONV, b.op == CONV], [c, o], h) * (k > 0)
    return macs, params + 2 * norms


def end_costs(frame: Frame, channels: Ints, size: Ints) -> tuple[Floats, Floats]:
    """(multiply-adds, parameters) of stem, head and classifier, (n,) each.

    Args:
        frame: Of n networks.
        channels: (n,) of the last block's output.
        size: (n,) pixels of a side there.
    """
    stem = 3 * frame.stem_kernel**2 * frame.stem
    head = channels * frame.head
    pooled = np.where(frame.head > 0, frame.head, channels)
    mix = pooled * frame.mix
    last = np.where(frame.mix > 0, frame.mix, pooled)
    macs = stem * stem_size(frame) ** 2 + head * size**2 + mix + last * frame.classes
    params = stem + 2 * frame.stem + head + 2 * frame.head + mix + (last + 1) * frame.classes
    return macs.astype(float), params.astype(float)
