"""Numbers of a network that don't depend on its skeleton, as sums over its blocks.

The blocks of a network stand at five levels of resolution (1/2, 1/4, 1/8, 1/16 and 1/32 of the
input and below). The last two are parted: a level's first width, and what is wider than that; a
block between the two counts for both in part. So there are seven segments, as many as
EfficientNet-B0 has stages, and any MBConv network has its place in them.

`contributions` of blocks are sums to be added up for each network (a search may keep them by
stage); `finish` makes numbers of many networks at once.
"""

import math
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from nas.imagenet.joint.network import OPS, Block, Network, after, head_cost, stem_cost

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

SEGMENTS = ("2", "4", "8", "16", "16w", "32", "32w")  # w: wider than the level's first block
PARTS = ("blocks", "out", "hidden", "expansion", "expands", "field", "se", "macs", "params")
WHOLE = ("macs", "params", "dsconv", "dense", "bottleneck", "smooth", "skips", "blocks")
SIZE = len(SEGMENTS) * len(PARTS) + len(WHOLE)
WIDER = math.log(1.3)  # a block this much wider than its level's first is wholly in the second part
SMOOTH = ("swish", "h_swish", "silu", "hard_swish")
FRAME = ("resolution", "stem", "head", "mix")  # of a network besides its sums
OP = {name: n for n, name in enumerate(OPS)}
MBCONV, DSCONV, FUSED, CONV, BOTTLENECK = range(5)
EARLY = np.array([0, 0, 0, 0, 0, 0, 3, 5])  # kernel of a UIB block's first depthwise conv
# Columns of `contributions`' rows: size is the input's, level that of the output, first the width
# of the level's first block, count how many such blocks there are.
ROW = ("op", "c_in", "hidden", "c_out", "kernel", "stride", "se", "smooth", "size", "level",
       "first", "count")  # fmt: skip


class Place(NamedTuple):
    """Where a block begins. size: pixels.   level: 0 for 1/2 of the input's.   first: channels of
    the level's first block, 0 where none has come."""

    size: int
    level: int
    first: int

    def after(self, stride: int, channels: int) -> "Place":
        """Where the next one begins, behind a block of this stride and these output channels."""
        if stride == 1:
            return self if self.first else Place(self.size, self.level, channels)
        down = stride.bit_length() - 1
        return Place(after(self.size, stride), self.level + down, channels)


def _costs(r: Ints, out: Ints) -> tuple[Floats, Floats]:
    """(macs, params) of blocks; the same as `network.block_cost`."""
    op, c, h, o, k, stride, se = r[:, :7].T.astype(float)
    kind, size = r[:, 0], r[:, 8].astype(float)
    area, small = size**2, out.astype(float) ** 2
    uib = kind > BOTTLENECK
    early = EARLY[kind].astype(float)
    inner = np.where(k == 0, small, area)  # a UIB block without a second depthwise conv
    # weights of: the expansion or first conv, the main conv, the projection, the shortcut
    expand = c * h * (((kind == MBCONV) & (h != c)) | (kind == BOTTLENECK) | uib)
    main = np.select(
        [(kind == MBCONV) | uib, kind == DSCONV, kind == FUSED, kind == CONV],
        [k * k * h, k * k * c, k * k * c * h, k * k * c * o],
        k * k * h * h,
    )
    project = np.where(kind == CONV, 0, np.where(kind == DSCONV, c, h) * o)
    side = c * o * ((kind == BOTTLENECK) & ((c != o) | (stride > 1)))
    start = early**2 * c
    wide = np.select([(kind == CONV) | (kind == BOTTLENECK), kind == DSCONV], [o, c], h)
    macs = np.where(uib, inner, area) * expand + small * (main + project + side)
    macs += inner * start + 2 * wide * se
    params = expand + main + project + side + start + (2 * wide * se + wide + se) * (se > 0)
    norms = h * (expand > 0) + o * (project > 0) + o * (side > 0) + c * (start > 0)
    norms += np.select([kind == DSCONV, kind == CONV], [c, o], h) * (k > 0)
    return macs, params + 2 * norms


