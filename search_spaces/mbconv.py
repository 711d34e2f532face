"""The space `mbconv`: any width, depth and resolution."""

import functools
import itertools
import math
import operator
from typing import Any

from search_spaces.architecture import Architecture, Stage
from search_spaces.networks import NETWORKS
from search_spaces.rounding import round_channels, round_repeats
from search_spaces.space import Space, Values, check

# Stages of `mbconv` before its width and depth: stride, channels and repeats to choose from.
_WIDE = (
    (1, (8, 16, 24), (1, 2)),
    (2, (16, 24, 32), (1, 2, 3)),
    (2, (24, 32, 40, 48, 56), (1, 2, 3)),
    (2, (48, 64, 80, 96, 112), (2, 3, 4)),
    (1, (80, 96, 112, 136, 160), (2, 3, 4)),
    (2, (128, 160, 192, 232, 272), (2, 3, 4, 5)),
    (1, (224, 256, 320, 384, 448), (0, 1, 2)),
)


# As fine that what rounding leaves of a budget is no 0.1 points, and with those of B0 to B7.
_PIXELS = (
    *range(96, 249, 8),
    *(260, 270, 280, 288, 300, 312, 324, 336, 348, 364, 380, 396),
    *(412, 434, 456, 474, 492, 510, 528, 546, 564, 582, 600),
)
_SHARED = ("width", "depth", "resolution")
_FIELDS = ("channels", "repeats", "expand", "kernel", "se")


def _wide_choices() -> dict[str, tuple[float, ...]]:
    choices: dict[str, tuple[float, ...]] = {
        "width": (0.25, 0.3, 0.35, 0.4, 0.5, 0.6, 0.75, 1.0, 1.1, 1.2, 1.4, 1.6, 1.8, 2.0),
        "depth": (0.5, 0.75, 1.0, 1.2, 1.4, 1.8, 2.2, 2.6, 3.1),  # 1.1 rounds as 1.2
        "resolution": _PIXELS,
        "stem": (16, 24, 32, 48),
        "head": (640, 960, 1280, 1920),
    }
    for i, (_, *options) in enumerate(_WIDE):
        given = dict(zip(_FIELDS, (*options, (1, 3, 4, 6), (3, 5, 7), (0.0, 0.25)), strict=True))
        choices |= {f"stage{i}.{field}": given[field] for field in _FIELDS}
    del choices["stage0.expand"]  # no network that people have expands its first stage
    return choices


@functools.cache
def mbconv() -> Space:
    """MBConv networks of any width, depth and resolution, for budgets from 20M to 10G.

    EfficientNet-B0's strides. `width`, `depth` and `resolution` scale the whole network by the
    paper's rounding, so B0 to B7 are in it; channels, repeats, expansion, kernel and SE of each
    stage vary around that, so MobileNetV2, MnasNet-A1 and B1 are in it but for their activations.
    Uniform samples spread over the budgets, since the three shared choices carry most of the cost:
    5 % are below 30M multiply-adds, half below 460M, 5 % above 5.9G.

    Its choices: `width` multiplies channels, the stem's too, and the head's where it is above 1;
    `depth` multiplies repeats, rounded up; `stem`, `head` and `stageI.channels` are before the
    width, `stageI.repeats` before the depth, and 0 leaves the last stage out.
    """
    shared = operator.itemgetter("width", "depth", "stem", "head", "resolution")
    own = [
        (i, stride, operator.itemgetter(*(f"stage{i}.{f}" for f in _FIELDS if i or f != "expand")))
        for i, (stride, *_) in enumerate(_WIDE)
    ]

    def build(values: Values) -> Architecture:
        width, depth, stem, head, resolution = shared(values)
        stages = [_scaled(i, width, depth, stride, *fields(values)) for i, stride, fields in own]
        if stages[-1] is None:  # only the last one may be left out
            stages.pop()
        return Architecture(
            tuple(stages),  # type: ignore[arg-type]
            stem=_rounded(stem, width), head=_rounded(head, max(1.0, width)), resolution=resolution,
        )  # fmt: skip

    summary = (mbconv.__doc__ or "").partition("\n")[0]
    return check(Space("mbconv", _wide_choices(), build, summary, _scaled_b0s))


def _scaled_b0s() -> list[Values]:
    """Values in `mbconv` of EfficientNet-B0 scaled by width, depth and resolution together.

    Those whose pixels are within an eighth of what the paper's coefficients (Tan & Le 2019, sec.
    3.3) give at the same cost, width * width * depth * pixels * pixels.
    """
    choices, share = _wide_choices(), math.log(1.15) / math.log(1.2 * 1.1**2 * 1.15**2)
    base: dict[str, Any] = {"stem": 32, "head": 1280}
    fields = [*zip(NETWORKS["efficientnet_b0"].stages, range(len(_WIDE)), strict=True)]
    for stage, i in fields:
        own = {field: getattr(stage, field) for field in _FIELDS}
        base |= {f"stage{i}.{field}": value for field, value in own.items()}
    del base["stage0.expand"]
    known: list[Values] = []
    for width, depth, pixels in itertools.product(*(choices[k] for k in _SHARED)):
        grown = math.log(pixels / 224)
        if abs(grown - share * (math.log(width**2 * depth) + 2 * grown)) < math.log(1.125):
            known.append({**base, **dict(zip(_SHARED, (width, depth, pixels), strict=True))})
    return known


@functools.lru_cache(maxsize=1 << 16)
def _scaled(
    i: int, width: float, depth: float, stride: int, channels: int, repeats: int, *fields: Any
) -> Stage | None:
    """A stage of `mbconv`, None where it has no repeats. Cached, since stages recur.

    The fields are expansion (but of the first stage), kernel and SE.
    """
    if not repeats:
        return None
    expand, kernel, se = fields if i else (1, *fields)
    wide, deep = _rounded(channels, width), round_repeats(repeats * depth)
    return _one(Stage("mbconv", wide, deep, kernel, stride, expand, se))


@functools.lru_cache(maxsize=1 << 12)
def _rounded(channels: int, width: float) -> int:
    return round_channels(channels * width)


@functools.lru_cache(maxsize=1 << 16)
def _one(stage: Stage) -> Stage:
    """The same object for equal stages, which are compared at once then."""
    return stage
