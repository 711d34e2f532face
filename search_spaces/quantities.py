"""The quantities a target or a limit can be set on, and how people write them."""

import dataclasses
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from search_spaces.architecture import Architecture
from search_spaces.cost import cost
from search_spaces.errors import UserError, meant

_NUMBER = r"[-+]?(?:\d{1,3}(?:,\d{3})+(?:\.\d*)?|[\d.]+)(?:[eE][-+]?\d+)?"
LONG = 21  # digits from which on a number is written with its power of ten
_DECIMAL = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "B": 10**9, "T": 10**12}
_BYTES = {
    "": 1, "B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9,
    "KIB": 2**10, "MIB": 2**20, "GIB": 2**30,
}  # fmt: skip
_SECONDS = {"S": 1, "MS": 1e-3, "US": 1e-6}
_RATES = {"": 1, "/S": 1, "FPS": 1, "IMAGES/S": 1, "K": 1e3, "K/S": 1e3}


# (values, spreads) in base units, one of each network; a spread is nan where none is known.
Predict = Callable[[Sequence[Architecture]], tuple[Sequence[float], Sequence[float]]]


@dataclass(frozen=True)
class Quantity:
    """Something that a network costs; less is better.

    Attributes:
        key: Its name, `flops`, or `latency:DEVICE`.
        title: For tables.
        units: Suffix -> factor to the base unit.
        shown: (suffix, factor) pairs for printing, largest first.
        example: What to type.
        column: In tables and JSON files.
        step: Base units in one unit of the column.
        inverse: People write its inverse, as images a second for seconds an image.
        of_cost: Reads it off a `Cost`, or off arrays of many; None where a device predicts it.
        predict: What a device predicts; None for a quantity that only has a name and units.
        source: Tells apart devices of one name.
    """

    key: str
    title: str
    units: Mapping[str, float]
    shown: tuple[tuple[str, float], ...]
    example: str
    column: str
    step: float = 1.0
    inverse: bool = False
    of_cost: Callable[[Any], Any] | None = None
    predict: Predict | None = None
    source: str = ""

    def measure(self, architecture: Architecture) -> float:
        """Of one network, in the base unit (1, bytes, seconds).

        Raises:
            OutOfDomain: A device does not cover the network.
        """
        if self.of_cost is not None:
            return float(self.of_cost(cost(architecture)))
        return self.measure_spread(architecture)[0]

    def measure_spread(self, architecture: Architecture) -> tuple[float, float]:
        """(value, one standard deviation of its error); 0 where it is exact, nan if unknown."""
        if self.of_cost is not None:
            return float(self.of_cost(cost(architecture))), 0.0
        assert self.predict is not None, f"{self.key} has no device"
        values, spreads = self.predict([architecture])
        return float(values[0]), float(spreads[0])

    def measure_many(self, architectures: Sequence[Architecture]) -> list[float]:
        """`measure` of each, at once."""
        if len(architectures) < 2:
            return [self.measure(architecture) for architecture in architectures]
        if self.of_cost is not None:
            from search_spaces.costs import costs

            return [float(value) for value in self.of_cost(costs(architectures).cost).tolist()]
        assert self.predict is not None, f"{self.key} has no device"
        return [float(value) for value in self.predict(architectures)[0]]

    def number(self, value: float) -> float:
        """A base value as its `column` holds it."""
        return 1 / (value * self.step) if self.inverse else value / self.step

    def base(self, number: float) -> float:
        """The inverse of `number`."""
        return 1 / (number * self.step) if self.inverse else number * self.step

    def figures(self, architecture: Architecture) -> dict[str, float]:
        """{column: number, column_spread: its spread}; without the spread if exact or unknown."""
        value, spread = self.measure_spread(architecture)
        numbers = {self.column: self.number(value)}
        if spread > 0:
            numbers[f"{self.column}_spread"] = numbers[self.column] * spread / value
        return numbers

    def parse(self, text: str, what: str) -> float:
        """The base value of `400M`, `1.5G`, `64MiB`, `20ms`, `900/s`, `20,000/s`.

        Args:
            text: A number above 0, with a unit or without.
            what: Names it in messages.

        Raises:
            UserError: It is none.
        """
        match = re.fullmatch(rf"\s*({_NUMBER})\s*([A-Za-z/]*)\s*", text)
        try:
            number = float(match[1].replace(",", "")) if match else math.nan
        except ValueError:
            number = math.nan
        if match is None or math.isnan(number):
            raise UserError(f"{what} is {text!r}: expected a number with a unit, as {self.example}")
        if match[2].upper() not in self.units:
            names = ", ".join(unit for unit in self.units if unit)
            given = f"with the unit {match[2]!r}" if match[2] else "without a unit"
            raise UserError(
                f"{what} is {text!r}, {given}: expected one of {names}, as {self.example}"
            )
        value = number * self.units[match[2].upper()]
        if not 0 < value < math.inf:
            raise UserError(
                f"{what} is {text!r}: expected a finite number above 0, as {self.example}"
            )
        return 1 / value if self.inverse else value

    def format(self, value: float, digits: int = 4) -> str:
        """Four significant digits with a unit: 385.8M, 27.2 MB, 4.93 ms, 543.6/s, 20,000/s."""
        value = 1 / value if self.inverse and value else value
        suffix, factor = next((u for u in self.shown if abs(value) >= u[1]), self.shown[-1])
        text = f"{value / factor:.{digits}g}"
        power = text.partition("e+")[2]
        return (f"{float(text):,.0f}" if power and int(power) < LONG else text) + suffix

    def enough(self, value: float) -> str:
        """`format` of what is no less than the value, so that who asks for it gets the value."""
        for times in (1.0, 1.0005, 1.001):
            text = self.format(value * times)
            if self.parse(text, self.title) >= value:
                break
        return text

    def text(self, figures: Mapping[str, Any]) -> str:
        """What `figures` of a network say, with the spread: `4.93 ms ± 0.9 %`; else a dash."""
        number = figures.get(self.column)
        if number is None:
            return "-"
        spread = figures.get(f"{self.column}_spread")
        return self.format(self.base(number)) + (f" ± {spread / number:.1%}" if spread else "")


