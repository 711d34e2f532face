"""How far a proxy can be trusted: seed noise, and how short trainings rank networks."""

import dataclasses
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nas.jobs import Job
from nas.objective import Limit, broken
from nas.search.drive import Show, carry_out
from nas.search.plan import Plan
from nas.search.rounds import Rounds
from nas.search.run import Decoded, prepare
from nas.strategies.registry import derive_seed
from results.runs.folder import write_json
from results.runs.records import Trial
from results.runs.session import session, timed
from search_spaces.architecture import Architecture
from search_spaces.errors import UserError
from search_spaces.space import Space

DRAWS = 1000  # for each network, to meet the limits


@dataclass(frozen=True)
class Audit:
    """plan: space, proxy, executor, limits, seed; its budgets are not used.
    networks: drawn at random.   seeds: trainings of each at each budget.   budgets: ascending.
    """

    plan: Plan
    networks: int = 8
    seeds: int = 2
    budgets: tuple[float, ...] = (1.0, 2.0, 4.0)

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
        """What an audit's experiment holds besides the plan's. The halving is that of training
        states, which are kept for the longer trainings."""
        return {
            "kind": "audit",
            "networks": self.networks,
            "seeds": self.seeds,
            "budgets": list(self.budgets),
            "halving": self.plan.eta or 2,
            "ranking": self.plan.ranking,
        }


def draw(space: Space, limits: Sequence[Limit], count: int, seed: int) -> list[dict[str, Any]]:
    """Values of distinct random networks within the limits. Raises UserError for too few."""
    rng = random.Random(seed)
    found: dict[Architecture, dict[str, Any]] = {}
    for _ in range(DRAWS * count):
        values = space.sample(rng)
        architecture = space.build(values)
        if not broken(architecture, limits):
            found.setdefault(architecture, values)
        if len(found) == count:
            return list(found.values())
    raise UserError(
        f"only {len(found)} of {count} networks within the limits were drawn: raise the target"
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
    """One budget. accuracy: mean, percent.   noise: standard deviation between seeds of one
    network, in points, pooled (nan for one seed).   tau: Kendall's, of one training at this
    budget against the mean of the other seeds' at the longest; low, high: over seeds.
    seconds: of one training."""

    budget: float
    accuracy: float
    noise: float
    tau: float
    low: float
    high: float
    seconds: float


@dataclass
class Report:
    folder: Path
    rows: list[BudgetQuality] = field(default_factory=list)
    trials: list[Trial] = field(default_factory=list)
    interrupted: bool = False

    def cheapest(self, tau: float) -> BudgetQuality | None:
        """The shortest budget that ranks at least so well."""
        return next((row for row in self.rows if row.tau >= tau), None)


def rows_of(trials: Sequence[Trial]) -> list[BudgetQuality]:
    """The table, from all trainings that succeeded."""
    import numpy as np
    from scipy.stats import kendalltau

    done = [t for t in trials if t.accuracy is not None]
    budgets = sorted({t.budget for t in done})
    networks = list(dict.fromkeys(t.architecture for t in done))
    table: dict[float, dict[Architecture, list[Trial]]] = {
        b: {n: [] for n in networks} for b in budgets
    }
    for trial in sorted(done, key=lambda t: t.number):
        table[trial.budget][trial.architecture].append(trial)
    whole = [n for n in networks if all(table[b][n] for b in budgets)]
    rows = []
    for budget in budgets:
        here = [[t.accuracy for t in table[budget][n]] for n in whole]
        count = min((len(one) for one in here), default=0)
        long = [[t.accuracy for t in table[budgets[-1]][n]] for n in whole]
        taus = []
        for k in range(count):
            others = [
                float(np.mean([a for j, a in enumerate(one) if j != k or len(one) == 1]))
                for one in long
            ]
            tau = float(kendalltau([one[k] for one in here], others).statistic)
            taus.append(0.0 if np.isnan(tau) else tau)  # all alike: no ranking
        spare = [one for one in here if len(one) > 1]
        noise = float(np.sqrt(np.mean([np.var(one, ddof=1) for one in spare]))) if spare else np.nan  # type: ignore[arg-type]
        seconds = float(np.mean([t.seconds for n in whole for t in table[budget][n]]))
        mean = float(np.mean([np.mean(one) for one in here]))  # type: ignore[arg-type]
        rows.append(
            BudgetQuality(budget, mean, noise, float(np.mean(taus)), min(taus), max(taus), seconds)
        )
    return rows


def run_audit(
    audit: Audit, show: Show = lambda trial, n: None, decoded: Decoded | None = None
) -> Report:
    """Runs or continues an audit. Raises UserError, RunFailure."""
    from results.runs.frames import trials_frame, write_frame

    plan = audit.plan
    parts = prepare(plan, decoded, also=audit.experiment(), keep=True)
    where, jobs = parts.space, jobs_of(audit, parts.space)
    with session(
        parts.folder, parts.experiment, plan.command, plan.storage, where.choices, where.build
    ) as opened:
        asked = Rounds(
            plan.objective, lambda done, running: left(jobs, done, running), opened.trials
        )
        with timed(opened.seconds, "training"):
            carry_out(opened, asked, plan, parts.evaluator, show)
        report = Report(parts.folder, [], opened.trials, opened.interrupted)
        if not report.interrupted:
            report.rows = rows_of(report.trials)
            rows = [dataclasses.asdict(row) for row in report.rows]
            write_json(parts.folder / "audit.json", {"rows": rows, "command": plan.command})
        write_frame(trials_frame(report.trials), parts.folder / "trials")
    return report
