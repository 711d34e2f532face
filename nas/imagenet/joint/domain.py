"""How far a network is from the evidence: what is fine, what is thin, what is refused.

Each axis of a network has a range in networks trained alone, and one in all evidence. Within the
first nothing is said; between the two, or a little beyond, the answer says where its number comes
from; farther out there is no evidence and the network is refused.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from nas.imagenet.evidence.rows import TRAINED
from nas.imagenet.joint.architectures import numbers_of
from nas.imagenet.joint.numbers import SEGMENTS, Floats, Numbers
from search_spaces.architecture import Architecture
from search_spaces.errors import OutOfDomain

MARGIN = 0.25  # of a range's length, beyond which there is no evidence at all
LEAST_MARGIN = np.log(1.5)
COMPOUND = 0.25  # of log width and log pixels: differing more in both, apart from each other

# Axes: name, unit, whether shown as exp(value).
AXES = (
    ("MACs", "", True), ("resolution", " px", True), ("depth", " blocks", True),
    ("stem", " channels", True), ("head", " channels", True),
    ("the widest kernel", "", False), ("the largest expansion", "", True),
    *((f"blocks at 1/{name}", "", True) for name in SEGMENTS),
    *((f"channels at 1/{name}", "", True) for name in SEGMENTS),
)  # fmt: skip


def axes(of: Numbers) -> Floats:
    """(n, axes) values, logs where AXES says so."""
    n = np.maximum(of.blocks, 0.3)
    present = of.blocks > 0.3
    field = np.where(present, of.field, 0).max(1)
    expansion = np.where(present, of.expansion, 0).max(1)
    ends = [np.log(of.macs), np.log(of.resolution), np.log(of.depth), np.log(of.stem),
            np.log(of.head), 2 * field + 1, expansion]  # fmt: skip
    return np.concatenate([np.stack(ends, 1), np.log(n), of.out], 1)


@dataclass(frozen=True)
class Ranges:
    """trained, every: (2, axes) lowest and highest values in networks trained alone, in all."""

    trained: Floats
    every: Floats

    @classmethod
    def of(cls, numbers: Numbers, kind: Floats) -> "Ranges":
        """Of the evidence."""
        values = axes(numbers)
        alone = values[kind == TRAINED]
        return cls(np.stack([alone.min(0), alone.max(0)]), np.stack([values.min(0), values.max(0)]))


def _shown(value: float, at: int) -> str:
    _, unit, log = AXES[at]
    number = float(np.exp(value)) if log else value
    if at == 0:
        return f"{number / 1e6:.4g}M" if number < 1e9 else f"{number / 1e9:.4g}G"
    return f"{number:.3g}{unit}"


def faults(of: Numbers, ranges: Ranges) -> list[str]:
    """Why one network is refused; empty where it is not."""
    values, found = axes(of)[0], []
    length = ranges.every[1] - ranges.every[0]
    margin = np.maximum(MARGIN * length, LEAST_MARGIN)
    low, high = ranges.every[0] - margin, ranges.every[1] + margin
    for at in np.flatnonzero((values < low) | (values > high)):
        below = values[at] < low[at]
        edge = ranges.every[0 if below else 1][at]
        found.append(
            f"there is no evidence for {AXES[at][0]} of {_shown(values[at], at)}: it "
            f"{'begins' if below else 'ends'} at {_shown(edge, at)}; a few networks trained "
            f"{'below' if below else 'above'} that would help"
        )
    return found


def notes(of: Numbers, ranges: Ranges) -> list[str]:
    """Where the evidence on one network is thin, in sentences."""
    values, found = axes(of)[0], []
    alone = (values < ranges.trained[0] - 1e-9) | (values > ranges.trained[1] + 1e-9)
    beyond = (values < ranges.every[0] - 1e-9) | (values > ranges.every[1] + 1e-9)
    for at in np.flatnonzero(alone):
        what = f"{AXES[at][0]} of {_shown(values[at], at)}"
        if beyond[at]:
            found.append(f"{what} is beyond all evidence, so its effect is extrapolated")
        else:
            found.append(f"{what} is known from shared or predicted weights only")
    return found + _kinds(of) + _together(of)


def _kinds(of: Numbers) -> list[str]:
    dense, bottleneck = of.kinds[0, 1], of.kinds[0, 2]
    found = []
    if dense > 0.6:
        found.append("fused and plain convs in most stages are known from few networks")
    if bottleneck > 0:
        found.append("bottlenecks are known from ResNet-50 scaled four ways only")
    return found


def _together(of: Numbers) -> list[str]:
    """Width and pixels changed apart from one another."""
    pixels = float(np.log(of.resolution[0] / 224))
    n = of.blocks[0]
    b0 = np.log([16, 24, 40, 80, 112, 192, 320])
    width = float(((of.out[0] - b0) * n).sum() / n.sum())
    if abs(pixels) < COMPOUND or abs(width) < COMPOUND or abs(pixels - width) < COMPOUND:
        return []
    return ["width and pixels together are known from three grids (MobileNetV1, V2, MnasNet-A1) "
            "and networks scaled in both"]  # fmt: skip


def refuse(architectures: Sequence[Architecture], ranges: Ranges) -> Numbers:
    """The networks' numbers.

    Args:
        architectures: n networks.
        ranges: of the evidence.

    Raises:
        OutOfDomain: no evidence speaks of one of them; says what it is and what would help.
    """
    of = numbers_of(architectures)
    values = axes(of)
    low, high = _edges(ranges)
    outside = np.flatnonzero(((values < low) | (values > high)).any(1))
    if len(outside):
        at = int(outside[0])
        name = architectures[at].name or architectures[at].id
        why = faults(of.take(np.array([at])), ranges)[0]
        raise OutOfDomain(f"the ImageNet model can't speak of {name}: {why}")
    return of


def _edges(ranges: Ranges) -> tuple[Floats, Floats]:
    """The lowest and highest values that are not refused, (axes,) each."""
    length = ranges.every[1] - ranges.every[0]
    margin = np.maximum(MARGIN * length, LEAST_MARGIN)
    return ranges.every[0] - margin, ranges.every[1] + margin
