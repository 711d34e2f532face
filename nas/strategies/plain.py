"""Any Optuna search space as a Problem about which nothing is known beforehand."""

import operator
from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

from nas.objective import Objective
from nas.strategies.codes import Codes, Floats
from nas.strategies.problem import Facts, Problem

GRID = 33  # values at most that a numeric parameter is tried at


def options_of(distribution: BaseDistribution) -> tuple[Any, ...]:
    """The options of a parameter: a numeric one's are a grid of at most GRID values."""
    if isinstance(distribution, CategoricalDistribution):
        return tuple(distribution.choices)
    assert isinstance(distribution, FloatDistribution | IntDistribution)
    low, high, step = distribution.low, distribution.high, distribution.step
    space = np.geomspace if distribution.log else np.linspace
    grid = np.clip(space(low, high, GRID), low, high)
    if step is not None and not distribution.log:
        count = round((high - low) / step)
        places = np.unique(np.linspace(0, count, min(count + 1, GRID)).round())
        grid = np.clip(low + places * step, low, high)
    whole = isinstance(distribution, IntDistribution)
    return tuple(dict.fromkeys(round(float(v)) if whole else float(v) for v in grid))


def nearest(options: Sequence[Any], value: Any) -> int:
    """The position of the option that is the value, or of the number nearest to it."""
    for at, option in enumerate(options):
        if option is value or option == value:
            return at
    return int(np.argmin([abs(option - value) for option in options]))


class PlainProblem:
    """A Problem of options alone: no costs, no limits, no objective but the study's own."""

    objective: Objective | None = None
    pool: Codes | None = None

    def __init__(self, space: Mapping[str, BaseDistribution]) -> None:
        self.choices: dict[str, Sequence[Any]] = {
            name: options_of(distribution) for name, distribution in space.items()
        }

    def facts(self, codes: Codes) -> Facts:
        """Facts that say nothing: no numbers, no cost, everything allowed."""
        n = len(codes)
        return Facts(np.zeros((n, 0)), np.zeros(n), np.ones(n, bool))

    def keys(self, codes: Codes) -> list[Hashable]:
        """The bytes of each code: different codes are different networks."""
        return [row.tobytes() for row in codes]

    def anchor(self) -> Codes:
        """The first option of each choice; nothing here is forbidden."""
        return np.zeros(len(self.choices), np.int64)


Read = tuple[Codes, int]  # a trial's code (choices,), and the number of its network


EVERY = (TrialState.COMPLETE, TrialState.FAIL, TrialState.RUNNING)


class Told(NamedTuple):
    """Finished trials' values; codes of them, of those that run, and that broke; networks."""

    values: list[Sequence[float]]
    codes: list[Codes]
    running: list[Codes]
    broken: list[Codes]
    seen: set[int]


class Coder:
    """Translates trials to codes, and to numbers that equal networks share.

    It remembers them, since trials are read often and numbers compare faster than networks.
    """

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self._known: dict[tuple[Any, ...], Read] = {}
        self._numbers: dict[Hashable, int] = {}
        self._trials: dict[int, tuple[Mapping[str, Any], Read]] = {}
        self._begun = Told([], [], [], [], set())
        self._ended: list[FrozenTrial] = []  # those of `_begun`, with which a study begins
        self._rows: Codes = np.zeros((0, len(problem.choices)), np.int64)  # `_begun.codes`
        self._values: Floats = np.zeros((0, 0))  # `_begun.values`

    def number(self, code: Codes) -> int:
        """The number of the network that a code (choices,) builds."""
        return self._numbers.setdefault(self.problem.keys(code[None])[0], len(self._numbers))

    def of(self, trial: FrozenTrial) -> Read | None:
        """Reads a trial, once as long as its parameters are the same object.

        Returns:
            Code and number; None where the trial lacks a parameter.
        """
        held = self._trials.get(trial.number)
        if held is None or held[0] is not trial.params:
            if not self.problem.choices.keys() <= trial.params.keys():
                return None
            held = trial.params, self._read(trial.params)
            self._trials[trial.number] = held
        return held[1]

    def every(self, study: Study, but: int) -> tuple[Floats, Codes, Codes, set[int]]:
        """What a study has of trials. Those that ended are read once, however many they are.

        Args:
            study: Whose trials are read.
            but: The number of a trial that is left out.

        Returns:
            The values (k, objectives) of finished trials; codes (n, choices) of these and of those
            that run; codes (m, choices) of trials that ended in an error; numbers of all networks.
        """
        trials = study.get_trials(deepcopy=False)  # to choose states takes a look at each
        if not all(map(operator.is_, trials, self._ended)) or len(trials) < len(self._ended):
            self._begun, self._ended = Told([], [], [], [], set()), []
            self._rows, self._values = self._rows[:0], self._values[:0]
        at = len(self._ended)
        while at < len(trials) and trials[at].state.is_finished():
            at += 1
        self._add(self._begun, trials[len(self._ended) : at])
        self._ended = trials[:at]
        self._rows = self._stacked(self._rows, self._begun.codes[len(self._rows) :])
        self._values = self._stacked(self._values, self._begun.values[len(self._values) :])
        later = Told([], [], [], [], set())
        self._add(later, [trial for trial in trials[at:] if trial.number != but])
        codes = self._stacked(self._rows, later.codes + later.running)
        broken = self._stacked(self._rows[:0], self._begun.broken + later.broken)
        values = self._stacked(self._values, later.values)
        return values, codes, broken, self._begun.seen | later.seen

    def _stacked(self, rows: NDArray[Any], more: Sequence[Any]) -> NDArray[Any]:
        if not more:
            return rows
        return np.vstack([rows, np.array(more, rows.dtype)]) if len(rows) else np.array(more)

    def _add(self, told: Told, trials: Iterable[FrozenTrial]) -> None:
        for trial in trials:
            if trial.state not in EVERY or (read := self.of(trial)) is None:
                continue
            code, number = read
            told.seen.add(number)
            if trial.state == TrialState.COMPLETE:
                told.values.append(trial.values)
                told.codes.append(code)
            elif trial.state == TrialState.RUNNING:
                told.running.append(code)
            elif trial.user_attrs.get("error"):  # it was evaluated, and not refused before that
                told.broken.append(code)

    def _read(self, params: Mapping[str, Any]) -> Read:
        values = tuple(params[name] for name in self.problem.choices)
        if values not in self._known:
            pairs = zip(self.problem.choices.values(), values, strict=True)
            code = np.array([nearest(options, value) for options, value in pairs], np.int64)
            self._known[values] = code, self.number(code)
        return self._known[values]
