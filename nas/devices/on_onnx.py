"""Networks in ONNX Runtime on the CPU; each block is exported once and whole ones are joined."""

import io
import warnings
from collections.abc import Callable, Iterable
from functools import reduce
from typing import Any

from nas.devices.blocks import keys_of
from nas.devices.deployed import flattened
from nas.devices.runtime import Run, Setting, by_clock, processor
from results.export.to_onnx import check_installed
from search_spaces.architecture import Architecture
from search_spaces.builder import build
from search_spaces.errors import UserError
from search_spaces.layers import walk

IN, OUT = "x", "y"


class OnnxRuntime:
    """A `nas.devices.runtime.Runtime`: a chain has a session for each block, a network has one."""

    def __init__(self, setting: Setting) -> None:
        check_installed()
        if setting.on != "cpu" or setting.dtype != "float32":
            raise UserError(
                f"--runtime onnxruntime runs float32 on the cpu here, not {setting.dtype} on "
                f"{setting.on}: expected --runtime torch for that"
            )
        self._setting = setting
        self._models: dict[str, Any] = {}
        self._sessions: dict[str, Callable[[Any], Any]] = {}

    def whole(self, architecture: Architecture) -> Callable[[], Run]:
        """See Runtime. All blocks are joined to a single model first."""
        step = self._session(_joined(self._blocks(architecture)))
        images = self._images(architecture).numpy()
        return lambda: by_clock((step,), images, self._setting.threads == 1)[0]

    def chain(self, architecture: Architecture) -> Callable[[], list[Run]]:
        """See Runtime. Blocks of equal key share a session."""
        keys, images = keys_of(architecture), self._images(architecture).numpy()
        for key, model in zip(keys, self._blocks(architecture), strict=True):
            if key not in self._sessions:
                self._sessions[key] = self._session(model)
        steps = [self._sessions[key] for key in keys]
        return lambda: by_clock(steps, images, self._setting.threads == 1)

    def peak_bytes(self, architecture: Architecture) -> None:
        """None: ONNX Runtime does not tell."""
        return None

    def machine(self) -> str:
        """The processor's name."""
        return processor()

    def _images(self, architecture: Architecture) -> Any:
        import torch

        return torch.randn(self._setting.batch, architecture.in_channels, *architecture.size)

    def _blocks(self, architecture: Architecture) -> list[Any]:
        """The ONNX models of the network's blocks; those of equal key are the same model."""
        import torch

        keys = keys_of(architecture)
        if not self._models.keys() >= set(keys):
            network, x = build(architecture), self._images(architecture)
            for key, (name, _) in zip(keys, walk(architecture), strict=True):
                with torch.inference_mode():
                    block = flattened(network.get_submodule(name))
                    if key not in self._models:
                        self._models[key] = _exported(block, x)
                    x = block(x)
        return [self._models[key] for key in keys]

    def _session(self, model: Any) -> Callable[[Any], Any]:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = self._setting.threads
        options.log_severity_level = 3
        session = onnxruntime.InferenceSession(
            model.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )
        name = session.get_inputs()[0].name
        return lambda x: session.run(None, {name: x})[0]


def _exported(block: Any, x: Any) -> Any:
    """The block's ONNX model. By the older exporter, which takes a tenth of the time."""
    import onnx
    import torch

    file: Any = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(block, (x,), file, dynamo=False, input_names=[IN], output_names=[OUT])
    return onnx.load_from_string(file.getvalue())


def _joined(models: Iterable[Any]) -> Any:
    """A single model of models that follow one another."""
    from onnx import compose

    named = [(i, compose.add_prefix(model, f"{i}/")) for i, model in enumerate(models)]

    def join(before: tuple[int, Any], after: tuple[int, Any]) -> tuple[int, Any]:
        ends = [(f"{before[0]}/{OUT}", f"{after[0]}/{IN}")]
        return after[0], compose.merge_models(before[1], after[1], io_map=ends)

    return reduce(join, named)[1]
