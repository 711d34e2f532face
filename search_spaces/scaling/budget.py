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
# From the largest phi that fits at its own resolution so many are tried, each so much larger.
NEAR_PHIS, NEAR_STEP = 16, 0.02
LEAST_PIXELS = 0.88  # share of the formula's resolution that a network keeps at least
DROPOUT_GAIN, DROPOUT_AT, DROPOUT_MOST = 0.3, 7.0, 0.5  # see `dropout_at`

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
    """How a family's networks follow from a baseline.

    Attributes:
        baseline: The network at phi 0.
        coefficients: Of depth, width and resolution.
        rule: As in `rules.scale`.
        round_resolution: As in `rules.scale`.
    """

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
    """The largest resolution at which the network has at most `macs`.

    Args:
        shape: The network, at any resolution.
        macs: Multiply-adds, which grow with the resolution.
        multiple: What the resolution is a multiple of; None is 1. At least one is given.
    """
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
    """Scales a baseline to a budget, never above it.

    Phi is found by bisection on the MACs really reached, which grow in steps with phi; then the
    nearby phi is taken whose resolution, the finest knob, spends most of the budget.

    Args:
        recipe: Of the family.
        budget: Multiply-adds.

    Returns:
        Phi, and the network.

    Raises:
        UserError: The budget is out of reach.
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
