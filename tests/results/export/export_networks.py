"""The networks that exports are checked on, and weights that every layer matters for."""

from dataclasses import replace

import torch
from random_networks import architectures
from torch import nn

from search_spaces import NETWORKS, Architecture, Stage
from search_spaces.builder import build

__all__ = ["ALL", "POOLED", "SMALL", "architectures", "at", "difference", "images", "shaken"]
torch.set_num_threads(1)

POOLED = Architecture(
    name="pooled",
    stages=(
        Stage("mbconv", 16, 2, 3, 1, 3, 0.25, "pool"),
        Stage("conv", 16, 2, 3, 1, skip="pool"),
        Stage("fused", 24, 2, 5, 2, 2, 0.25, "none"),
        Stage("dsconv", 24, 2, 3, 1),
        Stage("bottleneck", 32, 2, 3, 2, 4),
        Stage("bottleneck", 32, 2, 3, 2, 4, skip="pool"),
    ),
    stem=16, head=40, resolution=64, classes=12, activation="relu6", stem_pool=True,
)  # fmt: skip
SMALL = Architecture(
    name="small", stages=(Stage("mbconv", 8, 3, expand=2, se=0.25),), stem=8, head=16,
    resolution=20, classes=3,
)  # fmt: skip
MOBILENET_V3 = NETWORKS["mobilenet_v3_small"]
LATER = Architecture(  # every field that came after the first version, unlike in each stage
    name="later",
    stages=(
        Stage("mbconv", 16, 2, 3, 1, 1, 0.25, activation="relu", keep_expansion=True),
        Stage("mbconv", 24, 2, 5, 2, 2.5, 9, activation="hard_swish", se_from="channels",
              se_activation="relu6"),
        Stage("fused", 24, 2, 3, 1, 1.5, 0.25, se_from="expanded", gate="hard_sigmoid"),
        Stage("conv", 32, 2, 3, 2, se=0.5, activation="relu6"),
        Stage("bottleneck", 32, 2, 3, 2, 4, activation="relu"),
    ),
    stem=16, head=40, mix=24, mix_bias=False, resolution=64, classes=12,
)  # fmt: skip
ALL = {**NETWORKS, "later": LATER, "pooled": POOLED, "small": SMALL}


def shaken(architecture: Architecture, seed: int = 0) -> nn.Module:
    """Our network in eval mode with random statistics and scales of batch normalization."""
    network = build(architecture, seed=seed)
    generator = torch.Generator().manual_seed(seed)
    for layer in network.modules():
        if isinstance(layer, nn.BatchNorm2d):
            layer.running_mean.normal_(0, 0.1, generator=generator)
            layer.running_var.uniform_(0.5, 1.5, generator=generator)
            with torch.no_grad():
                layer.weight.uniform_(0.5, 1.5, generator=generator)
                layer.bias.normal_(0, 0.1, generator=generator)
    return calibrated(network.eval(), architecture)


def calibrated(network: nn.Module, architecture: Architecture) -> nn.Module:
    """The network with the classifier's weights scaled so that logits spread by about 1: an
    untrained network's are 1e-5 or 1e+3, where 1e-4 would say nothing or too much."""
    with torch.no_grad():
        logits = network(images(architecture, 2))
        network.head.classifier[1].weight.div_(logits.std())
    return network


def images(architecture: Architecture, count: int = 2) -> torch.Tensor:
    shape = architecture.in_channels, *architecture.size
    return torch.randn(count, *shape, generator=torch.Generator().manual_seed(7))


def at(architecture: Architecture, pixels: int) -> Architecture:
    """The same weights at another resolution, to be quick."""
    return replace(architecture, resolution=pixels)


def difference(ours: nn.Module, theirs: nn.Module, given: torch.Tensor) -> float:
    with torch.no_grad():
        wanted, found = ours(given), theirs(given)
    assert wanted.std() > 0.1
    return float((wanted - found).abs().max())
