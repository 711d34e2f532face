"""Numbers of the package's `Architecture`s, thousands at once, and their lists of blocks."""

from collections.abc import Sequence
from operator import attrgetter
from typing import Any, NamedTuple

import numpy as np

from nas.imagenet.joint.blocks import (
    BOTTLENECK,
    CONV,
    DSCONV,
    OP,
    SMOOTH,
    Blocks,
    Flags,
    Floats,
    Ints,
    frame_of,
    places,
)
from nas.imagenet.joint.network import Block, Network
from nas.imagenet.joint.numbers import Numbers, numbers_from
from search_spaces.architecture import ACTIVATIONS, Architecture, Stage
from search_spaces.layers import hidden_channels, squeezed

FROM_CHANNELS, FROM_EXPANDED = 1, 2  # what SE's width is given in, besides the input's channels
SE_FROM = {"input": 0, "channels": FROM_CHANNELS, "expanded": FROM_EXPANDED}
SMOOTH_CODE = {name: int(name in SMOOTH) for name in ACTIVATIONS}


def numbers_of(architectures: Sequence[Architecture]) -> Numbers:
    """The numbers of n architectures; 10,000 of them in a few tenths of a second."""
    steps = np.array([len(architecture.stages) for architecture in architectures])
    frame, columns = frame_of(architectures), _stages(architectures, steps)
    at = places(frame, steps, columns.stride, columns.channels)
    begins = np.cumsum(steps) - steps
    c_in = np.roll(columns.channels, 1)
    c_in[begins] = frame.stem
    network, once = np.repeat(np.arange(len(steps)), steps), np.ones_like(c_in)
    first = columns.blocks(c_in, columns.stride, network, at.size, at.level, at.first, once)
    again = columns.blocks(
        columns.channels, once, network, at.size_out, at.level, at.first, columns.repeats - 1
    )
    repeated = columns.repeats > 1
    blocks = Blocks(
        *(np.concatenate([one, two[repeated]]) for one, two in zip(first, again, strict=True))
    )
    return numbers_from(blocks, frame, columns.channels[begins + steps - 1], at.last_size)


class _Stages(NamedTuple):
    """Fields of stages as columns, as in `Stage`. A stage is a row of blocks, or two."""

    op: Ints
    channels: Ints
    repeats: Ints
    kernel: Ints
    stride: Ints
    expand: Floats
    se: Floats
    se_from: Ints
    keeps: Flags
    smooth: Flags

    def blocks(
        self, c_in: Ints, stride: Ints, network: Ints, size: Ints, level: Ints, first: Ints,
        count: Ints,
    ) -> Blocks:  # fmt: skip
        """One row a stage; rounded as `search_spaces.layers` rounds."""
        expanded = np.maximum(np.rint(c_in * self.expand), 1).astype(np.int64)
        hidden = np.select(
            [self.op == BOTTLENECK, self.op == DSCONV, self.op == CONV],
            [self.channels // self.expand.astype(np.int64).clip(1), c_in, self.channels],
            expanded,
        )
        whole = (self.op == CONV) | (self.op == BOTTLENECK)
        se = self._squeezed(c_in, np.where(whole, self.channels, hidden))
        return Blocks(
            network, self.op, c_in, hidden, self.channels, self.kernel, stride, se,
            (self.expand != 1) | self.keeps, self.smooth, size, level, first, count,
        )  # fmt: skip

    def _squeezed(self, c_in: Ints, scaled: Ints) -> Ints:
        """Squeezed channels of SE, 0 for none."""
        exact = scaled * self.se
        eights = np.maximum(np.floor(exact + 4) // 8 * 8, 8)
        eights += 8 * (eights < 0.9 * exact)
        of_input = np.maximum(np.floor(c_in * self.se), 1)
        width = np.select(
            [self.se_from == FROM_CHANNELS, self.se_from == FROM_EXPANDED],
            [self.se, eights],
            of_input,
        )
        return np.where(self.se > 0, width, 0).astype(np.int64)


def _stages(architectures: Sequence[Architecture], steps: Ints) -> _Stages:
    stages = [stage for architecture in architectures for stage in architecture.stages]

    def column(field: str, kind: Any = np.int64, codes: dict[Any, int] | None = None) -> Any:
        values = map(attrgetter(field), stages)
        return np.fromiter(map(codes.__getitem__, values) if codes else values, kind, len(stages))

    default = np.repeat([SMOOTH_CODE[one.activation] for one in architectures], steps)
    own = column("activation", codes={None: -1, **SMOOTH_CODE})
    return _Stages(
        column("op", codes=OP), column("channels"), column("repeats"), column("kernel"),
        column("stride"),
        column("expand", np.float64), column("se", np.float64), column("se_from", codes=SE_FROM),
        column("keep_expansion", np.bool_), np.where(own < 0, default, own) > 0,
    )  # fmt: skip


def network_of(architecture: Architecture) -> Network:
    """The architecture as a list of blocks."""
    blocks, c_in = [], architecture.stem
    for stage in architecture.stages:
        for n in range(stage.repeats):
            stride = stage.stride if n == 0 else 1
            blocks.append(_block(stage, c_in, stride, architecture.activation))
            c_in = stage.channels
    a = architecture
    return Network(
        tuple(blocks), a.resolution, a.stem, a.head, a.mix, a.classes, a.stem_kernel,
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
