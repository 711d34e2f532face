"""What a user would otherwise take at the same cost.

EfficientNet-B0 scaled to T by the paper's coefficients, and published networks.
"""

import contextlib
import dataclasses
import math
from collections.abc import Callable, Mapping
from typing import Any

from nas.evaluators import Evaluator, difference_of, notes_of, predictor_of
from nas.imagenet.published import nearest_below
from nas.objective import Objective
from search_spaces.architecture import Architecture, to_dict
from search_spaces.cost import cost
from search_spaces.errors import OutOfDomain, UserError
from search_spaces.networks import EFFICIENTNET_B0
from search_spaces.scaling.budget import Recipe, fit_budget
from search_spaces.scaling.coefficients import PAPER, PHI_RANGE

STEPS = 24  # bisections of phi
LEAST = 0.01  # points of a spread that are worth telling
NAME = "efficientnet_b0_scaled"
Figures = Callable[[Architecture], dict[str, Any]]


def scaled_b0(objective: Objective) -> Architecture | None:
    """EfficientNet-B0 scaled by alpha 1.2, beta 1.1, gamma 1.15 to the largest network within T.

    Args:
        objective: its target T, on multiply-adds or on any other quantity.

    Returns:
        The network; None where no phi from -8 to 10 meets T, or a device does not cover it.
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


def otherwise(
    pick: Architecture, objective: Objective, evaluator: Evaluator, figures: Figures
) -> dict[str, Any]:
    """What best.json says of the alternatives.

    Args:
        pick: The search's answer.
        objective: Its target T.
        evaluator: Predicts both, where it is a model that covers them.
        figures: A network -> its costs as plain JSON values.

    Returns:
        `scaled_b0`: B0 scaled to T with its costs, its prediction, and the pick's `gain` over it
        with `gain_spread`, one standard deviation of that difference's error; None where there is
        none. `published`: printed results that take nearly as much, each under its own recipe.
        `notes`: where the evidence on the pick is thin.
    """
    base = scaled_b0(objective)
    counted = objective.of_quantity.key == "flops"
    budget = objective.target if counted else cost(pick).macs
    return {
        "scaled_b0": None if base is None
        else {**figures(base), **compared(pick, base, evaluator), "architecture": to_dict(base)},
        "published": [dataclasses.asdict(row) for row in nearest_below(budget)],
        "notes": notes_of(evaluator, pick),
    }  # fmt: skip


def compared(pick: Architecture, base: Architecture, evaluator: Evaluator) -> dict[str, Any]:
    """What a model says of two networks.

    Returns:
        `accuracy` and `spread` of the second, `gain` of the first over it and `gain_spread`; all
        None where the evaluator is no model or covers them not.
    """
    said: dict[str, Any] = dict.fromkeys(("accuracy", "spread", "gain", "gain_spread"))
    model, error = predictor_of(evaluator), difference_of(evaluator)
    with contextlib.suppress(OutOfDomain):
        if model is not None:
            means, spreads = map(list, model.predict([pick, base]))
            said["accuracy"] = float(means[1])
            # Of the reference itself there is nothing that its number could be off by.
            said["spread"] = float(spreads[1]) if spreads[1] > LEAST else None
            said["gain"] = float(means[0] - means[1])
            said["gain_spread"] = (
                float(math.hypot(*spreads)) if error is None else error(pick, base)
            )
    return said


def verdict(scaled: Mapping[str, Any]) -> str:
    """A sentence on the pick beside B0 scaled to T; empty where nothing is predicted of it."""
    gain, error = scaled.get("gain"), scaled.get("gain_spread")
    if gain is None or error is None:
        return ""
    text = f"{abs(gain):.2f} ± {error:.2f} points"
    if gain > error:
        return f"The pick is predicted {text} above EfficientNet-B0 scaled to the same T."
    return (
        f"The pick is not better than EfficientNet-B0 scaled to the same T by more than its error "
        f"({'+' if gain >= 0 else '-'}{text}): that network is as good a choice, and well known."
    )
