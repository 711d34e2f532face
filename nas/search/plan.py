"""What a search is asked to do, and what makes two runs the same experiment."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nas.evaluators import Evaluator
from nas.objective import Limit, Objective, check_positive
from nas.search.ask import Search
from nas.search.drive import Proposer
from nas.strategies.registry import Strategy
from nas.workers.executor import Resources, check_executor
from results.runs.folder import run_name
from results.runs.records import Trial
from search_spaces.errors import UserError
from search_spaces.quantities import Quantity
from search_spaces.space import Space

if TYPE_CHECKING:
    from nas.training.proxy import Proxy

WHOLE = (("trials", 1, 2**31), ("retrain", 0, 2**31), ("seed", 0, 2**32 - 1))  # and their ranges


@dataclass(frozen=True)
class Plan:
    """All but trials, name, runs, storage, command, executor and resources make up the
    experiment that a run's folder holds.

    space, strategy, evaluator: names, or the objects themselves.
    trials: distinct networks.   budget: of each, in the evaluator's unit (epochs for training).
    proxy: trains candidates, instead of the evaluator.
    eta, smallest, ranking: successive halving from budget `smallest` by factors of eta; 0: none.
    retrain: how many of the best are trained again, from scratch, with `retrain_budget`.
    """

    objective: Objective
    limits: tuple[Limit, ...] = ()
    space: str | Space = "efficientnet"
    strategy: str | Strategy = "evolution"
    evaluator: str | Evaluator = "surrogate"
    trials: int = 2500
    seed: int = 0
    budget: float = 1.0
    proxy: "Proxy | None" = None
    eta: int = 0
    smallest: float = 1.0
    ranking: str = "reward"
    retrain: int = 0
    retrain_budget: float = 0.0
    executor: str = "local"
    resources: Resources = field(default_factory=Resources)
    name: str | None = None
    runs: Path = Path("runs")
    storage: str | None = None
    command: str = ""

    @property
    def budgets(self) -> tuple[float, ...]:
        """The rungs of halving, or the one budget."""
        from nas.search.halving import rungs

        return rungs(self.budget, self.eta, self.smallest) if self.eta else (self.budget,)

    @property
    def predicted(self) -> tuple[Quantity, ...]:
        """The devices' quantities among target and limits."""
        every = (self.objective.of_quantity, *(limit.of_quantity for limit in self.limits))
        return tuple({one.key: one for one in every if one.of_cost is None}.values())

    @property
    def evaluations(self) -> int:
        """How many evaluations to expect, promotions and retraining included."""
        sizes: list[int] = [
            self.trials // max(1, self.eta) ** rung for rung in range(len(self.budgets))
        ]
        return sum(max(1, size) for size in sizes) + self.retrain

    def experiment(self, space: Space, training: dict[str, Any] | None = None) -> dict[str, Any]:
        """What makes two runs the same experiment, as plain JSON values.

        training: the proxy's identity.
        """
        devices = {one.key: one.source for one in self.predicted}
        halving = {"halving": self.eta, "budgets": self.budgets, "ranking": self.ranking}
        again = {"retrain": self.retrain, "retrain_budget": self.retrain_budget}
        return {
            "kind": "search",
            "objective": self.objective.name,
            "quantity": self.objective.of_quantity.key,
            "target": self.objective.target,
            "caution": self.objective.caution,
            "limits": {limit.of_quantity.key: limit.at_most for limit in self.limits},
            "space": space.name,
            "choices": {name: list(options) for name, options in space.choices.items()},
            "strategy": named(self.strategy),
            "evaluator": "train" if self.proxy else named(self.evaluator),
            "budget": self.budget,
            "seed": self.seed,
            **({"devices": devices} if devices else {}),
            **({"training": training} if training else {}),
            **(halving if self.eta else {}),
            **(again if self.retrain else {}),
        }

    def run_name(self, space: Space) -> str:
        """The name given, or one from what differs from the defaults."""
        if self.name is not None:
            return self.name
        o = self.objective
        parts = [space.name]
        parts += [_place(o.of_quantity).strip(".")] if o.of_quantity.key != "flops" else []
        parts += [o.of_quantity.format(o.target, 12)]
        parts += [o.name] if o.name != "hard" else []
        parts += [
            f"{_place(limit.of_quantity)}{limit.of_quantity.format(limit.at_most, 12)}"
            for limit in self.limits
        ]
        parts += [named(self.strategy)] if named(self.strategy) != "evolution" else []
        if self.proxy:
            parts += [self.proxy.data.resolve().name, f"{self.budget:g}epochs"]
            parts += [f"halving{self.eta}"] if self.eta else []
            parts += [f"subset{self.proxy.subset:g}"] if self.proxy.subset != 1 else []
        elif named(self.evaluator) != "surrogate":
            parts += [named(self.evaluator)]
        parts += [f"caution{o.caution:g}"] if o.caution != 1 else []
        parts += [f"seed{self.seed}"] if self.seed else []
        return run_name(parts)

    def proposer(self, space: Space, how: Strategy, known: Sequence[Trial] = ()) -> Proposer:
        """What asks for networks, continued from the trials known. Raises UserError."""
        from nas.search.halving import Halving
        from nas.search.retrain import Retrain

        budgets = self.budgets
        first = [trial for trial in known if trial.budget == budgets[0]]
        search: Proposer = Search(
            space, self.objective, how, self.limits, self.seed, first, self.trials, budgets[0]
        )
        if self.eta:
            searched = [trial for trial in known if trial.budget in budgets]
            search = Halving(search, budgets, self.eta, self.ranking, searched)  # type: ignore[arg-type]
        if self.retrain:
            search = Retrain(
                search, self.retrain, self.retrain_budget, self.budget, self.seed, known
            )
        return search


def _place(quantity: Quantity) -> str:
    """A quantity in a run's name: `memory`, `latency.zcu102.`"""
    return quantity.key.replace(":", ".") + ("." if ":" in quantity.key else "")


def named(part: Any) -> str:
    """A strategy's or evaluator's name: what was typed, or the name it has in Python."""
    if isinstance(part, str):
        return part
    return str(getattr(part, "__qualname__", None) or type(part).__qualname__)


def check_plan(plan: Plan) -> None:
    """Raises UserError for numbers that don't go together."""
    check_executor(plan.executor, plan.resources)
    check_positive("the budget", plan.budget)
    for name, least, most in WHOLE:
        value = getattr(plan, name)
        if type(value) is not int or not least <= value <= most:
            raise UserError(f"{name} is {value!r}: expected a whole number, {least} to {most}")
    if plan.storage is not None and "://" not in plan.storage:
        raise UserError(
            f"the storage is {plan.storage!r}: expected a URL, as sqlite:///trials.db; without "
            "one the run keeps a journal of its own"
        )
