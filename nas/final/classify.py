"""Images -> classes, by a trained network of a run or by an exported ONNX file."""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from nas.training.decoding import decode, reason
from results.export.inputs import Inputs, from_metadata
from results.runs.load import BEST, load_architecture, run_folder, without_network
from search_spaces.errors import UserError

Pixels = npt.NDArray[np.float32]
Model = Callable[[Pixels], npt.NDArray[np.float64]]  # (n, c, h, w) -> probabilities (n, classes)
BATCH = 32


def prepared(path: Path, inputs: Inputs) -> Pixels:
    """An image file as the network takes it: (channels, height, width).

    Raises:
        ValueError: The file can't be used; Pillow raises its own errors besides.
    """
    height, width = inputs.resized
    pixels = decode(str(path), (height, width), inputs.channels, inputs.fit)
    top, left = (height - inputs.height) // 2, (width - inputs.width) // 2
    cut = pixels[top : top + inputs.height, left : left + inputs.width].astype(np.float32) / 255
    mean, deviation = (np.array(numbers, np.float32) for numbers in inputs.by_channel)
    return np.ascontiguousarray(((cut - mean) / deviation).transpose(2, 0, 1))


def model_of(spec: str, runs: Path) -> tuple[Model, Inputs]:
    """What classifies, and what it expects.

    Args:
        spec: A run that keeps weights, or an ONNX file written by `nas export`.
        runs: The folder of runs.

    Raises:
        UserError: There is none; or an ONNX file does not say its classes and inputs.
    """
    if spec.lower().endswith(".onnx"):
        return _of_onnx(Path(spec))
    folder = run_folder(spec, runs)
    if folder is None:
        raise UserError(
            f"{spec!r} is no run and no .onnx file: expected what `nas train` or `nas fit` made, "
            "or a file of `nas export ... --to onnx`"
        )
    if not (folder / BEST).is_file():
        raise without_network(folder)
    return _of_run(folder)


def _of_run(folder: Path) -> tuple[Model, Inputs]:
    from nas.training.weights import NoWeights, kept_weights
    from results.runs.files import read_json
    from results.runs.folder import RECORD, read_record

    architecture = load_architecture(str(folder))
    record = read_record(folder) if (folder / RECORD).is_file() else {}
    try:
        weights = kept_weights(folder, architecture, read_json(folder / BEST), record)
    except NoWeights as error:
        raise UserError(f"{error}: nas train {folder} --data IMAGES trains it") from None
    if weights.inputs is None or not weights.inputs.classes:
        raise UserError(
            f"the run {folder} does not name its classes: train its network with nas train "
            f"{folder} --data IMAGES"
        )
    import torch

    from search_spaces.builder import build

    network = build(architecture, seed=0).eval()
    network.load_state_dict(dict(weights.state))

    def probabilities(pixels: Pixels) -> npt.NDArray[np.float64]:
        with torch.inference_mode():
            logits = network(torch.from_numpy(pixels)).double()
        return logits.softmax(1).numpy()  # type: ignore[no-any-return]

    return probabilities, weights.inputs


def _of_onnx(file: Path) -> tuple[Model, Inputs]:
    from results.export.to_onnx import check_installed

    if not file.is_file():
        raise UserError(f"there is no file {file}: expected an ONNX file of `nas export`")
    check_installed()
    import onnxruntime

    try:
        session = onnxruntime.InferenceSession(str(file), providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime has errors of its own for each kind of damage
        first = str(error).partition("\n")[0]
        raise UserError(
            f"{file} can't be loaded by ONNX Runtime ({first}): export it again"
        ) from None
    about = session.get_modelmeta().custom_metadata_map
    if about.get("trained") == "false":
        raise UserError(
            f"{file} was exported untrained, so its answers would mean nothing: expected an "
            "export of a network that nas train or nas fit trained"
        )
    inputs = from_metadata(about, str(file))
    if not inputs.classes:
        raise UserError(f"{file} does not name its classes: export it from a run of nas train")
    given = session.get_inputs()[0].name
    _check_shapes(session, inputs, file)
    final = about.get("output") == "probabilities"

    def probabilities(pixels: Pixels) -> npt.NDArray[np.float64]:
        (out,) = session.run(None, {given: pixels})
        numbers = out.astype(np.float64)
        if final:
            return numbers  # type: ignore[no-any-return]
        shifted = np.exp(numbers - numbers.max(1, keepdims=True))
        return shifted / shifted.sum(1, keepdims=True)  # type: ignore[no-any-return]

    return probabilities, inputs


def _check_shapes(session: Any, inputs: Inputs, file: Path) -> None:
    """Refuses metadata of other images or classes than the graph's, as hands leave it."""
    taken, out = (ends[0].shape[1:] for ends in (session.get_inputs(), session.get_outputs()))
    said = [inputs.channels, inputs.height, inputs.width]
    if any(type(own) is int and own != other for own, other in zip(taken, said, strict=False)):
        own, other = ("x".join(map(str, sides)) for sides in (taken, said))
        raise UserError(
            f"{file} takes images of {own} (channels x height x width), and its metadata says "
            f"{other}: export it again"
        )
    if out and type(out[0]) is int and out[0] != len(inputs.classes):
        raise UserError(
            f"{file} has {out[0]} outputs, and its metadata names {len(inputs.classes)} classes: "
            "export it again"
        )


def image_files(places: Iterable[Path]) -> list[Path]:
    """Files, and of folders all regular files below, hidden ones apart; in order.

    Raises:
        UserError: Something isn't there, or there is no file at all.
    """
    files: list[Path] = []
    for place in places:
        if place.is_dir():
            below = sorted(p for p in place.rglob("*") if p.is_file())
            files += [
                p for p in below if not any(q.startswith(".") for q in p.relative_to(place).parts)
            ]
        elif place.is_file():
            files.append(place)
        else:
            raise UserError(f"there is no image {place}: expected image files, or folders of them")
    if not files:
        raise UserError("no file is in these folders: expected images")
    return files


def classify(
    model: Model, inputs: Inputs, files: Sequence[Path], top: int = 2
) -> list[dict[str, Any]]:
    """The most probable classes of each image.

    Args:
        model: As `model_of` gives it.
        inputs: What it expects.
        files: Of images.
        top: How many classes.

    Returns:
        For each file `image` and `answers`, of `class` and `probability`, the most probable first;
        or `error`, why it can't be read.
    """
    rows: list[dict[str, Any]] = []
    for start in range(0, len(files), BATCH):
        pixels, held = [], []
        for path in files[start : start + BATCH]:
            row: dict[str, Any] = {"image": str(path)}
            rows.append(row)
            try:
                pixels.append(prepared(path, inputs))
                held.append(row)
            except Exception as error:  # Pillow raises nearly anything on a broken file
                row["error"] = reason(error).replace(str(path), path.name)
        if held:
            for row, chances in zip(held, model(np.stack(pixels)), strict=True):
                order = np.argsort(-chances, kind="stable")[:top]
                row["answers"] = [
                    {"class": inputs.classes[i], "probability": float(chances[i])} for i in order
                ]
    return rows
