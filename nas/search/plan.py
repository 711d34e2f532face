"""What a search is asked to do, and what makes two runs the same experiment."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from nas.evaluators import Evaluator, predictor_of, unit_of
from nas.holding import holder_of
from nas.objective import CAUTION, Limit, Objective, limits_given
from nas.prior.asked import AUTO, NONE, check_name
from nas.scores.registry import SCORES
from nas.search.drive import Proposer
from nas.search.execution import Execution
from nas.search.generations import Generations, found_by
from nas.search.halving import Halving, check_ranking
from nas.search.retrain import Retrain, check_longer
from nas.strategies.registry import Strategy
from results.runs.folder import run_name
from results.runs.records import Trial
from results.runs.session import Run, say_missing
from results.terminal import tell
from search_spaces.errors import UserError, check_is
from search_spaces.quantities import Quantity
from search_spaces.space import Space, Values

SKELETON = "surrogate"  # the evaluator that knows networks like EfficientNet-B0 and no others
WHOLE = (  # and their ranges
    ("trials", 1, 2**31), ("retrain", 0, 2**31), ("seed", 0, 2**32 - 1), ("patience", 0, 2**31),
)  # fmt: skip


@dataclass(frozen=True)
class Plan(Execution):
    """A search.

    All but trials, patience, name, runs, storage, command, executor and resources make up the
    experiment that a run's folder holds.

    Attributes:
        objective: The reward and its target.
        limits: Hard ones besides the objective's own; one or several.
        space: A name, or the space itself.
        strategy: A name, or the strategy itself.
        evaluator: A name, or the evaluator itself.
        trials: Distinct networks.
        seed: Of everything random.
        ranking: Of halving, `reward` or `front`.
        retrain: How many of the best are trained again, from scratch.
        retrain_budget: Of these trainings.
        patience: A model's search stops when so many networks have brought nothing better, and no
            fewer than before; 0 goes on to `trials`.
        prior: What the predictor knows of networks beforehand: a name of `nas.prior.known.PRIORS`,
            `none`, or `auto`.

    Raises:
        UserError: Numbers don't go together.
    """

    objective: Objective
    limits: tuple[Limit, ...] = ()
    space: str | Space = "mbconv"
    strategy: str | Strategy = "evolution"
    evaluator: str | Evaluator = "imagenet"
    trials: int = 50_000
    seed: int = 0
    ranking: str = "reward"
    retrain: int = 0
    retrain_budget: float = 0.0
    patience: int = 0
    prior: str = AUTO

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "limits", limits_given(self.limits))
        check_is("space", self.space, (str, Space), "a name of `nas spaces`, or a Space")
        check_is("strategy", self.strategy, (str, Strategy), "a name, or a Strategy")
        if not isinstance(self.evaluator, str) and not callable(self.evaluator):
            raise UserError(
                f"evaluator is {self.evaluator!r:.60}: expected a name, or what can be called with "
                "(architecture, budget, seed)"
            )
        for name, least, most in WHOLE:
            value = getattr(self, name)
            if not least <= value <= most:
                raise UserError(f"{name} is {value!r}: expected a whole number, {least} to {most}")
        check_is(
            "objective", self.objective, Objective, 'an Objective, as nas.Objective("hard", 4e8)'
        )
        check_is("ranking", self.ranking, str, "reward or front")
        check_is("prior", self.prior, str, "a name, as none")
        check_name(self.prior)
        if self.eta:
            check_ranking(self.ranking)
        if self.retrain:
            check_longer(self.retrain_budget, self.budget)

    @property
    def predicted(self) -> tuple[Quantity, ...]:
        """The devices' quantities among target and limits."""
        every = (self.objective.of_quantity, *(limit.of_quantity for limit in self.limits))
        return tuple(
            {quantity.key: quantity for quantity in every if quantity.of_cost is None}.values()
        )

    @property
    def unit(self) -> str | None:
        """What the evaluator's numbers are called, where they are no top-1."""
        if self.proxy is not None:
            return None
        if not isinstance(self.evaluator, str):
            return unit_of(self.evaluator)
        name = self.evaluator.partition(":")[0]
        return SCORES[name].title if name in SCORES else None

    @property
    def again(self) -> bool:
        """Whether some networks are evaluated more than once: halving, retraining."""
        return bool(self.eta or self.retrain)

    @property
    def evaluations(self) -> int:
        """How many evaluations to expect, promotions and retraining included."""
        sizes: list[int] = [
            self.trials // max(1, self.eta) ** rung for rung in range(len(self.budgets))
        ]
        return sum(max(1, size) for size in sizes) + self.retrain

    def experiment(self, space: Space, training: dict[str, Any] | None = None) -> dict[str, Any]:
        """What makes two runs the same experiment, as plain JSON values.

        Args:
            space: What is searched.
            training: The proxy's identity.
        """
        devices = {quantity.key: quantity.source for quantity in self.predicted}
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
            **({"prior": self.prior} if self.prior not in (AUTO, NONE) else {}),
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
        parts += self.trained
        parts += [self.prior] if self.prior not in (AUTO, NONE) else []
        if self.proxy is None and named(self.evaluator) != "imagenet":
            parts += [named(self.evaluator)]
        parts += [f"caution{o.caution:g}"] if o.caution != CAUTION else []
        parts += [f"seed{self.seed}"] if self.seed else []
        return run_name(parts)

    def proposer(
        self,
        space: Space,
        how: Strategy,
        known: Sequence[Trial] = (),
        anchor: Values | None = None,
        evaluator: Evaluator | None = None,
    ) -> Proposer:
        """What asks for networks, continued from the trials known.

        Args:
            space: What is searched.
            how: Proposes, where the evaluator is no model.
            known: The trials so far.
            anchor: Some network within the limits, where one is known.
            evaluator: Measures them; a model takes many networks at once.

        Raises:
            UserError: No network meets the limits.
        """
        whole = how.generations and self.executor == "local" and not self.again
        if whole and evaluator is not None and predictor_of(evaluator) is not None:
            return Generations(
                space, self.objective, self.limits, self.seed, known, self.trials, self.budget,
                anchor, self.patience, found_by(evaluator, space),
            )  # fmt: skip
        from nas.search.ask import Search  # imports Optuna

        budgets = self.budgets
        first = [trial for trial in known if trial.budget == budgets[0]]
        base = Search(
            space, self.objective, how, self.limits, self.seed, first, self.trials, budgets[0],
            anchor,
        )  # fmt: skip
        search: Proposer = base
        if self.eta:
            searched = [trial for trial in known if trial.budget in budgets]
            search = Halving(base, budgets, self.eta, self.ranking, searched)
        if self.retrain:
            search = Retrain(
                search, self.retrain, self.retrain_budget, self.budget, self.seed, known
            )
        return search


