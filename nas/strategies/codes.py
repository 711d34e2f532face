"""Networks as rows of numbers: for each choice the position of its option."""

import operator
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from search_spaces.architecture import Architecture
from search_spaces.space import Chosen, Options, Space, Value

Codes = NDArray[np.int64]  # (n, choices) networks, or (choices,) a single one
Floats = NDArray[np.float64]


def positions(choices: Mapping[str, Sequence[Value]], values: Mapping[str, Any]) -> Codes:
    """The code of one option for each choice.

    Raises:
        ValueError: A value is none of its choice's options.
    """
    return np.array([list(options).index(values[name]) for name, options in choices.items()])


def values_of(choices: Mapping[str, Sequence[Value]], code: Codes) -> dict[str, Value]:
    """The options of a code (choices,); the inverse of `positions`."""
    chosen: Iterable[Value] = map(operator.getitem, choices.values(), code.tolist())
    return dict(zip(choices, chosen, strict=True))


def codes_of(choices: Mapping[str, Sequence[Value]], rows: Sequence[Mapping[str, Any]]) -> Codes:
    """The codes (n, choices) of many networks' values.

    Raises:
        KeyError: A value is none of its choice's options.
    """
    options = Options(choices)
    made = [list(row.code) if isinstance(row, Chosen) else options.code(row) for row in rows]
    return np.array(made, np.int64).reshape(len(made), len(choices))


def keys_of(codes: Codes, kind: type[np.unsignedinteger[Any]] = np.uint16) -> list[bytes]:
    """The bytes of each code (n, choices), of numbers that fit `kind`."""
    if not codes.size:
        return [b""] * len(codes)
    narrow = np.ascontiguousarray(codes, kind)
    whole: list[bytes] = narrow.view(np.dtype((np.void, narrow[0].nbytes)))[:, 0].tolist()
    return whole


def network_of(space: Space, code: Codes) -> Architecture:
    """The network of a code (choices,)."""
    return space.build(values_of(space.choices, code))


def starts_of(sizes: NDArray[np.int64]) -> NDArray[np.int64]:
    """Where each choice's options begin where all choices' stand in one row, (choices,)."""
    return np.asarray(np.cumsum(sizes) - sizes)


def first_of_options(codes: Codes, sizes: NDArray[np.int64]) -> NDArray[np.intp]:
    """The rows of codes (n, choices) that are the first with some option of some choice."""
    flat = (codes + starts_of(sizes)).ravel()
    first = np.full(int(sizes.sum()), -1)
    first[flat[::-1]] = np.repeat(np.arange(len(codes)), len(sizes))[::-1]  # the first comes last
    return np.unique(first[first >= 0])


def moves_of(code: Codes, sizes: NDArray[np.int64]) -> Codes:
    """All changes of one choice, (2, m): the choices, and their options."""
    place = np.repeat(np.arange(len(sizes)), sizes)
    option = np.arange(len(place)) - np.repeat(starts_of(sizes), sizes)
    return np.stack([place, option])[:, option != code[place]]


def moved(code: Codes, moves: Codes) -> Codes:
    """The networks one of these changes (2, m) away, (m, choices)."""
    rows = np.repeat(code[None], moves.shape[1], 0)
    rows[np.arange(len(rows)), moves[0]] = moves[1]
    return rows
