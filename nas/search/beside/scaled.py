"""EfficientNet-B0 scaled to a target and limits: what spreads are of and a pick stands beside."""

import contextlib
import dataclasses
import math
from collections.abc import Sequence

from nas.evaluators import Evaluator, Predicts, predictor_of
from nas.objective import Limit, Objective, broken
from search_spaces.architecture import Architecture
from search_spaces.cost import cost
from search_spaces.errors import OutOfDomain, UserError
from search_spaces.networks import EFFICIENTNET_B0
from search_spaces.quantities import Quantity
from search_spaces.scaling.budget import Recipe, fit_budget
from search_spaces.scaling.coefficients import PAPER, PHI_RANGE
from search_spaces.scaling.within import below_budget, freed, largest_within
from search_spaces.space import Space
from search_spaces.spaces import INSIDE

STEP = 0.25  # of phi, between networks in a network's proportions
SHARPER = 1.08  # between pixels of one shape
NAME, NAMED = "efficientnet_b0_scaled", "EfficientNet-B0"


def scaled_b0(
    objective: Objective, limits: Sequence[Limit] = (), alike: Architecture | None = None
) -> Architecture | None:
    """EfficientNet-B0 scaled by alpha 1.2, beta 1.1, gamma 1.15 to the largest network within T.

    Args:
        objective: its target T, on multiply-adds or on any other quantity.
        limits: What it has to meet besides.
        alike: Whose pixels, channels and classes it has, where those are given and not scaled.

    Returns:
        The network; None where no phi from -8 to 10 meets T and the limits, or a device does not
        cover it.
    """
    recipe, every = _recipe(alike), within_all(objective, limits)

    def fits(network: Architecture) -> bool:
        return not broken(network, every)

    by_budget = objective.of_quantity.key == "flops" and alike is None
    fill = objective.cost if alike is not None else None
    try:
        network = fit_budget(recipe, objective.target)[1] if by_budget else None
        if network is None or not fits(network):
            below = below_budget(recipe, objective.target, fits) if by_budget else []
            network = max([largest_within(recipe, fits, fill=fill), *below],
                          key=lambda one: cost(one).macs)  # fmt: skip
    except (UserError, OutOfDomain):
        return None
    return dataclasses.replace(network, name=NAME)


def _recipe(alike: Architecture | None) -> Recipe:
    """How B0 is scaled; at the pixels of a network, if one is given."""
    if alike is None:
        return Recipe(EFFICIENTNET_B0, PAPER)
    given = {name: getattr(alike, name) for name in ("resolution", "in_channels", "classes")}
    here = dataclasses.replace(EFFICIENTNET_B0, **given)
    return Recipe(here, dataclasses.replace(PAPER, gamma=1.0))


def _ends(alike: Architecture | None = None) -> tuple[Architecture, Architecture]:
    """The smallest and the largest network that B0 is scaled to."""
    recipe, (low, high) = _recipe(alike), PHI_RANGE
    return recipe.network(low), recipe.network(high)


def within_all(objective: Objective, limits: Sequence[Limit]) -> list[Limit]:
    """T as a limit, and the others."""
    return [Limit(objective.quantity, objective.target), *limits]


def absent(
    objective: Objective, limits: Sequence[Limit] = (), alike: Architecture | None = None
) -> str:
    """Why there is no B0 scaled, in words: what `scaled_b0` ends at, of the same arguments."""
    least, most = _ends(alike)
    over, unknown = list[Quantity](), list[str]()
    for limit in within_all(objective, limits):
        try:
            over += [limit.of_quantity] * (min(limit.excess(one) for one in (most, least)) > 0)
        except OutOfDomain:
            unknown.append(limit.of_quantity.title)
    if unknown and not over:
        return f"the {' and '.join(unknown)} of networks of its widths and pixels is not known"
    end, network = ("smallest", least) if over else ("largest", most)
    of = over or [objective.of_quantity]
    figures = " and ".join(f"{one.text(one.figures(network))} {one.title}" for one in of)
    return f"the {end} that it is scaled to has {figures}"


