"""A search by generations, for an evaluator that predicts many networks at once.

It asks job by job as every search does, so that the same loop drives it: a generation is proposed
whole, its jobs are handed out, and the next one follows when all of them were told.
"""

from collections import Counter, deque
from collections.abc import Iterable, Sequence
from typing import Protocol, runtime_checkable

import numpy as np

from nas.evaluators import Evaluator, Outcome
from nas.jobs import Job
from nas.objective import Limit, Objective, limits_of
from nas.strategies.codes import Codes, codes_of
from nas.strategies.elites import Elites
from nas.strategies.problem import SpaceProblem
from results.runs.records import Trial
from search_spaces.architecture import Architecture
from search_spaces.space import Chosen, Options, Space, Values


@runtime_checkable
class Found(Protocol):
    """An evaluator of which good networks are known from searches before."""

    def found(self, space: Space) -> Sequence[Values]:
        """Values of them in a space; none where none is known."""


def found_by(evaluator: Evaluator, space: Space) -> Sequence[Values]:
    """What searches before have found of a space by an evaluator; nothing where it doesn't say."""
    return evaluator.found(space) if isinstance(evaluator, Found) else ()


class Generations:
    """A search over a space for `wanted` networks, continued from the trials already `known`.

    Args:
        space: What is searched.
        objective: The reward.
        limits: Hard ones besides the objective's own.
        seed: Of everything random.
        known: Finished trials, of this search alone.
        wanted: How many distinct networks there are to be.
        budget: Of every job, in the evaluator's unit.
        anchor: Some network within the limits; None looks for one.
        patience: It stops when so many networks have brought nothing better at any cost, and no
            fewer than were seen before; 0 goes on.
        starts: Values of networks that it begins with, where they are within the limits.

    Raises:
        UserError: No network of the space meets the limits.
    """

    def __init__(
        self,
        space: Space,
        objective: Objective,
        limits: Sequence[Limit] = (),
        seed: int = 0,
        known: Iterable[Trial] = (),
        wanted: int = 2**31,
        budget: float = 1.0,
        anchor: Values | None = None,
        patience: int = 0,
        starts: Sequence[Values] = (),
    ) -> None:
        self._patience = patience
        self.space, self.objective, self.seed = space, objective, seed
        self.wanted, self.budget, self.stopped = wanted, budget, ""
        self.refusals: Counter[str] = Counter()
        problem = SpaceProblem(space, objective, limits_of(objective, limits), anchor)
        self._elites = Elites(problem, seed, starts=starts)
        self._waiting: deque[Job] = deque()
        self._told: dict[int, Trial] = {trial.number: trial for trial in known}
        self._codes: Codes = np.zeros((0, len(space.choices)), np.int64)
        self._networks: list[Architecture] = []
        self._first = self._after = self._left = 0  # numbers of the generation; how many to tell
        self._count, self._next = len(self._told), max(self._told, default=-1) + 1
        self._replay()

    def _replay(self) -> None:
        """Tells the archive of all whole generations that are known."""
        while self._count >= self._first + (size := self._elites.settings.size(self._first)):
            numbers = range(self._first, self._first + size)
            trials = [self._told.get(number) for number in numbers]
            known = [trial for trial in trials if trial is not None]
            if len(known) < size:
                return
            self._codes = codes_of(self.space.choices, [trial.values for trial in known])
            self._networks = [trial.architecture for trial in known]
            self._after = self._first + size
            self._close()

    def _close(self) -> None:
        """Hands the archive the generation under way, all of which has been told."""
        trials = [self._told.pop(number) for number in range(self._first, self._after)]
        accuracies = [self.objective.cautious(trial) for trial in trials]
        merit = [-np.inf if accuracy is None else accuracy for accuracy in accuracies]
        self._elites.tell(self._codes, self._networks, np.array(merit))
        self._first = self._after

    def _begin(self) -> None:
        """Proposes the next generation; of one that was cut off, what is not known yet."""
        size = self._elites.settings.size(self._first)
        self._codes, self._networks = self._elites.propose()
        count = len(self._networks)
        if count < size:
            self.stopped = (
                f"no more than {self._first + count} networks within the limits were found"
            )
        seeds = np.random.SeedSequence([self.seed, self._first]).generate_state(max(1, count))
        options = Options(self.space.choices)
        for at, number in enumerate(range(self._first, self._first + count)):
            if number not in self._told:
                values = Chosen(options, self._codes[at].tolist())
                self._waiting.append(
                    Job(number, values, self._networks[at], int(seeds[at]), self.budget)
                )
        self._after, self._left = self._first + count, len(self._waiting)

    def _still(self) -> bool:
        """Whether the search may stop, since nothing has become better for long."""
        elites = self._elites
        idle = elites.told - elites.better
        if not self._patience or idle < max(self._patience, elites.better):
            return False
        self.stopped = (
            f"the last {idle:,} networks brought nothing better at any cost; give --trials to go on"
        )
        return True

    @property
    def networks(self) -> Sequence[Architecture]:
        """All of the generation under way, those known before a search was cut off too."""
        return self._networks

    def ask(self) -> Job | None:
        """The next network; None where none is left, or a generation has to be told first."""
        if self._count >= self.wanted:
            return None
        if not self._waiting:
            if self.stopped or self._first < self._after or self._still():
                return None
            self._begin()
        if not self._waiting:
            return None
        self._count += 1
        return self._waiting.popleft()

    def reserve(self, number: int | None = None) -> int:
        """Takes a job's number for another asker; the first after this search's own."""
        return self._next if number is None else number

    def adopt(self, job: Job) -> bool:
        """Whether a job that an earlier session left open is taken up: it is asked for again."""
        return False

    def tell(self, job: Job, outcome: Outcome) -> Trial:
        """The finished trial of a job; the last of a generation opens the next one."""
        trial = job.finished(outcome)
        self._told[job.number] = trial
        self._next = max(self._next, job.number + 1)
        self._left -= 1
        if not self._left:
            self._close()
        return trial
