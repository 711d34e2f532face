"""`nas bench`: strategies side by side on a table or a surrogate."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import click

from nas.commands.options import Group, Kept, command_line, once, options
from results.interrupts import NOTHING, now_kept
from results.terminal import tell
from search_spaces.errors import UserError, meant

if TYPE_CHECKING:
    from nas.bench.tasks import Task

STRATEGIES = "random,tpe,nsga2,evolution,reinforce,predictor"


@dataclass(frozen=True, kw_only=True)
class Asked(Group):
    """What is compared, and on what."""

    title = "What is compared"
    task: Annotated[str, click.option(
        "--task", default="surrogate", show_default=True, metavar="TASK",
        help="What is searched: surrogate (ImageNet as a model predicts it, with the noise of one "
        "training), or synthetic:CHOICES,ROUGHNESS,NOISE,SEED[,FAILING].",
    )]  # fmt: skip
    strategies: Annotated[str, click.option(
        "--strategies", default=STRATEGIES, show_default=True, metavar="A,B,..",
        help="Which strategies: names, or module:name of any Optuna sampler. NAME@front is told "
        "accuracy and cost, the others their reward.",
    )]  # fmt: skip
    evaluations: Annotated[int, click.option(
        "--evaluations", default=200, show_default=True, type=click.IntRange(2), metavar="N",
        help="How many networks each strategy may evaluate.",
    )]  # fmt: skip
    seeds: Annotated[int, click.option(
        "--seeds", default=5, show_default=True, type=click.IntRange(1), metavar="N",
        help="How often each strategy plays, with the seeds 0, 1, ..",
    )]  # fmt: skip
    target: Annotated[str | None, once(
        "--target", metavar="COST", help="The budget T. Default: 400M, or the median cost of a "
        "table.",
    )]  # fmt: skip
    objective: Annotated[str, click.option(
        "--objective", default="hard", show_default=True, metavar="hard|soft",
        help="What is best, as in `nas search`.",
    )]  # fmt: skip
    reference: Annotated[str, click.option(
        "--reference", default="tpe", show_default=True, metavar="STRATEGY",
        help="Count how many evaluations the others need to reach the end of this one.",
    )]  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Columns(Group):
    """A table of one's own, and what stands where in it."""

    title = "A table of your own"
    table: Annotated[Path | None, click.option(
        "--table", type=click.Path(path_type=Path), metavar="FILE",
        help="Search this CSV instead: columns of choices, of accuracy (percent) and of cost.",
    )]  # fmt: skip
    accuracy: Annotated[str, click.option(
        "--accuracy", default="accuracy", show_default=True, metavar="COLUMN",
        help="The column of the accuracy.",
    )]  # fmt: skip
    cost: Annotated[str, click.option(
        "--cost", default="cost", show_default=True, metavar="COLUMN",
        help="The column of the cost.",
    )]  # fmt: skip
    choices: Annotated[str, click.option(
        "--choices", default="", metavar="A,B,..",
        help="The columns of choices, as block*. Default: all others.",
    )]  # fmt: skip
    noise: Annotated[float, click.option(
        "--noise", default=0.0, show_default=True, type=click.FloatRange(0), metavar="POINTS",
        help="Add the chance of a training, with this standard deviation, to each accuracy.",
    )]  # fmt: skip


@click.command()
@options(asked=Asked, columns=Columns, kept=Kept)
def bench(asked: Asked, columns: Columns, kept: Kept) -> None:
    """Compare search strategies on results that are already known.

    It is as if each evaluation were a training, but takes no time: what is known is looked up or
    predicted. Each strategy plays several times; how far it stays behind the best, and its front's
    hypervolume, are printed with intervals. A play is kept in RUNS/NAME when it is finished: the
    same command continues, and --strategies and --seeds may grow.
    """
    from nas.bench.run import run_bench
    from nas.commands.progress import counting, interrupted

    now_kept(NOTHING)
    names = _strategies(asked.strategies)
    _check(asked, columns, names)
    task = _task(asked, columns, lambda text: None if kept.as_json else tell(f"warning: {text}"))
    total = len(names) * asked.seeds * asked.evaluations
    with counting(total, "evaluations", kept.as_json) as count:
        report = run_bench(
            task, names, asked.evaluations, asked.seeds, asked.reference, _name(asked, kept, task),
            kept.runs, tell, count, command_line("nas"),
        )  # fmt: skip
    if kept.as_json:
        from nas.bench.report import fields_of
        from results.terminal import print_json

        print_json([fields_of(row) for row in report.rows])
    elif report.rows:
        from nas.bench.report import print_report

        print_report(report.rows, report.reached, asked.reference)
        tell(f"{report.folder} now holds bench.csv, bench.png and plays/.", err=False)
    if report.interrupted:
        interrupted("the plays that were finished")


def _strategies(text: str) -> list[str]:
    """The names of --strategies, each of which can be made. Raises UserError."""
    from nas.bench.play import strategy_of

    names = [name.strip() for name in text.split(",") if name.strip()]
    if not names:
        raise UserError("--strategies is empty: expected names, as tpe,predictor")
    for name in names:
        strategy_of(name).make(0)
    return names


def _check(asked: Asked, columns: Columns, names: list[str]) -> None:
    """Raises UserError for an option that would do nothing."""
    if columns.table is None:
        for option in columns.typed:
            raise UserError(f"{option} is of a table: give one with --table FILE, or leave it out")
    elif "--task" in asked.typed:
        raise UserError("--task and --table both say what is compared: give one of them")
    if "--reference" in asked.typed and asked.reference not in names:
        raise UserError(
            f"--reference is {asked.reference!r}, which is not played: expected one of "
            f"--strategies, which are {', '.join(names)}"
        )


def _name(asked: Asked, kept: Kept, task: "Task") -> str:
    """The run's, as it is given or made from the task."""
    from results.runs.folder import run_name

    target = f"{task.objective.target:g}".replace("+", "")
    parts = ("bench", task.name, target, task.objective.name, str(asked.evaluations))
    return kept.name or run_name(parts)


def _task(asked: Asked, columns: Columns, warn: Callable[[str], None]) -> "Task":
    """The task that the options name. Raises UserError."""
    from nas.objective import Objective
    from search_spaces.quantities import QUANTITIES

    text, kind = asked.target, asked.objective
    target = None if text is None else QUANTITIES["flops"].parse(text, "--target")
    Objective(kind, target or 1.0)  # refuses an unknown objective before a table is read
    if columns.table is not None:
        from nas.bench.tables import read_task

        patterns = [pattern.strip() for pattern in columns.choices.split(",") if pattern.strip()]
        return read_task(
            columns.table, kind, target, accuracy=columns.accuracy, cost=columns.cost,
            choices=patterns, noise=columns.noise, warn=warn,
        )  # fmt: skip
    from nas.bench import tasks

    if asked.task == "surrogate":
        from search_spaces.spaces import space

        wanted = Objective(kind, target or 400e6, caution=0.0)
        return tasks.surrogate_task(wanted, space("efficientnet"))
    if asked.task.startswith("synthetic:"):
        return tasks.synthetic_task(tasks.recipe(asked.task), kind, target)
    raise UserError(
        f"there is no task {asked.task!r}{meant(asked.task, ['surrogate'])}: expected surrogate or "
        "synthetic:CHOICES,ROUGHNESS,NOISE,SEED[,FAILING]; or give a table with --table FILE"
    )
