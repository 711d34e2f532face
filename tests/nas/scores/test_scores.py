"""The scores: by hand, by their properties, and against what the authors' programs give."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.stats import kendalltau
from torch import nn

from nas.imagenet.evaluator import ImagenetEvaluator
from nas.scores.batch import noise_batch
from nas.scores.gradients import of_gradients
from nas.scores.naswot import log_determinant
from nas.scores.network import NoScore, activations, fresh, weights
from nas.scores.rank import ranked, tau
from nas.scores.registry import COSTS, SCORES, values
from nas.scores.twin import twin
from nas.scores.zen import once
from search_spaces import NETWORKS, Architecture, Stage, UserError, cost, space
from search_spaces.rounding import Size

ARCHITECTURE = Architecture(
    (Stage("mbconv", 8, 2, 3, 1, 3, 0.25), Stage("mbconv", 12, 2, 5, 2, 6)),
    stem=8, head=16, resolution=16, classes=4, activation="relu",
)  # fmt: skip
BATCH = noise_batch(Size(16, 16), classes=4, images=32)


def of(name: str, architecture: Architecture = ARCHITECTURE, seed: int = 0) -> float:
    return values(architecture, BATCH, [name], seed)[name]


# Printed by the measures of BayesWatch/nas-without-training and SamsungLabs/zero-cost-nas for the
# same network and batch; their ZiCo and Zen-score add up gradients and running statistics.
@pytest.mark.parametrize(
    ("name", "theirs"),
    [("naswot", 281.927488), ("synflow", math.log(77986173779.26189)), ("gradnorm", 2.986953487)],
)
def test_a_relu_network_has_the_score_of_the_authors_program(name, theirs):
    assert of(name) == pytest.approx(theirs, rel=1e-5)


def test_naswot_counts_the_units_whose_signs_agree():
    swish = replace(ARCHITECTURE, activation="swish")
    seen: list[np.ndarray] = []
    network = fresh(swish, 0)
    for module in activations(network):
        module.register_forward_pre_hook(lambda _, x: seen.append(x[0].detach().numpy().copy()))
    network(BATCH.images)
    codes = np.concatenate([layer.reshape(len(layer), -1) > 0 for layer in seen], 1)
    kernel = [[(a == b).sum() for b in codes] for a in codes]
    assert of("naswot", swish) == pytest.approx(np.linalg.slogdet(kernel)[1], rel=1e-5)


def test_naswot_of_an_image_that_is_there_twice_is_refused():
    with pytest.raises(NoScore, match="same codes"):
        log_determinant(torch.tensor([[5.0, 5, 1], [5, 5, 1], [1, 1, 5]]))


@pytest.mark.parametrize("activation", ["relu", "swish", "relu6"])
def test_the_flow_is_the_same_through_every_layer_of_a_chain(activation):
    """Conservation (Tanaka et al., theorem 1): each layer's sum of w * dR/dw is R."""
    stages = (Stage("conv", 6, 1, 3), Stage("conv", 5, 2, 3, 2, skip="none"))
    chain = replace(ARCHITECTURE, stages=stages, activation=activation)
    flow = torch.ones(1, 3, 16, 16, dtype=torch.float64)
    for module in fresh(chain, 0).double().modules():
        if isinstance(module, nn.Conv2d | nn.AdaptiveAvgPool2d | nn.Flatten | nn.Linear):
            if hasattr(module, "weight"):
                module.weight.data.abs_()
            flow = module(flow)
    layers = len(weights(fresh(chain, 0)))
    assert layers == 6
    assert of("synflow", chain) == pytest.approx(math.log(layers * flow.sum().item()))


def test_zico_by_hand():
    first = [torch.tensor([1.0, 4.0, 2.0]), torch.tensor([3.0])]
    second = [torch.tensor([3.0, -2.0, 2.0]), torch.tensor([3.0])]
    # mean |g| / spread: (1 + 3) / 2 / 1 and (4 + 2) / 2 / 3; the others never change
    assert of_gradients([first, second]) == pytest.approx(math.log(2 + 1))
    with pytest.raises(NoScore, match="no gradient differs"):
        of_gradients([first, first])


