"""The errors a user can mend, and checks of fields that raise them.

Commands print the sentence and leave with `exit_code`.
"""

import dataclasses
import errno
import functools
import math
import sys
from collections.abc import Callable, Iterable
from importlib.util import find_spec
from numbers import Integral, Real
from pathlib import Path
from typing import Any

# No network is larger, and a number that came in by mistake shall not fill the memory.
MOST_STAGES, _WIDEST = 1024, 1 << 16
LARGEST = {
    "channels": _WIDEST, "stem": _WIDEST, "head": _WIDEST, "mix": _WIDEST, "se": _WIDEST,
    "in_channels": _WIDEST,
    "expand": _WIDEST, "repeats": 1024, "resolution": 1 << 14, "classes": 10_000_000,
    "kernel": 255, "stem_kernel": 255, "stride": 255, "stem_stride": 255,
}  # fmt: skip


# Of 1, from which on a name may be a mistyped other one; less where the first letter is the same.
LIKE, LESS_LIKE = 0.7, 0.65


class UserError(ValueError):
    """The user's input can't be used. The message says what came, what was expected, what to do."""

    exit_code = 2


class OutOfDomain(UserError):
    """A model was asked about an architecture that it does not cover."""


class RunFailure(RuntimeError):
    """The run could not go on for a reason that is not the user's input (a full disk, say)."""

    exit_code = 1


# Of the place that the user named, not of a disk that is full or fails.
_PLACE = {errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOENT, errno.ENOTDIR, errno.EISDIR,
          errno.EEXIST, errno.ENAMETOOLONG}  # fmt: skip


def of_place(error: OSError) -> bool:
    """Whether nothing can be written there at all, so that another place is to be chosen."""
    return error.errno in _PLACE


def disk_error(error: OSError, message: str) -> UserError | RunFailure:
    """What to raise where a file can't be written.

    Args:
        error: Why.
        message: The sentence.
    """
    return UserError(message) if of_place(error) else RunFailure(message)


def meant(name: object, known: Iterable[str]) -> str:
    """` (did you mean evolution?)` where one of the known names is like this one; else nothing."""
    from difflib import get_close_matches

    text, names = str(name), list(known)
    # The first letter is seldom the wrong one: rum is run, tpu is no cpu.
    alike = [one for one in names if one[:1] == text[:1]]
    near = get_close_matches(text, names, 1, LIKE) or get_close_matches(text, alike, 1, LESS_LIKE)
    return f" (did you mean {near[0]}?)" if near else ""


def install(extra: str) -> str:
    """What to do where the libraries of an extra are missing. No index has the package itself."""
    return f"run pip install -e '.[{extra}]' in your checkout of compound-nas"


def not_installed(what: str, packages: Iterable[str], extra: str) -> UserError:
    """What is said where packages are missing.

    Args:
        what: That needs them, as a sentence's beginning.
        packages: As they are imported.
        extra: That brings them.
    """
    named = ", ".join(packages)
    return UserError(f"{what} needs {named}, which is not installed: {install(extra)}")


def check_packages(what: str, packages: Iterable[str], extra: str) -> None:
    """Refuses what can't be done without packages that are not installed.

    Args:
        what: That needs them, as a sentence's beginning.
        packages: As they are imported.
        extra: That brings them.

    Raises:
        UserError: Some are missing; they are named, and what to install.
    """
    missing = [package for package in packages if find_spec(package) is None]
    if missing:
        raise not_installed(what, missing, extra)


def said(error: Exception) -> str:
    """What an error says, for a message; an operating system's without its number and path."""
    return getattr(error, "strerror", None) or str(error)


def of_system(error: OSError) -> str:
    """What is said of an error that the operating system raised."""
    place = str(error.filename or "the output")
    place = f"{place[:40]}... ({len(place):,} letters)" if len(place) > 1000 else place
    return f"{place}: {error.strerror or error}"


def shortened(value: Any) -> str:
    """The value as a message shows it."""
    text = repr(value)
    return text if len(text) <= 40 else f"{text[:37]}..."


def plain(value: Any) -> Any:
    """The same with Python's own numbers in place of numpy's, fractions and others of their kind.

    So are arrays of one number that have no dimension. JSON can hold these. What no float can hold
    is infinite; what is no real number stays as it is, for the checks of whoever takes it. Lists,
    tuples and dicts are looked through.
    """
    kind = type(value)
    if kind in (bool, str, float) or value is None:
        return value
    if kind in (list, tuple):
        return kind(map(plain, value))
    if kind is dict:
        return {key: plain(one) for key, one in value.items()}
    if isinstance(value, bool) or not isinstance(value, Real):
        number = getattr(value, "item", None) if getattr(value, "shape", None) == () else None
        one = number() if number else value  # of an array without dimensions
        return value if type(one) is kind else plain(one)
    try:
        size = float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf  # type: ignore[operator]
    return int(value) if isinstance(value, Integral) else size


