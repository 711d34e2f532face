"""Standard input, output and error of a command."""

import codecs
import contextlib
import os
import sys
from collections.abc import Iterator

from results.interrupts import of_command

_ASCII = {"±": "+/-", "×": "x", "−": "-", "→": "->", "≤": "<=", "≥": ">=", "…": "..."}  # noqa: RUF001


@contextlib.contextmanager
def aside() -> Iterator[None]:
    """What is printed inside goes to standard error; in commands, by programs that it starts too.

    In a user's own program other threads may print meanwhile, whose output is left alone.
    """
    whole = of_command() is not None
    kept = os.dup(1) if whole else -1
    try:
        if whole:
            sys.stdout.flush()
            os.dup2(2, 1)
        with contextlib.redirect_stdout(sys.stderr):
            yield
    finally:
        if whole:
            os.dup2(kept, 1)
            os.close(kept)


def ready_streams() -> None:
    """Output that is closed goes nowhere; one that can't show a sign shows a like one."""
    for name, number in (("stdin", 0), ("stdout", 1), ("stderr", 2)):
        try:
            os.fstat(number)
        except OSError:  # closed: a file opened later would get its number, and our words
            opened = os.open(os.devnull, os.O_RDWR)
            if opened != number:
                os.dup2(opened, number)
                os.close(opened)
        if getattr(sys, name) is None:
            setattr(sys, name, open(number, "r" if number == 0 else "w", closefd=False))  # noqa: SIM115
    codecs.register_error("alike", _alike)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="alike")


def _alike(error: UnicodeError) -> tuple[str, int]:
    assert isinstance(error, UnicodeEncodeError)
    signs = error.object[error.start : error.end]
    return "".join(_ASCII.get(sign, "?") for sign in signs), error.end
