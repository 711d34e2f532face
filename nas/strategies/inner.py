"""Codes to numbers, random networks within the limits, and the search on a model's word."""

from collections.abc import Callable

import numpy as np

from nas.strategies.problem import Codes, Facts, Floats, Problem

SAMPLES = 512  # random networks that numbers are standardised on
CHILDREN, PARENTS, GENERATIONS = 160, 32, 8
POOL = 4096  # listed networks that one proposal looks at
Score = Callable[[Codes, Facts], Floats]


def contrasts(options: int) -> Floats:
    """(options, options - 1) orthonormal polynomials of an ordered choice, variance 1 each."""
    at = np.linspace(-1, 1, options) if options > 1 else np.zeros(1)
    q, _ = np.linalg.qr(np.vander(at, options, increasing=True))
    return np.asarray(q[:, 1:] * np.sqrt(options))


def one_hot(options: int) -> Floats:
    """(options, options), centred, for a choice without order."""
    return np.asarray((np.eye(options) - 1 / options) * np.sqrt(options))


class Inner:
    """The candidates of a problem. All randomness comes from the `rng` that is handed in."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self.sizes = np.array([len(options) for options in problem.choices.values()])
        self._tables = [
            one_hot(len(options))
            if any(isinstance(option, str) for option in options)
            else contrasts(len(options))
            for options in problem.choices.values()
        ]
        self._anchor = problem.anchor()
        _, facts = self.random(SAMPLES, np.random.RandomState(0))
        spread = facts.numbers.std(0)
        self._kept = spread > 1e-9
        self._centre, self._spread = facts.numbers.mean(0)[self._kept], spread[self._kept]

    def encode(self, codes: Codes, facts: Facts) -> Floats:
        """(n, f): contrasts of every choice, and the standardised numbers."""
        parts = [table[codes[:, i]] for i, table in enumerate(self._tables)]
        numbers = (facts.numbers[:, self._kept] - self._centre) / self._spread
        return np.hstack([*parts, numbers])

    def random(self, n: int, rng: np.random.RandomState) -> tuple[Codes, Facts]:
        """n networks within the limits: uniform ones, turned to the anchor choice by choice."""
        if self.problem.pool is not None:
            codes = self.problem.pool[rng.randint(len(self.problem.pool), size=n)]
            return codes, self.problem.facts(codes)
        codes = (rng.random_sample((n, len(self.sizes))) * self.sizes).astype(np.int64)
        order = rng.random_sample(codes.shape).argsort(1)
        outside = np.flatnonzero(~self.problem.facts(codes).allowed)
        for column in order.T:
            if not len(outside):
                break
            codes[outside, column[outside]] = self._anchor[column[outside]]
            outside = outside[~self.problem.facts(codes[outside]).allowed]
        return codes, self.problem.facts(codes)

    def _children(self, parents: Codes, n: int, rng: np.random.RandomState) -> Codes:
        """Mutants of 1 + Poisson(1) choices; every third is a uniform crossover before."""
        mothers = parents[rng.randint(len(parents), size=n)]
        fathers = parents[rng.randint(len(parents), size=n)]
        mixed = (rng.random_sample(mothers.shape) < 0.5) & (np.arange(n) % 3 == 0)[:, None]
        children = np.where(mixed, fathers, mothers)
        order = rng.random_sample(children.shape).argsort(1).argsort(1)
        changed = order < 1 + rng.poisson(1.0, n)[:, None]
        steps = 1 + (rng.random_sample(children.shape) * (self.sizes - 1)).astype(np.int64)
        return np.asarray(np.where(changed, (children + steps) % self.sizes, children))

    def best(self, score: Score, start: Codes, rng: np.random.RandomState) -> Codes:
        """(m, choices) the networks of highest score, best first, that evolution finds."""
        if self.problem.pool is not None:
            some = self.problem.pool
            if len(some) > POOL:
                some = np.vstack([start, some[rng.choice(len(some), POOL, replace=False)]])
            return np.asarray(
                some[np.argsort(-score(some, self.problem.facts(some)), kind="stable")]
            )
        fresh, _ = self.random(PARENTS, rng)
        alive = np.unique(np.vstack([start, fresh]), axis=0)
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
                alive, first = np.unique(alive, axis=0, return_index=True)
                points = points[first]
        return np.asarray(alive[np.argsort(-points, kind="stable")])

    def spread_out(
        self, taken: Codes, dear: bool, rng: np.random.RandomState, n: int = 96
    ) -> Codes:
        """(n, choices), best first: far from what is taken; `dear`: of the dearest third."""
        codes, facts = self.random(n, rng)
        if dear:
            kept = np.argsort(-facts.cost, kind="stable")[: n // 3]
            codes, facts = codes[kept], facts.of(kept)
        if not len(taken):
            return codes
        far = (codes[:, None, :] != taken[None]).mean(2).min(1)
        return np.asarray(codes[np.argsort(-far, kind="stable")])
