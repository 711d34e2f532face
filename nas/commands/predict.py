"""`nas predict`: what networks would reach on ImageNet."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import click

from nas.commands.options import JSON, RUNS, Group, options
from nas.commands.sizes import size_given
from search_spaces.rounding import Size

if TYPE_CHECKING:
    from results.runs.strings import Shape
    from search_spaces.architecture import Architecture


@dataclass(frozen=True, kw_only=True)
class Left(Group):
    """What block strings leave open."""

    title = "Of networks given as block strings"
    width: Annotated[float | None, click.option(
        "--width", type=click.FloatRange(0, min_open=True),
        metavar="X", help="Multiply their channels by X; timm's strings leave it open.",
    )]  # fmt: skip
    depth: Annotated[float | None, click.option(
        "--depth", type=click.FloatRange(0, min_open=True),
        metavar="X", help="Multiply their repeats by X; timm's strings leave it open.",
    )]  # fmt: skip
    pixels: Annotated[int | Size | None, click.option(
        "--pixels", metavar="N|HxW", callback=size_given,
        help="Their resolution, as 192 or 96x160 (height x width). Default: 224.",
    )]  # fmt: skip
    channels: Annotated[int | None, click.option(
        "--channels", type=click.IntRange(1), metavar="N",
        help="Channels of their images, 1 for grey. Default: 3.",
    )]  # fmt: skip
    stem: Annotated[int | None, click.option(
        "--stem", type=click.IntRange(1), metavar="N",
        help="Channels of their first convolution. Default: 32.",
    )]  # fmt: skip
    head: Annotated[int | None, click.option(
        "--head", type=click.IntRange(0), metavar="N",
        help="Channels of their last convolution, 0 for none. Default: 1280.",
    )]  # fmt: skip
    activation: Annotated[str | None, click.option(
        "--activation", metavar="NAME",
        help="Their activation: swish, relu, relu6 or hard_swish. Default: swish.",
    )]  # fmt: skip

    def shape(self) -> "Shape":
        """The same for `load_architecture`."""
        from results.runs.strings import Shape

        return Shape(self.width, self.depth, self.pixels, self.stem, self.head, self.activation,
                     channels=self.channels)  # fmt: skip


@click.command()
@click.argument("networks", nargs=-1, required=True, metavar="NETWORK...")
@options((RUNS, JSON), left=Left)
def predict(networks: tuple[str, ...], left: Left, runs: Path, as_json: bool) -> None:
    """Predict what networks would reach on ImageNet, without training them.

    It is top-1 under EfficientNet's full recipe, in which B0 has 77.1 %. NETWORK is a name, a run,
    a JSON file, FAMILY:NAME, or block strings of timm or TensorFlow, in quotes or in a file. Beside
    each prediction stand the published networks that are most alike. Where no evidence speaks of
    one network the others are still predicted: it is named after them, with --json it has `error`
    in place of the numbers, and the exit code is 2.
    """
    from nas.imagenet.predict import attempted, called
    from results.runs.load import load_architecture
    from search_spaces.errors import OutOfDomain

    shape = left.shape()
    given = _given(networks, lambda text: called(load_architecture(text, runs, shape), text))
    every = attempted(given)
    made, refused = ([row for row in every if ("error" in row) is no] for no in (False, True))
    if as_json:
        from results.terminal import print_json

        print_json(every)
    elif made:
        _print(made)
    if refused:
        raise OutOfDomain("; ".join(row["error"] for row in refused))


def _given(texts: Sequence[str], make: "Callable[[str], Architecture]") -> "list[Architecture]":
    """What is made of all texts; those that nothing is made of are refused together."""
    from search_spaces.errors import UserError

    made, faults = list[Any](), list[str]()
    for text in texts:
        try:
            made.append(make(text))
        except UserError as error:
            faults.append(str(error))
    if faults:
        others = [fault.partition(": expected one of")[0] for fault in faults[:-1]]
        raise UserError("; ".join([*others, faults[-1]]))
    return made


def _print(made: list[dict[str, Any]]) -> None:
    """A table of the predictions, then what is alike and where evidence is thin."""
    from results.terminal import accuracy_text, bold, console, show
    from search_spaces.stages import MACS, MEMORY, PARAMS

    listed = [
        {
            "network": row["name"] or row["id"],
            "top-1 %": accuracy_text(row["top1"], row["spread"]),
            "MACs": MACS.format(row["macs"]),
            "params": PARAMS.format(row["params"]),
            "memory": MEMORY.format(row["memory"]),
            "px": str(row["resolution"]),
        }
        for row in made
    ]
    out = console()
    show(out, listed, ("memory", "params", "px"), left=1)
    out.print(
        "Top-1 is predicted: for EfficientNet's full recipe on ImageNet, in which B0 reaches 77.1. "
        "± is one standard deviation of its error against a training, among networks of one kind. "
        "Between kinds it may be off by more: EfficientNet-Lite, MobileNetV3, MnasNets and narrow "
        "networks are printed with 1 to 3 points more than is predicted of them.",
        style="dim",
    )
    for row in made:
        near = ", ".join(
            f"{like['network']} ({like['source']}: {like['top1']:.1f} %, "
            f"{like['distance']:.1f} away)"
            for like in row["nearest"]
        )
        out.print(f"{bold(row['name'] or row['id'])} is most like {near}")
        for note in row["notes"]:
            out.print(f"  note: {note}")
