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
    """Proposes whole networks of the problem; without one any Optuna search space serves.

    Args:
        seed: Of all its draws; None draws a seed from the system.
        problem: What is known before anything is evaluated.
    """

    def __init__(self, seed: int | None, problem: Problem | None) -> None:
        self._rng, self._random = np.random.RandomState(seed), RandomSampler(seed)
        self._space = IntersectionSearchSpace()
        self._problem = problem
        self._whole: dict[str, BaseDistribution] = {}  # the problem's choices

    def reseed_rng(self) -> None:
        """Draws new random states from the system (Optuna's contract)."""
        self._rng.seed()
        self._random.reseed_rng()

    def infer_relative_search_space(
        self, study: Study, trial: FrozenTrial
    ) -> dict[str, BaseDistribution]:
        """The problem's choices; without a problem, what all trials share and can vary."""
        if self._problem is not None:
            choices = self._problem.choices.items()
            self._whole = self._whole or {n: CategoricalDistribution(o) for n, o in choices}
            return self._whole
        space = self._space.calculate(study)
        return {
            name: distribution for name, distribution in space.items() if not distribution.single()
        }

    def sample_independent(
        self, study: Study, trial: FrozenTrial, name: str, distribution: BaseDistribution
    ) -> Any:
        """A uniform value, for parameters that `sample_relative` leaves out."""
        return self._random.sample_independent(study, trial, name, distribution)

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """The proposal, an option for each name. One thread at a time makes one."""
        if not search_space:
            return {}
        with _LOCK:
            return self._propose(study, trial, search_space)

    @abc.abstractmethod
    def _propose(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """One option for each name of the search space, which is not empty."""
