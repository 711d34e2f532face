"""Files: written whole or not at all, and read without being believed."""

import contextlib
import errno
import json
import os
import stat
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from search_spaces.errors import RunFailure, UserError, disk_error, of_place, said

EXPECTED = ": expected a file as this package writes it"
LARGEST = 1 << 30  # bytes of a file that is read whole
Kinds = type | tuple[type, ...]
_NAMES = {
    dict: "an object", list: "a list", str: "a text", int: "a whole number", float: "a number",
    bool: "true or false", type(None): "null",
}  # fmt: skip


def write_atomically(path: Path, content: bytes | str) -> None:
    """Writes the whole file or nothing: a reader never sees a part.

    Raises:
        UserError: Nothing may be written there.
        RunFailure: The disk refuses.
    """
    check_replaceable(path)
    data = content.encode() if isinstance(content, str) else content
    temporary = None
    try:
        with tempfile.NamedTemporaryFile(
            dir=path.parent, prefix=f".{path.name}.", delete=False
        ) as file:
            temporary = Path(file.name)
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(0o644)
        temporary.replace(path)
    except OSError as error:
        if temporary is not None:
            temporary.unlink(missing_ok=True)
        room = "" if of_place(error) else "free some space or "
        raise disk_error(
            error,
            f"{path} could not be written ({error.strerror}): nothing was overwritten; {room}"
            "choose another folder, and run the same command again",
        ) from error


def check_writable(path: Path) -> None:
    """Makes and removes a temporary file beside the file that is to be written.

    Where its folder is not there, so in the nearest one above.

    Raises:
        UserError: Nothing can be written there.
    """
    check_replaceable(path)
    try:
        folder, name = path.parent, path.name
        while not folder.exists() and folder != folder.parent:
            folder, name = folder.parent, folder.name
        if not folder.is_dir():
            raise UserError(f"{folder} is a file: choose another folder")
        with tempfile.NamedTemporaryFile(dir=folder, prefix=f".{name}."):
            pass
    except OSError as error:
        raise UserError(
            f"{path} can't be written ({error.strerror}): choose another folder"
        ) from None


def check_replaceable(path: Path) -> None:
    """Refuses to write over a pipe or a device, which who reads it may wait for.

    Raises:
        UserError: One stands there.
    """
    try:
        mode = path.stat().st_mode
    except OSError:
        return  # what writes says why
    if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
        raise UserError(
            f"{path} is a pipe or a device, and nothing is written over it: choose another place"
        )


def check_room(folder: Path, size: int) -> None:
    """Makes and removes a file of so many bytes, which work of hours is to end in.

    Raises:
        RunFailure: There is no room for it.
    """
    try:
        with tempfile.NamedTemporaryFile(dir=folder, prefix=".room.") as file:
            if hasattr(os, "posix_fallocate"):
                os.posix_fallocate(file.fileno(), 0, size)
            else:
                for start in range(0, size, 1 << 20):
                    file.write(bytes(min(1 << 20, size - start)))
                file.flush()
    except OSError as error:
        if error.errno in (errno.EOPNOTSUPP, errno.EINVAL):  # of file systems that can't say
            return
        raise RunFailure(
            f"{folder} has no room for the {size / 1e6:,.1f} MB that will be kept there "
            f"({said(error)}): free some space or choose another folder, and run the same command "
            "again"
        ) from error


def write_json(path: Path, value: Any) -> None:
    """Writes indented JSON in one step.

    Raises:
        RunFailure: The disk refuses.
    """
    write_atomically(path, json.dumps(value, indent=2) + "\n")


def read_bytes(path: Path) -> bytes:
    """A regular file's bytes; a named pipe would wait for ever.

    Raises:
        UserError: It can't be read, is no regular file or larger than a gigabyte.
    """
    try:
        check_regular(path)
        return path.read_bytes()
    except OSError as error:
        raise UserError(f"{path} can't be read: {error.strerror}") from None


def check_regular(path: Path, largest: int | None = LARGEST) -> None:
    """Refuses what is no regular file, or too large to be read at once.

    Args:
        path: What is to be read.
        largest: Bytes that it may have; None where it is not read at once.

    Raises:
        UserError: It is, or can't be looked at.
    """
    try:
        status = path.stat()
    except OSError as error:
        raise UserError(f"{path} can't be read: {error.strerror}") from None
    if not stat.S_ISREG(status.st_mode):
        raise UserError(f"{path} is no regular file: expected one, not a pipe or a device")
    if largest is not None and status.st_size > largest:
        raise UserError(f"{path} has {status.st_size:,} bytes: expected a file of 1 GB or less")


def read_text(path: Path) -> str:
    """A file's text.

    Raises:
        UserError: It can't be read or is no text.
    """
    try:
        return read_bytes(path).decode("utf-8-sig")
    except UnicodeDecodeError:
        raise UserError(f"{path} is no text{EXPECTED}") from None


def read_json(path: Path) -> Any:
    """A file's JSON.

    Raises:
        UserError: It can't be read or is none.
    """
    content = read_bytes(path)
    try:
        value = json.loads(content)
        if b"\\u" in content:  # half a character can't be written anywhere again
            json.dumps(value, ensure_ascii=False).encode()
        return value
    except RecursionError:
        raise UserError(f"{path} is nested too deep{EXPECTED}") from None
    except ValueError as error:
        raise UserError(
            f"{path} is no JSON that can be used ({error}){EXPECTED}; if it is a run's, move it "
            "away and run the command that made it again"
        ) from None


@contextlib.contextmanager
def doubting(place: Path | str) -> Iterator[None]:
    """Turns what fails while files are made use of into a sentence on the files.

    They were read whole, and hold what no check foresees. COMPOUND_NAS_DEBUG shows where.

    Args:
        place: Names the files.

    Raises:
        UserError: Anything else failed than what is told in a sentence already.
    """
    try:
        yield
    except (UserError, RunFailure, OSError, MemoryError):
        raise
    except Exception as error:
        if os.environ.get("COMPOUND_NAS_DEBUG"):
            raise
        raise UserError(
            f"{place} can't be used: a file of it is damaged or was not written by this program "
            f"({type(error).__name__}: {error}); put it back as it was, or run the command that "
            "made it again"
        ) from error


def check_kinds(content: Any, place: str, kinds: Mapping[str, Kinds]) -> None:
    """Refuses an object whose fields are of another kind than they must be.

    Args:
        content: Parsed JSON.
        place: Names it in messages.
        kinds: Type or types of a field; a field that is missing is None.

    Raises:
        UserError: It is no object, or a field is of another kind; the field is named.
    """
    if not isinstance(content, dict):
        raise UserError(f"{place} holds {named(content)}: expected an object")
    for field, kind in kinds.items():
        value = content.get(field)
        several = kind if isinstance(kind, tuple) else (kind,)
        if not isinstance(value, several) or (isinstance(value, bool) and bool not in several):
            kinds_of = [one for one in several if one is not int or float not in several]
            expected = " or ".join(_NAMES.get(one, one.__name__) for one in kinds_of)
            raise UserError(f"{place} has {named(value)} for {field}: expected {expected}")


def named(value: Any) -> str:
    """A value in a few words."""
    if value is None:
        return "nothing"
    if isinstance(value, dict | list):
        return "an object" if isinstance(value, dict) else "a list"
    text = repr(value)
    return text if len(text) <= 40 else f"{text[:37]}..."
