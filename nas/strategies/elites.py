"""Evolution by generations, for evaluators that take many networks at once.

The costs from the cheapest network to T are cut into bins of equal ratio, and each bin keeps its
best networks (MAP-Elites: Mouret & Clune 2015, arXiv 1504.04909), so that the whole front is
filled and not its end near T alone. A generation's parents are half the networks of best reward,
half elites of random bins; every few generations look at all networks one change away from the
best, so that no seed ends beside an optimum that a step or two would reach.

A generation is a function of (seed, its number, what was told of those before it): a search that
was stopped and continued proposes the same networks as one that was not.
"""

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nas.objective import Objective
from nas.strategies.inner import Inner
from nas.strategies.problem import Codes, Floats, SpaceProblem, positions

ROUNDS = 40  # times that children are made until a generation is full
SOFT_SPAN = 4.0  # where the objective is `soft`, bins reach this many times T


@dataclass(frozen=True)
class Settings:
    """How a search by generations goes about it.

    Attributes:
        least: Fewest networks of a generation.
        most: Most networks of a generation.
        share: Of the networks told so far, how many a generation has between these two.
        bins: Of cost, between the cheapest network seen and the dearest allowed.
        kept: Elites of a bin.
        near: Share of the parents that are the networks of best reward.
        best: How many networks these are.
        local: Every so many generations one looks around the best network.
    """

    least: int = 32
    most: int = 250
    share: float = 0.1
    bins: int = 32
    kept: int = 4
    near: float = 0.6
    best: int = 24
    local: int = 3

    def size(self, told: int) -> int:
        """How many networks the generation has that follows so many."""
        return max(self.least, min(self.most, int(self.share * told)))


