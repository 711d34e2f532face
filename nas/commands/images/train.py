"""`nas train`: a network trained to the end on one's own images."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import click

from nas.commands.options import JSON, NAME, RUNS, SEED, Group, command_line, options
from search_spaces.errors import UserError

if TYPE_CHECKING:
    from nas.final.plan import Plan
    from nas.final.run import Trained
    from nas.training.images import ImageData
    from search_spaces.architecture import Architecture

Wanted = Callable[[int, int], None]


def _numbers(_: click.Context, parameter: click.Parameter, value: str | None) -> Any:
    """`0.485,0.456,0.406` -> numbers."""
    if value is None:
        return None
    try:
        return tuple(float(part) for part in value.split(","))
    except ValueError:
        raise UserError(
            f"{parameter.opts[0]} is {value!r}: expected a number for each channel, as "
            "0.485,0.456,0.406, or one for all"
        ) from None


@dataclass(frozen=True, kw_only=True)
class What(Group):
    """The images, and what the training starts from."""

    data: Annotated[Path, click.option(
        "--data", type=click.Path(path_type=Path), metavar="IMAGES", required=True,
        help="A folder of train/CLASS/* and perhaps val/CLASS/*, or of CLASS/*, or a CSV with the "
        "columns path and label.",
    )]  # fmt: skip
    pixels: Annotated[str | None, click.option(
        "--pixels", metavar="N|HxW",
        help="Size of the network's images, as 96 or 96x160 (height x width). Default: the "
        "network's, or the images' own where they are smaller.",
    )]  # fmt: skip
    channels: Annotated[int | None, click.option(
        "--channels", type=click.IntRange(1),
        help="Of the images: 1 for grey. Default: the network's, which is mostly 3.",
    )]  # fmt: skip
    fit: Annotated[str, click.option(
        "--fit", type=click.Choice(["crop", "letterbox"]), default="crop", show_default=True,
        help="Images of another ratio of sides are cut, or padded.",
    )]  # fmt: skip
    weights: Annotated[Path | None, click.option(
        "--weights", type=click.Path(path_type=Path), metavar="FILE|RUN",
        help="Start from these weights, with a new classifier where the classes differ.",
    )]  # fmt: skip
    mean: Annotated[Any, click.option(
        "--mean", callback=_numbers, metavar="X,..", help="Of pixels from 0 to 1, by channel.",
    )]  # fmt: skip
    deviation: Annotated[Any, click.option(
        "--std", "deviation", callback=_numbers, metavar="X,..", help="Their standard deviation.",
    )]  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class How(Group):
    """Fields of `nas.final.settings.Settings`; None is what is taken by itself."""

    epochs: Annotated[float | None, click.option(
        "--epochs", type=float, help="How often all training images are seen. Default: 100 from "
        "nothing, 30 from weights, more where the images are few.",
    )]  # fmt: skip
    batch: Annotated[int | None, click.option(
        "--batch", type=int, help="Images a step. Default: 8 to 64 (128 on a GPU) by their number.",
    )]  # fmt: skip
    optimizer: Annotated[str | None, click.option(
        "--optimizer", help="A name of timm's, as sgd, adamw, lamb. Default: sgd.",
    )]  # fmt: skip
    lr: Annotated[float | None, click.option(
        "--lr", type=float, help="The highest learning rate. Default: 0.2 x batch / 128 with sgd, "
        "0.05 x batch / 128 from weights.",
    )]  # fmt: skip
    weight_decay: Annotated[float | None, click.option("--weight-decay", type=float)]
    warmup: Annotated[float | None, click.option(
        "--warmup", type=float, help="Epochs in which the rate rises. Default: 5 %, at most 5.",
    )]  # fmt: skip
    ema: Annotated[float | None, click.option(
        "--ema", type=float, help="Largest decay of the weights' average; 0 keeps none.",
    )]  # fmt: skip
    smoothing: Annotated[float | None, click.option(
        "--smoothing", type=float, help="Of labels. Default: 0.1.",
    )]  # fmt: skip
    crop: Annotated[str | None, click.option(
        "--crop", metavar="shift|resized|none",
        help="Move images a little, or cut out parts and resize them. Default: by the size.",
    )]  # fmt: skip
    scale: Annotated[float | None, click.option(
        "--scale", type=float, help="Smallest area of such a part. Default: 0.35.",
    )]  # fmt: skip
    flip: Annotated[bool | None, click.option(
        "--flip/--no-flip", default=None, help="Mirror images left to right. Default: yes; say "
        "--no-flip for letters, digits, signs.",
    )]  # fmt: skip
    augment: Annotated[str | None, click.option(
        "--augment", metavar="trivial|rand|none",
        help="TrivialAugment, RandAugment. Default: trivial from 30 epochs on.",
    )]  # fmt: skip
    mixup: Annotated[float | None, click.option(
        "--mixup", type=float, help="Its alpha. Default: 0.2 from 100 epochs on, from nothing.",
    )]  # fmt: skip
    cutmix: Annotated[float | None, click.option("--cutmix", type=float, help="Its alpha.")]
    class_weights: Annotated[bool | None, click.option(
        "--class-weights", is_flag=True, default=None, help="Rare classes count more in the loss.",
    )]  # fmt: skip
    balanced: Annotated[bool | None, click.option(
        "--balanced", is_flag=True, default=None, help="Draw images of all classes equally often.",
    )]  # fmt: skip
    patience: Annotated[float | None, click.option(
        "--patience", type=float, metavar="EPOCHS",
        help="End after so many epochs without a better top-1, with the best weights.",
    )]  # fmt: skip
    clip: Annotated[float | None, click.option(
        "--clip", type=float, help="Largest norm of the gradient; 0 for no limit. Default: 5.",
    )]  # fmt: skip

    def given(self) -> dict[str, Any]:
        """The fields that the user gave."""
        fields = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return {k: v for k, v in fields.items() if k != "typed" and v is not None}


@dataclass(frozen=True, kw_only=True)
class Where(Group):
    """What it runs on, and where it is kept."""

    minutes: Annotated[float | None, click.option(
        "--minutes", type=float, help="Choose the epochs so that it takes so long; a few steps are "
        "measured first.",
    )]  # fmt: skip
    device: Annotated[str, click.option(
        "--train-on", "device", default="auto", show_default=True, help="auto, cpu, cuda, cuda:N.",
    )]  # fmt: skip
    processes: Annotated[int, click.option(
        "--processes", type=click.IntRange(1), default=1, show_default=True,
        help="That share the work, one for each GPU; torchrun starts them.",
    )]  # fmt: skip
    threads: Annotated[int | None, click.option(
        "--threads", type=click.IntRange(1), help="Of torch on a CPU. Default: one a core.",
    )]  # fmt: skip
    workers: Annotated[int | None, click.option(
        "--loaders", "workers", type=click.IntRange(0),
        help="Processes that alter images. Default: none on a CPU, up to 8 with a GPU.",
    )]  # fmt: skip
    tensorboard: Annotated[bool, click.option(
        "--tensorboard", is_flag=True, help="Write curves for TensorBoard into the run's folder.",
    )]  # fmt: skip
    seed: Annotated[int, SEED]
    name: Annotated[str | None, NAME]
    runs: Annotated[Path, RUNS]
    as_json: Annotated[bool, JSON]


@click.command()
@click.argument("network", metavar="NETWORK")
@options(what=What, how=How, where=Where)
def train(network: str, what: What, how: How, where: Where) -> None:
    """Train NETWORK to the end on your images, and keep weights that can be used.

    NETWORK: a name, a run (its pick), a JSON file, or FAMILY:NAME. The training has a known
    length; a killed one goes on with the same command. It ends in a folder that `nas classify`,
    `nas export` and `nas measure` take.
    """
    from nas.final.parallel import launch, my_share

    if where.processes > 1 and my_share().world == 1:
        import sys

        launch(where.processes, sys.argv[1:])
        return
    quiet = where.as_json or my_share().rank > 0
    plan = plan_of(network, what, how, where, quiet)
    trained = trained_by(plan, quiet)
    if my_share().rank == 0:
        show(plan, trained, where.as_json)
    if trained.interrupted:
        raise SystemExit(130)


def plan_of(network: str, what: What, how: How, where: Where, quiet: bool = False) -> "Plan":
    """What the options ask for, with the images decoded and the weights read.

    Args:
        network: As the user named it.
        what: The images, and what it starts from.
        how: Settings that were given.
        where: What it runs on.
        quiet: Nothing is said while images are decoded.

    Raises:
        UserError: Something can't be used.
    """
    from dataclasses import replace

    from nas.final.batches import transforms
    from nas.final.plan import Plan, inputs_for
    from nas.final.start import start_from
    from results.runs.load import load_architecture

    transforms()  # refused before images are decoded
    found = load_architecture(network, where.runs)
    architecture, images = fitted(found, what, how.crop, quiet)
    start = None if what.weights is None else start_from(
        _place(what.weights, where.runs), architecture
    )  # fmt: skip
    if start is not None and start.padding is not None:
        architecture = replace(architecture, padding=start.padding)
    inputs = inputs_for(
        images, architecture.size, start, what.mean, what.deviation, architecture.in_channels,
        what.fit, how.crop,
    )  # fmt: skip
    return Plan(
        network, architecture, what.data, images, inputs, how.given(), where.minutes, start,
        where.seed, where.device, where.threads, where.workers, where.name, where.runs,
        where.tensorboard, command_line("nas"),
    )  # fmt: skip


def _place(weights: Path, runs: Path) -> Path:
    """The file or folder that --weights names: a path, or a run's name."""
    return weights if weights.exists() or not (runs / weights).is_dir() else runs / weights


