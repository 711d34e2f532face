"""How far a proxy can be trusted: seed noise, and how short trainings rank networks."""

import dataclasses
import functools
import math
import random
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nas.evaluators import Evaluator, Measurement, checked, evaluator
from nas.jobs import Job
from nas.objective import Limit, broken
from nas.scores.judge import Judged, judged
from nas.search.drive import Show, carry_out
from nas.search.feasibility import check_domain
from nas.search.plan import Plan
from nas.search.rounds import Rounds
from nas.search.run import Decoded, prepare
from nas.strategies.registry import derive_seed
from results.runs.files import write_json
from results.runs.records import Trial
from results.runs.session import session, timed
from search_spaces.architecture import Architecture
from search_spaces.errors import UserError
from search_spaces.space import Space

DRAWS = 1000  # for each network, to meet the limits


@dataclass(frozen=True)
class Audit:
    """What is trained to judge a proxy.

    Attributes:
        plan: Space, proxy, executor, limits, seed; its budgets are not used.
        networks: How many are drawn at random, at least 3.
        seeds: Trainings of each at each budget.
        budgets: Ascending, two or more.
        beside: An evaluator that is held against the trainings too, as a supernet; None for none.

    Raises:
        UserError: A number can't be.
    """

    plan: Plan
    networks: int = 8
    seeds: int = 2
    budgets: tuple[float, ...] = (1.0, 2.0, 4.0)
    beside: str | None = None

    def __post_init__(self) -> None:
        rising = all(a < b for a, b in zip((0.0, *self.budgets), self.budgets, strict=False))
        if len(self.budgets) < 2 or not rising:
            raise UserError(
                f"the epochs are {', '.join(f'{b:g}' for b in self.budgets)}: expected two or "
                "more that rise from above 0, as 1,2,4"
            )
        if self.networks < 3 or self.seeds < 1:
            raise UserError(
                f"networks is {self.networks} and seeds {self.seeds}: expected at least 3 and 1"
            )

    def experiment(self) -> dict[str, Any]:
        """What an audit's experiment holds besides the plan's.

        The halving is that of training states, which are kept for the longer trainings.
        """
        return {
            "kind": "audit",
            "networks": self.networks,
            "seeds": self.seeds,
            "budgets": list(self.budgets),
            "halving": self.plan.eta or 2,
            "ranking": self.plan.ranking,
        }


def draw(space: Space, limits: Sequence[Limit], count: int, seed: int) -> list[dict[str, Any]]:
    """Values of distinct random networks within the limits.

    Raises:
        UserError: Too few are drawn.
    """
    rng = random.Random(seed)
    drawn: dict[Architecture, dict[str, Any]] = {}
    for _ in range(DRAWS * count):
        values = space.sample(rng)
        architecture = space.build(values)
        if not broken(architecture, limits):
            drawn.setdefault(architecture, values)
        if len(drawn) == count:
            return list(drawn.values())
    raise UserError(
        f"only {len(drawn)} of {count} networks within the limits were drawn: raise the target"
    )


def jobs_of(audit: Audit, space: Space) -> list[Job]:
    """Every training, in order: by budget, seed, network."""
    objective, seed = audit.plan.objective, audit.plan.seed
    limits = (Limit(objective.quantity, objective.target), *audit.plan.limits)
    drawn = draw(space, limits, audit.networks, seed)
    jobs: list[Job] = []
    for budget in audit.budgets:
        for replicate in range(audit.seeds):
            for i, values in enumerate(drawn):
                chosen = derive_seed(seed, i, replicate, 3)
                jobs.append(Job(len(jobs), values, space.build(values), chosen, budget))
    return jobs


def left(jobs: Sequence[Job], done: Sequence[Trial], running: Sequence[Job]) -> list[Job]:
    """The jobs that are neither done nor under way, by their numbers."""
    begun = {trial.number for trial in done} | {job.number for job in running}
    return [job for job in jobs if job.number not in begun]


@dataclass(frozen=True)
class BudgetQuality:
    """What trainings with one budget are worth.

    Attributes:
        budget: Epochs.
        accuracy: Mean, percent.
        noise: Standard deviation between seeds of one network, in points, pooled; NaN for one seed.
        tau: Kendall's, of one training at this budget against the mean of the other seeds' at the
            longest; the mean over seeds.
        low, high: The least and the largest tau over seeds.
        seconds: Of one training.
    """

    budget: float
    accuracy: float
    noise: float
    tau: float
    low: float
    high: float
    seconds: float


@dataclass
class Report:
    """What came of an audit.

    Attributes:
        folder: Of the run.
        rows: By budget; none of an interrupted audit.
        trials: All trainings, of this session and before.
        interrupted: Ctrl-C ended it.
        known: What scores, costs and the ImageNet prediction say of the networks beforehand, held
            against their mean accuracies at the longest budget.
    """

    folder: Path
    rows: list[BudgetQuality] = field(default_factory=list)
    trials: list[Trial] = field(default_factory=list)
    interrupted: bool = False
    known: list[Judged] = field(default_factory=list)

    def cheapest(self, tau: float) -> BudgetQuality | None:
        """The shortest budget that ranks at least so well."""
        return next((row for row in self.rows if row.tau >= tau), None)


