"""What a grid search is asked to do, and what makes two runs the same experiment."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gridsearch.grid.choice import LEVEL
from gridsearch.grid.grid import Question
from gridsearch.prior.evaluators import default_replicates
from gridsearch.scaler import rule_name
from nas.search.halving import rungs
from nas.workers.executor import Resources, check_executor
from results.runs.folder import run_name
from search_spaces.errors import UserError

if TYPE_CHECKING:
    from nas.training.proxy import Proxy

TRAIN = "train"  # the evaluator's name in files, where points are trained
FEWEST = 2  # points that reach the last rung: one alone is compared with nothing


@dataclass(frozen=True)
class Plan:
    """A grid search. What follows `level` does not make another experiment, but for the proxy,
    the budget and the halving.

    baseline: as the user named it, for messages.
    replicates: measurements of each point with seeds 0, 1, ...; None takes the evaluator's.
    level: of the test that tells a point from the best, above 0 and below 0.5.
    proxy: trains each point, instead of the evaluator; its pixels are not used, since a network
        takes its own. The question's baseline must have the data's classes (`training.fitted`).
    budget: of each measurement, in the evaluator's unit (epochs for training).
    eta, smallest: halving from budget `smallest` by factors of eta; 0: none.
    """

    question: Question
    baseline: str
    evaluator: str = "prior"
    replicates: int | None = None
    level: float = LEVEL
    name: str | None = None
    runs: Path = Path("runs")
    command: str = ""
    proxy: "Proxy | None" = None
    budget: float = 1.0
    eta: int = 0
    smallest: float = 1.0
    executor: str = "local"
    resources: Resources = field(default_factory=Resources)

    def __post_init__(self) -> None:
        check_executor(self.executor, self.resources)
        if self.replicates is not None and self.replicates < 1:
            raise UserError(f"replicates is {self.replicates}: expected 1 or more, as 3")
        if self.proxy and self.wanted < 2:
            raise UserError(
                "replicates is 1: one training of each point does not show how much the seed "
                "does, so that no point could be told from another; expected 2 or more, as 3"
            )
        if not 0 < self.level < 0.5:
            raise UserError(f"the level is {self.level}: expected above 0 and below 0.5, as 0.05")
        if not 0 < self.budget < float("inf"):
            raise UserError(f"the budget is {self.budget:g}: expected more than 0")
        if self.eta and self.measure == "prior":
            raise UserError("halving needs budgets, which the prior does not have: train with data")
        assert self.budgets  # refuses budgets that do not rise

    @property
    def measure(self) -> str:
        """The evaluator's name: `train`, or what was given."""
        return TRAIN if self.proxy else self.evaluator

    @property
    def wanted(self) -> int:
        """Measurements of each point."""
        return self.replicates or default_replicates(self.measure)

    @property
    def budgets(self) -> tuple[float, ...]:
        """The rungs of halving, or the one budget."""
        return rungs(self.budget, self.eta, self.smallest) if self.eta else (self.budget,)

    def sizes(self, points: int) -> tuple[int, ...]:
        """How many points each rung measures."""
        found = [points]
        for _ in self.budgets[1:]:
            found.append(kept(found[-1], self.eta))
        return tuple(found)

    def evaluations(self, points: int) -> int:
        return self.wanted * sum(self.sizes(points))

    def experiment(self, training: dict[str, Any] | None = None) -> dict[str, Any]:
        """What makes two runs the same experiment; replicates may grow, the level may change.

        training: the proxy's identity (`training.identity`).
        """
        q = self.question
        halving = {"halving": self.eta, "budgets": list(self.budgets)}
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
            "evaluator": self.measure,
            **({"budget": self.budget} if self.budget != 1 or training else {}),
            **(halving if self.eta else {}),
            **({"training": training} if training else {}),
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
        parts += self._how_measured()
        return run_name(parts)

    def _how_measured(self) -> list[str]:
        if self.proxy is None:
            return [self.evaluator] if self.evaluator != "prior" else []
        parts = [self.proxy.data.resolve().name, f"{self.budget:g}epochs"]
        parts += [f"halving{self.eta}"] if self.eta else []
        parts += [f"subset{self.proxy.subset:g}"] if self.proxy.subset != 1 else []
        return parts


def kept(points: int, eta: int) -> int:
    """How many of a rung's points go on: 1 / eta, rounded up, and not fewer than FEWEST."""
    return max(-(-points // eta), min(points, FEWEST))
