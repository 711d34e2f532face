"""The reward, the hard limits, and the pick.

MnasNet (Tan et al. 2019, eq. 2 and 3): reward = accuracy * (F / T) ** w, with w = alpha where
F <= T and w = beta elsewhere. `hard` is alpha = 0, beta = -1, and the pick stays within T;
`soft` is the EfficientNet paper's alpha = beta = -0.07 (Tan & Le 2019, sec. 4).
"""

import dataclasses
import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from results.records import Trial
from search_spaces.cost import Cost
from search_spaces.errors import UserError
from search_spaces.quantities import QUANTITIES
from search_spaces.space import Space, Values, descend

# An objective is one line here: name -> (alpha, beta).
OBJECTIVES = {"hard": (0.0, -1.0), "soft": (-0.07, -0.07)}


@dataclass(frozen=True)
class Objective:
    """accuracy * (F / T) ** w on the quantity F, with target T in its base unit.

    caution: how many standard deviations are taken off a predicted accuracy before it is
    compared, against the winner's curse; an accuracy without a spread is taken as it is.
    """

    name: str
    target: float
    quantity: str = "flops"
    caution: float = 1.0

    def __post_init__(self) -> None:
        if self.name not in OBJECTIVES:
            raise UserError(
                f"there is no objective {self.name!r}: expected one of {', '.join(OBJECTIVES)}"
            )
        if not 0 <= self.caution < float("inf"):
            raise UserError(f"caution is {self.caution}: expected 0 or more")

    def cost(self, cost: Cost) -> float:
        """F: the quantity that has the target."""
        return QUANTITIES[self.quantity].measure(cost)

    def reward(self, accuracy: float, cost: float) -> float:
        """accuracy (percent) * (cost / T) ** w."""
        alpha, beta = OBJECTIVES[self.name]
        w = alpha if cost <= self.target else beta
        return float(accuracy * (cost / self.target) ** w)

    def of(self, trial: Trial) -> float:
        """The reward of a trial's cautious accuracy; -inf where it failed."""
        accuracy = self.cautious(trial)
        if accuracy is None:
            return float("-inf")
        return self.reward(accuracy, self.cost(trial.cost))

    def cautious(self, trial: Trial) -> float | None:
        """accuracy - caution * spread, not below 0."""
        if trial.accuracy is None:
            return None
        return max(0.0, trial.accuracy - self.caution * (trial.spread or 0.0))

    def allows(self, trial: Trial) -> bool:
        """Whether the trial can be picked: with `hard` only within T."""
        return self.name != "hard" or self.cost(trial.cost) <= self.target

    def pick(self, trials: Iterable[Trial]) -> Trial | None:
        """The trial of best reward; with `hard` only those within T can be picked."""
        able = [trial for trial in trials if trial.accuracy is not None and self.allows(trial)]
        return max(able, key=lambda trial: (self.of(trial), -trial.number), default=None)

    def named(self, name: str) -> "Objective":
        """The same target under the other rule."""
        return dataclasses.replace(self, name=name)


@dataclass(frozen=True)
class Limit:
    """A hard limit: no network above it is evaluated."""

    quantity: str
    at_most: float

    def excess(self, cost: Cost) -> float:
        """How far above the limit, relative; 0 or less is within."""
        return QUANTITIES[self.quantity].measure(cost) / self.at_most - 1

    def __str__(self) -> str:
        quantity = QUANTITIES[self.quantity]
        return f"{quantity.title} <= {quantity.format(self.at_most)}"


def limits_of(objective: Objective, others: Sequence[Limit] = ()) -> tuple[Limit, ...]:
    """The hard limits of a search: with `hard` the target is one."""
    own = (Limit(objective.quantity, objective.target),) if objective.name == "hard" else ()
    return (*own, *others)


def broken(cost: Cost, limits: Iterable[Limit]) -> list[Limit]:
    """The limits that this cost does not meet."""
    return [limit for limit in limits if limit.excess(cost) > 0]


def feasible_values(space: Space, limits: Sequence[Limit], seed: int = 0) -> Values:
    """Some network's values that meet all limits. Raises UserError that names the nearest."""
    rng = random.Random(seed)
    starts = [space.sample(rng) for _ in range(5)]
    for limit in limits:
        best = min((descend(space, limit.excess, start) for start in starts), key=lambda d: d[1])
        if best[1] > 0:
            quantity = QUANTITIES[limit.quantity]
            least = (best[1] + 1) * limit.at_most
            raise UserError(
                f"no network of the space {space.name!r} has {limit}: the smallest has "
                f"{quantity.format(least)} ({least:.0f}); ask for that or more, or take another "
                "space (`nas spaces`)"
            )

    def penalty(cost: Cost) -> float:
        return sum(max(0.0, limit.excess(cost)) for limit in limits)

    values, least = min((descend(space, penalty, start) for start in starts), key=lambda d: d[1])
    if least > 0:
        from search_spaces.cost import cost

        nearest = cost(space.build(values))
        found = ", ".join(
            f"{QUANTITIES[limit.quantity].title} "
            f"{QUANTITIES[limit.quantity].format(QUANTITIES[limit.quantity].measure(nearest))}"
            for limit in limits
        )
        raise UserError(
            f"no network of the space {space.name!r} meets all limits at once "
            f"({'; '.join(map(str, limits))}): the nearest has {found}"
        )
    return values
