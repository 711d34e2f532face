"""Our samplers under Optuna's public contract suite for samplers."""

from collections.abc import Callable

import pytest
from optuna.samplers import BaseSampler
from optuna.testing.pytest_samplers import (
    BasicSamplerTestCase,
    MultiObjectiveSamplerTestCase,
    RelativeSamplerTestCase,
)

from nas.strategies.controller import Settings
from nas.strategies.evolution import EvolutionSampler, SteadyNSGAII
from nas.strategies.predictor import PredictorSampler
from nas.strategies.registry import strategy
from nas.strategies.reinforce import ReinforceSampler
from search_spaces import UserError


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


class TestPredictor(
    BasicSamplerTestCase,
    RelativeSamplerTestCase,
    MultiObjectiveSamplerTestCase,
):
    @pytest.fixture
    def sampler(self) -> Callable[[], BaseSampler]:
        return lambda: PredictorSampler(seed=0, first=2)


class TestReinforce(
    BasicSamplerTestCase,
    RelativeSamplerTestCase,
    MultiObjectiveSamplerTestCase,
):
    @pytest.fixture
    def sampler(self) -> Callable[[], BaseSampler]:
        return lambda: ReinforceSampler(seed=0, settings=Settings(batch=2, epochs=1))


@pytest.mark.parametrize("name", ["BruteForce", "CmaEs", "GP", "NSGAII", "NSGAIII", "QMC", "TPE"])
def test_a_sampler_that_would_draw_choices_at_random_is_refused(name, recwarn, capfd):
    spec = f"optuna.samplers:{name}Sampler"
    if name == "CmaEs":
        with pytest.raises(UserError, match="samples numbers alone, and leaves choices"):
            strategy(spec)
    else:
        assert type(strategy(spec).sampler(0)).__name__ == f"{name}Sampler"
    assert not recwarn.list
    assert capfd.readouterr() == ("", "")
