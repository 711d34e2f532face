"""What a user would otherwise take at the same cost: EfficientNet-B0 scaled to T by the paper's
coefficients, and published networks."""

import dataclasses
from collections.abc import Callable
from typing import Any

from nas.imagenet.published import nearest_below
from nas.objective import Objective
from search_spaces.architecture import Architecture
from search_spaces.cost import cost
from search_spaces.errors import OutOfDomain, UserError
from search_spaces.networks import EFFICIENTNET_B0
from search_spaces.scaling.budget import Recipe, fit_budget
from search_spaces.scaling.coefficients import PAPER, PHI_RANGE

STEPS = 24  # bisections of phi
NAME = "efficientnet_b0_scaled"


def scaled_b0(objective: Objective) -> Architecture | None:
    """EfficientNet-B0 scaled by alpha 1.2, beta 1.1, gamma 1.15 to the largest network within T.

    Args:
        objective: its target T, on multiply-adds or on any other quantity.

    Returns:
        The network; None where no phi from -4 to 10 meets T, or a device does not cover it.
    """
    recipe = Recipe(EFFICIENTNET_B0, PAPER)
    try:
        if objective.of_quantity.key == "flops":
            network = fit_budget(recipe, objective.target)[1]
        else:
            network = _largest(recipe, lambda a: objective.cost(a) <= objective.target)
    except (UserError, OutOfDomain):
        return None
    return dataclasses.replace(network, name=NAME)


def _largest(recipe: Recipe, fits: Callable[[Architecture], bool]) -> Architecture:
    """The network of the largest phi that fits. Raises UserError where the smallest does not."""
    low, high = PHI_RANGE
    if not fits(recipe.network(low)):
        raise UserError("out of reach")
    for _ in range(STEPS):
        middle = (low + high) / 2
        low, high = (middle, high) if fits(recipe.network(middle)) else (low, middle)
    return recipe.network(low)


def published_beside(objective: Objective, pick: Architecture) -> list[dict[str, Any]]:
    """The published networks that take nearly as much as T, as plain JSON values.

    Args:
        objective: its target T; where that is not in multiply-adds, those of the pick count.
        pick: the search's answer.
    """
    counted = objective.of_quantity.key == "flops"
    budget = objective.target if counted else cost(pick).macs
    return [dataclasses.asdict(row) for row in nearest_below(budget)]
