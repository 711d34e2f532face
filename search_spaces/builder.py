"""From an architecture to a torch module, layer by layer as `layers.walk` gives them.

And a second opinion on its multiply-adds: the module counted with fvcore.
"""

import math
import warnings
from collections import Counter
from typing import NamedTuple

import torch
from torch import Tensor, nn

from search_spaces.architecture import Architecture
from search_spaces.cost import cost
from search_spaces.errors import UserError
from search_spaces.layers import Block, Layer, walk

ACTIVATIONS = {
    "swish": nn.SiLU, "relu": nn.ReLU, "relu6": nn.ReLU6, "hard_swish": nn.Hardswish,
}  # fmt: skip
EPSILON = 1e-3  # of batch normalization, as in EfficientNet's own code
LARGEST_BUILT = 64e9  # bytes for one image
GATES = {"sigmoid": nn.Sigmoid, "hard_sigmoid": nn.Hardsigmoid}


class SqueezeExcite(nn.Module):
    """Squeeze-and-excitation (Hu et al. 2018) with biases, as in EfficientNet."""

    def __init__(self, layer: Layer, activation: str) -> None:
        super().__init__()
        self.reduce = nn.Conv2d(layer.in_channels, layer.out_channels, 1)
        self.activation = ACTIVATIONS[activation](inplace=True)
        self.expand = nn.Conv2d(layer.out_channels, layer.in_channels, 1)
        self.gate = GATES[layer.gate]()

    def forward(self, x: Tensor) -> Tensor:
        """(batch, channels, height, width), each channel times its gate."""
        gate = self.expand(self.activation(self.reduce(x.mean((2, 3), keepdim=True))))
        return x * self.gate(gate)  # type: ignore[no-any-return]


class SameConv2d(nn.Conv2d):
    """A conv with TensorFlow's 'same' padding, where an odd sum has the more at the far end."""

    def forward(self, x: Tensor) -> Tensor:
        """(batch, channels, height, width) -> ceil(height / stride), ceil(width / stride)."""
        return super().forward(nn.functional.pad(x, same_padding(x, self.kernel_size, self.stride)))


