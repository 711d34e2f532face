"""A baseline scaled with coefficients, at a phi or to a budget of multiply-adds."""

import dataclasses
import math
from dataclasses import dataclass

from search_spaces.architecture import Architecture
from search_spaces.cost import cost
from search_spaces.errors import UserError
from search_spaces.quantities import QUANTITIES
from search_spaces.scaling.coefficients import PHI_RANGE, Coefficients
from search_spaces.scaling.rules import RULES, rule_name, scale

PHI_STEPS = 40  # bisections of phi
NEAR_PHIS, NEAR_STEP = 16, 0.02  # phis tried above the largest that fits at its own resolution
LEAST_PIXELS = 0.88  # of the formula's resolution
DROPOUT_GAIN, DROPOUT_AT, DROPOUT_MOST = 0.3, 7.0, 0.5

_MACS = QUANTITIES["flops"]


def dropout_at(architecture: Architecture, phi: float, rule: str | None = None) -> float:
    """Dropout of the formula family: the baseline's plus 0.3 * phi / 7, within [baseline's, 0.5].

    From 0.2 for EfficientNet-B0 to 0.5 for B7 (Tan & Le 2019, sec. 5.2: "linearly increase").
    Networks whose papers don't use it (MobileNets, ResNet) keep theirs.
    """
    base = architecture.dropout
    if not RULES[rule_name(architecture, rule)].dropout:
        return base
    grown = base + DROPOUT_GAIN * max(0.0, phi) / DROPOUT_AT
    return round(max(base, min(DROPOUT_MOST, grown)), 4)


@dataclass(frozen=True)
class Recipe:
    """How a family's networks follow from a baseline; as in `rules.scale`."""

    baseline: Architecture
    coefficients: Coefficients
    rule: str | None = None
    round_resolution: int | None = None

    def network(self, phi: float, name: str = "") -> Architecture:
        """The baseline at phi; phi 0 is the baseline itself."""
        if phi == 0:
            return dataclasses.replace(self.baseline, name=name)
        return scale(
            self.baseline,
            self.coefficients.at(phi),
            self.rule,
            self.round_resolution,
            dropout_at(self.baseline, phi, self.rule),
            name,
        )


def largest_resolution(shape: Architecture, macs: float, multiple: int | None = None) -> int:
    """The largest resolution with at most `macs`, at least one multiple; MACs grow with it."""
    unit = multiple or 1

    def fits(n: int) -> bool:
        return cost(dataclasses.replace(shape, resolution=n * unit)).macs <= macs

    low, high = 1, 2
    while high < 1 << 16 and fits(high):
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if fits(middle) else (low, middle)
    return low * unit


def fit_budget(recipe: Recipe, budget: float) -> tuple[float, Architecture]:
    """(phi, network): phi by bisection on the MACs really reached, which grow in steps with phi;
    then the nearby phi whose resolution, the finest knob, spends most of the budget. Never above
    the budget.

    Raises UserError where the budget is out of reach.
    """
    low, high = PHI_RANGE
    least, most = (cost(recipe.network(phi)).macs for phi in (low, high))
    if not least <= budget <= most:
        raise UserError(
            f"the budget of {_MACS.format(budget)} MACs is out of reach: phi from {low:g} to "
            f"{high:g} gives {_MACS.format(least)} to {_MACS.format(most)} from this baseline"
        )
    for _ in range(PHI_STEPS):
        middle = (low + high) / 2
        fits = cost(recipe.network(middle)).macs <= budget
        low, high = (middle, high) if fits else (low, middle)
    phi = 0.0 if abs(low) < 1e-6 else math.floor(low * 1e6) / 1e6
    options = []
    for more in range(NEAR_PHIS):
        near = round(min(PHI_RANGE[1], phi + more * NEAR_STEP), 6)
        shape = recipe.network(near)
        pixels = largest_resolution(shape, budget, recipe.round_resolution)
        network = dataclasses.replace(shape, resolution=pixels)
        # A lower resolution than the formula's makes up for a depth that was rounded up.
        if cost(network).macs <= budget and pixels >= LEAST_PIXELS * shape.resolution:
            options.append((near, network))
    return max(options, key=lambda option: (cost(option[1]).macs, -option[0]))
