"""A network as files that other programs read, each checked, with a model card."""

import dataclasses
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any

from results.export import to_timm as export_timm
from results.export import to_torch as export_torch
from results.export.card import card
from results.export.check import CARD, check, check_free
from results.export.request import Made, Request, about, ending, network_of, noted
from results.export.runtimes.int8 import to_int8
from results.export.runtimes.programs import to_coreml, to_executorch, to_litert, to_openvino
from results.export.to_onnx import (
    IMAGES,
    Parity,
    agreeing,
    described,
    images,
    onnx_parity,
    parity,
    shape_of,
    versions,
)
from results.export.to_tensorflow import to_tensorflow
from results.export.weights import pt_bytes, safetensors_bytes
from results.runs.files import write_atomically
from search_spaces.architecture import to_json
from search_spaces.errors import UserError, disk_error, meant

# What an untrained network is compared with, which decides how large its logits are.
PROBED = "with random statistics of batch normalization, so that a wrong epsilon shows"
INITIAL = "since the initial statistics of batch normalization normalize nothing"


@dataclass(frozen=True)
class Exported:
    """What was written into `folder`: every file, and each format's parity and note."""

    folder: Path
    files: list[str]
    made: Mapping[str, Made] = field(default_factory=dict)


def _probe(request: Request) -> Any:
    """Our network for a check of the code: with the weights, or with random ones.

    Random statistics of batch normalization are among these, whose initial ones would hide a wrong
    epsilon.
    """
    import torch

    network = network_of(request)
    generator = torch.Generator().manual_seed(0)
    for layer in network.modules():
        if request.weights is None and isinstance(layer, torch.nn.BatchNorm2d):
            layer.running_mean.normal_(0, 0.1, generator=generator)  # type: ignore[union-attr]
            layer.running_var.uniform_(0.5, 1.5, generator=generator)  # type: ignore[union-attr]
    return network


def _compared(request: Request, what: str, ours: Any, theirs: Any) -> Parity:
    import torch

    given = images(IMAGES, shape_of(request.source.architecture))
    with torch.no_grad():
        measured = agreeing(what, parity(ours(given), theirs.eval()(given)))
    return measured if request.weights else dataclasses.replace(measured, how=PROBED)


def to_torch(request: Request) -> Made:
    """A stand-alone module, and NAME.pt where there are weights."""
    a, name = request.source.architecture, request.source.name
    text, ours = export_torch.source(a, name), _probe(request)
    theirs = export_torch.network(text, name, ours.state_dict())
    agreement = _compared(request, f"{name}.py", ours, theirs)
    inputs = request.weights and request.weights.inputs
    files: dict[str, bytes | str] = {f"{name}.py": text + (inputs.source() if inputs else "")}
    given = ""
    if request.weights is not None:
        files[f"{name}.pt"], given = pt_bytes(request.weights.state), f'"{name}.pt"'
    use = f"from {name} import model\n\nnet = model({given}).eval()"
    return Made(files, agreement, use=use)


def to_timm(request: Request) -> Made:
    """A registration, with weights under timm's names.

    The stand-alone module is there too where timm can't say the network.
    """
    a, name, weights = request.source.architecture, request.source.name, request.weights
    files: dict[str, bytes | str] = {}
    if weights is not None:
        state = export_timm.timm_state(a, weights.state)
        files[f"timm_{name}.safetensors"] = safetensors_bytes(
            state, a, weights.origin, weights.inputs
        )
    why = export_timm.refusal(a)
    module = export_torch.source(a, name) if why else ""
    known = weights and weights.inputs
    pixels = known.by_channel if known else export_timm.imagenet(a.in_channels)
    text = export_timm.source(a, name, next(iter(files), ""), pixels)
    files[f"timm_{name}.py"] = text
    files |= {f"{name}.py": module} if module else {}
    agreement, note = None, _without_timm()
    if not note:
        agreement = _timm_parity(request, text, module)
    if why:
        note = f"{note + '; ' if note else ''}registered as the stand-alone module, since {why}"
    loaded = ", pretrained=True" if weights else ""
    use = f'import timm\nimport timm_{name}\n\nnet = timm.create_model("nas_{name}"{loaded}).eval()'
    return Made(files, agreement, note, use)


def _without_timm() -> str:
    """Why nothing can be checked with timm here; empty where it can."""
    if find_spec("timm") is None:
        return "not checked: timm is not installed here"
    try:
        import timm  # noqa: F401
    except Exception as error:  # a torchvision that doesn't fit torch raises RuntimeError
        return f"not checked: timm can't be imported here ({error})"
    return ""


