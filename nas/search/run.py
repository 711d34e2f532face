"""A whole run of a search: its folder, its trials, and what is written at its end."""

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nas.evaluators import Evaluator, evaluator
from nas.objective import Limit, Objective
from nas.search.conclude import Result, conclude, timed
from nas.search.drive import PENDING, Pending, drive
from nas.search.feasibility import Feasibility, feasibility
from nas.search.plan import Plan, check_plan
from nas.strategies.registry import Strategy, strategy
from nas.workers.executor import executor, gpus_of_a_trial
from results.runs.folder import (
    RECORD,
    STORE,
    check_store,
    check_whole,
    masked,
    now,
    open_run,
    run_path,
    write_json,
)
from results.runs.store import Store
from search_spaces.errors import OutOfDomain, UserError
from search_spaces.space import Space, check
from search_spaces.spaces import space

Show = Callable[[Any, int], None]


@dataclass(frozen=True)
class Parts:
    """What a plan's names stand for. training: the proxy's identity."""

    space: Space
    strategy: Strategy
    evaluator: Evaluator
    folder: Path
    training: dict[str, Any] | None = None


def prepare(
    plan: Plan,
    decoded: Callable[[int, int], None] | None = None,
    feasible: Callable[[Feasibility], None] | None = None,
) -> Parts:
    """Looks everything up and refuses what can't work, before anything is written.

    decoded: called with (images decoded, of how many).   feasible: called with what the space
    offers within the limits.
    Raises UserError, RunFailure.
    """
    check_plan(plan)
    where = space(plan.space) if isinstance(plan.space, str) else check(plan.space)
    how = strategy(plan.strategy) if isinstance(plan.strategy, str) else plan.strategy
    folder = run_path(plan.run_name(where), plan.runs)
    training = None
    if plan.proxy is None:
        measure = evaluator(plan.evaluator) if isinstance(plan.evaluator, str) else plan.evaluator
    else:
        from nas.training.images import for_data
        from nas.training.proxy import CHECKPOINTS

        images = plan.proxy.images(show=decoded)
        where = for_data(where, len(images.classes), plan.proxy.pixels)
        training = plan.proxy.identity(images)
        measure = plan.proxy.evaluator(images, folder / CHECKPOINTS, keep=bool(plan.eta))
    limits = (Limit(plan.objective.quantity, plan.objective.target), *plan.limits)
    for limit in limits:
        if limit.of_quantity.predict is not None:
            check_domain(limit.of_quantity.measure, where, f"{limit.of_quantity.title}")
    plan.proposer(where, how)  # refuses impossible limits
    if feasible is not None:
        feasible(feasibility(where, plan.objective, plan.limits))
    if (refuses := getattr(measure, "check", None)) is not None:
        check_domain(refuses, where, "the evaluator")
    return Parts(where, how, measure, folder, training)


def run(
    plan: Plan,
    show: Show = lambda trial, n: None,
    decoded: Callable[[int, int], None] | None = None,
    feasible: Callable[[Feasibility], None] | None = None,
) -> Result:
    """Runs or continues the search of a plan. Ctrl-C ends it early with what was found.

    show: called with each finished trial and how many there are.   decoded, feasible: as in
    `prepare`.
    Raises UserError (the arguments, the folder), RunFailure (the disk, an evaluator that never
    works).
    """
    seconds: dict[str, float] = {}
    with timed(seconds, "setup"):
        parts = prepare(plan, decoded, feasible)
    experiment = plan.experiment(parts.space, parts.training)
    with open_run(parts.folder, experiment) as record:
        with timed(seconds, "load"):
            place = masked(plan.storage) if plan.storage else None
            check_store(parts.folder, record, place)
            name = f"compound-nas/{parts.folder.name}"
            location = plan.storage or parts.folder / STORE
            store = Store(location, experiment, parts.space.choices, name)
            if "storage" not in record:
                record["storage"] = place
                write_json(parts.folder / RECORD, record)
            trials = store.trials()
            check_whole(parts.folder, record, len(trials))
            found = plan.proposer(parts.space, parts.strategy, trials)
        before = len(trials)
        result = Result(plan, parts.folder, trials, parts.evaluator, seconds=seconds)
        with timed(seconds, "search"), working(plan, parts) as hands:
            pending = Pending(parts.folder / PENDING) if hands.width > 1 else None
            try:
                drive(found, hands, store, trials, lambda t: show(t, len(trials)), pending)
            except KeyboardInterrupt:
                result.interrupted = True
                trials[:] = store.trials()
        result.new = len(trials) - before
        result.stopped = found.stopped
        conclude(result)
        session = {
            "command": plan.command,
            "ended": now(),
            "trials": len(trials),
            "new": result.new,
            "interrupted": result.interrupted,
            "stopped": result.stopped,
            "refused": dict(found.refusals),
            "executor": plan.executor,
            "workers": hands.width,
            "gpus_per_trial": gpus_of_a_trial(parts.evaluator, plan.resources, hands.width),
            "seconds": seconds,
        }
        record["sessions"].append(session)
        write_json(parts.folder / RECORD, record)
    return result


@contextlib.contextmanager
def working(plan: Plan, parts: Parts) -> Iterator[Any]:
    """The plan's executor, ended at the end."""
    hands = executor(plan.executor, parts.evaluator, plan.resources)
    try:
        yield hands
    finally:
        hands.close()


def find(
    target_flops: float | None = None,
    objective: str = "hard",
    caution: float = 1.0,
    target: Limit | None = None,
    **plan: Any,
) -> Result:
    """`nas search` from Python: the arguments of `Plan`, but parts may be objects.

    target_flops: T in multiply-adds, or target: T on any quantity, as
    `Limit(device("zcu102").quantity("latency"), 5e-3)`.   space: a name or a `Space`.
    strategy: a name or a `Strategy`.   evaluator: a name or a callable of (architecture, budget,
    seed).   Raises UserError, RunFailure.

    >>> result = find(400e6, evaluator=lambda a, budget, seed: 50 + a.blocks, trials=100)
    """
    if (target_flops is None) == (target is None):
        raise UserError("expected one of target_flops, as 400e6, and target, a Limit")
    first = target or Limit("flops", target_flops)  # type: ignore[arg-type]
    if "runs" in plan:
        plan["runs"] = Path(plan["runs"])
    return run(Plan(Objective(objective, first.at_most, first.quantity, caution), **plan))


def check_domain(covers: Callable[[Any], Any], where: Space, name: str) -> None:
    """Raises UserError where `covers` refuses networks of the space with OutOfDomain."""
    import random

    rng = random.Random(0)
    for _ in range(20):
        try:
            covers(where.build(where.sample(rng)))
        except OutOfDomain as error:
            raise UserError(f"the space {where.name!r} and {name} don't fit: {error}") from None
