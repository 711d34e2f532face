"""`nas search`: the options, and what they make of a run."""

import sys
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated, Any

import click

from nas.commands.help.config import CONFIG, write_config
from nas.commands.help.table import names_in
from nas.commands.images.parents import Parents, starting
from nas.commands.options import (
    LOG,
    SEED,
    Group,
    Lengths,
    SizedImages,
    Tried,
    Workers,
    check_training,
    execution,
    options,
)
from nas.commands.targets import Targets
from nas.objective import CAUTION, no_pick
from nas.scores.registry import SCORES
from results.interrupts import NOTHING, now_kept
from results.terminal import tell
from search_spaces.errors import UserError

if TYPE_CHECKING:
    from nas.search.execution import Execution
    from nas.search.feasibility import Feasibility
    from nas.search.plan import Plan
    from search_spaces.space import Space

# (without --data, with it): training is dear.
STRATEGY = ("evolution", "predictor")
TRAINED = 30  # networks; of those that a model predicts it is Plan.trials
SCORED = 300  # by a training-free score, which takes about a second a network
PATIENCE = 2000  # networks that bring nothing better, after which a search of no given length stops


@dataclass(frozen=True, kw_only=True)
class Asked(Group):
    """What is searched, how, and by what it is judged; None takes the default."""

    title = "What is searched, and how"
    objective: Annotated[str, click.option(
        "--objective", default="hard", show_default=True, metavar="hard|soft",
        help="hard: the most accurate network within T. soft: a network may exceed T or stay below "
        "it, where the reward accuracy * (cost / T) ** -0.07 is higher there.",
    )]  # fmt: skip
    space: Annotated[str | None, click.option(
        "--space", metavar="SPACE", shell_complete=names_in("search_spaces.spaces", "SPACES"),
        help="Which networks there are to choose from: a name of `nas spaces`, a FILE.toml, or "
        "module:name of your own. Default: mbconv; with --device or the surrogate efficientnet; "
        "with --data efficientnet-small; with a supernet its own.",
    )]  # fmt: skip
    strategy: Annotated[str | None, click.option(
        "--strategy", metavar="STRATEGY",
        shell_complete=names_in("nas.strategies.registry", "STRATEGIES"),
        help="Who proposes networks: evolution, nsga2, tpe, random, reinforce, predictor, "
        "predictor-front, or module:name of any Optuna sampler. Default: evolution; with --data "
        "predictor.",
    )]  # fmt: skip
    prior: Annotated[str, click.option(
        "--prior", default="auto", show_default=True, metavar="auto|imagenet|scores|none",
        help="With --data and the predictor: what it knows of networks before any is trained. How "
        "much that says is learned from the trainings. auto is none, so far.",
    )]  # fmt: skip
    evaluator: Annotated[str | None, click.option(
        "--evaluator", metavar="EVALUATOR",
        shell_complete=names_in("nas.evaluators", "EVALUATORS"),
        help="Who says how good a network is: imagenet predicts ImageNet's top-1 of any network, "
        "surrogate that of networks built like EfficientNet-B0 (either also as NAME:FILE.npz); "
        "naswot, synflow, zico, zen and gradnorm score the untrained network, on noise or, as "
        "naswot:DIR, on images; supernet:RUN measures it with its part of the weights of `nas "
        "supernet`; module:name is your own. Default: imagenet; with --data networks are trained.",
    )]  # fmt: skip
    trials: Annotated[int | None, click.option(
        "--trials", type=click.IntRange(1), metavar="N", help="How many different networks to "
        "evaluate, counting those of earlier sessions. Default: 50000, or fewer when nothing "
        "better is found any more; with --data 30, with a score or a supernet 300.",
    )]  # fmt: skip
    seed: Annotated[int, SEED]
    caution: Annotated[float, click.option(
        "--caution", default=CAUTION, show_default=True, type=click.FloatRange(0), metavar="K",
        help="Compare networks by their accuracy less K of its standard deviations, so that none "
        "wins by a lucky guess.",
    )]  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Longer(Group):
    """What is trained longer: by promotion, or again."""

    title = Lengths.title
    ranking: Annotated[str, click.option(
        "--ranking", default="reward", show_default=True, metavar="reward|front",
        help="With --halving: who goes on, those of the best reward, or those that no other beats "
        "in both accuracy and cost.",
    )]  # fmt: skip
    retrain: Annotated[int, click.option(
        "--retrain", type=click.IntRange(0), default=0, show_default=True, metavar="K",
        help="Train the best K networks again, from scratch and for longer, before one is picked.",
    )]  # fmt: skip
    retrain_budget: Annotated[float | None, click.option(
        "--retrain-epochs", "retrain_budget", type=float, metavar="N",
        help="With --retrain: epochs of these trainings. Default: four times --epochs.",
    )]  # fmt: skip

    def budget(self, lengths: Lengths) -> float:
        """Of each retraining.

        Raises:
            UserError: It is given and nothing is retrained, or is not longer.
        """
        if self.retrain_budget is None:
            return 4 * lengths.epochs
        if not self.retrain:
            raise UserError(
                f"--retrain-epochs is {self.retrain_budget:g}, and nothing is trained again: give "
                "--retrain K besides, or leave it out"
            )
        from nas.training.recipes import LONGEST

        if not lengths.epochs < self.retrain_budget <= LONGEST:
            raise UserError(
                f"--retrain-epochs is {self.retrain_budget:g}: expected more than the "
                f"{lengths.epochs:g} of --epochs, to {LONGEST:g}"
            )
        return self.retrain_budget


@dataclass(frozen=True, kw_only=True)
class Searched(Tried):
    """A search's run."""

    title = Tried.title
    logs: Annotated[list[str], LOG]


