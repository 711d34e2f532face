"""Options of the commands that train a network to the end."""

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Annotated, Any

import click

from nas.commands.options import LOG, SEED, TRAIN_ON, Group, Kept
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

    title = "The images, and what the training starts from"
    data: Annotated[Path, click.option(
        "--data", type=click.Path(path_type=Path), metavar="IMAGES", required=True,
        help="A folder of train/CLASS/* and perhaps val/CLASS/*, or of CLASS/*, or a CSV with the "
        "columns path and label. Without val/ a fifth of each class validates.",
    )]  # fmt: skip
    pixels: Annotated[int | Size | None, pixels(
        "that of its run or of the weights, if they were trained on images; else the network's, or "
        "the images' own where they are smaller."
    )]  # fmt: skip
    channels: Annotated[int | None, click.option(
        "--channels", type=click.IntRange(1), metavar="N",
        help="Channels of the images: 1 for grey, 3 for colour. Default: the network's, which is "
        "mostly 3.",
    )]  # fmt: skip
    fit: Annotated[str, FIT]
    weights: Annotated[Path | None, click.option(
        "--weights", type=click.Path(path_type=Path), metavar="FILE|RUN",
        help="Start from these weights, with a new classifier where the classes differ. Default: "
        "start from nothing.",
    )]  # fmt: skip
    parent: Annotated[str | None, click.option(
        "--parent", metavar="NETWORK",
        help="The larger network that --weights are of, where they are not NETWORK's own: what can "
        "be used of them is taken over.",
    )]  # fmt: skip
    mean: Annotated[Any, click.option(
        "--mean", callback=_numbers, metavar="X,..",
        help="Subtracted from pixels of 0 to 1, a number for each channel or one for all. Default: "
        "what the weights were trained with, ImageNet's where they don't say, 0.5 without any.",
    )]  # fmt: skip
    deviation: Annotated[Any, click.option(
        "--std", "deviation", callback=_numbers, metavar="X,..",
        help="What the difference is divided by. Default: as for --mean, 0.25 without weights.",
    )]  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class How(Group):
    """Fields of `nas.final.settings.Settings`; None is what is taken by itself."""

    title = "How it is trained to the end"
    epochs: Annotated[float | None, click.option(
        "--epochs", type=float, metavar="N", help="Times that all training images are seen. "
        "Default: 100 from nothing, 30 from weights, more where the images are few.",
    )]  # fmt: skip
    batch: Annotated[int | None, click.option(
        "--batch", type=int, metavar="N", help="Images in each training step. Default: 8 to 64 "
        "(128 on a GPU), the more the more images there are.",
    )]  # fmt: skip
    optimizer: Annotated[str | None, click.option(
        "--optimizer", metavar="NAME",
        help="An optimizer of timm's, as sgd, adamw, lamb. Default: sgd.",
    )]  # fmt: skip
    lr: Annotated[float | None, click.option(
        "--lr", type=float, metavar="X", help="The highest learning rate, from which it falls to "
        "0. Default with sgd: 0.2 x batch / 128 from nothing, 0.05 x batch / 128 from weights; "
        "with others 0.001.",
    )]  # fmt: skip
    weight_decay: Annotated[float | None, click.option(
        "--weight-decay", type=float, metavar="X",
        help="How strongly weights are pulled towards 0. Default: 0.00005.",
    )]  # fmt: skip
    warmup: Annotated[float | None, click.option(
        "--warmup", type=float, metavar="EPOCHS",
        help="Epochs in which the learning rate rises from near 0. Default: 5 % of all, at most 5.",
    )]  # fmt: skip
    schedule: Annotated[str | None, click.option(
        "--schedule", metavar="cosine|late",
        help="How the learning rate falls to 0 after that: as a cosine, or late, in the last third "
        "of the training only. Default: late below 30 epochs from nothing, else cosine.",
    )]  # fmt: skip
    ema: Annotated[float | None, click.option(
        "--ema", type=float, metavar="X", help="The weights that are kept are an average of the "
        "last steps': its largest decay, below 1; 0 keeps the last weights. Default: 0.9998.",
    )]  # fmt: skip
    smoothing: Annotated[float | None, click.option(
        "--smoothing", type=float, metavar="X", help="Label smoothing, from 0. Default: 0.1.",
    )]  # fmt: skip
    crop: Annotated[str | None, click.option(
        "--crop", metavar="shift|resized|none",
        help="Move training images a little (shift), or cut out parts and resize them (resized). "
        "Default: shift for images of up to 64 px, resized for larger ones.",
    )]  # fmt: skip
    scale: Annotated[float | None, click.option(
        "--scale", type=float, metavar="PART",
        help="With --crop resized: the smallest part of an image's area. Default: 0.35.",
    )]  # fmt: skip
    flip: Annotated[bool | None, click.option(
        "--flip/--no-flip", default=None, help="Mirror training images left to right at random. "
        "Default: yes; say --no-flip for letters, digits and signs.",
    )]  # fmt: skip
    augment: Annotated[str | None, click.option(
        "--augment", metavar="trivial|rand|none",
        help="Change colours and shapes of training images at random, by TrivialAugment or "
        "RandAugment. Default: trivial from 30 epochs on, none below.",
    )]  # fmt: skip
    mixup: Annotated[float | None, click.option(
        "--mixup", type=float, metavar="ALPHA", help="Blend pairs of training images and of their "
        "labels; 0 for none. Default: 0.2 from 100 epochs on, from nothing.",
    )]  # fmt: skip
    cutmix: Annotated[float | None, click.option(
        "--cutmix", type=float, metavar="ALPHA",
        help="Put a part of one training image into another; 0 for none. Default: none.",
    )]  # fmt: skip
    class_weights: Annotated[bool | None, click.option(
        "--class-weights", is_flag=True, default=None,
        help="Count rare classes more, so that all count alike.",
    )]  # fmt: skip
    balanced: Annotated[bool | None, click.option(
        "--balanced", is_flag=True, default=None,
        help="Draw training images of all classes equally often.",
    )]  # fmt: skip
    patience: Annotated[float | None, click.option(
        "--patience", type=float, metavar="EPOCHS",
        help="End after so many epochs without a better top-1, and keep the best weights. Default: "
        "train all epochs.",
    )]  # fmt: skip
    clip: Annotated[float | None, click.option(
        "--clip", type=float, metavar="X",
        help="Largest norm of the gradient; 0 for no limit. Default: 5.",
    )]  # fmt: skip

    def given(self) -> dict[str, Any]:
        """The fields that the user gave."""
        every = {field.name: getattr(self, field.name) for field in fields(self)}
        return {k: v for k, v in every.items() if k != "typed" and v is not None}


