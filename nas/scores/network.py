"""Untrained networks as scores take them, and the parts of them that scores look at."""

from collections.abc import Callable
from dataclasses import replace

import torch
from torch import Tensor, nn

from nas.training.loop import prepare
from search_spaces.architecture import Architecture
from search_spaces.builder import ACTIVATIONS, Network, ResidualBlock, SqueezeExcite, build


class NoScore(ArithmeticError):
    """This network and this batch have no such score; the message says why."""


def fresh(architecture: Architecture, seed: int) -> Network:
    """A network with its initial weights, without dropout and drop-connect, in training mode.

    Batch normalization so takes the statistics of the batch.

    Args:
        architecture: What is built.
        seed: Of the weights.
    """
    return build(replace(architecture, dropout=0.0, drop_connect=0.0), seed=seed)


def quick(network: nn.Module) -> nn.Module:
    """The same network laid out for the CPU; its numbers are those of another order of sums."""
    return prepare(network, torch.device("cpu"))


def activations(network: nn.Module) -> list[nn.Module]:
    """The nonlinear units between layers; SE's gates are none of them."""
    kinds = tuple(ACTIVATIONS.values())
    return [module for module in network.modules() if isinstance(module, kinds)]


def weights(network: nn.Module) -> list[Tensor]:
    """The weights of convs and linear layers, in order."""
    kinds = (nn.Conv2d, nn.Linear)
    return [module.weight for module in network.modules() if isinstance(module, kinds)]


def linear(network: nn.Module) -> nn.Module:
    """The network without batch normalization and activations, in place."""
    gone = (nn.BatchNorm2d, *ACTIVATIONS.values())
    return _replaced(network, lambda module: nn.Identity() if isinstance(module, gone) else None)


def plain_trunk(network: Network) -> nn.Sequential:
    """The network up to the global pooling, without residuals and SE, in place."""

    def other(module: nn.Module) -> nn.Module | None:
        if isinstance(module, SqueezeExcite):
            return nn.Identity()
        if isinstance(module, ResidualBlock):
            return nn.Sequential(module.path, module.activation)
        return None

    trunk = nn.Sequential()
    for name, module in _replaced(network, other).named_children():
        kept = [part for part in module.children() if name == "head"]
        pools = [i for i, part in enumerate(kept) if _pools(part)]
        trunk.add_module(name, nn.Sequential(*kept[: pools[0]]) if pools else module)
    return trunk


def _pools(module: nn.Module) -> bool:
    return any(isinstance(part, nn.AdaptiveAvgPool2d) for part in module.modules())


def _replaced(network: nn.Module, other: Callable[[nn.Module], nn.Module | None]) -> nn.Module:
    """The network in which `other` has put modules in the place of some, from the inside out."""
    for name, module in list(network.named_children()):
        made = other(_replaced(module, other))
        if made is not None:
            network.add_module(name, made)
    return network
