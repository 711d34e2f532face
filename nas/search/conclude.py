"""What is made of finished trials: the pick, checked, and the files."""

import contextlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nas.evaluators import Evaluator, evidence_of, label_of, predictor_of, unit_of
from nas.holding import holder_of
from nas.imagenet.granted import granted
from nas.learning import HELD, above, chance_of, nothing_learned, unlearned
from nas.objective import Objective
from nas.search.beside.otherwise import binding, on_images, otherwise
from nas.search.plan import Plan, named
from nas.search.retrain import agreement, comparable
from nas.workers.recount import Recount
from results.runs.addresses import FRONT
from results.runs.files import write_json
from results.runs.load import BEST
from results.runs.records import Trial
from results.runs.session import timed
from search_spaces.architecture import Architecture, to_dict
from search_spaces.errors import OutOfDomain, UserError
from search_spaces.networks import EFFICIENTNET_B0
from search_spaces.quantities import Quantity
from search_spaces.spaces import INSIDE
from search_spaces.stages import MACS

if TYPE_CHECKING:
    import pandas as pd


@dataclass(repr=False)
class Result:
    """What came of a run.

    Attributes:
        plan: What was asked for.
        folder: Of the run.
        trials: All finished, of this session and before.
        evaluator: What was asked of each network.
        pick: The answer; None where no network meets the target.
        other: The pick of the other objective.
        front: Networks that no other beats on both accuracy and target, cost ascending.
        fvcore_macs: Another program's count of the pick's.
        retrained: (in the search, retrained) for each network trained again.
        tau: Kendall's, of these two accuracies.
        best: What best.json holds.
        stopped: Why the search ended before it had enough; empty where it did not.
        interrupted: Ctrl-C ended it.
        new: Trials of this session.
        seconds: What the time went to.
        choices: The space's options, name by name.
        tuned_by: A command that trains the pick on, where its weights are in the folder.
        prior: What was learned of it (`nas.prior.asked.said`); None without one.
    """

    plan: Plan
    folder: Path
    trials: list[Trial]
    evaluator: Evaluator
    pick: Trial | None = None
    other: Trial | None = None
    front: list[Trial] = field(default_factory=list)
    fvcore_macs: int | None = None
    retrained: list[tuple[Trial, Trial]] = field(default_factory=list)
    tau: float | None = None
    best: dict[str, Any] | None = None
    stopped: str = ""
    interrupted: bool = False
    new: int = 0
    seconds: dict[str, float] = field(default_factory=dict)
    choices: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    tuned_by: str = ""
    prior: dict[str, Any] | None = None

    def __repr__(self) -> str:
        said = f"<search of {len(self.trials):,} networks in {self.folder}: "
        if self.pick is None or self.pick.accuracy is None:
            return said + "no pick>"
        spread = f" ± {self.pick.spread:.2f}" if self.pick.spread else ""
        of, network = self.plan.objective.of_quantity, self.pick.architecture
        costs = of.text(of.figures(network))
        return f"{said}pick {network.id}, {costs} {of.title}, {self.pick.accuracy:.2f}{spread}>"

    @property
    def architecture(self) -> Architecture:
        """The pick's.

        Raises:
            UserError: There is none.
        """
        if self.pick is None:
            raise UserError(f"the run {self.folder} has no pick: every trial failed")
        return self.pick.architecture

    @property
    def frame(self) -> "pd.DataFrame":
        """A row a trial, as trials.csv has them."""
        from results.runs.frames import trials_frame

        return trials_frame(self.trials, self.plan.predicted)

    @property
    def front_frame(self) -> "pd.DataFrame":
        """A row a network of the Pareto front, as front.csv has them."""
        from results.runs.frames import trials_frame

        return trials_frame(self.front, self.plan.predicted)


