"""The combinations of alpha, beta, gamma whose product is near 2 (Tan & Le 2019, eq. 3).

And what is said where none of them is left: what emptied the grid, and what would work.
"""

import itertools
import math
from collections.abc import Iterable, Iterator

from search_spaces.errors import UserError
from search_spaces.quantities import QUANTITIES
from search_spaces.scaling.coefficients import Coefficients

MOST = 20_000


def combinations(
    step: float, tolerance: float, most: int = MOST, parts: int = 1
) -> tuple[list[Coefficients], int]:
    """The coefficients of a grid.

    Args:
        step: Of each, from 1 upwards.
        tolerance: Of their product around 2.
        most: Of combinations.
        parts: Into so many each step is split.

    Returns:
        All multiples of a step's part whose product is within, and how many of the box around them
        are not.

    Raises:
        UserError: There are too many.
    """
    linear, rooted = _multiples(step / parts, tolerance)
    listed = list(itertools.islice(_products(linear, rooted, tolerance), most + 1))
    if len(listed) > most:
        raise _too_many(step, tolerance, most, parts)
    found = [Coefficients(round(a, 10), round(b, 10), round(c, 10)) for a, b, c in listed]
    return found, len(linear) * len(rooted) ** 2 - len(found)


def _multiples(step: float, tolerance: float) -> tuple[list[float], list[float]]:
    """What alpha may be, and what beta and gamma may be."""
    end = 2 + tolerance
    linear = [1 + i * step for i in range(int((end - 1) / step + 1e-9) + 1)]
    return linear, [value for value in linear if value**2 <= end + 1e-9]


def _products(
    linear: list[float], rooted: list[float], tolerance: float
) -> Iterator[tuple[float, float, float]]:
    for alpha in linear:
        for beta in rooted:
            for gamma in rooted:
                excess = alpha * beta**2 * gamma**2 - 2
                if excess > tolerance + 1e-9:
                    break  # and so are all larger ones
                if excess >= -(tolerance + 1e-9):
                    yield alpha, beta, gamma


def _too_many(step: float, tolerance: float, most: int, parts: int) -> UserError:
    """There are more than `most`; a multiple of the step has no more."""
    enough, count = step, most + 1
    while count > most:
        enough *= 2
        few = _products(*_multiples(enough / parts, tolerance), tolerance)
        count = sum(1 for _ in itertools.islice(few, most + 1))
    return UserError(
        f"--step {step:g} gives more than {most:,} combinations with a product within "
        f"{tolerance:g} of 2: take --step {enough:g}"
    )


def no_combination(step: float, tolerance: float) -> UserError:
    """No coefficients of a step have a product near 2."""
    return UserError(
        f"no combination of step {step:g} has a product within {tolerance:g} of 2: take a smaller "
        "--step or a larger --product-tolerance"
    )


def too_large(target: float, least: int) -> UserError:
    """Every network needs more memory than the target; the smallest `least`, bytes."""
    memory = QUANTITIES["memory"]
    return UserError(
        f"every point of the grid needs more than the target memory of {memory.format(target)}: "
        f"the smallest that meets the other rules needs {memory.format(least)} ({least} bytes); "
        "ask for that or more"
    )


def no_ratio(target: float, window: float, ratios: Iterable[float]) -> UserError:
    """No network reaches the MACs asked for, times the baseline's, within the window."""
    near = min(ratios, key=lambda ratio: abs(ratio / target - 1))
    enough = math.ceil(1000 * abs(near / target - 1)) / 1000
    return UserError(
        f"no point of the grid reaches {target:.4g} times the baseline's MACs within "
        f"{100 * window:g} %: the nearest reaches {near:.4g}; widen --window to {enough:g} or "
        "more, or take a smaller --step, a larger --product-tolerance or --round-resolution none"
    )
