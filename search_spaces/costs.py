"""What many networks cost, counted at once as `search_spaces.cost` counts one.

Stages are columns of numbers here; the formulas are those of `search_spaces.layers` and of
`search_spaces.cost`, layer by layer, and a test holds them equal network by network.
"""

from collections.abc import Sequence
from operator import attrgetter
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from search_spaces.architecture import OPS, SE_FROM, SKIPS, Architecture, Stage
from search_spaces.cost import Cost

TOGETHER = 4096  # networks at most that are counted at once where many are remembered
Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
_CODES = {"op": OPS, "skip": SKIPS, "se_from": SE_FROM}
_MBCONV, _DSCONV, _CONV, _FUSED, _BOTTLENECK = range(len(OPS))
_IDENTITY, _POOL = SKIPS.index("identity"), SKIPS.index("pool")
_FRAME = (
    "stem", "head", "size.height", "size.width", "in_channels", "classes", "stem_kernel",
    "stem_stride", "stem_pool", "mix", "mix_bias",
)  # fmt: skip


class Stages(NamedTuple):
    """Columns of the stages of n networks, (m,) each, network after network.

    Attributes:
        network: Which network the stage is of, from 0.
        op, skip, se_from: Positions in OPS, SKIPS and SE_FROM. The others are as in `Stage`.
        c_in, height, width: Channels and pixels of its input.
    """

    network: Ints
    op: Ints
    channels: Ints
    repeats: Ints
    kernel: Ints
    stride: Ints
    expand: Floats
    se: Floats
    skip: Ints
    se_from: Ints
    keep_expansion: Ints
    c_in: Ints
    height: Ints
    width: Ints

    def at(self, rows: Ints) -> "Stages":
        """Some of the stages."""
        return Stages(*(column[rows] for column in self))  # type: ignore[arg-type]


class Counted(NamedTuple):
    """What n networks cost.

    Attributes:
        columns: (n, 4) as in `Cost`.
        stages: Of the networks.
        parts: (m, 4) what each stage costs.
    """

    columns: Ints
    stages: Stages
    parts: Ints

    @property
    def cost(self) -> Cost:
        """Arrays in place of numbers, for `Quantity.of_cost`."""
        return Cost(*self.columns.T)


_OWN = Stages._fields[1:-3]


def columns_of(stages: Sequence[Stage]) -> list[NDArray[Any]]:
    """Columns (m,) of the stages' own fields, in the order of `Stages`."""

    def column(field: str) -> NDArray[Any]:
        values = map(attrgetter(field), stages)
        if field in _CODES:
            values = map(_CODES[field].index, values)
        return np.fromiter(values, float if field in ("expand", "se") else np.int64, len(stages))

    return [column(field) for field in _OWN]


def frames_of(architectures: Sequence[Architecture]) -> Ints:
    """(frame fields, n) what costs of networks besides their stages."""
    return np.array([*map(attrgetter(*_FRAME), architectures)], np.int64).reshape(-1, len(_FRAME)).T


def laid_out(own: Sequence[NDArray[Any]], counts: Ints, frame: Ints) -> Stages:
    """Stages in their places: columns of them, (n,) how many networks have, (fields, n) frames."""
    channels, stride = (own[_OWN.index(field)] for field in ("channels", "stride"))
    c_in = np.roll(channels, 1)
    c_in[np.cumsum(counts) - counts] = frame[0]
    network = np.repeat(np.arange(len(counts)), counts)
    return Stages(*[network, *own, c_in, *_sizes(stride, counts, frame)])


def stages_of(architectures: Sequence[Architecture]) -> tuple[Stages, Ints]:
    """The stages' columns, and (frame fields, n) what the networks have besides."""
    every = [stage for one in architectures for stage in one.stages]
    objects = list(map(id, every))  # spaces build equal stages once, and identities hash at once
    distinct = list((by_object := dict(zip(objects, every, strict=True))).values())
    at = dict(zip(by_object, range(len(distinct)), strict=True))
    rows = np.fromiter(map(at.__getitem__, objects), np.int64, len(every))
    counts = np.fromiter((len(one.stages) for one in architectures), np.int64, len(architectures))
    frame = frames_of(architectures)
    return laid_out([column[rows] for column in columns_of(distinct)], counts, frame), frame


