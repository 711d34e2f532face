"""`gridsearch run`, `family` and `compare`: what their options make."""

import click

from gridsearch.commands.options import CompareAsked, FamilyAsked, GridAsked, Measured, Rounded
from nas.commands.help.config import CONFIG
from nas.commands.options import (
    Images,
    Kept,
    Lengths,
    Tried,
    Workers,
    check_training,
    command_line,
    execution,
    options,
)
from results.terminal import print_json
from search_spaces.errors import UserError


@click.command()
@options(asked=GridAsked, measured=Measured, rounded=Rounded, images=Images,
         lengths=Lengths, workers=Workers, kept=Tried)  # fmt: skip
@CONFIG
def run(
    asked: GridAsked,
    measured: Measured,
    rounded: Rounded,
    images: Images,
    lengths: Lengths,
    workers: Workers,
    kept: Tried,
) -> None:
    """Choose how depth, width and resolution grow together.

    These are alpha, beta and gamma of EfficientNet's compound scaling. They are judged by the
    networks that they really give after rounding, at the same real costs. Without --data a law
    fitted to published results says how good those are; with it each is trained on your images.
    Everything is kept in RUNS/NAME: the same command continues a run that was stopped, or prints it
    again, and --replicates may grow.
    """
    from gridsearch.commands.run import execute, forecast, plan_of
    from results.runs.load import load_architecture

    check_training(images, lengths, evaluator=measured.evaluator)
    if kept.dry_run and images.data is None:
        raise UserError("--dry-run is for training: give --data DIR, the images to train on")
    network = load_architecture(asked.baseline, kept.runs)
    how = execution(
        "gridsearch", images.proxy(network.resolution, network.in_channels), lengths, workers, kept
    )
    plan = plan_of(asked, measured, rounded, network, how)
    if kept.dry_run:
        forecast(plan, kept.as_json)
    else:
        execute(plan, measured.most, kept.as_json)


@click.command()
@options(asked=FamilyAsked, rounded=Rounded, kept=Kept)
def family(asked: FamilyAsked, rounded: Rounded, kept: Kept) -> None:
    """Write the larger networks of a baseline, ready to be trained.

    They are written into RUNS/NAME as JSON, as CSV, as a torch module that can be imported, and as
    strings that timm and TensorFlow's EfficientNet read.
    """
    from gridsearch.commands.family import family_of

    content, folder = family_of(command_line("gridsearch"), asked, rounded, kept)
    if kept.as_json:
        print_json(content)
    else:
        from gridsearch.commands.networks import print_family

        print_family(content, folder)


@click.command()
@options(asked=CompareAsked, kept=Kept)
def compare(asked: CompareAsked, kept: Kept) -> None:
    """Compare scaling depth, width or resolution alone with scaling all three.

    All at the same real MACs, after figures 3 and 4 and table 3 of the EfficientNet paper.
    """
    from gridsearch.commands.compare import compare_of

    content, files = compare_of(command_line("gridsearch"), asked, kept)
    if kept.as_json:
        print_json(content)
    else:
        from gridsearch.commands.networks import print_compare

        print_compare(content, files)
