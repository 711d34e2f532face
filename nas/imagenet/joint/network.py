"""A network of any skeleton as a list of blocks in channels, and what it costs.

Tables of trained networks come from many code bases; hidden and SE widths are therefore channels
and not ratios, so that nothing is lost to rounding.
"""

from typing import NamedTuple

OPS = ("mbconv", "dsconv", "fused", "conv", "bottleneck", "uib0", "uib3", "uib5")


class Block(NamedTuple):
    """One block.

    op: `mbconv` (no expansion conv where hidden = c_in), `dsconv` (activation after both convs),
        `fused`, `conv`, `bottleneck`, `uib3`, `uib5` (MobileNetV4's: a depthwise conv of this
        kernel before the expansion, and `kernel` 0 for none after it).
    c_in, hidden, c_out, se: channels (se 0 for none).   kernel, stride: of the main conv.
    """

    op: str
    c_in: int
    hidden: int
    c_out: int
    kernel: int
    stride: int
    se: int
    act: str


class Network(NamedTuple):
    """stem, head: channels (head 0 for none).   mix: channels of a layer after the pooling, or 0.
    res: pixels of a side.   stem_pool: a max pooling of stride 2 follows the stem."""

    blocks: tuple[Block, ...]
    res: int = 224
    stem: int = 32
    head: int = 1280
    mix: int = 0
    act: str = "swish"
    classes: int = 1000
    stem_kernel: int = 3
    stem_stride: int = 2
    stem_pool: bool = False


def after(size: int, stride: int) -> int:
    """Pixels after a layer of this stride with 'same' padding."""
    return -(-size // stride)


def _conv(c_in: int, c_out: int, kernel: int, size: int, groups: int = 1) -> tuple[int, int]:
    weights = kernel**2 * (c_in // groups) * c_out
    return weights * size**2, weights + 2 * c_out


def _layers(b: Block, size: int, out: int) -> list[tuple[int, int]]:
    """(macs, params) of the convs of a block."""
    c, h, o, k = b.c_in, b.hidden, b.c_out, b.kernel
    if b.op == "mbconv":
        first = [_conv(c, h, 1, size)] if h != c else []
        return [*first, _conv(h, h, k, out, h), _conv(h, o, 1, out)]
    if b.op == "dsconv":
        return [_conv(c, c, k, out, c), _conv(c, o, 1, out)]
    if b.op == "fused":
        return [_conv(c, h, k, out), _conv(h, o, 1, out)]
    if b.op == "conv":
        return [_conv(c, o, k, out)]
    if b.op == "bottleneck":
        side = [] if c == o and b.stride == 1 else [_conv(c, o, 1, out)]
        return [_conv(c, h, 1, size), _conv(h, h, k, out), _conv(h, o, 1, out), *side]
    start, early = int(b.op[3:]), b.stride if k == 0 else 1
    inner = after(size, early)
    return [
        *([_conv(c, c, start, inner, c)] if start else []),
        _conv(c, h, 1, inner),
        *([_conv(h, h, k, out, h)] if k else []),
        _conv(h, o, 1, out),
    ]


def block_cost(b: Block, size: int) -> tuple[int, int, int]:
    """(macs, params, size of the output) of a block on `size` pixels."""
    out = after(size, b.stride)
    parts = _layers(b, size, out)
    if b.se:
        wide = {"conv": b.c_out, "bottleneck": b.c_out, "dsconv": b.c_in}.get(b.op, b.hidden)
        parts.append((2 * wide * b.se, 2 * wide * b.se + wide + b.se))
    return sum(p[0] for p in parts), sum(p[1] for p in parts), out


def stem_cost(net: Network) -> tuple[int, int, int]:
    """(macs, params, size of the output) of the stem."""
    out = after(net.res, net.stem_stride)
    macs, params = _conv(3, net.stem, net.stem_kernel, out)
    return macs, params, after(out, 2) if net.stem_pool else out


def head_cost(net: Network, c_in: int, size: int) -> tuple[int, int]:
    """(macs, params) of the head conv, the layer after the pooling and the classifier."""
    macs = params = 0
    if net.head:
        macs, params = _conv(c_in, net.head, 1, size)
    wide = net.head or c_in
    if net.mix:
        macs, params, wide = macs + wide * net.mix, params + wide * net.mix, net.mix
    return macs + wide * net.classes, params + (wide + 1) * net.classes


def cost(net: Network) -> tuple[int, int]:
    """(macs, params): multiply-adds of conv and linear layers, SE included."""
    macs, params, size = stem_cost(net)
    for block in net.blocks:
        more, weights, size = block_cost(block, size)
        macs, params = macs + more, params + weights
    more, weights = head_cost(net, net.blocks[-1].c_out, size)
    return macs + more, params + weights
