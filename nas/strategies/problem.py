"""What a sampler may know before anything is evaluated: choices, exact costs, what is allowed.

A network is a row of `codes`: for each choice the position of its option. Everything here is
vectorised over rows, so that an inner search can look at thousands of networks in milliseconds.
"""

import functools
from collections.abc import Hashable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from nas.objective import Limit, Objective, broken, feasible_values
from nas.strategies.codes import Codes, Floats, keys_of, moved, network_of, positions
from nas.strategies.counting.parts import Parts, parts_of
from nas.strategies.counting.rows import Rows
from nas.strategies.counting.stacked import Stacked, stacked_of
from search_spaces.architecture import Architecture
from search_spaces.cost import Cost
from search_spaces.quantities import Quantity
from search_spaces.space import Space, Value, Values


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

    def of(self, rows: NDArray[Any] | slice) -> "Facts":
        """The facts of some of the networks, by a mask, positions or a slice."""
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


class Remembered:
    """A problem's facts of networks that are asked for again with others after them.

    Args:
        problem: Whose facts they are.
    """

    def __init__(self, problem: Problem) -> None:
        self._problem = problem
        self._codes: Codes | None = None
        self._facts: Facts

    def __call__(self, codes: Codes) -> Facts:
        """The facts of networks (n, choices); those of as many as were first before are known."""
        if self._codes is None:
            self._codes, self._facts = codes, self._problem.facts(codes)
        both = min(len(codes), len(self._codes))
        same = (codes[:both] == self._codes[:both]).all(1)
        both = both if same.all() else int(same.argmin())
        if both < len(codes):
            pairs = zip(self._facts, self._problem.facts(codes[both:]), strict=True)
            self._facts = Facts(*(np.concatenate([one[:both], more]) for one, more in pairs))
            self._codes = codes
        return self._facts.of(np.s_[: len(codes)])


class SpaceProblem:
    """A search over a Space, with what is known of its networks. Cheap until it is asked.

    Args:
        space: Its choices and networks.
        objective: The reward.
        limits: What is allowed.
        anchor: Values of some network within the limits; None looks for one when it is needed.
    """

    pool: Codes | None = None

    def __init__(
        self,
        space: Space,
        objective: Objective,
        limits: Sequence[Limit],
        anchor: Values | None = None,
    ) -> None:
        self._anchor = anchor
        self.space, self.objective, self.limits = space, objective, tuple(limits)
        self._predicted: dict[str, dict[bytes, float]] = {}

    @property
    def choices(self) -> Mapping[str, Sequence[Value]]:
        """The options of each of the space's choices."""
        return self.space.choices

    @functools.cached_property
    def _listed(self) -> Stacked | Rows:
        return stacked_of(self.space) or Rows(self.space)

    @functools.cached_property
    def _counts(self) -> Parts | Stacked | Rows:
        return parts_of(self.space) or self._listed

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
        keys = keys_of(codes)
        new = {key: row for key, row in zip(keys, codes, strict=True) if key not in known}
        values = quantity.measure_many(self.networks(np.array(list(new.values()))) if new else [])
        known.update(zip(new, values, strict=True))
        return np.array([known[key] for key in keys])

    def anchor(self) -> Codes:
        """A code (choices,) within the limits.

        Raises:
            UserError: None is found.
        """
        if self._anchor is None:
            self._anchor = feasible_values(self.space, self.limits)
        return positions(self.choices, self._anchor)

    def keys(self, codes: Codes) -> list[Hashable]:
        """The architectures."""
        return [*self.networks(codes)]

    def networks(self, codes: Codes) -> list[Architecture]:
        """The networks of codes (n, choices)."""
        return self._listed.networks(codes)

    def identities(self, codes: Codes) -> Sequence[Hashable]:
        """What tells the networks of codes (n, choices) apart, in less time than building them."""
        return self._listed.identities(codes)

    def changes(self, code: Codes, moves: Codes) -> Codes:
        """Those of the changes of one choice (2, m) that make another network of a code (choices,).

        An option can mean nothing beside the others, as the kernel of a stage without blocks.

        Returns:
            (2, k) choices and options.
        """
        mother, *others = self.identities(np.vstack([code, moved(code, moves)]))
        return np.asarray(moves[:, [other != mother for other in others]])

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
        return network_of(self.space, code)