def conclude(
    result: Result,
    recount: Recount | None = None,
    phase: Callable[[str], None] = lambda name: None,
    anew: bool = False,
) -> None:
    """Picks, verifies the pick with fvcore, and writes trials, front and best.json.

    Args:
        result: What came of the run, which is filled in.
        recount: Counts the pick again while the tables are written; None counts it here.
        phase: Told what is done.
        anew: The answer so far is kept where it becomes another (`results.runs.frames.keeping`).
    """
    from results.runs.frames import keeping

    phase("writing the tables")
    with keeping(result.folder, anew):
        _conclude(result, recount or Recount(), phase)


def _conclude(result: Result, recount: Recount, phase: Callable[[str], None]) -> None:
    from results.runs.frames import front_frame, trials_frame, write_frame

    objective, seconds = result.plan.objective, result.seconds
    able = comparable(result.trials)
    result.pick = objective.pick(able)
    if result.pick is not None:
        recount.begin(result.pick.architecture)
    if unit_of(result.evaluator) is None:  # a score is weighed against no cost
        result.other = objective.named("soft" if objective.name == "hard" else "hard").pick(able)
    if result.plan.retrain:
        result.retrained, tau = agreement(result.trials, result.plan.retrain_budget)
        result.tau = None if tau != tau else tau
    with timed(seconds, "tables"):
        frame = trials_frame(result.trials, result.plan.predicted)
        numbers = {trial.number for trial in able}
        among = frame if len(able) == len(frame) else frame[frame["number"].isin(numbers)]
        best = front_frame(among, objective.caution, objective.of_quantity)
        numbers = set(best["number"])
        chosen = [t for t in able if t.number in numbers]
        result.front = sorted(chosen, key=lambda t: objective.cost(t.architecture))
        write_frame(frame, result.folder / "trials")
        write_frame(best, result.folder / "front")
        rows = [row(trial, objective, result.plan.predicted) for trial in result.front]
        write_json(result.folder / FRONT, rows)
    if result.pick is None:
        return
    phase("checking the pick")
    with timed(seconds, "verify"):
        result.fvcore_macs = recount.counted(result.pick.architecture)
    phase("writing the pick")
    result.best = summary(result)
    write_json(result.folder / BEST, result.best)


def row(trial: Trial, objective: Objective, predicted: Sequence[Quantity]) -> dict[str, Any]:
    """A trial's figures as plain JSON values."""
    cost = trial.cost
    return {
        "number": trial.number,
        "id": trial.architecture.id,
        "accuracy": trial.accuracy,
        "spread": trial.spread,
        "reward": objective.of(trial),
        **cost.columns,
        "activation_memory": cost.activation_memory,
        **figures_of(trial.architecture, predicted),
        "architecture": to_dict(trial.architecture),
    }


def figures_of(architecture: Architecture, predicted: Sequence[Quantity]) -> dict[str, float]:
    """What devices are predicted to take, with spreads; nothing of those that don't cover it."""
    figures: dict[str, float] = {}
    for quantity in predicted:
        with contextlib.suppress(OutOfDomain):
            figures |= quantity.figures(architecture)
    return figures


