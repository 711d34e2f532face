"""How far a network is from the evidence: what is fine, what is thin, what is refused.

Each axis of a network has a range in networks trained alone, and one in all evidence. Within the
first nothing is said; between the two, or a little beyond, a note says where the number comes
from; farther out there is no evidence and the network is refused.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from nas.imagenet.joint.architectures import numbers_of
from nas.imagenet.joint.blocks import Floats
from nas.imagenet.joint.numbers import SEGMENTS, Numbers
from search_spaces.architecture import Architecture
from search_spaces.errors import OutOfDomain

TRAINED, SHARED, PREDICTED = "trained", "shared", "predicted"  # kinds of evidence

MARGIN = 0.25  # of a range's length, beyond which there is no evidence at all
LEAST_MARGIN = np.log(1.5)
EDGE = 1e-9  # what rounding may take off a value at the edge of a range
NONE = 0.3  # blocks below which a level of resolution counts as empty
COMPOUND = 0.25  # of log width and log pixels: differing more in both, apart from each other
DENSE = 0.6  # share of fused and plain convs from which a network is one of few
MOST_NOTES = 3
BEYOND = "beyond all evidence"
LARGE = 7  # a kernel that is seldom trained alone


class Axis(NamedTuple):
    """What a network has a range of.

    Attributes:
        text: What it is with a value, as in 'there is no evidence for resolution of 32 px'.
        unit: Behind a value that stands alone.
        log: Ranges are of the value's logarithm.
        level: Of an axis that counts blocks, where they stand.
    """

    text: str
    unit: str = ""
    log: bool = True
    level: str = ""


def _at(segment: str) -> str:
    """Where a segment stands, for people."""
    level = f"at 1/{segment.removesuffix('w')} of the input's size"
    return f"in the wider part {level}" if segment.endswith("w") else level


AXES = (
    Axis("MACs of {}"), Axis("resolution of {} px", " px"), Axis("depth of {} blocks", " blocks"),
    Axis("stem of {} channels", " channels"), Axis("head of {} channels", " channels"),
    Axis("kernel {}", log=False), Axis("expansion {}"),
    *(Axis(f"a count of {{}} blocks {_at(name)}", level=_at(name)) for name in SEGMENTS),
    *(Axis(f"a width of {{}} channels {_at(name)}", " channels") for name in SEGMENTS),
)  # fmt: skip
MACS, KERNEL = 0, 5
# Which axis a refusal speaks of first: whole networks, then levels, then what blocks are like.
LEVELS = tuple(at for at, axis in enumerate(AXES) if axis.level)
ORDER = (1, MACS, 2, *LEVELS, *(at for at in range(3, len(AXES)) if at not in LEVELS))


def axes(of: Numbers) -> Floats:
    """(n, axes) values, logs where AXES says so."""
    blocks = np.maximum(of.blocks, NONE)
    present = of.blocks > NONE
    field = np.where(present, of.field, 0).max(1)
    expansion = np.where(present, of.expansion, 0).max(1)
    whole = [np.log(of.macs), np.log(of.resolution), np.log(of.depth), np.log(of.stem),
             np.log(of.head), 2 * field + 1, expansion]  # fmt: skip
    return np.concatenate([np.stack(whole, 1), np.log(blocks), of.out], 1)


@dataclass(frozen=True)
class Ranges:
    """Lowest and highest values of the axes.

    Attributes:
        trained: (2, axes) in networks trained alone.
        every: (2, axes) in all evidence.
    """

    trained: Floats
    every: Floats

    @classmethod
    def of(cls, numbers: Numbers, kind: NDArray[np.str_]) -> "Ranges":
        """Of the evidence.

        Args:
            numbers: Of n networks.
            kind: (n,) of their results: TRAINED, SHARED or PREDICTED.
        """
        values = axes(numbers)
        alone = values[kind == TRAINED]
        return cls(np.stack([alone.min(0), alone.max(0)]), np.stack([values.min(0), values.max(0)]))

    @classmethod
    def endless(cls) -> "Ranges":
        """For research: no network is refused, and nothing is noted of ranges."""
        everything = np.array([[-np.inf], [np.inf]]) * np.ones(len(AXES))
        return cls(everything, everything)

    def edges(self) -> tuple[Floats, Floats]:
        """The lowest and highest values that are not refused, (axes,) each."""
        low, high = self.every
        margin = np.maximum(MARGIN * (high - low), LEAST_MARGIN)
        return low - margin, high + margin


def refuse(architectures: Sequence[Architecture], ranges: Ranges) -> Numbers:
    """The networks' numbers.

    Args:
        architectures: N networks.
        ranges: Of the evidence.

    Raises:
        OutOfDomain: No evidence speaks of one of them; says what it is and what to do.
    """
    of = numbers_of(architectures)
    values = axes(of)
    low, high = ranges.edges()
    outside = (values < low) | (values > high)
    refused = np.flatnonzero(outside.any(1))
    if len(refused):
        at = int(refused[0])
        axis = next(axis for axis in ORDER if outside[at, axis])
        name = architectures[at].name or architectures[at].id
        why = _fault(axis, float(values[at, axis]), ranges)
        raise OutOfDomain(f"the ImageNet model can't speak of {name}: {why}")
    return of


def _fault(at: int, value: float, ranges: Ranges) -> str:
    """Why a network is refused that has this value on an axis."""
    axis, (low, high) = AXES[at], ranges.every[:, at].tolist()
    if axis.level and value <= np.log(NONE) + EDGE:
        return (
            f"it has no stage {axis.level}, where all networks with known top-1 have one; give it "
            "one there, or measure it with an evaluator of your own"
        )
    return (
        f"there is no evidence for {_named(at, value)}: known networks have {_shown(low, at)} to "
        f"{_shown(high, at)}{axis.unit}; choose a network in or near that range, or measure it "
        "with an evaluator of your own"
    )


def _shown(value: float, at: int) -> str:
    """A value of an axis, without its unit."""
    number = float(np.exp(value)) if AXES[at].log else value
    if at == MACS:
        return f"{number / 1e6:.3g}M" if number < 1e9 else f"{number / 1e9:.3g}G"
    if AXES[at].level and number <= NONE * (1 + EDGE):
        number = 0.0
    return f"{number:.0f}" if number >= 10 else f"{number:.2g}"


def _named(at: int, value: float) -> str:
    return AXES[at].text.format(_shown(value, at))


def _capital(text: str) -> str:
    return text[0].upper() + text[1:]


def notes(architecture: Architecture, of: Numbers, ranges: Ranges) -> list[str]:
    """Where the evidence on one network is thin.

    Args:
        architecture: One that is not refused.
        of: Its numbers.
        ranges: Of the evidence.

    Returns:
        At most three sentences, the most important first.
    """
    found = [*_beyond(of, ranges), *_together(of), *_kinds(of), *_borrowed(of, ranges)]
    return [*found, *_large_kernels(architecture, ranges)][:MOST_NOTES]


def _beyond(of: Numbers, ranges: Ranges) -> list[str]:
    """What no evidence has, MACs first and then the farthest."""
    values, (low, high) = axes(of)[0], ranges.every
    excess = np.maximum(low - values, values - high)
    axes_beyond = np.flatnonzero(excess > EDGE).tolist()
    sentences: list[str] = []
    for at in sorted(axes_beyond, key=lambda at: (at != MACS, -excess[at])):
        value, above = float(values[at]), values[at] > high[at]
        edge = float((high if above else low)[at])
        what = _capital(_named(at, value))
        range_of = f"which {'ends' if above else 'begins'} at {_shown(edge, at)}{AXES[at].unit}"
        sentences.append(
            f"{what} is {BEYOND} too, {range_of}."
            if sentences
            else f"{what} is {BEYOND}, {range_of}: its effect is extrapolated, so train "
            "the network before you rely on its number."
        )
    return sentences


def _borrowed(of: Numbers, ranges: Ranges) -> list[str]:
    """What only networks have that were not trained alone."""
    values = axes(of)[0]
    alone, every = (
        (values >= low - EDGE) & (values <= high + EDGE)
        for low, high in (ranges.trained, ranges.every)
    )
    return [
        f"{_capital(_named(at, float(values[at])))} is known only from networks with shared "
        "weights and from predictions of another model."
        for at in np.flatnonzero(every & ~alone).tolist()
        if at != KERNEL  # a mean: `_large_kernels` tells of the blocks
    ]


def _large_kernels(architecture: Architecture, ranges: Ranges) -> list[str]:
    """Kernels that hardly any network trained alone has."""
    large = [stage for stage in architecture.stages if stage.kernel >= LARGE]
    if not large or np.isinf(ranges.every).any():
        return []
    sizes = " and ".join(f"{size}" for size in sorted({stage.kernel for stage in large}))
    return [
        f"Kernel {sizes}, of {sum(stage.repeats for stage in large)} of the {architecture.blocks} "
        "blocks, is known almost only from networks with shared weights and from predictions of "
        "another model."
    ]


def _kinds(of: Numbers) -> list[str]:
    """Kinds of blocks that few networks have."""
    dense, bottleneck = of.kinds[0, 1], of.kinds[0, 2]
    sentences = []
    if bottleneck > 0:
        sentences.append(
            "Bottleneck blocks are known only from ResNet-50 scaled four ways: compare it with "
            "ResNets rather than with other networks."
        )
    if dense > DENSE:
        sentences.append(
            "Fused and plain convs in most stages are known from few networks: compare it with "
            "networks of the same kind rather than with others."
        )
    return sentences


def _together(of: Numbers) -> list[str]:
    """Width and pixels changed apart from one another."""
    pixels = float(np.log(of.resolution[0] / 224))
    blocks = of.blocks[0]
    b0 = np.log([16, 24, 40, 80, 112, 192, 320])
    width = float(((of.out[0] - b0) * blocks).sum() / blocks.sum())
    if abs(pixels) < COMPOUND or abs(width) < COMPOUND or abs(pixels - width) < COMPOUND:
        return []
    return [
        "Width and pixels together are known from few networks (grids of MobileNetV1, MobileNetV2 "
        "and MnasNet-A1, and networks scaled in both): do not count on a small lead of this one."
    ]
