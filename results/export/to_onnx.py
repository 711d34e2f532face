"""An ONNX file of a network, and its agreement with torch through ONNX Runtime."""

import contextlib
import logging
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from search_spaces.architecture import Architecture
from search_spaces.errors import RunFailure, check_packages

TOLERANCE = 1e-4
OPSET, OPSETS = 18, (18, 23)  # the default, which the oldest runtimes load; the least and the most
Shape = tuple[int, int, int]  # channels, height and width of images
NEEDS = ("onnx", "onnxscript", "onnxruntime")
IMAGES = 2  # that a parity is measured on


@dataclass(frozen=True)
class Parity:
    """Two runs of the same network on the same images.

    Attributes:
        difference: The largest between two logits.
        largest: The largest logit's magnitude.
        images: How many.
        how: Why logits are so large or small, where the weights are not trained.
    """

    difference: float
    largest: float
    images: int
    how: str = ""

    @property
    def allowed(self) -> float:
        """The largest difference that float32 explains, which holds seven digits.

        1e-4 for logits from 1 to 10; of smaller ones 1e-4 of the largest, of larger ones 1e-5 of
        it.
        """
        return max(TOLERANCE * min(1.0, self.largest), 0.1 * TOLERANCE * self.largest)

    @property
    def text(self) -> str:
        """What was compared, and how it came out."""
        return (
            f"on {self.images} random images the logits, of up to {self.largest:.3g}"
            f"{' ' * bool(self.how)}{self.how}, differ by "
            f"{self.difference:.2g} at most ({self.allowed:.2g} is allowed)"
        )

    @property
    def agree(self) -> bool:
        """Whether the difference is allowed."""
        return self.difference <= self.allowed  # not for nan


def parity(ours: Any, theirs: Any) -> Parity:
    """Of two tensors of logits, (images, classes)."""
    return Parity(float((ours - theirs).abs().max()), float(ours.abs().max()), len(ours))


def shape_of(architecture: Architecture) -> Shape:
    """What the network takes."""
    return architecture.in_channels, *architecture.size


def images(count: int, shape: Shape) -> Any:
    """`count` images of standard normal numbers, always the same."""
    import torch

    return torch.randn(count, *shape, generator=torch.Generator().manual_seed(0))


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Without the exporter's words on operators of libraries that are not here."""
    logger = logging.getLogger("torch.onnx")
    before = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(before)


def check_installed() -> None:
    """Refuses where onnx, its runtime or what torch's exporter needs is missing.

    Raises:
        UserError: It is; what to install is named.
    """
    check_packages("ONNX export", NEEDS, "export")


def onnx_bytes(network: Any, shape: Shape, opset: int = OPSET, output: str = "logits") -> bytes:
    """The network as one ONNX file: `images` (batch, *shape) -> `logits`, batch free.

    Its format (IR) is the oldest one that can hold the operators.

    Args:
        network: A torch module in evaluation mode, on the CPU.
        shape: Of its images.
        opset: Of ONNX's operators, within OPSETS.
        output: Name of what it gives.
    """
    import onnx
    import torch

    batch = torch.export.Dim("batch")
    with _quiet(), torch.no_grad():
        program = torch.onnx.export(
            network,
            (images(2, shape),),
            dynamo=True,
            verbose=False,
            input_names=["images"],
            output_names=[output],
            dynamic_shapes=({0: batch},),
            opset_version=opset,
        )
    assert program is not None
    model = program.model_proto
    model.ir_version = onnx.helper.find_min_ir_version_for(model.opset_import)
    return model.SerializeToString()  # type: ignore[no-any-return]


def described(data: bytes, about: Mapping[str, str]) -> bytes:
    """An ONNX file with these texts in its metadata."""
    import onnx

    model = onnx.load_model_from_string(data)
    onnx.helper.set_model_props(model, dict(about))
    return model.SerializeToString()  # type: ignore[no-any-return]


def versions(data: bytes) -> tuple[int, int]:
    """(opset, IR) of an ONNX file."""
    import onnx

    model = onnx.load_model_from_string(data)
    return max(each.version for each in model.opset_import if not each.domain), model.ir_version


def onnx_parity(data: bytes, network: Any, shape: Shape, count: int) -> Parity:
    """ONNX Runtime's logits of the file against torch's, in one batch and image by image."""
    import numpy as np
    import onnxruntime
    import torch

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    session = onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    given = images(count, shape)
    with torch.no_grad():
        ours = network(given)
    whole = session.run(None, {"images": given.numpy()})[0]
    single = np.concatenate([session.run(None, {"images": x[None].numpy()})[0] for x in given])
    return max(
        (parity(ours, torch.from_numpy(theirs)) for theirs in (whole, single)),
        key=lambda each: each.difference,
    )


def agreeing(what: str, measured: Parity) -> Parity:
    """The parity itself.

    Raises:
        RunFailure: The two don't agree.
    """
    if not measured.agree:
        raise RunFailure(
            f"{what} disagrees with the network by {measured.difference:.2g} in logits of up to "
            f"{measured.largest:.3g} ({measured.allowed:.2g} is allowed), so it was not written: "
            "please report it with the network's JSON"
        )
    return measured