def summary(result: Result) -> dict[str, Any]:
    """What best.json holds: the pick, the other objective's pick, B0, and how it was made."""
    plan, objective = result.plan, result.plan.objective
    other = objective.named("soft" if objective.name == "hard" else "hard")
    assert result.pick is not None
    unit = unit_of(result.evaluator)
    space = plan.space if isinstance(plan.space, str) else plan.space.name
    images = plan.proxy is not None or on_images(result.evaluator, result.pick.architecture)
    beside = otherwise(
        result.pick.architecture, objective, plan.limits, result.evaluator,
        lambda network: costs_of(network, plan.predicted), images, space.startswith(INSIDE),
    )  # fmt: skip
    bound = binding(result.pick.architecture, objective, plan.limits)
    asked = (named(plan.evaluator), space, objective, result.pick.cost.macs, bound)
    beside["granted"] = granted(*asked)
    if plan.proxy or holder_of(result.evaluator):
        beside["notes"] = _learned_notes(result) + beside["notes"]
    if predictor_of(result.evaluator) is None:
        odd = _fractions(result.trials) if unit is None else []
        beside["notes"] += odd + unlearned(result.trials, result.choices)
    return {
        **row(result.pick, objective, plan.predicted),
        "values": dict(result.pick.values),
        "fvcore_macs": result.fvcore_macs,
        "objective": objective.name,
        "quantity": objective.of_quantity.key,
        "target": objective.target,
        "target_text": objective.of_quantity.format(objective.target),
        "limits": {limit.of_quantity.key: limit.at_most for limit in plan.limits},
        "caution": objective.caution,
        "other": None if result.other is None
        else {"objective": other.name, **row(result.other, other, plan.predicted)},
        "baseline": None if images else baseline(result.evaluator, plan.predicted),
        "otherwise": beside,
        "front_note": _front_note(result),
        "label": label_of(result.evaluator),
        **({} if unit is None else {"unit": unit}),
        **({} if result.prior is None else {"prior": result.prior}),
        "evaluator": "train" if plan.proxy else named(plan.evaluator),
        "budget": result.pick.budget,
        "retrained": [
            {"id": long.architecture.id, "proxy": short.accuracy, "retrained": long.accuracy}
            for short, long in result.retrained
        ],
        "tau": result.tau,
        "hours": round(sum(trial.seconds for trial in result.trials) / 3600, 4),
        "space": space,
        "strategy": named(plan.strategy),
        "seed": plan.seed,
        "trials": len(result.trials),
        "run": str(result.folder),
        "command": plan.command,
    }  # fmt: skip


def _learned_notes(result: Result) -> list[str]:
    """A sentence where nothing was learned of the images."""
    assert result.pick is not None
    network, held = result.pick.architecture, holder_of(result.evaluator) is not None
    chance = chance_of(result.evaluator, network)
    told = ("not even the pick", chance, HELD) if held else ("no network", chance)
    learned = above([result.pick] if held else result.trials, chance)
    return [nothing_learned(*told)] * (not learned)


def _fractions(trials: Sequence[Trial]) -> list[str]:
    """A sentence where every accuracy is from 0 to 1."""
    if max(trial.accuracy or 0.0 for trial in trials) > 1:
        return []
    return ["no accuracy is above 1 %: if the evaluator gives fractions, have it return percent"]


def _front_note(result: Result) -> str:
    """What to know of the front's networks beyond all evidence; empty where none is."""
    least, most = evidence_of(result.evaluator)
    macs = [trial.cost.macs for trial in result.front]
    below = [f"below {MACS.format(least)}"] * any(number < least for number in macs)
    above = [f"above {MACS.format(most)}"] * any(number > most for number in macs)
    if not below + above:
        return ""
    return (
        f"Networks of the front {' and '.join(below + above)} multiply-adds are beyond all "
        "evidence: their predictions are extrapolated, so train one before you rely on it."
    )


def costs_of(network: Architecture, predicted: Sequence[Quantity] = ()) -> dict[str, Any]:
    """A network's name and costs, as plain JSON values."""
    from search_spaces.cost import cost

    figures = cost(network)
    own = {"name": network.name, **figures.columns, "activation_memory": figures.activation_memory}
    return {**own, **figures_of(network, predicted)}


def baseline(measure: Evaluator, predicted: Sequence[Quantity] = ()) -> dict[str, Any]:
    """EfficientNet-B0's figures, with a prediction where the evaluator is one and covers it."""
    figures = {**costs_of(EFFICIENTNET_B0, predicted), "accuracy": None, "spread": None}
    if (model := predictor_of(measure)) is not None:
        with contextlib.suppress(OutOfDomain):
            means, spreads = model.predict([EFFICIENTNET_B0])
            figures.update(accuracy=float(means[0]), spread=float(spreads[0]))
    return figures
