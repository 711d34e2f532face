"""The quantities a target or a limit can be set on, and how people write them."""

import math
import re
from collections.abc import Callable
from dataclasses import dataclass

from search_spaces.cost import Cost
from search_spaces.errors import UserError

_DECIMAL = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "B": 10**9, "T": 10**12}
_BYTES = {
    "": 1, "B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9,
    "KIB": 2**10, "MIB": 2**20, "GIB": 2**30,
}  # fmt: skip


@dataclass(frozen=True)
class Quantity:
    """Something that a network costs.

    title: for tables.   measure: reads it off a `Cost`.   units: suffix -> factor.
    shown: (suffix, factor) pairs for printing, largest first.   example: what to type.
    """

    title: str
    measure: Callable[[Cost], float]
    units: dict[str, int]
    shown: tuple[tuple[str, float], ...]
    example: str

    def parse(self, text: str, what: str) -> float:
        """The value of `400M`, `1.5G`, `64MiB` or a plain number; above 0. Raises UserError."""
        match = re.fullmatch(r"\s*([-+]?[\d.]+(?:[eE][-+]?\d+)?)\s*([A-Za-z]*)\s*", text)
        try:
            number = float(match[1]) if match else math.nan
        except ValueError:
            number = math.nan
        if match is None or math.isnan(number):
            raise UserError(f"{what} is {text!r}: expected a number with a unit, as {self.example}")
        if match[2].upper() not in self.units:
            names = ", ".join(unit for unit in self.units if unit)
            raise UserError(
                f"{what} is {text!r}, with the unit {match[2]!r}: expected one of {names}, as "
                f"{self.example}"
            )
        value = number * self.units[match[2].upper()]
        if not 0 < value < math.inf:
            raise UserError(f"{what} is {text!r}: expected more than 0, as {self.example}")
        return value

    def format(self, value: float, digits: int = 4) -> str:
        """Four significant digits with a unit: 385.8M, 1.827G, 27.2 MB."""
        suffix, factor = next((u for u in self.shown if abs(value) >= u[1]), self.shown[-1])
        return f"{value / factor:.{digits}g}{suffix}"


_COUNT = (("G", 1e9), ("M", 1e6), ("K", 1e3), ("", 1.0))
_SIZE = ((" GB", 1e9), (" MB", 1e6), (" kB", 1e3), (" B", 1.0))

QUANTITIES: dict[str, Quantity] = {
    "flops": Quantity("MACs", lambda c: c.macs, _DECIMAL, _COUNT, "400M"),
    "params": Quantity("params", lambda c: c.params, _DECIMAL, _COUNT, "5M"),
    "memory": Quantity("memory", lambda c: c.memory, _BYTES, _SIZE, "64MiB"),
}
