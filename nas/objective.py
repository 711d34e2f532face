"""The reward, the hard limits, and the pick.

MnasNet (Tan et al. 2019, eq. 2 and 3): reward = accuracy * (F / T) ** w, with w = alpha where
F <= T and w = beta elsewhere. `hard` is alpha = 0, beta = -1, and the pick stays within T;
`soft` is the EfficientNet paper's alpha = beta = -0.07 (Tan & Le 2019, sec. 4).
"""

import dataclasses
import math
import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from results.runs.records import Trial
from search_spaces.architecture import Architecture
from search_spaces.cost import cost
from search_spaces.errors import RunFailure, UserError, check_positive, make_plain, meant
from search_spaces.quantities import Quantity, quantity
from search_spaces.space import Penalty, Space, Values, descend

if TYPE_CHECKING:
    from numpy import float64
    from numpy.typing import NDArray

Number = TypeVar("Number", float, "NDArray[float64]")

# Spreads taken off a prediction, where nothing else is asked for: with as much, picks kept most of
# what they promised (`benchmarks/budgets.py`).
CAUTION = 2.0
# An objective is one line here: name -> (alpha, beta).
OBJECTIVES = {"hard": (0.0, -1.0), "soft": (-0.07, -0.07)}


@dataclass(frozen=True)
class Objective:
    """accuracy * (F / T) ** w on the quantity F, with target T in its base unit.

    Attributes:
        name: Of OBJECTIVES, which gives w.
        target: T.
        quantity: A key of `QUANTITIES`, or a device's quantity (`nas/devices/registry.py`).
        caution: How many standard deviations are taken off a predicted accuracy before it is
            compared, against the winner's curse; an accuracy without a spread is taken as it is.

    Raises:
        UserError: A field can't be.
    """

    name: str
    target: float
    quantity: str | Quantity = "flops"
    caution: float = CAUTION

    def __post_init__(self) -> None:
        make_plain(self)
        if not isinstance(self.name, str) or self.name not in OBJECTIVES:
            raise UserError(
                f"there is no objective {self.name!r}{meant(self.name, OBJECTIVES)}: expected one "
                f"of {', '.join(OBJECTIVES)}"
            )
        check_positive("the target", self.target)
        if not isinstance(self.caution, int | float) or not 0 <= self.caution < math.inf:
            raise UserError(f"caution is {self.caution!r}: expected 0 or more")

    @property
    def of_quantity(self) -> Quantity:
        """The quantity itself."""
        return quantity(self.quantity)

    def cost(self, architecture: Architecture) -> float:
        """F: the quantity that has the target."""
        return self.of_quantity.measure(architecture)

    def reward(self, accuracy: Number, cost: Number) -> Number:
        """The accuracy times (cost / T) ** w, of numbers or of arrays.

        Args:
            accuracy: Percent.
            cost: F.
        """
        alpha, beta = OBJECTIVES[self.name]
        w = beta + (alpha - beta) * (cost <= self.target)
        reward: Number = accuracy * (cost / self.target) ** w
        return reward

    def of(self, trial: Trial) -> float:
        """The reward of a trial's cautious accuracy; -inf where it failed."""
        accuracy = self.cautious(trial)
        if accuracy is None:
            return float("-inf")
        return self.reward(accuracy, self.cost(trial.architecture))

    def cautious(self, trial: Trial) -> float | None:
        """The accuracy less caution * spread, not below 0; None where the trial failed."""
        if trial.accuracy is None:
            return None
        return max(0.0, trial.accuracy - self.caution * (trial.spread or 0.0))

    def allows(self, trial: Trial) -> bool:
        """Whether the trial can be picked: with `hard` only within T."""
        return self.name != "hard" or self.cost(trial.architecture) <= self.target

    def merit(self, trial: Trial) -> tuple[float, ...]:
        """What trials are compared by, larger first: the reward, and what decides among equals.

        Of equal rewards, which are usual where few images are validated, that of least cost F wins,
        then that of fewest multiply-adds, parameters and bytes, then the lowest number.
        """
        return (self.of(trial), *self.thrift(trial.architecture), -trial.number)

    def thrift(self, architecture: Architecture) -> tuple[float, ...]:
        """What decides among networks of equal reward, larger first."""
        figures = cost(architecture)
        return -self.cost(architecture), -figures.macs, -figures.params, -figures.memory

    def pick(self, trials: Iterable[Trial]) -> Trial | None:
        """The trial of most `merit`; with `hard` only those within T can be picked."""
        from search_spaces.costs import remember

        done = [trial for trial in trials if trial.accuracy is not None]
        remember([trial.architecture for trial in done])  # many at once take a quarter of the time
        able = [trial for trial in done if self.allows(trial)]
        rewards = [self.of(trial) for trial in able]
        top = max(rewards, default=0.0)
        equal = [trial for trial, reward in zip(able, rewards, strict=True) if reward == top]
        return max(equal, key=self.merit, default=None)

    def named(self, name: str) -> "Objective":
        """The same target under the other rule."""
        return dataclasses.replace(self, name=name)


