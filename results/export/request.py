"""What is asked of an export, and what one format makes of it."""

from collections.abc import Mapping
from dataclasses import dataclass

from results.export.source import Source
from results.export.to_onnx import OPSET, Parity
from results.export.weights import Weights


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
        softmax: Whether an ONNX file gives probabilities instead of logits.
    """

    source: Source
    formats: tuple[str, ...]
    weights: Weights | None = None
    seed: int = 0
    untrained: str = ""
    opset: int = OPSET
    softmax: bool = False


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
