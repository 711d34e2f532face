"""What is asked of an export, and what one format makes of it."""

import functools
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from results.export.source import Source
from results.export.to_onnx import OPSET, Parity, onnx_bytes, shape_of
from results.export.weights import Weights
from search_spaces.architecture import to_json

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Samples:
    """Images as the network takes them, (n, channels, height, width), float32.

    Attributes:
        calibration: Of the training images.
        images: Of the validation images.
        labels: Of these, the outputs that are right.
    """

    calibration: "NDArray[np.float32]"
    images: "NDArray[np.float32]"
    labels: tuple[int, ...]


@dataclass(frozen=True)
class Request:
    """What to export.

    Attributes:
        source: The network, and what is known of it.
        formats: Of `results.export.write.FORMATS`.
        weights: None for initial ones.
        seed: Of the initial weights.
        untrained: Why there are no others.
        opset: Of an ONNX file's operators.
        softmax: Whether files that run by themselves give probabilities instead of logits.
        samples: What `int8` is made by.
    """

    source: Source
    formats: tuple[str, ...]
    weights: Weights | None = None
    seed: int = 0
    untrained: str = ""
    opset: int = OPSET
    softmax: bool = False
    samples: Samples | None = field(default=None, repr=False, compare=False)

    @functools.cached_property
    def onnx(self) -> bytes:
        """The network as ONNX, without metadata: made once for all formats that begin with it."""
        network, output = ending(self)
        return onnx_bytes(network, shape_of(self.source.architecture), self.opset, output)


@dataclass(frozen=True)
class Made:
    """One format's files.

    Attributes:
        files: Content by name.
        parity: With the network itself; None where the files hold nothing to run.
        note: What the user should know.
        use: Python that loads it.
    """

    files: Mapping[str, bytes | str]
    parity: Parity | None = None
    note: str = ""
    use: str = ""


def network_of(request: Request) -> Any:
    """Our torch network with the request's weights, in evaluation mode."""
    from search_spaces.builder import build

    network = build(request.source.architecture, seed=request.seed)
    if request.weights is not None:
        network.load_state_dict(dict(request.weights.state))
    return network.eval()


def ending(request: Request) -> tuple[Any, str]:
    """The network as a file that runs by itself ends, and the name of what it gives."""
    network, output = network_of(request), ending_of(request)
    if not request.softmax:
        return network, output
    from torch.nn import Sequential, Softmax

    return Sequential(network, Softmax(1)).eval(), output


def ending_of(request: Request) -> str:
    """What such a file gives."""
    return "probabilities" if request.softmax else "logits"


def about(request: Request, output: str) -> dict[str, str]:
    """What such a file says of itself: its architecture, its inputs, its outputs."""
    inputs = request.weights and request.weights.inputs
    return {
        "architecture": to_json(request.source.architecture),
        "layout": "NCHW",
        "output": output,
        "trained": json.dumps(request.weights is not None),
        **(inputs.metadata() if inputs else {}),
    }


def noted(request: Request, *more: str) -> str:
    """What is to be known of a file, and whether its weights are initial ones."""
    if request.weights is None:
        more = (*more, f"initial weights of seed {request.seed}: not trained")
    return "; ".join(more)