def _repeated(trials: Sequence[Trial]) -> dict[float, list[list[Trial]]]:
    """By budget, ascending, each network's trainings; only networks that have some at each."""
    done = [trial for trial in trials if trial.accuracy is not None]
    budgets = sorted({trial.budget for trial in done})
    networks = list(dict.fromkeys(trial.architecture for trial in done))
    table: dict[float, dict[Architecture, list[Trial]]] = {
        budget: {network: [] for network in networks} for budget in budgets
    }
    for trial in sorted(done, key=lambda trial: trial.number):
        table[trial.budget][trial.architecture].append(trial)
    whole = [net for net in networks if all(table[budget][net] for budget in budgets)]
    return {budget: [table[budget][network] for network in whole] for budget in budgets}


def _accuracies(repeated: Sequence[Sequence[Trial]]) -> list[list[float]]:
    return [[t.accuracy for t in some if t.accuracy is not None] for some in repeated]


def _taus(short: Sequence[Sequence[float]], long: Sequence[Sequence[float]]) -> list[float]:
    """Kendall's tau of each network's k-th training, for every k that all have.

    Args:
        short: Accuracies by network.
        long: Accuracies by network at the longest budget; the k-th is left out of their mean.
    """
    from scipy.stats import kendalltau

    taus = []
    for k in range(min(map(len, short), default=0)):
        others = [
            _mean([a for j, a in enumerate(some) if j != k or len(some) == 1]) for some in long
        ]
        tau = float(kendalltau([some[k] for some in short], others).statistic)
        taus.append(0.0 if math.isnan(tau) else tau)  # all alike: no ranking
    return taus


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else math.nan


def rows_of(trials: Sequence[Trial]) -> list[BudgetQuality]:
    """The table, from all trainings that succeeded; none where no network has every budget."""
    repeated = {budget: some for budget, some in _repeated(trials).items() if some}
    rows = []
    for budget, some in repeated.items():
        short = _accuracies(some)
        taus = _taus(short, _accuracies(repeated[max(repeated)]))
        spare = [statistics.variance(accuracies) for accuracies in short if len(accuracies) > 1]
        noise = math.sqrt(_mean(spare)) if spare else math.nan
        mean = _mean([_mean(accuracies) for accuracies in short])
        seconds = _mean([trial.seconds for trainings in some for trial in trainings])
        rows.append(BudgetQuality(budget, mean, noise, _mean(taus), min(taus), max(taus), seconds))
    return rows


def _known(
    trials: Sequence[Trial], evaluator: Evaluator, beside: Mapping[str, Evaluator]
) -> list[Judged]:
    """What was known of the networks before any was trained, and what it is worth."""
    from nas.scores.batch import image_batch
    from nas.training.evaluator import TrainingEvaluator

    assert isinstance(evaluator, TrainingEvaluator)
    longest = list(_repeated(trials).values())[-1:]
    accuracies = {
        some[0].architecture: _mean([trial.accuracy or 0.0 for trial in some])
        for repeated in longest
        for some in repeated
    }
    also = {name: functools.partial(_said, one) for name, one in beside.items()}
    return judged(accuracies, lambda network: image_batch(evaluator.images_of(network)), also)


def _said(evaluator: Evaluator, network: Architecture) -> float:
    """What an evaluator says of a network."""
    given = evaluator(network, 1.0, 0)
    return given.accuracy if isinstance(given, Measurement) else float(given)


def run_audit(
    audit: Audit, show: Show = lambda trial, n: None, decoded: Decoded | None = None
) -> Report:
    """Runs or continues an audit.

    Args:
        audit: What is trained.
        show: Called with each finished training and how many there are.
        decoded: Called with how many images are decoded, and of how many.

    Raises:
        UserError: The arguments or the folder.
        RunFailure: The disk, or every training fails.
    """
    from results.runs.frames import trials_frame, write_frame

    plan = audit.plan
    parts = prepare(plan, decoded, also=audit.experiment(), keep=True)
    where, jobs = parts.space, jobs_of(audit, parts.space)
    beside = {} if audit.beside is None else {audit.beside: evaluator(audit.beside)}
    for one in beside.values():
        check_domain(functools.partial(checked, one), where, "the evaluator")
    with session(
        parts.folder, parts.experiment, plan.command, plan.storage, where.choices, where.build
    ) as opened:
        asked = Rounds(
            plan.objective, lambda done, running: left(jobs, done, running), opened.trials
        )
        with timed(opened.seconds, "training"):
            carry_out(opened, asked, plan, parts.evaluator, show, "training")
        report = Report(parts.folder, [], opened.trials, opened.interrupted)
        if not report.interrupted:
            report.rows = rows_of(report.trials)
            report.known = _known(report.trials, parts.evaluator, beside)
            rows = [dataclasses.asdict(row) for row in report.rows]
            known = {one.name: one.ranked._asdict() for one in report.known}
            content = {"rows": rows, "known": known, "command": plan.command}
            write_json(parts.folder / "audit.json", content)
        write_frame(trials_frame(report.trials), parts.folder / "trials")
    return report
