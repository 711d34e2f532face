"""Numbers of the package's `Architecture`s: a few cached look-ups a network."""

import functools
from collections.abc import Iterable, Sequence

import numpy as np

from nas.imagenet.joint.network import Block, Network, head_cost
from nas.imagenet.joint.numbers import Numbers, Place, finish, row, start, together
from search_spaces.architecture import Architecture, Stage
from search_spaces.layers import hidden_channels, squeezed


def hidden_of(stage: Stage, c_in: int) -> int:
    """Channels of a block's main conv."""
    if stage.op in ("mbconv", "fused"):
        return hidden_channels(c_in, stage.expand)
    if stage.op == "bottleneck":
        return stage.channels // int(stage.expand)
    return c_in if stage.op == "dsconv" else stage.channels


@functools.lru_cache(maxsize=1 << 17)
def block_of(stage: Stage, c_in: int, first: bool, act: str) -> Block:
    """The stage's first block, or each that follows. Cached."""
    stride, hidden = stage.stride if first else 1, hidden_of(stage, c_in)
    scaled = stage.channels if stage.op in ("conv", "bottleneck") else hidden
    se = squeezed(stage, c_in, scaled) if stage.se else 0
    act = stage.activation or act
    return Block(stage.op, c_in, hidden, stage.channels, stage.kernel, stride, se, act)


@functools.lru_cache(maxsize=1 << 17)
def stage_rows(
    stage: Stage, c_in: int, place: Place, act: str
) -> tuple[list[tuple[int, ...]], Place]:
    """Rows of a stage's blocks (equal ones in one row), and where the next one begins. Cached."""
    then = place.after(stage.stride, stage.channels)
    rows = [row(block_of(stage, c_in, True, act), place, then)]
    if stage.repeats > 1:
        other = block_of(stage, stage.channels, False, act)
        rows.append(row(other, then, then, stage.repeats - 1))
    return rows, then


@functools.lru_cache(maxsize=1 << 14)
def _start(
    resolution: int, stem: int, kernel: int, stride: int, pool: bool
) -> tuple[tuple[int, int], Place]:
    return start(
        Network((), resolution, stem, stem_kernel=kernel, stem_stride=stride, stem_pool=pool)
    )


@functools.lru_cache(maxsize=1 << 14)
def _end(head: int, mix: int, classes: int, c_in: int, size: int) -> tuple[int, int]:
    return head_cost(Network((), 0, 0, head, mix, classes=classes), c_in, size)


def numbers_of(architectures: Iterable[Architecture]) -> Numbers:
    """The numbers of many architectures at once; 10,000 of them in half a second."""
    rows: list[Sequence[int]] = []
    counts, frames, ends = [], [], []
    for a in architectures:
        first, place = _start(a.resolution, a.stem, a.stem_kernel, a.stem_stride, a.stem_pool)
        c_in, before = a.stem, len(rows)
        for stage in a.stages:
            more, place = stage_rows(stage, c_in, place, a.activation)
            rows += more
            c_in = stage.channels
        last = _end(a.head, a.mix, a.classes, c_in, place.size)
        counts.append(len(rows) - before)
        frames.append((a.resolution, a.stem, a.head or c_in, a.mix))
        ends.append((first[0] + last[0], first[1] + last[1]))
    sums = together(np.array(rows), np.array(counts), np.array(ends, float))
    return finish(sums, np.array(frames, float))
