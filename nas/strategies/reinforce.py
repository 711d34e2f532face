"""MnasNet's way: a recurrent controller that writes a network choice by choice, trained with PPO.

An LSTM reads the option chosen last and gives probabilities for the next choice (Zoph & Le 2017,
sec. 3.1). After each batch of finished trials its weights follow the clipped surrogate objective
(Schulman et al. 2017, eq. 7) with the reward less a moving baseline as advantage and an entropy
bonus; Tan et al. 2019 (sec. 4.2) search MnasNet so. The controller is rebuilt from the trials: it
is a function of the seed and of what was told, batch by batch.

Costs are known before evaluation: draws that no limit allows are not proposed, and each update
also sees some of them with the baseline's accuracy and their own cost, so that the controller
learns where the limits are from networks that nobody trained.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from optuna.distributions import BaseDistribution
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

from nas.strategies.codes import Codes, Floats, values_of
from nas.strategies.controller import Controller, Settings
from nas.strategies.informed import InformedSampler
from nas.strategies.plain import Coder, PlainProblem, Read
from nas.strategies.problem import Problem
from nas.strategies.scores import scalarised


class ReinforceSampler(InformedSampler):
    """Draws from a controller that batches of finished trials have trained.

    Args:
        seed: Of the controller and of all draws; None is 0 for the controller.
        problem: What is known of networks beforehand; without it any Optuna search space serves.
        settings: Of the controller; None takes the defaults.
    """

    def __init__(
        self,
        seed: int | None = None,
        problem: Problem | None = None,
        settings: Settings | None = None,
    ) -> None:
        super().__init__(seed, problem)
        self._seed = 0 if seed is None else seed
        self._settings = settings or Settings()
        self._made: tuple[Mapping[str, BaseDistribution], Problem] | None = None
        self._coder: Coder | None = None
        self._controller: Controller | None = None
        self._learned: list[tuple[bytes, bytes]] = []

    def _propose(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        problem = self._problem_of(search_space)
        assert self._coder is not None
        every = [
            (t, read)
            for t in study.get_trials(deepcopy=False)
            if t.number != trial.number and (read := self._coder.of(t)) is not None
        ]
        done = [row for row in every if row[0].state == TrialState.COMPLETE]
        controller = self._trained(study, problem, done)
        codes = controller.draw(self._settings.draws, self._rng)
        allowed = problem.facts(codes).allowed
        seen = {number for _, (_, number) in every}
        return values_of(problem.choices, _first(self._coder, codes, allowed, seen))

    def _problem_of(self, search_space: Mapping[str, BaseDistribution]) -> Problem:
        if self._made is None or (self._problem is None and self._made[0] != search_space):
            self._made = dict(search_space), self._problem or PlainProblem(search_space)
            self._controller, self._coder = None, Coder(self._made[1])
        return self._made[1]

    def _trained(
        self, study: Study, problem: Problem, done: Sequence[tuple[FrozenTrial, Read]]
    ) -> Controller:
        """The controller after all whole batches of the finished trials.

        It goes on from the batches that it knows, and begins anew where they differ.
        """
        size = self._settings.batch
        whole = done[: len(done) // size * size]
        codes = np.array([code for _, (code, _) in whole], np.int64)
        told = self._rewards(study, [t for t, _ in whole])
        batches = [(codes[i : i + size], told[i : i + size]) for i in range(0, len(whole), size)]
        keys = [(a.tobytes(), b.tobytes()) for a, b in batches]
        if self._controller is None or keys[: len(self._learned)] != self._learned:
            sizes = [len(options) for options in problem.choices.values()]
            self._controller = Controller(sizes, self._settings, self._seed)
            self._learned = []
        for n in range(len(self._learned), len(batches)):
            self._controller.learn(*batches[n], self._outside(problem, n))
            self._learned.append(keys[n])
        return self._controller

    def _rewards(self, study: Study, trials: Sequence[FrozenTrial]) -> Floats:
        """What is maximized (n,): the value told; of several, equal weights of their signs."""
        if not trials:
            return np.zeros(0)
        values = np.array([t.values for t in trials], float)
        if len(study.directions) == 1:
            return scalarised(values, study.directions, np.random.RandomState(0))
        signs = np.array([1.0 if d.name == "MAXIMIZE" else -1.0 for d in study.directions])
        scaled = np.sign(values) * np.log1p(np.abs(np.nan_to_num(values)))
        return np.asarray((scaled * signs).mean(1))

    def _outside(self, problem: Problem, batch: int) -> tuple[Codes, Floats]:
        """Draws that are not allowed, and the share of the reward that their cost leaves."""
        assert self._controller is not None
        none = np.zeros((0, len(problem.choices)), np.int64), np.zeros(0)
        if problem.objective is None or problem.pool is not None:
            return none
        rng = np.random.RandomState([self._seed % 2**32, batch])
        codes = self._controller.draw(self._settings.draws, rng)
        facts = problem.facts(codes)
        codes, cost = codes[~facts.allowed], facts.cost[~facts.allowed]
        return codes, np.minimum(problem.objective.target / cost, 1.0)


def _first(coder: Coder, codes: Codes, allowed: Any, seen: set[int]) -> Codes:
    """The first allowed draw that is new; else the first allowed; else the first."""
    inside = codes[allowed]
    for row in inside:
        if coder.number(row) not in seen:
            return np.asarray(row)
    return np.asarray(inside[0] if len(inside) else codes[0])
