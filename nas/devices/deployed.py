"""The network as it is deployed: batch normalization folded, flat, in place where it can be."""

import operator
from typing import Any

from search_spaces.architecture import Architecture


def deployed(architecture: Architecture, seed: int | None = None) -> Any:
    """Builds the network for inference: eval mode, float32, on the CPU, channels last.

    Batch normalization is folded into the convs, dropout is gone, sums and SE products are in
    place, and every tensor is released after its last use (nested modules would hold their
    inputs). Channels last is the layout in which torch's convs take no copies of what they read.

    Args:
        architecture: The network.
        seed: Of its random weights.

    Returns:
        A torch module, images (batch, 3, height, width) -> logits (batch, classes).
    """
    from search_spaces.builder import build

    return flattened(build(architecture, seed=seed))


def flattened(network: Any) -> Any:
    """The deployed form of a network of `builder.build`, or of a part of one, which is used up."""
    import torch
    from torch import fx, nn
    from torch.nn.utils.fusion import fuse_conv_bn_eval

    made = fx.symbolic_trace(network.eval())
    modules = dict(made.named_modules())
    for node in list(made.graph.nodes):
        module = modules.get(str(node.target)) if node.op == "call_module" else None
        if isinstance(module, nn.BatchNorm2d):
            conv = str(node.args[0].target)
            with torch.no_grad():
                made.set_submodule(conv, fuse_conv_bn_eval(modules[conv], module))
        if isinstance(module, nn.BatchNorm2d | nn.Dropout | nn.Identity):
            node.replace_all_uses_with(node.args[0])
            made.graph.erase_node(node)
    in_place = {operator.add: operator.iadd, operator.mul: operator.imul}
    for node in made.graph.nodes:
        if node.target in in_place and list(node.args[0].users) == [node]:
            node.target = in_place[node.target]
    made.delete_all_unused_submodules()
    made.recompile()
    return made.requires_grad_(False).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
