"""One finished trial: what was proposed, what it costs, what was measured, how it was made."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from search_spaces.architecture import Architecture, from_dict, to_dict
from search_spaces.cost import Cost, cost

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution
    from optuna.trial import FrozenTrial


NO_NOTES: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Trial:
    """A finished trial.

    Attributes:
        number: Its place in the order of proposals, from 0.
        values: The space's choices.
        architecture: What they build.
        accuracy: Top-1 in percent; None where the evaluation failed.
        spread: The accuracy's standard deviation, points.
        error: Why the evaluation failed.
        budget: What was spent on it, in the evaluator's unit.
        seed: That the evaluator was given.
        seconds: Of the evaluation.
        notes: What the sampler wrote down, returned to it on resume.
    """

    number: int
    values: Mapping[str, Any]
    architecture: Architecture
    accuracy: float | None = None
    spread: float | None = None
    error: str | None = None
    budget: float = 1.0
    seed: int = 0
    seconds: float = 0.0
    notes: Mapping[str, Any] = field(default_factory=lambda: NO_NOTES)

    @property
    def cost(self) -> Cost:
        """The architecture's."""
        return cost(self.architecture)


_OWN = ("number", "spread", "error", "budget", "seed", "seconds")


def attributes(trial: Trial) -> dict[str, Any]:
    """What a stored trial says of itself besides parameters and values, as plain JSON values."""
    own = {name: getattr(trial, name) for name in _OWN}
    return {**own, "accuracy": trial.accuracy, "architecture": to_dict(trial.architecture)}


def to_optuna(
    trial: Trial, distributions: Mapping[str, "BaseDistribution"], values: list[float] | None
) -> "FrozenTrial":
    """The trial as one whole Optuna trial; `values` are the study's objectives."""
    import optuna

    states = optuna.trial.TrialState
    return optuna.trial.create_trial(
        state=states.FAIL if trial.accuracy is None else states.COMPLETE,
        values=None if trial.accuracy is None else values,
        params=dict(trial.values),
        distributions=dict(distributions),
        user_attrs=attributes(trial),
        system_attrs=dict(trial.notes),
    )


def trial_of(
    values: Mapping[str, Any], attrs: Mapping[str, Any], notes: Mapping[str, Any]
) -> Trial:
    """The inverse of `attributes`.

    Args:
        values: The space's choices.
        attrs: The attributes.
        notes: What the sampler wrote down.

    Raises:
        KeyError: The attributes are of another program.
    """
    return Trial(
        values=values,
        architecture=from_dict(attrs["architecture"]),
        accuracy=attrs["accuracy"],
        notes=notes or NO_NOTES,
        **{name: attrs[name] for name in _OWN},
    )