def test_zico_is_of_the_gradients_of_both_halves():
    network = fresh(ARCHITECTURE, 0)
    halves = []
    for images, labels in zip(BATCH.images.chunk(2), BATCH.labels.chunk(2), strict=True):
        loss = nn.functional.cross_entropy(network(images), labels)
        halves.append(torch.autograd.grad(loss, weights(network)))
    assert of("zico") == pytest.approx(of_gradients(halves), rel=2e-3)  # small spreads: float32


def test_zen_does_not_see_residuals_and_squeeze_and_excitation():
    stages = [replace(stage, se=0.0, skip="none") for stage in ARCHITECTURE.stages]
    plain = replace(ARCHITECTURE, stages=tuple(stages), classes=7)
    assert of("zen", plain) == of("zen")


def test_zen_of_one_layer_by_hand():
    trunk = nn.Sequential(nn.Conv2d(3, 5, 3, padding=1, bias=False), nn.BatchNorm2d(5, 1e-9))
    score = once(trunk.requires_grad_(False), (4, 3, 8, 8), torch.Generator().manual_seed(0))
    generator = torch.Generator().manual_seed(0)
    weight = torch.empty(5, 3, 3, 3).normal_(generator=generator)
    x, e = (torch.randn((4, 3, 8, 8), generator=generator) for _ in range(2))
    outputs = [nn.functional.conv2d(one, weight, padding=1) for one in (x, x + 0.01 * e)]
    normal = [(y - y.mean((0, 2, 3), True)) / y.std((0, 2, 3), correction=0, keepdim=True)
              for y in outputs]  # fmt: skip
    moved = (normal[0] - normal[1]).flatten(1).norm(dim=1).mean()
    scale = outputs[0].var((0, 2, 3), correction=0).mean().sqrt()
    assert score == pytest.approx(float(moved.log() + scale.log()), rel=1e-5)


def test_more_layers_have_more_of_zen_and_synflow():
    deeper = replace(ARCHITECTURE, stages=(*ARCHITECTURE.stages, Stage("mbconv", 12, 2, 3, 1, 6)))
    for name in ("zen", "synflow", "naswot"):
        assert of(name, deeper) > of(name)


def test_a_score_is_the_same_for_the_same_seed_and_finite_for_every_activation():
    found = values(ARCHITECTURE, BATCH, seed=3)
    assert found == values(ARCHITECTURE, BATCH, seed=3)
    assert found != values(ARCHITECTURE, BATCH, seed=4)
    assert list(found) == list(SCORES)
    for activation in ("swish", "relu6", "hard_swish"):
        network = replace(ARCHITECTURE, activation=activation)
        assert all(map(math.isfinite, values(network, BATCH).values()))


def test_costs_are_scores_too_and_an_unknown_name_is_refused():
    found = values(ARCHITECTURE, BATCH, COSTS)
    assert found == {"macs": cost(ARCHITECTURE).macs, "params": cost(ARCHITECTURE).params}
    with pytest.raises(UserError, match=r"naswott.*expected one of naswot"):
        values(ARCHITECTURE, BATCH, ["naswott"])


def test_tau_is_kendalls_and_its_interval_holds_it():
    rng = np.random.default_rng(0)
    accuracy = rng.normal(size=30).round(1)
    score = accuracy + rng.normal(size=30)
    assert tau(score, accuracy) == pytest.approx(kendalltau(score, accuracy).statistic)
    found = ranked(score, accuracy, rng.normal(size=30))
    assert found.low < found.tau < found.high
    assert found.gain_low < found.gain < found.gain_high
    assert ranked(score, accuracy, score).gain_low == 0
    assert tau([1, 1, 1], [1, 2, 3]) == 0


def test_the_twin_of_a_small_network_is_one_that_the_imagenet_model_knows():
    where = space("efficientnet-small")
    small = where.build({name: options[-1] for name, options in where.choices.items()})
    twins = twin(small)
    assert (twins.stem_stride, *(stage.stride for stage in twins.stages)) == (2, 1, 2, 2, 2, 1, 2)
    assert ImagenetEvaluator().predict([twins])[0][0] > 50
    b0 = NETWORKS["efficientnet_b0"]
    assert twin(b0) == b0
