"""A whole run of a search: its folder, its trials, and what is written at its end."""

import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nas.drive import drive
from nas.evaluators import Evaluator, evaluator
from nas.executors import LocalExecutor
from nas.objective import Limit, Objective
from nas.search import Search
from nas.strategies import Strategy, strategy
from results.load import BEST
from results.records import Trial
from results.run_folder import RECORD, STORE, now, open_run, run_path, write_json
from results.store import Store
from search_spaces.architecture import Architecture, to_dict
from search_spaces.errors import OutOfDomain, UserError
from search_spaces.networks import EFFICIENTNET_B0
from search_spaces.quantities import QUANTITIES
from search_spaces.space import Space, check
from search_spaces.spaces import space


@dataclass(frozen=True)
class Plan:
    """What a search is asked to do; all but trials, name, runs, storage and command make up the
    experiment that a run's folder holds."""

    objective: Objective
    limits: tuple[Limit, ...] = ()
    space: str | Space = "efficientnet"
    strategy: str | Strategy = "evolution"
    evaluator: str | Evaluator = "surrogate"
    trials: int = 3000
    seed: int = 0
    name: str | None = None
    runs: Path = Path("runs")
    storage: str | None = None
    command: str = ""

    def experiment(self, space: Space) -> dict[str, Any]:
        """What makes two runs the same experiment, as plain JSON values."""
        return {
            "kind": "search",
            "objective": self.objective.name,
            "quantity": self.objective.quantity,
            "target": self.objective.target,
            "caution": self.objective.caution,
            "limits": {limit.quantity: limit.at_most for limit in self.limits},
            "space": space.name,
            "choices": {name: list(options) for name, options in space.choices.items()},
            "strategy": named(self.strategy),
            "evaluator": named(self.evaluator),
            "seed": self.seed,
        }

    def run_name(self, space: Space) -> str:
        """The name given, or one from what differs from the defaults."""
        if self.name is not None:
            return self.name
        o, default = self.objective, Plan(self.objective)
        parts = [space.name, QUANTITIES[o.quantity].format(o.target, 12).replace(" ", "")]
        parts += [o.name] if o.name != "hard" else []
        parts += [
            f"{limit.quantity}{QUANTITIES[limit.quantity].format(limit.at_most, 12)}"
            for limit in self.limits
        ]
        parts += [
            named(getattr(self, key))
            for key in ("strategy", "evaluator")
            if getattr(self, key) != getattr(default, key)
        ]
        parts += [f"caution{o.caution:g}"] if o.caution != 1 else []
        parts += [f"seed{self.seed}"] if self.seed else []
        return "-".join("".join(c if c.isalnum() or c in "._" else "" for c in p) for p in parts)


def named(part: Any) -> str:
    """A strategy's or evaluator's name: what was typed, or the name it has in Python."""
    if isinstance(part, str):
        return part
    return str(getattr(part, "__qualname__", None) or type(part).__qualname__)


@dataclass
class Result:
    """What came of a run. seconds: what the time went to."""

    plan: Plan
    folder: Path
    trials: list[Trial]
    evaluator: Evaluator
    pick: Trial | None = None
    other: Trial | None = None
    front: list[Trial] = field(default_factory=list)
    fvcore_macs: int | None = None
    best: dict[str, Any] | None = None
    stopped: str = ""
    interrupted: bool = False
    new: int = 0
    seconds: dict[str, float] = field(default_factory=dict)


@contextlib.contextmanager
def _timed(seconds: dict[str, float], part: str) -> Iterator[None]:
    start = time.perf_counter()
    try:
        yield
    finally:
        seconds[part] = round(time.perf_counter() - start, 3)


def run(plan: Plan, show: Callable[[Trial, int], None] = lambda trial, n: None) -> Result:
    """Runs or continues the search of a plan. Ctrl-C ends it early with what was found.

    Raises UserError (the arguments, the folder), RunFailure (the disk, an evaluator that never
    works).
    """
    seconds: dict[str, float] = {}
    with _timed(seconds, "setup"):
        where = space(plan.space) if isinstance(plan.space, str) else check(plan.space)
        how = strategy(plan.strategy) if isinstance(plan.strategy, str) else plan.strategy
        measure = evaluator(plan.evaluator) if isinstance(plan.evaluator, str) else plan.evaluator
        Search(where, plan.objective, how, plan.limits, plan.seed)  # refuse impossible limits
        check_domain(measure, where)
        folder = run_path(plan.run_name(where), plan.runs)
    experiment = plan.experiment(where)
    with open_run(folder, experiment) as record:
        with _timed(seconds, "load"):
            name = f"compound-nas/{folder.name}"
            store = Store(plan.storage or folder / STORE, experiment, where.choices, name)
            trials = store.trials()
            found = Search(where, plan.objective, how, plan.limits, plan.seed, trials, plan.trials)
        before = len(trials)
        result = Result(plan, folder, trials, measure, seconds=seconds)
        with _timed(seconds, "search"):
            try:
                drive(
                    found, LocalExecutor(measure), store, trials,
                    lambda trial: show(trial, len(trials)),
                )  # fmt: skip
            except KeyboardInterrupt:
                result.interrupted = True
                trials[:] = store.trials()
        result.new = len(trials) - before
        result.stopped = found.stopped
        conclude(result)
        record["sessions"].append(
            {
                "command": plan.command,
                "ended": now(),
                "trials": len(trials),
                "new": result.new,
                "interrupted": result.interrupted,
                "stopped": result.stopped,
                "refused": dict(found.refusals),
                "seconds": seconds,
            }
        )
        write_json(folder / RECORD, record)
    return result


