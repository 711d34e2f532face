"""What all functions for programs do with their arguments: `nas.find`, `gridsearch.find` and so on.

Numbers are made Python's own, so that files can hold them, and errors name arguments, where those
of commands name options.
"""

import functools
import inspect
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

from search_spaces.errors import (
    RunFailure,
    UserError,
    check_place,
    disk_error,
    of_system,
    plain,
)

# A whole command, which stays as it is; else an option, and what is named as its value.
_OPTION = re.compile(r"`[^`]*`|\b(?:nas|gridsearch) [a-z]+ [^,;:]*|--([a-z-]+)( [A-Z0-9][\w./]*)?")
_P = ParamSpec("_P")
_R = TypeVar("_R")


def with_arguments(function: Callable[_P, _R]) -> Callable[_P, _R]:
    """A decorator: numpy's numbers and fractions are taken, and errors are of arguments.

    What the operating system refuses, as a name that is too long, is an error of ours too.
    """
    names = list(inspect.signature(function).parameters)

    @functools.wraps(function)
    def called(*given: _P.args, **named: _P.kwargs) -> _R:
        try:
            _check_texts({**dict(zip(names, given, strict=False)), **named})
            return function(*plain(given), **plain(named))
        except (UserError, RunFailure) as error:
            error.args = (as_arguments(str(error)),)
            raise
        except OSError as error:
            raise disk_error(error, of_system(error)) from error

    return called


def _check_texts(given: dict[str, Any]) -> None:
    """Refuses texts that no place, name or option can be. Raises UserError."""
    for name, value in given.items():
        if isinstance(value, str | Path) and value != "":
            check_place(name, value)


def as_arguments(message: str) -> str:
    """A message on options, as `--target-flops 400M`, on arguments: `target_flops="400M"`."""

    def argument(found: re.Match[str]) -> str:
        option, value = found[1], (found[2] or "").strip()
        if option is None:
            return found[0]
        quoted = value[:1].isdigit() and not value.replace(".", "").isdigit()
        given = f'="{value}"' if quoted else f"={value}" if value else ""
        return option.replace("-", "_") + given

    return _OPTION.sub(argument, message)
