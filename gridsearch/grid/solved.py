"""Which families a grid that a model judges is made of.

Without rounding the law is told in microseconds what a family gives. So only the families that are
best before rounding are solved, and some of finer coefficients.
"""

import contextlib
import dataclasses
from collections.abc import Sequence

import numpy as np

from gridsearch.grid.combinations import combinations, no_combination, no_ratio, too_large
from gridsearch.grid.families import family, slopes, unrounded, usual_phis
from gridsearch.grid.grid import Grid, Point, Question
from gridsearch.prior.prior import Expected
from search_spaces.architecture import Architecture
from search_spaces.cost import cost
from search_spaces.errors import UserError
from search_spaces.scaling.coefficients import PAPER, Coefficients

SOLVED = 64  # families that are best before rounding
FINER, AHEAD = 480, 64  # of a quarter of the step so many are looked at, and so many kept at most
WIDEST = 0.5  # window
WIDER = (1, 2, 4)  # times the window, where rounding takes all of them out of it

_WIDENED = (
    "after rounding no network reaches MACs within --window: it was made {:g}, and accuracies are "
    "compared at equal MACs all the same"
)


def expected_best(
    question: Question, expected: Expected, phis: Sequence[float]
) -> tuple[list[Coefficients], dict[str, int]]:
    """The combinations of half the step that the law expects most of before rounding.

    Some finer ones come besides, as of `ahead`. Those that are looked at for the usual phis are
    always among them: rounding may make one of these the best for other phis too.

    Returns:
        The combinations, those of half the step first, and how many were left out by each rule.
    """
    listed, outside = combinations(question.step, question.tolerance, parts=2)
    if not listed:
        raise no_combination(question.step / 2, question.tolerance)
    asked = dict.fromkeys((tuple(phis), usual_phis(question.phi)))
    best = [one for each in asked for one in _best(question, _ranked(expected, listed, each))]
    best = list(dict.fromkeys(best))
    finer = [one for each in asked for one in ahead(question, expected, each, best)]
    found = dict.fromkeys([*best, *finer])
    return list(found), {"product": outside, "unrounded": len(set(listed) - set(found))}


def _best(question: Question, ranked: Sequence[Coefficients]) -> Sequence[Coefficients]:
    """The first SOLVED of them.

    Where rounding takes all of these out of the widest window, or all need too much memory, as many
    more are looked at, and so on.
    """
    end, most = SOLVED, _wider(question, WIDER[-1])
    while end < len(ranked) and not _meets(most, ranked[end - SOLVED : end], memory=True):
        end += SOLVED
    return ranked[:end]


def _ranked(
    expected: Expected, listed: Sequence[Coefficients], phis: Sequence[float]
) -> list[Coefficients]:
    """Those first of which the law expects most before rounding."""
    at = np.asarray(phis, float)
    logs = np.concatenate([unrounded(c, at) for c in listed])
    kept = np.exp(-expected.drop(logs)).reshape(len(listed), len(at)).mean(1)
    return [listed[i] for i in np.argsort(kept, kind="stable")]


def ahead(
    question: Question, expected: Expected, phis: Sequence[float], listed: Sequence[Coefficients]
) -> list[Coefficients]:
    """Combinations of a quarter of the step that the law expects nowhere below the paper's.

    Depth and channels are rounded, so a hair more or less of a coefficient puts a family's network
    at some budget above the paper's or below it: of many that are alike some are above at all.

    Args:
        question: Of the grid.
        expected: The law's.
        phis: Whose budgets count.
        listed: Combinations that are judged anyway.

    Returns:
        At most AHEAD of them, the best first, none listed.
    """
    worth = slopes(expected, phis)

    def saved(coefficients: Coefficients, at: int) -> float:
        """What is saved of log error at a whole budget."""
        (member,) = family(question, coefficients, phis[at : at + 1]).members
        left = np.log(2.0 ** phis[at] / question.ratio_of(member))
        return float(expected.drop(expected.logs([member]))[0] + worth[at] * left)

    try:
        finer, _ = combinations(question.step, question.tolerance, parts=4)
        paper = [saved(PAPER, at) for at in range(len(phis))]
    except UserError:  # so many that the others are near enough, or a budget is out of its reach
        return []
    found: dict[Coefficients, float] = {}
    known = set(listed)
    for one in _ranked(expected, finer, phis)[:FINER]:
        if one in known:
            continue
        over: list[float] = []
        with contextlib.suppress(UserError):  # a budget is out of reach
            while len(over) < len(phis) and min(over, default=0.0) >= 0:
                over.append(saved(one, len(over)) - paper[len(over)])
        if len(over) == len(phis) and min(over) >= 0:
            found[one] = sum(over)
    return sorted(found, key=lambda one: -found[one])[:AHEAD]


def _meets(question: Question, listed: Sequence[Coefficients], memory: bool = False) -> bool:
    """Whether the network of any of them at the question's phi is within its window.

    With `memory` it has to be within the memory too.
    """
    found = (_network(question, coefficients) for coefficients in listed)
    return any(
        one
        and question.meets_window(question.ratio_of(one))
        and (not memory or question.meets_memory(one))
        for one in found
    )


def _network(question: Question, coefficients: Coefficients) -> Architecture | None:
    """Their network at the question's phi; None where its budget is out of their reach."""
    with contextlib.suppress(UserError):
        return family(question, coefficients, (question.phi,)).members[0]
    return None


def _wider(question: Question, times: float) -> Question:
    window = question.window
    return dataclasses.replace(question, window=window and min(WIDEST, window * times))


def solved_grid(
    question: Question, listed: Sequence[Coefficients], removed: dict[str, int]
) -> Grid:
    """A grid whose points are the coefficients' networks within 2**phi times the baseline's MACs.

    Where no network is within the window, as it may be where the baseline has few pixels, twice or
    four times the window is taken: the grid's question and a note say so.

    Args:
        question: What was asked for.
        listed: The coefficients.
        removed: How many others each rule left out.

    Raises:
        UserError: None of them meets window and memory.
    """
    points, asked = [], question
    for times in WIDER:
        if _meets(wider := _wider(asked, times), listed):
            question = wider
            break
    notes = () if question.window == asked.window else (_WIDENED.format(question.window),)
    removed = {**removed, "window": 0, "memory": 0}
    for coefficients in listed:
        network = _network(question, coefficients)
        ratio = 0.0 if network is None else question.ratio_of(network)
        if network is None or not question.meets_window(ratio):
            removed["window"] += 1
        elif not question.meets_memory(network):
            removed["memory"] += 1
        else:
            points.append(Point(coefficients, network, ratio))
    if not points:
        raise _emptied(question, listed)
    points.sort(key=lambda p: (cost(p.architecture).macs, p.architecture.id))
    return Grid(question, tuple(points), removed, notes, question.step / 2)


def _emptied(question: Question, listed: Sequence[Coefficients]) -> UserError:
    members = [one for c in listed if (one := _network(question, c)) is not None]
    if not members:
        family(question, listed[0], (question.phi,))  # says what is in reach
    inside = [one for one in members if question.meets_window(question.ratio_of(one))]
    if inside and question.memory is not None:
        return too_large(question.memory, min(cost(one).memory for one in inside))
    return no_ratio(question.ratio, question.window or 0, map(question.ratio_of, members))
