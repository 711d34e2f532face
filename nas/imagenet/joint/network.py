"""A network of any skeleton as a list of blocks in channels.

Tables of trained networks come from many code bases. Hidden and SE widths are channels here and
not ratios, so that nothing is lost to rounding.
"""

from typing import NamedTuple

OPS = ("mbconv", "dsconv", "fused", "conv", "bottleneck", "uib0", "uib3", "uib5")


class Block(NamedTuple):
    """One block; widths are channels.

    Attributes:
        op: `mbconv` (no expansion conv where hidden = c_in), `dsconv` (activation after both
            convs), `fused`, `conv`, `bottleneck`, `uib3`, `uib5` (MobileNetV4's: a depthwise conv
            of this kernel before the expansion, and `kernel` 0 for none after it).
        c_in, hidden, c_out: Of its input, after the expansion, of its output.
        kernel, stride: Of the main conv.
        se: Squeezed width, 0 for none.
        act: Its activation.
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
    """A network block by block.

    Attributes:
        blocks: In order.
        res: Pixels of a side.
        stem, head: Channels; head 0 for none.
        mix: Channels of a layer after the pooling, or 0.
        stem_pool: A max pooling of stride 2 follows the stem.
    """

    blocks: tuple[Block, ...]
    resolution: int = 224
    stem: int = 32
    head: int = 1280
    mix: int = 0
    classes: int = 1000
    stem_kernel: int = 3
    stem_stride: int = 2
    stem_pool: bool = False
