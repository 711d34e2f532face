"""Worker processes on this machine, one torch thread each."""

import contextlib
import os
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from multiprocessing import get_context, parent_process
from multiprocessing.connection import wait as wait_for
from multiprocessing.process import BaseProcess
from typing import Any, NamedTuple

from nas.evaluators import Evaluator, Outcome, evaluate
from nas.jobs import TRIES, Job, died, say_again
from nas.watch import Running, telling
from results.interrupts import undisturbed
from results.starting import unguarded

THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
_evaluator: Evaluator | None = None  # of a worker process, set once when it starts


class Aside:
    """Unpickled in a worker before its evaluator, whose files are run then: they print aside."""

    def __reduce__(self) -> tuple[Any, ...]:
        return os.dup2, (2, 1)  # what programs of an evaluator print is no answer of a command


def _start(_: Any, evaluator: Evaluator, steps: Any) -> None:
    global _evaluator

    def tell(done: int, of: int) -> None:
        steps[:] = done, of

    threading.Thread(target=_end_with_driver, daemon=True).start()
    _evaluator = telling(evaluator, tell)


def _end_with_driver() -> None:
    """A worker whose driver was killed would wait for its next job for ever."""
    driver = parent_process()
    if driver is not None:
        wait_for([driver.sentinel])
        os._exit(1)


def _work(job: Job) -> Outcome:
    assert _evaluator is not None  # set by _start
    return evaluate(_evaluator, job.architecture, job.budget, job.seed)


def cores() -> int:
    """How many cores this process may use; where the system doesn't say, as macOS, all it has."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@contextlib.contextmanager
def one_thread() -> Iterator[None]:
    """A process started inside has one thread for numpy and torch.

    They read these variables when they are imported there; this process's own are as before
    afterwards.
    """
    before = {name: os.environ.get(name) for name in THREADS}
    os.environ.update(dict.fromkeys(THREADS, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


@dataclass(frozen=True)
class Worker:
    """A process, and what it shares with this one: the steps done of its job, and of how many."""

    process: ProcessPoolExecutor
    steps: Any


class Busy(NamedTuple):
    """A job with a worker: for the how manieth time, and since when."""

    job: Job
    worker: Worker
    tries: int
    begun: float
    started: Sequence[BaseProcess]  # the worker's one process


class PoolExecutor:
    """Worker processes; one that is killed takes only its job along.

    That job is tried again by a new worker, TRIES times in all.

    Args:
        evaluator: It must pickle.
        workers: Processes; None is one for each core.
    """

    def __init__(self, evaluator: Evaluator, workers: int | None = None) -> None:
        self.width = workers or cores()
        self._evaluator = evaluator
        self._idle: list[Worker] = []
        self._busy: dict[Future[Outcome], Busy] = {}

    def _worker(self) -> Worker:
        if self._idle:
            return self._idle.pop()
        context = get_context("spawn")
        steps = context.RawArray("q", 2)
        given = (Aside(), self._evaluator, steps)
        return Worker(ProcessPoolExecutor(1, context, _start, given), steps)

    def submit(self, job: Job, tries: int = 1) -> None:
        """Hands a job to a worker that is free, or to a new one."""
        worker = self._worker()
        worker.steps[:] = 0, 0
        with one_thread(), undisturbed():  # a new worker's process starts here
            future = worker.process.submit(_work, job)
        started = list((worker.process._processes or {}).values())
        self._busy[future] = Busy(job, worker, tries, time.monotonic(), started)

    def next(self) -> tuple[Job, Outcome]:
        """Of the jobs that have finished, that of the lowest number; waits for one."""
        while True:
            done, _ = wait(self._busy, return_when=FIRST_COMPLETED)
            future = min(done, key=lambda finished: self._busy[finished].job.number)
            job, worker, tries, _, started = self._busy.pop(future)
            try:
                outcome = future.result()
                self._idle.append(worker)
                return job, outcome
            except BrokenProcessPool:
                worker.process.shutdown(wait=False)
                if said := unguarded([process.exitcode for process in started]):
                    raise said from None
                if tries == TRIES:
                    return job, died("worker")
                say_again(job)
                self.submit(job, tries + 1)

    def running(self) -> Sequence[Running]:
        """The jobs that workers have, by number."""
        busy = [
            Running(one.job.number, one.begun, *one.worker.steps)
            for one in list(self._busy.values())
        ]
        return sorted(busy)

    def close(self) -> None:
        """Ends the workers, whatever they do."""
        for worker in [*self._idle, *(one.worker for one in self._busy.values())]:
            for process in list((worker.process._processes or {}).values()):
                process.terminate()
            worker.process.shutdown(wait=False, cancel_futures=True)
        self._idle, self._busy = [], {}
