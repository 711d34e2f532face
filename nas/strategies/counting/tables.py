"""Tables of what stands at the places of a space's networks, each a function of few choices."""

import math
import random
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from nas.strategies.codes import Codes, Floats
from search_spaces.architecture import Architecture
from search_spaces.cost import Cost
from search_spaces.space import Space

LARGEST = 1 << 18  # combinations of options that the table of one place may have
PROBES = 6000  # networks at most that are built to find out what places depend on
BASES = 6  # random networks that choices are changed in, one at a time
CHECKS = 60  # random networks whose costs are compared with those from tables
# A Cost's four numbers; blocks; blocks with SE; sums over blocks of the kernel and the expansion.
COUNTS = len(Cost._fields) + 4
Split = Callable[[Architecture], Sequence[Any]]  # what stands at each place, the last the rest


def many(space: Space) -> bool:
    """Whether there are too many choices to find out what places depend on."""
    return BASES * sum(map(len, space.choices.values())) > PROBES


def depended(space: Space, split: Split) -> list[list[int]] | None:
    """Which choices each place depends on, as changes of one choice at a time show.

    Args:
        space: Whose networks are built.
        split: Gives as many places for each of them.

    Returns:
        Positions of choices; None where the number of places differs or a table would be too
        large.
    """
    rng = random.Random(0)
    sets: list[set[int]] = []
    for _ in range(BASES):
        base = space.sample(rng)
        was = split(space.build(base))
        sets = sets or [set() for _ in was]
        for at, (name, options) in enumerate(space.choices.items()):
            for option in options:
                now = split(space.build({**base, name: option}))
                if len(now) != len(sets):
                    return None
                for found, old, new in zip(sets, was, now, strict=True):
                    if old is not new and old != new:
                        found.add(at)
    lengths = [len(options) for options in space.choices.values()]
    if any(math.prod(lengths[at] for at in found) > LARGEST for found in sets):
        return None
    return [sorted(found) for found in sets]


class Places:
    """Where each place's combinations of options stand in one table.

    That of place i of a network is starts[i] + code @ steps[:, i].

    Args:
        space: Its choices.
        sets: Which of them each place depends on.
    """

    def __init__(self, space: Space, sets: Sequence[Sequence[int]]) -> None:
        lengths = [len(options) for options in space.choices.values()]
        self._steps = np.zeros((len(lengths), len(sets)), np.int64)
        starts = [0]
        for i, depends in enumerate(sets):
            size = 1
            for choice in depends:
                self._steps[choice, i], size = size, size * lengths[choice]
            starts.append(starts[-1] + size)
        self._starts, self.size = np.array(starts[:-1]), starts[-1]

    def __call__(self, codes: Codes) -> Codes:
        """The rows (n, places) of codes (n, choices)."""
        return np.asarray(codes @ self._steps + self._starts)


def numbers_of(whole: Floats) -> Floats:
    """A model's numbers of networks by their counts (n, COUNTS).

    Logs of costs and depth, and shares of the blocks.
    """
    blocks = np.maximum(whole[:, 4:5], 1)
    return np.hstack([np.log(whole[:, :4]), np.log(blocks), blocks, whole[:, 5:] / blocks])
