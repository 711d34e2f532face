"""The one walk from an architecture to primitive layers with shapes.

The torch builder, the cost model, peak memory and latency tables all read it, so they can't
disagree. A layer of stride s gives ceil(size / s) pixels of each side ('same' padding).
"""

from collections.abc import Iterator
from typing import NamedTuple

from search_spaces.architecture import Architecture, Stage
from search_spaces.rounding import Size, round_channels, se_width

ONE = Size(1, 1)  # of what the pooling leaves


class Layer(NamedTuple):
    """A primitive layer with its shapes.

    Attributes:
        name: In its block.
        kind: `conv`, `linear`, `se` (pool, 1x1 conv with bias, activation, 1x1 conv with bias,
            gate, product; out_channels is the squeezed width), `max_pool`, `avg_pool`,
            `global_pool`.
        in_channels, out_channels: Of its input and its output.
        size_in, size_out: Height and width in pixels.
        kernel, stride: Pixels.
        norm, activation: Batch normalization and the block's activation follow.
        groups, bias: Of a conv, and of a linear layer.
        gate, inner: Of SE, and the activation between its two layers, None for the block's.
    """

    name: str
    kind: str
    in_channels: int
    out_channels: int
    size_in: Size
    size_out: Size
    kernel: int = 1
    stride: int = 1
    groups: int = 1
    norm: bool = False
    activation: bool = False
    bias: bool = True
    gate: str = "sigmoid"
    inner: str | None = None

    @property
    def elements_in(self) -> int:
        """Of its input at batch 1."""
        return self.in_channels * self.size_in.area

    @property
    def elements_out(self) -> int:
        """Of its output at batch 1."""
        if self.kind == "se":  # a product in place
            return self.in_channels * self.size_out.area
        return self.out_channels * self.size_out.area


class Block(NamedTuple):
    """A path of layers, with a shortcut around them where `residual`.

    Attributes:
        residual: The block's input is added to the path's output.
        shortcut: The layer on the shortcut (a projection or a pooling); None for the identity.
        activation: The activation follows the sum (ResNet).
        act: The name of its activation; None for the network's.
    """

    path: tuple[Layer, ...]
    residual: bool = False
    shortcut: Layer | None = None
    activation: bool = False
    act: str | None = None

    @property
    def layers(self) -> tuple[Layer, ...]:
        """Those of the path, and the shortcut's."""
        return self.path if self.shortcut is None else (*self.path, self.shortcut)


def squeezed(stage: Stage, c_in: int, channels: int) -> int:
    """Squeezed channels of a stage's SE.

    Args:
        stage: Whose block it is.
        c_in: Channels of the block's input.
        channels: Those that SE scales.
    """
    if stage.se_from == "channels":
        return int(stage.se)
    if stage.se_from == "expanded":
        return round_channels(channels * stage.se)
    return se_width(c_in, stage.se)


def hidden_channels(c_in: int, expand: int | float) -> int:
    """Channels after the expansion: the nearest whole number, at least 1."""
    return c_in * expand if isinstance(expand, int) else max(1, round(c_in * expand))


def _conv(
    name: str,
    channels: tuple[int, int],
    size: Size,
    kernel: int = 1,
    stride: int = 1,
    *,
    depthwise: bool = False,
    activation: bool = True,
) -> Layer:
    c_in, c_out = channels
    return Layer(
        name, "conv", c_in, c_out, size, size.after(stride), kernel, stride,
        c_in if depthwise else 1, True, activation,
    )  # fmt: skip


def _se(stage: Stage, c_in: int, channels: int, size: Size) -> tuple[Layer, ...]:
    if not stage.se:
        return ()
    width = squeezed(stage, c_in, channels)
    gate, inner = stage.gate, stage.se_activation
    return (Layer("se", "se", channels, width, size, size, gate=gate, inner=inner),)


def _mbconv(stage: Stage, c_in: int, size: Size, stride: int) -> tuple[Layer, ...]:
    hidden, after = hidden_channels(c_in, stage.expand), size.after(stride)
    expands = stage.expand != 1 or stage.keep_expansion
    expand = (_conv("expand", (c_in, hidden), size),) if expands else ()
    return (
        *expand,
        _conv("depthwise", (hidden, hidden), size, stage.kernel, stride, depthwise=True),
        *_se(stage, c_in, hidden, after),
        _conv("project", (hidden, stage.channels), after, activation=False),
    )


def _dsconv(stage: Stage, c_in: int, size: Size, stride: int) -> tuple[Layer, ...]:
    after = size.after(stride)
    return (
        _conv("depthwise", (c_in, c_in), size, stage.kernel, stride, depthwise=True),
        *_se(stage, c_in, c_in, after),
        _conv("pointwise", (c_in, stage.channels), after),
    )


def _plain(stage: Stage, c_in: int, size: Size, stride: int) -> tuple[Layer, ...]:
    after = size.after(stride)
    return (
        _conv("conv", (c_in, stage.channels), size, stage.kernel, stride),
        *_se(stage, c_in, stage.channels, after),
    )


