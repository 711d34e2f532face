"""The `gridsearch` command. Only click is imported until a command runs."""

from typing import NoReturn

import click

from gridsearch.commands.options import CompareAsked, FamilyAsked, GridAsked, Measured, Rounded
from gridsearch.commands.report import report
from nas.commands.options import (
    DRY_RUN,
    Images,
    Kept,
    Lengths,
    Stored,
    Workers,
    check_training,
    command_line,
    execution,
    options,
)
from results.terminal import entry, print_json
from search_spaces.errors import UserError


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="compound-nas")
def cli() -> None:
    """Scale a network in depth, width and resolution together, at the MACs it really reaches."""


@cli.command()
@options((DRY_RUN,), asked=GridAsked, measured=Measured, rounded=Rounded, images=Images,
         lengths=Lengths, workers=Workers, kept=Stored)  # fmt: skip
def run(
    asked: GridAsked,
    measured: Measured,
    rounded: Rounded,
    images: Images,
    lengths: Lengths,
    workers: Workers,
    kept: Stored,
    dry_run: bool,
) -> None:
    """Search alpha, beta, gamma on the networks that they really give after rounding.

    Without --data, published results say how good they are; with it, each is trained. Everything
    is kept in RUNS/NAME. The same command line continues a run that was stopped or prints it
    again, and --replicates may grow.
    """
    from gridsearch.commands.run import execute, forecast, plan_of
    from results.runs.load import load_architecture

    check_training(images, lengths, evaluator=measured.evaluator)
    if dry_run and images.data is None:
        raise UserError("--dry-run is for training: give --data DIR, the images to train on")
    network = load_architecture(asked.baseline, kept.runs)
    how = execution(
        "gridsearch", images.proxy(network.resolution, network.in_channels), lengths, workers, kept
    )
    plan = plan_of(asked, measured, rounded, network, how)
    if dry_run:
        forecast(plan, kept.as_json)
    else:
        execute(plan, max(1, measured.most), kept.as_json)


@cli.command()
@options(asked=FamilyAsked, rounded=Rounded, kept=Kept)
def family(asked: FamilyAsked, rounded: Rounded, kept: Kept) -> None:
    """Write a family as JSON, CSV, an importable torch module, and timm and TF strings."""
    from gridsearch.commands.family import family_of

    content, folder = family_of(command_line("gridsearch"), asked, rounded, kept)
    if kept.as_json:
        print_json(content)
    else:
        from gridsearch.commands.networks import print_family

        print_family(content, folder)


@cli.command()
@options(asked=CompareAsked, kept=Kept)
def compare(asked: CompareAsked, kept: Kept) -> None:
    """Scale by depth, width, resolution only and by all, at equal real MACs.

    After figures 3 and 4 and table 3 of the paper.
    """
    from gridsearch.commands.family import compare_of

    content, files = compare_of(command_line("gridsearch"), asked, kept)
    if kept.as_json:
        print_json(content)
    else:
        from gridsearch.commands.networks import print_compare

        print_compare(content["networks"], content["label"], files)


cli.add_command(report)


def main() -> NoReturn:
    """Runs `gridsearch` and leaves the process."""
    entry(cli, "gridsearch")


if __name__ == "__main__":
    main()
