"""What is made of a grid's measurements: the choice, and the files."""

import dataclasses
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gridsearch.grid.choice import Choice, Estimate, choose
from gridsearch.grid.grid import Grid
from gridsearch.grid.plan import Plan
from gridsearch.grid.rungs import Rung, climbed, latest
from gridsearch.prior.prior import ScalingPrior
from nas.evaluators import Evaluator, difference_of
from results.runs.files import write_json
from results.runs.load import BEST
from results.runs.records import Trial
from search_spaces.architecture import Architecture, to_dict
from search_spaces.cost import cost
from search_spaces.errors import RunFailure
from search_spaces.quantities import QUANTITIES
from search_spaces.scaling.coefficients import PAPER
from search_spaces.scaling.rules import rule_name

if TYPE_CHECKING:
    import pandas as pd

COEFFICIENTS = "coefficients.json"


@dataclass
class Result:
    """What came of a run.

    Attributes:
        plan: What was asked for.
        folder: Of the run.
        grid: Its points.
        evaluator: What was asked of each.
        trials: All measurements, of this session and before.
        estimates: By point, at the largest budget it was measured with; None where every
            measurement failed.
        budgets: By point, the largest it was measured with.
        rungs: Of halving, or the one.
        choice: None of an interrupted run.
        coefficients: What coefficients.json holds.
        label: What the numbers are.
        new: Measurements of this session.
        interrupted: Ctrl-C ended it.
    """

    plan: Plan
    folder: Path
    grid: Grid
    evaluator: Evaluator
    trials: list[Trial]
    estimates: list[Estimate | None] = field(default_factory=list)
    budgets: list[float | None] = field(default_factory=list)
    rungs: list[Rung] = field(default_factory=list)
    choice: Choice | None = None
    coefficients: dict[str, Any] | None = None
    label: str | None = None
    new: int = 0
    interrupted: bool = False

    @property
    def frame(self) -> "pd.DataFrame":
        """A row a point, as points.csv has them."""
        import pandas as pd

        return pd.DataFrame([row(self, i) for i in range(len(self.grid.points))])

    def _repr_html_(self) -> str:  # notebooks
        shown = self.frame.sort_values("accuracy", ascending=False, na_position="last")
        return str(shown.to_html(index=False, float_format="{:.4g}".format))

    @property
    def networks(self) -> list[Architecture]:
        """By point."""
        return [point.architecture for point in self.grid.points]


def conclude(result: Result) -> None:
    """Estimates, the choice among the points of the longest rung, and the files.

    These are points, coefficients.json and best.json; of an interrupted run the points only.

    Raises:
        RunFailure: Every measurement of the longest rung failed.
        UserError: Nothing can be compared (`choose`).
    """
    measured = latest(result.plan, result.networks, result.trials)
    result.estimates = [None if pair is None else pair[0] for pair in measured]
    result.budgets = [None if pair is None else pair[1] for pair in measured]
    if not result.interrupted:
        _choose(result)
    _write(result)


def _choose(result: Result) -> None:
    points, failed = result.grid.points, [trial for trial in result.trials if trial.error]
    result.rungs = climbed(result.plan, result.networks, result.trials)
    able, estimates = result.rungs[-1].points, result.rungs[-1].estimates
    if not able:
        raise RunFailure(
            f"{len(failed)} of {len(result.trials)} measurements failed, all of the largest "
            f"budget among them, the last with {failed[-1].error!r}: mend the evaluator and "
            "choose another --name"
        )
    error = difference_of(result.evaluator)
    costs = [cost(points[i].architecture) for i in able]
    chosen = choose(
        estimates,
        [(c.macs, c.params) for c in costs],
        None
        if error is None
        else lambda i, j: error(points[able[i]].architecture, points[able[j]].architecture),
        result.plan.level,
    )
    tied = tuple(able[i] for i in chosen.tied)
    result.choice = Choice(able[chosen.best], tied, able[chosen.pick], chosen.method)


def _write(result: Result) -> None:
    from results.runs.frames import trials_frame, write_frame

    rows = [row(result, i) for i in range(len(result.grid.points))]
    write_frame(result.frame, result.folder / "points")
    write_frame(trials_frame(result.trials), result.folder / "trials")
    if result.choice is None:
        return
    result.coefficients = summary(result)
    write_json(result.folder / COEFFICIENTS, result.coefficients)
    pick = result.grid.points[result.choice.pick].architecture
    write_json(
        result.folder / BEST,
        {**rows[result.choice.pick], "id": pick.id, "architecture": to_dict(pick)},
    )


def row(result: Result, index: int) -> dict[str, Any]:
    """A point's figures as plain JSON values.

    Accuracy is top-1 in percent, `half` is of its 95 % confidence interval, the budget the largest
    it was measured with.
    """
    choice = result.choice
    point, estimate = result.grid.points[index], result.estimates[index]
    c = point.coefficients
    return {
        "alpha": c.alpha,
        "beta": c.beta,
        "gamma": c.gamma,
        "product": c.product,
        "ratio": point.ratio,
        "moved": point.moved,
        "blocks": point.architecture.blocks,
        "resolution": point.architecture.resolution,
        **cost(point.architecture).columns,
        "accuracy": None if estimate is None else estimate.mean,
        "half": None if estimate is None else estimate.half,
        "replicates": 0 if estimate is None else estimate.n,
        "budget": result.budgets[index],
        "tied": choice is not None and index in choice.tied,
        "pick": choice is not None and index == choice.pick,
    }


def summary(result: Result) -> dict[str, Any]:
    """What coefficients.json holds: the pick, how it was chosen, what the rules removed."""
    assert result.choice is not None
    plan, question, choice = result.plan, result.plan.question, result.choice
    pick = row(result, choice.pick)
    paper = question.network(PAPER)
    prior = result.evaluator.held_out if isinstance(result.evaluator, ScalingPrior) else None
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
            **{of.column: of.measure(paper) for of in QUANTITIES.values()},
        },
        "evaluator": plan.measure,
        "budget": plan.budget,
        "rungs": [_rung(rung) for rung in result.rungs],
        "replicates": plan.wanted,
        "measurements": len(result.trials),
        "failed": sum(trial.error is not None for trial in result.trials),
        "hours": round(sum(trial.seconds for trial in result.trials) / 3600, 4),
        "label": result.label,
        "prior_error": None if prior is None else prior._asdict(),
        "baseline": to_dict(question.baseline),
        "baseline_spec": plan.baseline,
        "rule": rule_name(question.baseline, question.rule),
        "round_resolution": question.round_resolution,
        "run": str(result.folder),
        "command": plan.command,
    }


def _rung(rung: Rung) -> dict[str, Any]:
    return {
        "budget": rung.budget,
        "points": len(rung.points),
        "kept": rung.kept,
        "close": rung.close,
    }
