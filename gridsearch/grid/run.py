"""A whole grid search: its folder, its measurements, and their conclusion."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gridsearch.grid.conclude import Result, conclude
from gridsearch.grid.grid import Grid, Question, build_grid
from gridsearch.grid.plan import Plan
from gridsearch.grid.rungs import hold, missing
from gridsearch.prior.evaluators import evaluator
from nas.evaluators import Evaluator, checked, label_of
from nas.jobs import Job
from nas.objective import Objective
from nas.search.drive import Pending, Show, carry_out, drive
from nas.search.rounds import Rounds
from nas.search.run import Decoded
from nas.workers.executor import Executor
from results.runs.folder import check_run, run_path
from results.runs.load import load_architecture
from results.runs.records import Trial
from results.runs.session import Run, session, timed
from results.runs.store import Store
from search_spaces.architecture import Architecture
from search_spaces.errors import OutOfDomain, RunFailure, UserError


@dataclass(frozen=True)
class Parts:
    """What a plan stands for.

    Attributes:
        folder: Of the run.
        grid: Its points.
        evaluator: What is asked of each.
        training: The proxy's identity.
        label: What the numbers are.
    """

    folder: Path
    grid: Grid
    evaluator: Evaluator
    training: dict[str, Any] | None = None
    label: str | None = None


def prepare(plan: Plan, grid: Grid, decoded: Decoded | None = None) -> Parts:
    """Looks everything up and refuses what can't work.

    Nothing is written before but images decoded.

    Args:
        plan: The search.
        grid: Its points.
        decoded: Called with how many images are decoded, and of how many.

    Raises:
        UserError: The arguments or the folder.
        RunFailure: The disk.
    """
    folder = run_path(plan.run_name(), plan.runs)
    check_run(folder, plan.experiment())
    if plan.proxy is None:
        question = plan.question
        measure = evaluator(plan.evaluator, question.baseline, question.rule)
        parts = Parts(folder, grid, measure, label=label_of(measure))
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

    Args:
        plan: What is searched.
        grid: The plan's, if it was built before.
        show: Called with each measurement and how many there are.
        decoded: Called with how many images are decoded, and of how many.

    Raises:
        UserError: The arguments or the folder.
        RunFailure: The disk, or an evaluator that never works.
    """
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    grid = grid or build_grid(plan.question)
    parts = prepare(plan, grid, decoded)
    experiment = plan.experiment(parts.training)
    with session(parts.folder, experiment, plan.command, plan.storage, choices={}) as opened:
        result = Result(plan, parts.folder, grid, parts.evaluator, opened.trials)
        result.label = parts.label
        with timed(opened.seconds, "measuring"):
            _measure(opened, result, show)
        result.interrupted, result.new = opened.interrupted, opened.new
        conclude(result)
        opened.facts["notes"] = grid.notes
    return result


def find(
    baseline: Any,
    phi: float = 1.0,
    question: dict[str, Any] | None = None,
    **plan: Any,
) -> Result:
    """`gridsearch run` from Python: the arguments of `Question` and of `Plan`.

    >>> find("efficientnet_b0", phi=1).coefficients["alpha"]

    Args:
        baseline: A network, what names one (a paper's network, a run, a file), or what holds one as
            `architecture`, as the result of `nas.find`.
        phi: MACs are to grow by 2**phi.
        question: Other arguments of `Question`.
        plan: Arguments of `Plan`.

    Raises:
        UserError: The arguments or the folder.
        RunFailure: The disk, or an evaluator that never works.
    """
    network = _network(baseline, Path(plan.get("runs", "runs")))
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


def _measure(opened: Run, result: Result, show: Show) -> None:
    """Measures what is missing. Where that is nothing, no workers are started to say so."""
    plan = result.plan
    if not missing(plan, result.networks, result.trials, []):
        opened.facts |= {"executor": plan.executor, "gpus_per_trial": None}
        return
    carry_out(opened, Held(result), plan, result.evaluator, show)
    if not opened.interrupted:
        check_any(result.trials)


def evaluate_points(
    result: Result,
    store: Store,
    hands: Executor,
    show: Callable[[Trial], None] = lambda trial: None,
    pending: Pending | None = None,
) -> None:
    """Measures each point with seeds 0 to replicates - 1, rung by rung.

    Those stored before are left out.

    Raises:
        RunFailure: Every one fails, or the store can't be written.
    """
    drive(Held(result), hands, store, result.trials, show, pending)
    check_any(result.trials)


def check_any(trials: Sequence[Trial]) -> None:
    """Refuses trials of which every one failed.

    Raises:
        RunFailure: There are trials, and every one did.
    """
    failed = [trial for trial in trials if trial.error]
    if failed and len(failed) == len(trials):
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
        """The next measurement, or None."""
        job = super().ask()
        if job is not None:
            hold(self._question, job.architecture)
        return job

    def adopt(self, job: Job) -> bool:
        """Takes up a measurement that an earlier session was cut off from."""
        hold(self._question, job.architecture)
        return super().adopt(job)


def objective(grid: Grid) -> Objective:
    """What progress shows as the best: the most accurate, since all points cost about the same."""
    most = max(grid.question.ratio_of(point.architecture) for point in grid.points)
    return Objective("hard", (most + 1) * grid.question.macs, caution=0)


def check_points(measure: Evaluator, grid: Grid) -> None:
    """Refuses an evaluator that does not cover the grid.

    Raises:
        UserError: It refuses a point.
    """
    for point in grid.points:
        try:
            checked(measure, point.architecture)
        except OutOfDomain as error:
            raise UserError(f"the grid and the evaluator don't fit: {error}") from None
