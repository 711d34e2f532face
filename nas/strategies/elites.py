"""Evolution by generations, for evaluators that take many networks at once.

Costs are cut into bins of equal ratio, and each bin keeps its best networks (MAP-Elites: Mouret &
Clune 2015, arXiv 1504.04909), so that the whole front is filled and not its end near T alone. A
generation's parents are half the networks of best reward, half elites of random bins; most of a
generation is what climbs ask for (`nas/strategies/climbing`), so that few seeds end beside an
optimum that some steps would reach.

A generation is a function of (seed, its number, what was told of those before it): a search that
was stopped and continued proposes the same networks as one that was not. Only what a generation
may grow from is kept, so that the last one takes no longer than the first.
"""

import functools
import itertools
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nas.objective import Objective
from nas.strategies.beginning import beginning
from nas.strategies.climbing.climbers import Archive, Climbers
from nas.strategies.climbing.climbs import Ground
from nas.strategies.climbing.nearby import Niches, Slopes
from nas.strategies.codes import Codes, Floats, codes_of, first_of_options
from nas.strategies.inner import SAMPLES, Inner, mutants
from nas.strategies.problem import SpaceProblem
from search_spaces.architecture import Architecture
from search_spaces.costs import remember
from search_spaces.space import Values

ROUNDS = 40  # times that children are made until a generation is full
FEWEST = 64  # networks at least whose costs are asked for at once
LEARNED = 300  # networks of best reward that say what options bring and cost, roughly
STEP = 0.01  # points by which a network has to be better to count as better
REWARD = 1  # stands for the best reward among the bins, of which none has a number above 0
SOFT_SPAN = 4.0  # where the objective is `soft`, bins reach this many times T


@dataclass(frozen=True)
class Settings:
    """How a search by generations goes about it.

    Attributes:
        least: Fewest networks of a generation.
        most: Most networks of a generation.
        share: Of the networks told so far, how many a generation has between these two.
        ratio: Of the costs at a bin's ends.
        kept: Elites of a bin.
        near: Share of the parents that are the networks of best reward.
        best: How many networks these are.
        options: Share of the parents of best reward that are the best with some option instead.
        climbed: Share of a generation that climbs may ask for.
        balanced: Share of the mutants that are brought back to their mothers' costs.
    """

    least: int = 32
    most: int = 500
    share: float = 0.1
    ratio: float = 1.12
    kept: int = 4
    near: float = 0.6
    best: int = 24
    options: float = 0.5
    climbed: float = 0.8
    balanced: float = 0.5

    def size(self, told: int) -> int:
        """How many networks the generation has that follows so many."""
        return max(self.least, min(self.most, int(self.share * told)))


