"""Options on the size of images."""

from collections.abc import Callable
from typing import Any

import click

from search_spaces.rounding import Size, resolution_of


def size_given(_context: object, _option: object, text: str | None) -> int | Size | None:
    """For click: pixels of a side, or height x width. Raises UserError."""
    return None if text is None else resolution_of(text, "--pixels")


def pixels(default: str) -> Callable[[Any], Any]:
    """--pixels, and what it is by itself."""
    return click.option(
        "--pixels", metavar="N|HxW", callback=size_given,
        help=f"Bring images to this size, as 96 or 96x160 (height x width). Default: {default}",
    )  # fmt: skip


FIT = click.option(
    "--fit", type=click.Choice(["crop", "letterbox"]), default="crop", show_default=True,
    help="Images of another shape: crop takes their middle, letterbox keeps the whole image and "
    "fills up with grey.",
)  # fmt: skip

OF_SPACE = (  # what networks of a space are for, where it isn't what the space says
    click.option(
        "--pixels",
        metavar="N|HxW",
        help="Size of the images, as 48 or 48x80 (height x width). Default: as the space has it.",
    ),
    click.option(
        "--channels",
        type=click.IntRange(1),
        metavar="N",
        help="Channels of the images, 1 for grey. Default: as the space has it.",
    ),
    click.option(
        "--classes",
        type=click.IntRange(2),
        metavar="N",
        help="How many classes the networks tell apart; times for other numbers are estimated.",
    ),
)
