"""The stand-alone module against `search_spaces.builder.build`."""

import ast
import dataclasses

import pytest
import torch
from export_networks import ALL, POOLED, SMALL, architectures, at, difference, images, shaken
from hypothesis import given
from torch import nn

from results.export.to_torch import network, source
from search_spaces import NETWORKS
from search_spaces.builder import ResidualBlock, build, initialize


@given(architectures())
def test_any_network_has_our_keys_logits_and_drop_rates(architecture):
    ours, text = build(architecture, seed=0).eval(), source(architecture, "any_net")
    theirs = network(text, "any_net", ours.state_dict()).eval()
    assert list(theirs.state_dict()) == list(ours.state_dict())
    given = images(architecture)
    with torch.no_grad():
        assert torch.equal(theirs(given), ours(given))
    mine = [m.drop_connect for m in ours.modules() if isinstance(m, ResidualBlock)]
    assert [m.drop for m in theirs.modules() if type(m).__name__ == "Residual"] == mine
    dropout = next(m for m in theirs.modules() if isinstance(m, nn.Dropout))
    assert dropout.p == architecture.dropout
    assert max(map(len, text.split("\n"))) <= 100


@pytest.mark.parametrize("name", ALL)
def test_the_papers_networks_agree_with_statistics_that_matter(name):
    architecture = at(ALL[name], 64)
    ours = shaken(architecture)
    theirs = network(source(architecture, name), name, ours.state_dict()).eval()
    assert difference(ours, theirs, images(architecture)) <= 1e-4


def test_it_imports_torch_only_and_has_no_class_it_does_not_use():
    def names(architecture):
        tree = ast.parse(source(architecture, "net"))
        imports = {
            (node.module if isinstance(node, ast.ImportFrom) else node.names[0].name)
            for node in ast.walk(tree)
            if isinstance(node, ast.Import | ast.ImportFrom)
        }
        assert imports == {"torch"}
        kinds = ast.FunctionDef | ast.ClassDef
        return {node.name for node in tree.body if isinstance(node, kinds)}

    always = {"chain", "conv", "block", "Network", "model"}
    gates = {"SqueezeExcite", "squeeze"}
    assert names(NETWORKS["efficientnet_b0"]) == always | gates | {"mbconv", "Residual"}
    assert names(NETWORKS["mobilenet_v1"]) == always | {"dsconv"}
    assert names(NETWORKS["resnet_50"]) == always | {"bottleneck", "Residual"}
    kinds = {"mbconv", "plain", "fused", "dsconv", "bottleneck"}
    assert names(POOLED) == always | gates | {"Residual"} | kinds


def test_it_trains_as_ours_does():
    """The same initial weights from the same generator, and the same gradients."""
    exact = dataclasses.replace(SMALL, dropout=0.0, drop_connect=0.0)
    ours, theirs = build(exact), network(source(exact, "net"), "net")
    torch.manual_seed(3)
    initialize(ours)
    torch.manual_seed(3)
    theirs.initialize()
    for one in (ours, theirs):
        one(images(exact, 4)).square().sum().backward()
    pairs = zip(ours.named_parameters(), theirs.named_parameters(), strict=True)
    for (name, mine), (same, other) in pairs:
        assert name == same
        assert torch.equal(mine, other)
        assert torch.equal(mine.grad, other.grad)


def test_drop_connect_acts_in_training_only_and_keeps_the_mean():
    text = source(dataclasses.replace(SMALL, drop_connect=0.5), "net")
    theirs = network(text, "net").eval()
    assert torch.equal(theirs(images(SMALL)), theirs(images(SMALL)))
    block = theirs.stages[0][1].train()
    block.path = nn.Identity()
    given = torch.ones(20_000, 1, 1, 1)
    torch.manual_seed(0)
    dropped = block(given) - given
    assert {round(v, 4) for v in dropped.unique().tolist()} == {0.0, round(1 / (1 - 0.5 / 3), 4)}
    assert dropped.mean() == pytest.approx(1, abs=0.02)


def test_weights_of_another_network_are_refused():
    with pytest.raises(RuntimeError, match=r"size mismatch|Missing key"):
        network(source(SMALL, "net"), "net", build(POOLED).state_dict())
