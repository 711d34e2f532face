"""What a user would otherwise take within the same target and limits.

EfficientNet-B0 scaled to them by the paper's coefficients, and published networks. With `soft`,
whose pick may take more than T or less, what counts is what the pick takes. On one's own images
ImageNet's numbers say nothing, and it is B0 at the size of these, by its costs alone.
"""

import contextlib
import dataclasses
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from nas.evaluators import Evaluator, against, difference_of, notes_of, predictor_of
from nas.holding import holder_of
from nas.imagenet.granted import even, promised
from nas.imagenet.published import within as published_within
from nas.objective import Limit, Objective
from nas.search.beside.scaled import NAMED, absent, meets, scaled_b0, sharpened, within_all
from results.runs.addresses import BESIDE
from search_spaces.architecture import Architecture, to_dict
from search_spaces.cost import cost
from search_spaces.errors import OutOfDomain
from search_spaces.networks import EFFICIENTNET_B0
from search_spaces.quantities import QUANTITIES

LEAST = 0.01  # points of a spread that are worth telling
MUCH = 0.5  # of a limit: what takes less would be no other without it
SAME, WHOSE = "the same T", "the pick's "
FLOPS = QUANTITIES["flops"]
Figures = Callable[[Architecture], dict[str, Any]]


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
        is not known of it; none with `images`. `unchecked`: what is so of any of them. `absent`:
        why there is no B0 scaled. `notes`: that, and where the evidence on the pick is thin.
    """
    own = objective.cost(pick)
    soft = objective.name == "soft"
    within = dataclasses.replace(objective, target=own) if soft else objective
    words = f"{WHOSE}{within.of_quantity.format(own)} {within.of_quantity.title}"
    to = words if soft else f"{SAME} and limits" if limits else SAME
    asked = (within, limits, pick if images else None)
    smaller = list[Architecture]()
    if images:
        base = None if inside else scaled_b0(*asked)
    else:
        base, smaller = sharpened(within, limits, evaluator, cost(pick).macs)
    if smaller and "flops" not in {limit.of_quantity.key for limit in within_all(within, limits)}:
        to += f" and at most {'' if soft else WHOSE}{FLOPS.format(cost(pick).macs)} {FLOPS.title}"
    judge = against(evaluator, base, smaller) if base and smaller else evaluator
    why = [] if base or (images and inside) else [
        f"No {NAMED} scaled to {to} stands beside the pick: {absent(*asked)}."
    ]  # fmt: skip
    published = [] if images else published_within(within_all(within, limits), cost(pick).macs)
    return {
        "absent": why[0] if why else None,
        "scaled_b0": None if base is None
        else {
            **figures(base), **compared(pick, base, judge), "to": to,
            "times": cost(pick).macs / cost(base).macs, "architecture": to_dict(base),
            **({"at": str(pick.size)} if images else {}),
        },
        "published": published,
        "unchecked": list(dict.fromkeys(one for row in published for one in row["unchecked"])),
        "notes": [*why, *notes_of(evaluator, pick)],
    }  # fmt: skip


def binding(pick: Architecture, objective: Objective, limits: Sequence[Limit]) -> list[Limit]:
    """The limits without which a pick, or what stands beside it, might be another.

    Of which the pick takes more than a half; all of them, where B0 scaled to T breaks one.

    Args:
        pick: The search's answer, within the limits.
        objective: Its target T.
        limits: Its other limits.
    """
    own = objective.cost(pick) if objective.name == "soft" else objective.target
    base = scaled_b0(dataclasses.replace(objective, target=own)) if limits else None
    if base is None or not meets(base, limits):
        return list(limits)
    return [limit for limit in limits if limit.excess(pick) > -MUCH]


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
