"""Outcomes in the order in which jobs were handed in, whichever worker is the fastest."""

from collections import deque
from collections.abc import Sequence

from nas.evaluators import Outcome
from nas.jobs import Job
from nas.watch import Running
from nas.workers.executor import Executor

AHEAD = 8  # jobs that are asked for before the first of them has to be told


class InOrder:
    """Another executor, whose jobs come back as they were handed in.

    So what a search asks for next depends on no worker's speed, nor on how many there are up to
    AHEAD. A worker that is faster goes on with the jobs ahead, so that it waits only for one that
    takes as long as all of these.

    Args:
        hands: Evaluates.

    Attributes:
        width: AHEAD, or as many as there are workers.
        workers: How many there are.
    """

    def __init__(self, hands: Executor) -> None:
        self._hands, self.workers = hands, hands.width
        self.width = max(AHEAD, self.workers)
        self._order, self._waiting = deque[Job](), deque[Job]()
        self._done: dict[int, Outcome] = {}
        self._out = 0

    def submit(self, job: Job) -> None:
        """Takes a job; it is begun when a worker is free."""
        self._order.append(job)
        self._waiting.append(job)
        self._hand_on()

    def _hand_on(self) -> None:
        while self._waiting and self._out < self.workers:
            self._hands.submit(self._waiting.popleft())
            self._out += 1

    def next(self) -> tuple[Job, Outcome]:
        """Waits for the job that was handed in first."""
        first = self._order.popleft()
        while first.number not in self._done:
            job, outcome = self._hands.next()
            self._done[job.number] = outcome
            self._out -= 1
            self._hand_on()
        return first, self._done.pop(first.number)

    def running(self) -> Sequence[Running]:
        """The jobs that workers have."""
        return self._hands.running()

    def close(self) -> None:
        """Ends the other executor, and forgets what waits."""
        self._hands.close()
        self._order.clear()
        self._waiting.clear()


def workers_of(hands: Executor) -> int:
    """How many jobs an executor really has under way at once."""
    return hands.workers if isinstance(hands, InOrder) else hands.width