@dataclass(frozen=True)
class Limit:
    """A hard limit: no network above it is evaluated.

    Attributes:
        quantity: As `Objective.quantity`.
        at_most: In the quantity's base unit.

    Raises:
        UserError: There is no such quantity, or the limit is no number above 0.
    """

    quantity: str | Quantity
    at_most: float

    def __post_init__(self) -> None:
        quantity(self.quantity)
        make_plain(self)
        check_positive("the limit", self.at_most)

    @property
    def of_quantity(self) -> Quantity:
        """The quantity itself."""
        return quantity(self.quantity)

    def excess(self, architecture: Architecture) -> float:
        """How far above the limit, relative; 0 or less is within.

        A device's prediction counts by its mean.
        """
        return self.of_quantity.measure(architecture) / self.at_most - 1

    def __str__(self) -> str:
        of = self.of_quantity
        return f"{of.title} {'>=' if of.inverse else '<='} {of.format(self.at_most)}"


def limits_of(objective: Objective, others: Sequence[Limit] = ()) -> tuple[Limit, ...]:
    """The hard limits of a search: with `hard` the target is one."""
    own = (Limit(objective.quantity, objective.target),) if objective.name == "hard" else ()
    return (*own, *others)


def limits_given(given: Any, what: str = "limits") -> tuple[Limit, ...]:
    """What a program gives as limits: one, or several.

    Raises:
        UserError: They are none, or one is of a device that is not named; `what` names them.
    """
    listed = (given,) if isinstance(given, Limit) else given
    if not isinstance(listed, tuple | list) or not all(isinstance(one, Limit) for one in listed):
        raise UserError(f'{what} is {given!r:.60}: expected Limits, as (nas.Limit("params", 5e6),)')
    for of in (limit.of_quantity for limit in listed):
        if of.of_cost is None and of.predict is None:
            raise UserError(
                f"{what} has a Limit of {of.key!r}, which needs the device itself: expected "
                f'nas.device("zcu102").quantity("{of.key.partition(":")[0]}") in its place'
            )
    return tuple(listed)


def no_pick(trials: Sequence[Trial], place: object) -> UserError | RunFailure:
    """Why a search that ended has no pick: a failure of the run where every trial failed.

    Args:
        trials: All that are finished.
        place: The run's folder.
    """
    failed = [trial for trial in trials if trial.error]
    last = f", the last one with {failed[-1].error!r}" if failed else ""
    if failed and len(failed) == len(trials):
        return RunFailure(
            f"there is no pick, since every trial failed{last}: mend the evaluator, and search "
            "anew with another --name"
        )
    return UserError(
        f"there is no pick, since every trial failed{last} or broke the target: see "
        f"{place}/trials.csv, and mend the evaluator or allow more"
    )


def broken(architecture: Architecture, limits: Iterable[Limit]) -> list[Limit]:
    """The limits that this network does not meet."""
    return [limit for limit in limits if limit.excess(architecture) > 0]


ELSE = "take another space (`nas spaces`)"  # than to ask for what is possible


def feasible_values(
    space: Space, limits: Sequence[Limit], seed: int = 0, otherwise: str = ELSE
) -> Values:
    """Some network's values that meet all limits.

    Args:
        space: Where they are from.
        limits: What they meet.
        seed: Of where it begins to look.
        otherwise: What else a user can do where none meets them.

    Raises:
        UserError: None meets them; the message says what would be possible.
        OutOfDomain: A device does not cover the space.
    """
    rng = random.Random(seed)
    starts = [space.sample(rng) for _ in range(5)]

    def least(penalty: Penalty, enough: float = -math.inf) -> tuple[Values, float]:
        found: list[tuple[Values, float]] = []
        for start in starts:
            found.append(descend(space, penalty, start, enough))
            if found[-1][1] <= enough:
                break
        return min(found, key=lambda one: one[1])

    def excess_of(limit: Limit) -> Penalty:
        return lambda nets: [v / limit.at_most - 1 for v in limit.of_quantity.measure_many(nets)]

    def over(some: Sequence[Limit]) -> Penalty:
        def sums(nets: Sequence[Architecture]) -> list[float]:
            rows = [excess_of(limit)(nets) for limit in some]
            return [sum(max(0.0, v) for v in column) for column in zip(*rows, strict=True)]

        return sums if some else lambda nets: [0.0] * len(nets)

    for limit in limits:
        values, excess = least(excess_of(limit), enough=0.0)
        if excess > 0:
            raise UserError(
                f"no network of the space {space.name!r} has {limit}: "
                f"{_best(limit, found := space.build(values))}; ask for "
                f"{limit.of_quantity.enough(limit.of_quantity.measure(found))}, or {otherwise}"
            )
    values, excess = least(over(limits), enough=0.0)
    if excess > 0:
        offers = []
        for limit in limits:
            others = [other for other in limits if other is not limit]
            of_others, own = over(others), excess_of(limit)

            def joint(
                nets: Sequence[Architecture], a: Penalty = of_others, b: Penalty = own
            ) -> Any:
                return [1e6 * x + y for x, y in zip(a(nets), b(nets), strict=True)]

            near, rest = least(joint)
            if rest < 1e5:
                offers.append(f"of {limit.of_quantity.title} {_best(limit, space.build(near))}")
        raise UserError(
            f"no network of the space {space.name!r} meets all limits at once "
            f"({'; '.join(map(str, limits))}): with the others kept, {'; or '.join(offers)}"
        )
    return values


def _best(limit: Limit, architecture: Architecture) -> str:
    """What would be possible instead of a limit, in words."""
    of = limit.of_quantity
    value = of.measure(architecture)
    exact = f" ({value:.0f})" if of.of_cost else ""
    return f"the {'fastest' if of.inverse else 'smallest'} has {of.format(value)}{exact}"
