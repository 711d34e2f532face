"""`nas train`: a network trained to the end on one's own images."""

import functools
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from nas.commands.help.config import CONFIG, write_config
from nas.commands.images.options import How, What, Where
from nas.commands.options import command_line, options
from results.interrupts import NOTHING, now_kept
from results.terminal import tell

if TYPE_CHECKING:
    from nas.final.plan import Plan
    from nas.final.run import Trained
    from nas.parent.start import Start
    from nas.training.images import ImageData
    from search_spaces.architecture import Architecture
    from search_spaces.rounding import Size

Made = TypeVar("Made", bound="Plan")


@click.command()
@click.argument("network", metavar="NETWORK")
@options(what=What, how=How, where=Where)
@CONFIG
def train(network: str, what: What, how: How, where: Where) -> None:
    """Train NETWORK to the end on your images, and keep weights that can be used.

    NETWORK: a published network's name, a run (its pick), RUN:ID, a JSON file, or FAMILY:NAME.
    Only --data is needed; all else is chosen by the images. What was stopped goes on with the
    same command. It ends in a folder of runs/ that `nas classify`, `nas export` and `nas report`
    take.
    """
    carry_out(where, functools.partial(plan_of, network, what, how, where), show)


def carry_out(
    where: Where, plan_of: Callable[[bool], Made], show: Callable[[Made, "Trained", bool], None]
) -> None:
    """A training to the end, in as many processes as are asked for; its first one speaks.

    Args:
        where: What it runs on.
        plan_of: Gives the plan; is told whether nothing is to be said.
        show: Prints what came of it; is told whether as JSON.
    """
    from nas.final.parallel import launch, my_share

    if where.processes > 1 and my_share().world == 1:
        import sys

        launch(where.processes, sys.argv[1:])
        return
    now_kept(NOTHING)
    quiet = where.as_json or my_share().rank > 0
    plan = plan_of(quiet)
    trained = trained_by(plan, quiet)
    if my_share().rank == 0:
        write_config(trained.folder)
        show(plan, trained, where.as_json)
    if trained.interrupted:
        raise SystemExit(130)


def plan_of(
    network: "str | Architecture", what: What, how: How, where: Where, quiet: bool = False
) -> "Plan":
    """What the options ask for, with the images decoded and the weights read.

    Args:
        network: As the user named it, or itself.
        what: The images, and what it starts from.
        how: Settings that were given.
        where: What it runs on.
        quiet: Nothing is said while images are decoded.

    Raises:
        UserError: Something can't be used.
    """
    from dataclasses import replace

    from nas.commands.images.parents import weights_of
    from nas.final.plan import Plan, inputs_for, size_for, trained_size
    from nas.training.folders import splits_of
    from results.runs.load import load_architecture

    check(what, how, where)
    found = load_architecture(network, where.runs)
    listing = splits_of(what.data, 0)
    given = weights_of(what.weights, what.parent, where.runs)
    before = trained_size(network, found, where.runs, given and given[0])
    size, words = size_for(found, listing, what.pixels, before)
    architecture = replace(
        found,
        resolution=size.plain,
        classes=len(listing.classes),
        in_channels=what.channels or found.in_channels,
    )
    start, more = start_of(given, architecture)
    if start is not None and start.padding is not None:
        architecture = replace(architecture, padding=start.padding)
    inputs = inputs_for(
        listing, size, start, what.mean, what.deviation, architecture.in_channels, what.fit,
        how.crop,
    )  # fmt: skip
    taken = (what.data, size, architecture.in_channels, what.fit, how.crop)
    images = decoded(*taken, quiet, [*([words] if words else []), *more])
    named = network if isinstance(network, str) else network.name or network.id
    return Plan(
        named, architecture, what.data, images, inputs, how.given(), where.minutes, start,
        where.seed, where.device, where.threads, where.workers, where.name, where.runs,
        tuple(where.logs), command_line("nas"),
    )  # fmt: skip


