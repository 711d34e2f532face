"""Who evaluates: `submit(job)` takes a job, `next()` gives one that is finished."""

from collections import deque
from collections.abc import Callable
from typing import Protocol

from nas.evaluators import Evaluator, Outcome, evaluate
from nas.search import Job


class Executor(Protocol):
    """width: how many jobs it wants at once.

    submit: takes a job without waiting.   next: waits for a job to finish and gives it with its
    outcome; an evaluator's exception is an outcome, not raised.
    """

    width: int

    def submit(self, job: Job) -> None: ...

    def next(self) -> tuple[Job, Outcome]: ...


class LocalExecutor:
    """In this process, one after the other."""

    width = 1

    def __init__(self, evaluator: Evaluator) -> None:
        self._evaluator, self._jobs = evaluator, deque[Job]()

    def submit(self, job: Job) -> None:
        self._jobs.append(job)

    def next(self) -> tuple[Job, Outcome]:
        job = self._jobs.popleft()
        return job, evaluate(self._evaluator, job.architecture, job.budget, job.seed)


# An executor is one class and one line here.
EXECUTORS: dict[str, Callable[[Evaluator], Executor]] = {"local": LocalExecutor}