@dataclass(frozen=True, kw_only=True)
class Machine(Kept):
    """How long it takes, what it runs on, and where it is kept."""

    title = "How long, and on what"
    minutes: Annotated[float | None, click.option(
        "--minutes", type=float, metavar="N", help="Choose the epochs so that the steps of the "
        "training to the end take about so many minutes: an estimate, by a few steps that are "
        "measured first. Reading images and the last validation come on top.",
    )]  # fmt: skip
    device: Annotated[str, TRAIN_ON]
    threads: Annotated[int | None, click.option(
        "--threads", type=click.IntRange(1), metavar="N",
        help="Threads of torch on a CPU. Default: one for each core.",
    )]  # fmt: skip
    seed: Annotated[int, SEED]


@dataclass(frozen=True, kw_only=True)
class Where(Machine):
    """What a training runs on besides."""

    title = Machine.title
    processes: Annotated[int, click.option(
        "--processes", type=click.IntRange(1), default=1, show_default=True, metavar="N",
        help="Share the work among so many processes, one for each GPU; torchrun starts them.",
    )]  # fmt: skip
    workers: Annotated[int | None, click.option(
        "--loaders", "workers", type=click.IntRange(0), metavar="N",
        help="Processes that prepare training images. Default: none on a CPU, up to 8 with a GPU.",
    )]  # fmt: skip
    logs: Annotated[list[str], LOG]
