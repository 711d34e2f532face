"""The loop of a search: ask, evaluate, store, tell."""

import dataclasses
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from nas.evaluators import Outcome
from nas.jobs import Job
from nas.objective import Objective
from nas.workers.executor import Executor
from results.runs.folder import read_json, write_json
from results.runs.records import Trial
from results.runs.store import Store
from search_spaces.architecture import from_dict, to_dict
from search_spaces.errors import RunFailure

PENDING = "pending.json"
FAILURES = 10  # a run whose first this many trials all fail stops


class Proposer(Protocol):
    """What asks: a `Search`, `Halving` around one, `Retrain` around either."""

    @property
    def objective(self) -> Objective: ...

    @property
    def stopped(self) -> str: ...

    @property
    def refusals(self) -> Counter[str]: ...

    def reserve(self, number: int | None = None) -> int: ...

    def ask(self) -> Job | None: ...

    def adopt(self, job: Job) -> None: ...

    def tell(self, job: Job, outcome: Outcome) -> Trial: ...


class Pending:
    """The jobs under way, on disk, so that a killed run's are taken up again and not lost."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._jobs: dict[int, Job] = {}

    def left(self) -> list[Job]:
        """The jobs of an earlier session that have no outcome."""
        if not self._path.exists():
            return []
        jobs = read_json(self._path)
        return [Job(**{**job, "architecture": from_dict(job["architecture"])}) for job in jobs]

    def begun(self, job: Job) -> None:
        self._jobs[job.number] = job
        self._write()

    def ended(self, job: Job) -> None:
        del self._jobs[job.number]
        self._write()

    def _write(self) -> None:
        jobs = [
            {**dataclasses.asdict(job), "architecture": to_dict(job.architecture)}
            for job in self._jobs.values()
        ]
        write_json(self._path, jobs)


def drive(
    search: Proposer,
    executor: Executor,
    store: Store,
    trials: list[Trial],
    show: Callable[[Trial], None] = lambda trial: None,
    pending: Pending | None = None,
) -> None:
    """Evaluates until `search` has nothing more to ask for.

    trials: those finished before; grows by each new one once that is on disk.
    pending: keeps the jobs under way; an executor that runs one job at a time needs none, since
    the same job is asked for again.
    Raises RunFailure where the store can't be written or the first trials all fail.
    """
    finished = {trial.number for trial in trials}
    running = 0
    for job in pending.left() if pending else []:
        if job.number not in finished:
            search.adopt(job)
            _begin(job, executor, pending)
            running += 1
    while True:
        while running < executor.width and (asked := search.ask()) is not None:
            _begin(asked, executor, pending)
            running += 1
        if not running:
            return
        job, outcome = executor.next()
        running -= 1
        trial = search.tell(job, outcome)
        store.append(trial, search.objective.cost(trial.architecture))
        trials.append(trial)
        if pending:
            pending.ended(job)
        show(trial)
        if len(trials) >= FAILURES and all(one.error for one in trials):
            raise RunFailure(
                f"the first {len(trials)} trials all failed, the last with {trial.error!r}: "
                "nothing can be found this way; mend the evaluator and choose another --name"
            )


def _begin(job: Job, executor: Executor, pending: Pending | None) -> None:
    if pending:
        pending.begun(job)
    executor.submit(job)
