"""The largest network that a recipe scales to and that meets any condition."""

import bisect
import dataclasses
from collections.abc import Callable

from search_spaces.architecture import Architecture
from search_spaces.errors import UserError
from search_spaces.scaling.budget import Recipe, dropout_at, fit_budget
from search_spaces.scaling.coefficients import PHI_RANGE
from search_spaces.scaling.rules import Multipliers, scale

STEPS = 24  # bisections of phi
# At given pixels phi grows the multiply-adds by leaps, and width fills what is left: between these
# shares of the formula's, at so many phis from the largest that fits on, each so much larger.
WIDTHS, PHIS, NEAR = (0.88, 1.35), 32, 0.04
COARSE, COARSELY = 0.96, 80  # a budget is lowered so, and at most so often
MOST_PIXELS, FREED = 800, 0.5  # that pixels are freed to, at phis so far apart
Fits = Callable[[Architecture], bool]


def largest_within(
    recipe: Recipe,
    fits: Fits,
    high: float = PHI_RANGE[1],
    fill: Callable[[Architecture], float] | None = None,
) -> Architecture:
    """The network of the largest phi that fits; with `fill`, of a width that takes most by it.

    Raises:
        UserError: The smallest doesn't fit.
    """
    low = PHI_RANGE[0]
    if fits(recipe.network(high)):
        return recipe.network(high)
    if not fits(recipe.network(low)):
        raise UserError("out of reach")
    for _ in range(STEPS):
        middle = (low + high) / 2
        low, high = (middle, high) if fits(recipe.network(middle)) else (low, middle)
    if fill is None:
        return recipe.network(low)
    phis = [min(low + NEAR * i, PHI_RANGE[1]) for i in range(PHIS)]
    wide = [network for phi in phis if (network := _widest(recipe, phi, fits)) is not None]
    return max([recipe.network(low), *wide], key=fill)


def below_budget(recipe: Recipe, budget: float, fits: Fits) -> list[Architecture]:
    """The network that fits of the most multiply-adds within a budget, in a list; or an empty one.

    What limits parameters, say, leaves a depth and a width at which more pixels are still free.
    """
    found: list[Architecture] = []
    for step in (COARSE, COARSE ** (1 / 8)):
        for _ in range(COARSELY):
            try:
                network = fit_budget(recipe, budget)[1]
            except UserError:  # out of reach
                break
            if fits(network):
                found, budget = [network], budget / step
                break
            budget *= step
    return found


def freed(recipe: Recipe, fits: Fits) -> list[tuple[Architecture, Architecture]]:
    """The recipe's networks of all phis that fit, each as it is and at the most pixels that do.

    What limits parameters or memory, and not multiply-adds alone, leaves pixels free.
    """
    return [(one, _sharpest(one, fits)) for one in recipe.along(FREED) if fits(one)]


def _sharpest(network: Architecture, fits: Fits) -> Architecture:
    """A network that fits, at the most pixels at which it does."""

    def at(pixels: int) -> Architecture:
        return dataclasses.replace(network, resolution=pixels)

    larger = range(2 * (max(network.size) // 2 + 1), MOST_PIXELS + 1, 2)
    fitting = bisect.bisect_left(larger, True, key=lambda pixels: not fits(at(pixels)))
    return at(larger[fitting - 1]) if fitting else network


def _widest(recipe: Recipe, phi: float, fits: Fits) -> Architecture | None:
    """The network of phi's depth and of the largest width near phi's that fits, if one does."""
    of, dropout = recipe.coefficients.at(phi), dropout_at(recipe.baseline, phi, recipe.rule)

    def at(share: float) -> Architecture:
        wider = Multipliers(of.depth, of.width * share, of.resolution)
        return scale(recipe.baseline, wider, recipe.rule, recipe.round_resolution, dropout)

    low, high = WIDTHS
    if not fits(at(low)):
        return None
    for _ in range(STEPS // 2):
        middle = (low + high) / 2
        low, high = (middle, high) if fits(at(middle)) else (low, middle)
    return at(low)
