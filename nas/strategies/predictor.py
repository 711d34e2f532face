"""Predictor-guided search as an Optuna sampler: a Gaussian process proposes, exact costs steer.

The first proposals fill the space within the limits. Then each is the best network that a wide
evolution finds on one path drawn from the posterior of accuracy (Thompson 1933; paths by Wilson
et al. 2020), tempered towards its mean; reward and hypervolume follow from that accuracy and from
costs, which are known exactly. Networks under way enter at the mean that is expected of them
("kriging believer", Ginsbourger et al. 2010), so that parallel proposals don't collapse.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from optuna.distributions import BaseDistribution
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

from nas.imagenet.process import Growing
from nas.strategies.codes import Codes, Floats, values_of
from nas.strategies.informed import InformedSampler
from nas.strategies.inner import Inner
from nas.strategies.plain import Coder, PlainProblem
from nas.strategies.problem import Facts, Problem
from nas.strategies.scores import Chances, Warp, factors, finite, hypervolume_score, scalarised
from search_spaces.architecture import Architecture

FEWEST, MOST = 8, 20  # proposals that fill the space: as many as there are choices, within these
START = 24  # best evaluated networks, from which the inner search starts
Prior = Callable[[Sequence[Architecture]], Floats]  # accuracies in percent
EVERY = (TrialState.COMPLETE, TrialState.FAIL, TrialState.RUNNING)


def first_of(choices: int) -> int:
    """How many proposals fill a space of so many choices."""
    return max(FEWEST, min(MOST, choices))


class PredictorSampler(InformedSampler):
    """Proposes what a model of the finished trials expects most of.

    Args:
        seed: Of all its draws; None draws a seed from the system.
        problem: What is known of networks beforehand; without it any Optuna search space serves,
            a numeric parameter on a grid, several objectives by random weights.
        first: Space-filling proposals before the model is asked; None: as many as choices say.
        temper: Width of the posterior's paths: 1 is Thompson sampling, 0 the mean.
        prior: Accuracies in percent that are expected of architectures, e.g. a surrogate's; its
            error is then what is modelled.
    """

    def __init__(
        self,
        seed: int | None = None,
        problem: Problem | None = None,
        first: int | None = None,
        temper: float = 0.5,
        prior: Prior | None = None,
    ) -> None:
        super().__init__(seed, problem)
        self._first, self._temper, self._prior = first, temper, prior
        self._inner: tuple[Mapping[str, BaseDistribution], Inner] | None = None
        self._coder: Coder | None = None
        self._growing = Growing(first or MOST)

    def _propose(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        inner, coder = self._candidates(search_space)
        every = [
            (t, read)
            for t in study.get_trials(deepcopy=False, states=EVERY)
            if t.number != trial.number and (read := coder.of(t)) is not None
        ]
        done = [t for t, _ in every if t.state == TrialState.COMPLETE]
        states = (TrialState.COMPLETE, TrialState.RUNNING)
        ordered = [code for s in states for t, (code, _) in every if t.state == s]
        codes = np.array(ordered, np.int64).reshape(-1, len(inner.sizes))
        if self._first is None:
            self._first = first_of(len(inner.sizes))
            self._growing = Growing(self._first)
        if len(codes) < self._first or len(done) < 2:
            objective = inner.problem.objective  # with `hard` the best networks spend their budget
            dear = len(codes) % 2 == 1 and objective is not None and objective.name == "hard"
            candidates = inner.spread_out(codes, dear and _told_reward(study), self._rng)
        else:
            candidates = self._promising(study, inner, codes, done)
        first = self._first_new(inner, coder, candidates, {number for _, (_, number) in every})
        return values_of(inner.problem.choices, first)

    def _first_new(self, inner: Inner, coder: Coder, candidates: Codes, seen: set[int]) -> Codes:
        """The first that is not known; random ones where all are; the first if all fails."""
        for row in candidates:
            if coder.number(row) not in seen:
                return np.asarray(row)
        fresh, _ = inner.random(256, self._rng)
        return next((row for row in fresh if coder.number(row) not in seen), candidates[0])

    def _candidates(self, search_space: Mapping[str, BaseDistribution]) -> tuple[Inner, Coder]:
        if self._inner is None or (self._problem is None and self._inner[0] != search_space):
            problem = self._problem or PlainProblem(search_space)
            self._inner, self._coder = (dict(search_space), Inner(problem)), Coder(problem)
        assert self._coder is not None
        return self._inner[1], self._coder

    def _promising(
        self, study: Study, inner: Inner, codes: Codes, done: Sequence[FrozenTrial]
    ) -> Codes:
        """Networks, best first, by one path of the posterior.

        Args:
            study: Whose trials are read.
            inner: The candidates.
            codes: (n, choices) of the `done` trials, then of those that run.
            done: The finished trials.
        """
        facts = inner.problem.facts(codes)
        expected = self._expected(inner.problem, codes)
        y = self._accuracies(study, inner.problem, done, facts) - expected[: len(done)]
        told, failed = codes[: len(done)], np.zeros(len(done), bool)
        if inner.problem.objective is not None and self._prior is None:
            failed = Warp.of(y).failed(y)
        if failed.any():  # a failure says nothing of accuracy: it is an outcome of its own
            kept = np.r_[~failed, np.ones(len(codes) - len(done), bool)]
            codes, facts, expected, y = codes[kept], facts.of(kept), expected[kept], y[~failed]
        x = inner.encode(codes, facts)
        some = y[: self._growing.milestone(len(y))]
        log = self._prior is None
        process = self._growing.on(x, Warp.of(some, log)(some))
        warp = Warp.of(y, log)
        z = warp(y)
        mean = process.mean(z)
        path = process.path(np.r_[z, mean[len(z) :]], self._rng, self._temper)
        value = self._value(study, inner.problem, warp.back(mean) + expected, facts)

        now = value(warp.back(mean) + expected, facts.cost)
        chances, usual = Chances(told, failed), float(np.median(now))

        def score(rows: Codes, of: Facts) -> Floats:
            accuracy = warp.back(path(inner.encode(rows, of)))
            gain = value(accuracy + self._expected(inner.problem, rows), of.cost)
            if failed.any():
                gain = np.where(gain > usual, usual + (gain - usual) * (1 - chances(rows)), gain)
            return gain

        return inner.best(score, codes[np.argsort(-now, kind="stable")[:START]], self._rng)

    def _accuracies(
        self, study: Study, problem: Problem, done: Sequence[FrozenTrial], facts: Facts
    ) -> Floats:
        """What is modelled of the finished trials (n,): the accuracies that they were told."""
        if problem.objective is None:
            return scalarised(done, study.directions, self._rng)
        values = np.array([trial.values[0] for trial in done], float)
        told = factors(problem.objective, facts.cost[: len(done)]) if _told_reward(study) else 1.0
        return finite(values / told)

    def _expected(self, problem: Problem, codes: Codes) -> Floats:
        if self._prior is None:
            return np.zeros(len(codes))
        architectures = [problem.architecture(row) for row in codes]  # type: ignore[attr-defined]
        return np.asarray(self._prior(architectures), float)

    def _value(
        self, study: Study, problem: Problem, accuracy: Floats, facts: Facts
    ) -> Callable[[Floats, Floats], Floats]:
        """A function (accuracies, costs) -> what is maximized, given those of the trials so far."""
        objective = problem.objective
        if objective is None:
            return lambda a, c: a
        if _told_reward(study):
            return lambda a, c: a * factors(objective, c)
        hard = objective.name == "hard"
        largest = objective.target if hard else float(facts.cost.max())
        return hypervolume_score(accuracy, facts.cost, largest)


def _told_reward(study: Study) -> bool:
    """Whether the study is told one reward, and not accuracy and cost."""
    return len(study.directions) == 1
