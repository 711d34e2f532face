"""`nas audit`: the proxy under test."""

import shlex
import sys
from pathlib import Path
from typing import Any

import click

from nas.commands.options import DATA, EXECUTOR, options, take_training


@click.command()
@click.option(
    "--target-flops",
    "target",
    metavar="MACS",
    required=True,
    help="Only networks within so many multiply-adds are drawn: 30M.",
)
@click.option(
    "--space",
    default="efficientnet-small",
    show_default=True,
    help="A name of `nas spaces`, a FILE.toml, or module:name.",
)
@click.option("--networks", type=int, default=8, show_default=True, help="Drawn at random.")
@click.option(
    "--seeds",
    type=int,
    default=2,
    show_default=True,
    help="Trainings of each network at each length.",
)
@click.option(
    "--epochs",
    default="1,2,4",
    show_default=True,
    metavar="A,B,...",
    help="Lengths of training; the last is the reference.",
)
@click.option(
    "--tau",
    type=float,
    default=0.7,
    show_default=True,
    help="Kendall's tau wanted: the cheapest length that reaches it is named.",
)
@click.option("--seed", default=0, show_default=True, type=click.IntRange(0, 2**32 - 1))
@options(DATA, EXECUTOR)
@click.option("--name", help="Of the run. Default: made from the arguments.")
@click.option("--runs", type=click.Path(path_type=Path), default=Path("runs"), show_default=True)
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")  # fmt: skip
def audit(**given: Any) -> None:
    """Measure the proxy itself: seed noise, and how well short trainings rank networks.

    Trains random networks with several seeds and lengths, and compares each length's ranking
    with the longest's. The same command line continues an audit that was stopped.
    """
    from nas.commands.progress import decoding, progress
    from nas.objective import Objective
    from nas.search.audit import Audit, run_audit
    from nas.search.plan import Plan
    from results.runs.folder import run_name
    from search_spaces.errors import UserError
    from search_spaces.quantities import QUANTITIES

    if given["data"] is None:
        raise UserError("nas audit trains: give --data DIR, the images to train on")
    as_json, tau, text = given.pop("as_json"), given.pop("tau"), given.pop("epochs")
    try:
        budgets = tuple(float(one) for one in text.split(","))
    except ValueError:
        raise UserError(f"--epochs is {text!r}: expected numbers, as 1,2,4") from None
    target = QUANTITIES["flops"].parse(given.pop("target"), "--target-flops")
    counts = {key: given.pop(key) for key in ("networks", "seeds")}
    rest = {**given, "epochs": budgets[-1], "eta": 0, "smallest": 1.0, "ranking": "reward"}
    training = take_training(rest)
    objective = Objective("hard", target)
    made = run_name(("audit", rest["space"], QUANTITIES["flops"].format(target)))
    rest["name"] = rest["name"] or made
    plan = Plan(objective, command=shlex.join(["nas", *sys.argv[1:]]), **training, **rest)
    wanted = Audit(plan, **counts, budgets=budgets)
    total = wanted.networks * wanted.seeds * len(budgets)
    with decoding(as_json) as decoded, progress(total, objective, as_json) as show:
        report = run_audit(wanted, show, decoded)
    if report.interrupted:
        click.echo(
            f"interrupted after {len(report.trials)} trainings; the same command continues",
            err=True,
        )
        raise SystemExit(130)
    if as_json:
        import dataclasses

        from results.terminal import print_json

        print_json([dataclasses.asdict(row) for row in report.rows])
    else:
        from nas.commands.present import print_audit

        print_audit(report, tau)
