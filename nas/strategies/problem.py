"""What a sampler may know before anything is evaluated: choices, exact costs, what is allowed.

A network is a row of `codes`: for each choice the position of its option. Everything here is
vectorised over rows, so that an inner search can look at thousands of networks in milliseconds.
"""

import functools
import math
import random
from collections.abc import Hashable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from nas.objective import Limit, Objective, broken, feasible_values
from search_spaces.architecture import Architecture
from search_spaces.cost import Cost, cost, ends_cost, stage_cost
from search_spaces.layers import Ends, ends_of, stage_inputs
from search_spaces.quantities import Quantity
from search_spaces.space import Space, Value, Values

Codes = NDArray[np.int64]  # (n, choices) networks, or (choices,) a single one
Floats = NDArray[np.float64]
LARGEST = 1 << 18  # combinations of options that the table of one part may have
# A Cost's four numbers; blocks; blocks with SE; sums over blocks of the kernel and the expansion.
COUNTS = 8


class Facts(NamedTuple):
    """What is known of n networks without evaluating them.

    Attributes:
        numbers: (n, f) for a model.
        cost: (n,) the F of the reward, in the quantity's base unit.
        allowed: (n,) whether all limits are kept.
    """

    numbers: Floats
    cost: Floats
    allowed: NDArray[np.bool_]

    def of(self, rows: NDArray[Any]) -> "Facts":
        """The facts of some of the networks, by a mask or positions."""
        return Facts(self.numbers[rows], self.cost[rows], self.allowed[rows])


class Problem(Protocol):
    """What samplers may ask about networks that nobody evaluated."""

    @property
    def choices(self) -> Mapping[str, Sequence[Value]]:
        """The options of each choice, as a Space's."""

    @property
    def objective(self) -> Objective | None:
        """The reward; None where samplers are told a plain value."""

    @property
    def pool(self) -> Codes | None:
        """Codes (n, choices): the only networks that exist; None: all combinations do."""

    def facts(self, codes: Codes) -> Facts:
        """The facts of networks (n, choices)."""

    def keys(self, codes: Codes) -> list[Hashable]:
        """What tells networks apart: two codes may build the same one."""
        ...

    def anchor(self) -> Codes:
        """A code (choices,) that is allowed; random networks turn to it until they are."""
        ...


class SpaceProblem:
    """A search over a Space, with what is known of its networks. Cheap until it is asked.

    Args:
        space: Its choices and networks.
        objective: The reward.
        limits: What is allowed.
    """

    pool: Codes | None = None

    def __init__(self, space: Space, objective: Objective, limits: Sequence[Limit]) -> None:
        self.space, self.objective, self.limits = space, objective, tuple(limits)
        self._predicted: dict[str, dict[bytes, float]] = {}

    @property
    def choices(self) -> Mapping[str, Sequence[Value]]:
        """The options of each of the space's choices."""
        return self.space.choices

    @functools.cached_property
    def _counts(self) -> "_Parts | _Rows":
        return parts_of(self.space) or _Rows(self.space)

    def facts(self, codes: Codes) -> Facts:
        """The facts of networks (n, choices).

        Raises:
            OutOfDomain: A device's quantity does not cover one of them.
        """
        numbers, whole = self._counts(codes)
        columns = Cost(*whole[:, :4].T)
        allowed = np.ones(len(codes), bool)
        for limit in self.limits:
            allowed &= self._measured(limit.of_quantity, codes, columns) / limit.at_most - 1 <= 0
        return Facts(numbers, self._measured(self.objective.of_quantity, codes, columns), allowed)

    def _measured(self, quantity: Quantity, codes: Codes, columns: Cost) -> Floats:
        """The quantity of networks (n,), in its base unit; a device's are remembered."""
        if quantity.of_cost is not None:
            return np.asarray(quantity.of_cost(columns), float)
        known = self._predicted.setdefault(quantity.key, {})
        keys = [row.tobytes() for row in codes]
        new = {key: row for key, row in zip(keys, codes, strict=True) if key not in known}
        values = quantity.measure_many([self.architecture(row) for row in new.values()])
        known.update(zip(new, values, strict=True))
        return np.array([known[key] for key in keys])

    def anchor(self) -> Codes:
        """A code (choices,) within the limits.

        Raises:
            UserError: None is found.
        """
        return positions(self.choices, feasible_values(self.space, self.limits))

    def keys(self, codes: Codes) -> list[Hashable]:
        """The architectures."""
        return [self.architecture(row) for row in codes]

    def within(self, architecture: Hashable) -> bool:
        """Whether a network of `keys` meets the limits by its own exact costs.

        Whatever a table said of its code.
        """
        assert isinstance(architecture, Architecture)
        exact = [limit for limit in self.limits if limit.of_quantity.of_cost is not None]
        return not broken(architecture, exact)

    def known(self) -> list[Values]:
        """Values of networks that people have, where the space names some."""
        return [] if self.space.known is None else list(self.space.known())

    def architecture(self, code: Codes) -> Architecture:
        """The network of a code (choices,)."""
        return self.space.build(values_of(self.choices, code))


