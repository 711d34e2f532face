"""The grid of alpha, beta, gamma, held to the MACs that the networks really reach.

Tan & Le 2019, eq. 3: alpha * beta**2 * gamma**2 ~ 2 with alpha, beta, gamma >= 1, so that MACs
grow by 2**phi. Rounding breaks that: from EfficientNet-B0 the points of the paper's grid reach
1.9 to 3.3 times the MACs, not 2. So a point counts by the MACs of the network that it gives.
"""

import contextlib
import dataclasses
import functools
import math
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NoReturn

from gridsearch.grid.combinations import (
    MOST,
    combinations,
    no_combination,
    no_ratio,
    too_large,
)
from search_spaces.architecture import Architecture
from search_spaces.cost import cost
from search_spaces.errors import UserError, check_is, make_plain
from search_spaces.scaling.budget import dropout_at, ladder, largest_resolution, sized
from search_spaces.scaling.coefficients import Coefficients, check_phi
from search_spaces.scaling.rules import round_pixels, rule_name, scale

ENOUGH = 12  # with fewer points resolution is moved, then the step halved
HALVINGS = 3
SMALLEST_STEP = 0.01
MOST_REFINED = 8_000  # combinations that meet the product, of a step that was halved
DISTANT = 4.0  # largest alpha, beta, gamma
# Why a combination is no point of the grid, in words; `removed` counts by these names.
REASONS = {
    "product": "combinations whose alpha * beta**2 * gamma**2 is farther than {tolerance:g} from 2",
    "unrounded": "combinations not tried: before rounding the law expects lower accuracy of them",
    "same network": "combinations that round to the same network as another one",
    "window": "networks whose real MACs are outside {low:.4g}x to {high:.4g}x the baseline's",
    "memory": "networks that need more memory than {memory}",
}


def _number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _within(name: str, value: float, low: float, high: float, example: str) -> None:
    if not _number(value) or not low <= value <= high:
        raise UserError(
            f"{name} is {value!r}: expected a number from {low:g} to {high:g}, as {example}"
        )


@dataclass(frozen=True)
class Question:
    """What a grid is asked for.

    Attributes:
        baseline: The network that is scaled.
        phi: MACs are to grow by 2**phi; not 0.
        step: Of alpha, beta, gamma, from 1 upwards.
        tolerance: On alpha * beta**2 * gamma**2 around 2.
        window: Tolerance, relative, on the MACs really reached around 2**phi; None: no window.
        memory: Largest peak memory at batch 1, bytes; None: no limit.
        rule: As in `search_spaces.scaling.rules.scale`.
        round_resolution: As in `search_spaces.scaling.rules.scale`.

    Raises:
        UserError: A number can't be.
    """

    baseline: Architecture
    phi: float = 1.0
    step: float = 0.05
    tolerance: float = 0.1
    window: float | None = 0.05
    memory: float | None = None
    rule: str | None = None
    round_resolution: int | None = None

    def __post_init__(self) -> None:
        make_plain(self)
        check_is("baseline", self.baseline, Architecture, "an Architecture")
        if check_phi(self.phi) == 0:
            raise UserError(
                "phi is 0, which is the baseline itself: expected another number, as 1 or -1"
            )
        _within("the step", self.step, SMALLEST_STEP, 0.5, "0.05")
        _within("the tolerance of the product", self.tolerance, 0.0, 0.9, "0.1")
        if self.window is not None:
            _within("the window", self.window, 1e-4, 0.5, "0.05, or off")
        memory = self.memory
        if memory is not None and not (_number(memory) and 0 < memory < math.inf):
            raise UserError(f"the target memory is {memory!r}: expected bytes above 0, as 64e6")
        rule_name(self.baseline, self.rule)
        round_pixels(self.baseline.size.height, self.round_resolution)

    @property
    def ratio(self) -> float:
        """2**phi: the MACs to be reached / the baseline's."""
        return float(2.0**self.phi)

    def ratio_of(self, architecture: Architecture) -> float:
        """MACs / the baseline's."""
        return cost(architecture).macs / self.macs

    @functools.cached_property
    def macs(self) -> int:
        """The baseline's."""
        return cost(self.baseline).macs

    @functools.cached_property
    def _how(self) -> tuple[str, float]:
        rule = rule_name(self.baseline, self.rule)
        return rule, dropout_at(self.baseline, self.phi, rule)

    def meets_window(self, ratio: float) -> bool:
        """Whether MACs of this ratio to the baseline's are within the window."""
        return self.window is None or abs(ratio / self.ratio - 1) <= self.window

    def meets_memory(self, architecture: Architecture) -> bool:
        """Whether the network's peak memory is within the limit."""
        return self.memory is None or cost(architecture).memory <= self.memory

    def network(self, coefficients: Coefficients) -> Architecture:
        """The baseline scaled by alpha**phi, beta**phi, gamma**phi."""
        rule, dropout = self._how
        multipliers = coefficients.at(self.phi)
        return scale(self.baseline, multipliers, rule, self.round_resolution, dropout)


@dataclass(frozen=True)
class Point:
    """A network of the grid.

    Attributes:
        coefficients: Alpha, beta, gamma.
        architecture: The network.
        ratio: MACs / the baseline's.
        moved: Its resolution was changed from the grid's to meet the window, and gamma is what that
            resolution stands for.
    """

    coefficients: Coefficients
    architecture: Architecture
    ratio: float
    moved: bool = False


@dataclass(frozen=True)
class Grid:
    """The networks that a question allows.

    Attributes:
        question: What was asked for.
        points: All within window and memory, MACs ascending.
        removed: How many combinations of the box (product), points (same network, window) or
            networks (memory) each rule removed, in this order.
        notes: What was done where rounding left too few.
        step: The one used.
    """

    question: Question
    points: tuple[Point, ...]
    removed: dict[str, int]
    notes: tuple[str, ...] = ()
    step: float = 0.05