class Elites:
    """The archive of a search by generations, and the next generation from it.

    Args:
        problem: The space with its limits and objective.
        seed: Of everything random.
        settings: None takes the defaults.
        starts: Values of networks that the first generation begins with, where they are allowed.
    """

    def __init__(
        self,
        problem: SpaceProblem,
        seed: int,
        settings: Settings | None = None,
        starts: Sequence[Values] = (),
    ) -> None:
        self.problem, self.settings = problem, settings or Settings()
        self._starts = codes_of(problem.choices, starts)
        self._objective: Objective = problem.objective
        self._seed, self._generation = seed, 0
        self._inner = Inner(problem)
        self._sizes = self._inner.sizes
        self.told = 0  # networks that the archive was told of
        self.better = 0  # of them when a bin's best, or the best reward, was last better by a step
        self._top: dict[int, float] = {}
        self._codes: Codes = np.zeros((0, len(self._sizes)), np.int64)
        self._cost: Floats = np.zeros(0)
        self._merit: Floats = np.zeros(0)
        self._reward: Floats = np.zeros(0)
        self._bin: NDArray[np.int64] = np.zeros(0, np.int64)
        self._elite: NDArray[np.bool_] = np.zeros(0, bool)
        codes, facts = self._inner.random(SAMPLES, np.random.RandomState(0))
        self._niches = Niches(codes, facts.cost, self._sizes)
        self._ground = Ground(problem, self._sizes)
        self._told = self._ground.told
        self._networks = set[Architecture]()  # told; what tables call alike may be wrong
        self._climbers = Climbers(self._ground, self._niches, seed)

    def tell(self, codes: Codes, networks: Sequence[Architecture], merit: Floats) -> None:
        """Takes a whole generation's outcome.

        Args:
            codes: (n, choices).
            networks: What they build.
            merit: (n,) cautious accuracy in percent; -inf where the evaluation failed.
        """
        asked = self._room()
        self._generation += 1
        self.told += len(codes)
        self._told.tell(codes, merit)
        self._networks.update(networks)
        done = np.isfinite(merit)
        codes, merit = codes[done], merit[done]
        cost = self.problem.facts(codes).cost
        self._codes = np.vstack([self._codes, codes])
        self._cost, self._merit = np.r_[self._cost, cost], np.r_[self._merit, merit]
        reward = self._objective.reward(merit, cost)
        self._reward = np.r_[self._reward, reward]
        self._prune()
        if len(self._reward):
            self._climbers.tell(self._archive(), asked)

    def _prune(self) -> None:
        """Drops what is neither an elite of its bin nor among the networks of best reward."""
        bins = np.log(np.maximum(self._cost, 1e-300) / self._top_cost())
        bins /= np.log(self.settings.ratio)
        number = np.minimum(np.ceil(bins).astype(np.int64), 0)
        order = np.lexsort((-self._merit, number))
        begins = np.flatnonzero(np.r_[True, np.diff(number[order]) != 0][: len(order)])
        counts = np.diff(np.r_[begins, len(order)])
        rank = np.arange(len(order)) - np.repeat(begins, counts)
        kept = np.zeros(len(order), bool)
        kept[order[rank < self.settings.kept]] = True
        self._elite = kept.copy()
        first = self._best()
        kept[first[:LEARNED]] = True
        kept[self._option_elites(first)] = True
        kept[first[self._niches.elites(self._codes[first])]] = True
        self._codes, self._bin, self._elite = self._codes[kept], number[kept], self._elite[kept]
        self._cost, self._merit = self._cost[kept], self._merit[kept]
        self._reward = self._reward[kept]
        self._watch()

    def _top_cost(self) -> float:
        """What the networks of the last bin cost at most."""
        return self._objective.target * (1 if self._objective.name == "hard" else SOFT_SPAN)

    def _watch(self) -> None:
        """Notes whether any bin's best, or the best reward, is better than it was."""
        tops = {REWARD: float(self._reward.max())} if len(self._reward) else {}
        for number, merit in zip(self._bin.tolist(), self._merit.tolist(), strict=True):
            tops[number] = max(merit, tops.get(number, merit))
        for number, top in tops.items():
            if top > self._top.get(number, -np.inf) + STEP:
                self._top[number], self.better = top, self.told

    def _option_elites(self, order: NDArray[Any] | None = None) -> NDArray[Any]:
        """The rows that are the best, by reward, of those with some option of some choice."""
        order = self._best() if order is None else order
        return np.sort(order[first_of_options(self._codes[order], self._sizes)])

    def propose(self) -> tuple[Codes, list[Architecture]]:
        """The next generation: networks that are new, distinct and within all limits.

        Returns:
            Codes (n, choices) and what they build, n as `Settings.size` says; fewer where no more
            are found.
        """
        rng = np.random.RandomState([self._seed % 2**32, self._generation, 11])
        size = self.settings.size(self.told)
        climbed = self._climbers.waiting(self._room())
        proposals: dict[Hashable, tuple[Architecture, Codes]] = {}
        for turn in range(ROUNDS):
            if not len(self._reward):
                known = beginning(self.problem, self._starts, size) if not turn else []
                candidates = np.vstack([*known, self._inner.random(2 * size, rng)[0]])
            elif turn == 0 and len(climbed):
                candidates = climbed
            else:
                candidates = self._children(2 * size, rng)
            self._add(proposals, self._told.new(candidates), size)
            if len(proposals) == size:
                break
        codes = np.array([code for _, code in proposals.values()], np.int64)
        return codes.reshape(-1, len(self._sizes)), [network for network, _ in proposals.values()]

    def _add(
        self, proposals: dict[Hashable, tuple[Architecture, Codes]], codes: Codes, size: int
    ) -> None:
        """Adds those of the codes, in order, that are new and within, until there are `size`."""
        at, given = 0, 0
        while at < len(codes) and (wanted := size - len(proposals)):
            more = wanted * (at + 1) // (given + 1)
            some = codes[at : at + max(FEWEST, more)]
            allowed = some[self.problem.facts(some).allowed]
            at, given = at + len(some), given + len(allowed)
            new = dict[Hashable, Codes]()
            for identity, code in zip(self.problem.identities(allowed), allowed, strict=True):
                if identity not in self._told and identity not in proposals:
                    new.setdefault(identity, code)
            first = dict(itertools.islice(new.items(), wanted))
            networks = self.problem.networks(np.array(list(first.values()), np.int64))
            remember(networks)
            mine = {network for network, _ in proposals.values()}
            for (identity, code), network in zip(first.items(), networks, strict=True):
                if network in mine or network in self._networks:
                    continue
                if self.problem.within(network):
                    mine.add(network)
                    proposals[identity] = network, code

    def _room(self) -> int:
        """How many networks climbs may ask for in the next generation."""
        return int(self.settings.climbed * self.settings.size(self.told))

    def _best(self, n: int | None = None) -> NDArray[Any]:
        """The rows of the networks of best reward, the best first."""
        return np.argsort(-self._reward, kind="stable")[:n]

    def _parents(self, n: int, rng: np.random.RandomState) -> Codes:
        """(n, choices): of the best rewards, and of the elites of random bins."""
        best, options = self._best(self.settings.best), self._option_elites()
        of_options = rng.random_sample(n) < self.settings.options
        best = np.where(
            of_options,
            options[rng.randint(len(options), size=n)],
            best[rng.randint(len(best), size=n)],
        )
        elites = np.flatnonzero(self._elite)
        number = self._bin[elites] - self._bin.min()
        by_bin = elites[np.argsort(number, kind="stable")]
        counts = np.bincount(number)
        counts = counts[counts > 0]
        begins = np.cumsum(counts) - counts
        drawn = rng.randint(len(counts), size=n)
        within = (rng.random_sample(n) * counts[drawn]).astype(np.int64)
        near = rng.random_sample(n) < self.settings.near
        rows = np.where(near, best, by_bin[begins[drawn] + within])
        return self._codes[rows]

    def _children(self, n: int, rng: np.random.RandomState) -> Codes:
        """Mutants of 1 + Poisson(1) choices (n, choices); every third is a crossover before.

        Half of the changes are one step up or down an ordered list of options. Half of the mutants
        are brought back to their mothers' costs by steps of other choices.
        """
        mothers, fathers = self._parents(n, rng), self._parents(n, rng)
        mixed = (rng.random_sample(mothers.shape) < 0.5) & (np.arange(n) % 3 == 0)[:, None]
        children = mutants(np.where(mixed, fathers, mothers), self._sizes, rng, steps=0.5)
        some = np.flatnonzero(rng.random_sample(n) < self.settings.balanced)
        near = np.union1d(self._best(LEARNED), np.flatnonzero(self._elite))
        children[some] = self._slopes(near).balanced(children[some], mothers[some], rng)
        return np.asarray(children)

    def _slopes(self, near: NDArray[Any]) -> Slopes:
        """What options bring and cost near some of the networks."""
        return Slopes.fitted(self._codes[near], self._merit[near], self._cost[near], self._sizes)

    def _archive(self) -> Archive:
        """What climbs may begin at; of the front's bins those below the last."""
        best = self._best()
        self._ground.rough = functools.cache(lambda: self._slopes(best[:LEARNED]))
        order = np.lexsort((-self._merit, self._bin))
        order = order[np.r_[True, np.diff(self._bin[order]) != 0]]
        front = order[self._bin[order] < 0]
        caps = self._top_cost() * self.settings.ratio ** self._bin[front].astype(float)
        return Archive(self._codes[best], self._codes[front], caps)
