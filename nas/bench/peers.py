"""Other living tools as strategies: SMAC3, Syne Tune, Nevergrad and Ax, each as an Optuna sampler.

`nas bench --strategies nas.bench.peers:SMAC` plays one. All of them are tools that are asked for a
network and told its value. They know what Optuna's own samplers know: the options of each choice,
and the values of the networks that were evaluated. A network outside the limits is told as failed
where the tool has a word for it. Extra `peers`.
"""

import logging
import tempfile
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
from optuna import Study
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler
from optuna.search_space import IntersectionSearchSpace
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from search_spaces.errors import UserError, check_packages, install, said

Options = Mapping[str, Sequence[Any]]  # of each choice
Places = Mapping[str, int]  # of each choice, the position of its option
PLANNED = 100  # evaluations that tools which plan ahead are told to plan for


def ordered(options: Sequence[Any]) -> bool:
    """Whether the options of a choice are steps of a scale: all that are not texts."""
    return not any(isinstance(option, str) for option in options)


@contextmanager
def global_seed(seed: int) -> Iterator[None]:
    """Seeds numpy's global random state, which some tools draw from, for a while."""
    before = np.random.get_state()
    np.random.seed(seed)
    try:
        yield
    finally:
        np.random.set_state(before)


class Peer(BaseSampler):
    """A tool that is asked and told, behind Optuna's interface.

    The tool is opened at the first proposal whose choices are known: after one finished trial,
    the first being random. Before each proposal it is told every trial that ended meanwhile,
    whoever proposed it, so that a continued search opens a new tool and tells it all.

    Args:
        seed: Of the tool.

    Raises:
        UserError: The tool is not installed.
    """

    packages: tuple[str, ...] = ()

    def __init__(self, seed: int | None = None) -> None:
        check_packages(f"the strategy {type(self).__name__}", self.packages, "peers")
        self._seed = 0 if seed is None else seed
        self._random = np.random.RandomState(seed)
        self._common = IntersectionSearchSpace()
        self._choices: Options = {}
        self._asked: dict[int, Any] = {}  # the tool's own names of what it proposed
        self._told: set[int] = set()

    def infer_relative_search_space(
        self, study: Study, trial: FrozenTrial
    ) -> dict[str, BaseDistribution]:
        """All choices of more than one option, once a trial has finished."""
        common = self._common.calculate(study)
        return {name: kind for name, kind in common.items() if not kind.single()}

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """Asks the tool, after it was told what ended since."""
        if len(study.directions) > 1:
            raise UserError(
                f"the strategy {type(self).__name__} is told one reward: leave @front out"
            )
        if not search_space:
            return {}
        with warnings.catch_warnings(), global_seed(self._random.randint(2**31)):
            warnings.simplefilter("ignore")
            if not self._choices:
                self._choices = {n: _options(kind) for n, kind in search_space.items()}
                self._opened()
            self._tell_all(study)
            self._asked[trial.number], places = self._ask()
        return {name: options[int(places[name])] for name, options in self._choices.items()}

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: Any
    ) -> Any:
        """A random option: of the first networks."""
        options = _options(param_distribution)
        return options[self._random.randint(len(options))]

    def _opened(self) -> None:
        """Opens the tool. Raises UserError where it, or what it needs, doesn't import."""
        try:
            self._open(self._choices, self._seed)
        except ImportError as error:
            name = type(self).__name__
            raise UserError(
                f"the strategy {name} doesn't import ({said(error)}): {install('peers')}"
            ) from None

    def _tell_all(self, study: Study) -> None:
        """Tells the tool the trials that ended and that it does not know yet."""
        sign = 1.0 if study.direction is StudyDirection.MINIMIZE else -1.0
        for trial in study.get_trials(deepcopy=False):
            if not trial.state.is_finished() or trial.number in self._told:
                continue
            self._told.add(trial.number)
            name, done = self._asked.pop(trial.number, None), trial.state is TrialState.COMPLETE
            if done and self._choices.keys() <= trial.params.keys():
                places = {n: list(o).index(trial.params[n]) for n, o in self._choices.items()}
                self._tell(name, places, sign * float(trial.values[0]))
            elif name is not None:
                self._fail(name)

    def _open(self, choices: Options, seed: int) -> None:
        """Makes the tool."""
        raise NotImplementedError

    def _ask(self) -> tuple[Any, Places]:
        """A proposal, and the tool's own name of it."""
        raise NotImplementedError

    def _tell(self, name: Any, places: Places, loss: float) -> None:
        """Tells a value, the lower the better; the name is None where another proposed it."""
        raise NotImplementedError

    def _fail(self, name: Any) -> None:
        """Tells that a proposal has no value; tools without a word for it are told nothing."""


def _options(kind: Any) -> Sequence[Any]:
    """The options of a choice. Raises UserError for a range of numbers."""
    if not hasattr(kind, "choices"):
        raise UserError(f"a parameter is {kind}: expected a choice, which all of a space's are")
    return tuple(kind.choices)


