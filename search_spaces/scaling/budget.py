"""A baseline scaled with coefficients, at a phi or to a budget of multiply-adds."""

import dataclasses
import functools
import math
from dataclasses import dataclass

from search_spaces.architecture import Architecture
from search_spaces.errors import UserError, check_is, check_positive, plain
from search_spaces.quantities import QUANTITIES
from search_spaces.rounding import Size
from search_spaces.scaling.coefficients import PHI_RANGE, Coefficients, check_phi
from search_spaces.scaling.macs import Ladder, Shape
from search_spaces.scaling.rules import RULES, round_pixels, rule_name, scale

PHI_EXACT = 1e-3  # phi is bisected to so much
# From the largest phi that fits at its own resolution so many are tried, each so much larger.
NEAR_PHIS, NEAR_STEP = 16, 0.02
# Where those leave more of the budget, as at few pixels, so many are tried.
ENOUGH, FAR_PHIS = 0.95, 64
LEAST_PIXELS = 0.88  # share of the formula's resolution that a network keeps at least
DROPOUT_GAIN, DROPOUT_AT, DROPOUT_MOST = 0.3, 7.0, 0.5  # see `dropout_at`

_MACS = QUANTITIES["flops"]
SQUARE = Size(1, 1)


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

    Raises:
        UserError: Baseline or coefficients are something else.
    """

    baseline: Architecture
    coefficients: Coefficients
    rule: str | None = None
    round_resolution: int | None = None

    def __post_init__(self) -> None:
        check_is("baseline", self.baseline, Architecture, "an Architecture")
        check_is("coefficients", self.coefficients, Coefficients, "Coefficients, as PAPER")

    def network(self, phi: float, name: str = "") -> Architecture:
        """The baseline at phi; phi 0 is the baseline itself."""
        phi = check_phi(phi)
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

    def along(self, step: float, below: float = PHI_RANGE[1]) -> list[Architecture]:
        """Its networks from the smallest phi up, below another, with steps of phi between."""
        count = math.ceil((below - PHI_RANGE[0]) / step)
        return [self.network(PHI_RANGE[0] + step * i) for i in range(count)]


@functools.lru_cache(maxsize=64)
def ladder(baseline: Architecture, rule: str | None = None) -> Ladder:
    """The shapes that a baseline is scaled to. Cached."""
    return Ladder(baseline, rule)


def sized(side: int, like: Size, multiple: int | None = None) -> Size:
    """The size whose longer side is `side`, of about the shape of another; both rounded."""
    if like.height == like.width:
        return Size(side, side)
    short = round_pixels(side * min(like) / max(like), multiple)
    return Size(short, side) if like.height < like.width else Size(side, short)


def largest_resolution(
    shape: Shape, macs: float, multiple: int | None = None, like: Size = SQUARE
) -> Size:
    """The largest resolution at which a shape has at most `macs`.

    Args:
        shape: A network but for its resolution.
        macs: Multiply-adds, which grow with the resolution.
        multiple: What both sides are a multiple of; None is 1. At least one is given.
        like: A size of the shape that it is to have.
    """

    def macs_at(n: int) -> int:
        return shape.macs(sized(n * unit, like, multiple))

    unit = multiple or 1
    low, high = 1, 1 << 16
    near = int(64 * math.sqrt(macs / macs_at(64)))  # MACs grow about with the square
    for guess in (near, near + 1, near - 2, near + 3, near - 8, near + 12):
        if low < guess < high:
            fits = macs_at(guess) <= macs
            low, high = (guess, high) if fits else (low, guess)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if macs_at(middle) <= macs else (low, middle)
    return sized(low * unit, like, multiple)


def fit_budget(recipe: Recipe, budget: float) -> tuple[float, Architecture]:
    """Scales a baseline to a budget, never above it.

    Phi is found by bisection on the MACs really reached, which grow in steps with phi; then the
    nearby phi is taken whose resolution, the finest knob, spends most of the budget. Where that is
    less than 95 % of it, phis farther on are looked at: of an image of few pixels one more may cost
    half as much again, which width then spends.

    Args:
        recipe: Of the family.
        budget: Multiply-adds.

    Returns:
        Phi, and the network.

    Raises:
        UserError: The budget is out of reach.
    """
    check_is("recipe", recipe, Recipe, "a Recipe, as Recipe(network, PAPER)")
    check_positive("budget", budget := plain(budget))
    low, high = _bracket(recipe, budget)
    while high - low > PHI_EXACT:
        middle = (low + high) / 2
        fits = _at(recipe, middle)[2] <= budget
        low, high = (middle, high) if fits else (low, middle)
    phi = math.floor(low / PHI_EXACT + 1e-9) * PHI_EXACT
    options: list[tuple[int, float, Size]] = []
    for more in range(FAR_PHIS):
        if more >= NEAR_PHIS and max(options)[0] >= ENOUGH * budget:
            break
        near = round(min(PHI_RANGE[1], phi + more * NEAR_STEP), 3)
        shape, own, _ = _at(recipe, near)
        most = _largest(shape, budget, recipe.round_resolution, recipe.baseline.size)
        # A lower resolution than the formula's makes up for a depth that was rounded up.
        if (macs := shape.macs(most)) <= budget and most.over(own) >= LEAST_PIXELS:
            options.append((macs, -near, most))
    _, near, most = max(options)
    return -near, dataclasses.replace(recipe.network(-near), resolution=most.plain)


_largest = functools.lru_cache(maxsize=1 << 10)(largest_resolution)


def _at(recipe: Recipe, phi: float) -> tuple[Shape, Size, int]:
    """The recipe's shape at phi, its resolution and its MACs."""
    base = recipe.baseline
    if phi == 0:
        shape, size = ladder(base, recipe.rule).shape(1.0, 1.0), base.size
    else:
        c = recipe.coefficients
        shape = ladder(base, recipe.rule).shape(c.alpha**phi, c.beta**phi)
        sides = (side * c.gamma**phi for side in base.size)
        size = Size(*(round_pixels(side, recipe.round_resolution) for side in sides))
    return shape, size, shape.macs(size)


def _bracket(recipe: Recipe, budget: float) -> tuple[float, float]:
    """Two phis between which the budget lies: near where it would lie without rounding.

    Raises:
        UserError: It is out of reach.
    """
    least, most = PHI_RANGE
    base = _at(recipe, 0.0)[2]
    guess = math.log(budget / base) / max(math.log(recipe.coefficients.product), 1e-3)
    for away in (0.5, 1.5, most - least):
        low, high = max(least, guess - away), min(most, guess + away)
        if low < 0 < high:  # so that the baseline's own MACs give phi 0
            low, high = (0.0, high) if base <= budget else (low, 0.0)
        if low < high and _at(recipe, low)[2] <= budget < _at(recipe, high)[2]:
            return low, high
    few, many = (_at(recipe, phi)[2] for phi in PHI_RANGE)
    if budget == many:
        return most, most
    raise UserError(
        f"the budget of {_MACS.format(budget)} MACs is out of reach: phi from {least:g} to "
        f"{most:g} gives {_MACS.format(few)} to {_MACS.format(many)} from this baseline"
    )
