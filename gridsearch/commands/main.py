"""The `gridsearch` command. Only click is imported until a command runs."""

import shlex
import sys
from pathlib import Path
from typing import Any, NoReturn

import click

from gridsearch.commands.report import report
from nas.commands.options import EXECUTOR, FOLDER, HOW, LENGTH, options, typed
from results.terminal import entry, print_json


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="compound-nas")
def cli() -> None:
    """Scale a network in depth, width and resolution together, at the MACs it really reaches."""


_BASELINE = click.option(
    "--baseline",
    default="efficientnet_b0",
    show_default=True,
    metavar="NAME|FILE|RUN",
    help="A network of the papers, a JSON file, or a run of nas search.",
)
_RULE = click.option(
    "--rule",
    metavar="NAME",
    help="Rounding: efficientnet, lite, mnasnet, mobilenet_v1, mobilenet_v2, resnet. "
    "Default: the one that fits the baseline.",
)
_ROUND = click.option(
    "--round-resolution",
    type=click.Choice(["none", "8", "32"]),
    default="none",
    show_default=True,
    help="Multiple of pixels that resolutions are rounded to.",
)
_WHERE = (
    click.option("--name", help="Of the run. Default: made from what differs from the defaults."),
    click.option(
        "--runs",
        type=click.Path(path_type=Path),
        default=Path("runs"),
        show_default=True,
        help="The folder of runs.",
    ),
    click.option("--json", "as_json", is_flag=True, help="Print the result as JSON."),
)
_COEFFICIENTS = click.option(
    "--coefficients",
    metavar="FILE|A,B,G",
    help="The coefficients.json of a run, or alpha,beta,gamma. Default: the paper's.",
)


def _command() -> str:
    return shlex.join(["gridsearch", *sys.argv[1:]])


@cli.command()
@click.option("--phi", default=1.0, show_default=True, help="MACs grow by 2**phi; -4 to 10.")
@_BASELINE
@click.option("--step", default=0.05, show_default=True, help="Of alpha, beta and gamma.")
@click.option(
    "--tolerance",
    default=0.1,
    show_default=True,
    help="On alpha * beta**2 * gamma**2 around 2.",
)
@click.option(
    "--window",
    default="0.05",
    show_default=True,
    metavar="FRACTION|off",
    help="On the MACs really reached around 2**phi; points outside are never evaluated.",
)
@click.option(
    "--target-memory",
    metavar="BYTES",
    help="Hard limit on weights and live activations at batch 1: 64MiB.",
)
@click.option(
    "--replicates",
    type=int,
    help="Measurements of each point, with seeds of their own. Default: 1 of the prior, else 3.",
)
@click.option(
    "--evaluator",
    help="prior (published results), or module:name of your own. Default: prior; --data trains "
    "instead.",
)
@click.option(
    "--level",
    default=0.05,
    show_default=True,
    help="Of the test that tells a point from the best; the pick is the cheapest it can't tell.",
)
@_RULE
@_ROUND
@click.option(
    "--show", "most", default=24, show_default=True, help="Points to print; the CSV has all."
)
@options(FOLDER, HOW, LENGTH, EXECUTOR, _WHERE)
@click.pass_context
def run(context: click.Context, /, **given: Any) -> None:
    """Search alpha, beta, gamma on the networks that they really give after rounding.

    Without --data, published results say how good they are; with it, each is trained. Everything
    is kept in RUNS/NAME. The same command line continues a run that was stopped or prints it
    again, and --replicates may grow.
    """
    from gridsearch.commands.run import execute

    execute({**given, "command": _command()}, typed(context))


@cli.command()
@click.option(
    "--baseline",
    metavar="NAME|FILE|RUN",
    help="Default: that of --coefficients, else efficientnet_b0.",
)
@_COEFFICIENTS
@click.option(
    "--preset",
    type=click.Choice(["released", "formula"]),
    help="released: the published EfficientNets, a table. formula: alpha**phi. "
    "Default: released for EfficientNet-B0 without --coefficients and --budgets, else formula.",
)
@click.option(
    "--phi", help="0..7, or 0.5,1,2; released: b8, l2 too. Default: 0..7; not with --budgets."
)
@click.option(
    "--budgets", metavar="MACS", help="400M,1G,4G or 2x,4x: the largest network within each."
)
@_RULE
@_ROUND
@options(_WHERE)
def family(**given: Any) -> None:
    """Write a family as JSON, CSV, an importable torch module, and timm and TF strings."""
    from gridsearch.commands.family import family_of

    as_json = given.pop("as_json")
    content, folder = family_of(command=_command(), **given)
    if as_json:
        print_json(content)
    else:
        from gridsearch.commands.present import print_family

        print_family(content, folder)


@cli.command()
@click.option(
    "--baseline",
    "baselines",
    multiple=True,
    metavar="NAME|FILE|RUN",
    help="May be given several times. Default: the paper's four.",
)
@click.option(
    "--ratios",
    default="2,4,8",
    show_default=True,
    help="Budgets, in multiples of the baseline's MACs.",
)
@_COEFFICIENTS
@click.option(
    "--evaluator",
    default="prior",
    show_default=True,
    help="prior (published results), or module:name of your own.",
)
@click.option("--plots/--no-plots", default=True, show_default=True)
@options(_WHERE)
def compare(**given: Any) -> None:
    """Scale by depth, width, resolution only and by all, at equal real MACs (figures 3 and 4,
    table 3 of the paper)."""
    from gridsearch.commands.family import compare_of

    as_json = given.pop("as_json")
    content, files = compare_of(command=_command(), **given)
    if as_json:
        print_json(content)
    else:
        from gridsearch.commands.present import print_compare

        print_compare(content["networks"], content["label"], files)


cli.add_command(report)


def main() -> NoReturn:
    entry(cli, "gridsearch")


if __name__ == "__main__":
    main()
