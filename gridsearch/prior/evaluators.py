"""What measures a grid's points: the search's interface, made for a baseline."""

import dataclasses
from collections.abc import Callable

from gridsearch.prior.prior import ScalingPrior
from nas.evaluators import EVALUATORS as MODELS
from nas.evaluators import Evaluator, Relative, against
from nas.evaluators import evaluator as by_name
from search_spaces.architecture import Architecture
from search_spaces.errors import UserError, meant
from search_spaces.scaling.budget import Recipe
from search_spaces.scaling.coefficients import PAPER

# An evaluator of scaled versions of a baseline is one line here: (baseline, rule) -> evaluator.
EVALUATORS: dict[str, Callable[[Architecture, str | None], Evaluator]] = {"prior": ScalingPrior}
STEP = 0.5  # of phi, between the networks whose proportions are usual of the baseline


def evaluator(spec: str, baseline: Architecture, rule: str | None = None) -> Evaluator:
    """Finds what measures scaled versions of a baseline.

    Args:
        spec: A name of EVALUATORS, or whatever `nas search --evaluator` takes, as `module:name`;
            spreads of one that knows differences are of those to the baseline.
        baseline: The network that is scaled.
        rule: Its scaling rule; None takes the network's own.

    Raises:
        UserError: There is no such evaluator.
    """
    if spec in EVALUATORS:
        return EVALUATORS[spec](baseline, rule)
    if spec not in MODELS and ":" not in spec:
        raise UserError(
            f"there is no evaluator {spec!r}{meant(spec, [*EVALUATORS, *MODELS])}: expected one of "
            f"{', '.join([*EVALUATORS, *MODELS])}, or module:name of your own"
        )
    model = by_name(spec)
    if not isinstance(model, Relative):
        return model
    alike = Recipe(baseline, PAPER, rule).along(STEP)
    return against(model, dataclasses.replace(baseline, name="the baseline"), alike)


def default_replicates(spec: str) -> int:
    """One measurement of a model, which never differs; three of what may be noisy."""
    return 1 if spec in (*EVALUATORS, *MODELS) else 3