def _timm_parity(request: Request, text: str, module: str) -> Parity:
    """The network that timm builds against ours, both made here."""
    a, name, ours = request.source.architecture, request.source.name, _probe(request)
    made = [(name, module)] if module else []
    for module_name, code in [*made, (f"timm_{name}", text)]:
        loaded = sys.modules[module_name] = ModuleType(module_name)
        loaded.__file__ = f"{module_name}.py"
        exec(compile(code, f"{module_name}.py", "exec"), loaded.__dict__)
    import timm

    theirs = timm.create_model(f"nas_{name}")
    theirs.load_state_dict(export_timm.timm_state(a, ours.state_dict()))
    return _compared(request, f"timm_{name}.py", ours, theirs)


def to_onnx(request: Request) -> Made:
    """An ONNX file that ONNX Runtime gives torch's logits with.

    Raises:
        RunFailure: It gives others.
    """
    a, name = request.source.architecture, request.source.name
    network, output = ending(request)
    data = described(request.onnx, about(request, output))
    opset, ir = versions(data)
    agreement = agreeing(f"{name}.onnx", onnx_parity(data, network, shape_of(a), IMAGES))
    note = noted(request, f"opset {opset}, IR {ir}")
    use = (
        f'import onnxruntime\n\nsession = onnxruntime.InferenceSession("{name}.onnx")\n'
        f'({output},) = session.run(None, {{"images": images}})'
    )
    return Made({f"{name}.onnx": data}, agreement, note, use)


def to_safetensors(request: Request) -> Made:
    """The weights under the names of the stand-alone module."""
    a, name = request.source.architecture, request.source.name
    assert request.weights is not None  # check
    weights = request.weights
    data = safetensors_bytes(weights.state, a, weights.origin, weights.inputs)
    use = (
        f"from safetensors.torch import load_file\n\nnet.load_state_dict("
        f'load_file("{name}.safetensors"))  # net: of {name}.py'
    )
    return Made({f"{name}.safetensors": data}, use=use)


# A format is one function and one line here.
FORMATS: dict[str, Callable[[Request], Made]] = {
    "torch": to_torch,
    "timm": to_timm,
    "tf": to_tensorflow,
    "onnx": to_onnx,
    "safetensors": to_safetensors,
    "int8": to_int8,
    "openvino": to_openvino,
    "litert": to_litert,
    "executorch": to_executorch,
    "coreml": to_coreml,
}


def parse_formats(texts: tuple[str, ...]) -> tuple[str, ...]:
    """`("torch,onnx", "tf")` -> the formats, each once.

    Raises:
        UserError: There is no such format, or none was named.
    """
    names = [name.strip() for text in texts for name in text.split(",")]
    for name in names:
        if name not in FORMATS:
            raise UserError(
                f"--to is {name!r}{meant(name, FORMATS)}: expected some of {', '.join(FORMATS)}"
            )
    if not names:
        raise UserError(f"--to is missing: expected some of {', '.join(FORMATS)}")
    return tuple(dict.fromkeys(names))


def export(
    request: Request,
    folder: Path,
    force: bool = False,
    say: Callable[[str], None] = lambda text: None,
) -> Exported:
    """Makes and checks every file, then writes them, the model card last.

    Args:
        request: What to export.
        folder: Where to; it is made.
        force: Files that are there are written over.
        say: Is told what goes on.

    Raises:
        UserError: A format can't say the network, or has no weights; the folder can't be written;
            files are there, without `force`. Nothing was written then.
        RunFailure: A file disagrees, and nothing was written; or the disk refuses.
    """
    check(request, folder, force)
    made = {}
    for i, name in enumerate(request.formats, 1):
        say(f"{name}: making and checking it, {i} of {len(request.formats)}")
        made[name] = _told(FORMATS[name](request), request)
    always = f"{request.source.name}.json"
    files: dict[str, bytes | str] = {}
    for each in made.values():
        files |= each.files
    files[always] = to_json(request.source.architecture, indent=2) + "\n"
    files[CARD] = card(request, made)
    if not force:
        check_free(folder, files)
    for name, content in files.items():
        _make_folder((folder / name).parent)
        write_atomically(folder / name, content)
    return Exported(folder, list(files), made)


def _told(made: Made, request: Request) -> Made:
    """A format with its parity, which says so where the weights compared are initial ones."""
    if request.weights is not None or made.parity is None or made.parity.how:
        return made
    return dataclasses.replace(made, parity=dataclasses.replace(made.parity, how=INITIAL))


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        message = f"the folder {folder} can't be made ({error.strerror}): choose another one"
        raise disk_error(error, message) from error


def figures(exported: Exported) -> dict[str, Any]:
    """What was written, as plain JSON values."""
    formats = {}
    for name, made in exported.made.items():
        measured = made.parity
        formats[name] = {
            "files": list(made.files),
            "note": made.note,
            "parity": None if measured is None
            else {**dataclasses.asdict(measured), "allowed": measured.allowed},
        }  # fmt: skip
    return {"folder": str(exported.folder), "files": exported.files, "formats": formats}
