"""What a user would otherwise take within the same target and limits.

EfficientNet-B0 scaled to them by the paper's coefficients, and published networks. With `soft`,
whose pick may take more than T or less, what counts is what the pick takes. On one's own images
ImageNet's numbers say nothing, and it is B0 at the size of these, by its costs alone.
"""

import contextlib
import dataclasses
import functools
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from nas.evaluators import Evaluator, difference_of, notes_of, predictor_of
from nas.holding import holder_of
from nas.imagenet.granted import even, promised
from nas.imagenet.published import within as published_within
from nas.objective import Limit, Objective, broken
from results.runs.addresses import BESIDE
from search_spaces.architecture import Architecture, to_dict
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
LEAST, SURE = 0.01, 1.0  # points of a spread that are worth telling; that one compares by
NAME, NAMED = "efficientnet_b0_scaled", "EfficientNet-B0"
SAME = "the same T"
Figures = Callable[[Architecture], dict[str, Any]]


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
    recipe, every = _recipe(alike), _all(objective, limits)

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


def _all(objective: Objective, limits: Sequence[Limit]) -> list[Limit]:
    """T as a limit, and the others."""
    return [Limit(objective.quantity, objective.target), *limits]


def absent(
    objective: Objective, limits: Sequence[Limit] = (), alike: Architecture | None = None
) -> str:
    """Why there is no B0 scaled, in words: what `scaled_b0` ends at, of the same arguments."""
    least, most = _ends(alike)
    over, unknown = list[Quantity](), list[str]()
    for limit in _all(objective, limits):
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


def reference_of(
    space: Space, objective: Objective
) -> tuple[Architecture | None, list[Architecture]]:
    """What a search's spreads are of the difference to.

    Args:
        space: What is searched.
        objective: Its target T.

    Returns:
        The network, B0 scaled to T, or the smallest or largest of B0's where none is so small or
        large; inside a network that one, made narrower and shallower. None where there is none. And
        networks in its proportions, smaller to larger; none where those of
        a scaled B0 are what is usual.
    """
    if not (space.name.startswith(INSIDE) and space.known):
        found = scaled_b0(objective)
        named = found and dataclasses.replace(found, name=f"{NAMED} scaled to T")
        return named or _end(objective), []
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


def on_images(evaluator: Evaluator, network: Architecture) -> bool:
    """Whether an evaluator measures on images of one's own, where ImageNet's top-1 says nothing.

    Args:
        evaluator: Which trains nothing.
        network: That it measured.
    """
    if holder_of(evaluator) is not None:
        return True
    return predictor_of(evaluator) is None and network.classes != EFFICIENTNET_B0.classes


def otherwise(
    pick: Architecture,
    objective: Objective,
    limits: Sequence[Limit],
    evaluator: Evaluator,
    figures: Figures,
    images: bool = False,
    inside: bool = False,
) -> dict[str, Any]:
    """What best.json says of the alternatives.

    Args:
        pick: The search's answer.
        objective: Its target T.
        limits: Its other limits.
        evaluator: Predicts both, where it is a model that covers them.
        figures: A network -> its costs as plain JSON values.
        images: Networks are measured on images of one's own.
        inside: They are parts of one network.

    Returns:
        `scaled_b0`: B0 scaled to T and the limits, with its costs, its prediction, what it is
        scaled `to` in words, how many `times` its multiply-adds the pick takes, and the pick's
        `gain` over it with `gain_spread`, one standard deviation of that difference's error; None
        where there is none. With `images` it has their pixels as `at`, and is None `inside` a
        network, whose parts start from its weights. `published`: printed results that take nearly
        as much, each under its own recipe, with what of T and the limits is `unchecked`, since it
        is not known of it; none with `images`. `unchecked`: what is so of any of them. `notes`: why
        there is no B0 scaled, and where the evidence on the pick is thin.
    """
    own = objective.cost(pick)
    soft = objective.name == "soft"
    within = dataclasses.replace(objective, target=own) if soft else objective
    words = f"the pick's {within.of_quantity.format(own)} {within.of_quantity.title}"
    to = words if soft else f"{SAME} and limits" if limits else SAME
    asked = (within, limits, pick if images else None)
    base = None if images and inside else scaled_b0(*asked)
    if base is not None and not images:
        base = _freed(base, pick, within, limits, evaluator)
    why = [] if base or (images and inside) else [
        f"No {NAMED} scaled to {to} stands beside the pick: {absent(*asked)}."
    ]  # fmt: skip
    published = [] if images else published_within(_all(within, limits), cost(pick).macs)
    return {
        "scaled_b0": None if base is None
        else {
            **figures(base), **compared(pick, base, evaluator), "to": to,
            "times": cost(pick).macs / cost(base).macs, "architecture": to_dict(base),
            **({"at": str(pick.size)} if images else {}),
        },
        "published": published,
        "unchecked": list(dict.fromkeys(one for row in published for one in row["unchecked"])),
        "notes": [*why, *notes_of(evaluator, pick)],
    }  # fmt: skip


def _freed(
    base: Architecture,
    pick: Architecture,
    objective: Objective,
    limits: Sequence[Limit],
    evaluator: Evaluator,
) -> Architecture:
    """B0 scaled, or with more pixels where more than multiply-adds binds and the pick takes more.

    Of B0 at all phis, with as many pixels as the limits and the pick's multiply-adds allow and as
    the model is sure of to a point, or as of that network, the one of the best prediction.
    """
    model, most = predictor_of(evaluator), cost(pick).macs
    bound = bool(limits) or objective.of_quantity.key != "flops"
    if model is None or not bound or cost(base).macs >= most:
        return base
    every = [Limit("flops", most), *_all(objective, limits)]

    @functools.cache
    def said(network: Architecture) -> tuple[float, float]:
        try:
            means, spreads = model.predict([network])
        except OutOfDomain:
            return -math.inf, math.inf
        return float(means[0]), float(spreads[0])

    sure = max(SURE, said(base)[1])
    if math.isinf(sure):
        return base

    def fits(network: Architecture) -> bool:
        with contextlib.suppress(OutOfDomain):  # of a device
            return not broken(network, every) and said(network)[1] <= sure
        return False

    found = [base, *freed(_recipe(None), fits)]
    return dataclasses.replace(max(found, key=lambda network: said(network)[0]), name=NAME)


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


def to_build_on(best: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What to build on, the better choice first: its name, and what its address adds to the run's.

    Args:
        best: best.json. What stands beside the pick is among them where it is as good or better.
    """
    beside = best.get("otherwise") or {}
    scaled = beside.get("scaled_b0") or {}
    gain, error = scaled.get("gain"), scaled.get("gain_spread")
    pick, other = ("the pick", ""), (f"{NAMED} scaled", f":{BESIDE}")
    if gain is None or error is None or gain == error == 0:
        return [pick]
    if promised(beside) and not even(beside):
        return [pick]
    return [other, pick] if round(gain, 2) < 0 else [pick, other]
