"""5x5 depthwise convs whose weight gradient is three times faster on CPUs with AVX-512.

oneDNN (3.12, in torch 2.13) has a fast kernel for the weight gradient of a depthwise conv in
channels last where the weight is at most 3 wide and the padding at most half of it; a 5x5 one
falls to a kernel ten times slower than its forward pass. So the gradient is put together from
three of 5x3: its columns 1 to 3 are those of a 5x3 conv with padding 1, columns 0 and 4 those of
5x3 convs without padding on a part of the output's gradient. Measured in docs/training.md.
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import pad

_backward = torch.ops.aten.convolution_backward


def weight_gradient(x: Tensor, g: Tensor, weight: Tensor, stride: int) -> Tensor:
    """The gradient of a 5x5 depthwise conv's weight, padding 2.

    Args:
        x: (n, channels, height, width) the input; the width is 3 or more.
        g: The gradient of the output.
        weight: (channels, 1, 5, 5).
        stride: 1 or 2.

    Returns:
        (channels, 1, 5, 5).
    """
    channels, width, out = x.shape[1], x.shape[3], g.shape[3]
    padding = 2
    if x.shape[2] < 5:  # the fast kernel wants the input as high as the weight
        x, padding = pad(x, (0, 0, 2, 2)), 0

    def columns(first: int, side: int) -> Tensor:
        """Columns first to first + 2, from a conv with `side` padding in width."""
        ahead = (side + first - 2) // stride
        wide = (width + 2 * side - 3) // stride + 1
        part = g if (ahead, wide) == (0, out) else pad(g, (ahead, wide - ahead - out))
        geometry = ([stride] * 2, [padding, side], [1, 1], False, [0, 0], channels)
        mask = [False, True, False]
        return _backward(part, x, weight[..., :3], [0], *geometry, mask)[1]  # type: ignore[no-any-return]

    edges = columns(0, 0)[..., :1], columns(2, 0)[..., 2:]
    return torch.cat([edges[0], columns(1, 1), edges[1]], -1)


class _Depthwise(torch.autograd.Function):
    """The conv as a function with its own gradient."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, stride: int) -> Tensor:
        ctx.save_for_backward(x, weight)
        ctx.stride = stride
        return torch.conv2d(x, weight, None, stride, 2, 1, x.shape[1])

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor, None]:
        (g,), (x, weight), stride = gradients, ctx.saved_tensors, ctx.stride
        geometry = ([stride] * 2, [2, 2], [1, 1], False, [0, 0], x.shape[1])
        of_x = _backward(g, x, weight, [0], *geometry, [True, False, False])[0]
        return of_x, weight_gradient(x, g, weight, stride), None


class FastDepthwise(nn.Conv2d):
    """A 5x5 depthwise conv without bias, of stride 1 or 2 and padding 2."""

    def forward(self, x: Tensor) -> Tensor:
        """The conv; torch's own where no gradient is wanted or the image is too narrow."""
        if x.shape[3] < 3 or not torch.is_grad_enabled():
            return super().forward(x)
        return _Depthwise.apply(x, self.weight, self.stride[0])  # type: ignore[no-any-return, no-untyped-call]


def speed_up(network: nn.Module) -> None:
    """Makes the network's 5x5 depthwise convs fast ones, where the CPU has AVX-512."""
    if torch.backends.cpu.get_cpu_capability() != "AVX512":
        return
    wanted = ((5, 5), (2, 2), (1, 1), "zeros", None)
    for module in network.modules():
        if type(module) is nn.Conv2d and module.groups == module.in_channels == module.out_channels:
            has = (module.kernel_size, module.padding, module.dilation, module.padding_mode)
            if (*has, module.bias) == wanted and module.stride in ((1, 1), (2, 2)):
                module.__class__ = FastDepthwise
