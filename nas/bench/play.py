"""Strategies side by side: play a task with each, keep every evaluation, compare what they find.

A strategy's pick is the allowed network of highest measured reward, of equal ones the cheapest, as
`nas search` picks; what counts is the true reward of that network. Its front is that of the
measured accuracies; what counts is the area that their true values dominate.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import optuna
from optuna.distributions import CategoricalDistribution
from optuna.study import StudyDirection
from optuna.trial import TrialState

from nas.bench.tasks import Task
from nas.strategies.codes import Codes, Floats, positions, values_of
from nas.strategies.registry import Strategy, derive_seed, reseed
from nas.strategies.registry import strategy as named
from nas.strategies.scores import factors
from results.runs.front import front, hypervolume
from search_spaces.errors import UserError

ATTEMPTS = 16  # proposals of a sampler before a random network is taken
COLUMNS = ("measured", "truth", "cost", "seconds")


@dataclass(frozen=True)
class Play:
    """A strategy's game with one seed.

    Attributes:
        strategy: As it was asked for.
        seed: Of its proposals, and of the noise.
        rows: (n, 4) COLUMNS; seconds of making the proposal.
    """

    strategy: str
    seed: int
    rows: Floats


def strategy_of(spec: str) -> Strategy:
    """Finds a strategy; `NAME@front` is told accuracy and cost.

    Args:
        spec: A name or `module:name`, perhaps with `@front`.

    Raises:
        UserError: There is no such strategy.
    """
    name = spec.removesuffix("@front")
    if "@" in name.rpartition(":")[2]:
        raise UserError(f"the strategy is {spec!r}: expected NAME or NAME@front")
    loaded = named(name)
    return loaded if name == spec else Strategy(loaded.make, True, loaded.informed)


class Player:
    """A game: asks a sampler, refuses what is not allowed or known, tells measured values.

    Args:
        task: What is played.
        strategy: Who plays.
        seed: Of its proposals, and of the noise.
    """

    def __init__(self, task: Task, strategy: Strategy, seed: int) -> None:
        self.task, self.front, self.seed = task, strategy.front, seed
        self._sampler = strategy.sampler(seed, task.problem)
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        both = [StudyDirection.MAXIMIZE, StudyDirection.MINIMIZE]
        directions = both if strategy.front else both[:1]
        self._study = optuna.create_study(directions=directions, sampler=self._sampler)
        choices = task.problem.choices.items()
        self._space: dict[str, Any] = {n: CategoricalDistribution(o) for n, o in choices}
        self._seen: set[Any] = set()
        self._left = None if task.problem.pool is None else task.problem.pool
        self._number = 0

    def ask(self) -> tuple[optuna.Trial, Codes] | None:
        """A new allowed network as a trial and its code (choices,); None where all are known."""
        problem = self.task.problem
        for attempt in range(ATTEMPTS):
            reseed(self._sampler, derive_seed(self.seed, self._number, attempt))
            trial = self._study.ask(self._space)
            code = positions(problem.choices, trial.params)
            if self._new(code):
                return self._taken(trial, code)
            self._study.tell(trial, state=TrialState.FAIL)
            if self._left is not None:
                break
        instead = self._instead(code)
        if instead is None:
            return None
        self._study.enqueue_trial(values_of(problem.choices, instead))
        return self._taken(self._study.ask(self._space), instead)

    def _new(self, code: Codes) -> bool:
        problem = self.task.problem
        if self._left is not None:
            return bool((self._left == code).all(1).any())
        return problem.keys(code[None])[0] not in self._seen and bool(
            problem.facts(code[None]).allowed[0]
        )

    def _taken(self, trial: optuna.Trial, code: Codes) -> tuple[optuna.Trial, Codes]:
        self._seen.add(self.task.problem.keys(code[None])[0])
        if self._left is not None:
            self._left = self._left[(self._left != code).any(1)]
        self._number += 1
        return trial, code

    def _instead(self, code: Codes) -> Codes | None:
        """The listed network that is left and nearest; else a random allowed one."""
        rng = np.random.RandomState(derive_seed(self.seed, self._number, ATTEMPTS))
        if self._left is not None:
            if not len(self._left):
                return None
            far = (self._left != code).sum(1) + 0.5 * rng.random_sample(len(self._left))
            return np.asarray(self._left[far.argmin()])
        for _ in range(ATTEMPTS):
            rows, _ = self.task.inner.random(64, rng)
            for row in rows:
                if self._new(row):
                    return np.asarray(row)
        return None

    def tell(self, trial: optuna.Trial, code: Codes) -> tuple[float, float, float]:
        """Measures a network, and tells the sampler.

        Args:
            trial: As `ask` gave it.
            code: As `ask` gave it.

        Returns:
            Measured accuracy, true accuracy, cost.
        """
        cost = float(self.task.problem.facts(code[None]).cost[0])
        measured = self.task.measured(code, self.seed)
        reward = self.task.objective.reward(measured, cost)
        self._study.tell(trial, [measured, cost] if self.front else [reward])
        return measured, float(self.task.truth(code[None])[0]), cost


def play(
    task: Task, spec: str, seed: int, evaluations: int, show: Callable[[int], None] = lambda n: None
) -> Play:
    """Plays a whole game.

    Args:
        task: What is played.
        spec: A strategy of `strategy_of`.
        seed: Of its proposals, and of the noise.
        evaluations: Fewer are made where the task has fewer networks.
        show: Is told the evaluations done.

    Raises:
        UserError: There is no such strategy.
    """
    player = Player(task, strategy_of(spec), seed)
    rows = []
    for n in range(evaluations):
        begun = time.perf_counter()
        asked = player.ask()
        seconds = time.perf_counter() - begun
        if asked is None:
            break
        rows.append((*player.tell(*asked), seconds))
        show(n + 1)
    return Play(spec, seed, np.array(rows).reshape(-1, len(COLUMNS)))


def rewards(task: Task, played: Play) -> Floats:
    """The true reward of the pick after each evaluation, (n,)."""
    measured, truth, cost, _ = played.rows.T
    told = factors(task.objective, cost)
    told_rewards = measured * told
    merits = [*zip(told_rewards.tolist(), (-cost).tolist(), strict=True)]
    picks = np.zeros(len(merits), int)
    for n in range(1, len(merits)):
        picks[n] = n if merits[n] > merits[picks[n - 1]] else picks[n - 1]
    return np.asarray((truth * told)[picks])


def volumes(task: Task, played: Play, at: Sequence[int]) -> Floats:
    """What the measured fronts are worth after so many evaluations.

    Args:
        task: Has the reference point.
        played: The game.
        at: Numbers of evaluations.

    Returns:
        (len(at),) true hypervolumes divided by the reference's cost: points of accuracy above the
        reference, averaged over costs.
    """
    measured, truth, cost, _ = played.rows.T
    areas = []
    for n in at:
        kept = front(measured[:n], cost[:n])
        area = hypervolume(truth[kept], cost[kept], task.reference)
        areas.append(area / task.reference[1])
    return np.array(areas)
