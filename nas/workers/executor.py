"""Who evaluates: `submit(job)` takes a job, `next()` gives one that is finished."""

import contextlib
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from nas.evaluators import Evaluator, Outcome, device_of, evaluate
from nas.jobs import Job
from nas.watch import Running, telling
from search_spaces.errors import UserError, meant


class Executor(Protocol):
    """Evaluates jobs, several at once where it can.

    Attributes:
        width: How many jobs it wants at once.
    """

    width: int

    def submit(self, job: Job) -> None:
        """Takes a job without waiting."""

    def next(self) -> tuple[Job, Outcome]:
        """Waits for a job to finish.

        Returns:
            The job and its outcome; an evaluator's exception is an outcome, not raised.
        """

    def running(self) -> Sequence[Running]:
        """The jobs under way, for whoever shows them; from any thread."""

    def close(self) -> None:
        """Ends what it started."""


@dataclass(frozen=True)
class Resources:
    """What an executor may use.

    Attributes:
        workers: Jobs at once, None for as many as fit.
        gpus_per_trial: May be a fraction.
        address: Of a Ray cluster.
    """

    workers: int | None = None
    gpus_per_trial: float = 0.0
    address: str | None = None


class LocalExecutor:
    """In this process, one after the other."""

    width = 1

    def __init__(self, evaluator: Evaluator) -> None:
        self._evaluator, self._jobs = telling(evaluator, self._told), deque[Job]()
        self._running: Running | None = None

    def _told(self, done: int, of: int) -> None:
        if self._running is not None:
            self._running = self._running._replace(done=done, of=of)

    def submit(self, job: Job) -> None:
        """Takes a job."""
        self._jobs.append(job)

    def next(self) -> tuple[Job, Outcome]:
        """Evaluates the job that waited longest."""
        job = self._jobs.popleft()
        self._running = Running(job.number, time.monotonic())
        try:
            return job, evaluate(self._evaluator, job.architecture, job.budget, job.seed)
        finally:
            self._running = None

    def running(self) -> Sequence[Running]:
        """The job that is evaluated."""
        running = self._running
        return [] if running is None else [running]

    def close(self) -> None:
        """Forgets the jobs that wait."""
        self._jobs.clear()


def _pool(evaluator: Evaluator, resources: Resources) -> Executor:
    from nas.workers.pool import PoolExecutor

    return PoolExecutor(evaluator, resources.workers)


def _ray(evaluator: Evaluator, resources: Resources) -> Executor:
    from nas.workers.cluster import RayExecutor

    r = resources
    return RayExecutor(evaluator, r.workers, r.gpus_per_trial, r.address)


def gpus_of_a_trial(evaluator: Evaluator, resources: Resources, width: int) -> float:
    """GPUs that a trial holds while it runs: 0 on a CPU, a part where `width` trials share one."""
    if resources.gpus_per_trial:
        return resources.gpus_per_trial
    return 1 / width if device_of(evaluator).startswith("cuda") else 0.0


# An executor is one class and one line here.
EXECUTORS: dict[str, Callable[[Evaluator, Resources], Executor]] = {
    "local": lambda evaluator, resources: LocalExecutor(evaluator),
    "pool": _pool,
    "ray": _ray,
}


def check_executor(name: str, resources: Resources) -> None:
    """Refuses an unknown name, and resources that it does not take.

    Raises:
        UserError: It is one, or they are given.
    """
    if name not in EXECUTORS:
        raise UserError(
            f"there is no executor {name!r}{meant(name, EXECUTORS)}: expected one of "
            f"{', '.join(EXECUTORS)}"
        )
    if name != "ray" and (resources.address or resources.gpus_per_trial):
        raise UserError(f"--address and --gpus-per-trial are for --executor ray, not {name}")


def executor(name: str, evaluator: Evaluator, resources: Resources) -> Executor:
    """An executor by name.

    Raises:
        UserError: As `check_executor`, or it can't work here.
    """
    check_executor(name, resources)
    return EXECUTORS[name](evaluator, resources)


@contextlib.contextmanager
def executing(name: str, evaluator: Evaluator, resources: Resources) -> Iterator[Executor]:
    """An executor by name, closed at the end.

    Raises:
        UserError: As `executor`.
    """
    hands = executor(name, evaluator, resources)
    try:
        yield hands
    finally:
        hands.close()
