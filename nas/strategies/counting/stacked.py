"""What networks cost whose stages are each a function of few choices, without building them.

What a stage costs depends on its input, and so on more choices than a table could hold. So a table
says which stage stands at each place, and the columns of all networks' stages are counted at once.
"""

import dataclasses
import random
from operator import attrgetter
from typing import Any

import numpy as np

from nas.strategies.codes import Codes, Floats, codes_of, keys_of, network_of
from nas.strategies.counting.rows import counts_of
from nas.strategies.counting.tables import CHECKS, COUNTS, Places, depended, many, numbers_of
from search_spaces.architecture import Architecture, Stage
from search_spaces.costs import columns_of, counted, frames_of, laid_out
from search_spaces.space import Space

_frame = attrgetter(
    *(field.name for field in dataclasses.fields(Architecture)[1:] if field.compare)
)
Split = list[Any]  # stages, None where there is none, and what a network is besides


def _split(architecture: Architecture, most: int) -> Split:
    """Its stages, None at the places behind the last one, and what it is besides."""
    stages = architecture.stages[:most]
    return [*stages, *[None] * (most - len(stages)), _frame(architecture)]


class Stacked:
    """Costs of networks by what stands at their places, which tables say.

    Args:
        space: Whose networks they are.
        places: Of the stages and of the rest of a network, the last place.
    """

    def __init__(self, space: Space, places: Places) -> None:
        self._space, self._places = space, places
        self._table = np.full(places.size, -1)  # of a combination: the number of what stands there
        self._stages: dict[Any, int] = {None: 0}
        self._frames: dict[Any, int] = {}
        self._own = columns_of([Stage("conv", 1)])  # in place of None, whose row nobody reads
        self._frame = frames_of([])

    def __call__(self, codes: Codes) -> tuple[Floats, Floats]:
        """A model's numbers (n, f) and counts (n, COUNTS) of networks."""
        if not len(codes):
            return numbers_of(np.zeros((0, COUNTS))), np.zeros((0, COUNTS))
        numbers = self._numbers(codes)
        stages = numbers[:, :-1]
        there = stages > 0
        own = [column[stages[there]] for column in self._own]
        frame = self._frame[:, numbers[:, -1]]
        whole = counts_of(counted(laid_out(own, there.sum(1), frame), frame))
        return numbers_of(whole), whole

    def _numbers(self, codes: Codes) -> Codes:
        """(n, places) the numbers of what stands there."""
        keys = self._places(codes)
        missing = np.argwhere(self._table[keys] < 0)
        if len(missing):
            self._fill(codes, keys, missing)
        return np.asarray(self._table[keys])

    def _fill(self, codes: Codes, keys: Codes, missing: Codes) -> None:
        """Looks at networks that have what isn't known yet."""
        places: list[dict[Any, int]] = [*[self._stages] * (keys.shape[1] - 1), self._frames]
        before, others = len(self._stages), list[Architecture]()
        for n, at in missing.tolist():
            if self._table[keys[n, at]] >= 0:
                continue
            built = network_of(self._space, codes[n])
            split = _split(built, len(places) - 1)
            if split[-1] not in self._frames:
                others.append(built)
            for key, thing, known in zip(keys[n], split, places, strict=True):
                self._table[key] = known.setdefault(thing, len(known))
        if len(self._stages) > before:
            new = columns_of(list(self._stages)[before:])
            self._own = [np.append(*both) for both in zip(self._own, new, strict=True)]
        if others:
            self._frame = np.hstack([self._frame, frames_of(others)])

    def splits(self, codes: Codes) -> list[Split]:
        """What stands at the places of networks (n, choices), by the tables."""
        numbers = self._numbers(codes).tolist()
        stages, frames = list(self._stages), list(self._frames)
        return [[*map(stages.__getitem__, row[:-1]), frames[row[-1]]] for row in numbers]

    def networks(self, codes: Codes) -> list[Architecture]:
        """The networks of codes (n, choices)."""
        return [network_of(self._space, row) for row in codes]

    def identities(self, codes: Codes) -> list[bytes]:
        """What tells the networks of codes (n, choices) apart."""
        return keys_of(self._numbers(codes), np.uint32)


def stacked_of(space: Space) -> Stacked | None:
    """The tables; None where there can be none, or a random network disagrees with them."""
    if many(space):
        return None
    rng = random.Random(1)
    drawn = [space.sample(rng) for _ in range(CHECKS)]
    built = [space.build(values) for values in drawn]
    most = max(len(one.stages) for one in built)

    def split(architecture: Architecture) -> Split:
        return _split(architecture, most)

    sets = depended(space, split)
    if sets is None:
        return None
    made, codes = Stacked(space, Places(space, sets)), codes_of(space.choices, drawn)
    made.identities(codes[: CHECKS // 2])  # fills tables, which the second half then reads too
    return made if made.splits(codes) == list(map(split, built)) else None
