"""A proposer of jobs that are known beforehand, round by round."""

from collections import Counter, deque
from collections.abc import Callable, Iterable, Sequence

from nas.evaluators import Outcome
from nas.jobs import Job
from nas.objective import Objective
from results.runs.records import Trial


class Rounds:
    """Asks for the jobs of a round; when these are out, for those of the next.

    Args:
        objective: Judges the trials.
        missing: Gives, of (the trials so far, the jobs under way), the jobs that are still to be
            done before anything else; none while a round waits for its last jobs, or at the end. It
            is called whenever the jobs it gave are out, so that continuing equals not stopping
            where it looks at nothing but what it is given.
        known: The trials so far.
    """

    stopped = ""

    def __init__(
        self,
        objective: Objective,
        missing: Callable[[Sequence[Trial], Sequence[Job]], Iterable[Job]],
        known: Iterable[Trial] = (),
    ) -> None:
        self.objective, self.refusals = objective, Counter[str]()
        self._missing, self._trials = missing, list(known)
        self._running: dict[int, Job] = {}
        self._waiting: deque[Job] = deque()

    def ask(self) -> Job | None:
        """The next job, or None."""
        if not self._waiting:
            self._waiting.extend(self._missing(self._trials, list(self._running.values())))
        if not self._waiting:
            return None
        job = self._waiting.popleft()
        self._running[job.number] = job
        return job

    def adopt(self, job: Job) -> bool:
        """Takes up a job that an earlier session was cut off from; before anything is asked."""
        self._running[job.number] = job
        return True

    def reserve(self, number: int | None = None) -> int:
        """Numbers are `missing`'s."""
        return 0 if number is None else number

    def tell(self, job: Job, outcome: Outcome) -> Trial:
        """The finished trial of a job."""
        del self._running[job.number]
        trial = job.finished(outcome)
        self._trials.append(trial)
        return trial