def contributions(rows: Ints) -> Floats:
    """(n, SIZE) sums of n rows of blocks (columns of ROW)."""
    rows = np.asarray(rows, np.int64).reshape(-1, len(ROW))
    kind, count = rows[:, 0], rows[:, 11].astype(float)
    c_in, hidden, c_out, stride = rows[:, 1], rows[:, 2], rows[:, 3], rows[:, 5]
    macs, params = _costs(rows, -(-rows[:, 8] // stride))
    inner = (kind == MBCONV) | (kind == FUSED) | (kind > BOTTLENECK)
    ratio = np.where(inner, hidden / c_in, 1.0)
    sees = (np.maximum(rows[:, 4], 1) - 1) / 2 + (np.maximum(EARLY[kind], 1) - 1) / 2
    middle = np.log(np.where(kind == DSCONV, c_in, hidden))
    values = np.stack([np.ones(len(rows)), np.log(c_out), middle, np.log(ratio), ratio > 1, sees,
                       rows[:, 6] > 0, macs, params], 1) * count[:, None]  # fmt: skip
    level = np.minimum(rows[:, 9], 4)
    wide = np.clip(np.log(c_out / rows[:, 10]) / WIDER, 0, 1) * (level >= 3)
    wide[rows[:, 9] > 4] = 1.0
    at = np.where(level < 3, level, 2 * level - 3)
    sums = np.zeros((len(rows), SIZE))
    parts = sums[:, : len(SEGMENTS) * len(PARTS)].reshape(len(rows), len(SEGMENTS), len(PARTS))
    each = np.arange(len(rows))
    parts[each, at] = values * (1 - wide)[:, None]
    split = np.flatnonzero(wide)
    parts[split, at[split] + 1] = values[split] * wide[split][:, None]
    skips = (stride == 1) & (c_in == c_out) & (kind != CONV) & (kind != DSCONV)
    dense = (kind == FUSED) | (kind == CONV)
    whole = [macs, params, kind == DSCONV, dense, kind == BOTTLENECK, rows[:, 7],
             skips | (kind == BOTTLENECK), np.ones(len(rows))]  # fmt: skip
    sums[:, -len(WHOLE) :] = np.stack(whole, 1) * count[:, None]
    return sums


def start(net: Network) -> tuple[tuple[int, int], Place]:
    """(macs and params of the stem, where the first block begins)."""
    macs, params, size = stem_cost(net)
    level = net.stem_stride.bit_length() - 2 + int(net.stem_pool)
    return (macs, params), Place(size, level, 0)


def row(block: Block, place: Place, then: Place, count: int = 1) -> tuple[int, ...]:
    """A row of ROW for `count` equal blocks from `place`, after the first of which it is `then`."""
    op, *middle, act = block
    return (OP[op], *middle, int(act in SMOOTH), place.size, then.level, then.first, count)


def together(rows: Ints, counts: Ints, ends: Floats) -> Floats:
    """(n, SIZE) sums of networks of `counts` rows each. ends: (n, 2) macs and params besides."""
    starts = np.r_[0, np.cumsum(counts)[:-1]]
    total = np.add.reduceat(contributions(rows), starts)
    at = SIZE - len(WHOLE)
    total[:, at : at + 2] += ends
    return np.asarray(total)


class Numbers(NamedTuple):
    """Of n networks. macs, params, resolution, depth: (n,).   blocks: (n, 7) of each segment.
    out, hidden: (n, 7) mean logs of channels.   expansion, expands, field, se: (n, 7) means.
    weights: (n, 7) parameters.   stem, head, mix: (n,) channels.   kinds: (n, 5) shares of blocks:
    dsconv, dense (fused and conv), bottleneck, smooth activations, skips.
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

    def take(self, at: Ints) -> "Numbers":
        """Those of some of the networks."""
        return Numbers(*(one[at] for one in self))


def finish(sums: Floats, frame: Floats) -> Numbers:
    """Numbers of networks from their sums (n, SIZE) and frames (n, 4).

    A segment without blocks takes the means of the one before it, the first the stem's width.
    """
    sums, frame = np.atleast_2d(sums), np.atleast_2d(frame)
    parts = sums[:, : len(SEGMENTS) * len(PARTS)].reshape(-1, len(SEGMENTS), len(PARTS))
    whole = sums[:, -len(WHOLE) :]
    blocks, macs = parts[:, :, 0], whole[:, 0]
    stem = np.log(frame[:, 1])
    zero = np.zeros_like(stem)
    before = np.stack([stem, stem, zero, zero, zero + 1, zero], 1)
    means = np.empty((len(sums), len(SEGMENTS), 6))
    for s in range(len(SEGMENTS)):  # the smaller a part, the nearer to the one before
        n = blocks[:, s : s + 1]
        keep = np.maximum(0.25 - n, 0.0)  # whole blocks count alone
        before = (parts[:, s, 1:7] + keep * before) / (n + keep)
        means[:, s] = before
    columns = [means[:, :, n] for n in range(6)]
    kinds = whole[:, 2:7] / whole[:, 7:]
    return Numbers(macs, whole[:, 1], frame[:, 0], whole[:, 7], blocks, *columns, parts[:, :, 8],
                   frame[:, 1], frame[:, 2], frame[:, 3], kinds)  # fmt: skip


def numbers(networks: Iterable[Network]) -> Numbers:
    """Of networks given as lists of blocks."""
    rows, counts, ends, frames = [], [], [], []
    for net in networks:
        first, place = start(net)
        for block in net.blocks:
            then = place.after(block.stride, block.c_out)
            rows.append(row(block, place, then))
            place = then
        c_in = net.blocks[-1].c_out
        last = head_cost(net, c_in, place.size)
        counts.append(len(net.blocks))
        ends.append((first[0] + last[0], first[1] + last[1]))
        frames.append((net.res, net.stem, net.head or c_in, net.mix))
    sums = together(np.array(rows), np.array(counts), np.array(ends, float))
    return finish(sums, np.array(frames, float))
