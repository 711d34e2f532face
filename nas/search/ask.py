"""Ask and tell: proposals from an Optuna sampler, checked before they cost anything."""

import dataclasses
import random
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution
from optuna.study import StudyDirection

from nas.evaluators import Outcome
from nas.jobs import Job, strange
from nas.objective import (
    Limit,
    Objective,
    broken,
    feasible_values,
    limits_given,
    limits_of,
)
from nas.strategies.problem import SpaceProblem
from nas.strategies.registry import Strategy, derive_seed, reseed
from results.runs.records import Trial, to_optuna
from search_spaces.architecture import Architecture
from search_spaces.errors import UserError, check_is, check_positive, plain
from search_spaces.space import Space, Values

PROPOSALS = 16  # of the sampler for one job
REPAIRS = 512  # walks from a refused proposal into the limits


def _whole(name: str, value: Any, most: int) -> int:
    """The number as Python's own. Raises UserError where it is no whole number from 0 to `most`."""
    number = plain(value)
    if type(number) is not int or not 0 <= number <= most:
        raise UserError(f"{name} is {value!r:.60}: expected a whole number, 0 to {most}")
    return number


class Search:
    """A search over a space for `wanted` networks, continued from the trials already `known`.

    `ask` gives a network that is new and within all limits, or None when there are enough or no
    more, and then `stopped` says why; `tell` takes its outcome. Proposal n depends on the seed, n
    and what was told before, so that continuing equals not stopping.

    Args:
        space: What is searched.
        objective: The reward.
        strategy: Proposes.
        limits: Hard ones besides the objective's own.
        seed: Of everything random.
        known: Finished trials, of this search alone.
        wanted: How many distinct networks there are to be.
        budget: Of every job, in the evaluator's unit.
        anchor: Some network within the limits, as `feasible_values` gives it; None looks for one.

    Raises:
        UserError: No network of the space meets the limits, or an argument is something else.
    """

    def __init__(
        self,
        space: Space,
        objective: Objective,
        strategy: Strategy,
        limits: Sequence[Limit] = (),
        seed: int = 0,
        known: Iterable[Trial] = (),
        wanted: int = 2**31,
        budget: float = 1.0,
        anchor: Values | None = None,
    ) -> None:
        check_is("space", space, Space, 'a Space, as search_spaces.space("mbconv")')
        check_is("objective", objective, Objective, 'an Objective, as nas.Objective("hard", 4e8)')
        check_is("strategy", strategy, Strategy, 'a Strategy, as nas.strategy("evolution")')
        check_is("known", known, Iterable, "finished trials")
        seed, wanted = _whole("seed", seed, 2**32 - 1), _whole("wanted", wanted, sys.maxsize)
        check_positive("budget", budget := plain(budget))
        limits = limits_given(limits)
        self.space, self.objective, self.strategy, self.seed = space, objective, strategy, seed
        self.wanted, self.budget, self.stopped = wanted, budget, ""
        self.limits = limits_of(objective, limits)
        self._anchor = feasible_values(space, self.limits) if anchor is None else anchor
        self._distributions: dict[str, BaseDistribution] = {
            name: CategoricalDistribution(options) for name, options in space.choices.items()
        }
        self._sampler = strategy.sampler(seed, SpaceProblem(space, objective, self.limits))
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        both = [StudyDirection.MAXIMIZE, StudyDirection.MINIMIZE]
        directions = both if strategy.front else both[:1]
        self._study = optuna.create_study(directions=directions, sampler=self._sampler)
        self._asked: dict[int, optuna.Trial] = {}
        self._seen: set[Architecture] = set()
        self._proposed = self._count = 0
        self.refusals: Counter[str] = Counter()
        for trial in known:
            check_is("one of known", trial, Trial, "a finished trial")
            self._seen.add(trial.architecture)
            self.reserve(trial.number)
            self._count += 1
            self._study.add_trial(to_optuna(trial, self._distributions, self._losses(trial)))

    def _losses(self, trial: Trial) -> list[float] | None:
        accuracy = self.objective.cautious(trial)
        if accuracy is None:
            return None
        amount = self.objective.cost(trial.architecture)
        return [accuracy, amount] if self.strategy.front else [self.objective.of(trial)]

    def _refusal(self, architecture: Architecture) -> str | None:
        if architecture in self._seen:
            return "already evaluated"
        return next((str(limit) for limit in broken(architecture, self.limits)), None)

    def ask(self) -> Job | None:
        """The next network, or None."""
        if self.stopped or self._count >= self.wanted:
            return None
        number = self._proposed
        values: dict[str, Any] = {}
        for attempt in range(PROPOSALS):
            reseed(self._sampler, derive_seed(self.seed, number, attempt))
            trial = self._study.ask(self._distributions)
            values = dict(trial.params)
            architecture = self.space.build(values)
            refusal = self._refusal(architecture)
            if refusal is None:
                return self._job(trial, values, architecture)
            self.refusals[refusal] += 1
            self._study.tell(trial, state=optuna.trial.TrialState.FAIL)
        repaired = self._repair(values, number)
        if repaired is None:
            return None
        return self._job(self._forced(repaired), repaired, self.space.build(repaired))

    def _forced(self, values: Values) -> optuna.Trial:
        """A live trial of these values, whatever the sampler would propose."""
        self._study.enqueue_trial(dict(values))
        return self._study.ask(self._distributions)

    def _job(self, trial: optuna.Trial, values: Values, architecture: Architecture) -> Job:
        number = self._proposed
        job = Job(
            number, dict(values), architecture, derive_seed(self.seed, number, 1), self.budget
        )
        self._take(job, trial)
        return job

    def _take(self, job: Job, trial: optuna.Trial) -> None:
        self._asked[job.number] = trial
        self._seen.add(job.architecture)
        self.reserve(job.number)
        self._count += 1

    def reserve(self, number: int | None = None) -> int:
        """Takes a job's number, the next one if None is given, so that no other job has it."""
        number = self._proposed if number is None else number
        self._proposed = max(self._proposed, number + 1)
        return number

    def adopt(self, job: Job) -> bool:
        """Takes up a job that an earlier session was cut off from.

        Returns:
            Whether it did: not where `wanted` networks are known without it.

        Raises:
            UserError: It is no job of this search: beyond a limit, or of another budget.
        """
        why = [str(limit) for limit in broken(job.architecture, self.limits)]
        why += [f"a budget of {self.budget:g}"] if job.budget != self.budget else []
        if why:
            raise strange(job, f"it is not within {why[0]}")
        if self._count >= self.wanted:
            self.reserve(job.number)
            return False
        self._take(job, self._forced(job.values))
        return True

    def _repair(self, start: Values, number: int) -> dict[str, Any] | None:
        """Walks from a refused proposal to a network that can be taken; None where none is met.

        Choice by choice, in random order, it becomes a network known to be within the limits; after
        many walks those begin around that network.
        """
        rng = random.Random(derive_seed(self.seed, number, PROPOSALS))
        names = list(self.space.choices)
        for walk in range(REPAIRS):
            values = dict(start if walk % 2 == 0 else self.space.sample(rng))
            if walk >= REPAIRS // 2:  # look near the anchor: change a few of its choices
                for name in rng.sample(names, max(0, len(names) - 1 - walk % 4)):
                    values[name] = self._anchor[name]
            for name in rng.sample(names, len(names)):
                if self._refusal(self.space.build(values)) is None:
                    return values
                values[name] = self._anchor[name]
            if self._refusal(self.space.build(values)) is None:
                return values
        why = ", ".join(f"{reason} ({n} times)" for reason, n in self.refusals.most_common())
        self.stopped = (
            f"no new network was found in {PROPOSALS} proposals and {REPAIRS} repairs; proposals "
            f"were refused since: {why or 'already evaluated'}"
        )
        return None

    def tell(self, job: Job, outcome: Outcome) -> Trial:
        """The finished trial of a job, told to the sampler. A failure is told as one.

        Raises:
            UserError: The job was not asked for, or told already.
        """
        try:
            live = self._asked.pop(job.number)
        except KeyError:
            raise UserError(f"job {job.number} was not asked for, or told already") from None
        trial = job.finished(outcome)
        losses = self._losses(trial)
        if losses is None:
            live.set_user_attr("error", trial.error)  # as a stored trial has it
            told = self._study.tell(live, state=optuna.trial.TrialState.FAIL)
        else:
            told = self._study.tell(live, losses)
        return dataclasses.replace(trial, notes=dict(told.system_attrs))