def _sizes(stride: Ints, counts: Ints, frame: Ints) -> list[Ints]:
    """Height and width of each stage's input, (m,) each.

    Rounding up step by step is rounding up once: ceil(ceil(x / a) / b) = ceil(x / (a * b)).
    """
    sides, stem_stride, pools = frame[2:4], frame[7], frame[8]
    begins = -(-sides // stem_stride)
    begins = np.where(pools > 0, -(-begins // 2), begins)
    there = np.arange(counts.max(initial=0)) < counts[:, None]
    strides = np.ones(there.shape, np.int64)
    strides[there] = stride
    whole = np.cumprod(np.minimum(strides, 1 << 15), 1, dtype=np.float64)
    before = np.hstack([np.ones((len(counts), 1)), whole[:, :-1]])
    each = np.maximum(np.ceil(begins[:, :, None] / before), 1)[:, there]
    return list(np.asarray(each, np.int64))


def costs(architectures: Sequence[Architecture]) -> Counted:
    """The exact costs of n networks, some microseconds each where there are hundreds."""
    if not len(architectures):
        return Counted(np.zeros((0, 4), np.int64), Stages(*np.zeros((14, 0), np.int64)),
                       np.zeros((0, 4), np.int64))  # fmt: skip
    return counted(*stages_of(architectures))


def counted(stages: Stages, frame: Ints) -> Counted:
    """What networks cost, one or more, by their stages and their frames, as of `stages_of`."""
    parts = stage_costs(stages)
    begins = np.flatnonzero(np.r_[True, stages.network[1:] != stages.network[:-1]])
    columns = np.add.reduceat(parts, begins, axis=0)
    columns[:, 3] = np.maximum.reduceat(parts[:, 3], begins)
    last = np.r_[begins[1:], len(parts)] - 1
    ends = _ends(frame, stages.channels[last], _areas(stages.at(last))[1])
    columns[:, :3] += ends[:, :3]
    columns[:, 3] = np.maximum(columns[:, 3], ends[:, 3])
    return Counted(columns, stages, parts)


def keep(architectures: Sequence[Architecture], counted: Counted) -> None:
    """Lets `cost` know what was counted of each of the networks."""
    for one, row in zip(architectures, counted.columns.tolist(), strict=True):
        object.__setattr__(one, "_cost", Cost(*row))


def remember(architectures: Sequence[Architecture]) -> None:
    """Counts at once, for `cost`, those of the networks that it does not know yet."""
    new = [one for one in architectures if "_cost" not in vars(one)]
    for at in range(0, len(new), TOGETHER):
        keep(some := new[at : at + TOGETHER], costs(some))


def stage_costs(stages: Stages) -> Ints:
    """(m, 4) what stages cost: the first block, and the equal ones after it."""
    whole = _blocks(stages)
    more = np.flatnonzero(stages.repeats > 1)
    if len(more):
        later = stages.at(more)
        height, width = (-(-side // later.stride) for side in (later.height, later.width))
        ones = np.ones_like(later.stride)
        again = _blocks(
            later._replace(c_in=later.channels, height=height, width=width, stride=ones)
        )
        whole[more, :3] += (later.repeats - 1)[:, None] * again[:, :3]
        whole[more, 3] = np.maximum(whole[more, 3], again[:, 3])
    return whole


def _blocks(stages: Stages) -> Ints:
    """(m, 4) what one block of each row costs, op by op."""
    found = np.flatnonzero(np.bincount(stages.op))
    if len(found) == 1:
        return _alike(int(found[0]), stages)
    whole = np.zeros((len(stages.op), 4), np.int64)
    for op in found:
        rows = np.flatnonzero(stages.op == op)
        whole[rows] = _alike(int(op), stages.at(rows))
    return whole


Layer = tuple[Ints, Ints, Ints, Ints]  # as the columns of `Cost`


def _conv(
    c_in: Any, c_out: Ints, before: Ints, after: Ints, taps: Any = 1, groups: Any = 1
) -> Layer:
    weights = taps * (c_in // groups) * c_out
    elements = c_out * after
    return weights * after, weights + 2 * c_out, elements, c_in * before + elements


def _areas(s: Stages) -> tuple[Ints, Ints]:
    """Pixels of each stage's input and output."""
    return s.height * s.width, -(-s.height // s.stride) * -(-s.width // s.stride)


def _where(there: NDArray[np.bool_], layer: Layer) -> Layer:
    """The layer in the rows that have it."""
    return tuple(column * there for column in layer)  # type: ignore[return-value]


def _alike(op: int, s: Stages) -> Ints:
    """(m, 4) what one block of each row costs, all of one op."""
    (before, after), taps = _areas(s), s.kernel**2
    c, o = s.c_in, s.channels
    if op == _BOTTLENECK:
        h = o // s.expand.astype(np.int64)
    else:
        h = np.maximum(np.rint(c * s.expand), 1).astype(np.int64)
    wide = {_DSCONV: c, _CONV: o, _BOTTLENECK: o}.get(op, h)  # what SE scales
    q = squeezed(s, wide)
    se = _where(q > 0, (2 * wide * q, 2 * wide * q + wide + q, wide + q, wide * after + wide + q))
    expands = (s.expand != 1) | (s.keep_expansion > 0)
    none = np.zeros_like(c)
    first: Layer = (none, none, none, none)
    if op == _MBCONV:
        first = _where(expands, _conv(c, h, before, before))
        path = [_conv(h, h, before, after, taps, h), se, _conv(h, o, after, after)]
    elif op == _DSCONV:
        path = [_conv(c, c, before, after, taps, c), se, _conv(c, o, after, after)]
    elif op == _CONV:
        path = [_conv(c, o, before, after, taps), se]
    elif op == _FUSED:
        path = [_conv(c, h, before, after, taps), se, _conv(h, o, after, after)]
    else:
        first = _conv(c, h, before, before)
        path = [_conv(h, h, before, after, taps), _conv(h, o, after, after), se]
    return _joined(s, op, first, path, before, after)


def _joined(s: Stages, op: int, first: Layer, path: list[Layer], before: Ints, after: Ints) -> Ints:
    """The block of a path; its input stays alive while a shortcut needs it."""
    c, o = s.c_in, s.channels
    equal = c == o
    same = equal & (s.stride == 1)
    pools = (s.skip == _POOL) & equal
    identity = s.skip == _IDENTITY
    residual = pools | (identity & (same | (op == _BOTTLENECK)))
    projects = identity & ~same if op == _BOTTLENECK else np.zeros_like(same)
    held = c * before * residual
    begun = first[3] > 0  # where it is not, the path's first layer is the block's first
    live = np.maximum(first[3], path[0][3] + held * begun)
    for layer in path[1:]:
        live = np.maximum(live, (layer[3] + held) * (layer[3] > 0))
    side = _where(projects, _conv(c, o, before, after))
    sums = [
        sum(parts) for parts in zip(first[:3], side[:3], *(one[:3] for one in path), strict=True)
    ]
    joined = held + o * after + side[2] + c * after * pools
    return np.stack([*sums, np.maximum(live, joined * residual)], 1)


def squeezed(s: Stages, wide: Ints) -> Ints:
    """SE's squeezed channels (m,), 0 for none, of m blocks where it scales `wide` (m,) of them."""
    if not s.se.any():
        return np.zeros_like(wide)
    exact = wide * s.se
    eights = np.maximum(np.floor(exact + 4) // 8 * 8, 8)
    eights += 8 * (eights < 0.9 * exact)
    of_input = np.maximum(np.floor(s.c_in * s.se), 1)
    known = [s.se_from == SE_FROM.index(name) for name in ("channels", "expanded")]
    width = np.select(known, [s.se, eights], of_input)
    return np.where(s.se > 0, width, 0).astype(np.int64)


def _ends(frame: Ints, channels: Ints, pixels: Ints) -> Ints:
    """(n, 4) what stem and head cost, by the channels and pixels of the head's input."""
    stem, head, height, width, images, classes, kernel, stride, pools, mix, bias = frame
    begun = -(-height // stride), -(-width // stride)
    start = _conv(images, stem, height * width, begun[0] * begun[1], kernel**2)
    pooled = stem * (begun[0] * begun[1] + -(-begun[0] // 2) * -(-begun[1] // 2)) * pools
    conv = _where(head > 0, _conv(channels, head, pixels, pixels))
    width = np.where(head > 0, head, channels)
    pool = width * (pixels + 1)
    mixed = _where(mix > 0, (width * mix, width * mix + mix * bias, mix, width + mix))
    last = np.where(mix > 0, mix, width)
    linear = (last * classes, last * classes + classes, classes, last + classes)
    parts = (start, conv, mixed, linear)
    sums = [sum(columns) for columns in zip(*(part[:3] for part in parts), strict=True)]
    live = np.maximum.reduce([pooled, pool, *(part[3] for part in parts)])
    return np.stack([*sums, live], 1)