def positions(choices: Mapping[str, Sequence[Value]], values: Mapping[str, Any]) -> Codes:
    """The code of one option for each choice.

    Raises:
        ValueError: A value is none of its choice's options.
    """
    return np.array([list(options).index(values[name]) for name, options in choices.items()])


def values_of(choices: Mapping[str, Sequence[Value]], code: Codes) -> dict[str, Value]:
    """The options of a code (choices,); the inverse of `positions`."""
    return {name: options[int(i)] for (name, options), i in zip(choices.items(), code, strict=True)}


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


class _Parts:
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
        keys = codes @ self._steps + self._starts
        missing = ~self._known[keys]
        if missing.any():
            for n, i in np.argwhere(missing):
                if not self._known[keys[n, i]]:
                    self._fill(int(keys[n, i]), int(i), codes[n])
        whole = _whole(self._table[keys])
        stages = self._logs[keys[:, :-1]].reshape(len(codes), -1)
        return np.hstack([_numbers(whole), stages]), whole

    def _fill(self, key: int, i: int, code: Codes) -> None:
        built = self._space.build(values_of(self._space.choices, code))
        self._table[key] = _count(_split(built)[i])
        self._logs[key] = np.log(self._table[key, :3])
        self._known[key] = True


class _Rows:
    """Costs network by network, for a space whose build fits no tables. Remembers them."""

    def __init__(self, space: Space) -> None:
        self._space = space
        self._seen: dict[bytes, list[float]] = {}

    def __call__(self, codes: Codes) -> tuple[Floats, Floats]:
        whole = np.array([self._counts(row) for row in codes]).reshape(len(codes), COUNTS)
        return _numbers(whole), whole

    def _counts(self, row: Codes) -> list[float]:
        key = row.tobytes()
        if key not in self._seen:
            built = self._space.build(values_of(self._space.choices, row))
            counts = [_count(part) for part in _split(built)]
            self._seen[key] = _whole(np.array([counts]))[0].tolist()
        return self._seen[key]


def parts_of(space: Space, bases: int = 6, checks: int = 60) -> _Parts | None:
    """Finds which choices each part of a network depends on, by changing one choice at a time.

    Args:
        space: Whose networks are built.
        bases: Random networks that the choices are changed in.
        checks: Random networks whose costs are compared with those of the table.

    Returns:
        The table; None where the number of parts differs, a table would be too large, or a
        random network's costs disagree.
    """
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
    made = _Parts(space, [sorted(depended) for depended in sets])
    drawn = [space.sample(rng) for _ in range(checks)]
    codes = np.array([positions(space.choices, values) for values in drawn])
    made(codes[: checks // 2])  # fills rows of the table, which the second half then reads too
    exact = np.array([cost(space.build(values)) for values in drawn], float)
    return made if np.array_equal(made(codes)[1][:, :4], exact) else None
