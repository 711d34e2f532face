"""What is made of a grid's measurements: the choice, and the files."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gridsearch.grid.choice import Choice
from gridsearch.grid.families import family, papers_reach
from gridsearch.grid.grid import Grid
from gridsearch.grid.judge import Judge
from gridsearch.grid.plan import Plan
from gridsearch.grid.rounds import ended
from gridsearch.grid.rungs import Estimate, Rung, climbed, latest
from gridsearch.prior.opinion import doubts
from gridsearch.prior.prior import ScalingPrior
from nas.evaluators import Evaluator
from results.runs.files import write_json
from results.runs.load import BEST
from results.runs.records import Trial
from search_spaces.architecture import Architecture, to_dict
from search_spaces.cost import cost
from search_spaces.errors import RunFailure, UserError
from search_spaces.scaling.coefficients import LETTERS, triple
from search_spaces.scaling.rules import rule_name

if TYPE_CHECKING:
    import pandas as pd

COEFFICIENTS = "coefficients.json"


@dataclass(repr=False)
class Result:
    """What came of a run.

    Attributes:
        plan: What was asked for.
        folder: Of the run.
        grid: Its points.
        evaluator: What was asked of each.
        trials: All measurements, of this session and before.
        judge: Of the families.
        estimates: By point, at the largest budget it was measured with; None where every
            measurement failed.
        budgets: By point, the largest it was measured with.
        rungs: Of halving, or the one.
        choice: None of an interrupted run.
        check: What a larger network was expected and measured at (`gridsearch.grid.checking`).
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
    judge: Judge | None = None
    estimates: list[Estimate | None] = field(default_factory=list)
    budgets: list[float | None] = field(default_factory=list)
    rungs: list[Rung] = field(default_factory=list)
    choice: Choice | None = None
    check: dict[str, Any] | None = None
    coefficients: dict[str, Any] | None = None
    label: str | None = None
    new: int = 0
    interrupted: bool = False

    def __repr__(self) -> str:
        said = f"<grid of {len(self.grid.points)} points in {self.folder}: "
        c = self.coefficients
        return said + (f"{triple(c)}>" if c else "no pick>")

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
    """Estimates, the choice among families by what the longest rung measured, and the files.

    These are points, families, coefficients.json and best.json; of an interrupted run the points
    only.

    Raises:
        RunFailure: Every measurement of the longest rung failed.
        UserError: Nothing says how much a number is worth (`Judge.choice`).
    """
    measured = latest(result.plan, result.networks, result.trials)
    result.estimates = [None if pair is None else pair[0] for pair in measured]
    result.budgets = [None if pair is None else pair[1] for pair in measured]
    if not result.interrupted:
        _choose(result)
    _write(result)


def _choose(result: Result) -> None:
    failed = [trial for trial in result.trials if trial.error]
    result.rungs = climbed(result.plan, result.networks, result.trials)
    if not result.rungs[-1].points:
        raise RunFailure(
            f"{len(failed)} of {len(result.trials)} measurements failed, all of the largest "
            f"budget among them, the last with {failed[-1].error!r}: mend the evaluator and "
            "choose another --name"
        )
    assert result.judge is not None
    longest = [trial for trial in result.trials if trial.budget == result.plan.budget]
    result.choice = result.judge.choice(longest if result.judge.points else ())


def _write(result: Result) -> None:
    from results.runs.frames import trials_frame, write_frame

    write_frame(result.frame, result.folder / "points")
    write_frame(trials_frame(result.trials), result.folder / "trials")
    if result.choice is None:
        return
    write_frame(families_frame(result), result.folder / "families")
    result.coefficients = summary(result)
    write_json(result.folder / COEFFICIENTS, result.coefficients)
    pick = _at_phi(result, result.choice.pick)
    content = {**result.coefficients["pick"], "id": pick.id, "architecture": to_dict(pick)}
    write_json(result.folder / BEST, content)


def families_frame(result: Result) -> "pd.DataFrame":
    """A row a family, the best first, as families.csv has them."""
    import pandas as pd

    assert result.choice is not None
    judged = result.choice.families
    order = sorted(range(len(judged)), key=lambda i: -judged[i].value)
    rows = [family_row(result, i) for i in order]
    return pd.DataFrame([{k: v for k, v in row.items() if k != "by_phi"} for row in rows])


