"""What networks of a space cost, from tables or network by network.

What a part of a network costs, and with it the whole, is a function of few choices in most
spaces; a table for each part is filled as it is asked for. Where that can't be, networks are built
and counted many at once.
"""

import itertools
import math
import random
from collections.abc import Sequence
from typing import Any

import numpy as np

from nas.strategies.codes import Codes, Floats, codes_of, keys_of, values_of
from search_spaces.architecture import Architecture
from search_spaces.cost import cost, ends_cost, stage_cost
from search_spaces.costs import costs, keep
from search_spaces.layers import Ends, ends_of, stage_inputs
from search_spaces.space import Space

LARGEST = 1 << 18  # combinations of options that the table of one part may have
PROBES = 6000  # networks at most that are built to find out what parts depend on
KEPT = 1 << 13  # networks at most that are remembered
# A Cost's four numbers; blocks; blocks with SE; sums over blocks of the kernel and the expansion.
COUNTS = 8


def _split(architecture: Architecture) -> list[tuple[Any, ...]]:
    """What costs are sums over: each stage with its input, then the ends."""
    inputs = stage_inputs(architecture)
    return [*inputs, ends_of(architecture, inputs)]


def _count(part: tuple[Any, ...]) -> list[float]:
    """The COUNTS of one part of an architecture."""
    if isinstance(part, Ends):
        return [*ends_cost(part), 0.0, 0.0, 0.0, 0.0]
    stage = part[0]
    n = stage.repeats
    return [*stage_cost(*part), n, n * (stage.se > 0), n * stage.kernel, n * stage.expand]


def _whole(parts: Floats) -> Floats:
    """The counts of whole networks from (n, parts, COUNTS): sums, and the largest `live`."""
    whole = parts.sum(1)
    whole[:, 3] = parts[:, :, 3].max(1)
    return np.asarray(whole)


def _numbers(whole: Floats) -> Floats:
    """A model's numbers of whole networks: logs of costs and depth, and shares of the blocks."""
    blocks = np.maximum(whole[:, 4:5], 1)
    return np.hstack([np.log(whole[:, :4]), np.log(blocks), blocks, whole[:, 5:] / blocks])


class Parts:
    """Costs by one table, whose rows are filled when they are first asked for.

    Part i of a network is a function of the few choices `sets[i]`, and its row in the table is
    start[i] + code @ steps[:, i].
    """

    def __init__(self, space: Space, sets: Sequence[Sequence[int]]) -> None:
        self._space = space
        lengths = [len(options) for options in space.choices.values()]
        self._steps = np.zeros((len(lengths), len(sets)), np.int64)
        starts = [0]
        for i, depended in enumerate(sets):
            size = 1
            for choice in depended:
                self._steps[choice, i], size = size, size * lengths[choice]
            starts.append(starts[-1] + size)
        self._starts = np.array(starts[:-1])
        self._table = np.zeros((starts[-1], COUNTS))
        self._logs = np.zeros((starts[-1], 3))
        self._known = np.zeros(starts[-1], bool)

    def __call__(self, codes: Codes) -> tuple[Floats, Floats]:
        """A model's numbers (n, f) and counts (n, COUNTS) of networks."""
        keys = codes @ self._steps + self._starts
        missing = ~self._known[keys]
        if missing.any():
            for n, i in np.argwhere(missing):
                if not self._known[keys[n, i]]:
                    self._fill(int(keys[n, i]), int(i), codes[n])
        whole = _whole(self._table[keys])
        stages = self._logs[keys[:, :-1]].reshape(len(codes), 3 * (keys.shape[1] - 1))
        return np.hstack([_numbers(whole), stages]), whole

    def _fill(self, key: int, i: int, code: Codes) -> None:
        built = self._space.build(values_of(self._space.choices, code))
        self._table[key] = _count(_split(built)[i])
        self._logs[key] = np.log(self._table[key, :3])
        self._known[key] = True


class Rows:
    """Costs of networks that are built for it, for a space whose build fits no tables."""

    def __init__(self, space: Space) -> None:
        self._space = space
        self._built: dict[bytes, Architecture] = {}
        self._counted: dict[bytes, Floats] = {}

    def built(self, codes: Codes) -> list[Architecture]:
        """The networks of codes (n, choices); the latest are built once."""
        keys = keys_of(codes)
        if len(self._built) > KEPT:
            for key in list(itertools.islice(self._built, KEPT // 2)):
                del self._built[key]
                self._counted.pop(key, None)
        choices, build = self._space.choices, self._space.build
        for key, row in zip(keys, codes, strict=True):
            if key not in self._built:
                self._built[key] = build(values_of(choices, row))
        return [self._built[key] for key in keys]

    def __call__(self, codes: Codes) -> tuple[Floats, Floats]:
        """A model's numbers (n, f) and counts (n, COUNTS); those of the latest are remembered."""
        networks, keys = self.built(codes), keys_of(codes)
        new = [at for at, key in enumerate(keys) if key not in self._counted]
        if new:
            counted = self._count([networks[at] for at in new])
            self._counted.update(zip((keys[at] for at in new), counted, strict=True))
        if len(new) == len(keys):
            whole = counted if new else np.zeros((0, COUNTS))
        else:
            whole = np.array([self._counted[key] for key in keys])
        return _numbers(whole), whole

    def _count(self, networks: list[Architecture]) -> Floats:
        counted = costs(networks)
        keep(networks, counted)
        of, n = counted.stages, len(networks)
        repeats = of.repeats.astype(float)
        sums = [
            np.bincount(of.network, column, n)
            for column in (repeats, repeats * (of.se > 0), repeats * of.kernel, repeats * of.expand)
        ]
        return np.hstack([counted.columns, np.stack(sums, 1)])


def parts_of(space: Space, bases: int = 6, checks: int = 60) -> Parts | None:
    """Finds which choices each part of a network depends on, by changing one choice at a time.

    Args:
        space: Whose networks are built.
        bases: Random networks that the choices are changed in.
        checks: Random networks whose costs are compared with those of the table.

    Returns:
        The table; None where the number of parts differs, there are too many choices to try, a
        table would be too large, or a random network's costs disagree.
    """
    if bases * sum(map(len, space.choices.values())) > PROBES:
        return None
    rng = random.Random(0)
    sets: list[set[int]] = []
    for _ in range(bases):
        base = space.sample(rng)
        was = _split(space.build(base))
        sets = sets or [set() for _ in was]
        for at, (name, options) in enumerate(space.choices.items()):
            for option in options:
                now = _split(space.build({**base, name: option}))
                if len(now) != len(sets):
                    return None
                for depended, old, new in zip(sets, was, now, strict=True):
                    if old != new:
                        depended.add(at)
    lengths = [len(options) for options in space.choices.values()]
    if any(math.prod(lengths[at] for at in depended) > LARGEST for depended in sets):
        return None
    made = Parts(space, [sorted(depended) for depended in sets])
    drawn = [space.sample(rng) for _ in range(checks)]
    codes = codes_of(space.choices, drawn)
    made(codes[: checks // 2])  # fills rows of the table, which the second half then reads too
    exact = np.array([cost(space.build(values)) for values in drawn], float)
    return made if np.array_equal(made(codes)[1][:, :4], exact) else None
