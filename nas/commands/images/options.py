"""Options of the commands that train a network to the end."""

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Annotated, Any

import click

from nas.commands.options import SEED, TRAIN_ON, Group, Kept
from nas.commands.sizes import FIT, pixels
from search_spaces.errors import UserError
from search_spaces.rounding import Size


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
    pixels: Annotated[int | Size | None, pixels(
        "the network's, or the images' own where they are smaller."
    )]  # fmt: skip
    channels: Annotated[int | None, click.option(
        "--channels", type=click.IntRange(1),
        help="Of the images: 1 for grey. Default: the network's, which is mostly 3.",
    )]  # fmt: skip
    fit: Annotated[str, FIT]
    weights: Annotated[Path | None, click.option(
        "--weights", type=click.Path(path_type=Path), metavar="FILE|RUN",
        help="Start from these weights, with a new classifier where the classes differ.",
    )]  # fmt: skip
    parent: Annotated[str | None, click.option(
        "--parent", metavar="NETWORK",
        help="The larger network that --weights are of, where they are not NETWORK's own: what can "
        "be used of them is taken over.",
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
        every = {field.name: getattr(self, field.name) for field in fields(self)}
        return {k: v for k, v in every.items() if k != "typed" and v is not None}


@dataclass(frozen=True, kw_only=True)
class Machine(Kept):
    """How long it takes, what it runs on, and where it is kept."""

    minutes: Annotated[float | None, click.option(
        "--minutes", type=float, help="Choose the epochs so that the training takes so long; a few "
        "steps are measured first.",
    )]  # fmt: skip
    device: Annotated[str, TRAIN_ON]
    threads: Annotated[int | None, click.option(
        "--threads", type=click.IntRange(1), help="Of torch on a CPU. Default: one a core.",
    )]  # fmt: skip
    seed: Annotated[int, SEED]


@dataclass(frozen=True, kw_only=True)
class Where(Machine):
    """What a training runs on besides."""

    processes: Annotated[int, click.option(
        "--processes", type=click.IntRange(1), default=1, show_default=True,
        help="That share the work, one for each GPU; torchrun starts them.",
    )]  # fmt: skip
    workers: Annotated[int | None, click.option(
        "--loaders", "workers", type=click.IntRange(0),
        help="Processes that alter images. Default: none on a CPU, up to 8 with a GPU.",
    )]  # fmt: skip
    tensorboard: Annotated[bool, click.option(
        "--tensorboard", is_flag=True, help="Write curves for TensorBoard into the run's folder.",
    )]  # fmt: skip
