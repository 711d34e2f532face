"""The cost model against counts that know nothing of it: fvcore, torch, brute force."""

import dataclasses
import random
import time
import warnings
from collections.abc import Iterable

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from random_networks import architectures, stages
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from search_spaces import NETWORKS, SPACES, Architecture, Stage, cost, space
from search_spaces.builder import Fixed, block_module, build, counted, fvcore_macs
from search_spaces.cost import block_cost, stage_cost
from search_spaces.layers import Block, Layer, stage_blocks, walk
from search_spaces.rounding import Size, se_width

torch.set_num_threads(1)


FIXED = Fixed("relu", 0.0, {"eps": 1e-3, "momentum": 0.01})


def random_networks(name: str, n: int) -> list[Architecture]:
    where, rng = space(name), random.Random(name)
    return [where.build(where.sample(rng)) for _ in range(n)]


def small_ones(name: str, n: int) -> list[Architecture]:
    """Networks of at most 80 pixels: fvcore runs them."""
    nets = random_networks(name, n)
    return [dataclasses.replace(net, resolution=min(net.resolution, 80)) for net in nets]


def by_blocks(net: Architecture, known: dict[Block, int]) -> int:
    """The sum of what fvcore counts in each block of a network; a block is counted once."""
    blocks = [block for _, block in walk(net)]
    for block in {*blocks} - known.keys():
        first = block.path[0]
        image = torch.zeros(1, first.in_channels, *first.size_in)
        known[block] = counted(block_module(block, FIXED).eval(), image)
    return sum(known[block] for block in blocks)


@pytest.mark.parametrize("name", SPACES)
def test_macs_are_fvcores(name):
    nets, known = small_ones(name, 3), {}
    for net in nets:
        assert fvcore_macs(net) == by_blocks(net, known) == cost(net).macs


@pytest.mark.slow
@pytest.mark.parametrize("name", SPACES)
def test_macs_are_fvcores_on_100_networks(name):
    known = {}
    for net in small_ones(name, 100):
        assert by_blocks(net, known) == cost(net).macs


@pytest.mark.parametrize("name", ["resnet_50", "mobilenet_v1", "efficientnet_b0"])
def test_published_macs_are_fvcores(name):
    assert fvcore_macs(NETWORKS[name]) == cost(NETWORKS[name]).macs


@pytest.mark.slow
@settings(max_examples=35)  # each is built in torch
@given(architectures())
def test_macs_params_activations_and_shapes_are_torchs(net):
    """Every kind of block, at odd sizes too: what torch runs is what the walk says."""
    module, ran = build(net, seed=0).eval(), []
    for layer in module.modules():
        if isinstance(layer, nn.Conv2d | nn.Linear):
            layer.register_forward_hook(lambda _, __, out: ran.append(tuple(out.shape[1:])))
    image = torch.zeros(1, net.in_channels, *net.size)
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        assert module(image).shape == (1, net.classes)
    costs = cost(net)
    assert 2 * costs.macs == counter.get_total_flops()
    assert costs.params == sum(p.numel() for p in module.parameters())
    assert costs.activations == sum(torch.Size(shape).numel() for shape in ran)
    assert ran == list(walked(net))


def walked(net: Architecture):
    """The output shapes of convs and linear layers that the walk promises, in order."""
    for _, block in walk(net):
        for layer in block.layers:
            if layer.kind == "conv":
                yield layer.out_channels, *layer.size_out
            elif layer.kind == "se":
                yield layer.out_channels, 1, 1
                yield layer.in_channels, 1, 1
            elif layer.kind == "linear":
                yield (layer.out_channels,)


@settings(max_examples=12)
@given(architectures())
def test_activations_are_fvcores(net):
    from fvcore.nn import ActivationCountAnalysis

    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        image = torch.zeros(1, net.in_channels, *net.size)
        analysis = ActivationCountAnalysis(build(net, seed=0).eval(), image)
        counts = analysis.unsupported_ops_warnings(False).by_operator()
    assert cost(net).activations == counts["conv"] + counts["linear"]


