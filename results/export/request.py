"""What is asked of an export, and what one format makes of it."""

from collections.abc import Mapping
from dataclasses import dataclass

from results.export.source import Source
from results.export.to_onnx import Parity
from results.export.weights import Weights


@dataclass(frozen=True)
class Request:
    """What to export. weights: None for initial ones, of `seed`, and `untrained` says why."""

    source: Source
    formats: tuple[str, ...]
    weights: Weights | None = None
    seed: int = 0
    untrained: str = ""


@dataclass(frozen=True)
class Made:
    """One format's files, by name. note: what the user should know.   use: Python that loads it."""

    files: Mapping[str, bytes | str]
    parity: Parity | None = None
    note: str = ""
    use: str = ""
