"""What a search by generations begins with, beside random networks."""

import numpy as np
from numpy.typing import NDArray

from nas.strategies.codes import Codes, Floats, codes_of, moved, moves_of
from nas.strategies.problem import SpaceProblem

OVER = 2  # starts beyond a limit, around which networks within are looked for


def beginning(problem: SpaceProblem, starts: Codes, n: int) -> list[Codes]:
    """Networks of the first generation, at most n.

    Of the starts the nearest to T, some of every cost, and what is one change away from the nearest
    beyond a limit; of the networks that people have the nearest to T and some of every cost.

    Args:
        problem: The space with its limits and objective.
        starts: (m, choices) networks that searches before have found.
        n: How many at most.

    Returns:
        Codes (k, choices) of each kind, all within the limits.
    """
    people = codes_of(problem.choices, problem.known())
    found = [*_spread(problem, starts, n // 8, n // 4), _brought(problem, starts, n // 8)]
    left = n - sum(map(len, found))
    return [*found, *_spread(problem, people, left // 2, left // 4)]


def _spread(problem: SpaceProblem, codes: Codes, near: int, every: int) -> list[Codes]:
    """Of the codes (m, choices) that are allowed the nearest to T, and some of the rest."""
    if not len(codes):
        return []
    facts = problem.facts(codes)
    codes = codes[facts.allowed][_nearest(problem, facts.cost[facts.allowed])]
    rest = codes[near:]
    return [codes[:near], rest[:: max(1, -(-len(rest) // every))]]


def _brought(problem: SpaceProblem, starts: Codes, n: int) -> Codes:
    """At most n networks one change away from the nearest starts that are beyond a limit."""
    if not len(starts):
        return starts
    facts = problem.facts(starts)
    over = starts[~facts.allowed][_nearest(problem, facts.cost[~facts.allowed])][:OVER]
    sizes = np.array([len(options) for options in problem.choices.values()])
    near = [moved(code, moves_of(code, sizes)) for code in over]
    return _spread(problem, np.vstack(near), n, 1)[0] if near else over


def _nearest(problem: SpaceProblem, cost: Floats) -> NDArray[np.intp]:
    """The order of costs (m,) by how near to T they are."""
    away = np.log(np.maximum(cost, 1e-300) / problem.objective.target)
    return np.argsort(np.abs(away), kind="stable")
