"""`nas search`: the options, and what they make of a run."""

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from nas.commands.options import (
    EXECUTOR,
    TRAINING,
    check_training,
    options,
    take_training,
    typed,
)

if TYPE_CHECKING:
    from nas.objective import Limit
    from nas.search.feasibility import Feasibility
    from nas.search.plan import Plan

# (without --data, with it): training is dear, and its images are small.
DEFAULTS = {
    "space": ("efficientnet", "efficientnet-small"),
    "strategy": ("evolution", "predictor"),
    "evaluator": ("surrogate", "surrogate"),
    "trials": (2500, 30),
}

SEARCH = (
    click.option("--target-flops", metavar="MACS", help="Multiply-adds: 400M, 1.5G. The first "
                 "target on the command line is T of the reward, the others are hard limits."),
    click.option("--target-latency", metavar="TIME", help="Of --device: 5ms."),
    click.option("--target-throughput", metavar="RATE",
                 help="Of --device, images a second, at least: 900/s."),
    click.option("--target-params", metavar="N", help="Parameters: 5M."),
    click.option("--target-memory", metavar="BYTES",
                 help="Weights and live activations, float32, batch 1: 64MiB."),
    click.option("--device", "hardware", metavar="NAME|FILE",
                 help="A device of `nas devices`, or a file that `nas profile` made."),
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
    click.option("--max-params", metavar="N", help="Hard limit, whatever T is: 5M."),
    click.option("--max-memory", metavar="BYTES", help="Hard limit, whatever T is: 64MiB."),
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
    """Search for the network of best reward accuracy * (F / T) ** w.

    F is what the first --target-... limits. Finished trials are kept in RUNS/NAME. The same
    command line continues a run that was stopped, and --trials may grow.
    """
    from nas.commands.progress import decoding, progress
    from nas.search.run import run
    from search_spaces.errors import UserError

    as_json, dry = given.pop("as_json"), given.pop("dry_run")
    check_training(given, typed(click.get_current_context()))
    plan = _plan(given)
    if dry:
        _dry_run(plan, as_json)
        return
    with decoding(as_json) as decoded, progress(plan.evaluations, plan.objective, as_json) as show:
        result = run(plan, show, decoded, None if as_json else _print_feasibility)
    if as_json:
        from results.terminal import print_json

        print_json(result.best)
    else:
        from nas.commands.present import print_result

        print_result(result)
    if result.interrupted:
        click.echo(
            f"interrupted after {len(result.trials)} trials; the same command continues", err=True
        )
        raise SystemExit(130)
    if result.best is None:
        raise UserError("every trial failed or broke the target: there is no pick")


def _print_feasibility(found: "Feasibility") -> None:
    from nas.commands.present import print_feasibility

    print_feasibility(found)
    sys.stdout.flush()


def _dry_run(plan: "Plan", as_json: bool) -> None:
    """What the space offers within the limits; with --data how long the trainings take."""
    from nas.commands.progress import decoding
    from nas.search.run import prepare

    reports: list[Feasibility] = []
    with decoding(as_json) as decoded:
        prepare(plan, decoded, reports.append)
    found: dict[str, Any] = {"feasibility": reports[0].plain()}
    if not as_json:
        _print_feasibility(reports[0])
    if plan.proxy is not None:
        import dataclasses

        from nas.commands.present import print_forecast
        from nas.search.forecast import forecast

        hours = forecast(plan)
        found |= dataclasses.asdict(hours)
        if not as_json:
            print_forecast(hours)
    if as_json:
        from results.terminal import print_json

        print_json(found)


def _plan(given: dict[str, Any]) -> "Plan":
    from nas.objective import Objective
    from nas.search.plan import Plan

    trains = given["data"] is not None
    for key, defaults in DEFAULTS.items():
        given[key] = defaults[trains] if given[key] is None else given[key]
    if given["retrain_budget"] is None:
        given["retrain_budget"] = 4 * given["epochs"]
    first, *limits = _targets(given)
    objective = Objective(
        given.pop("objective"), first.at_most, first.quantity, given.pop("caution")
    )
    training = take_training(given)
    return Plan(
        objective=objective,
        limits=tuple(limits),
        command=shlex.join(["nas", *sys.argv[1:]]),
        **training,
        **given,
    )


def _targets(given: dict[str, Any]) -> "list[Limit]":
    """The targets and limits that were given, which are taken out of `given`: the targets in the
    order of the command line, the first of which is T, then those of --max-...."""
    from nas.objective import Limit
    from search_spaces.errors import UserError
    from search_spaces.quantities import DEVICE_QUANTITIES, QUANTITIES

    hardware = given.pop("hardware")
    names = [key for key in given if key.startswith(("target_", "max_"))]
    texts = {key: given.pop(key) for key in sorted(names, key=lambda key: key.startswith("max_"))}
    texts = {key: text for key, text in texts.items() if text is not None}
    if not any(key.startswith("target_") for key in texts):
        raise UserError(
            "no target was given: expected --target-flops 400M, --target-params 5M, "
            "--target-memory 64MiB, or --device NAME with --target-latency 5ms or "
            "--target-throughput 900/s (`nas devices` lists names)"
        )
    on = [key for key in texts if key.partition("_")[2] in DEVICE_QUANTITIES]
    if bool(on) != (hardware is not None):
        option = f"--{on[0].replace('_', '-')}" if on else "--target-latency or --target-throughput"
        raise UserError(
            f"{option} needs --device: expected a name of `nas devices`, or a file that "
            "`nas profile` made"
            if on
            else f"--device {hardware} is given without a target on it: expected {option} besides"
        )
    limits = []
    for key, text in texts.items():
        kind = key.partition("_")[2]
        if kind in QUANTITIES:
            of = QUANTITIES[kind]
        else:
            from nas.devices.registry import device

            of = device(hardware).quantity(kind)
        limits.append(Limit(of, of.parse(text, f"--{key.replace('_', '-')}")))
    return limits