def sharpened(
    objective: Objective, limits: Sequence[Limit], evaluator: Evaluator, most: float | None = None
) -> tuple[Architecture | None, list[Architecture]]:
    """B0 scaled, with as many pixels as are free where more than multiply-adds is limited.

    What limits parameters, say, ends the network and not the image. So of B0 at all phis, each with
    as many pixels as T and the limits allow, this is the one of the best prediction.

    Args:
        objective: Its target T.
        limits: What it has to meet besides.
        evaluator: Predicts; one that is no model frees no pixels.
        most: Multiply-adds at most, where neither T nor a limit is on them; None frees no pixels
            there.

    Returns:
        As of `scaled_b0`; and, with pixels freed, the networks in whose proportions it is.
    """
    base, model = scaled_b0(objective, limits), predictor_of(evaluator)
    every = within_all(objective, limits)
    bound = {limit.of_quantity.key for limit in every}
    if "flops" not in bound and most is not None:
        every.append(Limit("flops", most))
    elif "flops" not in bound or bound == {"flops"}:
        return base, []
    free = objective.of_quantity.key != "flops" or (limits and base != scaled_b0(objective))
    if base is None or model is None or not free:
        return base, []
    found = [(base, base), *freed(_recipe(None), lambda network: meets(network, every))]
    own, best = max(found, key=lambda pair: _mean(model, pair[1]))
    return dataclasses.replace(best, name=NAME), [] if best == own else _towards(own, best)


def meets(network: Architecture, limits: Sequence[Limit]) -> bool:
    """Whether it is within all limits, as far as is known."""
    with contextlib.suppress(OutOfDomain):  # of a device
        return not broken(network, limits)
    return False


def _mean(model: Predicts, network: Architecture) -> float:
    """What is predicted of it; -inf where nothing is."""
    with contextlib.suppress(OutOfDomain):
        return float(model.predict([network])[0][0])
    return -math.inf


def _towards(own: Architecture, best: Architecture) -> list[Architecture]:
    """B0 scaled up to one of its networks, and that with more and more pixels."""
    most, pixels = max(best.size), [max(own.size)]
    while pixels[-1] < most:
        pixels.append(min(most, math.ceil(pixels[-1] * SHARPER)))
    smaller = (one for one in _recipe(None).along(STEP) if cost(one).macs < cost(own).macs)
    return [*smaller, *(dataclasses.replace(own, resolution=each) for each in pixels)]


def reference_of(
    space: Space,
    objective: Objective,
    limits: Sequence[Limit],
    evaluator: Evaluator,
) -> tuple[Architecture | None, list[Architecture]]:
    """What a search's spreads are of the difference to.

    Args:
        space: What is searched.
        objective: Its target T.
        limits: Its other limits.
        evaluator: As of `sharpened`.

    Returns:
        The network, B0 scaled to T, or the smallest or largest of B0's where none is so small or
        large; inside a network that one, made narrower and shallower. None where there is none. And
        networks in its proportions, smaller to larger; none where those of
        a scaled B0 are what is usual.
    """
    if not (space.name.startswith(INSIDE) and space.known):
        found, smaller = sharpened(objective, limits, evaluator)
        alone = scaled_b0(objective) if limits else found
        to = "T" if found == alone else "T and the limits"
        if found is None and alone is not None:
            to = "T alone, beyond the other limits"
        found = found or alone
        named = found and dataclasses.replace(found, name=f"{NAMED} scaled to {to}")
        return named or _end(objective), smaller
    (values,) = space.known()
    whole = dataclasses.replace(space.build(values), name=space.name.removeprefix(INSIDE))
    recipe = Recipe(whole, dataclasses.replace(PAPER, gamma=1.0))  # pixels are no choice there
    try:
        found = largest_within(recipe, lambda a: objective.cost(a) <= objective.target, 0.0)
    except (UserError, OutOfDomain):
        return None, []
    return dataclasses.replace(found, name=f"{whole.name} scaled to T"), [
        *recipe.along(STEP, 0.0),
        whole,
    ]


def _end(objective: Objective) -> Architecture | None:
    """The smallest network that B0 is scaled to, or the largest, the nearer to T; None if unknown.

    So that what is far from T's B0s is doubted there too, where there is no evidence.
    """
    ends = _ends()
    with contextlib.suppress(OutOfDomain):
        small, _ = (objective.cost(one) > objective.target for one in ends)
        name = f"the {'smallest' if small else 'largest'} {NAMED}"
        return dataclasses.replace(ends[0 if small else 1], name=name)
    return None
