"""A store in any database that Optuna knows, which may hold many runs."""

import warnings
from collections.abc import Mapping
from typing import Any

import optuna
from optuna.distributions import CategoricalDistribution

from results.runs.lines import Content, Lines
from results.runs.records import Trial, to_optuna, trial_of


class Database:
    """The trials of one run in a database.

    Args:
        url: Of the database.
        experiment: What the run is; it is written where the study does not say.
        choices: The space's options.
        name: Of the run's study.

    Attributes:
        content: What it held when it was opened.
    """

    def __init__(
        self,
        url: str,
        experiment: Mapping[str, Any],
        choices: Mapping[str, tuple[Any, ...]],
        name: str,
    ) -> None:
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self._distributions = {key: CategoricalDistribution(o) for key, o in choices.items()}
        storage = optuna.storages.get_storage(url)
        if name in optuna.get_all_study_names(storage):  # to load writes nothing
            self._study = optuna.load_study(study_name=name, storage=storage)
        else:
            self._study = optuna.create_study(
                study_name=name, storage=storage, directions=["maximize", "minimize"]
            )
        self.content = content_of(self._study)
        if self.content.experiment is None and not self.content.trials:
            self._study.set_user_attr("experiment", experiment)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
                self._study.set_metric_names(["accuracy", "cost"])
            self.content.experiment = experiment

    @staticmethod
    def failures() -> tuple[type[Exception], ...]:
        """What is raised where the database can't be written."""
        from sqlalchemy.exc import SQLAlchemyError

        return SQLAlchemyError, optuna.exceptions.StorageInternalError

    def append(self, trial: Trial, values: list[float] | None, soon: bool) -> None:
        """Writes a trial at once."""
        self._study.add_trial(to_optuna(trial, self._distributions, values))

    def flush(self) -> None:
        """Nothing waits."""


def content_of(study: optuna.Study) -> Content:
    """What a study holds.

    Raises:
        KeyError: Its trials are of another program.
    """
    content = Content()
    content.created, content.experiment = True, study.user_attrs.get("experiment")
    for told in study.get_trials(deepcopy=False):
        content.trials.append(of_optuna(told))
        content.amounts.append(told.values[1] if told.values else None)
    return content


def of_optuna(told: optuna.trial.FrozenTrial) -> Trial:
    """The inverse of `to_optuna`, and of what Optuna reads from a brief line."""
    if "stages" in told.user_attrs:
        return Lines().trial({"user_attrs": told.user_attrs, "values": told.values})
    return trial_of(told.params, told.user_attrs, told.system_attrs)
