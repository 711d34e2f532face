"""Regularized (aging) evolution as an Optuna sampler (Real et al. 2019, algorithm 1)."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import optuna
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler, RandomSampler
from optuna.search_space import IntersectionSearchSpace
from optuna.study import Study, StudyDirection
from optuna.trial import FrozenTrial, TrialState


class EvolutionSampler(BaseSampler):
    """Mutates the best of a random sample of the last `population` trials.

    With several objectives a competition is won by a random one of its non-dominated trials.

    Args:
        seed: Of all its draws; None draws a seed from the system.
        population: How many of the newest trials are alive; the first `population` are random. None
            is twice the number of choices, from 20 to 100.
        sample: How many of them compete to be the parent (S of the paper); None is a quarter.
        mutations: The mean number of choices that change, at least 1 (1 + Poisson).
    """

    def __init__(
        self,
        seed: int | None = None,
        population: int | None = None,
        sample: int | None = None,
        mutations: float = 2.0,
    ) -> None:
        self._random = RandomSampler(seed)
        self._rng = np.random.RandomState(seed)
        self._space = IntersectionSearchSpace()
        self._population, self._sample, self._mutations = population, sample, mutations

    def reseed_rng(self) -> None:
        """Draws new random states from the system (Optuna's contract)."""
        self._random.reseed_rng()
        self._rng.seed()

    def infer_relative_search_space(
        self, study: Study, trial: FrozenTrial
    ) -> dict[str, BaseDistribution]:
        """The parameters that all trials share and that have several values."""
        space = self._space.calculate(study)
        return {
            name: distribution for name, distribution in space.items() if not distribution.single()
        }

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """A mutant of the winner; nothing until `population` trials are complete."""
        done = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
        population = self._population or max(20, min(100, 2 * len(search_space)))
        alive = [t for t in done[-population:] if search_space.keys() <= t.params.keys()]
        if not search_space or len(done) < population or not alive:
            return {}
        sample = self._sample or max(2, population // 4)
        chosen = self._rng.choice(len(alive), min(sample, len(alive)), replace=False)
        parent = self._winner(study.directions, [alive[i] for i in chosen])
        params = {name: parent.params[name] for name in search_space}
        count = min(len(params), 1 + self._rng.poisson(self._mutations - 1))
        for name in self._rng.choice(sorted(params), count, replace=False):
            distribution = search_space[name]
            for _ in range(10):  # a draw may give the value that is to be changed
                value = self._random.sample_independent(study, trial, name, distribution)
                if value != parent.params[name]:
                    break
            params[str(name)] = value
        return params

    def _winner(
        self, directions: Sequence[StudyDirection], rivals: list[FrozenTrial]
    ) -> FrozenTrial:
        """The rival of the least loss; of several losses, a random one that none dominates."""
        signs = [-1 if direction == StudyDirection.MAXIMIZE else 1 for direction in directions]
        losses = np.array([[s * v for s, v in zip(signs, t.values, strict=True)] for t in rivals])
        if losses.shape[1] == 1:
            return rivals[int(losses.argmin())]
        dominated = [
            any((other <= loss).all() and (other < loss).any() for other in losses)
            for loss in losses
        ]
        best = [rival for rival, beaten in zip(rivals, dominated, strict=True) if not beaten]
        return best[self._rng.randint(len(best))]

    def sample_independent(
        self, study: Study, trial: FrozenTrial, name: str, distribution: BaseDistribution
    ) -> Any:
        """A uniform value, for parameters that `sample_relative` leaves out."""
        return self._random.sample_independent(study, trial, name, distribution)


class SteadyNSGAII(optuna.samplers.NSGAIISampler):
    """NSGA-II whose parents keep the order of their numbers.

    So a continued run equals an uninterrupted one: Optuna's own order differs between a
    generation's first child and the rest.
    """

    def select_parent(self, study: Study, generation: int) -> list[FrozenTrial]:
        """Optuna's parents of a generation, in the order of their numbers."""
        return sorted(super().select_parent(study, generation), key=lambda trial: trial.number)
