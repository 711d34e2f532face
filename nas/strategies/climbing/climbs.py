"""Climbs: from a network to the best that a few changes at a time lead to.

A climb asks for all networks one change away, which says what each option brings and costs just
there; a change that would break the limit is asked for together with the one that makes room for
it at the least loss. Then combinations of two to five changes follow, those of which most is
expected on their sum, and so on from the best of them, until nothing becomes better.

Where climbs begin is in `climbers.py`. What one asks for may take some generations to be told; all
that it decides follows from that.
"""

from collections.abc import Callable, Generator, Hashable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from nas.objective import Objective
from nas.strategies.climbing.nearby import MOVES, At, Slopes, of_worth
from nas.strategies.codes import Codes, Floats, keys_of, moved, moves_of
from nas.strategies.problem import Facts, SpaceProblem

LEAP = 1.6  # times its cost at most that one change of a network may lead to
STEP = 1e-4  # points by which a network has to be better to be climbed to
FEW, MANY = 24, 48  # combinations asked for after a gain, and where no single change is one
FOLLOWED = 3  # times that the same slopes are followed
ROOM = 1.0002  # how far above the cap a cost may be guessed before it is counted

Asking = Generator[Codes, Floats, At]
Climbing = Generator[Codes, Floats, "Peak | None"]


@dataclass(frozen=True)
class Aim:
    """What is maximized: the reward, or within a cost the merit.

    Attributes:
        objective: Whose reward it is; None is the merit.
        cap: The most that a network may cost.
    """

    objective: Objective | None
    cap: float

    def value(self, merit: Floats, cost: Floats, room: float = 1.0) -> Floats:
        """(n,) of networks with such merits and costs; -inf above the cap."""
        gained = merit if self.objective is None else self.objective.reward(merit, cost)
        return np.where(cost <= self.cap * room, gained, -np.inf)

    def guessed(self, merit: Floats, cost: Floats) -> Floats:
        """The same of guesses."""
        return self.value(merit, cost, ROOM)

    def within(self, facts: Facts) -> NDArray[np.bool_]:
        """(n,) whether networks keep all limits and the cap."""
        return np.asarray(facts.allowed & (facts.cost <= self.cap))

    def of(self, at: At) -> float:
        """That of one network."""
        return float(self.value(np.array([at.merit]), np.array([at.cost]))[0])


def aim_of(objective: Objective) -> Aim:
    """What a search climbs towards: with `hard` the most merit within T."""
    hard = objective.name == "hard"
    return Aim(None if hard else objective, objective.target if hard else np.inf)


class Peak(NamedTuple):
    """Where a climb ended.

    Attributes:
        at: The network.
        slopes: Around it.
    """

    at: At
    slopes: Slopes


class Told:
    """What networks were told to be worth, by their codes and by themselves.

    Args:
        problem: Whose codes they are.
    """

    def __init__(self, problem: SpaceProblem) -> None:
        self.problem = problem
        self._by_code: dict[bytes, float] = {}
        self._by_identity: dict[Hashable, float] = {}

    def tell(self, codes: Codes, merit: Floats) -> None:
        """Takes codes (n, choices), and merits (n,), -inf of what failed."""
        worth = merit.tolist()
        self._by_code.update(zip(keys_of(codes), worth, strict=True))
        self._by_identity.update(zip(self.problem.identities(codes), worth, strict=True))

    def __contains__(self, identity: Hashable) -> bool:
        return identity in self._by_identity

    def find(self, codes: Codes) -> None:
        """Learns what codes (n, choices) are worth that were asked for and not told.

        Their networks were told under other codes, or can't be had: those are worth -inf.
        """
        missing = codes[np.isnan(self.merits(codes))]
        identities = self.problem.identities(missing)
        for key, identity in zip(keys_of(missing), identities, strict=True):
            self._by_code[key] = self._by_identity.get(identity, -np.inf)

    def merits(self, codes: Codes) -> Floats:
        """(n,) those of codes (n, choices); NaN of what was not told."""
        return np.array([self._by_code.get(key, np.nan) for key in keys_of(codes)], float)

    def new(self, codes: Codes) -> Codes:
        """Each code once that was not told itself, (m, choices)."""
        first: dict[bytes, int] = {}
        for at, key in enumerate(keys_of(codes)):
            if key not in self._by_code:
                first.setdefault(key, at)
        return codes[list(first.values())]


