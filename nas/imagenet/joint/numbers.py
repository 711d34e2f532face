"""Numbers of a network that don't depend on its skeleton, as sums over its blocks.

The blocks of a network stand at five levels of resolution (1/2, 1/4, 1/8, 1/16 and 1/32 of the
input and below). The last two are parted: a level's first width, and what is wider than that; a
block between the two counts for both in part. So there are seven segments, as many as
EfficientNet-B0 has stages, and any MBConv network has its place in them.
"""

import math
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from nas.imagenet.joint.blocks import (
    BOTTLENECK,
    CONV,
    DSCONV,
    EARLY,
    FUSED,
    MBCONV,
    OP,
    SMOOTH,
    Blocks,
    Flags,
    Floats,
    Frame,
    Ints,
    block_costs,
    end_costs,
    frame_of,
    places,
)
from nas.imagenet.joint.network import Network

SEGMENTS = ("2", "4", "8", "16", "16w", "32", "32w")  # w: wider than the level's first block
WIDER = math.log(1.3)  # a block this much wider than its level's first is wholly in the second part
WHOLE = 0.25  # with fewer blocks than this in a segment, the means of the one before count too


class Numbers(NamedTuple):
    """What is counted of n networks.

    Attributes:
        macs, params, resolution, depth: (n,).
        blocks: (n, 7) of each segment.
        out, hidden: (n, 7) mean logs of channels.
        expansion, expands, field, se: (n, 7) means.
        weights: (n, 7) parameters.
        stem, head, mix: (n,) channels.
        kinds: (n, 5) shares of blocks: dsconv, dense (fused and conv), bottleneck, smooth
            activations, skips.
    """

    macs: Floats
    params: Floats
    resolution: Floats
    depth: Floats
    blocks: Floats
    out: Floats
    hidden: Floats
    expansion: Floats
    expands: Floats
    field: Floats
    se: Floats
    weights: Floats
    stem: Floats
    head: Floats
    mix: Floats
    kinds: Floats

    def take(self, rows: Ints) -> "Numbers":
        """Those of some of the networks."""
        return Numbers(*(column[rows] for column in self))

    def same(self, other: "Numbers") -> Flags:
        """(n,) whether networks are the same as the one network `other`, for the model."""
        equal = (
            (mine == its).reshape(len(mine), -1).all(1)
            for mine, its in zip(self, other, strict=True)
        )
        return np.asarray(np.logical_and.reduce(list(equal)), np.bool_)


def numbers(networks: Iterable[Network]) -> Numbers:
    """Of networks given as lists of blocks."""
    networks = list(networks)
    frame, steps = frame_of(networks), np.array([len(net.blocks) for net in networks])
    fields = [(OP[op], *sizes, act in SMOOTH) for net in networks for op, *sizes, act in net.blocks]
    op, c_in, hidden, c_out, kernel, stride, se, smooth = np.array(fields, np.int64).T
    at = places(frame, steps, stride, c_out)
    blocks = Blocks(
        np.repeat(np.arange(len(networks)), steps), op, c_in, hidden, c_out, kernel, stride, se,
        hidden != c_in, smooth > 0, at.size, at.level, at.first, np.ones_like(op),
    )  # fmt: skip
    return numbers_from(blocks, frame, c_out[np.cumsum(steps) - 1], at.last_size)


def numbers_from(blocks: Blocks, frame: Frame, channels: Ints, size: Ints) -> Numbers:
    """The numbers of n networks from columns of their blocks.

    Args:
        blocks: Of all networks.
        frame: Of the networks.
        channels: (n,) of the last block's output.
        size: (n,) pixels of a side there.
    """
    count, n = blocks.times.astype(float), len(frame.stem)
    macs, params = (costs * count for costs in block_costs(blocks))

    def total(column: Floats) -> Floats:
        return np.asarray(np.bincount(blocks.network, column, n), np.float64)

    depth = total(count)
    kinds = np.stack([total(flags * count) for flags in _kinds(blocks)], 1) / depth[:, None]
    more_macs, more_params = end_costs(frame, channels, size)
    by_segment = _by_segment(blocks, params, n)
    out, hidden, expansion, expands, field, se = _means(by_segment[:7], np.log(frame.stem))
    return Numbers(
        macs=total(macs) + more_macs,
        params=total(params) + more_params,
        resolution=frame.resolution.astype(float),
        depth=depth,
        blocks=by_segment[0],
        out=out,
        hidden=hidden,
        expansion=expansion,
        expands=expands,
        field=field,
        se=se,
        weights=by_segment[7],
        stem=frame.stem.astype(float),
        head=np.where(frame.head > 0, frame.head, channels).astype(float),
        mix=frame.mix.astype(float),
        kinds=kinds,
    )


def _kinds(b: Blocks) -> list[Floats]:
    """Of each block, whether it is counted in the columns of `Numbers.kinds`."""
    dense, bottleneck = (b.op == FUSED) | (b.op == CONV), b.op == BOTTLENECK
    may_skip = (b.stride == 1) & (b.c_in == b.c_out) & (b.op != CONV) & (b.op != DSCONV)
    flags = (b.op == DSCONV, dense, bottleneck, b.smooth, may_skip | bottleneck)
    return [flag.astype(float) for flag in flags]


def _by_segment(b: Blocks, params: Floats, n: int) -> Floats:
    """Sums (8, n, 7): blocks, the six columns that `Numbers` has means of, and parameters."""
    expanding = (b.op == MBCONV) | (b.op == FUSED) | (b.op > BOTTLENECK)
    ratio = np.where(expanding, b.hidden / b.c_in, 1.0)
    sees = (np.maximum(b.kernel, 1) + np.maximum(EARLY[b.op], 1) - 2) / 2
    middle = np.log(np.where(b.op == DSCONV, b.c_in, b.hidden))
    columns = (np.log(b.c_out), middle, np.log(ratio), ratio > 1, sees, b.se > 0)
    count = b.times.astype(float)
    level = np.clip(b.level, 0, 4)
    second = np.clip(np.log(b.c_out / b.first) / WIDER, 0, 1) * (level >= 3)  # share of block
    second[b.level > 4] = 1.0
    segment = len(SEGMENTS) * b.network + np.where(level < 3, level, 2 * level - 3)
    parted = np.flatnonzero(second)

    def total(column: Floats) -> Floats:
        more = (column * second)[parted]
        size = n * len(SEGMENTS)
        sums = np.bincount(segment, column * (1 - second), size)
        sums += np.bincount(segment[parted] + 1, more, size)
        return np.asarray(sums, np.float64).reshape(n, len(SEGMENTS))

    return np.stack([total(count), *(total(column * count) for column in columns), total(params)])


def _means(sums: Floats, stem: Floats) -> list[Floats]:
    """Six means (n, 7) from the sums (7, n, 7) of blocks and of what they have.

    A segment without blocks takes the means of the one before it, the first the stem's width; one
    with part of a block takes something of both.
    """
    blocks, parts = sums[0], sums[1:]
    zero = np.zeros_like(stem)
    before = np.stack([stem, stem, zero, zero, zero + 1, zero])
    means = np.empty_like(parts)
    for s in range(len(SEGMENTS)):
        keep = np.maximum(WHOLE - blocks[:, s], 0.0)
        before = (parts[:, :, s] + keep * before) / (blocks[:, s] + keep)
        means[:, :, s] = before
    return list(means)
