"""A search by generations, for an evaluator that predicts many networks at once.

It asks job by job as every search does, so that the same loop drives it: a generation is proposed
whole, its jobs are handed out, and the next one follows when all of them were told.
"""

from collections import Counter, deque
from collections.abc import Iterable, Sequence

import numpy as np

from nas.evaluators import Outcome
from nas.jobs import Job
from nas.objective import Limit, Objective, limits_of
from nas.strategies.elites import Elites
from nas.strategies.problem import Codes, SpaceProblem, positions, values_of
from nas.strategies.registry import derive_seed
from results.runs.records import Trial
from search_spaces.space import Space


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
    ) -> None:
        self.space, self.objective, self.seed = space, objective, seed
        self.wanted, self.budget, self.stopped = wanted, budget, ""
        self.refusals: Counter[str] = Counter()
        self._elites = Elites(SpaceProblem(space, objective, limits_of(objective, limits)), seed)
        self._waiting: deque[Job] = deque()
        self._told: dict[int, Trial] = {trial.number: trial for trial in known}
        self._codes: dict[int, Codes] = {}
        self._first = self._after = 0  # the numbers of the generation under way
        self._count = len(self._told)
        self._replay()

    def _replay(self) -> None:
        """Tells the archive of all whole generations that are known."""
        while self._count >= self._first + (size := self._elites.settings.size(self._first)):
            self._after = self._first + size
            for number in range(self._first, self._after):
                if number not in self._told:
                    return
                trial = self._told[number]
                self._codes[number] = positions(self.space.choices, trial.values)
            self._close()

    def _close(self) -> None:
        """Hands the archive the generation under way, all of which has been told."""
        numbers = range(self._first, self._after)
        accuracies = [self.objective.cautious(self._told[number]) for number in numbers]
        merit = [-np.inf if accuracy is None else accuracy for accuracy in accuracies]
        self._elites.tell(np.array([self._codes.pop(n) for n in numbers]), np.array(merit))
        self._first = self._after

    def _begin(self) -> None:
        """Proposes the next generation; of one that was cut off, what is not known yet."""
        size = self._elites.settings.size(self._first)
        proposed = self._elites.propose()
        if len(proposed) < size:
            self.stopped = (
                f"no more than {self._first + len(proposed)} networks within the limits were found"
            )
        for number, code in enumerate(proposed, self._first):
            self._codes[number] = code
            if number not in self._told:
                values = values_of(self.space.choices, code)
                seed = derive_seed(self.seed, number, 1)
                network = self.space.build(values)
                self._waiting.append(Job(number, values, network, seed, self.budget))
        self._after = self._first + len(proposed)

    def ask(self) -> Job | None:
        """The next network; None where none is left, or a generation has to be told first."""
        if self._count >= self.wanted:
            return None
        if not self._waiting:
            if self.stopped or self._first < self._after:
                return None
            self._begin()
        if not self._waiting:
            return None
        self._count += 1
        return self._waiting.popleft()

    def reserve(self, number: int | None = None) -> int:
        """Takes a job's number for another asker; the first after this search's own."""
        return max(self._told, default=-1) + 1 if number is None else number

    def adopt(self, job: Job) -> bool:
        """Whether a job that an earlier session left open is taken up: it is asked for again."""
        return False

    def tell(self, job: Job, outcome: Outcome) -> Trial:
        """The finished trial of a job; the last of a generation opens the next one."""
        trial = job.finished(outcome)
        self._told[job.number] = trial
        whole = all(number in self._told for number in range(self._first, self._after))
        if whole and not self._waiting:
            self._close()
        return trial