class Ground:
    """Where climbs go: the problem, what was told of it, and where slopes were looked at.

    Args:
        problem: The space with its limits.
        sizes: (choices,) how many options there are.
    """

    def __init__(self, problem: SpaceProblem, sizes: NDArray[np.int64]) -> None:
        self.problem, self.sizes, self.told = problem, sizes, Told(problem)
        # Of many good networks; the archive sets it as they change.
        self.rough: Callable[[], Slopes]
        self._seen: set[tuple[bytes, float]] = set()

    def first(self, at: At, aim: Aim) -> bool:
        """Whether no climb with this aim has looked around a network; it has now."""
        key = (at.code.tobytes(), aim.cap)
        known = key in self._seen
        self._seen.add(key)
        return not known

    def some(self, codes: Codes, aim: Aim, n: int) -> tuple[Codes, Floats]:
        """At most the first n of codes that are new and within, (m, choices), and their costs."""
        found, costs, codes = [codes[:0]], [np.zeros(0)], self.told.new(codes)
        for at in range(0, len(codes), 2 * n):
            part = codes[at : at + 2 * n]
            within, cost = aim.within(facts := self.problem.facts(part)), facts.cost
            found, costs = [*found, part[within]], [*costs, cost[within]]
            if sum(map(len, found)) >= n:
                break
        return np.vstack(found)[:n], np.concatenate(costs)[:n]


def better(aim: Aim, at: At, codes: Codes, merit: Floats, cost: Floats) -> At:
    """The network of most value among these and `at`, which stays where the gain is none."""
    if not len(codes):
        return at
    value = aim.value(merit, cost)
    top = int(np.argmax(value))
    if not value[top] > aim.of(at) + STEP:
        return at
    return At(codes[top], float(merit[top]), float(cost[top]))


def climb(ground: Ground, aim: Aim, starts: Codes, slopes: Slopes | None = None) -> Climbing:
    """One climb: yields codes (n, choices) to evaluate, and is sent their merits (n,).

    Args:
        ground: Where.
        aim: What for.
        starts: (n, choices) of which the best one is where it begins.
        slopes: Of a peak that is near, which are followed first.

    Returns:
        Its peak; None where it came to what another climb has seen, or all starts failed.
    """
    merit = yield starts
    cost = ground.problem.facts(starts).cost
    at = better(aim, At(starts[0], -np.inf, 1.0), starts, merit, cost)
    if at.merit == -np.inf:
        return None
    if slopes is not None:
        at = yield from _followed(ground, aim, at, slopes, FEW)
    while ground.first(at, aim):
        own, near = yield from _looked(ground, aim, at)
        found = yield from _followed(ground, aim, near, own, MANY if near is at else FEW)
        if found is at:
            return Peak(at, own)
        at = found
    return None


def _looked(ground: Ground, aim: Aim, at: At) -> Generator[Codes, Floats, tuple[Slopes, At]]:
    """The slopes around a network, and the best there or itself."""
    moves = moves_of(at.code, ground.sizes)
    if moves.shape[1] > MOVES:
        moves = of_worth(at.code, moves, ground.rough())
    moves = ground.problem.changes(at.code, moves)
    rows = moved(at.code, moves)
    facts = ground.problem.facts(rows)
    near = facts.cost <= LEAP * at.cost
    moves, rows, cost = moves[:, near], rows[near], facts.cost[near]
    able = aim.within(facts)[near]
    gains = np.stack([np.full(len(rows), np.nan), np.log(cost / at.cost)], 1)
    merit = yield rows[able]
    gains[able, 0] = merit - at.merit
    best = better(aim, at, rows[able], merit, cost[able])
    spend, save = _pairs(moves[0], gains, np.log(aim.cap / at.cost))
    pairs = rows[spend]
    pairs[np.arange(len(pairs)), moves[0, save]] = moves[1, save]
    able = aim.within(facts := ground.problem.facts(pairs))
    merit = yield pairs[able]
    gains[spend[able], 0] = merit - at.merit - gains[save[able], 0]
    slopes = Slopes.around(at.code, moves, gains, ground.sizes)
    return slopes, better(aim, best, pairs[able], merit, facts.cost[able])


def _pairs(place: Codes, gains: Floats, room: float) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """For each change that can't be made alone, the one beside it that makes room at least loss.

    Args:
        place: (m,) the choices that are changed.
        gains: (m, 2) of merit, NaN where it can't be made alone, and of the logarithm of the cost.
        room: By how much the logarithm may grow.

    Returns:
        (k,) and (k,) positions; changes that no single one makes room for are left out.
    """
    spend, save = np.flatnonzero(np.isnan(gains[:, 0])), np.flatnonzero(gains[:, 0] > -np.inf)
    if not len(spend) or not len(save):
        return spend[:0], save[:0]
    fits = gains[spend, None, 1] + gains[save, 1] <= room - 1e-3
    fits &= place[spend, None] != place[save]
    loss = np.where(fits, gains[save, 0], -np.inf)
    found = loss.max(1) > -np.inf
    return spend[found], save[loss.argmax(1)[found]]


def _followed(ground: Ground, aim: Aim, at: At, slopes: Slopes, n: int) -> Asking:
    """Where combinations of changes lead that the slopes promise most of."""
    for _ in range(FOLLOWED):
        tried, cost = ground.some(slopes.combined(at, aim.guessed, 6 * n), aim, n)
        merit = yield tried
        found = better(aim, at, tried, merit, cost)
        if found is at:
            break
        at, n = found, FEW
    return at
