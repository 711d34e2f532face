"""`nas export`: a network as files that other programs read."""

import functools
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from nas.commands.options import JSON, RUNS, options
from results.terminal import tell
from search_spaces.errors import UserError

if TYPE_CHECKING:
    from results.export.request import Request
    from results.export.write import Exported
    from search_spaces.architecture import Architecture

EXPORT = (
    click.argument("network", metavar="NETWORK"),
    click.argument("folder", metavar="DIR", type=click.Path(path_type=Path)),
    click.option("--to", "formats", multiple=True, metavar="FORMAT,..", required=True,
                 help="torch, timm, tf, onnx, safetensors, int8 (of ONNX), openvino, litert, "
                 "executorch, coreml; may be repeated."),
    click.option("--weights", type=click.Path(path_type=Path, exists=True, dir_okay=False),
                 metavar="FILE", help="A state_dict, .pt or .safetensors, under any names. "
                 "Default: what the run kept of its pick."),
    click.option("--epsilon", type=click.FloatRange(0, 1, min_open=True), metavar="X",
                 help="That the batch normalization of --weights was trained with: 1e-5 in most "
                 "networks of timm and torchvision. The weights are changed so that the outputs "
                 "stay with ours. Default: 0.001, as in TensorFlow's networks and our own."),
    click.option("--data", type=click.Path(path_type=Path, exists=True), metavar="IMAGES",
                 help="For int8: the images that the network was trained on; some give the range "
                 "of each number, others the accuracy that is lost."),
    click.option("--classes", type=click.IntRange(2), metavar="N",
                 help="Of the classifier, where the network was found for another number."),
    click.option("--seed", default=0, show_default=True, type=click.IntRange(0, 2**32 - 1),
                 help="Of the initial weights, where there are no others."),
    click.option("--opset", default=18, show_default=True, type=click.IntRange(18, 23),
                 metavar="N", help="Of the ONNX file's operators; the fewer, the older a runtime."),
    click.option("--softmax", is_flag=True,
                 help="ONNX and what else runs by itself ends in probabilities."),
    click.option("--name", help="Of the files, as my_net. Default: made from NETWORK."),
    click.option("--force", is_flag=True, help="Write over files that are there."),
    RUNS,
    JSON,
)  # fmt: skip


@click.command()
@options(EXPORT)
def export(folder: Path, force: bool, as_json: bool, **given: Any) -> None:
    """Write NETWORK into DIR for other programs, with a model card.

    NETWORK: a name, a run, a JSON file, or FAMILY:NAME, as runs/my-family:phi3. What is written
    was compared with the network itself; nothing is left that disagrees.
    """
    from nas.commands.progress import working
    from results.export.check import CARD
    from results.export.write import export as write
    from results.export.write import figures
    from results.runs.files import check_writable, doubting

    check_writable(folder / CARD)  # asked before weights are read, which takes seconds
    with working(as_json) as say:
        say("reading the network and its weights")
        with doubting(given["network"]):
            request = request_of(**given)
        done = write(request, folder, force, say)
    if as_json:
        from results.terminal import print_json

        known: dict[str, Any] = {"id": request.source.architecture.id}
        known |= {"trained": request.weights is not None, "untrained": request.untrained or None}
        print_json({**known, **figures(done)})
    else:
        _print(request, done)


def request_of(
    network: "str | Architecture",
    formats: tuple[str, ...],
    weights: Path | None,
    classes: int | None,
    seed: int,
    opset: int,
    softmax: bool,
    name: str | None,
    runs: Path,
    data: Path | None = None,
    epsilon: float | None = None,
) -> "Request":
    """What the options ask for, with the weights that there are.

    Args:
        network: A name, a run, a JSON file, or FAMILY:NAME; or itself.
        formats: As they were typed, each with commas.
        weights: A file; None takes what the run kept of its pick.
        classes: Of the classifier; None keeps the network's.
        seed: Of the initial weights, where there are no others.
        opset: Of an ONNX file's operators.
        softmax: Whether files that run by themselves end in probabilities.
        name: Of the files; None makes one from the network.
        runs: The folder of runs.
        data: Images, for `int8`.
        epsilon: Of the weights' batch normalization; None for ours.

    Raises:
        UserError: The network, a format or the weights can't be used.
    """
    from results.export.check import check_formats
    from results.export.request import Request
    from results.export.source import load_source
    from results.export.weights import with_epsilon
    from results.export.write import parse_formats

    if epsilon is not None and weights is None:
        raise UserError(f"--epsilon is {epsilon:g}, which --weights have: give --weights FILE too")
    wanted = parse_formats(formats)
    source = load_source(network, runs, name)
    network = source.spec
    trained_for = source.architecture.classes
    if classes is not None:
        source = replace(source, architecture=replace(source.architecture, classes=classes))
    check_formats(source, wanted)
    asked = Request(source, wanted, seed=seed, opset=opset, softmax=softmax)
    asked = _weighed(asked, network, weights, classes in (None, trained_for), trained_for)
    if epsilon is not None and asked.weights is not None:
        state = with_epsilon(asked.weights.state, epsilon)
        asked = replace(asked, weights=replace(asked.weights, state=state))
    if "int8" not in wanted or data is None or asked.weights is None:
        return asked
    inputs = asked.weights.inputs
    if inputs is None or not inputs.classes:
        raise UserError(
            f"the weights of {network} do not say what images they take, which --to int8 needs: "
            f"train it with nas train {network} --data {data}"
        )
    from nas.final.samples import samples_of

    return replace(asked, samples=samples_of(data, inputs))


def _weighed(
    asked: "Request", network: str, weights: Path | None, same: bool, trained_for: int
) -> "Request":
    """The request with the weights that there are, or with why there are none.

    Args:
        asked: Without weights.
        network: As it was typed.
        weights: A file; None takes what the run kept of its pick.
        same: Whether the classes are those that the network was found for.
        trained_for: How many these are.
    """
    from nas.training.weights import NoWeights, kept_weights
    from results.export.weights import read_weights

    source = asked.source
    if weights is not None:
        given = read_weights(weights, source.architecture)
        if given.padding not in (None, source.architecture.padding):
            tell(f"note: {weights} was trained with padding {given.padding!r}, which the "
                 "network takes too")  # fmt: skip
            padded = replace(source.architecture, padding=given.padding)
            asked = replace(asked, source=replace(source, architecture=padded))
        return replace(asked, weights=given)
    if source.folder is None:
        return replace(asked, untrained=f"{network} comes without weights")
    if not same:
        asked_for = source.architecture.classes
        why = f"--classes {asked_for}, and {network} was trained for {trained_for}"
        return replace(asked, untrained=why)
    try:
        kept = kept_weights(source.folder, source.architecture, source.best, source.record)
    except NoWeights as error:
        return replace(asked, untrained=str(error))
    return replace(asked, weights=kept)


def _print(request: "Request", done: "Exported") -> None:
    say = functools.partial(tell, err=False)
    for name, made in done.made.items():
        say(f"{name}: {', '.join(made.files)}")
        if made.parity is not None:
            say(f"  compared with the network it was made from: {made.parity.text}")
        if made.note:
            say(f"  {made.note}")
    if request.weights is None:
        say(f"not trained: {request.untrained}")
        say(
            "  the weights in these files are initial ones, so their outputs mean nothing: "
            f"nas train {request.source.spec} --data IMAGES trains the network"
        )
    say(f"written: {done.folder}, with {request.source.name}.json and README.md")
