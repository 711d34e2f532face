"""Codes to numbers, random networks within the limits, and the search on a model's word."""

import functools
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from nas.strategies.codes import Codes, Floats
from nas.strategies.problem import Facts, Problem

SAMPLES = 512  # random networks whose mean and spread standardise the numbers
CHILDREN, PARENTS, GENERATIONS = 160, 32, 8  # of the evolution behind one proposal
TURNS = 100  # choices at most that are turned to the anchor one by one; of more, by bisection
POOL = 4096  # networks at most that a proposal looks at where they are listed
Score = Callable[[Codes, Facts], Floats]


def contrasts(options: int) -> Floats:
    """Numbers for the options of an ordered choice.

    Returns:
        (options, options - 1) orthonormal polynomials, of variance 1 each.
    """
    at = np.linspace(-1, 1, options) if options > 1 else np.zeros(1)
    q, _ = np.linalg.qr(np.vander(at, options, increasing=True))
    return np.asarray(q[:, 1:] * np.sqrt(options))


def one_hot(options: int) -> Floats:
    """Numbers for the options of a choice without order.

    Returns:
        (options, options) an indicator for each option, centred.
    """
    return np.asarray((np.eye(options) - 1 / options) * np.sqrt(options))


def mutants(
    codes: Codes, sizes: NDArray[np.int64], rng: np.random.RandomState, steps: float = 0.0
) -> Codes:
    """Networks (n, choices) with 1 + Poisson(1) of each one's choices changed.

    Args:
        codes: (n, choices) what is changed.
        sizes: (choices,) how many options there are.
        rng: The only source of randomness.
        steps: Share of the changes that are one step up or down, in place of any option.
    """
    draws = rng.random_sample(codes.shape)
    few = np.minimum(1 + rng.poisson(1.0, len(codes)), codes.shape[1])
    changed = draws <= np.take_along_axis(np.sort(draws, 1), few[:, None] - 1, 1)
    jump = 1 + (rng.random_sample(codes.shape) * (sizes - 1)).astype(np.int64)
    new = (codes + jump) % sizes
    if steps:
        stepped = np.clip(codes + rng.choice((-1, 1), codes.shape), 0, sizes - 1)
        new = np.where(rng.random_sample(codes.shape) < steps, stepped, new)
    return np.asarray(np.where(changed, new, codes))


