"""A whole run of a search: its folder, its trials, and what is written at its end."""

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from nas.evaluators import Evaluator, against, checked, evaluator, predictor_of, unit_of
from nas.holding import holder_of
from nas.learning import Unlearned
from nas.logs.log import About, Log
from nas.logs.registry import Logged, Logs, logging, numbers_of
from nas.objective import CAUTION, Limit, Objective, feasible_values, limits_of
from nas.prior.asked import NONE, chosen, said
from nas.prior.known import PRIORS
from nas.search.beside.scaled import reference_of
from nas.search.conclude import Result, conclude
from nas.search.drive import Show, carry_out
from nas.search.feasibility import Feasibility, check_domain, feasibility, reached
from nas.search.plan import Plan, check_ending, default_space, named, say_enough
from nas.strategies.registry import Strategy, strategy
from nas.training.proxy import Proxy
from nas.watch import begin, recall
from nas.workers.predicting import changed
from nas.workers.recount import recounting
from results.runs.folder import check_run, run_path
from results.runs.journal import Loading
from results.runs.load import load_space
from results.runs.records import Trial
from results.runs.session import session, timed
from search_spaces.errors import UserError, check_is, check_positive
from search_spaces.space import Space, Values, check

Decoded = Callable[..., None]  # called with (images decoded, of how many), then with notes


@dataclass(frozen=True)
class Parts:
    """What a plan's names stand for.

    Attributes:
        space: What is searched.
        strategy: Proposes; it has the prior.
        evaluator: What is asked of each network.
        folder: Of the run.
        experiment: What the run's folder holds.
        anchor: Some network within the limits.
        classes: Names of the images' classes, where networks are trained on some.
    """

    space: Space
    strategy: Strategy
    evaluator: Evaluator
    folder: Path
    experiment: Mapping[str, Any]
    anchor: Values
    classes: tuple[str, ...] = ()


def prepare(
    plan: Plan,
    decoded: Decoded | None = None,
    feasible: Callable[[Feasibility], None] | None = None,
    also: Mapping[str, Any] = MappingProxyType({}),
    keep: bool = False,
) -> Parts:
    """Looks everything up and refuses what can't work, before anything is written.

    Args:
        plan: The search.
        decoded: Called with how many images are decoded, and of how many.
        feasible: Called with what the space offers within the limits.
        also: Entries of the experiment that are not the plan's.
        keep: Training states are kept for longer trainings, as they are with halving.

    Raises:
        UserError: The arguments or the folder.
        RunFailure: The disk.
    """
    where = _named(plan)
    how = strategy(plan.strategy) if isinstance(plan.strategy, str) else plan.strategy
    folder = run_path(plan.run_name(where), plan.runs)
    plan = replace(
        plan,
        prior=chosen(plan.prior, how.priors, named(plan.strategy), lambda: _dear(plan), folder),
    )
    known = {**plan.experiment(where), **also}
    if plan.proxy is not None:  # its images may still fix a choice
        del known["choices"]
    check_run(folder, known)
    if plan.proxy is not None:
        _reaching(plan, _foreseen(plan.proxy.as_in(folder), where))
    where, measure, training = _measured(plan, where, folder, decoded, keep)
    anchor = _reaching(plan, where)
    experiment = {**plan.experiment(where, training), **also}
    check_run(folder, experiment)
    if feasible is not None:
        feasible(feasibility(where, plan.objective, plan.limits))
    check_domain(lambda network: checked(measure, network), where, "the evaluator")
    if plan.prior != NONE:
        prior = PRIORS[plan.prior]()
        check_domain(prior.check, where, f"the prior {plan.prior} (--prior)")
        how = replace(how, prior=prior)
    classes = () if plan.proxy is None else getattr(measure, "classes", ())
    return Parts(where, how, measure, folder, experiment, anchor, classes)


