"""Numbers of the package's `Architecture`s, thousands at once, and their lists of blocks."""

import dataclasses
import math
from collections.abc import Sequence

import numpy as np

from nas.imagenet.joint.blocks import (
    BOTTLENECK,
    CONV,
    DSCONV,
    OP,
    SMOOTH,
    Blocks,
    Flags,
    Ints,
    Places,
    frame_of,
    places,
)
from nas.imagenet.joint.network import Block, Network
from nas.imagenet.joint.numbers import Numbers, numbers_from
from search_spaces.architecture import ACTIVATIONS, OPS, Architecture, Stage
from search_spaces.costs import Stages, stages_of
from search_spaces.costs import squeezed as squeezed_of
from search_spaces.layers import hidden_channels, squeezed
from search_spaces.stages import pixels_text

HERE = np.array([OP[name] for name in OPS])  # the package's ops among those of the evidence
SMOOTH_CODE = {name: int(name in SMOOTH) for name in ACTIVATIONS}


def as_square(architecture: Architecture) -> Architecture:
    """The network for RGB images of as many pixels that are square, as ImageNet's are taken."""
    a = architecture
    if isinstance(a.resolution, int) and a.in_channels == 3:
        return a
    return dataclasses.replace(a, resolution=round(math.sqrt(a.size.area)), in_channels=3)


def taken_as(architecture: Architecture) -> list[str]:
    """What is said of a prediction of a network that was taken `as_square`."""
    if (square := as_square(architecture)) is architecture:
        return []
    return [
        f"The network takes {pixels_text(architecture)}; this is the prediction for square RGB "
        f"images of {square.resolution} px, since ImageNet's networks are known for such only."
    ]


def numbers_of(architectures: Sequence[Architecture]) -> Numbers:
    """The numbers of n architectures; 10,000 of them in a few tenths of a second.

    Those for other images than square RGB ones are taken `as_square`.
    """
    architectures = [as_square(architecture) for architecture in architectures]
    steps = np.array([len(architecture.stages) for architecture in architectures])
    frame, stages = frame_of(architectures), stages_of(architectures)[0]
    stages = stages._replace(op=HERE[stages.op])
    smooth = _smooth(architectures, steps)
    at = places(frame, steps, stages.stride, stages.channels)
    first = _blocks(stages, smooth, at, at.size, np.ones_like(stages.stride))
    later = stages._replace(c_in=stages.channels, stride=np.ones_like(stages.stride))
    again = _blocks(later, smooth, at, at.size_out, stages.repeats - 1)
    repeated = stages.repeats > 1
    blocks = Blocks(
        *(np.concatenate([one, two[repeated]]) for one, two in zip(first, again, strict=True))
    )
    last = np.cumsum(steps) - 1
    return numbers_from(blocks, frame, stages.channels[last], at.last_size)


def _blocks(s: Stages, smooth: Flags, at: Places, size: Ints, count: Ints) -> Blocks:
    """One row a stage; rounded as `search_spaces.layers` rounds."""
    hidden = np.select(
        [s.op == BOTTLENECK, s.op == DSCONV, s.op == CONV],
        [s.channels // s.expand.astype(np.int64).clip(1), s.c_in, s.channels],
        np.maximum(np.rint(s.c_in * s.expand), 1).astype(np.int64),
    )
    whole = (s.op == CONV) | (s.op == BOTTLENECK)
    se = squeezed_of(s, np.where(whole, s.channels, hidden))
    return Blocks(
        s.network, s.op, s.c_in, hidden, s.channels, s.kernel, s.stride, se,
        (s.expand != 1) | (s.keep_expansion > 0), smooth, size, at.level, at.first, count,
    )  # fmt: skip


def _smooth(architectures: Sequence[Architecture], steps: Ints) -> Flags:
    """Whether each stage's activation is one of SMOOTH."""
    names = (
        stage.activation or architecture.activation
        for architecture in architectures
        for stage in architecture.stages
    )
    return np.fromiter(map(SMOOTH_CODE.__getitem__, names), np.bool_, int(steps.sum()))


def network_of(architecture: Architecture) -> Network:
    """The architecture as a list of blocks."""
    blocks, c_in = [], architecture.stem
    for stage in architecture.stages:
        for n in range(stage.repeats):
            stride = stage.stride if n == 0 else 1
            blocks.append(_block(stage, c_in, stride, architecture.activation))
            c_in = stage.channels
    a = as_square(architecture)
    return Network(
        tuple(blocks), a.size.height, a.stem, a.head, a.mix, a.classes, a.stem_kernel,
        a.stem_stride, a.stem_pool,
    )  # fmt: skip


def _block(stage: Stage, c_in: int, stride: int, activation: str) -> Block:
    hidden = {"dsconv": c_in, "conv": stage.channels}.get(stage.op) or (
        stage.channels // int(stage.expand)
        if stage.op == "bottleneck"
        else hidden_channels(c_in, stage.expand)
    )
    scaled = stage.channels if stage.op in ("conv", "bottleneck") else hidden
    se = squeezed(stage, c_in, scaled) if stage.se else 0
    return Block(
        stage.op, c_in, hidden, stage.channels, stage.kernel, stride, se,
        stage.activation or activation,
    )  # fmt: skip
