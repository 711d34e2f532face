"""A whole grid search: its folder, its measurements, the choice, and what is written."""

import dataclasses
from collections import defaultdict, deque
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gridsearch.choice import LEVEL, Choice, Estimate, choose, estimate
from gridsearch.evaluators import default_replicates, evaluator
from gridsearch.grid import Grid, Question, build_grid
from gridsearch.scaler import PAPER, rule_name
from nas.drive import FAILURES
from nas.evaluators import Evaluator, Measurement, Outcome
from nas.executors import Executor, LocalExecutor
from nas.search import Job
from results.load import BEST
from results.records import Trial
from results.run_folder import RECORD, STORE, now, open_run, run_path, write_json
from results.store import Store
from search_spaces.architecture import Architecture, to_dict
from search_spaces.cost import cost
from search_spaces.errors import OutOfDomain, RunFailure, UserError

COEFFICIENTS = "coefficients.json"


@dataclass(frozen=True)
class Plan:
    """What a grid search is asked to do. baseline: as the user named it, for the next command.
    replicates: measurements of each point with seeds 0, 1, ...; None takes the evaluator's.
    level: of the test that tells a point from the best, above 0 and below 0.5."""

    question: Question
    baseline: str
    evaluator: str = "prior"
    replicates: int | None = None
    level: float = LEVEL
    name: str | None = None
    runs: Path = Path("runs")
    command: str = ""

    def __post_init__(self) -> None:
        if self.replicates is not None and self.replicates < 1:
            raise UserError(f"replicates is {self.replicates}: expected 1 or more, as 3")
        if not 0 < self.level < 0.5:
            raise UserError(f"the level is {self.level}: expected above 0 and below 0.5, as 0.05")

    @property
    def wanted(self) -> int:
        return self.replicates or default_replicates(self.evaluator)

    def experiment(self) -> dict[str, Any]:
        """What makes two runs the same experiment; replicates may grow, the level may change."""
        q = self.question
        return {
            "kind": "gridsearch",
            "baseline": q.baseline.id,
            "phi": q.phi,
            "step": q.step,
            "tolerance": q.tolerance,
            "window": q.window,
            "memory": q.memory,
            "rule": rule_name(q.baseline, q.rule),
            "round_resolution": q.round_resolution,
            "evaluator": self.evaluator,
        }

    def run_name(self) -> str:
        """The name given, or one from what differs from the defaults."""
        if self.name is not None:
            return self.name
        q, default = self.question, Question(self.question.baseline)
        parts = ["grid", q.baseline.name or q.baseline.id, f"phi{q.phi:g}"]
        parts += [f"window{'off' if q.window is None else f'{q.window:g}'}"] * (
            q.window != default.window
        )
        for key in ("step", "tolerance", "memory", "rule", "round_resolution"):
            value = getattr(q, key)
            if value != getattr(default, key):
                text = value if isinstance(value, str) else f"{value:.12g}"
                parts.append(f"{key.split('_')[0]}{text}")
        parts += [self.evaluator] if self.evaluator != "prior" else []
        return "-".join("".join(c if c.isalnum() or c in "._+-" else "" for c in p) for p in parts)


@dataclass
class Result:
    """What came of a run. estimates: by point of the grid, None where every measurement failed."""

    plan: Plan
    folder: Path
    grid: Grid
    evaluator: Evaluator
    trials: list[Trial]
    estimates: list[Estimate | None] = field(default_factory=list)
    choice: Choice | None = None
    coefficients: dict[str, Any] | None = None
    new: int = 0


