"""Multiply-adds of a baseline scaled by any multipliers, without building the scaled network.

A family that is solved for its budgets asks for tens of thousands of them. They are exact: for one
shape MACs are a sum of whole numbers times pixels of feature maps (`Shape.macs`).
"""

import dataclasses
import math
from typing import NamedTuple

from search_spaces.architecture import Architecture, Stage
from search_spaces.cost import block_cost, stage_cost
from search_spaces.layers import Ends, ends_of, head, stage_inputs, stem
from search_spaces.rounding import Size, round_channels, size_of
from search_spaces.scaling.rules import RULES, resized_stage, rule_name

Square = tuple[int, int, int]  # MACs = first * input pixels + second * output pixels + third
Blocks = tuple[Square, Square]  # of a stage's first block, and of each later one
Whole = tuple[int, ...]


class Shape(NamedTuple):
    """A network but for its resolution.

    Attributes:
        levels: For each size of feature maps the stride that leads to it, and MACs a pixel.
        rest: MACs that no size changes.
    """

    levels: tuple[tuple[int, int], ...]
    rest: int

    def macs(self, size: Size) -> int:
        """Multiply-adds for images of this size."""
        (height, width), found = size, self.rest
        for stride, each in self.levels:
            height, width = -(-height // stride), -(-width // stride)
            found += each * height * width
        return found


class Ladder:
    """The shapes that a baseline is scaled to.

    Args:
        baseline: The network that is scaled.
        rule: As in `rules.scale`.

    Raises:
        UserError: There is no such rule.
    """

    def __init__(self, baseline: Architecture, rule: str | None = None) -> None:
        self._baseline, self._how = baseline, RULES[rule_name(baseline, rule)]
        stages, how, last = baseline.stages, self._how, len(baseline.stages) - 1
        self._whole = all(isinstance(stage.expand, int) for stage in stages)
        self._repeats = [
            (stage.repeats, how.end_stages or i not in (0, last)) for i, stage in enumerate(stages)
        ]
        self._inputs, self._ends = stage_inputs(baseline), ends_of(baseline)
        self._shapes: dict[tuple[Whole, Whole], Shape] = {}
        self._stages: dict[Whole, Blocks] = {}

    def shape(self, depth: float, width: float) -> Shape:
        """The shape of the baseline scaled in depth and width."""
        repeats = tuple(
            [max(1, math.ceil(round(n * depth, 9))) if deep else n for n, deep in self._repeats]
        )
        key = repeats, self._widths(width)
        found = self._shapes.get(key)
        if found is None:
            found = self._shapes[key] = self._made(*key, width)
        return found

    def _widths(self, width: float) -> Whole:
        """What a width rounds to: stem, head, mix; of each stage channels, and those of its SE."""
        base, how = self._baseline, self._how
        widths = [
            how.wide(base.stem, width, "scale" if how.stem else "fixed"),
            how.wide(base.head, width, how.head),
            how.wide(base.mix, width, how.mix or how.head),
        ]
        for stage in base.stages:
            if width == 1:
                widths += (stage.channels, 0)
                continue
            step = int(stage.expand) if stage.op == "bottleneck" else 1
            widths.append(step * how.channels(stage.channels // step * width))
            own = stage.se_from == "channels"
            widths.append(round_channels(stage.se * width) if own else 0)
        return tuple(widths)

    def _made(self, repeats: Whole, widths: Whole, width: float) -> Shape:
        base = self._baseline
        taken = widths[0]
        ends = self._ends._replace(stem=taken, head=widths[1], mix=widths[2], channels=widths[-2])
        first, last, rest = _ends(ends)
        levels = [[base.stem_stride, first], *([[2, 0]] if base.stem_pool else [])]
        for i, stage in enumerate(base.stages):
            channels, se = widths[3 + 2 * i : 5 + 2 * i]
            key = (i, taken, channels, se, *(() if self._whole else (repeats[i],)))
            if key not in self._stages:
                self._stages[key] = self._blocks(i, taken, repeats[i], width)
            one, later = self._stages[key]
            levels[-1][1] += one[0]
            if stage.stride > 1:
                levels.append([stage.stride, 0])
            levels[-1][1] += one[1] + (repeats[i] - 1) * later[1]
            rest += one[2] + (repeats[i] - 1) * later[2]
            taken = channels
        levels[-1][1] += last
        return Shape(tuple((stride, each) for stride, each in levels), rest)

    def _blocks(self, i: int, c_in: int, repeats: int, width: float) -> Blocks:
        old, taken, _ = self._inputs[i]
        # What a fraction of an expansion rounds to may depend on the repeats.
        deep = old if self._whole else dataclasses.replace(old, repeats=repeats)
        stage = resized_stage(old, deep, (taken, c_in), width, self._how)
        one, two = (dataclasses.replace(stage, repeats=n) for n in (1, 2))
        first, both = _square(one, c_in), _square(two, c_in)
        return first, (0, both[1] - first[1], both[2] - first[2])


def _ends(ends: Ends) -> Square:
    """MACs of the stem by its output size, of the head by its input size, and the rest."""
    ends = ends._replace(images=size_of(ends.stem_stride))
    small, large = (block_cost(head(ends._replace(size=size_of(size)))).macs for size in (1, 2))
    each = (large - small) // 3
    return block_cost(stem(ends)).macs, each, small - each


def _square(stage: Stage, c_in: int) -> Square:
    if stage.stride == 1:
        small, large = (stage_cost(stage, c_in, size_of(size)).macs for size in (1, 2))
        second = (large - small) // 3
        return 0, second, small - second
    # Inputs of s, s + 1 and 2s pixels leave 1, 2 and 2.
    s = stage.stride
    least, odd, even = (stage_cost(stage, c_in, size_of(size)).macs for size in (s, s + 1, 2 * s))
    first = (even - odd) // ((2 * s) ** 2 - (s + 1) ** 2)
    second = (odd - least - first * ((s + 1) ** 2 - s**2)) // 3
    return first, second, least - first * s**2 - second