def row(result: Result, index: int) -> dict[str, Any]:
    """A point's figures as plain JSON values.

    Accuracy is top-1 in percent, `error` one standard deviation of it, the budget the largest it
    was measured with; the rest is what is expected of the family of its coefficients.
    """
    point, estimate = result.grid.points[index], result.estimates[index]
    c = point.coefficients
    place = _place(result, index)
    return {
        "alpha": c.alpha,
        "beta": c.beta,
        "gamma": c.gamma,
        "product": c.product,
        "ratio": point.ratio,
        "moved": point.moved,
        "blocks": point.architecture.blocks,
        "resolution": point.architecture.size.label,
        **cost(point.architecture).columns,
        "accuracy": None if estimate is None else estimate.mean,
        "error": None if estimate is None else estimate.error,
        "replicates": 0 if estimate is None else estimate.n,
        "budget": result.budgets[index],
        **(_expected(result, place) if place is not None else _UNKNOWN),
    }


_UNKNOWN = {
    "family": None, "over_paper": None, "over_paper_error": None, "loss": None, "best": None,
    "pick": False,
}  # fmt: skip


def _place(result: Result, index: int) -> int | None:
    """The family of a point's coefficients."""
    if result.choice is None or result.judge is None:
        return None
    coefficients = result.grid.points[index].coefficients
    try:
        members = family(result.plan.question, coefficients, result.judge.phis).members
    except UserError:  # no phi takes them to the largest budget
        return None
    return result.judge.places.get(members)


def _expected(result: Result, place: int) -> dict[str, Any]:
    """What is expected of a family: mean top-1 over its phis at whole budgets, percent."""
    assert result.choice is not None
    judged = result.choice.families[place]
    return {
        "family": judged.value,
        "over_paper": judged.over,
        "over_paper_error": judged.spread,
        "loss": judged.loss,
        "best": judged.best,
        "pick": place == result.choice.pick,
    }


def _at_phi(result: Result, place: int) -> Architecture:
    """A family's network within 2**phi times the baseline's MACs, of the grid's own phi."""
    assert result.judge is not None
    question = result.plan.question
    return family(question, result.judge.families[place].coefficients, (question.phi,)).members[0]


def family_row(result: Result, place: int) -> dict[str, Any]:
    """A family's figures: its coefficients, its network at the grid's phi, what is expected."""
    assert result.judge is not None
    assert result.choice is not None
    c, network = result.judge.families[place].coefficients, _at_phi(result, place)
    return {
        "alpha": c.alpha,
        "beta": c.beta,
        "gamma": c.gamma,
        "product": c.product,
        "ratio": result.plan.question.ratio_of(network),
        "blocks": network.blocks,
        "resolution": network.size.label,
        **cost(network).columns,
        **_expected(result, place),
        "by_phi": list(result.choice.families[place].by_phi),
    }


def summary(result: Result) -> dict[str, Any]:
    """What coefficients.json holds: the pick, how it was chosen, what the rules removed."""
    assert result.choice is not None
    assert result.judge is not None
    plan, question, choice = result.plan, result.plan.question, result.choice
    pick = family_row(result, choice.pick)
    prior = result.evaluator.held_out if isinstance(result.evaluator, ScalingPrior) else None
    members = [result.judge.families[i].members for i in (choice.pick, choice.paper)]
    known = {trial.architecture for trial in result.trials if trial.accuracy is not None}
    return {
        **{one: pick[one] for one in LETTERS},
        "phi": question.phi,
        "for_phi": list(result.judge.phis),
        "pick": pick,
        "paper": family_row(result, choice.paper),
        "highest": family_row(result, choice.highest),
        "behind": list(choice.behind),
        **doubts(result.evaluator, result.judge.phis, *members),
        "families": len(choice.families),
        "tolerance": plan.tolerance,
        "ended": ended(plan, result.judge, choice.loss, _at_phi(result, choice.pick) in known),
        "check": result.check,
        "points": len(result.grid.points),
        "removed": result.grid.removed,
        "notes": [*result.grid.notes, *result.judge.notes],
        "step": result.grid.step,
        "window": result.grid.question.window,
        "target_ratio": question.ratio,
        "target_memory": question.memory,
        "paper_fits_at": papers_reach(question),
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
    return {"budget": rung.budget, "points": len(rung.points),
            "kept": rung.kept, "close": rung.close}  # fmt: skip