def _named(plan: Plan) -> Space:
    """The space that is asked for, of networks whose weights the evaluator holds, if it does."""
    given = plan.space
    where = load_space(given, plan.runs) if isinstance(given, str) else check(given)
    holder = holder_of(plan.evaluator) if plan.proxy is None else None
    return where if holder is None else holder.fitted(where)


def _dear(plan: Plan) -> bool:
    """Whether networks are measured one by one, and not predicted or scored."""
    if plan.proxy is not None:
        return True
    given = plan.evaluator
    measure = evaluator(given) if isinstance(given, str) else given
    return predictor_of(measure) is None and unit_of(measure) is None


def _learned(plan: Plan, parts: Parts, trials: Sequence[Trial]) -> dict[str, Any] | None:
    """What the trials of the shortest budget say of the prior; None without one."""
    if parts.strategy.prior is None:
        return None
    from nas.strategies.predictor import learned
    from nas.strategies.problem import SpaceProblem

    prior, limits = parts.strategy.prior, limits_of(plan.objective, plan.limits)
    problem = SpaceProblem(parts.space, plan.objective, limits, parts.anchor)
    told = [trial for trial in trials if trial.budget == plan.budgets[0]]
    return said(prior, parts.experiment["prior"], learned(problem, prior, told))


def _foreseen(proxy: Proxy, where: Space) -> Space:
    """The space as it will be measured, before images are decoded.

    Raises:
        UserError: The images can't be listed, or trainings can't be as they are asked for.
    """
    from nas.training.images import for_data

    proxy.evaluator((), None, keep=False)
    return for_data(where, *proxy.foreseen(), proxy.channels)


def _reaching(plan: Plan, where: Space) -> Values:
    """Some network of the space within the limits.

    Raises:
        UserError: There is none, or a device doesn't cover the space.
    """
    for quantity in plan.predicted:
        check_domain(quantity.measure, where, quantity.title)
    limits = limits_of(plan.objective, plan.limits)
    if plan.proxy is None and plan.evaluator != "imagenet":  # another space may be beyond it
        return feasible_values(where, limits)
    return reached(where, limits, plan.proxy is not None)


def _measured(
    plan: Plan, where: Space, folder: Path, decoded: Decoded | None, keep: bool
) -> tuple[Space, Evaluator, dict[str, Any] | None]:
    """The space as it is measured, what measures it, and the proxy's identity, if one trains."""
    if plan.proxy is None:
        named = plan.evaluator
        measure = evaluator(named) if isinstance(named, str) else named
        _check_scale(plan, unit_of(measure))
        apart = reference_of(where, plan.objective, plan.limits, measure)
        return where, against(measure, *apart), None
    from nas.training.images import for_data
    from nas.training.proxy import CHECKPOINTS

    proxy = plan.proxy.as_in(folder)
    images = proxy.images(show=decoded)
    where = for_data(where, len(images.classes), images.resolution, images.channels)
    measure = proxy.evaluator(images, folder / CHECKPOINTS, keep or bool(plan.eta))
    return where, measure, proxy.identity(images)


def _check_scale(plan: Plan, unit: str | None) -> None:
    """Refuses to weigh a score against a cost. Raises UserError."""
    if unit is not None and plan.objective.name != "hard":
        raise UserError(
            f"the objective is {plan.objective.name}, and {unit} only ranks: a reward that weighs "
            "it against a cost means nothing; take hard"
        )


