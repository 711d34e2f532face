"""Depth only, width only, resolution only and compound, at equal real MACs.

The ablation of Tan & Le 2019: figure 3 (one dimension at a time), figure 4 (width at several
depths and resolutions), table 3 (MobileNets and ResNet).
"""

import contextlib
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from gridsearch.prior.prior import ScalingPrior
from nas.evaluators import Evaluator, Measurement, checked, evaluate
from search_spaces.architecture import Architecture
from search_spaces.cost import cost
from search_spaces.errors import RunFailure, UserError
from search_spaces.scaling.budget import Recipe, fit_budget
from search_spaces.scaling.coefficients import Coefficients
from search_spaces.scaling.rules import Multipliers, scale

BASELINES = ("efficientnet_b0", "mobilenet_v1", "mobilenet_v2", "resnet_50")  # the paper's
LARGEST_RATIO = 256.0

# One dimension at a time is one line here.
SINGLE: dict[str, Callable[[float], Multipliers]] = {
    "depth": lambda x: Multipliers(depth=x),
    "width": lambda x: Multipliers(width=x),
    "resolution": lambda x: Multipliers(resolution=x),
}
METHODS = (*SINGLE, "compound")

# Figure 4: width is scaled at these depths and resolutions.
FIGURE_4 = ((1.0, 1.0), (1.0, 1.3), (2.0, 1.0), (2.0, 1.3))


@dataclass(frozen=True)
class Scaled:
    """A scaled baseline.

    Attributes:
        baseline: Its name, or its id.
        method: Of METHODS, or `baseline` for itself.
        target: MACs asked for / the baseline's.
        ratio: MACs reached / the baseline's.
        multipliers: Nominal, before rounding.
        architecture: The network.
        measured: Its accuracy.
    """

    baseline: str
    method: str
    target: float
    ratio: float
    multipliers: Multipliers
    architecture: Architecture
    measured: Measurement | None = None


def single(
    baseline: Architecture, method: str, target: float, rule: str | None = None
) -> tuple[Multipliers, Architecture]:
    """The baseline scaled in one dimension, to the MACs nearest to `target` times its own.

    MACs grow in steps with a multiplier, so they are met as nearly as rounding lets them.

    Raises:
        UserError: The network would be larger than any may be.
    """
    aim = target * cost(baseline).macs

    def network(x: float) -> Architecture:
        return scale(baseline, SINGLE[method](x), rule)

    low, high = (1.0, 2 * target) if target >= 1 else (target / 2, 1.0)

    def fits(x: float) -> bool:
        with contextlib.suppress(UserError):  # no network may be that large
            return cost(network(x)).macs <= aim
        return False

    for _ in range(50):
        middle = math.sqrt(low * high)
        low, high = (middle, high) if fits(middle) else (low, middle)
    x = min((low, high), key=lambda x: abs(math.log(cost(network(x)).macs / aim)))
    x = float(f"{x:.6g}") if network(float(f"{x:.6g}")) == network(x) else x
    return SINGLE[method](x), network(x)


def compound(recipe: Recipe, target: float) -> tuple[Multipliers, Architecture]:
    """The baseline scaled by alpha, beta, gamma to at most `target` times its MACs."""
    phi, network = fit_budget(recipe, target * cost(recipe.baseline).macs)
    nominal = recipe.coefficients.at(phi)
    pixels = network.size.over(recipe.baseline.size)
    return Multipliers(nominal.depth, nominal.width, pixels), network


def compare(
    baselines: Sequence[Architecture],
    ratios: Sequence[float],
    coefficients: Coefficients,
    evaluator: Callable[[Architecture], Evaluator] = ScalingPrior,
    note: Callable[[str], object] = str,
) -> list[Scaled]:
    """Every baseline at every ratio by every method, and itself.

    Args:
        baselines: What is scaled.
        ratios: MACs / the baseline's.
        coefficients: Of the compound method.
        evaluator: Gives one for a baseline.
        note: Is told of each network that is out of reach, and so left out.

    Raises:
        OutOfDomain: An evaluator refuses a network.
        RunFailure: An evaluator fails.
    """
    return [
        scaled
        for baseline in baselines
        for scaled in _scaled(baseline, ratios, coefficients, evaluator(baseline), note)
    ]


def _scaled(
    baseline: Architecture,
    ratios: Sequence[float],
    coefficients: Coefficients,
    measure: Evaluator,
    note: Callable[[str], object],
) -> Iterator[Scaled]:
    name = baseline.name or baseline.id
    recipe = Recipe(baseline, coefficients)
    yield Scaled(name, "baseline", 1.0, 1.0, Multipliers(), baseline, measured(measure, baseline))
    for ratio in ratios:
        for method in METHODS:
            try:
                how, network = (
                    compound(recipe, ratio)
                    if method == "compound"
                    else single(baseline, method, ratio)
                )
            except UserError as error:
                note(f"{name} scaled to {ratio:g}x by {method} is left out: {error}")
                continue
            reached = cost(network).macs / cost(baseline).macs
            yield Scaled(name, method, ratio, reached, how, network, measured(measure, network))


def measured(evaluator: Evaluator, architecture: Architecture) -> Measurement:
    """One measurement.

    Raises:
        OutOfDomain: The evaluator refuses the network.
        RunFailure: It fails.
    """
    checked(evaluator, architecture)
    outcome = evaluate(evaluator, architecture, 1.0, 0)
    if outcome.measurement is None:
        raise RunFailure(
            f"the evaluator failed on {architecture.name or architecture.id} with "
            f"{outcome.error!r}: mend it and run the same command again"
        )
    return outcome.measurement


def parse_ratios(text: str) -> list[float]:
    """`2,4,8` as numbers.

    Raises:
        UserError: They are none, or out of range.
    """
    try:
        ratios = [float(part.strip().lower().removesuffix("x")) for part in text.split(",")]
        if not all(1 < ratio <= LARGEST_RATIO for ratio in ratios):
            raise ValueError
    except ValueError:
        raise UserError(
            f"the ratios are {text!r}: expected numbers above 1 and up to {LARGEST_RATIO:g}, as "
            "2,4,8"
        ) from None
    return list(dict.fromkeys(ratios))


def row(scaled: Scaled) -> dict[str, Any]:
    """A scaled network's figures, as the table has them.

    `top1` is in percent, `top1_error` its standard error.
    """
    m = scaled.multipliers
    return {
        "baseline": scaled.baseline,
        "method": scaled.method,
        "target_ratio": scaled.target,
        "ratio": scaled.ratio,
        "depth": m.depth,
        "width": m.width,
        "resolution_multiplier": m.resolution,
        "blocks": scaled.architecture.blocks,
        "resolution": scaled.architecture.size.label,
        **cost(scaled.architecture).columns,
        "top1": None if scaled.measured is None else scaled.measured.accuracy,
        "top1_error": None if scaled.measured is None else scaled.measured.spread,
        "id": scaled.architecture.id,
    }
