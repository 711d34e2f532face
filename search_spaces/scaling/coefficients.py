"""The coefficients of compound scaling (Tan & Le 2019, eq. 3).

Depth grows with alpha**phi, width with beta**phi, resolution with gamma**phi.
"""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from search_spaces.errors import UserError, make_plain, plain
from search_spaces.scaling.rules import Multipliers

LETTERS = ("alpha", "beta", "gamma")
PHI_RANGE = (-8.0, 10.0)  # 1/256 to 1024 times the baseline's MACs


@dataclass(frozen=True)
class Coefficients:
    """The coefficients of compound scaling (Tan & Le 2019, eq. 3).

    Attributes:
        alpha: Of depth, from 1 to 4.
        beta: Of width, from 1 to 4.
        gamma: Of resolution, from 1 to 4.

    Raises:
        UserError: A number is outside, or NaN.
    """

    alpha: float
    beta: float
    gamma: float

    def __post_init__(self) -> None:
        make_plain(self)
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if isinstance(value, bool) or not isinstance(value, int | float):
                raise UserError(f"{field.name} is {value!r}: expected a number from 1 to 4")
            if not 1 <= value <= 4:
                raise UserError(f"{field.name} is {value}: expected a number from 1 to 4, as 1.2")

    @property
    def product(self) -> float:
        """What MACs grow by for each phi, without rounding: alpha * beta**2 * gamma**2."""
        return self.alpha * self.beta**2 * self.gamma**2

    def at(self, phi: float) -> Multipliers:
        """The multipliers alpha**phi, beta**phi, gamma**phi.

        Raises:
            UserError: As `check_phi`.
        """
        check_phi(phi)
        return Multipliers(self.alpha**phi, self.beta**phi, self.gamma**phi)


PAPER = Coefficients(1.2, 1.1, 1.15)  # Tan & Le 2019, sec. 3.3


def letters(row: Mapping[str, Any]) -> dict[str, str]:
    """The coefficients of a row of coefficients.json, of families.csv or the like, as text."""
    return {letter: f"{row[letter]:.5g}" for letter in LETTERS}


def triple(row: Mapping[str, Any]) -> str:
    """`alpha 1.2, beta 1.1, gamma 1.15` of such a row."""
    return ", ".join(f"{letter} {text}" for letter, text in letters(row).items())


def check_phi(phi: float) -> float:
    """Refuses a phi that networks are not scaled to; gives it as a float.

    Raises:
        UserError: It is no number within PHI_RANGE.
    """
    low, high = PHI_RANGE
    phi = plain(phi)
    if isinstance(phi, bool) or not isinstance(phi, int | float) or not low <= phi <= high:
        raise UserError(
            f"phi is {phi!r}: expected a number from {low:g} to {high:g} (MACs grow by 2**phi), as "
            "1 or 0.5"
        )
    return float(phi)
