"""Our samplers under Optuna's public contract suite for samplers."""

from collections.abc import Callable

import pytest
from optuna.samplers import BaseSampler
from optuna.testing.pytest_samplers import (
    BasicSamplerTestCase,
    MultiObjectiveSamplerTestCase,
    RelativeSamplerTestCase,
)

from nas.evolution import EvolutionSampler, SteadyNSGAII


class TestEvolution(
    BasicSamplerTestCase,
    RelativeSamplerTestCase,
    MultiObjectiveSamplerTestCase,
):
    @pytest.fixture
    def sampler(self) -> Callable[[], BaseSampler]:
        return lambda: EvolutionSampler(seed=0, population=1, sample=2)


class TestSteadyNSGAII(
    BasicSamplerTestCase,
    MultiObjectiveSamplerTestCase,
):
    @pytest.fixture
    def sampler(self) -> Callable[[], BaseSampler]:
        return lambda: SteadyNSGAII(seed=0, population_size=3)
