"""The ImageNet model's file: the embedded one, or one that a user fitted."""

import functools
import importlib.resources
import zipfile
from pathlib import Path

from nas.imagenet.joint.model import Joint
from results.runs.files import read_bytes
from search_spaces.errors import UserError, check_place

EMBEDDED = "imagenet.npz"


def load(path: str | Path | None = None) -> Joint:
    """Reads a file of `python -m nas.imagenet.evidence.fit`; nothing in it is executed.

    Args:
        path: of the file; None for the embedded one.

    Raises:
        UserError: it can't be read, or is no such file.
    """
    if path is None:
        return embedded()
    check_place("path", path, "a file")
    return _parsed(read_bytes(Path(path)), str(path))


@functools.cache
def embedded() -> Joint:
    """The embedded model, read once."""
    file = importlib.resources.files("nas.imagenet") / "data" / EMBEDDED
    return _parsed(file.read_bytes(), EMBEDDED)


def _parsed(content: bytes, place: str) -> Joint:
    try:
        return Joint.from_bytes(content)
    except (ValueError, KeyError, TypeError, IndexError, EOFError, zipfile.BadZipFile) as error:
        raise UserError(
            f"{place} is no ImageNet model of this version ({error!r}): expected a file that "
            "`python -m nas.imagenet.evidence.fit` wrote"
        ) from None
