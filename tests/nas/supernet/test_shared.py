"""A space's shared weights: whose they are, what a child takes of them, and what it leaves alone.

That a child computes what the largest network computes with the rest switched off is held in
tests/nas/parent/test_inherit.py, for the first channels as for the largest.
"""

import random
from dataclasses import replace

import pytest
import torch
from torch import nn

from nas.supernet.children import logits, network_of, part_of
from nas.supernet.hull import hull, outside
from search_spaces import NETWORKS, OutOfDomain, UserError, space, table_space
from search_spaces.builder import build
from search_spaces.space import fixed

STAGES = [
    {"channels": [8, 16], "expand": [1, 2, 4], "kernel": [3, 5], "repeats": [1, 2], "se": [0, 0.3]},
    {"channels": [16, 24], "expand": [2, 3], "kernel": [3, 5], "repeats": [2, 1, 3], "stride": 2},
]  # fmt: skip
ENDS = {"stem": [16, 8], "head": [24, 32], "resolution": [16, 24], "classes": 5, "stem_stride": 1}


def tiny(name="tiny", first=None, **ends):
    return table_space(name, [{**STAGES[0], **(first or {})}, STAGES[1]], {**ENDS, **ends})


def shared(network):
    return network.state_dict(keep_vars=True)


def moved(network):
    """The network with statistics that are not the initial ones, evaluating."""
    torch.manual_seed(3)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.normal_(module.running_mean, 0, 0.2)
            nn.init.uniform_(module.running_var, 0.5, 1.5)
    return network.eval()


# Whose weights they are


def test_the_hull_is_largest_in_every_field_whatever_the_order_of_options():
    ends = hull(tiny())
    stages = ends.largest.stages
    assert [(s.channels, s.repeats, s.kernel, s.expand, s.se) for s in stages] == [
        (16, 2, 5, 4, 0.3), (24, 3, 5, 3, 0.0),
    ]  # fmt: skip
    assert (ends.largest.stem, ends.largest.head, ends.largest.resolution) == (16, 32, 24)
    small = [(s.channels, s.repeats, s.kernel) for s in ends.smallest.stages]
    assert small == [(8, 1, 3), (16, 1, 3)]
    assert (ends.smallest.stem, ends.smallest.resolution) == (8, 16)


def test_a_space_inside_a_network_has_it_as_its_hull():
    assert hull(space("inside:resnet_50")).largest == NETWORKS["resnet_50"]


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (lambda: space("mnasnet"), "stage0 has op conv or mbconv; keep op to one of them"),
        (lambda: space("mbconv"), "its networks have 6 or 7 stages"),
        (lambda: tiny(first={"stride": [1, 2]}), "stage0 has stride 1 or 2"),
        (lambda: tiny(first={"skip": ["identity", "none"]}), "stage0 has skip identity or none"),
        (lambda: tiny(first={"se_from": ["input", "expanded"], "se": 0.25}), "se_from expanded or"),
        (lambda: tiny(activation=["relu", "swish"]), "its networks have activation relu or swish"),
        (lambda: tiny(head=[0, 32]), "some of its networks have a head conv"),
        (lambda: tiny(first={"expand": [0.5, 1]}), r"has no stages.0.0.*expand, which others have"),
    ],
)
def test_what_cannot_be_shared_is_refused_and_named(made, said):
    with pytest.raises(UserError, match=said):
        hull(made())


def test_a_network_outside_is_named_by_what_it_has():
    largest = hull(tiny()).largest
    first, second = largest.stages
    for other, said in (
        (replace(largest, classes=10), "its classes is 10"),
        (replace(largest, resolution=32), "it is for 32 px"),
        (replace(largest, stages=(replace(first, kernel=7), second)), "stage 0 has kernel 7"),
        (replace(largest, stages=(replace(first, op="fused"), second)), "stage 0 has op fused"),
        (replace(largest, stages=(first,)), "it has 1 stages"),
    ):
        assert said in outside(largest, other)
        with pytest.raises(OutOfDomain, match="not inside the supernet"):
            part_of(other, largest, {})


# What a child takes


def test_the_largest_is_the_shared_network_bit_for_bit():
    largest = hull(tiny()).largest
    network = moved(build(largest, seed=1))
    images = torch.randn(3, 3, 24, 24)
    with torch.no_grad():
        assert torch.equal(network_of(largest, largest, shared(network))(images), network(images))
        whole = replace(largest, dropout=0.0, drop_connect=0.0)
        trains = build(whole, seed=1).train()
        said = logits(largest, largest, shared(trains), images)
        assert torch.equal(said, trains(images))


@pytest.mark.parametrize("seed", range(4))
def test_gradients_reach_exactly_the_part_and_statistics_stay(seed):
    where = tiny()
    largest, rng = hull(where).largest, random.Random(seed)
    child = where.build(where.sample(rng))
    network = build(largest, seed=seed)
    state = shared(network)
    before = {name: tensor.detach().clone() for name, tensor in state.items()}
    said = logits(child, largest, state, torch.randn(8, 3, 24, 24))
    said.square().sum().backward()
    marked = {name: torch.zeros_like(tensor) for name, tensor in before.items()}
    for tensor in part_of(child, largest, marked).values():
        tensor.fill_(1)
    for name, parameter in network.named_parameters():
        used = marked[name].bool()
        gradient = torch.zeros_like(parameter) if parameter.grad is None else parameter.grad
        assert not gradient[~used].any(), name
        if used.any() and name.endswith("0.weight"):
            assert gradient[used].any(), name
    for name, tensor in network.state_dict().items():
        assert torch.equal(tensor, before[name]), name


def test_without_expansion_a_block_reads_its_input_by_the_first_kernels():
    where = fixed(tiny(), {"resolution": 16})
    largest = hull(where).largest
    values = {name: options[0] for name, options in where.choices.items()} | {"stage0.expand": 1}
    child = where.build(values)
    network = moved(build(largest, seed=2))
    own = network_of(child, largest, shared(network)).eval()
    block, its = own.get_submodule("stages.0.0"), network.get_submodule("stages.0.0")
    depthwise = getattr(its, "path", its).depthwise[0].weight
    n = child.stem
    mine = getattr(block, "path", block).depthwise[0].weight
    assert torch.equal(mine, depthwise[:n, :, 1:4, 1:4])
    assert own(torch.randn(2, 3, 16, 16)).shape == (2, 5)


def test_a_child_of_fewer_pixels_sees_the_images_resized():
    where = tiny()
    largest = hull(where).largest
    network = build(largest, seed=0)
    small = replace(largest, resolution=16)
    images = torch.randn(4, 3, 24, 24)
    fewer = nn.functional.interpolate(images, (16, 16), mode="bilinear", antialias=True)
    with torch.no_grad():
        said = logits(small, largest, shared(network), images)
        wanted = logits(small, largest, shared(network), fewer)
        assert torch.allclose(said, wanted, atol=1e-5)
        whole = logits(largest, largest, shared(network), images)
        assert not torch.allclose(said, whole, atol=1e-2)
