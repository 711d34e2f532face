"""What networks cost by one table of their parts' costs, each a function of few choices."""

import random
from typing import Any

import numpy as np

from nas.strategies.codes import Codes, Floats, codes_of, network_of
from nas.strategies.counting.tables import CHECKS, COUNTS, Places, depended, many, numbers_of
from search_spaces.architecture import Architecture
from search_spaces.cost import cost, ends_cost, stage_cost
from search_spaces.layers import Ends, ends_of, stage_inputs
from search_spaces.space import Space


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


class Parts:
    """Costs by a table whose rows are filled when they are first asked for."""

    def __init__(self, space: Space, places: Places) -> None:
        self._space, self._places = space, places
        self._table = np.zeros((places.size, COUNTS))
        self._logs = np.zeros((places.size, 3))
        self._known = np.zeros(places.size, bool)

    def __call__(self, codes: Codes) -> tuple[Floats, Floats]:
        """A model's numbers (n, f) and counts (n, COUNTS) of networks."""
        keys = self._places(codes)
        missing = ~self._known[keys]
        if missing.any():
            for n, i in np.argwhere(missing):
                if not self._known[keys[n, i]]:
                    self._fill(int(keys[n, i]), int(i), codes[n])
        whole = _whole(self._table[keys])
        stages = self._logs[keys[:, :-1]].reshape(len(codes), 3 * (keys.shape[1] - 1))
        return np.hstack([numbers_of(whole), stages]), whole

    def _fill(self, key: int, i: int, code: Codes) -> None:
        built = network_of(self._space, code)
        self._table[key] = _count(_split(built)[i])
        self._logs[key] = np.log(self._table[key, :3])
        self._known[key] = True


def parts_of(space: Space) -> Parts | None:
    """The table; None where there can be none, or a random network's costs disagree with it."""
    if many(space) or (sets := depended(space, _split)) is None:
        return None
    made, rng = Parts(space, Places(space, sets)), random.Random(1)
    drawn = [space.sample(rng) for _ in range(CHECKS)]
    codes = codes_of(space.choices, drawn)
    made(codes[: CHECKS // 2])  # fills rows of the table, which the second half then reads too
    exact = np.array([cost(space.build(values)) for values in drawn], float)
    return made if np.array_equal(made(codes)[1][:, :4], exact) else None
