"""Predictor-guided search as an Optuna sampler: a Gaussian process proposes, exact costs steer.

The first proposals fill the space within the limits. Then each is the best network that a wide
evolution finds on one path drawn from the posterior of accuracy (Thompson 1933; paths by Wilson
et al. 2020), tempered towards its mean; reward and hypervolume follow from that accuracy and from
costs, which are known exactly. Networks under way enter at the mean that is expected of them
("kriging believer", Ginsbourger et al. 2010), so that parallel proposals don't collapse.

With a prior the mean is a mix of numbers known beforehand, whose weights are learned together with
the process (Rasmussen and Williams 2006, ch. 2.7); it orders every second of the first proposals,
and where the first trainings bear it out clearly these end sooner.
"""

import functools
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np
from optuna.distributions import BaseDistribution
from optuna.study import Study
from optuna.trial import FrozenTrial

from nas.imagenet.process import ROWS, Growing, Process, spaced
from nas.prior.known import Numbers, Prior
from nas.prior.mix import Mix
from nas.strategies.codes import Codes, Floats, positions, values_of
from nas.strategies.informed import InformedSampler
from nas.strategies.inner import Inner
from nas.strategies.plain import Coder, PlainProblem
from nas.strategies.problem import Facts, Problem, Remembered
from nas.strategies.scores import (
    MODELLED,
    RECENT,
    Chances,
    Modelled,
    Rows,
    Warp,
    factors,
    finite,
    hypervolume_score,
    scalarised,
)
from results.runs.records import Trial