class Elites:
    """The archive of a search by generations, and the next generation from it.

    Args:
        problem: The space with its limits and objective.
        seed: Of everything random.
        settings: None takes the defaults.
    """

    def __init__(self, problem: SpaceProblem, seed: int, settings: Settings | None = None) -> None:
        self.problem, self.settings = problem, settings or Settings()
        self._objective: Objective = problem.objective
        self._seed, self._generation = seed, 0
        self._inner = Inner(problem)
        self._sizes = self._inner.sizes
        width = len(self._sizes)
        self._codes: Codes = np.zeros((0, width), np.int64)
        self._cost: Floats = np.zeros(0)
        self._merit: Floats = np.zeros(0)
        self._reward: Floats = np.zeros(0)
        self._taken: set[Hashable] = set()

    @property
    def told(self) -> int:
        """How many networks the archive was told of."""
        return len(self._codes)

    def tell(self, codes: Codes, merit: Floats) -> None:
        """Takes a whole generation's outcome.

        Args:
            codes: (n, choices).
            merit: (n,) cautious accuracy in percent; -inf where the evaluation failed.
        """
        cost = self.problem.facts(codes).cost
        done = np.isfinite(merit)
        reward = np.full(len(codes), -np.inf)
        reward[done] = self._objective.reward(merit[done], cost[done])
        self._generation += 1
        self._taken.update(self.problem.keys(codes))
        self._codes = np.vstack([self._codes, codes])
        self._cost = np.r_[self._cost, cost]
        self._merit, self._reward = np.r_[self._merit, merit], np.r_[self._reward, reward]

    def propose(self) -> Codes:
        """The next generation: networks that are new, distinct and within all limits.

        Returns:
            (n, choices), n as `Settings.size` says; fewer where no more are found.
        """
        rng = np.random.RandomState([self._seed % 2**32, self._generation, 11])
        size = self.settings.size(self.told)
        local = self._generation % self.settings.local == self.settings.local - 1
        proposals: dict[Hashable, NDArray[Any]] = {}
        for turn in range(ROUNDS):
            if not np.isfinite(self._reward).any():
                known = self._known(size) if not turn else []
                candidates = np.vstack([*known, self._inner.random(2 * size, rng)[0]])
            elif local and turn < 3:
                candidates = self._around_best(turn, size, rng)
            else:
                candidates = self._children(2 * size, rng)
            allowed = candidates[self.problem.facts(candidates).allowed]
            for key, code in zip(self.problem.keys(allowed), allowed, strict=True):
                if key not in self._taken and key not in proposals:
                    proposals[key] = code
                    if len(proposals) == size:
                        return np.array(list(proposals.values()))
        return np.array(list(proposals.values()), np.int64).reshape(-1, len(self._sizes))

    def _known(self, n: int) -> list[Codes]:
        """At most n networks that people have: the dearest allowed, and some of every cost."""
        known = [positions(self.problem.choices, v) for v in self.problem.known()]
        if not known:
            return []
        codes = np.array(known)
        facts = self.problem.facts(codes)
        codes = codes[facts.allowed][np.argsort(-facts.cost[facts.allowed], kind="stable")]
        dear, every = codes[: n // 2], codes[n // 2 :: max(1, len(codes) // max(1, n // 4))]
        return [dear, every[: n // 4]]

    def _parents(self, n: int, rng: np.random.RandomState) -> Codes:
        """(n, choices): of the best rewards, and of the elites of random bins."""
        order = np.argsort(-self._reward, kind="stable")[: self.settings.best]
        best = order[np.isfinite(self._reward[order])]
        bins = self._bins()
        of_bin = rng.randint(len(bins), size=n)
        elites = np.array([bins[i][rng.randint(len(bins[i]))] for i in of_bin])
        near = rng.random_sample(n) < self.settings.near
        return self._codes[np.where(near, best[rng.randint(len(best), size=n)], elites)]

    def _bins(self) -> list[NDArray[Any]]:
        """The rows of each bin's elites, of the bins that have any."""
        done = np.flatnonzero(np.isfinite(self._reward))
        top = self._objective.target * (1 if self._objective.name == "hard" else SOFT_SPAN)
        low = float(self._cost[done].min())
        span = max(np.log(max(top, low * 1.001) / low), 1e-9)
        place = np.log(self._cost[done] / low) / span * self.settings.bins
        number = np.clip(place.astype(np.int64), 0, self.settings.bins - 1)
        order = np.lexsort((-self._merit[done], number))
        done, number = done[order], number[order]
        starts = np.flatnonzero(np.r_[True, number[1:] != number[:-1]])
        return [part[: self.settings.kept] for part in np.split(done, starts[1:])]

    def _children(self, n: int, rng: np.random.RandomState) -> Codes:
        """Mutants of 1 + Poisson(1) choices (n, choices); every third is a crossover before.

        Half of the changes are one step up or down an ordered list of options.
        """
        mothers, fathers = self._parents(n, rng), self._parents(n, rng)
        mixed = (rng.random_sample(mothers.shape) < 0.5) & (np.arange(n) % 3 == 0)[:, None]
        children = np.where(mixed, fathers, mothers)
        order = rng.random_sample(children.shape).argsort(1).argsort(1)
        changed = order < 1 + rng.poisson(1.0, n)[:, None]
        jump = 1 + (rng.random_sample(children.shape) * (self._sizes - 1)).astype(np.int64)
        jumped = (children + jump) % self._sizes
        stepped = np.clip(children + rng.choice((-1, 1), children.shape), 0, self._sizes - 1)
        moved = np.where(rng.random_sample(children.shape) < 0.5, stepped, jumped)
        return np.asarray(np.where(changed, moved, children))

    def _around_best(self, turn: int, n: int, rng: np.random.RandomState) -> Codes:
        """(m, choices): all networks one change away from the best; then some two away."""
        best = self._codes[int(np.argmax(self._reward))]
        if turn == 0:
            rows = []
            for place, options in enumerate(self._sizes):
                changed = np.repeat(best[None], options, 0)
                changed[:, place] = np.arange(options)
                rows.append(changed)
            near = np.vstack(rows)
            return np.asarray(near[rng.permutation(len(near))])
        pairs = np.repeat(best[None], 2 * n, 0)
        for _ in range(2):
            places = rng.randint(len(self._sizes), size=len(pairs))
            drawn = rng.random_sample(len(pairs)) * self._sizes[places]
            pairs[np.arange(len(pairs)), places] = drawn.astype(np.int64)
        return np.asarray(pairs)
