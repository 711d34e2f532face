"""Search strategies by name. A strategy is an Optuna sampler, ours or anyone's."""

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from results.streams import aside
from search_spaces.errors import UserError, check_is, meant
from search_spaces.spaces import load_object

if TYPE_CHECKING:
    from optuna.samplers import BaseSampler

    from nas.prior.known import Prior
    from nas.strategies.problem import Problem


@dataclass(frozen=True)
class Strategy:
    """How a sampler is made, and what it is told.

    Attributes:
        make: (seed) -> sampler; where `informed` is set, (seed, problem) -> sampler.
        front: Whether it is told accuracy and cost, and not the one reward.
        informed: Whether it takes the Problem (`nas/strategies/problem.py`): choices, exact costs,
            limits and objective, known before anything is evaluated.
        generations: Whether an evaluator that predicts many networks at once is given whole
            generations instead (`nas/search/generations.py`).
        priors: Whether it can take a `prior` besides: (seed, problem, prior) -> sampler.
        prior: Numbers known beforehand, of which it learns how much they say.
    """

    make: Callable[..., "BaseSampler"]
    front: bool = False
    informed: bool = False
    generations: bool = False
    priors: bool = False
    prior: "Prior | None" = None

    def sampler(self, seed: int, problem: "Problem | None" = None) -> "BaseSampler":
        """A new sampler for a search. The problem is left out where it is not asked for."""
        if self.prior is not None:
            return self.make(seed, problem, self.prior)
        return self.make(seed, problem) if self.informed else self.make(seed)


def _random(seed: int) -> "BaseSampler":
    import optuna

    return optuna.samplers.RandomSampler(seed)


def _tpe(seed: int) -> "BaseSampler":
    import optuna

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        return optuna.samplers.TPESampler(seed=seed, multivariate=True)


def _nsga2(seed: int) -> "BaseSampler":
    from nas.strategies.evolution import SteadyNSGAII

    return SteadyNSGAII(seed=seed, population_size=100)


def _evolution(seed: int) -> "BaseSampler":
    from nas.strategies.evolution import EvolutionSampler

    return EvolutionSampler(seed)


def _predictor(
    seed: int, problem: "Problem | None" = None, prior: "Prior | None" = None
) -> "BaseSampler":
    from nas.strategies.predictor import PredictorSampler

    return PredictorSampler(seed, problem, prior=prior)


def _reinforce(seed: int, problem: "Problem | None" = None) -> "BaseSampler":
    from nas.strategies.reinforce import ReinforceSampler

    return ReinforceSampler(seed, problem)


# A strategy is one function and one line here.
STRATEGIES: dict[str, Strategy] = {
    "evolution": Strategy(_evolution, generations=True),
    "nsga2": Strategy(_nsga2, front=True),
    "predictor": Strategy(_predictor, informed=True, priors=True),
    "predictor-front": Strategy(_predictor, front=True, informed=True, priors=True),
    "random": Strategy(_random),
    "reinforce": Strategy(_reinforce, informed=True),
    "tpe": Strategy(_tpe),
}


def strategy(spec: str) -> Strategy:
    """Finds a strategy by its name.

    Args:
        spec: A name of STRATEGIES, or `module:Sampler`, which is called with seed=.

    Raises:
        UserError: There is no such strategy, or it is no Optuna sampler that knows choices.
    """
    check_is("strategy", spec, str, "a name, as evolution")
    if spec in STRATEGIES:
        return STRATEGIES[spec]
    if ":" not in spec:
        raise UserError(
            f"there is no strategy {spec!r}{meant(spec, STRATEGIES)}: expected one of "
            f"{', '.join(STRATEGIES)}, or module:name of an Optuna sampler"
        )
    with aside():
        loaded = load_object(spec, "strategy")
    if isinstance(loaded, Strategy):
        return loaded

    def make(seed: int) -> "BaseSampler":
        import optuna
        from optuna.samplers import BaseSampler

        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
                sampler, trial = loaded(seed=seed), loaded(seed=seed)
        except UserError:
            raise
        except Exception as error:
            raise UserError(f"the strategy {spec!r} can't be made with seed=: {error}") from None
        if not isinstance(sampler, BaseSampler):
            raise UserError(
                f"the strategy {spec!r} gives {type(sampler).__name__}: expected an Optuna sampler"
            )
        if _leaves_choices_to_chance(trial):
            raise UserError(
                f"the strategy {spec!r} samples numbers alone, and leaves choices, which all of a "
                "space's are, to chance: take tpe, optuna.samplers:GPSampler or another that knows "
                "choices, or random itself"
            )
        return sampler

    make(0)  # what can't work is refused before a run begins
    return Strategy(make)


def _leaves_choices_to_chance(sampler: "BaseSampler") -> bool:
    """Whether a new sampler, which is used up, hands choices on to one that draws at random."""
    import optuna

    choices = {"first": (0, 1), "second": (0, 1)}
    kinds = {name: optuna.distributions.CategoricalDistribution(o) for name, o in choices.items()}
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study()
    for number in range(4):
        values = {"first": number % 2, "second": number // 2}
        known = optuna.trial.create_trial(
            params=values, distributions=dict(kinds), value=float(number)
        )
        study.add_trial(known)
    asked = optuna.trial.create_trial(state=optuna.trial.TrialState.RUNNING)
    if sampler.infer_relative_search_space(study, asked):
        return False
    return isinstance(getattr(sampler, "_independent_sampler", None), optuna.samplers.RandomSampler)


def derive_seed(*parts: int) -> int:
    """A seed of 32 bits from whole numbers, the same on every machine."""
    return int(np.random.SeedSequence(parts).generate_state(1)[0])


def reseed(sampler: Any, seed: int) -> None:
    """Sets every random state that a sampler holds, those of its inner samplers too.

    Optuna's `reseed_rng` draws from the system; this makes proposal n a function of (seed, n),
    so that a continued run equals an uninterrupted one.
    """
    from optuna.samplers import BaseSampler

    for value in vars(sampler).values():
        if isinstance(value, BaseSampler):
            reseed(value, seed)
        elif isinstance(state := getattr(value, "rng", value), np.random.RandomState):
            state.seed(seed)