def build_grid(question: Question) -> Grid:
    """The grid's points that meet the window and the memory, each network once.

    Where fewer than ENOUGH are left, resolution is moved to meet the window (it is the finest
    knob); where that is not enough, the step is halved, up to HALVINGS times.

    Raises:
        UserError: Nothing is left; the message names the nearest and what would work.
    """
    check_is("question", question, Question, "a Question, as Question(network, phi=1)")
    step = question.step
    listed = networks(question, step, MOST)
    grid = _attempt(question, step, listed, move=False)
    tried = [grid]
    for _ in range(HALVINGS + 1):
        if question.window is None or len(grid.points) >= ENOUGH:
            break
        grid = _attempt(question, step, listed, move=True)
        tried.append(grid)
        step /= 2
        try:
            listed = networks(question, step, MOST_REFINED)
        except UserError:  # too many combinations at this step
            break
    best = next((g for g in tried if len(g.points) >= ENOUGH), None)
    if not (best := best or max(tried, key=lambda g: len(g.points))).points:
        _refuse(question, tried)
    return dataclasses.replace(best, notes=tuple(_notes(question, tried[0], best)))


def networks(question: Question, step: float, most: int) -> tuple[list[Point], int]:
    """The points that meet the product, and how many do not. Raises UserError above `most`.

    What would be deeper or wider than any network is none.
    """
    listed, outside = combinations(step, question.tolerance, most)
    points = []
    for coefficients in listed:
        with contextlib.suppress(UserError):
            network = question.network(coefficients)
            points.append(Point(coefficients, network, question.ratio_of(network)))
    return points, outside + len(listed) - len(points)


def _attempt(question: Question, step: float, listed: tuple[list[Point], int], move: bool) -> Grid:
    found, outside = listed
    removed = Counter({"product": outside})
    points = _distinct(found, removed)
    inside = [point for point in points if question.meets_window(point.ratio)]
    removed["window"] = len(points) - len(inside)
    if move:
        inside = _distinct([*inside, *_moved(question, found)], Counter())
    kept = [point for point in inside if question.meets_memory(point.architecture)]
    removed["memory"] = len(inside) - len(kept)
    kept.sort(key=lambda p: (cost(p.architecture).macs, p.architecture.id))
    return Grid(question, tuple(kept), dict(removed), (), step)


def _distinct(points: Iterable[Point], removed: Counter[str]) -> list[Point]:
    """Each network once, with the coefficients whose product is nearest 2."""
    best: dict[Architecture, Point] = {}
    for point in points:
        known = best.get(point.architecture)
        removed["same network"] += known is not None
        if known is None or _rank(point) < _rank(known):
            best[point.architecture] = point
    return list(best.values())


def _rank(point: Point) -> tuple[float, ...]:
    c = point.coefficients
    return (point.moved, round(abs(c.product - 2), 9), c.alpha, c.beta, c.gamma)


def _moved(question: Question, points: Iterable[Point]) -> Iterator[Point]:
    """For each alpha and beta the resolution that comes nearest to 2**phi.

    It is given where one is within the window with gamma from 1 to DISTANT.
    """
    base, multiple = question.baseline.size, question.round_resolution
    aim, phi = question.ratio * question.macs, question.phi
    shapes = ladder(question.baseline, question.rule)
    for alpha, beta in dict.fromkeys((p.coefficients.alpha, p.coefficients.beta) for p in points):
        shape = question.network(Coefficients(alpha, beta, 1.0))
        below = largest_resolution(shapes.shape(alpha**phi, beta**phi), aim, multiple, base)
        near = []
        for size in (below, sized(max(below) + (multiple or 1), base, multiple), shape.size):
            gamma = size.over(base) ** (1 / question.phi)
            network = dataclasses.replace(shape, resolution=size.plain)
            ratio = question.ratio_of(network)
            if 1 <= gamma <= DISTANT and question.meets_window(ratio):
                near.append(Point(Coefficients(alpha, beta, gamma), network, ratio, moved=True))
        yield from sorted(near, key=lambda p: abs(math.log(p.ratio / question.ratio)))[:1]


def _notes(question: Question, plain: Grid, best: Grid) -> Iterator[str]:
    if best is plain:
        return
    moved = sum(point.moved for point in best.points)
    left = f"{len(plain.points)} point{'s' * (len(plain.points) != 1)}"
    note = f"after rounding only {left} reached MACs within --window, too few to choose from"
    if moved:
        note += (
            f"; so {moved} more were brought there by another resolution, and their gamma is the "
            "one that this resolution stands for"
        )
    yield note
    if best.step < question.step:
        yield f"for more points, --step was made {best.step:g} instead of {question.step:g}"
    if len(best.points) < ENOUGH:
        yield (
            f"even so only {len(best.points)} points meet every rule; a larger --window or "
            "--product-tolerance gives more"
        )


def _refuse(question: Question, tried: list[Grid]) -> NoReturn:
    """Raises UserError that says what emptied the grid and what would work."""
    listed = combinations(tried[-1].step, question.tolerance)[0]
    if not listed:
        raise no_combination(question.step, question.tolerance)
    if question.memory is not None:
        free = build_grid(dataclasses.replace(question, memory=None))
        raise too_large(question.memory, min(cost(p.architecture).memory for p in free.points))
    points = networks(question, tried[-1].step, MOST)[0]
    raise no_ratio(question.ratio, question.window or 0, [point.ratio for point in points])
