"""The loop of a search: ask, evaluate, store, tell."""

import contextlib
import dataclasses
import functools
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Protocol

from nas.evaluators import Evaluator, Outcome, Predicts, predictor_of
from nas.holding import holder_of
from nas.jobs import Job, strange
from nas.objective import Objective
from nas.search.execution import Execution
from nas.search.generations import Generations
from nas.watch import Show as Show
from nas.watch import begin
from nas.workers.executor import Executor, executing, gpus_of_a_trial
from nas.workers.ordered import InOrder, workers_of
from nas.workers.predicting import PredictingExecutor
from results.runs.files import read_json, write_json
from results.runs.records import Trial
from results.runs.session import Run
from results.runs.store import Store
from search_spaces.architecture import from_dict, to_dict
from search_spaces.errors import RunFailure, UserError
from search_spaces.space import Build

PENDING = "pending.json"
FAILURES = 10  # a run whose first this many trials all fail stops


class Proposer(Protocol):
    """What asks: a `Search`, `Halving` around one, `Retrain` around either, `Rounds`."""

    @property
    def objective(self) -> Objective:
        """Judges the trials."""

    @property
    def stopped(self) -> str:
        """Why nothing more can be asked for; empty where it can."""

    @property
    def refusals(self) -> Counter[str]:
        """How often proposals were refused, by reason."""

    def reserve(self, number: int | None = None) -> int:
        """Takes a job's number, the next one if None is given, so that no other job has it."""

    def ask(self) -> Job | None:
        """The next job; None where none is left, or others have to be told first."""

    def adopt(self, job: Job) -> bool:
        """Takes up a job that an earlier session was cut off from.

        Returns:
            Whether it did: not where the search has enough without it.
        """

    def tell(self, job: Job, outcome: Outcome) -> Trial:
        """The finished trial of a job that was asked for or adopted."""


class Around:
    """A proposer around another one, which counts, numbers and judges for both.

    Args:
        inner: The other one.
    """

    def __init__(self, inner: Proposer) -> None:
        self._inner = inner

    @property
    def objective(self) -> Objective:
        """The inner one's."""
        return self._inner.objective

    @property
    def stopped(self) -> str:
        """The inner one's."""
        return self._inner.stopped

    @property
    def refusals(self) -> Counter[str]:
        """The inner one's."""
        return self._inner.refusals

    def reserve(self, number: int | None = None) -> int:
        """Takes a number among the inner one's."""
        return self._inner.reserve(number)


