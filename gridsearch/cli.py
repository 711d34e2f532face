"""The `gridsearch` command. Only click is imported until a command runs."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import click

from nas.cli import entry, print_json


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="compound-nas")
def cli() -> None:
    """Scale a network in depth, width and resolution together, at the MACs it really reaches."""


def _options(*options: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def add(command: Any) -> Any:
        for option in reversed(options):
            command = option(command)
        return command

    return add


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
_WHERE = _options(
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
    return " ".join(["gridsearch", *sys.argv[1:]])


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
    help="Measurements of each point. Default: 1 of the prior, 3 of others.",
)
@click.option(
    "--evaluator",
    default="prior",
    show_default=True,
    help="prior (published results), or module:name of your own.",
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
@_WHERE
def run(**options: Any) -> None:
    """Search alpha, beta, gamma on the networks that they really give after rounding.

    Everything is kept in RUNS/NAME. The same command line continues a run that was stopped or
    prints it again, and --replicates may grow.
    """
    from gridsearch.cli_plan import plan_of
    from gridsearch.run import run as run_plan

    as_json, most = options.pop("as_json"), options.pop("most")
    plan = plan_of(command=_command(), **options)
    result = run_plan(plan)
    if as_json:
        print_json(result.coefficients)
    else:
        from gridsearch.present import print_run

        print_run(result, max(1, most))


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
    "--phi", default="0..7", show_default=True, help="0..7, or 0.5,1,2; released: b8, l2 too."
)
@click.option(
    "--budgets", metavar="MACS", help="400M,1G,4G or 2x,4x: the largest network within each."
)
@_RULE
@_ROUND
@_WHERE
def family(**options: Any) -> None:
    """Write a family as JSON, CSV, an importable torch module, and timm and TF strings."""
    from gridsearch.cli_plan import family_of

    as_json = options.pop("as_json")
    content, folder = family_of(command=_command(), **options)
    if as_json:
        print_json(content)
    else:
        from gridsearch.present import print_family

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
@_WHERE
def compare(**options: Any) -> None:
    """Scale by depth, width, resolution only and by all, at equal real MACs (figures 3 and 4,
    table 3 of the paper)."""
    from gridsearch.cli_plan import compare_of

    as_json = options.pop("as_json")
    content, files = compare_of(command=_command(), **options)
    if as_json:
        print_json(content)
    else:
        from gridsearch.present import print_compare

        print_compare(content["networks"], content["label"], files)


def main() -> NoReturn:
    entry(cli, "gridsearch")


if __name__ == "__main__":
    main()
