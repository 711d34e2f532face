"""`nas search`: the options, and what they make of a run."""

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from nas.cli_options import EXECUTOR, TRAINING, options, take_training

if TYPE_CHECKING:
    from nas.plan import Plan

# (without --data, with it): training is dear, and its images are small.
DEFAULTS = {
    "space": ("efficientnet", "efficientnet-small"),
    "strategy": ("evolution", "predictor"),
    "evaluator": ("surrogate", "surrogate"),
    "trials": (2500, 30),
}

SEARCH = (
    click.option("--target-flops", "target", metavar="MACS", required=True,
                 help="T of the reward, in multiply-adds: 400M, 1.5G."),
    click.option("--objective", default="hard", show_default=True, metavar="hard|soft",
                 help="hard: the most accurate network within T. soft: reward with w = -0.07."),
    click.option("--space", help="A name of `nas spaces`, a FILE.toml, or module:name. "
                 "Default: efficientnet, with --data efficientnet-small."),
    click.option("--strategy", help="evolution, nsga2, tpe, random, reinforce, predictor, "
                 "predictor-front, or module:name of an Optuna sampler. Default: evolution, with "
                 "--data predictor."),
    click.option("--evaluator", help="surrogate (ImageNet), surrogate:FILE.npz, or module:name of "
                 "your own. Default: surrogate; --data trains instead."),
    click.option("--trials", type=click.IntRange(1), help="Distinct networks to evaluate, those "
                 "stored before included. Default: 2500, with --data 30."),
    click.option("--seed", default=0, show_default=True, type=click.IntRange(0, 2**32 - 1)),
    click.option("--max-params", metavar="N", help="Hard limit on parameters: 5M."),
    click.option("--max-memory", metavar="BYTES",
                 help="Hard limit on weights and live activations at batch 1: 64MiB."),
    click.option("--caution", default=1.0, show_default=True, type=float,
                 help="Standard deviations taken off an accuracy before it is compared."),
)  # fmt: skip
RETRAIN = (
    click.option("--retrain", type=click.IntRange(0), default=0, show_default=True, metavar="K",
                 help="Train the best K again, longer and from scratch, before the pick."),
    click.option("--retrain-epochs", "retrain_budget", type=float,
                 help="Of --retrain. Default: four times --epochs."),
)  # fmt: skip
RUN = (
    click.option("--name", help="Of the run. Default: made from what differs from the defaults."),
    click.option("--runs", type=click.Path(path_type=Path), default=Path("runs"),
                 show_default=True, help="The folder of runs."),
    click.option("--storage", metavar="URL",
                 help="Any Optuna storage instead of the run's own journal file."),
    click.option("--json", "as_json", is_flag=True, help="Print the result as JSON."),
)  # fmt: skip


@click.command()
@options(SEARCH, TRAINING, RETRAIN, EXECUTOR, RUN)
def search(**given: Any) -> None:
    """Search for the network of best reward accuracy * (FLOPS / T) ** w.

    Finished trials are kept in RUNS/NAME. The same command line continues a run that was
    stopped, and --trials may grow.
    """
    from nas.progress import decoding, progress
    from nas.run import run
    from search_spaces.errors import UserError

    as_json, dry = given.pop("as_json"), given.pop("dry_run")
    plan = _plan(given)
    if dry:
        _forecast(plan, as_json)
        return
    with decoding(as_json) as decoded, progress(plan.evaluations, plan.objective, as_json) as show:
        result = run(plan, show, decoded)
    if as_json:
        from nas.cli import print_json

        print_json(result.best)
    else:
        from nas.present import print_result

        print_result(result)
    if result.interrupted:
        click.echo(
            f"interrupted after {len(result.trials)} trials; the same command continues", err=True
        )
        raise SystemExit(130)
    if result.best is None:
        raise UserError("every trial failed or broke the target: there is no pick")


def _forecast(plan: "Plan", as_json: bool) -> None:
    from nas.forecast import forecast, print_forecast
    from nas.progress import decoding

    with decoding(as_json) as decoded:
        found = forecast(plan, decoded)
    if as_json:
        import dataclasses

        from nas.cli import print_json

        print_json(dataclasses.asdict(found))
    else:
        print_forecast(found)


def _plan(given: dict[str, Any]) -> "Plan":
    from nas.objective import Limit, Objective
    from nas.plan import Plan
    from search_spaces.errors import UserError
    from search_spaces.quantities import QUANTITIES

    trains = given["data"] is not None
    if trains and given["evaluator"] is not None:
        raise UserError("--data trains each network and --evaluator measures it: give one of them")
    if given["retrain"] and not trains:
        raise UserError("--retrain needs --data DIR, the images to train on")
    for key, defaults in DEFAULTS.items():
        given[key] = defaults[trains] if given[key] is None else given[key]
    given["retrain_budget"] = given["retrain_budget"] or 4 * given["epochs"]
    target = QUANTITIES["flops"].parse(given.pop("target"), "--target-flops")
    objective = Objective(given.pop("objective"), target, "flops", given.pop("caution"))
    limits = []
    for quantity in ("params", "memory"):
        text = given.pop(f"max_{quantity}")
        if text is not None:
            limits.append(Limit(quantity, QUANTITIES[quantity].parse(text, f"--max-{quantity}")))
    training = take_training(given)
    return Plan(
        objective=objective,
        limits=tuple(limits),
        command=shlex.join(["nas", *sys.argv[1:]]),
        **training,
        **given,
    )