def run(plan: Plan) -> Result:
    """Runs or continues a grid search. Raises UserError (the arguments, the folder) and
    RunFailure (the disk, an evaluator that never works)."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    folder = run_path(plan.run_name(), plan.runs)
    grid = build_grid(plan.question)
    measure = evaluator(plan.evaluator, plan.question.baseline, plan.question.rule)
    check_points(measure, grid)
    experiment = plan.experiment()
    with open_run(folder, experiment) as record:
        store = Store(folder / STORE, experiment, {}, f"compound-nas/{folder.name}")
        result = Result(plan, folder, grid, measure, store.trials())
        evaluate_points(result, store, LocalExecutor(measure))
        conclude(result)
        record["sessions"].append(
            {"command": plan.command, "ended": now(), "new": result.new, "notes": grid.notes}
        )
        write_json(folder / RECORD, record)
    return result


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


def evaluate_points(result: Result, store: Store, executor: Executor) -> None:
    """Measures each point with seeds 0 to replicates - 1, those stored before left out."""
    done = {(trial.architecture, trial.seed) for trial in result.trials}
    waiting = deque(
        (point.architecture, seed)
        for seed in range(result.plan.wanted)
        for point in result.grid.points
        if (point.architecture, seed) not in done
    )
    number, in_flight = len(result.trials), 0
    while waiting or in_flight:
        while waiting and in_flight < executor.width:
            architecture, seed = waiting.popleft()
            hold(result.plan.question, architecture)
            executor.submit(Job(number, {}, architecture, seed))
            number, in_flight = number + 1, in_flight + 1
        trial = finished(*executor.next())
        in_flight -= 1
        store.append(trial, trial.cost.macs)
        result.trials.append(trial)
        result.new += 1
        if len(result.trials) >= FAILURES and all(one.error for one in result.trials):
            break
    failed = [trial for trial in result.trials if trial.error]
    if result.trials and len(failed) == len(result.trials):
        raise RunFailure(
            f"the first {len(failed)} measurements all failed, the last with "
            f"{failed[-1].error!r}: mend the evaluator and choose another --name"
        )


def hold(question: Question, architecture: Architecture) -> None:
    """Raises AssertionError for a network outside window or memory: none is ever evaluated."""
    ratio = question.ratio_of(architecture)
    if not (question.meets_window(ratio) and question.meets_memory(architecture)):
        raise AssertionError(f"a point of {ratio:.4g} times the MACs is outside the window")


def finished(job: Job, outcome: Outcome) -> Trial:
    """The trial of a job and its outcome."""
    measured = outcome.measurement
    return Trial(
        number=job.number,
        values={},
        architecture=job.architecture,
        accuracy=None if measured is None else measured.accuracy,
        spread=None if measured is None else measured.spread,
        error=outcome.error,
        seed=job.seed,
        seconds=outcome.seconds,
    )


def conclude(result: Result) -> None:
    """Estimates, the choice, and the files: points, coefficients.json, best.json."""
    found: dict[Any, list[Measurement]] = defaultdict(list)
    for trial in result.trials:
        if trial.accuracy is not None:
            found[trial.architecture].append(Measurement(trial.accuracy, trial.spread))
    points = result.grid.points
    result.estimates = [
        estimate(found[p.architecture]) if p.architecture in found else None for p in points
    ]
    able = [i for i, one in enumerate(result.estimates) if one is not None]
    error = getattr(result.evaluator, "difference_error", None)
    costs = [cost(points[i].architecture) for i in able]
    chosen = choose(
        [one for one in result.estimates if one is not None],
        [(c.macs, c.params) for c in costs],
        None
        if error is None
        else lambda i, j: error(points[able[i]].architecture, points[able[j]].architecture),
        result.plan.level,
    )
    tied = tuple(able[i] for i in chosen.tied)
    result.choice = Choice(able[chosen.best], tied, able[chosen.pick], chosen.method)
    _write(result)


def _write(result: Result) -> None:
    import pandas as pd

    from results.frames import write_frame

    assert result.choice is not None
    rows = [row(result, i) for i in range(len(result.grid.points))]
    write_frame(pd.DataFrame(rows), result.folder / "points")
    result.coefficients = summary(result)
    write_json(result.folder / COEFFICIENTS, result.coefficients)
    pick = result.grid.points[result.choice.pick].architecture
    write_json(
        result.folder / BEST,
        {**rows[result.choice.pick], "id": pick.id, "architecture": to_dict(pick)},
    )


def row(result: Result, index: int) -> dict[str, Any]:
    """A point's figures as plain JSON values. accuracy: top-1, percent; half: of its 95 %
    confidence interval."""
    assert result.choice is not None
    point, one = result.grid.points[index], result.estimates[index]
    c, figures = point.coefficients, cost(point.architecture)
    return {
        "alpha": c.alpha,
        "beta": c.beta,
        "gamma": c.gamma,
        "product": c.product,
        "ratio": point.ratio,
        "moved": point.moved,
        "blocks": point.architecture.blocks,
        "resolution": point.architecture.resolution,
        "macs": figures.macs,
        "params": figures.params,
        "activations": figures.activations,
        "memory": figures.memory,
        "accuracy": None if one is None else one.mean,
        "half": None if one is None else one.half,
        "replicates": 0 if one is None else one.n,
        "tied": index in result.choice.tied,
        "pick": index == result.choice.pick,
    }


def summary(result: Result) -> dict[str, Any]:
    """What coefficients.json holds: the pick, how it was chosen, what the rules removed."""
    assert result.choice is not None
    plan, question, choice = result.plan, result.plan.question, result.choice
    pick = row(result, choice.pick)
    paper = question.network(PAPER)
    prior = getattr(result.evaluator, "held_out", None)
    return {
        **{key: pick[key] for key in ("alpha", "beta", "gamma")},
        "phi": question.phi,
        "pick": pick,
        "best": row(result, choice.best),
        "tied": [row(result, i) for i in choice.tied],
        "method": choice.method,
        "level": plan.level,
        "points": len(result.grid.points),
        "removed": result.grid.removed,
        "notes": list(result.grid.notes),
        "step": result.grid.step,
        "window": question.window,
        "target_ratio": question.ratio,
        "target_memory": question.memory,
        "paper": {
            **dataclasses.asdict(PAPER),
            "product": PAPER.product,
            "ratio": question.ratio_of(paper),
        },
        "evaluator": plan.evaluator,
        "label": getattr(result.evaluator, "label", None),
        "prior_error": None if prior is None else prior._asdict(),
        "baseline": to_dict(question.baseline),
        "baseline_spec": plan.baseline,
        "rule": rule_name(question.baseline, question.rule),
        "round_resolution": question.round_resolution,
        "run": str(result.folder),
        "command": plan.command,
    }
