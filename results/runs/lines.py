"""A journal's lines: finished trials as Optuna's journal has them, and back.

A trial whose evaluation was dear stands whole in its line, parameters with their distributions as
Optuna writes them. One that can be evaluated again in a moment stands briefly, a third as long:
Optuna reads its objectives, and its values and network are among its attributes.
"""

import dataclasses
import datetime
import functools
import json
from collections.abc import Mapping
from operator import attrgetter, getitem
from typing import Any

from results.runs.records import (
    COMPLETE,
    FAIL,
    Trial,
    attributes,
    check_line,
    checked,
    trial_of,
)
from search_spaces.architecture import Architecture, Stage
from search_spaces.space import Chosen, Options

STUDY = "compound-nas"
WORKER = "compound-nas"
CREATE_STUDY, STUDY_ATTR, STUDY_NOTE, CREATE_TRIAL = 0, 2, 3, 4  # Optuna's JournalOperation
MAXIMIZE, MINIMIZE = 2, 1  # its StudyDirection
OURS = (CREATE_STUDY, STUDY_ATTR, STUDY_NOTE, CREATE_TRIAL)
# Between the parts of a brief line. No text in JSON has a bare quotation mark, so these stand once.
_BRIEF = f'{{"op_code":{CREATE_TRIAL},"worker_id":"{WORKER}",'
_BEFORE_VALUES, _BEFORE_NETWORK = ',"values":{', '},"network":{'
_BEFORE_STAGES, _END = '},"stages":[[', "]]}}\n"
FEW = 64  # stages, fewer than any network may have
_STAGE = dataclasses.fields(Stage)
_values = attrgetter(*(field.name for field in _STAGE))
_FRAME = dataclasses.fields(Architecture)[1:]
_frame = attrgetter(*(field.name for field in _FRAME))


class Content:
    """What a journal holds.

    Attributes:
        created: The study is there.
        experiment: What its run is; None where that is not said.
        trials: In the order in which they were written.
        amounts: The objective's quantity of each, None where it failed.
    """

    def __init__(self, experiment: Any = None, created: bool = False) -> None:
        self.created, self.experiment = created, experiment
        self.trials: list[Trial] = []
        self.amounts: list[float | None] = []

    def add(self, trial: Trial, amount: float | None) -> None:
        """One more trial."""
        self.trials.append(trial)
        self.amounts.append(amount)


_encode = json.JSONEncoder(separators=(",", ":")).encode


def text_of(line: Mapping[str, Any]) -> str:
    """A line's text, with its end."""
    return _encode(line) + "\n"


def _inside(content: dict[str, Any] | list[Any]) -> str:
    """The text of what is listed, without its brackets."""
    return _encode(content)[1:-1]


class Lines:
    """Writes finished trials as lines, and reads them.

    Args:
        choices: The search space's options, name by name; None where lines are only read.
    """

    def __init__(self, choices: Mapping[str, tuple[Any, ...]] | None = None) -> None:
        self._options = Options(choices or {})
        self._told = [
            {text: at for at, text in enumerate(texts)} for texts in _texts(self._options)
        ]
        self._distributions = {
            name: json.dumps(
                {"name": "CategoricalDistribution", "attributes": {"choices": list(options)}}
            )
            for name, options in self._options.choices.items()
        }

    def whole(self, trial: Trial, values: list[float] | None) -> dict[str, Any]:
        """The line that Optuna would write.

        Args:
            trial: What is finished.
            values: The study's objectives; None where it failed.

        Raises:
            ValueError: A value is none of its choice's options.
        """
        now = datetime.datetime.now(datetime.UTC).isoformat(timespec="microseconds")
        choices = self._options.choices
        return {
            "op_code": CREATE_TRIAL,
            "worker_id": WORKER,
            "study_id": 0,
            "datetime_start": now,
            "state": FAIL if values is None else COMPLETE,
            "value": None,
            "values": values,
            "datetime_complete": now,
            "distributions": self._distributions,
            "params": {name: choices[name].index(v) for name, v in trial.values.items()},
            "user_attrs": attributes(trial),
            "system_attrs": dict(trial.notes),
            "intermediate_values": {},
        }

    def brief(self, trial: Trial, values: list[float] | None) -> str:
        """The text of the shorter line, with its end; of a trial with notes that of the whole one.

        Args:
            trial: What is finished.
            values: The study's objectives; None where it failed.
        """
        if trial.notes:
            return text_of(self.whole(trial, values))
        now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
        network, chosen = trial.architecture, trial.values
        own: dict[str, Any] = {"number": trial.number, "spread": trial.spread, "seed": trial.seed,
                               "seconds": round(trial.seconds, 6)}  # fmt: skip
        own |= {"error": trial.error} if trial.error is not None else {}
        own |= {"budget": trial.budget} if trial.budget != 1.0 else {}
        line = {
            "op_code": CREATE_TRIAL, "worker_id": WORKER, "study_id": 0, "datetime_start": now,
            "state": FAIL if values is None else COMPLETE, "values": values,
            "datetime_complete": now, "user_attrs": own,
        }  # fmt: skip
        head = _encode(line).removesuffix("}}")
        if isinstance(chosen, Chosen):
            told = ",".join(map(getitem, _texts(chosen.options), chosen.code))
        else:
            told = _inside(dict(chosen))
        stages = "],[".join(map(_row, network.stages))
        between = f"{told}{_BEFORE_NETWORK}{_network(*_frame(network))}"
        return f"{head}{_BEFORE_VALUES}{between}{_BEFORE_STAGES}{stages}{_END}"

    def quickly(self, text: str) -> tuple[Trial, float | None] | None:
        """What most lines of a long journal hold, in a fifth of the time that JSON takes.

        A hundred thousand brief lines say few things: the text of each option and of each stage is
        read once, and looked up after that.

        Args:
            text: A line with its end.

        Returns:
            The trial and the amount of the objective's quantity; None where the line is not as
            `brief` writes it, and has to be read whole.
        """
        head, found, rest = text.partition(_BEFORE_VALUES)
        if not (found and text.startswith(_BRIEF) and rest.endswith(_END)):
            return None
        chosen, _, rest = rest.removesuffix(_END).partition(_BEFORE_NETWORK)
        network, _, stages = rest.partition(_BEFORE_STAGES)
        try:
            told = zip(self._told, chosen.split(","), strict=True)
            code = [at[option] for at, option in told]
            made = _beside(network, tuple(map(_stage_of, stages.split("],["))))
            line = json.loads(head + "}}")
        except (KeyError, ValueError):
            return None
        if line["study_id"] != 0:
            return None
        values = line["values"]
        trial = _trial(line["user_attrs"], values, Chosen(self._options, code), made)
        check_line(line, trial)
        return trial, None if values is None else values[1]

    def trial(self, line: Mapping[str, Any]) -> Trial:
        """The trial of a line that creates one.

        Raises:
            KeyError: It is of another program.
        """
        own, values = line["user_attrs"], line.get("values")
        if "stages" in own:
            return self._unpacked(own, values)
        kinds = line.get("distributions", {})
        params = {name: _choices(kinds[name])[at] for name, at in line.get("params", {}).items()}
        return trial_of(params, own, line.get("system_attrs", {}))

    def _unpacked(self, own: Mapping[str, Any], values: list[float] | None) -> Trial:
        chosen: Mapping[str, Any] = own["values"]
        if self._options.choices:
            chosen = Chosen(self._options, self._options.code(chosen))
        return _trial(own, values, chosen, unpacked(own))