def find(target_flops: float, objective: str = "hard", caution: float = 1.0, **plan: Any) -> Result:
    """`nas search` from Python: the arguments of `Plan`, but parts may be objects.

    target_flops: T in multiply-adds.   space: a name or a `Space`.   strategy: a name or a
    `Strategy`.   evaluator: a name or a callable of (architecture, budget, seed).
    Raises UserError, RunFailure.

    >>> result = find(400e6, evaluator=lambda a, budget, seed: 50 + a.blocks, trials=100)
    """
    return run(Plan(Objective(objective, target_flops, "flops", caution), **plan))


def check_domain(measure: Evaluator, where: Space) -> None:
    """Raises OutOfDomain where the evaluator refuses networks of the space."""
    check = getattr(measure, "check", None)
    if check is None:
        return
    import random

    rng = random.Random(0)
    for _ in range(20):
        try:
            check(where.build(where.sample(rng)))
        except OutOfDomain as error:
            raise UserError(
                f"the space {where.name!r} and the evaluator don't fit: {error}"
            ) from None


def conclude(result: Result) -> None:
    """Picks, verifies the pick with fvcore, and writes trials, front and best.json."""
    from results.frames import front_frame, trials_frame, write_frame

    objective, seconds = result.plan.objective, result.seconds
    result.pick = objective.pick(result.trials)
    other = objective.named("soft" if objective.name == "hard" else "hard")
    result.other = other.pick(result.trials)
    with _timed(seconds, "tables"):
        frame = trials_frame(result.trials)
        best = front_frame(frame, objective.caution)
        numbers = set(best["number"])
        chosen = [t for t in result.trials if t.number in numbers]
        result.front = sorted(chosen, key=lambda t: t.cost.macs)
        write_frame(frame, result.folder / "trials")
        write_frame(best, result.folder / "front")
    if result.pick is None:
        return
    with _timed(seconds, "verify"):
        result.fvcore_macs = recount(result.pick.architecture)
    result.best = summary(result)
    write_json(result.folder / BEST, result.best)


def recount(architecture: Architecture) -> int:
    """fvcore's count of the built network. Raises AssertionError where it is not ours."""
    from search_spaces.cost import cost
    from search_spaces.verify import fvcore_macs

    counted = fvcore_macs(architecture)
    if counted != cost(architecture).macs:
        raise AssertionError(
            f"fvcore counts {counted} MACs in the pick, the cost model {cost(architecture).macs}"
        )
    return counted


def row(trial: Trial, objective: Objective) -> dict[str, Any]:
    """A trial's figures as plain JSON values."""
    cost = trial.cost
    return {
        "number": trial.number,
        "id": trial.architecture.id,
        "accuracy": trial.accuracy,
        "spread": trial.spread,
        "reward": objective.of(trial),
        "macs": cost.macs,
        "params": cost.params,
        "activations": cost.activations,
        "memory": cost.memory,
        "activation_memory": cost.activation_memory,
        "architecture": to_dict(trial.architecture),
    }


def summary(result: Result) -> dict[str, Any]:
    """What best.json holds: the pick, the other objective's pick, B0, and how it was made."""
    plan, objective = result.plan, result.plan.objective
    other = objective.named("soft" if objective.name == "hard" else "hard")
    assert result.pick is not None
    return {
        **row(result.pick, objective),
        "values": dict(result.pick.values),
        "fvcore_macs": result.fvcore_macs,
        "objective": objective.name,
        "quantity": objective.quantity,
        "target": objective.target,
        "caution": objective.caution,
        "other": None if result.other is None
        else {"objective": other.name, **row(result.other, other)},
        "baseline": baseline(result.evaluator),
        "evaluator": named(plan.evaluator),
        "space": plan.space if isinstance(plan.space, str) else plan.space.name,
        "strategy": named(plan.strategy),
        "seed": plan.seed,
        "trials": len(result.trials),
        "run": str(result.folder),
        "command": plan.command,
    }  # fmt: skip


def baseline(measure: Evaluator) -> dict[str, Any]:
    """EfficientNet-B0's figures, with a prediction where the evaluator is one and covers it."""
    from search_spaces.cost import cost

    b0 = cost(EFFICIENTNET_B0)
    figures: dict[str, Any] = {
        "name": EFFICIENTNET_B0.name, "macs": b0.macs, "params": b0.params,
        "activations": b0.activations, "memory": b0.memory,
        "activation_memory": b0.activation_memory, "accuracy": None, "spread": None,
    }  # fmt: skip
    if hasattr(measure, "surrogate"):
        with contextlib.suppress(OutOfDomain):
            accuracy, spread = measure.surrogate.predict_one(EFFICIENTNET_B0)
            figures.update(accuracy=float(accuracy), spread=float(spread))
    return figures
