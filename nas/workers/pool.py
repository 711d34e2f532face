"""Worker processes on this machine, one torch thread each."""

import contextlib
import os
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context, parent_process
from multiprocessing.connection import wait as wait_for

from nas.evaluators import Evaluator, Outcome, evaluate
from nas.jobs import TRIES, Job, died, say_again

THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
_evaluator: Evaluator | None = None  # of a worker process, set once when it starts


def _start(evaluator: Evaluator) -> None:
    global _evaluator
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the driver's
    threading.Thread(target=_end_with_driver, daemon=True).start()
    _evaluator = evaluator


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
        self._idle: list[ProcessPoolExecutor] = []
        self._busy: dict[Future[Outcome], tuple[Job, ProcessPoolExecutor, int]] = {}

    def _worker(self) -> ProcessPoolExecutor:
        if self._idle:
            return self._idle.pop()
        return ProcessPoolExecutor(1, get_context("spawn"), _start, (self._evaluator,))

    def submit(self, job: Job, tries: int = 1) -> None:
        """Hands a job to a worker that is free, or to a new one."""
        worker = self._worker()
        with one_thread():  # a new worker's process starts here
            future = worker.submit(_work, job)
        self._busy[future] = (job, worker, tries)

    def next(self) -> tuple[Job, Outcome]:
        """Of the jobs that have finished, that of the lowest number; waits for one."""
        while True:
            done, _ = wait(self._busy, return_when=FIRST_COMPLETED)
            future = min(done, key=lambda finished: self._busy[finished][0].number)
            job, worker, tries = self._busy.pop(future)
            try:
                outcome = future.result()
                self._idle.append(worker)
                return job, outcome
            except BrokenProcessPool:
                worker.shutdown(wait=False)
                if tries == TRIES:
                    return job, died("worker")
                say_again(job)
                self.submit(job, tries + 1)

    def close(self) -> None:
        """Ends the workers, whatever they do."""
        workers = [*self._idle, *(worker for _, worker, _ in self._busy.values())]
        for worker in workers:
            for process in list((worker._processes or {}).values()):
                process.terminate()
            worker.shutdown(wait=False, cancel_futures=True)
        self._idle, self._busy = [], {}
