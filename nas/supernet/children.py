"""What a network computes with its part of a supernet's weights.

A part is views of the shared tensors, so that gradients flow into exactly what was used of them:
no layer needs to know that it is elastic.
"""

import functools
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call

from nas.parent.channels import First
from nas.parent.inherit import inherit
from nas.supernet.hull import check_inside
from nas.training.loop import lay_out
from search_spaces.architecture import Architecture
from search_spaces.builder import build
from search_spaces.errors import OutOfDomain
from search_spaces.rounding import Size

COUNTED = ("running_mean", "running_var", "num_batches_tracked")  # of batch normalization
MODULES = 64  # that are kept


def part_of(
    child: Architecture, largest: Architecture, state: Mapping[str, Any]
) -> Mapping[str, Any]:
    """A network's part of the shared weights, as views.

    Args:
        child: The network.
        largest: Whose weights they are.
        state: Name -> tensor of it, parameters among them where gradients are wanted.

    Returns:
        Name -> tensor of the network's own `builder.build`.

    Raises:
        OutOfDomain: The network is not inside the largest.
    """
    check_inside(largest, child)
    found = inherit(child, largest, state, First)
    if found.new:
        raise OutOfDomain(f"the network is not inside the supernet: that has no {found.new[0]}")
    return found.state


def logits(
    child: Architecture, largest: Architecture, state: Mapping[str, Any], images: Tensor
) -> Tensor:
    """What a child in training mode says of images, by batch statistics, which are not kept.

    Args:
        child: The network.
        largest: Whose weights are shared.
        state: As in `part_of`.
        images: (n, channels, height, width) at the largest's size or any other; they are resized
            to the child's.

    Returns:
        (n, classes).
    """
    part = {
        name: tensor.clone() if name.endswith(COUNTED) else tensor
        for name, tensor in part_of(child, largest, state).items()
    }
    return functional_call(_module(child, images.device.type), part, (resized(images, child.size),))  # type: ignore[no-any-return]


def resized(images: Tensor, size: Size) -> Tensor:
    """(n, channels, height, width) at another size; the same ones where it is theirs."""
    if tuple(images.shape[2:]) == tuple(size):
        return images
    made = nn.functional.interpolate(images, tuple(size), mode="bilinear", antialias=True)
    return made.contiguous(memory_format=torch.channels_last)


def network_of(child: Architecture, largest: Architecture, state: Mapping[str, Any]) -> nn.Module:
    """A child as a network of its own, evaluating, with a copy of its part of the weights.

    Args:
        child: The network.
        largest: Whose weights are shared.
        state: As in `part_of`.
    """
    part = {name: tensor.detach() for name, tensor in part_of(child, largest, state).items()}
    with torch.device("meta"):
        network = build(child)
    network.to_empty(device=next(iter(part.values())).device)
    network.load_state_dict(part)
    return network.eval()


@functools.lru_cache(MODULES)
def _module(child: Architecture, kind: str) -> nn.Module:
    """The child's layers, without weights."""
    with torch.device("meta"):
        network = build(replace(child, dropout=0.0, drop_connect=0.0))
    return lay_out(network.train(), kind)