FEWEST, MOST = 8, 20  # proposals that fill the space: as many as there are choices, within these
START = 24  # best evaluated networks, from which the inner search starts
FAR = 3  # of the networks that fill the space this part, the farthest, is ordered by the prior
SURE = 0.95  # belief in the prior at which the model is asked though the space is not yet filled
AMONG = 8  # networks that a proposal chooses among by numbers that take long


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
        prior: Numbers known of networks beforehand; how much they say is learned.
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
        self._first, self._temper = first, temper
        self._prior = None if prior is None else Numbers(prior)
        self._inner: tuple[Mapping[str, BaseDistribution], Inner] | None = None
        self._coder: Coder | None = None
        self._facts: Remembered
        self._growing, self._modelled = Growing(first or MOST), Modelled()

    def _propose(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        inner, coder = self._candidates(search_space)
        values, codes, broken, seen = coder.every(study, trial.number)
        if self._first is None:
            self._first = first_of(len(inner.sizes))
            self._growing = Growing(self._first)
        filling = len(codes) + len(broken) < self._first or len(values) < 2
        mix = self._early(study, inner, codes, values) if filling else None
        if filling and not (mix and len(values) >= FEWEST and mix.belief > SURE):
            candidates = self._filling(study, inner, np.vstack([codes, broken]), mix)
        else:
            candidates = self._promising(study, inner, codes, values, broken)
        first = self._first_new(inner, coder, candidates, seen)
        return values_of(inner.problem.choices, first)

    def _early(self, study: Study, inner: Inner, codes: Codes, values: Floats) -> Mix | None:
        """What the first trainings say of the prior; None without one, or before them."""
        if self._prior is None or not len(values):
            return None
        told = codes[: len(values)]
        y = self._accuracies(study, inner.problem, values, inner.problem.facts(told))
        return Mix.of(self._prior(inner, told), Warp.of(y)(y))

    def _filling(self, study: Study, inner: Inner, codes: Codes, mix: Mix | None) -> Codes:
        """Networks that fill the space, the first of them to be taken.

        With `hard` every second is a dear one, since the best networks spend their budget; with a
        prior it is also the one of the farthest that the prior says most of.
        """
        objective, second = inner.problem.objective, len(codes) % 2 == 1
        dear = second and objective is not None and objective.name == "hard"
        candidates = inner.spread_out(codes, dear and _told_reward(study), self._rng)
        if self._prior is None or not second or (mix is not None and not mix.trusted):
            return candidates
        most = AMONG if self._prior.prior.few else max(1, len(candidates) // FAR)
        numbers = self._prior(inner, candidates[:most])
        if mix is not None and mix.weights.any():
            says = mix(numbers)
        elif self._prior.prior.hopeful:
            says = numbers.sum(1)
        else:
            return candidates
        order = np.argsort(-says, kind="stable")
        return np.vstack([candidates[:most][order], candidates[most:]])

    def _first_new(self, inner: Inner, coder: Coder, candidates: Codes, seen: set[int]) -> Codes:
        """The first that is not known; random ones where all are; the first if all fails."""
        for row in candidates:
            if coder.number(row) not in seen:
                return np.asarray(row)
        fresh, _ = inner.random(256, self._rng)
        return next((row for row in fresh if coder.number(row) not in seen), candidates[0])

    def _unknown(self, inner: Inner, found: Codes, known: Codes) -> Codes:
        """Those of the codes found, in order, that are none of the known."""
        seen = {row.tobytes() for row in known}
        return np.array([row for row in found if row.tobytes() not in seen]).reshape(
            -1, len(inner.sizes)
        )

    def _candidates(self, search_space: Mapping[str, BaseDistribution]) -> tuple[Inner, Coder]:
        if self._inner is None or (self._problem is None and self._inner[0] != search_space):
            problem = self._problem or PlainProblem(search_space)
            self._inner, self._coder = (dict(search_space), Inner(problem)), Coder(problem)
            self._facts = Remembered(problem)
        assert self._coder is not None
        return self._inner[1], self._coder

    def _promising(
        self, study: Study, inner: Inner, codes: Codes, values: Floats, broken: Codes
    ) -> Codes:
        """Networks, best first, by one path of the posterior.

        Args:
            study: Whose trials are read.
            inner: The candidates.
            codes: (n, choices) of the finished trials, then of those that run.
            values: (k, objectives) of the finished trials.
            broken: (m, choices) of trials that ended in an error.
        """
        facts = self._facts(codes)
        y = self._accuracies(study, inner.problem, values, facts)
        told, failed, warp = codes[: len(y)], np.zeros(len(y), bool), Warp.of(y)
        if inner.problem.objective is not None:
            failed = warp.failed(y)
        if failed.any():  # a failure says nothing of accuracy: it is an outcome of its own
            kept = np.r_[~failed, np.ones(len(codes) - len(y), bool)]
            codes, facts, y = codes[kept], facts.of(kept), y[~failed]
            warp = Warp.of(y)
        rows = self._modelled(y, facts.cost, _factor(study, inner.problem), len(codes))
        process = _process(self._growing, inner, codes, facts, y, rows)
        codes, facts, z = codes[rows], facts.of(rows), warp(y[rows[rows < len(y)]])
        mixed, numbers = self._mixed(process, inner, codes, z)
        rest = z - mixed[: len(z)]
        mean = process.mean(rest)
        path = process.path(np.r_[rest, mean[len(z) :]], self._rng, self._temper)
        expected = warp.back(mean + mixed)
        value = self._value(study, inner.problem, expected, facts)

        now = value(expected, facts.cost)
        failed, usual = np.r_[failed, np.ones(len(broken), bool)], float(np.median(now))
        chances = Chances(np.vstack([told, broken]), failed) if failed.any() else None

        def score(rows: Codes, of: Facts, all_known: bool = False) -> Floats:
            accuracy = warp.back(path(inner.encode(rows, of)) + numbers(rows, all_known))
            gain = value(accuracy, of.cost)
            if chances is not None:
                gain = np.where(gain > usual, usual + (gain - usual) * (1 - chances(rows)), gain)
            return gain

        found = inner.best(score, codes[np.argsort(-now, kind="stable")[:START]], self._rng)
        if self._prior is None or not self._prior.prior.few:
            return found
        some = self._unknown(inner, found, codes)[:AMONG]
        order = np.argsort(-score(some, inner.problem.facts(some), True), kind="stable")
        return np.vstack([some[order], found])

    def _accuracies(self, study: Study, problem: Problem, values: Floats, facts: Facts) -> Floats:
        """What is modelled of the finished trials (n,): the accuracies that they were told."""
        if problem.objective is None:
            return scalarised(values, study.directions, self._rng)
        told = factors(problem.objective, facts.cost[: len(values)]) if _told_reward(study) else 1.0
        return finite(values[:, 0] / told)

    def _mixed(
        self, process: Process, inner: Inner, codes: Codes, z: Floats
    ) -> tuple[Floats, Callable[[Codes, bool], Floats]]:
        """What the prior adds to the warped accuracies (n,) of codes, and its function.

        The function takes rows, and whether numbers that take long are to be asked for.
        """
        if self._prior is None:
            return np.zeros(len(codes)), lambda rows, all_known: np.zeros(len(rows))
        prior, numbers = self._prior, self._prior(inner, codes)
        mix = Mix.white(process.white(numbers[: len(z)]), process.white(z)).worth()
        silent = not mix.weights.any()

        def added(rows: Codes, all_known: bool) -> Floats:
            if silent or (prior.prior.few and not all_known):
                return np.zeros(len(rows))
            return mix(prior(inner, rows))

        return mix(numbers), added

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


def _factor(study: Study, problem: Problem) -> Callable[[Floats], Floats] | None:
    """What accuracies are worth by their costs; None where study and problem ask for a front."""
    objective = problem.objective
    if objective is None:
        return np.ones_like
    return functools.partial(factors, objective) if _told_reward(study) else None


def _process(
    growing: Growing, inner: Inner, codes: Codes, facts: Facts, y: Floats, rows: Rows | None = None
) -> Process:
    """The process on networks, of which the first have the accuracies y; or on some rows."""

    def encoded(rows: Rows) -> Floats:
        return inner.encode(codes[rows], facts.of(rows))

    of = growing.milestone(len(y))
    told = spaced(of, ROWS)
    z, some = Warp.of(y[:of])(y[told]), rows is not None and len(rows) < len(codes)
    x = encoded(np.arange(len(codes)) if rows is None else rows)
    return growing.on(x, z, encoded(told), MODELLED - RECENT if some else of)


def learned(problem: Problem, prior: Prior, trials: Iterable[Trial]) -> tuple[float, Floats]:
    """What finished trials say of a prior.

    Args:
        problem: Whose networks they are of.
        prior: Known beforehand.
        trials: Of one budget; failed ones say nothing.

    Returns:
        The probability that it says anything, and what a network of the usual accuracy gains with
        one standard deviation more of each number (k,), in points; 0 where it says nothing.
    """
    inner = Inner(problem)
    done = [trial for trial in trials if trial.accuracy is not None]
    if len(done) < FEWEST:
        return Mix.of(np.zeros((0, len(prior.names))), np.zeros(0)).belief, np.zeros(
            len(prior.names)
        )
    codes = np.array([positions(problem.choices, trial.values) for trial in done])
    y = np.array([trial.accuracy for trial in done], float)
    kept = ~Warp.of(y).failed(y)
    codes, y = codes[kept], y[kept]
    growing = Growing(first_of(len(inner.sizes)))
    process = _process(growing, inner, codes, problem.facts(codes), y)
    warp = Warp.of(y)
    mix = Mix.white(process.white(Numbers(prior)(inner, codes)), process.white(warp(y))).worth()
    return mix.belief, warp.back(mix.weights) - warp.back(np.zeros_like(mix.weights))
