"""`nas search`: the options, and what they make of a run."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from nas.run import Plan


@click.command()
@click.option(
    "--target-flops",
    "target",
    metavar="MACS",
    required=True,
    help="T of the reward, in multiply-adds: 400M, 1.5G.",
)
@click.option(
    "--objective",
    default="hard",
    show_default=True,
    metavar="hard|soft",
    help="hard: the most accurate network within T. soft: reward with w = -0.07.",
)
@click.option(
    "--space",
    default="efficientnet",
    show_default=True,
    help="A name of `nas spaces`, a FILE.toml, or module:name.",
)
@click.option(
    "--strategy",
    default="evolution",
    show_default=True,
    help="evolution, nsga2, tpe, random, or module:name of an Optuna sampler.",
)
@click.option(
    "--evaluator",
    default="surrogate",
    show_default=True,
    help="surrogate (ImageNet), surrogate:FILE.npz, or module:name of your own.",
)
@click.option(
    "--trials",
    default=2000,
    show_default=True,
    type=click.IntRange(1),
    help="Distinct networks to evaluate, those stored before included.",
)
@click.option("--seed", default=0, show_default=True, type=click.IntRange(0, 2**32 - 1))
@click.option("--max-params", metavar="N", help="Hard limit on parameters: 5M.")
@click.option(
    "--max-memory",
    metavar="BYTES",
    help="Hard limit on weights and live activations at batch 1: 64MiB.",
)
@click.option(
    "--caution",
    default=1.0,
    show_default=True,
    type=float,
    help="Standard deviations taken off a predicted accuracy before it is compared.",
)
@click.option("--name", help="Of the run. Default: made from what differs from the defaults.")
@click.option(
    "--runs",
    type=click.Path(path_type=Path),
    default=Path("runs"),
    show_default=True,
    help="The folder of runs.",
)
@click.option(
    "--storage", metavar="URL", help="Any Optuna storage instead of the run's own journal file."
)
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")  # fmt: skip
def search(**options: Any) -> None:
    """Search for the network of best reward accuracy * (FLOPS / T) ** w.

    Finished trials are kept in RUNS/NAME. The same command line continues a run that was
    stopped, and --trials may grow.
    """
    from nas.run import run
    from search_spaces.errors import UserError

    as_json = options.pop("as_json")
    plan = _plan(options)
    with _progress(plan, quiet=as_json) as show:
        result = run(plan, show)
    if as_json:
        from nas.cli import print_json

        print_json(result.best)
    else:
        from nas.present import print_result

        print_result(result)
    if result.interrupted:
        click.echo(f"interrupted after {len(result.trials)} trials; the same command continues",
                   err=True)  # fmt: skip
        raise SystemExit(130)
    if result.best is None:
        raise UserError("every trial failed or broke the target: there is no pick")


def _plan(options: dict[str, Any]) -> "Plan":
    from nas.objective import Limit, Objective
    from nas.run import Plan
    from search_spaces.quantities import QUANTITIES

    target = QUANTITIES["flops"].parse(options.pop("target"), "--target-flops")
    objective = Objective(options.pop("objective"), target, "flops", options.pop("caution"))
    limits = []
    for quantity in ("params", "memory"):
        text = options.pop(f"max_{quantity}")
        if text is not None:
            limits.append(Limit(quantity, QUANTITIES[quantity].parse(text, f"--max-{quantity}")))
    return Plan(
        objective=objective,
        limits=tuple(limits),
        command=" ".join(["nas", *sys.argv[1:]]),
        **options,
    )


def _progress(plan: "Plan", quiet: bool) -> Any:
    from nas.progress import progress

    return progress(plan.trials, plan.objective, quiet)
