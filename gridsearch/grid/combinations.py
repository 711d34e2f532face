"""The combinations of alpha, beta, gamma whose product is near 2 (Tan & Le 2019, eq. 3)."""

from collections.abc import Iterator

from search_spaces.errors import UserError
from search_spaces.scaling.coefficients import Coefficients

MOST = 20_000


def combinations(step: float, tolerance: float, most: int = MOST) -> tuple[list[Coefficients], int]:
    """The coefficients of a grid.

    Args:
        step: Of each, from 1 upwards.
        tolerance: Of their product around 2.
        most: Of combinations.

    Returns:
        All multiples of the step whose product is within, and how many of the box around them are
        not.

    Raises:
        UserError: There are too many.
    """
    end = 2 + tolerance
    linear = [1 + i * step for i in range(int((end - 1) / step + 1e-9) + 1)]
    rooted = [value for value in linear if value**2 <= end + 1e-9]
    listed = [
        Coefficients(round(alpha, 10), round(beta, 10), round(gamma, 10))
        for alpha, beta, gamma in _products(linear, rooted, tolerance, most)
    ]
    return listed, len(linear) * len(rooted) ** 2 - len(listed)


def _products(
    linear: list[float], rooted: list[float], tolerance: float, most: int
) -> Iterator[tuple[float, float, float]]:
    count = 0
    for alpha in linear:
        for beta in rooted:
            for gamma in rooted:
                excess = alpha * beta**2 * gamma**2 - 2
                if excess > tolerance + 1e-9:
                    break  # and so are all larger ones
                if excess >= -(tolerance + 1e-9):
                    count += 1
                    if count > most:
                        raise UserError(
                            f"the grid has more than {most:,} points with a product within "
                            f"{tolerance:g} of 2: take a larger --step or a smaller "
                            "--product-tolerance"
                        )
                    yield alpha, beta, gamma