class Inner:
    """The candidates of a problem. All randomness comes from the `rng` that is handed in."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self.sizes = np.array([len(options) for options in problem.choices.values()])
        self._anchor = problem.anchor()

    @functools.cached_property
    def _tables(self) -> list[Floats]:
        """The numbers of each choice's options; only models ask for them."""
        return [
            one_hot(len(options))
            if any(isinstance(option, str) for option in options)
            else contrasts(len(options))
            for options in self.problem.choices.values()
        ]

    @functools.cached_property
    def _standard(self) -> tuple[NDArray[np.bool_], Floats, Floats]:
        """Which of the problem's numbers vary, their means and standard deviations."""
        _, facts = self.random(SAMPLES, np.random.RandomState(0))
        spread = facts.numbers.std(0)
        kept = spread > 1e-9
        return kept, facts.numbers.mean(0)[kept], spread[kept]

    def encode(self, codes: Codes, facts: Facts) -> Floats:
        """The rows that a model is fitted to.

        Args:
            codes: (n, choices) networks.
            facts: Theirs.

        Returns:
            (n, features) contrasts of every choice, and the standardised numbers.
        """
        parts = [table[codes[:, i]] for i, table in enumerate(self._tables)]
        kept, centre, spread = self._standard
        numbers = (facts.numbers[:, kept] - centre) / spread
        return np.hstack([*parts, numbers])

    def random(self, n: int, rng: np.random.RandomState) -> tuple[Codes, Facts]:
        """Draws networks within the limits: uniform ones, turned to the anchor choice by choice.

        Args:
            n: How many.
            rng: The only source of randomness.

        Returns:
            Codes (n, choices), and their facts.
        """
        if self.problem.pool is not None:
            codes = self.problem.pool[rng.randint(len(self.problem.pool), size=n)]
            return codes, self.problem.facts(codes)
        codes = (rng.random_sample((n, len(self.sizes))) * self.sizes).astype(np.int64)
        order = rng.random_sample(codes.shape).argsort(1)
        outside = np.flatnonzero(~self.problem.facts(codes).allowed)
        if len(self.sizes) > TURNS:
            codes[outside] = self._halved(codes[outside], order[outside].argsort(1))
            return codes, self.problem.facts(codes)
        for at in range(len(self.sizes)):
            if not len(outside):
                break
            columns = order[outside, at]
            codes[outside, columns] = self._anchor[columns]
            outside = outside[~self.problem.facts(codes[outside]).allowed]
        return codes, self.problem.facts(codes)

    def _halved(self, codes: Codes, rank: Codes) -> Codes:
        """Networks outside the limits (n, choices) turned to the anchor, as far as they must be.

        Args:
            codes: Theirs.
            rank: (n, choices) when each choice is turned.
        """
        out, inside = np.zeros(len(codes), np.int64), np.full(len(codes), codes.shape[1])
        while len(codes) and (inside - out).max() > 1:
            turned = (out + inside) // 2
            tried = np.where(rank < turned[:, None], self._anchor, codes)
            allowed = self.problem.facts(tried).allowed
            inside, out = np.where(allowed, turned, inside), np.where(allowed, out, turned)
        return np.where(rank < inside[:, None], self._anchor, codes)

    def _children(self, parents: Codes, n: int, rng: np.random.RandomState) -> Codes:
        """Mutants of 1 + Poisson(1) choices; every third comes from a uniform crossover."""
        mothers = parents[rng.randint(len(parents), size=n)]
        fathers = parents[rng.randint(len(parents), size=n)]
        mixed = (rng.random_sample(mothers.shape) < 0.5) & (np.arange(n) % 3 == 0)[:, None]
        return mutants(np.where(mixed, fathers, mothers), self.sizes, rng)

    @functools.cached_property
    def _places(self) -> Codes:
        """(choices, words): codes @ words are numbers below 2^62, in the order of the codes."""
        words, room = [np.zeros(len(self.sizes), np.int64)], 1
        for at in range(len(self.sizes))[::-1]:
            if room * int(self.sizes[at]) >= 1 << 62:
                words, room = [np.zeros(len(self.sizes), np.int64), *words], 1
            words[0][at], room = room, room * int(self.sizes[at])
        return np.stack(words, 1)

    def _first(self, codes: Codes) -> NDArray[np.intp]:
        """Where each code (n, choices) stands first, the codes ascending as in `np.unique`."""
        words = codes @ self._places
        order = np.lexsort(words.T[::-1])
        ordered = words[order]
        return order[np.r_[True, (ordered[1:] != ordered[:-1]).any(1)]]

    def best(self, score: Score, start: Codes, rng: np.random.RandomState) -> Codes:
        """Evolves networks towards a high score, or sorts the pool where the problem has one.

        Args:
            score: (codes, facts) -> (n,) what is maximized.
            start: (m, choices) parents to begin with.
            rng: The only source of randomness.

        Returns:
            Codes (k, choices), the highest score first.
        """
        if self.problem.pool is not None:
            some = self.problem.pool
            if len(some) > POOL:
                some = np.vstack([start, some[rng.choice(len(some), POOL, replace=False)]])
            return np.asarray(
                some[np.argsort(-score(some, self.problem.facts(some)), kind="stable")]
            )
        fresh, _ = self.random(PARENTS, rng)
        alive = np.vstack([start, fresh])
        alive = alive[self._first(alive)]
        facts = self.problem.facts(alive)
        points = score(alive, facts)
        for generation in range(GENERATIONS):
            top = np.argsort(-points, kind="stable")[: PARENTS if generation < 5 else PARENTS // 4]
            children = self._children(alive[top], CHILDREN, rng)
            facts = self.problem.facts(children)
            children = children[facts.allowed]
            inside = facts.of(facts.allowed)
            if len(children):
                alive = np.vstack([alive[top], children])
                points = np.r_[points[top], score(children, inside)]
                first = self._first(alive)
                alive, points = alive[first], points[first]
        return np.asarray(alive[np.argsort(-points, kind="stable")])

    def spread_out(
        self, taken: Codes, dear: bool, rng: np.random.RandomState, n: int = 96
    ) -> Codes:
        """Random networks, those farthest from known ones first.

        Args:
            taken: (m, choices) known networks; the distance is the share of choices that differ.
            dear: Whether only the dearest third is kept.
            rng: The only source of randomness.
            n: How many are drawn.

        Returns:
            Codes (n, choices), or (n // 3, choices) of dear ones.
        """
        codes, facts = self.random(n, rng)
        if dear:
            kept = np.argsort(-facts.cost, kind="stable")[: n // 3]
            codes, facts = codes[kept], facts.of(kept)
        if not len(taken):
            return codes
        far = (codes[:, None, :] != taken[None]).mean(2).min(1)
        return np.asarray(codes[np.argsort(-far, kind="stable")])