class SMAC(Peer):
    """SMAC3's facade for hyperparameters: a random forest and expected improvement.

    (Lindauer et al. 2022.) Ordered options are ordinal. All else is its default: a quarter of the
    evaluations that are planned is its Sobol design, then the forest is fitted anew after every
    eight proposals. What is not allowed has the worst loss that is known.
    """

    packages = ("smac", "ConfigSpace")

    def _open(self, choices: Options, seed: int) -> None:
        from ConfigSpace import CategoricalHyperparameter, ConfigurationSpace, OrdinalHyperparameter
        from smac import HyperparameterOptimizationFacade as Facade
        from smac import Scenario

        space = ConfigurationSpace(seed=seed)
        for name, options in choices.items():
            kind = OrdinalHyperparameter if ordered(options) else CategoricalHyperparameter
            space.add(kind(name, list(range(len(options)))))
        self._folder = tempfile.TemporaryDirectory(prefix="smac")
        scenario = Scenario(
            space, deterministic=True, n_trials=PLANNED, seed=seed,
            output_directory=self._folder.name,
        )  # fmt: skip
        self._space = space
        self._tool = Facade(scenario, _no_target, logging_level=False)

    def _ask(self) -> tuple[Any, Places]:
        trial = self._tool.ask()
        return trial, dict(trial.config)

    def _tell(self, name: Any, places: Places, loss: float) -> None:
        from ConfigSpace import Configuration
        from smac.runhistory.dataclasses import TrialInfo, TrialValue

        if name is None:
            name = TrialInfo(Configuration(self._space, values=dict(places)), seed=0)
        self._tool.tell(name, TrialValue(cost=loss), save=False)

    def _fail(self, name: Any) -> None:
        from smac.runhistory.dataclasses import TrialValue
        from smac.runhistory.enumerations import StatusType

        known = [v.cost for v in self._tool.runhistory.values() if v.status == StatusType.SUCCESS]
        failed = TrialValue(cost=max(known), status=StatusType.CRASHED)
        self._tool.tell(name, failed, save=False)


def _no_target(config: Any, seed: int = 0) -> float:
    """What SMAC would call; it is asked and told instead."""
    raise NotImplementedError


class SyneTuneCQR(Peer):
    """Syne Tune's conformal quantile regression: boosted trees and Thompson sampling.

    (Salinas et al. 2023.) Ordered options are whole numbers, others one-hot.
    """

    packages = ("syne_tune", "huggingface_hub")

    def _open(self, choices: Options, seed: int) -> None:
        from syne_tune.config_space import choice, randint
        from syne_tune.optimizer.schedulers.searchers.conformal import (
            conformal_quantile_regression_searcher as conformal,
        )

        space = {
            name: randint(0, len(o) - 1) if ordered(o) else choice(list(range(len(o))))
            for name, o in choices.items()
        }
        self._tool = conformal.ConformalQuantileRegression(space, random_seed=seed)

    def _ask(self) -> tuple[Any, Places]:
        return None, self._tool.suggest()

    def _tell(self, name: Any, places: Places, loss: float) -> None:
        self._tool.on_trial_complete(len(self._tool.trial_results), dict(places), loss)


class Nevergrad(Peer):
    """Nevergrad's NgIohTuned, its default, which chooses among its evolution strategies (Meta).

    Ordered options are transition choices, which change by steps, others plain choices.
    """

    packages = ("nevergrad",)

    def _open(self, choices: Options, seed: int) -> None:
        import nevergrad

        p = nevergrad.p
        kinds = {
            name: (p.TransitionChoice if ordered(o) else p.Choice)(range(len(o)))
            for name, o in choices.items()
        }
        space = p.Dict(**kinds)
        space.random_state.seed(seed)
        self._tool = nevergrad.optimizers.NgIohTuned(space, budget=PLANNED)

    def _ask(self) -> tuple[Any, Places]:
        proposed = self._tool.ask()
        return proposed, proposed.value

    def _tell(self, name: Any, places: Places, loss: float) -> None:
        if name is None:
            name = self._tool.parametrization.spawn_child(new_value=dict(places))
        self._tool.tell(name, loss)


class Ax(Peer):
    """Ax's default: a Gaussian process of BoTorch and noisy expected improvement (Meta)."""

    packages = ("ax", "botorch")

    def _open(self, choices: Options, seed: int) -> None:
        from ax.api.client import Client
        from ax.api.configs import ChoiceParameterConfig

        for logger in [name for name in logging.root.manager.loggerDict if name.startswith("ax.")]:
            logging.getLogger(logger).setLevel(logging.ERROR)  # each has a level of its own
        self._tool = Client(random_seed=seed)
        self._tool.configure_experiment(
            [
                ChoiceParameterConfig(
                    name=name, values=list(range(len(o))), parameter_type="int",
                    is_ordered=ordered(o),
                )
                for name, o in choices.items()
            ],
            name="peer",
        )  # fmt: skip
        self._tool.configure_optimization(objective="-loss")

    def _ask(self) -> tuple[Any, Places]:
        ((name, values),) = self._tool.get_next_trials(max_trials=1).items()
        return name, values

    def _tell(self, name: Any, places: Places, loss: float) -> None:
        if name is None:
            name = self._tool.attach_trial(parameters=dict(places))
        self._tool.complete_trial(trial_index=name, raw_data={"loss": loss})

    def _fail(self, name: Any) -> None:
        self._tool.mark_trial_failed(trial_index=name)
