"""`nas classify`: what a trained network says of images."""

from pathlib import Path

import click

from nas.commands.options import JSON, RUNS
from results.terminal import tell


@click.command()
@click.argument("model", metavar="RUN|FILE.onnx")
@click.argument(
    "images", nargs=-1, required=True, metavar="IMAGE...", type=click.Path(path_type=Path)
)
@click.option(
    "--top",
    default=2,
    show_default=True,
    type=click.IntRange(1),
    metavar="N",
    help="How many classes are printed of each image, the most probable first.",
)
@RUNS
@JSON
def classify(model: str, images: tuple[Path, ...], top: int, runs: Path, as_json: bool) -> None:
    """Print the class of each IMAGE, by a trained RUN or by an exported ONNX file.

    RUN is one of `nas fit` or `nas train`. IMAGE may be a folder, of which all files are taken.
    Images are prepared as in the training, by what the run or the file says. A file that is no
    image is named, and the exit code is 1 then, or 2 where none could be read.
    """
    from nas.commands.images.words import answers_table
    from nas.final.classify import classify as answers
    from nas.final.classify import image_files, model_of
    from results.runs.files import doubting

    files = image_files(images)
    with doubting(model):
        network, inputs = model_of(model, runs)
        rows = answers(network, inputs, files, min(top, len(inputs.classes)))
    if as_json:
        from results.terminal import print_json

        print_json(rows)
    else:
        answers_table(rows)
    unread = sum("error" in row for row in rows)
    if unread:
        tell(f"{unread:,} of {len(rows):,} files could not be read")
        raise SystemExit(2 if unread == len(rows) else 1)