def _trial(
    own: Mapping[str, Any], values: list[float] | None, chosen: Mapping[str, Any],
    network: Architecture,
) -> Trial:  # fmt: skip
    """The trial of a brief line's attributes and objectives."""
    read = Trial(
        number=own["number"], values=chosen, architecture=network,
        accuracy=None if values is None else values[0], spread=own["spread"],
        error=own.get("error"), budget=own.get("budget", 1.0), seed=own["seed"],
        seconds=own["seconds"],
    )  # fmt: skip
    return checked(read)


def unpacked(own: Mapping[str, Any]) -> Architecture:
    """The network of a brief line's attributes."""
    return Architecture(tuple(_stage(*row) for row in own["stages"]), **own["network"])


@functools.lru_cache(maxsize=1 << 16)
def _stage_of(text: str) -> Stage:
    """The stage of a brief line's text, without its brackets."""
    return _stage(*json.loads(f"[{text}]"))


def _beside(frame: str, stages: tuple[Stage, ...]) -> Architecture:
    """The network of a brief line's text without its brackets, and of stages.

    What is the same in many is checked once.
    """
    if len(stages) > FEW or any(stage.activation or stage.se_activation for stage in stages):
        return Architecture(stages, **json.loads(f"{{{frame}}}"))
    made = object.__new__(Architecture)
    object.__setattr__(made, "stages", stages)
    for name, value in _checked(frame):
        object.__setattr__(made, name, value)
    return made


@functools.lru_cache(maxsize=1 << 12)
def _checked(frame: str) -> list[tuple[str, Any]]:
    """The fields besides its stages of a network that has this text."""
    one = Architecture((Stage("conv", 1),), **json.loads(f"{{{frame}}}"))
    return [(field.name, getattr(one, field.name)) for field in _FRAME]


@functools.lru_cache(maxsize=1 << 16)
def _row(stage: Stage) -> str:
    """The stage's fields in their order, without those at the end that have their default."""
    row = list(_values(stage))
    while row and row[-1] == _STAGE[len(row) - 1].default:
        row.pop()
    return _inside(row)


@functools.lru_cache(maxsize=16)
def _texts(options: Options) -> list[list[str]]:
    """Of each choice the texts of its options, with its name."""
    return [
        [_inside({name: option}) for option in every] for name, every in options.choices.items()
    ]


@functools.lru_cache(maxsize=1 << 16)
def _stage(*row: Any) -> Stage:
    return Stage(*row)


@functools.lru_cache(maxsize=1 << 12)
def _network(*frame: Any) -> str:
    """The network's fields besides its stages that have not their default."""
    pairs = zip(_FRAME, frame, strict=True)
    return _inside({field.name: value for field, value in pairs if value != field.default})


@functools.lru_cache(maxsize=1 << 12)
def _choices(text: str) -> list[Any]:
    """The choices of a distribution as Optuna writes it.

    Raises:
        KeyError: It has none.
    """
    told: list[Any] = json.loads(text)["attributes"]["choices"]
    return told