def run(
    plan: Plan,
    show: Show = lambda trial, n: None,
    decoded: Decoded | None = None,
    feasible: Callable[[Feasibility], None] | None = None,
    loading: Loading = lambda done, of: None,
    logs: Sequence[Log | str] = (),
) -> Result:
    """Runs or continues the search of a plan. Ctrl-C ends it early with what was found.

    Args:
        plan: The search.
        show: Called with each finished trial and how many there are.
        decoded: As in `prepare`.
        feasible: As in `prepare`.
        loading: Called now and then while stored trials are read.
        logs: Are told of the run besides; texts are names, as of `--log`.

    Raises:
        UserError: The arguments or the folder.
        RunFailure: The disk, or an evaluator that never works.
    """
    told, setup = Logs(logs), dict[str, float]()
    with timed(setup, "setup"):
        parts = prepare(plan, decoded, feasible)
    where = parts.space
    predicts = bool(predictor_of(parts.evaluator))
    measured = not predicts and unit_of(parts.evaluator) is None
    with (
        recounting(beside=predicts) as recount,
        session(
            parts.folder, parts.experiment, plan.command, plan.storage, where.choices,
            where.build, loading, lambda run: check_ending(plan, run, measured),
        ) as opened,
        logging(told, About(parts.folder.name, parts.folder, parts.experiment)) as last,
    ):  # fmt: skip
        seconds = opened.seconds = setup | opened.seconds
        if parts.classes:
            opened.record["classes"] = list(parts.classes)
        say_enough(plan, opened)
        anew = changed(parts.evaluator, opened.trials, parts.folder.name) or opened.missing > 0
        if opened.trials:
            begin(show, "going through what was found")
        asked = where, parts.strategy, opened.trials, parts.anchor, parts.evaluator
        proposer = plan.proposer(*asked)
        with timed(seconds, "search"):
            recall(show, opened.trials)
            shown: Show = Logged(show, told)
            if plan.proxy is not None:
                shown = Unlearned(shown, parts.evaluator, opened.trials)
            carry_out(opened, proposer, plan, parts.evaluator, shown)
        result = Result(
            plan, parts.folder, opened.trials, parts.evaluator, seconds=seconds,
            choices=where.choices, interrupted=opened.interrupted, new=opened.new,
            stopped=proposer.stopped, prior=_learned(plan, parts, opened.trials),
        )  # fmt: skip
        conclude(result, recount, functools.partial(begin, show), anew)
        holder = holder_of(parts.evaluator)
        if result.pick is not None:
            last |= numbers_of(result.pick)
            if holder is not None:
                result.tuned_by = holder.keep(result.pick.architecture, parts.folder)
        opened.facts |= {
            "stopped": proposer.stopped, "refused": dict(proposer.refusals),
            "picked": result.pick is not None,
        }  # fmt: skip
    return result


def find(
    target_flops: float | None = None,
    objective: str = "hard",
    caution: float = CAUTION,
    target: Limit | None = None,
    logs: Sequence[Log | str] = (),
    **plan: Any,
) -> Result:
    """`nas search` from Python: the arguments of `Plan`, but parts may be objects.

    >>> result = find(400e6, evaluator=lambda a, budget, seed: 50 + a.blocks, trials=100)

    Args:
        target_flops: T in multiply-adds; or give `target`.
        objective: `hard` or `soft`.
        caution: Standard deviations that are taken off a predicted accuracy.
        target: T on any quantity, as `Limit(device("zcu102").quantity("latency"), 5e-3)`.
        logs: Names as of `--log`, or objects of three methods (`nas.logs.log.Log`): are
            told of the run besides.
        plan: Arguments of `Plan`: the space a name or a `Space`, the strategy a name or a
            `Strategy`, the evaluator a name or a callable of (architecture, budget, seed).

    Raises:
        UserError: The arguments or the folder.
        RunFailure: The disk, or an evaluator that never works.
    """
    if (target_flops is None) == (target is None):
        raise UserError("expected one of target_flops, as 400e6, and target, a Limit")
    if target is None:
        check_positive("target_flops", target_flops)
    check_is("target", target, (Limit, type(None)), 'a Limit, as nas.Limit("params", 5e6)')
    first = target or Limit("flops", target_flops)  # type: ignore[arg-type]
    limited = (first, *plan.get("limits", ()))
    quantities = [limit.of_quantity for limit in limited]
    plan.setdefault("space", default_space(quantities, judge=plan.get("evaluator", "")))
    asked = Plan(Objective(objective, first.at_most, first.quantity, caution), **plan)
    return run(asked, logs=logs)
