"""alpha, beta, gamma of compound scaling: depth alpha**phi, width beta**phi, resolution gamma**phi
(Tan & Le 2019, eq. 3)."""

import dataclasses
from dataclasses import dataclass

from search_spaces.errors import UserError
from search_spaces.scaling.rules import Multipliers

PHI_RANGE = (-4.0, 10.0)  # 1/16 to 1024 times the baseline's MACs


@dataclass(frozen=True)
class Coefficients:
    """alpha (depth), beta (width), gamma (resolution), each from 1 to 4 (Tan & Le 2019, eq. 3).

    Raises UserError for a number outside, NaN included.
    """

    alpha: float
    beta: float
    gamma: float

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if isinstance(value, bool) or not isinstance(value, int | float):
                raise UserError(f"{field.name} is {value!r}: expected a number from 1 to 4")
            if not 1 <= value <= 4:
                raise UserError(f"{field.name} is {value}: expected a number from 1 to 4, as 1.2")

    @property
    def product(self) -> float:
        """alpha * beta**2 * gamma**2: what MACs grow by for each phi, without rounding."""
        return self.alpha * self.beta**2 * self.gamma**2

    def at(self, phi: float) -> Multipliers:
        """alpha**phi, beta**phi, gamma**phi. Raises UserError for phi out of range."""
        check_phi(phi)
        return Multipliers(self.alpha**phi, self.beta**phi, self.gamma**phi)


PAPER = Coefficients(1.2, 1.1, 1.15)  # Tan & Le 2019, sec. 3.3


def check_phi(phi: float) -> float:
    """phi itself. Raises UserError where it is no number within PHI_RANGE."""
    low, high = PHI_RANGE
    if isinstance(phi, bool) or not isinstance(phi, int | float) or not low <= phi <= high:
        raise UserError(
            f"phi is {phi!r}: expected a number from {low:g} to {high:g} (MACs grow by 2**phi), as "
            "1 or 0.5"
        )
    return float(phi)