def of_any_numbers(checks: Callable[[Any], None]) -> Callable[[Any], None]:
    """A decorator of a frozen dataclass's checks: what they refuse is looked at with `plain`."""

    @functools.wraps(checks)
    def checked(owner: Any) -> None:
        try:
            checks(owner)
        except UserError:  # before which Python's own numbers lose no time
            make_plain(owner)
            checks(owner)

    return checked


def make_plain(owner: Any) -> None:
    """Makes the numbers of a frozen dataclass Python's own (`plain`), before it checks them."""
    for field in dataclasses.fields(owner):
        object.__setattr__(owner, field.name, plain(getattr(owner, field.name)))


def take_numbers(owner: Any) -> None:
    """The same, where fields that are annotated as float are to be floats, whatever was given.

    Raises:
        UserError: A field that is annotated as a number is none; it is named.
    """
    for field in dataclasses.fields(owner):
        if field.type not in _NUMBERS:
            continue
        value = plain(getattr(owner, field.name))
        real, optional = _NUMBERS[field.type]
        if not (optional and value is None):
            if not isinstance(value, int | float if real else int) or isinstance(value, bool):
                expected = "a number, as an int or a float" if real else "a whole number, as an int"
                raise UserError(f"{field.name} is {shortened(value)}: expected {expected}")
            value = float(value) if real else value
        object.__setattr__(owner, field.name, value)


# A field's annotation -> (a real number, not a whole one; it may be None).
_NUMBERS: dict[Any, tuple[bool, bool]] = {
    int: (False, False), int | None: (False, True),
    float: (True, False), float | None: (True, True),
}  # fmt: skip


def check_is(name: str, value: Any, kinds: type | tuple[type, ...], expected: str) -> None:
    """Refuses what a program gave of another kind.

    Args:
        name: Of the argument.
        value: What was given.
        kinds: Of which it must be.
        expected: These in words.

    Raises:
        UserError: It is of none.
    """
    if not isinstance(value, kinds):
        raise UserError(f"{name} is {value!r:.60}: expected {expected}")


def check_positive(what: str, value: Any) -> None:
    """Refuses what is no finite number above 0.

    Raises:
        UserError: It is none; `what` names it.
    """
    number = plain(value)
    real = isinstance(number, int | float) and not isinstance(number, bool)
    if not (real and 0 < number <= sys.float_info.max):
        raise UserError(f"{what} is {value!r}: expected a finite number above 0")


def check_place(name: str, value: Any, expected: str = "the place of a file or a folder") -> None:
    """Refuses what can't be the place of a file or a folder, be it there or not.

    Raises:
        UserError: It is no text or Path, empty, or no file system takes it.
    """
    check_is(name, value, (str, Path), expected)
    if value == "":
        raise UserError(f"{name} is an empty text: expected {expected}, or leave it out")
    if "\0" in str(value):
        raise UserError(f"{name} has a character NUL in it, which nothing is called by")


def whole(owner: str, field: str, value: Any, smallest: int) -> None:
    """Checks that the value is a whole number from `smallest` to what LARGEST says of the field.

    Raises:
        UserError: It is none; owner and field are named.
    """
    largest = LARGEST[field]
    if type(value) is not int or not smallest <= value <= largest:
        raise UserError(
            f"{owner}.{field} is {shortened(value)}: expected a whole number from {smallest} to "
            f"{largest:,}"
        )


def odd(owner: str, field: str, value: int) -> None:
    """Checks that the whole number is odd.

    Raises:
        UserError: It is not; owner and field are named.
    """
    if value % 2 == 0:
        raise UserError(f"{owner}.{field} is {value}: expected an odd number")


def one_of(owner: str, field: str, value: Any, names: tuple[str, ...]) -> None:
    """Checks that the value is one of the names.

    Raises:
        UserError: It is none; owner, field and names are named.
    """
    if value not in names:
        raise UserError(
            f"{owner}.{field} is {value!r}{meant(value, names)}: expected one of {', '.join(names)}"
        )


def rate(owner: str, field: str, value: Any) -> None:
    """Checks that the value is a number from 0 to below 1.

    Raises:
        UserError: It is none; owner and field are named.
    """
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1:
        raise UserError(f"{owner}.{field} is {value!r}: expected a number from 0 to below 1")


def true_or_false(owner: str, field: str, value: Any) -> None:
    """Checks that the value is true or false.

    Raises:
        UserError: It is neither; owner and field are named.
    """
    if type(value) is not bool:
        raise UserError(f"{owner}.{field} is {value!r}: expected true or false")
