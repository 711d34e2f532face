"""Weights under the names that people have: wrappers, counters, timm's, and order alone."""

import pytest
import torch

from results.export.names import our_names
from results.export.to_timm import timm_names
from search_spaces import Architecture, Stage
from search_spaces.builder import build

NETWORK = Architecture(
    (
        Stage("mbconv", 8, se=0.25), Stage("mbconv", 16, repeats=2, stride=2, expand=6, se=0.25),
        *(Stage("mbconv", 16 + 8 * n, expand=4) for n in range(10)),
    ),
    stem=8, head=32, resolution=32, classes=5,
)  # fmt: skip


@pytest.fixture(scope="module")
def state():
    torch.manual_seed(0)
    return {
        k: torch.randn(v.shape) if v.ndim else v for k, v in build(NETWORK).state_dict().items()
    }


def read(given):
    return our_names(given, NETWORK, build(NETWORK).state_dict())


def same(found, state):
    return list(map(str, sorted(found))) == sorted(state) and all(
        torch.equal(found[name], tensor) for name, tensor in state.items()
    )


@pytest.mark.parametrize("prefix", ["", "module.", "_orig_mod.", "model.", "_orig_mod.module.net."])
def test_wrappers_and_counters_are_taken_off(state, prefix):
    given = {prefix + name: tensor for name, tensor in state.items()}
    given["n_averaged"] = torch.tensor(3)
    given[f"{prefix}stem.total_ops"] = torch.zeros(1)
    assert same(read(given), state)


def test_missing_counts_are_zero(state):
    given = {k: v for k, v in state.items() if not k.endswith("num_batches_tracked")}
    assert same(read(given), state)


def test_timms_names_in_any_order_and_wrapped(state):
    theirs = timm_names(NETWORK)
    given = {}
    for name, tensor in sorted(state.items(), reverse=True):
        module, _, leaf = name.rpartition(".")
        given[f"module.{theirs[module]}.{leaf}"] = tensor
    assert same(read(given), state)


def modules(state):
    return list(dict.fromkeys(name.rpartition(".")[0] for name in state))


def renamed(state, names):
    new = dict(zip(modules(state), names, strict=True))
    parts = ((name.rpartition("."), tensor) for name, tensor in state.items())
    return {f"{new[module]}.{leaf}": tensor for (module, _, leaf), tensor in parts}


def test_by_order_where_names_say_nothing(state):
    assert same(read(renamed(state, [f"layer_{n}" for n in range(len(modules(state)))])), state)


def test_by_numbers_where_the_file_is_sorted(state):
    given = renamed(state, [f"features.{n}" for n in range(len(modules(state)))])
    assert same(read(dict(sorted(given.items()))), state)


def test_by_the_layers_of_efficientnet_pytorch_where_the_file_is_sorted(state):
    names, block = ["_conv_stem", "_bn0"], -1
    for stage in NETWORK.stages:
        for _ in range(stage.repeats):
            block += 1
            path = ["_expand_conv", "_bn0"] if stage.expand != 1 else []
            path += ["_depthwise_conv", "_bn1"]
            path += ["_se_reduce", "_se_expand"] if stage.se else []
            names += [f"_blocks.{block}.{part}" for part in [*path, "_project_conv", "_bn2"]]
    given = renamed(state, [*names, "_conv_head", "_bn1", "_fc"])
    assert same(read(given), state)
    assert same(read(dict(sorted(given.items()))), state)


@pytest.mark.parametrize("digit", ["", "²", "①"])  # digits that are no number
def test_another_network_keeps_its_names(digit, state):
    other = {f"x.{n}{digit}": torch.zeros(n + 1) for n in range(3)}
    other |= {f"x.{digit}.y": torch.zeros(5)}
    assert set(other) <= set(read(other))
