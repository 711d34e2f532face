"""One finished trial: what was proposed, what it costs, what was measured, how it was made."""

import datetime
import functools
import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from operator import attrgetter
from pathlib import Path
from types import MappingProxyType, NoneType
from typing import TYPE_CHECKING, Any, NoReturn

from results.runs.files import named
from search_spaces.architecture import Architecture, from_dict, to_dict
from search_spaces.cost import Cost, cost
from search_spaces.errors import UserError

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


COMPLETE, FAIL = 1, 3  # Optuna's TrialState
# What a stored trial's fields may be: the most of each type (the least is 0), and that in words.
Mosts = Mapping[type, float | None]
_WHOLE = 2**63 - 1
_REAL: Mosts = {float: sys.float_info.max, int: _WHOLE}
_MAYBE: Mosts = {**_REAL, NoneType: None}
_COUNT: Mosts = {int: _WHOLE}
_MOST = "(whole ones below 2^63)"
_KINDS: Mapping[str, tuple[Mosts, str]] = {
    "number": (_COUNT, "a whole number of 0 or more, below 2^63"),
    "accuracy": (_MAYBE, f"a number of 0 or more {_MOST}, or null"),
    "spread": (_MAYBE, f"a number of 0 or more {_MOST}, or null"),
    "error": ({str: None, NoneType: None}, "a text or null"),
    "budget": (_REAL, f"a number of 0 or more {_MOST}"),
    "seed": (_COUNT, "a whole number of 0 or more, below 2^63"),
    "seconds": (_REAL, f"a number of 0 or more {_MOST}"),
}
_numbers = attrgetter("number", "accuracy", "spread", "budget", "seed", "seconds")
_USUAL = [int, float, float, float, int, float]  # of nearly all trials


def _fits(value: Any, mosts: Mosts) -> bool:
    most = mosts.get(value.__class__, -1)  # true is no number here
    return most is None or (most > 0 and 0 <= value <= most)


def checked(trial: Trial) -> Trial:
    """A trial that was read, whose fields other code may believe.

    Raises:
        UserError: A field is of another type, or out of its range.
    """
    numbers = _numbers(trial)
    usual = [*map(type, numbers)] == _USUAL and trial.error is None
    if usual and min(numbers) >= 0 and max(numbers) < _WHOLE and sum(numbers) >= 0:  # no NaN
        return trial  # in a third of the time
    for name, (mosts, words) in _KINDS.items():
        if not _fits(value := getattr(trial, name), mosts):
            _refuse(trial, value, name, words)
    return trial


def check_line(line: Mapping[str, Any], trial: Trial) -> None:
    """Refuses a journal's line whose state, objectives or times can't be those of its trial.

    Raises:
        UserError: One of them can't; it is named.
    """
    accuracy, state, values = trial.accuracy, line.get("state"), line.get("values")
    if state != (FAIL if accuracy is None else COMPLETE):
        wanted = f"{FAIL}, since it has no" if accuracy is None else f"{COMPLETE}, since it has an"
        _refuse(trial, state, "state", f"{wanted} accuracy")
    if accuracy is None:
        if values is not None:
            _refuse(trial, values, "values", "null, since it has no accuracy")
    elif values.__class__ is not list or len(values) != 2 or values[0] != accuracy:
        _refuse(trial, values, "values", f"a list of its accuracy, {accuracy}, and its cost")
    elif not _fits(values[1], _REAL):
        _refuse(trial, values[1], "its cost in values", f"a number of 0 or more {_MOST}")
    start, end = line.get("datetime_start"), line.get("datetime_complete")
    for name, value in (("datetime_complete", end), ("datetime_start", start)):
        if not (isinstance(value, str) and _is_time(value)):
            _refuse(trial, value, name, "a time, as 2026-01-31T12:00:00+00:00")
        if start == end:
            return


@functools.lru_cache
def _is_time(text: str) -> bool:
    try:
        datetime.datetime.fromisoformat(text)
    except ValueError:
        return False
    return True


def _refuse(trial: Trial, value: Any, name: str, words: str) -> NoReturn:
    which = "a trial" if name == "number" else f"trial {trial.number}"
    raise UserError(f"{which} has {named(value)} for {name}: expected {words}")


def damaged(place: str, error: Exception, taken: str = "") -> UserError:
    """What to say of a stored trial that can't be used.

    Args:
        place: Names it, as `row 3 of the study`.
        error: What was wrong.
        taken: What may be done in place of putting it back, after which its run makes it again.
    """
    why = "it is not as this program writes trials"
    if isinstance(error, UserError):
        why = str(error)
    elif isinstance(error, json.JSONDecodeError):  # perhaps of a text within it
        why = f"it is no JSON, or holds a text that is none ({error.msg})"
    how = "begin anew with another --name"
    if taken:
        how = f"{taken}: the run's command, given again, {MADE}"
    return UserError(f"{place} can't be used: {why}; put it back as it was, or {how}")


def damaged_line(at: int, path: Path, error: Exception) -> UserError:
    """`damaged` of a journal's line, counted from 1."""
    return damaged(f"line {at} of {path}", error, "take it out, or move the whole file away")


MADE = "makes what is missing again, or says what to do"  # where trials were lost
DAMAGE = (ValueError, TypeError, AttributeError, IndexError, OverflowError, RecursionError)
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
        UserError: One of them is damaged.
    """
    whole = Trial(
        values=values,
        architecture=from_dict(attrs["architecture"]),
        accuracy=attrs["accuracy"],
        notes=notes or NO_NOTES,
        **{name: attrs[name] for name in _OWN},
    )
    return checked(whole)