def say_enough(plan: Plan, run: Run) -> None:
    """Says so where no network is added, since more are held than are asked for."""
    held = sum(trial.budget == plan.budgets[0] for trial in run.trials)
    if held > plan.trials:
        tell(
            f"note: the run {run.folder.name} holds {held:,} networks already, more than the "
            f"{plan.trials:,} asked for: no other one is evaluated"
        )


def check_ending(plan: Plan, run: Run, measured: bool) -> None:
    """Says that missing trials are made again; refuses gaps where they follow one another.

    Args:
        plan: The search.
        run: Of which trials are missing.
        measured: Each took time.

    Raises:
        UserError: Trials are missing in the store's midst, and are made one after the other.
    """
    numbers = [trial.number for trial in run.trials]
    first = min(set(range(len(numbers) + 1)) - set(numbers))
    if plan.executor == "local" and first < len(numbers):
        why = f"trial {first} is missing in {run.store.place}, and later ones are there"
        how = "put the store back from a copy, or begin anew with another --name"
        if plan.storage is None:
            line = run.line_of(next(at for at, n in enumerate(numbers) if n > first))
            how = (
                f"put the file back from a copy, or take line {line:,} and those after it out "
                "too: the same command then makes all that is missing again"
            )
        raise UserError(f"{why}, where each follows from those before it: {how}")
    enough = plan.evaluations >= len(numbers) + run.missing
    say_missing(run, measured, "" if enough else f", as far as --trials {plan.trials} goes")


def default_space(
    quantities: Iterable[Quantity], trains: bool = False, judge: str | Evaluator = ""
) -> str | Space:
    """The space to search where none is named.

    Args:
        quantities: Of target and limits.
        trains: Networks are trained on images, which is dear: a small space of small images.
        judge: The evaluator; one that holds weights has a space.

    Returns:
        It, or its name. Devices and the surrogate know the blocks of EfficientNet-B0's skeleton
        and no others, so with one of them it is the space of that skeleton.
    """
    holder = holder_of(judge)
    if holder is not None:
        return holder.space
    if trains:
        return "efficientnet-small"
    skeleton = any(quantity.of_cost is None for quantity in quantities) or (
        isinstance(judge, str) and judge.partition(":")[0] == SKELETON
    )
    return "efficientnet" if skeleton else "mbconv"


def _place(quantity: Quantity) -> str:
    """A quantity in a run's name: `memory`, `latency.zcu102.` with its dot."""
    return quantity.key.replace(":", ".") + ("." if ":" in quantity.key else "")


def named(part: Any) -> str:
    """A strategy's or evaluator's name: what was typed, or the name it has in Python."""
    if isinstance(part, str):
        return part
    return str(getattr(part, "__qualname__", None) or type(part).__qualname__)
