"""`nas bench`: strategies side by side on a table or a surrogate."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from nas.commands.options import typed

if TYPE_CHECKING:
    from nas.bench.tasks import Task

STRATEGIES = "random,tpe,nsga2,evolution,reinforce,predictor"
OF_TABLES = ("accuracy", "cost", "choices", "noise")


@click.command()
@click.option(
    "--task",
    default="surrogate",
    show_default=True,
    metavar="TASK",
    help="surrogate (ImageNet, with the noise of one training), or "
    "synthetic:CHOICES,ROUGHNESS,NOISE,SEED[,FAILING].",
)
@click.option(
    "--table",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="A CSV of your own instead: columns of choices, accuracy (percent) and cost.",
)
@click.option("--accuracy", default="accuracy", show_default=True, help="Its column in --table.")
@click.option("--cost", default="cost", show_default=True, help="Its column in --table.")
@click.option(
    "--choices",
    default="",
    metavar="A,B,..",
    help="Columns of choices in --table, as block*. Default: all others.",
)
@click.option(
    "--noise",
    default=0.0,
    show_default=True,
    type=click.FloatRange(0),
    help="Standard deviation of one training in --table, points.",
)
@click.option(
    "--strategies",
    default=STRATEGIES,
    show_default=True,
    metavar="A,B,..",
    help="Names, or module:name of any Optuna sampler; NAME@front is told accuracy and cost.",
)
@click.option("--evaluations", default=200, show_default=True, type=click.IntRange(2))
@click.option(
    "--seeds",
    default=5,
    show_default=True,
    type=click.IntRange(1),
    help="Of each strategy: 0, 1, ..",
)
@click.option(
    "--target",
    metavar="COST",
    help="T of the reward. Default: 400M, or the median cost of a table.",
)
@click.option("--objective", default="hard", show_default=True, metavar="hard|soft")
@click.option(
    "--reference",
    default="tpe",
    show_default=True,
    metavar="STRATEGY",
    help="Whose last reward the others are timed to.",
)
@click.option("--name", help="Of the run. Default: made from the task.")
@click.option("--runs", type=click.Path(path_type=Path), default=Path("runs"), show_default=True)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")  # fmt: skip
def bench(**given: Any) -> None:
    """Compare strategies as if each evaluation were a training: regret, hypervolume, intervals.

    A strategy with a seed is kept in RUNS/NAME when it is finished. The same command line
    continues, and --strategies and --seeds may grow.
    """
    from nas.bench.run import run_bench
    from nas.commands.progress import counting

    def say(text: str) -> None:
        click.echo(text, err=True)

    names = _strategies(given["strategies"])
    _check(given, typed(click.get_current_context()), names)
    task = _task(given, lambda text: None if given["as_json"] else say(f"warning: {text}"))
    wanted = {key: given[key] for key in ("evaluations", "seeds", "reference")}
    total = len(names) * wanted["seeds"] * wanted["evaluations"]
    with counting(total, "evaluations", given["as_json"]) as count:
        report = run_bench(task, names, **wanted, name=_name(given, task), runs=given["runs"],
                           show=say, count=count)  # fmt: skip
    if given["as_json"]:
        from nas.bench.report import fields_of
        from results.terminal import print_json

        print_json([fields_of(row) for row in report.rows])
    elif report.rows:
        from nas.bench.report import print_report

        print_report(report.rows, report.reached, given["reference"])
        click.echo(f"written: {report.folder}/bench.csv, bench.png and plays/")
    if report.interrupted:
        click.echo("interrupted; the same command continues", err=True)
        raise SystemExit(130)


def _strategies(text: str) -> list[str]:
    """The names of --strategies, each of which can be made. Raises UserError."""
    from nas.bench.play import strategy_of
    from search_spaces.errors import UserError

    names = [name.strip() for name in text.split(",") if name.strip()]
    if not names:
        raise UserError("--strategies is empty: expected names, as tpe,predictor")
    for name in names:
        strategy_of(name).make(0)
    return names


def _check(given: dict[str, Any], typed: list[str], names: list[str]) -> None:
    """Raises UserError for an option that would do nothing; `typed`: those that the user gave."""
    from search_spaces.errors import UserError

    if given["table"] is None:
        for key in (key for key in OF_TABLES if key in typed):
            raise UserError(f"--{key} is of a table: give one with --table FILE, or leave it out")
    elif "task" in typed:
        raise UserError("--task and --table both say what is compared: give one of them")
    if "reference" in typed and given["reference"] not in names:
        raise UserError(
            f"--reference is {given['reference']!r}, which is not played: expected one of "
            f"--strategies, which are {', '.join(names)}"
        )


def _name(given: dict[str, Any], task: "Task") -> str:
    """The run's, as it is given or made from the task."""
    from results.runs.folder import run_name

    target = f"{task.objective.target:g}".replace("+", "")
    parts = ("bench", task.name, target, task.objective.name, str(given["evaluations"]))
    return given["name"] or run_name(parts)


def _task(given: dict[str, Any], warn: Callable[[str], None]) -> "Task":
    """The task that the options name. Raises UserError."""
    from nas.objective import Objective
    from search_spaces.errors import UserError
    from search_spaces.quantities import QUANTITIES

    text, kind = given["target"], given["objective"]
    target = None if text is None else QUANTITIES["flops"].parse(text, "--target")
    Objective(kind, target or 1.0)  # refuses an unknown objective before a table is read
    if given["table"] is not None:
        from nas.bench.tables import read_task

        patterns = [pattern.strip() for pattern in given["choices"].split(",") if pattern.strip()]
        columns = {**{key: given[key] for key in OF_TABLES}, "choices": patterns}
        return read_task(given["table"], kind, target, **columns, warn=warn)
    from nas.bench import tasks

    if given["task"] == "surrogate":
        from search_spaces.spaces import space

        wanted = Objective(kind, target or 400e6, caution=0.0)
        return tasks.surrogate_task(wanted, space("efficientnet"))
    if given["task"].startswith("synthetic:"):
        return tasks.synthetic_task(tasks.recipe(given["task"]), kind, target)
    raise UserError(
        f"there is no task {given['task']!r}: expected surrogate or "
        "synthetic:CHOICES,ROUGHNESS,NOISE,SEED[,FAILING]; or give a table with --table FILE"
    )