@click.command()
@options(targets=Targets, asked=Asked, images=SizedImages, lengths=Lengths,
         longer=Longer, parents=Parents, workers=Workers, kept=Searched)  # fmt: skip
@CONFIG
def search(kept: Searched, **groups: Any) -> None:
    """Search for the most accurate network within a budget.

    Give at least one --target-...: the first is the budget T that the search fills. Networks are
    judged by what is known of ImageNet, in 10 to 30 seconds; with --data each is trained on
    your images instead, for a short while. Every trial is kept in RUNS/NAME as soon as it is
    finished: the same command continues a search that was stopped, and --trials may grow.
    """
    now_kept(NOTHING)
    plan = plan_of(kept=kept, **groups)
    if kept.dry_run:
        _dry_run(plan, kept.as_json)
    else:
        _run(plan, kept.as_json, kept.logs)


def plan_of(
    targets: Targets,
    asked: Asked,
    images: SizedImages,
    lengths: Lengths,
    longer: Longer,
    parents: Parents,
    workers: Workers,
    kept: Tried,
) -> "Plan":
    """What the options ask for. Raises UserError where they don't go together."""
    check_training(images, lengths, longer, parents, evaluator=asked.evaluator)
    proxy = images.proxy(images.pixels)
    if proxy is not None:
        proxy = starting(proxy, parents.read(kept.runs), "--recipe" in images.typed)
    if _holds(asked) and workers.executor is None:
        workers = replace(workers, executor="pool")
    how = execution("nas", proxy, lengths, workers, kept)
    return _plan(targets, asked, longer, longer.budget(lengths), how)


def _holds(asked: Asked) -> bool:
    """Whether the evaluator holds weights, and takes seconds a network."""
    from nas.holding import HOLDERS

    return (asked.evaluator or "").partition(":")[0] in HOLDERS


def _run(plan: "Plan", as_json: bool, logs: list[str]) -> None:
    from nas.commands.progress import decoding, interrupted, progress, reading
    from nas.search.run import run

    with decoding(as_json) as decoded, progress(plan.evaluations, plan.objective, as_json) as show:
        show.unit = plan.unit or show.unit
        feasible = None if as_json else _print_feasibility
        result = run(plan, show, decoded, feasible, reading(as_json), logs)
    write_config(result.folder)
    if as_json:
        from results.terminal import print_json

        print_json(result.best)
    else:
        from nas.commands.present.result import print_next, print_result

        print_result(result)
        sys.stdout.flush()  # before the hint, which is told on standard error

    def following() -> None:
        if not as_json:
            print_next(result)

    if result.interrupted:
        interrupted(f"{len(result.trials):,} trials", following)
    if result.best is None:
        raise no_pick(result.trials, result.folder)
    following()


def _print_feasibility(offered: "Feasibility") -> None:
    from nas.commands.live.area import aside
    from nas.commands.present.space import print_feasibility

    with aside():
        print_feasibility(offered)
        sys.stdout.flush()


def _dry_run(plan: "Plan", as_json: bool) -> None:
    """What the space offers within the limits; with --data how long the trainings take."""
    import dataclasses

    from nas.commands.present.trust import print_forecast
    from nas.commands.progress import decoding, working
    from nas.search.forecast import forecast
    from nas.search.run import prepare

    reports: list[Feasibility] = []
    with working(as_json) as doing, decoding(as_json) as decoded:
        prepare(plan, decoded, reports.append)
        content: dict[str, Any] = {"feasibility": reports[0].plain()}
        if not as_json:
            _print_feasibility(reports[0])
        hours = None if plan.proxy is None else forecast(plan, doing=doing)
    if hours is not None:
        content |= dataclasses.asdict(hours)
        if not as_json:
            print_forecast(hours)
    if as_json:
        from results.terminal import print_json

        print_json(content)


def _inside(how: "Execution") -> "Space | None":
    """The space inside a parent, where candidates start from one."""
    from search_spaces.spaces import inside

    parent = None if how.proxy is None else how.proxy.parent
    return None if parent is None else inside(parent.architecture)


def _plan(
    targets: Targets, asked: Asked, longer: Longer, budget: float, how: "Execution"
) -> "Plan":
    """The plan of a search whose retrainings have this budget."""
    from nas.objective import Objective
    from nas.search.plan import SKELETON, Plan, default_space

    first, *limits = targets.limits()
    trains = how.proxy is not None
    scored = (asked.evaluator or "").partition(":")[0] in SCORES or _holds(asked)
    quantities = [limit.of_quantity for limit in (first, *limits)]
    judge = "" if asked.space else asked.evaluator or ""
    fitting = default_space(quantities, trains, judge)
    if asked.space is None and fitting == "efficientnet":
        surrogate = judge.partition(":")[0] == SKELETON
        known = "the surrogate knows" if surrogate else "devices know"
        tell(
            f"note: the space is efficientnet, since {known} only the blocks that networks like "
            "EfficientNet-B0 are made of"
        )
    return Plan(
        objective=Objective(asked.objective, first.at_most, first.quantity, asked.caution),
        limits=tuple(limits),
        space=asked.space or _inside(how) or fitting,
        strategy=asked.strategy or STRATEGY[trains],
        prior=asked.prior,
        evaluator=asked.evaluator or "imagenet",
        trials=asked.trials or (SCORED if scored else TRAINED if trains else Plan.trials),
        patience=0 if asked.trials else PATIENCE,
        seed=asked.seed,
        ranking=longer.ranking,
        retrain=longer.retrain,
        retrain_budget=budget,
        **vars(how),
    )
