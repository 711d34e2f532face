"""What a network costs, in microseconds: MACs, parameters, activations, peak memory.

MACs are multiply-adds of conv and linear layers, squeeze-and-excitation included; batch
normalization, activations and pooling are not counted. 1 MAC is 2 FLOPs where a tool counts
additions and products apart; "FLOPS" in the EfficientNet and MnasNet papers are MACs.
"""

import functools
from collections.abc import Iterable
from typing import NamedTuple

from search_spaces.architecture import Architecture, Stage
from search_spaces.layers import (
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

BYTES = 4  # float32


class Cost(NamedTuple):
    """What a network costs at batch 1 and its resolution.

    Attributes:
        macs: Multiply-adds.
        params: Weights, biases, batch normalization's scale and shift.
        activations: Elements of all conv and linear outputs (Radosavovic et al. 2020, sec. 3).
        live: The largest number of activation elements alive at once during inference, with batch
            normalization folded, activations and SE products in place, and a block's input kept
            while its shortcut needs it.
    """

    macs: int
    params: int
    activations: int
    live: int

    @property
    def flops(self) -> int:
        """2 per multiply-add."""
        return 2 * self.macs

    @property
    def activation_memory(self) -> int:
        """Bytes of the largest set of live activations, float32, batch 1."""
        return BYTES * self.live

    @property
    def memory(self) -> int:
        """Peak bytes of inference, float32, batch 1: weights and live activations."""
        return BYTES * (self.params + self.live)

    @property
    def columns(self) -> dict[str, int]:
        """The figures that every table and JSON file has, by name."""
        return {
            "macs": self.macs,
            "params": self.params,
            "activations": self.activations,
            "memory": self.memory,
        }


def layer_cost(layer: Layer) -> Cost:
    """The cost of one primitive layer; `live` is its input and its output."""
    _, kind, c_in, c_out, (high, wide), (height, width), *_ = layer
    pixels = height * width
    before, after = c_in * high * wide, c_out * pixels
    if kind == "conv":
        weights = layer.kernel**2 * (c_in // layer.groups) * c_out
        params = weights + 2 * c_out * layer.norm
        return Cost(weights * pixels, params, after, before + after)
    if kind == "linear":
        return Cost(c_in * c_out, c_in * c_out + c_out * layer.bias, c_out, before + after)
    if kind == "se":  # a product in place
        weights, between = 2 * c_in * c_out, c_in + c_out
        return Cost(weights, weights + between, between, before + between)
    return Cost(0, 0, 0, before + after)


def total(costs: Iterable[Cost]) -> Cost:
    """Costs one after the other: sums, and the largest `live`."""
    macs, params, activations, live = zip(*costs, strict=True)
    return Cost(sum(macs), sum(params), sum(activations), max(live))


def block_cost(block: Block) -> Cost:
    """The cost of a block; its input stays alive while a shortcut needs it."""
    macs, params, activations, live = layer_cost(block.path[0])
    held = block.path[0].elements_in if block.residual else 0
    for layer in block.path[1:]:
        more = layer_cost(layer)
        macs, params, activations = macs + more[0], params + more[1], activations + more[2]
        live = max(live, more[3] + held)
    if block.residual:
        joined = held + block.path[-1].elements_out
        if block.shortcut is not None:
            side = layer_cost(block.shortcut)
            macs, params, activations = macs + side[0], params + side[1], activations + side[2]
            joined += block.shortcut.elements_out
        live = max(live, joined)
    return Cost(macs, params, activations, live)


@functools.lru_cache(maxsize=1 << 17)
def stage_cost(stage: Stage, c_in: int, size: Size) -> Cost:
    """The cost of a stage on `c_in` channels of this size. Cached."""
    first, *rest = stage_blocks(stage, c_in, size)
    whole = block_cost(first)
    if not rest:
        return whole
    later, n = block_cost(rest[0]), len(rest)  # the blocks after the first are equal
    return Cost(
        whole.macs + n * later.macs,
        whole.params + n * later.params,
        whole.activations + n * later.activations,
        max(whole.live, later.live),
    )


@functools.lru_cache(maxsize=1 << 12)
def ends_cost(ends: Ends) -> Cost:
    """The cost of stem and head together. Cached."""
    return total((block_cost(stem(ends)), block_cost(head(ends))))


def cost(architecture: Architecture) -> Cost:
    """The exact cost of a network: a sum of cached look-ups, about 10 microseconds.

    What `costs.remember` found for it is not counted again.
    """
    if (known := architecture.__dict__.get("_cost")) is not None:
        return known  # type: ignore[no-any-return]
    inputs = stage_inputs(architecture)
    macs, params, activations, live = ends_cost(ends_of(architecture, inputs))
    for stage, channels, size in inputs:
        part = stage_cost(stage, channels, size)
        macs += part[0]
        params += part[1]
        activations += part[2]
        if part[3] > live:
            live = part[3]
    return Cost(macs, params, activations, live)
