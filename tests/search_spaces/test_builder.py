"""The torch networks: published initial weights, batch normalization, drop-connect."""

import math
from collections import Counter

import pytest
import torch
from torch import nn

from search_spaces import NETWORKS, Architecture, Stage
from search_spaces.builder import ResidualBlock, build, drop_connect

torch.set_num_threads(1)
SMALL = Architecture((Stage("mbconv", 8, 3, expand=2, se=0.25),), stem=8, head=16, resolution=20)


@pytest.fixture(scope="module")
def b0() -> nn.Module:
    return build(NETWORKS["efficientnet_b0"], seed=0)


@pytest.mark.parametrize("net", [SMALL, NETWORKS["mnasnet_small"], NETWORKS["mobilenet_v1"]])
def test_one_row_of_logits_for_each_image(net):
    images = torch.zeros(2, 3, 33, 33)
    assert build(net, seed=0)(images).shape == (2, 1000)


def test_initial_weights_have_the_published_spread(b0):
    convs = [layer for layer in b0.modules() if isinstance(layer, nn.Conv2d)]
    assert sum(conv.groups > 1 for conv in convs) == 16
    for conv in convs:
        k = conv.kernel_size[0]
        fan_out = k * k if conv.groups > 1 else k * k * conv.out_channels
        expected, n = math.sqrt(2 / fan_out), conv.weight.numel()
        assert abs(conv.weight.std() / expected - 1) < 5 / math.sqrt(2 * n)
        assert abs(conv.weight.mean()) < 5 * expected / math.sqrt(n)
        assert conv.bias is None or not conv.bias.any()
    linear = next(layer for layer in b0.modules() if isinstance(layer, nn.Linear))
    weight = linear.weight.detach()
    assert weight.abs().max() == pytest.approx(1000**-0.5, rel=1e-3)
    assert weight.std() == pytest.approx((3 * 1000) ** -0.5, rel=1e-2)
    assert not linear.bias.any()


def test_batch_normalization_is_the_papers(b0):
    norms = [layer for layer in b0.modules() if isinstance(layer, nn.BatchNorm2d)]
    assert len(norms) == 49
    assert {(n.eps, n.momentum) for n in norms} == {(1e-3, 0.01)}
    other = build(SMALL, seed=0, bn_eps=1e-5, bn_momentum=0.1)
    norms = [layer for layer in other.modules() if isinstance(layer, nn.BatchNorm2d)]
    assert {(n.eps, n.momentum) for n in norms} == {(1e-5, 0.1)}


def test_dropout_and_activations(b0):
    assert [layer.p for layer in b0.modules() if isinstance(layer, nn.Dropout)] == [0.2]
    # stem, head, and two of every block but the first, whose expansion is 1; one in every SE
    assert sum(isinstance(layer, nn.SiLU) for layer in b0.modules()) == 2 + 15 * 2 + 1 + 16
    relu6 = build(NETWORKS["mobilenet_v2"], seed=0)
    assert sum(isinstance(layer, nn.ReLU6) for layer in relu6.modules()) == 2 + 16 * 2 + 1


def test_activations_by_stage_gates_and_the_layer_after_the_pooling():
    net = Architecture(
        (
            Stage("mbconv", 8, 1, expand=2, se=0.25, activation="relu", gate="hard_sigmoid"),
            Stage("mbconv", 8, 2, expand=2.5, se=4, se_from="channels", se_activation="relu6"),
        ),
        stem=8, head=16, mix=24, mix_bias=False, resolution=20, activation="hard_swish",
    )  # fmt: skip
    network = build(net, seed=0)
    kinds = Counter(type(layer) for layer in network.modules())
    # relu: two of the first block and one of its SE; hard-swish: stem, two blocks' two, head, mix
    assert (kinds[nn.ReLU], kinds[nn.Hardswish], kinds[nn.ReLU6]) == (3, 1 + 4 + 2, 2)
    assert (kinds[nn.Hardsigmoid], kinds[nn.Sigmoid]) == (1, 2)
    widths = [m.reduce.out_channels for m in network.modules() if hasattr(m, "reduce")]
    assert widths == [2, 4, 4]
    mix, classifier = (m for m in network.modules() if isinstance(m, nn.Linear))
    assert (mix.in_features, mix.out_features, mix.bias) == (16, 24, None)
    assert classifier.in_features == 24
    assert network(torch.zeros(2, 3, 20, 20)).shape == (2, 1000)


def test_the_drop_connect_rate_of_block_i_of_n_is_i_nths_of_the_whole(b0):
    blocks = [one for stage in b0.stages for one in stage]
    rates = {i: b.drop_connect for i, b in enumerate(blocks) if isinstance(b, ResidualBlock)}
    assert len(blocks) == 16
    assert sorted(rates) == [2, 4, 6, 7, 9, 10, 12, 13, 14]  # stride 1 and in = out
    assert rates == {i: pytest.approx(0.2 * i / 16) for i in rates}


def test_drop_connect_drops_whole_samples_and_keeps_the_mean():
    torch.manual_seed(0)
    dropped = drop_connect(torch.ones(20_000, 2, 1, 3), 0.3)
    assert torch.equal(dropped, dropped[:, :1, :, :1].expand_as(dropped))
    assert {round(v, 4) for v in dropped.unique().tolist()} == {0.0, round(1 / 0.7, 4)}
    assert dropped.mean() == pytest.approx(1, abs=0.03)  # four standard deviations: 0.019


def test_drop_connect_and_dropout_act_in_training_only():
    network, images = build(SMALL, seed=0), torch.randn(8, 3, 20, 20)
    for layer in network.modules():
        if isinstance(layer, nn.BatchNorm2d):
            layer.momentum = 0.0
    assert not torch.equal(network(images), network(images))
    network.eval()
    assert torch.equal(network(images), network(images))


def weights(seed: int | None) -> list[torch.Tensor]:
    return list(build(SMALL, seed=seed).state_dict().values())


def same(one: list[torch.Tensor], other: list[torch.Tensor]) -> bool:
    return all(map(torch.equal, one, other))


def test_a_seed_gives_the_weights_and_leaves_torchs_generator_alone():
    torch.manual_seed(5)
    before = weights(3)
    torch.manual_seed(6)
    assert same(weights(3), before)
    assert not same(weights(4), before)
    torch.manual_seed(5)
    drawn = weights(None)
    torch.manual_seed(5)
    assert same(weights(None), drawn)
    assert not same(weights(None), drawn)