def peak(blocks: Iterable[Block]) -> int:
    """The most elements alive at any step: each buffer from its first use to its last.

    A step is the set of buffers that an operation touches. Products and sums write over an
    input; a shortcut runs after its path.
    """
    blocks = list(blocks)
    sizes: list[int] = []
    steps: list[set[int]] = []

    def operation(elements: int, *reads: int) -> int:
        sizes.append(elements)
        steps.append({len(sizes) - 1, *reads})
        return len(sizes) - 1

    def layer_after(layer: Layer, x: int) -> int:
        if layer.kind == "se":
            pooled = operation(layer.in_channels, x)
            squeezed = operation(layer.out_channels, pooled)
            gate = operation(layer.in_channels, squeezed)
            steps.append({x, gate})
            return x
        return operation(layer.out_channels * layer.size_out.area, x)

    x = operation(blocks[0].path[0].in_channels * blocks[0].path[0].size_in.area)
    for block in blocks:
        y = x
        for layer in block.path:
            y = layer_after(layer, y)
        if block.residual:
            side = x if block.shortcut is None else layer_after(block.shortcut, x)
            steps.append({y, side})
        x = y
    first = {b: min(i for i, s in enumerate(steps) if b in s) for b in range(len(sizes))}
    last = {b: max(i for i, s in enumerate(steps) if b in s) for b in range(len(sizes))}
    return max(
        sum(size for b, size in enumerate(sizes) if first[b] <= i <= last[b])
        for i in range(len(steps))
    )


@given(architectures())
def test_live_is_the_peak_of_a_simulated_run(net):
    assert cost(net).live == peak(block for _, block in walk(net))


@settings(max_examples=200)
@given(
    stages(),
    st.sampled_from((1, 2, 4, 8, 16)),
    st.builds(Size, st.integers(1, 9), st.integers(1, 9)),
)
def test_live_of_every_kind_of_block(stage, c_in, size):
    blocks = list(stage_blocks(stage, c_in, size))
    assert [block_cost(block).live for block in blocks] == [peak([block]) for block in blocks]
    assert stage_cost(stage, c_in, size).live == peak(blocks)


@pytest.mark.parametrize("name", NETWORKS)
def test_memory_of_the_published_networks(name):
    net = NETWORKS[name]
    most = peak(block for _, block in walk(net))
    assert cost(net).activation_memory == 4 * most
    assert cost(net).memory == 4 * (cost(net).params + most)


def test_squeezed_channels_are_rounded_down_and_never_none():
    assert [se_width(c, 0.25) for c in (1, 3, 4, 7, 11, 16, 24)] == [1, 1, 1, 1, 2, 4, 6]


def test_a_cached_stage_costs_what_a_fresh_one_does():
    stage = Stage("mbconv", 24, 3, 5, 2, 6, 0.25)
    assert stage_cost(stage, 16, Size(57, 57)) == stage_cost.__wrapped__(stage, 16, Size(57, 57))
    assert stage_cost(stage, 16, Size(57, 57)) != stage_cost(stage, 16, Size(56, 57))


def seconds_of(work: Iterable[object]) -> float:
    """Processor's seconds that it takes to go through something."""
    begun = time.process_time()
    for _ in work:
        pass
    return time.process_time() - begun


@pytest.mark.slow
@pytest.mark.parametrize("name", SPACES)
def test_networks_never_seen_are_costed_many_times_quicker_than_by_fvcore(name):
    # A ratio, and the better of four parts: a busy machine slows both sides alike.
    nets = random_networks(name, 1200)
    smallest = min(nets, key=lambda net: cost(net).macs)
    stage_cost.cache_clear()
    ratios = []
    for part in range(0, 1200, 300):
        quick = seconds_of(map(cost, nets[part : part + 300])) / 300
        ratios.append(seconds_of(map(fvcore_macs, [smallest])) / quick)
    print(f"{name}: {max(ratios):,.0f} times")
    assert max(ratios) >= 300


@pytest.mark.slow
def test_cost_is_a_thousand_times_quicker_than_fvcore_where_stages_recur():
    net = NETWORKS["efficientnet_b0"]
    cost(net), fvcore_macs(net)
    slow = seconds_of(map(fvcore_macs, [net]))
    assert slow / (seconds_of(map(cost, [net] * 1000)) / 1000) >= 1000
