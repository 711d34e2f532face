"""A whole grid search: its folder, its measurements, and their conclusion."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from gridsearch.grid import checking
from gridsearch.grid.combinations import combinations
from gridsearch.grid.conclude import Result, conclude
from gridsearch.grid.families import check_reach
from gridsearch.grid.grid import Grid, build_grid
from gridsearch.grid.judge import Judge, judge
from gridsearch.grid.plan import Plan
from gridsearch.grid.rounds import Rounds as Due
from gridsearch.grid.rounds import beside
from gridsearch.grid.rungs import hold
from gridsearch.grid.solved import expected_best, solved_grid
from gridsearch.prior.evaluators import evaluator
from gridsearch.prior.prior import Expected, ScalingPrior
from nas.evaluators import Evaluator, checked, label_of, predictor_of
from nas.jobs import Job
from nas.learning import above, chance_of, nothing_learned
from nas.objective import Objective
from nas.search.drive import Pending, Show, carry_out, drive
from nas.search.rounds import Rounds
from nas.search.run import Decoded
from nas.watch import begin, recall
from nas.workers.executor import Executor
from nas.workers.predicting import changed
from results.runs.folder import check_run, run_path
from results.runs.frames import keeping
from results.runs.records import Trial
from results.runs.session import Run, say_missing, session, timed
from results.runs.store import Store
from search_spaces.errors import OutOfDomain, RunFailure, UserError


@dataclass(frozen=True)
class Parts:
    """What a plan stands for.

    Attributes:
        folder: Of the run.
        grid: Its points.
        evaluator: What is asked of each.
        judge: Of the families.
        training: The proxy's identity.
        label: What the numbers are.
    """

    folder: Path
    grid: Grid
    evaluator: Evaluator
    judge: Judge
    training: dict[str, Any] | None = None
    label: str | None = None


def measurer(plan: Plan) -> Evaluator | None:
    """Who measures the points; None where they are trained.

    Raises:
        UserError: There is no such evaluator, or it does not speak of the baseline.
    """
    if plan.proxy is not None:
        return None
    return evaluator(plan.evaluator, plan.question.baseline, plan.question.rule)


def grid_of(plan: Plan, measure: Evaluator | None) -> Grid:
    """The points of a plan.

    Where a model judges they are its families' networks within 2**phi times the baseline's MACs;
    those that are measured are held to the window.

    Args:
        plan: The search.
        measure: Its `measurer`.

    Raises:
        UserError: None is left.
    """
    question = plan.question
    if measure is None or predictor_of(measure) is None:
        return build_grid(question)
    listed, removed = expected_best(question, Expected.of(question.baseline), plan.judged)
    if not isinstance(measure, ScalingPrior):  # another model may not agree with the law
        every = combinations(question.step, question.tolerance)[0]
        listed = list(dict.fromkeys([*listed, *every]))
        removed["unrounded"] = max(0, removed["unrounded"] - len(every))
    return solved_grid(question, listed, removed)


def prepare(
    plan: Plan, grid: Grid, measure: Evaluator | None, decoded: Decoded | None = None
) -> Parts:
    """Looks everything up and refuses what can't work.

    Nothing is written before but images decoded.

    Args:
        plan: The search.
        grid: Its points.
        measure: Its `measurer`.
        decoded: Called with how many images are decoded, and of how many.

    Raises:
        UserError: The arguments or the folder.
        RunFailure: The disk.
    """
    check_reach(grid.question)
    folder = run_path(plan.run_name(), plan.runs)
    check_run(folder, plan.experiment())
    known, label, by = None, None if measure is None else label_of(measure), None
    if measure is None:
        from gridsearch.grid import training
        from nas.training.proxy import CHECKPOINTS

        assert plan.proxy is not None
        by = judge(grid, None, plan.judged, able=training.decodable)
        images = training.load(plan.proxy, by.measurable if plan.further else by.points, decoded)
        measure = plan.proxy.evaluator(images, folder / CHECKPOINTS, keep=bool(plan.eta))
        images = training.of_networks(images, by.points)
        known, label = training.identity(plan.proxy, images), training.label(plan, images)
    check_points(measure, grid)
    by = by or judge(grid, measure, plan.judged)
    return Parts(folder, grid, measure, by, known, label)


def run(
    plan: Plan,
    grid: Grid | None = None,
    show: Show = lambda trial, n: None,
    decoded: Decoded | None = None,
    measure: Evaluator | None = None,
) -> Result:
    """Runs or continues a grid search. Ctrl-C ends it early with what was measured.

    Args:
        plan: What is searched.
        grid: The plan's, if it was built before.
        show: Called with each measurement and how many there are.
        decoded: Called with how many images are decoded, and of how many.
        measure: The plan's `measurer`, if it was looked up before.

    Raises:
        UserError: The arguments or the folder.
        RunFailure: The disk, or an evaluator that never works.
    """
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    measure = measurer(plan) if measure is None else measure
    grid = grid or grid_of(plan, measure)
    parts = prepare(plan, grid, measure, decoded)
    experiment = plan.experiment(parts.training)
    measured = predictor_of(parts.evaluator) is None
    with session(
        parts.folder, experiment, plan.command, plan.storage, choices={},
        short=lambda run: say_missing(run, measured),
    ) as opened:  # fmt: skip
        anew = changed(parts.evaluator, opened.trials, parts.folder.name) or opened.missing > 0
        result = Result(plan, parts.folder, grid, parts.evaluator, opened.trials, parts.judge)
        result.label = parts.label
        with timed(opened.seconds, "measuring"):
            _measure(opened, result, show)
        said = (beside(parts.judge, result.trials), _unlearned(plan, parts, result.trials))
        notes = (*parts.judge.notes, *(note for note in said if note))
        result.judge = replace(parts.judge, notes=notes)
        result.interrupted, result.new = opened.interrupted, opened.new
        begin(show, "choosing and writing")
        with keeping(parts.folder, anew):
            conclude(result)
        if plan.check_phi is not None and result.choice is not None:
            _check(opened, result, show, decoded)
        opened.facts["notes"] = [*grid.notes, *(result.judge or parts.judge).notes]
    return result


def _unlearned(plan: Plan, parts: Parts, trials: Sequence[Trial]) -> str | None:
    """What is said where no training has learned anything; None of other evaluators."""
    known = [trial for trial in trials if trial.accuracy is not None]
    if plan.proxy is None or not known:
        return None
    chance = chance_of(parts.evaluator, known[0].architecture)
    return None if above(known, chance) else nothing_learned("no training", chance)


def _measure(opened: Run, result: Result, show: Show) -> None:
    """Measures what is missing. Where that is nothing, no workers are started to say so."""
    plan = result.plan
    if not due(result).missing(result.trials, []):
        opened.facts |= {"executor": plan.executor, "gpus_per_trial": None}
        return
    recall(show, result.trials)
    carry_out(opened, Held(result), plan, result.evaluator, show, "measuring")
    if not opened.interrupted:
        check_any(result.trials)


def _check(opened: Run, result: Result, show: Show, decoded: Decoded | None) -> None:
    """Measures a larger network of the pick's family, and concludes with it."""
    if checking.due(result, result.trials, []):
        asked = checking.rounds(result, objective(result.grid))
        carry_out(opened, asked, result.plan, checking.measurer(result, decoded), show, "checking")
    result.interrupted, result.new = opened.interrupted, opened.new
    result.check = checking.outcome(result)
    conclude(result)


def due(result: Result) -> Due:
    """The measurements of a run, round by round."""
    return Due(result.plan, result.judge, list(dict.fromkeys(result.networks)))


def evaluate_points(
    result: Result,
    store: Store,
    hands: Executor,
    show: Callable[[Trial], None] = lambda trial: None,
    pending: Pending | None = None,
) -> None:
    """Measures the points, rung by rung and round by round.

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
        self._question = result.grid.question
        super().__init__(objective(result.grid), due(result).missing, result.trials)

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
