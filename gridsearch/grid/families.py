"""The families that coefficients stand for: a network for each budget, by MACs really reached."""

import contextlib
import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gridsearch.grid.grid import Question
from gridsearch.prior.prior import Expected
from search_spaces.architecture import Architecture
from search_spaces.errors import UserError
from search_spaces.scaling.budget import Recipe, fit_budget
from search_spaces.scaling.coefficients import PAPER, PHI_RANGE, Coefficients, check_phi

ABOVE, BELOW = tuple(map(float, range(1, 8))), (-3.0, -2.0, -1.0)  # of a phi above and below 0
MOST_PHIS = 20
REACH = 20  # steps of 0.05 of phi below a grid's own, at which the paper's may meet the memory


def usual_phis(phi: float) -> tuple[float, ...]:
    """The phis whose budgets a grid's family is judged at where nothing else is said."""
    return ABOVE if phi > 0 else BELOW


@dataclass(frozen=True)
class Family:
    """What coefficients give.

    Attributes:
        coefficients: Alpha, beta, gamma.
        members: For each phi the largest network within 2**phi times the baseline's MACs.
    """

    coefficients: Coefficients
    members: tuple[Architecture, ...]


def phis_of(text: str | None, phi: float) -> tuple[float, ...]:
    """The phis whose budgets a family is judged at.

    Args:
        text: `1..7`, `1` or `0.5,1,2`; None for 1 to 7, or for -3 to -1 where phi is below 0.
        phi: Of the grid.

    Raises:
        UserError: They can't be.
    """
    if text is None:
        return usual_phis(phi)
    phis: list[float] = []
    try:
        for part in text.split(","):
            first, dots, last = part.partition("..")
            phis += map(float, range(int(first), int(last) + 1)) if dots else [float(first)]
    except ValueError:
        phis = []
    if not phis or 0 in phis or len(phis) > MOST_PHIS:
        raise UserError(
            f"--for-phi is {text!r}: expected the phis of the networks that the coefficients are "
            "for, none of them 0, as 1..7, 1 or 0.5,1,2"
        )
    return tuple(sorted({check_phi(each) for each in phis}))


def sizes_for(judged: Any) -> range:
    """The phis of the family that coefficients are chosen for: 0 to 7, or -3 to 0 of smaller ones.

    Args:
        judged: What the coefficients were judged at, as coefficients.json has it.
    """
    least = PHI_RANGE[0]
    smaller = isinstance(judged, list) and all(
        isinstance(phi, int | float) and least <= phi < 0 for phi in judged
    )
    return range(math.floor(min(judged)), 1) if smaller and judged else range(8)


def recipe_of(question: Question, coefficients: Coefficients) -> Recipe:
    """How a question's baseline is scaled."""
    return Recipe(question.baseline, coefficients, question.rule, question.round_resolution)


def family(question: Question, coefficients: Coefficients, phis: Sequence[float]) -> Family:
    """The networks of coefficients at the budgets 2**phi.

    Raises:
        UserError: A budget is out of reach.
    """
    recipe, macs = recipe_of(question, coefficients), question.macs
    return Family(coefficients, tuple(_member(recipe, 2.0**phi * macs) for phi in phis))


def check_reach(question: Question) -> None:
    """Refuses a phi that the paper's coefficients, which others are compared with, don't reach.

    Raises:
        UserError: It is one.
    """
    try:
        family(question, PAPER, (question.phi,))
    except UserError as error:
        raise UserError(
            f"phi is {question.phi:g}, and the paper's coefficients, which others are compared "
            f"with, don't get there ({error}): ask for a phi nearer to 0"
        ) from None


def papers_fits(question: Question) -> bool:
    """Whether the paper's family can be taken: its network at the question's phi meets the memory.

    Raises:
        UserError: That phi is out of the paper's reach.
    """
    if question.memory is None:
        return True
    return question.meets_memory(family(question, PAPER, (question.phi,)).members[0])


def papers_reach(question: Question) -> float | None:
    """The largest phi below the question's at which the paper's network meets the memory.

    In steps of 0.05; None where it meets it at the question's own, or at none of these.
    """
    if papers_fits(question):
        return None
    for step in range(1, REACH + 1):
        phi = round(question.phi - 0.05 * step, 2)
        try:
            if question.meets_memory(family(question, PAPER, (phi,)).members[0]):
                return phi
        except UserError:
            return None
    return None


@functools.lru_cache(maxsize=1 << 13)
def _member(recipe: Recipe, budget: float) -> Architecture:
    return fit_budget(recipe, budget)[1]


def families(
    question: Question, listed: Sequence[Coefficients], phis: Sequence[float]
) -> tuple[Family, ...]:
    """A family for each coefficients, and the paper's; those of equal networks are one.

    Of equal ones the coefficients stand whose product is nearest 2; the paper's come first, and
    where they can't be taken they stand for no others. Coefficients that no phi takes to a budget
    are left out.

    Raises:
        UserError: A budget is out of the paper's reach.
    """
    ranked = sorted(listed, key=lambda c: (round(abs(c.product - 2), 9), c.alpha, c.beta, c.gamma))
    kept: dict[tuple[Architecture, ...], Family] = {}
    first = family(question, PAPER, phis)
    if papers_fits(question):
        kept[first.members] = first
    for coefficients in ranked:
        with contextlib.suppress(UserError):
            found = family(question, coefficients, phis)
            kept.setdefault(found.members, found)
    return (first, *(one for one in kept.values() if one is not first))


def slopes(expected: Expected, phis: Sequence[float]) -> NDArray[np.float64]:
    """(phis,) what log MACs save of log error, by the law along the paper's unrounded family."""
    near = np.array([[phi - 0.1, phi + 0.1] for phi in phis]).ravel()
    saved = expected.drop(unrounded(PAPER, near)).reshape(-1, 2)
    return np.asarray((saved[:, 1] - saved[:, 0]) / (0.2 * np.log(2)))


def unrounded(coefficients: Coefficients, phis: NDArray[np.float64]) -> NDArray[np.float64]:
    """(phis, 3) logs of multipliers whose MACs would be 2**phi times the baseline's."""
    c = coefficients
    logs = np.log([c.alpha, c.beta, c.gamma])
    return np.asarray(np.outer(phis, logs * np.log(2) / (logs @ [1, 2, 2])))
