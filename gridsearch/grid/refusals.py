"""What is said where no point of a grid is left: what emptied it, and what would work."""

import math
from collections.abc import Iterable

from search_spaces.errors import UserError
from search_spaces.quantities import QUANTITIES


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
