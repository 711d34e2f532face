"""What of an export can be refused at once, before minutes of work."""

from collections.abc import Callable, Iterable
from pathlib import Path

from results.export.request import Request
from results.export.runtimes.int8 import check_samples
from results.export.runtimes.programs import NEEDS, check_extra
from results.export.source import Source
from results.export.to_onnx import check_installed
from results.export.weights import check_safetensors
from results.runs.files import check_writable
from search_spaces.errors import UserError
from search_spaces.interchange import to_tf

CARD = "README.md"


def check_free(folder: Path, names: Iterable[str]) -> None:
    """Refuses to write over files that are there and not empty.

    Raises:
        UserError: Some of these names are; they are named.
    """

    def filled(path: Path) -> bool:
        return path.exists() and (not path.is_file() or path.stat().st_size > 0)

    if there := [name for name in names if filled(folder / name)]:
        raise UserError(
            f"{folder} has {', '.join(there)} already: choose another folder, or add --force to "
            "write over them"
        )


def _check_tensorflow(source: Source) -> None:
    a = source.architecture
    if (a.stem_kernel, a.stem_stride, a.stem_pool) != (3, 2, False) or not a.head:
        raise UserError(
            f"{source.name} has no TensorFlow form: tensorflow/tpu's stem is a 3x3 conv of "
            "stride 2, and it has a head conv"
        )
    to_tf(a)


# What a format asks of the network and of what is installed, where it does; raises UserError.
CHECKS: dict[str, Callable[[Source], None]] = {
    "tf": _check_tensorflow,
    "onnx": lambda source: check_installed(),
    "int8": lambda source: check_installed(),
    "safetensors": lambda source: check_safetensors(),
}


def check_formats(source: Source, formats: Iterable[str]) -> None:
    """Refuses formats that can't say the network, or need what is not installed.

    Raises:
        UserError: One does.
    """
    for name in formats:
        if name in CHECKS:
            CHECKS[name](source)
        if name in NEEDS:
            check_extra(name)


def check(request: Request, folder: Path, force: bool = False) -> None:
    """Refuses what `results.export.write.export` could not write, before work that takes long.

    Raises:
        UserError: As `export`.
    """
    check_writable(folder / CARD)
    check_formats(request.source, request.formats)
    if request.weights is None and "safetensors" in request.formats:
        raise UserError(
            f"{request.untrained or 'there are no weights'}: give --weights FILE, or search with "
            "--data and --halving, which keeps them"
        )
    if "int8" in request.formats:
        check_samples(request)
    if request.weights is not None and "timm" in request.formats:
        check_safetensors()
    if not force:
        check_free(folder, [f"{request.source.name}.json", CARD])
