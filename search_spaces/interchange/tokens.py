"""Tokens of block strings: `k3_se0.25_noskip` to numbers and flags, and numbers to text."""

import re
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from search_spaces.errors import UserError

MAY_BE_0 = ("se", "fc", "f")  # as for none


def number_text(value: float) -> str:
    """All digits that the number needs, without an exponent."""
    return f"{Decimal(repr(value)).normalize():f}"


def tokens_of(string: str, keys: str, flags: Sequence[str]) -> dict[str, Any]:
    """`k3_noskip` -> {"k": "3", "noskip": True}.

    Args:
        string: Tokens joined by `_`, in any order.
        keys: Names that a number follows, joined by `|`.
        flags: Names that stand alone.

    Raises:
        UserError: A token is none of these, or a number is 0 that can't be; it is named.
    """
    tokens: dict[str, Any] = {}
    for token in string.strip().split("_"):
        match = re.fullmatch(rf"({keys})(\d+(?:\.\d+)?)", token)
        if token in flags:
            tokens[token] = True
        elif match and match[1] not in tokens:
            if not float(match[2]) and match[1] not in MAY_BE_0:
                raise UserError(f"block string {string!r} has {token}: expected a number above 0")
            tokens[match[1]] = match[2]
        else:
            raise UserError(
                f"block string {string!r} has the token {token!r}: expected each of "
                f"{keys.replace('|', ', ')} once with its number, or {', '.join(flags)}"
            )
    return tokens


def whole_of(tokens: dict[str, Any], key: str, string: str, default: int | None = None) -> int:
    """The whole number of a token.

    Raises:
        UserError: It is missing without a default, or is no whole number.
    """
    value = tokens.get(key, default)
    if value is None:
        raise UserError(f"block string {string!r} lacks {key!r}")
    try:
        return int(value)
    except ValueError:
        raise UserError(
            f"block string {string!r} has {key}{value}: expected a whole number"
        ) from None