_COUNT = (("T", 1e12), ("G", 1e9), ("M", 1e6), ("K", 1e3), ("", 1.0))
_SIZE = ((" GB", 1e9), (" MB", 1e6), (" kB", 1e3), (" B", 1.0))
_TIME = ((" s", 1.0), (" ms", 1e-3), (" us", 1e-6))

# What a `Cost` holds. A quantity is one line here.
QUANTITIES: dict[str, Quantity] = {
    entry.key: entry
    for entry in (
        Quantity("flops", "MACs", _DECIMAL, _COUNT, "400M", "macs", of_cost=lambda c: c.macs),
        Quantity("params", "params", _DECIMAL, _COUNT, "5M", "params", of_cost=lambda c: c.params),
        Quantity("memory", "memory", _BYTES, _SIZE, "64MiB", "memory", of_cost=lambda c: c.memory),
    )
}

# What a device predicts: its quantities are these with `predict` set (`nas/devices/registry.py`).
DEVICE_QUANTITIES: dict[str, Quantity] = {
    entry.key: entry
    for entry in (
        Quantity("latency", "latency", _SECONDS, _TIME, "20ms", "latency_ms", 1e-3),
        Quantity("throughput", "throughput", _RATES, (("/s", 1.0),), "900/s", "images_per_s",
                 inverse=True),
    )
}  # fmt: skip


def quantity(which: str | Quantity) -> Quantity:
    """The quantity itself, or the one that a key names.

    Args:
        which: Of `latency:DEVICE` only what can be written and printed is given.

    Raises:
        UserError: There is none of this key.
    """
    if isinstance(which, Quantity):
        return which
    if not isinstance(which, str):
        raise UserError(
            f"the quantity is {which!r:.60}: expected one of {', '.join(QUANTITIES)}, or a "
            "device's `quantity`"
        )
    kind, _, device = which.partition(":")
    known = QUANTITIES | DEVICE_QUANTITIES
    if kind not in known:
        raise UserError(
            f"there is no quantity {which!r}{meant(which, known)}: expected one of "
            f"{', '.join(known)}"
        )
    return on_device(known[kind], device) if device else known[kind]


def on_device(
    kind: Quantity, device: str, predict: Predict | None = None, source: str = ""
) -> Quantity:
    """A quantity of `DEVICE_QUANTITIES` on a device."""
    return dataclasses.replace(
        kind,
        key=f"{kind.key}:{device}",
        title=f"{kind.title} on {device}",
        column=f"{''.join(c if c.isalnum() else '_' for c in device)}_{kind.column}",
        predict=predict,
        source=source,
    )