class Pending:
    """The jobs under way, on disk, so that a killed run's are taken up again and not lost.

    Args:
        path: Of the file. What an earlier session left in it stays there until it has ended.

    Raises:
        UserError: The file is there and holds no jobs.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._jobs: dict[int, Job] = {job.number: job for job in _read(path)}

    def left(self) -> list[Job]:
        """The jobs that have no outcome, of an earlier session first."""
        return list(self._jobs.values())

    def begun(self, job: Job) -> None:
        """Notes a job."""
        self._jobs[job.number] = job
        self._write()

    def ended(self, job: Job) -> None:
        """Takes a job off the notes, if it is there."""
        if self._jobs.pop(job.number, None) is not None:
            self._write()

    def _write(self) -> None:
        jobs = [
            {**dataclasses.asdict(job), "architecture": to_dict(job.architecture)}
            for job in self._jobs.values()
        ]
        write_json(self._path, jobs)


def _read(path: Path) -> list[Job]:
    if not path.exists():
        return []
    try:
        return [
            Job(**{**job, "architecture": from_dict(job["architecture"])})
            for job in read_json(path)
        ]
    except (TypeError, KeyError) as error:
        raise UserError(
            f"{path} holds no jobs ({error!r}): delete it, and the run's open jobs are forgotten"
        ) from None


def pending_of(folder: Path, width: int) -> Pending | None:
    """The open jobs of a run's folder.

    Returns:
        None for an executor that runs one job at a time in a run that has none open: the same job
        is asked for again there, so that none is noted.
    """
    path = folder / PENDING
    return Pending(path) if width > 1 or path.exists() else None


def rebuilt(job: Job, build: Build) -> Job:
    """A job of a file with the network that its values build: what the file says is not believed.

    Raises:
        UserError: Its values build none, or another one than the file says.
    """
    try:
        network = build(job.values)
    except Exception as error:  # of a user's space, or of values that no space has
        raise strange(job, f"its values build none ({error})") from None
    if network != job.architecture:
        raise strange(job, "it is not what its values build")
    return job


def _adopt(
    search: Proposer,
    executor: Executor,
    trials: Sequence[Trial],
    pending: Pending,
    build: Build | None,
) -> int:
    """Takes up what earlier sessions left open; gives how many jobs that are."""
    finished, running = {trial.number for trial in trials}, 0
    for job in pending.left():
        if job.number in finished:  # killed between the store and the note
            pending.ended(job)
        elif search.adopt(job if build is None else rebuilt(job, build)):
            executor.submit(job)
            running += 1
    return running


def drive(
    search: Proposer,
    executor: Executor,
    store: Store,
    trials: list[Trial],
    show: Callable[[Trial], None] = lambda trial: None,
    pending: Pending | None = None,
    soon: bool = False,
    build: Build | None = None,
) -> None:
    """Evaluates until `search` has nothing more to ask for.

    Args:
        search: Asks, and is told.
        executor: Evaluates.
        store: Takes the finished trials.
        trials: Those finished before; grows by each new one once that is on disk.
        show: Called with each finished trial.
        pending: The jobs under way (`pending_of`): those of an earlier session are taken up first.
        soon: Finished trials may wait a moment to be written together.
        build: The space's; what an earlier session left must be what it gives.

    Raises:
        UserError: What an earlier session left can't be what it asked for.
        RunFailure: The store can't be written, or the first trials all fail.
    """
    append = functools.partial(store.append, soon=True) if soon else store.append
    running = 0 if pending is None else _adopt(search, executor, trials, pending, build)
    while True:
        while running < executor.width and (asked := search.ask()) is not None:
            if pending and executor.width > 1:
                pending.begun(asked)
            executor.submit(asked)
            running += 1
        if not running:
            return
        job, outcome = executor.next()
        running -= 1
        trial = search.tell(job, outcome)
        append(trial, search.objective.cost(trial.architecture))
        trials.append(trial)
        if pending:
            pending.ended(job)
        show(trial)
        if len(trials) >= FAILURES and all(past.error for past in trials):
            raise RunFailure(
                f"the first {len(trials)} trials all failed, the last with {trial.error!r}: "
                "nothing can be found this way; mend the evaluator and choose another --name"
            )


@contextlib.contextmanager
def _hands(
    plan: Execution, evaluator: Evaluator, model: Predicts | None, search: Proposer
) -> Iterator[Executor]:
    """The plan's executor, or for a model one that predicts many networks at once.

    Where each network takes seconds, as of weights that are held, order costs nothing.
    """
    if model is not None and isinstance(search, Generations):
        yield PredictingExecutor(model, evaluator, lambda: search.networks)
        return
    with executing(plan.executor, evaluator, plan.resources) as hands:
        yield hands if holder_of(evaluator) is None else InOrder(hands)


def carry_out(
    run: Run,
    search: Proposer,
    plan: Execution,
    evaluator: Evaluator,
    show: Show,
    phase: str = "searching",
) -> None:
    """Drives an open run's search with the plan's executor, until it ends or Ctrl-C.

    Who worked is among the run's facts afterwards.

    Args:
        run: The open run.
        search: What asks.
        plan: Who works, and how.
        evaluator: What is asked of each network.
        show: Called with each finished trial and how many there are.
        phase: What this is called while it lasts.

    Raises:
        UserError: The executor can't work.
        RunFailure: As `drive`.
    """

    def shown(trial: Trial) -> None:
        show(trial, len(run.trials))

    model = predictor_of(evaluator) if isinstance(search, Generations) else None
    with _hands(plan, evaluator, model, search) as hands, run.interruptible():
        pending = None if model else pending_of(run.folder, hands.width)
        begin(show, phase, hands.running, len(run.trials))
        try:
            drive(search, hands, run.store, run.trials, shown, pending, bool(model), run.build)
        finally:
            run.store.flush()
    workers = 1 if model else workers_of(hands)
    run.facts |= {
        "executor": plan.executor,
        "workers": workers,
        "gpus_per_trial": gpus_of_a_trial(evaluator, plan.resources, workers),
    }