def fitted(
    found: "Architecture", what: What, crop: str | None, quiet: bool
) -> "tuple[Architecture, ImageData]":
    """The network with the images' size, channels and classes; and the images.

    Args:
        found: The network as it was named.
        what: The images.
        crop: How training images are cut, as given.
        quiet: Nothing is said while they are decoded.
    """
    from dataclasses import replace

    from nas.commands.progress import decoding
    from nas.final.plan import images_for, size_for

    channels = what.channels or found.in_channels
    size, words = size_for(found, what.data, what.pixels)
    with decoding(quiet) as show:
        images = images_for(what.data, size, channels, what.fit, crop, show)
        total = images.train + images.val
        if notes := [*([words] if words else []), *images.notes()]:
            show(total, total, notes)
    network = replace(
        found, resolution=size.plain, classes=len(images.classes), in_channels=channels
    )
    return network, images


def trained_by(plan: "Plan", quiet: bool) -> "Trained":
    """Runs the training with its progress shown on standard error.

    Raises what `nas.final.run.run` raises, and RunFailure where the training can't go on.
    """
    from nas.commands.images.words import settings_text
    from nas.commands.progress import steps
    from nas.final.run import Told, run
    from nas.training.loop import TrainingFailed
    from search_spaces.errors import RunFailure

    with steps(quiet) as (begin, step):

        def began(settings: Any, wanted: int, done: int) -> None:
            begin(wanted, done, settings_text(plan, settings, wanted, done))

        try:
            return run(plan, Told(began, step))
        except TrainingFailed as error:
            raise RunFailure(
                f"{error}; the last state is in {plan.runs / plan.folder}: give a smaller --lr or "
                "--batch, with another --name"
            ) from None


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
        click.echo(line)
