"""What samplers that know the problem share: Optuna's contract around one proposal."""

import abc
import threading
from typing import Any

import numpy as np
from optuna.distributions import BaseDistribution, CategoricalDistribution
from optuna.samplers import BaseSampler, RandomSampler
from optuna.search_space import IntersectionSearchSpace
from optuna.study import Study
from optuna.trial import FrozenTrial

from nas.strategies.problem import Problem

_LOCK = threading.Lock()  # threads may share a sampler, and L-BFGS is not re-entrant


class InformedSampler(BaseSampler, abc.ABC):
    """Proposes whole networks of the problem; without one any Optuna search space serves."""

    def __init__(self, seed: int | None, problem: Problem | None) -> None:
        self._rng, self._random = np.random.RandomState(seed), RandomSampler(seed)
        self._space = IntersectionSearchSpace()
        self._problem = problem

    def reseed_rng(self) -> None:
        self._rng.seed()
        self._random.reseed_rng()

    def infer_relative_search_space(
        self, study: Study, trial: FrozenTrial
    ) -> dict[str, BaseDistribution]:
        if self._problem is not None:
            return {n: CategoricalDistribution(o) for n, o in self._problem.choices.items()}
        space = self._space.calculate(study)
        return {name: one for name, one in space.items() if not one.single()}

    def sample_independent(
        self, study: Study, trial: FrozenTrial, name: str, distribution: BaseDistribution
    ) -> Any:
        return self._random.sample_independent(study, trial, name, distribution)

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        if not search_space:
            return {}
        with _LOCK:
            return self._propose(study, trial, search_space)

    @abc.abstractmethod
    def _propose(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """One option for each name of the search space, which is not empty."""