def check(what: What, how: How, where: Where, kind: str = "train") -> None:
    """Refuses what needs no look at images or networks, at once.

    Args:
        what: The images.
        how: Settings that were given.
        where: What it runs on.
        kind: Of the run.

    Raises:
        UserError: A setting, the name or the device can't be used, no images are there, or a
            library is missing.
    """
    from nas.final.loop import check_optimizer
    from nas.final.plan import check_place, check_there
    from nas.final.settings import check_given
    from nas.logs.registry import Logs
    from nas.training.loop import device_named

    given = how.given()
    check_given(given, where.minutes)
    if where.name is not None:
        check_place(where.name, where.runs, given, where.minutes, where.seed, kind)
    device_named(where.device)
    check_there(what.data)
    check_optimizer(how.optimizer or "sgd")
    Logs(where.logs)


def start_of(
    given: "tuple[Path, Architecture | None] | None",
    architecture: "Architecture",
    shared: bool = False,
) -> "tuple[Start | None, list[str]]":
    """The weights that are asked for, and what is to be known of them.

    Args:
        given: Where they are and whose, as `nas.commands.images.parents.weights_of` says.
        architecture: What starts from them.
        shared: Whether smaller networks are to share its weights.
    """
    from nas.parent.start import start_from

    if given is None:
        return None, []
    start = start_from(given[0], architecture, given[1], shared)
    anew = [name for name in start.anew if "classifier" not in name]
    said = (
        f"{len(anew)} layers begin anew, since the parent has none that fit: {', '.join(anew[:4])}"
    )
    return start, [said + ", ..." * (len(anew) > 4)] if anew else []


def decoded(
    data: Path,
    size: "Size",
    channels: int,
    fit: str,
    crop: str | None,
    quiet: bool,
    words: Sequence[str] = (),
) -> "ImageData":
    """The images, decoded for a network; what is to be known of them is said.

    Args:
        data: Where they are.
        size: Of the network.
        channels: Of the network.
        fit: `crop` or `letterbox`.
        crop: How training images are cut, as given.
        quiet: Nothing is said.
        words: What is said before the images' own notes.
    """
    from nas.commands.progress import decoding
    from nas.final.plan import images_for

    with decoding(quiet) as show:
        images = images_for(data, size, channels, fit, crop, show)
        total = images.train + images.val
        if notes := [*words, *images.notes()]:
            show(total, total, notes)
    return images


def trained_by(plan: "Plan", quiet: bool, searched: float = 0.0) -> "Trained":
    """Runs the training with its progress shown on standard error.

    Args:
        plan: The training.
        quiet: Show nothing.
        searched: Epochs of each training of the search before; 0 where it trained nothing.

    Raises what `nas.final.run.run` raises, and RunFailure where the training can't go on.
    """
    from nas.commands.images.words import settings_text, short_text
    from nas.commands.progress import say, steps
    from nas.final.run import Told, run
    from nas.search.forecast import duration
    from nas.training.state import TrainingFailed
    from search_spaces.errors import RunFailure

    with steps(quiet) as (begin, step):

        def began(settings: Any, wanted: int, done: int) -> None:
            text = settings_text(plan, settings, wanted, done)
            begin(wanted, done, text + short_text(settings.epochs, searched))

        def foreseen(hours: float) -> None:
            if not quiet:
                say(f"about {duration(hours)} on this machine, by a few steps; Ctrl-C stops it, "
                    "and the same command goes on")  # fmt: skip

        try:
            trained = run(plan, Told(began, step, foreseen))
        except TrainingFailed as error:
            raise RunFailure(
                f"{error}; the last state is in {plan.runs / plan.folder}: give a smaller --lr or "
                "--batch, with another --name"
            ) from None
    for note in trained.notes:
        tell(f"note: {note}")
    return trained


def show(plan: "Plan", trained: "Trained", as_json: bool) -> None:
    """Prints what came of it."""
    from nas.commands.images.words import result_lines

    if as_json:
        from results.terminal import print_json

        scores = {key: value for key, value in trained.scores.items() if key != "confusion"}
        print_json(
            {
                "run": str(trained.folder),
                "interrupted": trained.interrupted,
                "best": trained.best,
                "scores": scores,
                "history": trained.history,
            }
        )
        return
    for line in result_lines(plan, trained):
        tell(line, err=False)