def _fused(stage: Stage, c_in: int, size: Size, stride: int) -> tuple[Layer, ...]:
    hidden, after = hidden_channels(c_in, stage.expand), size.after(stride)
    return (
        _conv("fused", (c_in, hidden), size, stage.kernel, stride),
        *_se(stage, c_in, hidden, after),
        _conv("project", (hidden, stage.channels), after, activation=False),
    )


def _bottleneck(stage: Stage, c_in: int, size: Size, stride: int) -> tuple[Layer, ...]:
    hidden, after = stage.channels // int(stage.expand), size.after(stride)
    return (
        _conv("reduce", (c_in, hidden), size),
        _conv("conv", (hidden, hidden), size, stage.kernel, stride),
        _conv("restore", (hidden, stage.channels), after, activation=False),
        *_se(stage, c_in, stage.channels, after),
    )


# A block kind is one function and one line here.
PATHS = {
    "mbconv": _mbconv,
    "dsconv": _dsconv,
    "conv": _plain,
    "fused": _fused,
    "bottleneck": _bottleneck,
}


def block(stage: Stage, c_in: int, size: Size, stride: int) -> Block:
    """One block of the stage on `c_in` channels of this size."""
    path, act = PATHS[stage.op](stage, c_in, size, stride), stage.activation
    same = stride == 1 and c_in == stage.channels
    bottleneck = stage.op == "bottleneck"
    if bottleneck and stage.skip == "identity":
        project = _conv("shortcut", (c_in, stage.channels), size, 1, stride, activation=False)
        return Block(path, True, None if same else project, True, act)
    if stage.skip == "pool" and c_in == stage.channels:
        after = size.after(stride)
        pool = Layer("shortcut", "avg_pool", c_in, c_in, size, after, 3, stride)
        return Block(path, True, pool, bottleneck, act)
    return Block(path, same and stage.skip == "identity", None, bottleneck, act)


def stage_blocks(stage: Stage, c_in: int, size: Size) -> Iterator[Block]:
    """The stage's blocks in order: the first has the stride and changes the channels."""
    yield block(stage, c_in, size, stage.stride)
    rest = block(stage, stage.channels, size.after(stage.stride), 1)
    for _ in range(stage.repeats - 1):
        yield rest


Input = tuple[Stage, int, Size]  # a stage, and its input's channels and size


def stage_inputs(architecture: Architecture) -> list[Input]:
    """Each stage with its input's channels and size, in order.

    The one walk for shapes: costs, drawings, latency tables and models read it.
    """
    a = architecture
    channels, size = a.stem, a.size.after(a.stem_stride)
    if a.stem_pool:
        size = size.after(2)
    inputs = []
    for stage in a.stages:
        inputs.append((stage, channels, size))
        channels, size = stage.channels, size.after(stage.stride)
    return inputs


class Ends(NamedTuple):
    """All that a network's stem and head depend on.

    Attributes:
        images: Height and width of the network's input.
        channels, size: Of the head's input. The others are as in `Architecture`.
    """

    stem: int
    stem_kernel: int
    stem_stride: int
    stem_pool: bool
    in_channels: int
    images: Size
    head: int
    mix: int
    mix_bias: bool
    classes: int
    activation: str
    channels: int
    size: Size


def ends_of(architecture: Architecture, inputs: list[Input] | None = None) -> Ends:
    """The ends of a network.

    Args:
        architecture: The network.
        inputs: Its `stage_inputs`, where they are known.
    """
    a = architecture
    last, _, size = (inputs or stage_inputs(a))[-1]
    return Ends(
        a.stem, a.stem_kernel, a.stem_stride, a.stem_pool, a.in_channels, a.size, a.head, a.mix,
        a.mix_bias, a.classes, a.activation, last.channels, size.after(last.stride),
    )  # fmt: skip


def stem(ends: Ends) -> Block:
    """The stem conv on the images, and ResNet's max pooling."""
    c = ends.stem
    taken = ends.in_channels, c
    conv = _conv("conv", taken, ends.images, ends.stem_kernel, ends.stem_stride)
    if not ends.stem_pool:
        return Block((conv,))
    after = conv.size_out
    return Block((conv, Layer("pool", "max_pool", c, c, after, after.after(2), 3, 2)))


def head(ends: Ends) -> Block:
    """The 1x1 head conv (if any), global pooling, mix (if any) and the classifier."""
    c_in, size = ends.channels, ends.size
    channels = ends.head or c_in
    conv = (_conv("conv", (c_in, channels), size),) if ends.head else ()
    pool = Layer("pool", "global_pool", channels, channels, size, ONE)
    mix: tuple[Layer, ...] = ()
    if ends.mix:
        bias = ends.mix_bias
        mix = (Layer("mix", "linear", channels, ends.mix, ONE, ONE, activation=True, bias=bias),)
    linear = Layer("classifier", "linear", ends.mix or channels, ends.classes, ONE, ONE)
    return Block((*conv, pool, *mix, linear))


def walk(architecture: Architecture) -> Iterator[tuple[str, Block]]:
    """(name, block) from the input to the logits: `stem`, `stages.I.J`, `head`."""
    inputs = stage_inputs(architecture)
    ends = ends_of(architecture, inputs)
    yield "stem", stem(ends)
    for i, row in enumerate(inputs):
        for j, each in enumerate(stage_blocks(*row)):
            yield f"stages.{i}.{j}", each
    yield "head", head(ends)
