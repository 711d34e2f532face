"""A whole grid search: its folder, its measurements, and their conclusion."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gridsearch.grid.conclude import Result, conclude
from gridsearch.grid.grid import Grid, Question, build_grid
from gridsearch.grid.plan import Plan
from gridsearch.grid.rungs import hold, missing
from gridsearch.prior.evaluators import evaluator
from nas.evaluators import Evaluator
from nas.jobs import Job
from nas.objective import Objective
from nas.search.conclude import timed
from nas.search.drive import PENDING, Pending, drive
from nas.search.rounds import Rounds
from nas.search.run import Show
from nas.workers.executor import Executor, executor, gpus_of_a_trial
from results.runs.folder import RECORD, STORE, now, open_run, run_path, write_json
from results.runs.load import load_architecture
from results.runs.records import Trial
from results.runs.store import Store
from search_spaces.architecture import Architecture
from search_spaces.errors import OutOfDomain, RunFailure, UserError

Decoded = Callable[[int, int], None]


@dataclass(frozen=True)
class Parts:
    """What a plan stands for. training: the proxy's identity.   label: what the numbers are."""

    folder: Path
    grid: Grid
    evaluator: Evaluator
    training: dict[str, Any] | None = None
    label: str | None = None


def prepare(plan: Plan, grid: Grid, decoded: Decoded | None = None) -> Parts:
    """Looks everything up and refuses what can't work, before anything is written but images
    decoded. Raises UserError, RunFailure."""
    folder = run_path(plan.run_name(), plan.runs)
    if plan.proxy is None:
        question = plan.question
        measure = evaluator(plan.evaluator, question.baseline, question.rule)
        parts = Parts(folder, grid, measure, label=getattr(measure, "label", None))
    else:
        from gridsearch.grid import training
        from nas.training.proxy import CHECKPOINTS

        networks = [point.architecture for point in grid.points]
        images = training.load(plan.proxy, networks, decoded)
        measure = plan.proxy.evaluator(images, folder / CHECKPOINTS, keep=bool(plan.eta))
        known = training.identity(plan.proxy, images)
        parts = Parts(folder, grid, measure, known, training.label(plan, images))
    check_points(measure, grid)
    return parts


def run(
    plan: Plan,
    grid: Grid | None = None,
    show: Show = lambda trial, n: None,
    decoded: Decoded | None = None,
) -> Result:
    """Runs or continues a grid search. Ctrl-C ends it early with what was measured.

    grid: the plan's, if it was built before.   show: called with each measurement and how many
    there are.   decoded: called with (images decoded, of how many).
    Raises UserError (the arguments, the folder) and RunFailure (the disk, an evaluator that never
    works).
    """
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    grid = grid or build_grid(plan.question)
    parts = prepare(plan, grid, decoded)
    experiment = plan.experiment(parts.training)
    with open_run(parts.folder, experiment) as record:
        store = Store(parts.folder / STORE, experiment, {}, f"compound-nas/{parts.folder.name}")
        result = Result(plan, parts.folder, grid, parts.evaluator, store.trials())
        result.label = parts.label
        seconds: dict[str, float] = {}
        with timed(seconds, "measuring"):
            gpus = _measure(result, store, show)
        conclude(result)
        session = {
            "command": plan.command,
            "ended": now(),
            "new": result.new,
            "interrupted": result.interrupted,
            "executor": plan.executor,
            "gpus_per_trial": gpus,
            "seconds": seconds,
            "notes": grid.notes,
        }
        record["sessions"].append(session)
        write_json(parts.folder / RECORD, record)
    return result


def find(
    baseline: Any,
    phi: float = 1.0,
    question: dict[str, Any] | None = None,
    **plan: Any,
) -> Result:
    """`gridsearch run` from Python: the arguments of `Question` and of `Plan`.

    baseline: a network, what names one (a paper's network, a run, a file), or what holds one as
        `architecture`, as the result of `nas.find`.
    Raises UserError, RunFailure.

    >>> find("efficientnet_b0", phi=1).coefficients["alpha"]
    """
    plan["runs"] = Path(plan.get("runs", "runs"))
    network = _network(baseline, plan["runs"])
    name = baseline if isinstance(baseline, str) else network.name or network.id
    return run(Plan(Question(network, phi, **(question or {})), name, **plan))


def _network(baseline: Any, runs: Path) -> Architecture:
    """What `find` scales. Raises UserError."""
    if isinstance(baseline, str):
        return load_architecture(baseline, runs)
    network = getattr(baseline, "architecture", baseline)
    if not isinstance(network, Architecture):
        raise UserError(
            f"the baseline is of type {type(baseline).__name__}, which holds no architecture: "
            "expected an Architecture, what names one, as 'efficientnet_b0', or the result of "
            "nas.find"
        )
    return network


def _measure(result: Result, store: Store, show: Show) -> float | None:
    """Gives the GPUs that each measurement held; None where nothing was left to measure."""
    plan, trials = result.plan, result.trials
    before = len(trials)
    if not missing(plan, result.networks, trials, []):
        return None  # whole: no workers are started to say so
    hands = executor(plan.executor, result.evaluator, plan.resources)
    path = result.folder / PENDING
    pending = Pending(path) if hands.width > 1 or path.exists() else None
    try:
        evaluate_points(result, store, hands, lambda t: show(t, len(trials)), pending)
    except KeyboardInterrupt:
        result.interrupted = True
        trials[:] = store.trials()
    finally:
        hands.close()
        result.new = len(trials) - before
    return gpus_of_a_trial(result.evaluator, plan.resources, hands.width)


def evaluate_points(
    result: Result,
    store: Store,
    hands: Executor,
    show: Callable[[Trial], None] = lambda trial: None,
    pending: Pending | None = None,
) -> None:
    """Measures each point with seeds 0 to replicates - 1, rung by rung, those stored before left
    out. Raises RunFailure where every one fails."""
    drive(Held(result), hands, store, result.trials, show, pending)
    failed = [trial for trial in result.trials if trial.error]
    if failed and len(failed) == len(result.trials):
        raise RunFailure(
            f"all {len(failed)} measurements failed, the last with {failed[-1].error!r}: mend the "
            "evaluator and choose another --name"
        )


class Held(Rounds):
    """The measurements that are due, each network held to window and memory before it is run."""

    def __init__(self, result: Result) -> None:
        plan, networks = result.plan, result.networks
        self._question = plan.question
        super().__init__(
            objective(result.grid),
            lambda trials, running: missing(plan, networks, trials, running),
            result.trials,
        )

    def ask(self) -> Job | None:
        job = super().ask()
        if job is not None:
            hold(self._question, job.architecture)
        return job

    def adopt(self, job: Job) -> None:
        hold(self._question, job.architecture)
        super().adopt(job)


def objective(grid: Grid) -> Objective:
    """What progress shows as the best: the most accurate, since all points cost about the same."""
    most = max(grid.question.ratio_of(point.architecture) for point in grid.points)
    return Objective("hard", (most + 1) * grid.question.macs, caution=0)


def check_points(measure: Evaluator, grid: Grid) -> None:
    """Raises UserError where the evaluator refuses a point."""
    check = getattr(measure, "check", None)
    if check is None:
        return
    for point in grid.points:
        try:
            check(point.architecture)
        except OutOfDomain as error:
            raise UserError(f"the grid and the evaluator don't fit: {error}") from None