def same_padding(x: Tensor, kernel: tuple[int, ...], stride: tuple[int, ...]) -> list[int]:
    """Pixels at left, right, top and bottom of (batch, channels, height, width) x."""
    sides = []
    for size, k, s in zip(reversed(x.shape[2:]), reversed(kernel), reversed(stride), strict=True):
        whole = max((-(-size // s) - 1) * s + k - size, 0)
        sides += [whole // 2, whole - whole // 2]
    return sides


class Fixed(NamedTuple):
    """What is the same for all layers of a block; dropout is before the classifier."""

    activation: str
    dropout: float
    bn: dict[str, float]
    same: bool = False


def _module(layer: Layer, of: Fixed) -> nn.Module:
    c_in, c_out, k = layer.in_channels, layer.out_channels, layer.kernel
    same = of.same and layer.stride > 1  # elsewhere the two paddings are one
    if layer.kind == "se":
        return SqueezeExcite(layer, layer.inner or of.activation)
    if layer.kind == "max_pool":
        return nn.MaxPool2d(k, layer.stride, k // 2)
    if layer.kind == "avg_pool":
        return nn.AvgPool2d(k, layer.stride, k // 2, count_include_pad=False)
    if layer.kind == "global_pool":
        return nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())
    if layer.kind == "linear":
        linear = nn.Linear(c_in, c_out, layer.bias)
        if layer.activation:
            return nn.Sequential(linear, ACTIVATIONS[of.activation](inplace=True))
        return nn.Sequential(nn.Dropout(of.dropout), linear)
    conv, padding = (SameConv2d, 0) if same else (nn.Conv2d, k // 2)
    parts: list[nn.Module] = [
        conv(c_in, c_out, k, layer.stride, padding, groups=layer.groups, bias=not layer.norm)
    ]
    if layer.norm:
        parts.append(nn.BatchNorm2d(c_out, of.bn["eps"], of.bn["momentum"]))
    if layer.activation:
        parts.append(ACTIVATIONS[of.activation](inplace=True))
    return nn.Sequential(*parts)


def drop_connect(x: Tensor, rate: float) -> Tensor:
    """Drops whole samples of a residual branch, and keeps the mean.

    Huang et al. 2016; EfficientNet's `drop_connect`.

    Args:
        x: (batch, channels, height, width).
        rate: The probability.
    """
    keep = 1 - rate
    mask = torch.empty(len(x), 1, 1, 1, dtype=x.dtype, device=x.device).bernoulli_(keep)
    return x * mask / keep


class ResidualBlock(nn.Module):
    """A path with a shortcut around it."""

    def __init__(self, block: Block, of: Fixed, rate: float) -> None:
        super().__init__()
        self.path = _path(block, of)
        self.shortcut = nn.Identity() if block.shortcut is None else _module(block.shortcut, of)
        self.activation = (
            ACTIVATIONS[of.activation](inplace=True) if block.activation else nn.Identity()
        )
        self.drop_connect = rate

    def forward(self, x: Tensor) -> Tensor:
        """(batch, channels, height, width): the path's output, plus the shortcut's."""
        y = self.path(x)
        if self.training and self.drop_connect:
            y = drop_connect(y, self.drop_connect)
        y = y + self.shortcut(x)
        return self.activation(y)  # type: ignore[no-any-return]


def _path(block: Block, of: Fixed) -> nn.Sequential:
    path = nn.Sequential()
    for layer in block.path:
        path.add_module(layer.name, _module(layer, of))
    if block.activation and not block.residual:
        path.add_module("activation", ACTIVATIONS[of.activation](inplace=True))
    return path


def block_module(block: Block, of: Fixed, rate: float = 0.0) -> nn.Module:
    """The module of one block.

    Args:
        block: As `layers.walk` gives it.
        of: What is the same for all blocks.
        rate: Of `drop_connect`.
    """
    of = of._replace(activation=block.act or of.activation)
    return ResidualBlock(block, of, rate) if block.residual else _path(block, of)


class Network(nn.Sequential):
    """The network of an `architecture`: (batch, channels, height, width) -> (batch, classes)."""

    architecture: Architecture


def build(
    architecture: Architecture,
    *,
    seed: int | None = None,
    bn_momentum: float = 0.01,
    bn_eps: float = EPSILON,
) -> Network:
    """A torch network with the papers' initial weights, in training mode on the CPU.

    Args:
        architecture: What is built.
        seed: For the initial weights; None draws from torch's global generator.
        bn_momentum: Of batch normalization in torch's convention, 1 - TensorFlow's 0.99.
        bn_eps: Of batch normalization.

    Raises:
        UserError: It would not fit into any machine's memory.
    """
    memory = cost(architecture).memory
    if memory > LARGEST_BUILT:
        raise UserError(
            f"the network needs {memory / 1e9:,.0f} GB for one image, with its weights: "
            f"expected {LARGEST_BUILT / 1e9:g} GB or less; see its repeats, channels and resolution"
        )
    bn = {"momentum": bn_momentum, "eps": bn_eps}
    same = architecture.padding == "same"
    fixed = Fixed(architecture.activation, architecture.dropout, bn, same)
    network, index = Network(), 0
    stages: dict[str, nn.Sequential] = {}
    for name, block in walk(architecture):
        rate = 0.0
        if name.startswith("stages."):
            rate = architecture.drop_connect * index / architecture.blocks
            index += 1
        module = block_module(block, fixed, rate)
        group, *position = name.split(".")
        if not position:
            network.add_module(group, module)
            continue
        if group not in stages:
            stages[group] = nn.Sequential()
            network.add_module(group, stages[group])
        if position[1] == "0":
            stages[group].add_module(position[0], nn.Sequential())
        stages[group].get_submodule(position[0]).add_module(position[1], module)
    network.architecture = architecture
    initialize(network, seed)
    return network


def initialize(network: nn.Module, seed: int | None = None) -> None:
    """Gives a network EfficientNet's initial weights (tensorflow/tpu, efficientnet_model.py).

    Convs N(0, 2 / fan_out) with fan_out = k*k*out / groups, linear U(-1/sqrt(out), 1/sqrt(out)),
    biases 0.

    Args:
        network: Changed in place.
        seed: None draws from torch's global generator.
    """
    generator = torch.Generator().manual_seed(seed) if seed is not None else None
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            fan_out = module.kernel_size[0] ** 2 * module.out_channels / module.groups
            nn.init.normal_(module.weight, 0.0, math.sqrt(2 / fan_out), generator=generator)
        elif isinstance(module, nn.Linear):
            bound = 1 / math.sqrt(module.out_features)
            nn.init.uniform_(module.weight, -bound, bound, generator=generator)
        if isinstance(module, nn.Conv2d | nn.Linear) and module.bias is not None:
            nn.init.zeros_(module.bias)


def fvcore_macs(architecture: Architecture) -> int:
    """Multiply-adds of conv and linear layers, counted by fvcore on the built network.

    Takes about 0.3 s for EfficientNet-B0. fvcore's total also counts batch normalization and
    pooling; those operators are left out here, as in `cost.cost`.
    """
    image = torch.zeros(1, architecture.in_channels, *architecture.size)
    return counted(build(architecture, seed=0).eval(), image)


def counted(module: nn.Module, given: Tensor) -> int:
    """Multiply-adds of conv and linear layers that fvcore counts in a module.

    Args:
        module: In evaluation mode.
        given: Its input.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # torch.jit.script inside fvcore
        warnings.simplefilter("ignore", DeprecationWarning)
        from fvcore.nn import FlopCountAnalysis

        with torch.no_grad():
            analysis = FlopCountAnalysis(module, given)
            analysis.unsupported_ops_warnings(False).uncalled_modules_warnings(False)
            counts: Counter[str] = analysis.by_operator()
    return int(counts["conv"] + counts["linear"])
