"""What a few changes of a network bring and cost, and which of them to try together.

Slopes say of each option what it adds to the merit and to the cost. They are read off one network's
own neighbours, one change away each, which says best what two to five changes at once would bring;
or off many good networks at once by ridge regression, which is rougher and needs none of its own.

The choices that move the cost most (a width, a depth, a resolution) make niches, as in MAP-Elites
(Mouret & Clune 2015, arXiv 1504.04909): another width asks for other options nearly everywhere.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from nas.strategies.codes import Codes, Floats, starts_of

RIDGE = 0.3  # on indicators of options, of standardised values
MOVES = 160  # changes at most that are made one by one
WORTH = 72  # of them at most that are combined
TOGETHER = 5  # changes at most that are combined
BEAM = 96  # combinations that another change is added to
SCALES = 3  # choices whose options make niches
FINE = 24  # options of a choice, beyond which neighbours share a niche
NICHES = 64  # niches at most whose best networks are kept
Value = Callable[[Floats, Floats], Floats]  # (merit (n,), cost (n,)) -> what is maximized


class At(NamedTuple):
    """A network that others are looked for around.

    Attributes:
        code: (choices,) its own.
        merit: Its own.
        cost: Its own.
    """

    code: Codes
    merit: float
    cost: float


class Slopes:
    """What options bring and cost.

    Args:
        sizes: (choices,) how many options there are.
        values: (options, 2) what each adds to the merit and to the logarithm of the cost, on a
            scale of each choice's own; NaN where that isn't known.
    """

    def __init__(self, sizes: NDArray[np.int64], values: Floats) -> None:
        self.values = values
        self._sizes, self._starts = sizes, starts_of(sizes)

    @classmethod
    def fitted(
        cls, codes: Codes, merit: Floats, cost: Floats, sizes: NDArray[np.int64]
    ) -> "Slopes":
        """Those of ridge regression over networks: codes (n, choices), merit and cost (n,)."""
        told = np.zeros((len(codes), int(sizes.sum())))
        told[np.arange(len(codes))[:, None], codes + starts_of(sizes)] = 1.0
        values = np.stack([merit, np.log(np.maximum(cost, 1e-300))], 1)
        scale = np.maximum(values.std(0), 1e-12)
        aim = (values - values.mean(0)) / scale
        return cls(sizes, ridge(told, aim) * scale)

    @classmethod
    def around(cls, code: Codes, moves: Codes, gains: Floats, sizes: NDArray[np.int64]) -> "Slopes":
        """Those of a network's own changes: moves (2, m), and what each brings, (m, 2)."""
        starts = starts_of(sizes)
        values = np.full((int(sizes.sum()), 2), np.nan)
        values[starts + code] = 0.0
        values[starts[moves[0]] + moves[1]] = gains
        return cls(sizes, values)

    def gains(self, code: Codes, moves: Codes) -> Floats:
        """What changes (2, m) of a network bring, (m, 2); NaN where that isn't known."""
        place, option = moves
        was = self.values[self._starts[place] + code[place]]
        return np.asarray(self.values[self._starts[place] + option] - was)

    def spans(self) -> Floats:
        """By how much a choice's options move the logarithm of the cost, (choices,)."""
        price = self.values[:, 1]
        most, least = (of.reduceat(price, self._starts) for of in (np.maximum, np.minimum))
        return np.asarray(most - least)

    def combined(self, at: At, value: Value, n: int) -> Codes:
        """At most n networks two to five changes away, (m, choices), the best expected first.

        Args:
            at: Where they are near.
            value: What is maximized; -inf what can't be taken.
            n: How many of each number of changes, and in all.
        """
        place, option, gain, price = self._worth(at.code)
        lists, scores = [np.zeros((0, TOGETHER), np.int64)], [np.zeros(0)]
        sets = np.arange(len(place))[:, None]
        for count in range(2, min(TOGETHER, len(place)) + 1):
            sets = _extended(sets, place)
            merit, cost = (sum(column[sets.T]) for column in gain.T)
            score = value(at.merit + merit, at.cost * np.exp(cost))
            top = _largest(score, n)
            top = top[score[top] > -np.inf]
            filled = np.repeat(sets[top, :1], TOGETHER, 1)  # the first stands in for what is less
            filled[:, :count] = sets[top]
            lists, scores = [*lists, filled], [*scores, score[top]]
            beams = [top[: BEAM // 4]] + [
                _largest(merit - price * much * cost, BEAM // 4) for much in (0.6, 1.0, 1.6)
            ]
            sets = sets[np.unique(np.concatenate(beams))]
        order = np.argsort(-np.concatenate(scores), kind="stable")[:n]
        return _changed(at.code, place, option, np.vstack(lists)[order])

    def balanced(self, codes: Codes, mothers: Codes, rng: np.random.RandomState) -> Codes:
        """Networks that cost about what their mothers do, by steps of choices that are alike.

        Without them a network at T could change its width or its resolution only together with
        luck in all the rest.

        Args:
            codes: (n, choices) of the networks.
            mothers: (n, choices) theirs.
            rng: Says in which order choices are stepped.

        Returns:
            Codes (n, choices).
        """
        price = self.values[:, 1]
        own = price[codes + self._starts]
        excess = (own - price[mothers + self._starts]).sum(1, keepdims=True)
        steps = np.stack([np.clip(codes + by, 0, self._sizes - 1) for by in (-1, 1)])
        brings = np.sign(excess) * (own - price[steps + self._starts])  # towards the mother's cost
        up = brings[1] > brings[0]
        gain = np.where(codes == mothers, np.maximum(brings.max(0), 0.0), 0.0)
        order = rng.random_sample(codes.shape).argsort(1)
        ordered = np.take_along_axis(gain, order, 1)
        enough = np.cumsum(ordered, 1) - ordered < np.abs(excess)
        taken = np.zeros(codes.shape, bool)
        np.put_along_axis(taken, order, enough, 1)
        return np.where(taken & (gain > 0), np.where(up, steps[1], steps[0]), codes)

    def _worth(self, code: Codes) -> tuple[Codes, Codes, Floats, float]:
        """(choices, options, gains (m, 2)) of the changes worth combining, and what cost costs.

        The last is in merit for each unit of the logarithm of the cost: what the changes that give
        most for it bring, and those lose that save it most cheaply.
        """
        place = np.repeat(np.arange(len(self._sizes)), self._sizes)
        option = np.arange(len(place)) - self._starts[place]
        gain = self.gains(code, np.stack([place, option]))
        known = np.flatnonzero((option != code[place]) & np.isfinite(gain).all(1))
        price = _price(gain[known])
        worth = np.argsort(price * gain[known, 1] - gain[known, 0], kind="stable")[:WORTH]
        kept = known[worth]
        return place[kept], option[kept], gain[kept], price


class Niches:
    """Networks by the options of the choices that move the cost most.

    Args:
        codes: (n, choices) of random networks.
        cost: (n,) theirs.
        sizes: (choices,) how many options there are.
    """

    def __init__(self, codes: Codes, cost: Floats, sizes: NDArray[np.int64]) -> None:
        spans = Slopes.fitted(codes, cost, cost, sizes).spans()
        self.scales = np.sort(np.argsort(-spans, kind="stable")[:SCALES])
        self._sizes = sizes[self.scales]

    def keys(self, codes: Codes) -> list[int]:
        """What tells the niches of networks (n, choices) apart."""
        key = np.zeros(len(codes), np.int64)
        for options, column in zip(self._sizes, codes[:, self.scales].T, strict=True):
            key = key * options + column // -(-options // FINE)
        return list(key.tolist())

    def elites(self, codes: Codes) -> NDArray[np.intp]:
        """The first row of each niche, in order.

        Args:
            codes: (n, choices) of networks, those of best reward first.
        """
        _, first = np.unique(self.keys(codes), return_index=True)
        return np.asarray(np.sort(first)[:NICHES])


def _price(gain: Floats) -> float:
    """Merit for each unit of the logarithm of the cost, by the best of the changes (m, 2)."""
    merit, cost = gain.T
    dear, cheap = cost > 1e-3, cost < -1e-3
    brings = np.sort(merit[dear] / cost[dear])[::-1][:6]
    loses = np.sort(merit[cheap] / cost[cheap])[:6]
    each = np.r_[brings, loses]
    return float(np.median(each[each > 0])) if (each > 0).any() else 1.0


def _largest(score: Floats, n: int) -> NDArray[np.intp]:
    """The positions of the n largest, the largest first, of equal ones the first first."""
    if len(score) > n:
        some = np.flatnonzero(score >= np.partition(score, -n)[-n])
    else:
        some = np.arange(len(score))
    return some[np.argsort(-score[some], kind="stable")[:n]]


def _extended(sets: Codes, place: Codes) -> Codes:
    """Each set of changes (n, k) with one more of another choice, (m, k + 1), each set once.

    The changes of a set stand in order, and so do the sets.
    """
    other = (place[sets][:, :, None] != place).all(1)
    row, more = np.nonzero(other)
    columns, key = [], np.zeros(len(row), np.int64)
    for column in sets.T:  # the new one finds its place from the left
        column = column[row]
        columns.append(np.minimum(column, more))
        more = np.maximum(column, more)
    columns.append(more)
    for column in columns:
        key = key * len(place) + column
    once = np.unique(key, return_index=True)[1]
    return np.stack([column[once] for column in columns], 1)


def of_worth(code: Codes, moves: Codes, slopes: Slopes) -> Codes:
    """At most MOVES of a network's changes (2, m): those that bring most, and that save best."""
    gain = slopes.gains(code, moves)
    brings = np.argsort(-gain[:, 0], kind="stable")[: MOVES // 2]
    loss = np.where(gain[:, 1] < 0, -gain[:, 0] / np.maximum(-gain[:, 1], 1e-9), np.inf)
    saves = np.argsort(loss, kind="stable")[: MOVES // 2]
    return moves[:, np.unique(np.r_[brings, saves])]


def ridge(told: Floats, aim: Floats) -> Floats:
    """Slopes (options, k) by ridge regression of `aim` (n, k), centred, on indicators (n, options).

    The same bits on any number of threads: products of zeros and ones are exact, and the rest goes
    number by number.
    """
    few = told.shape[0] < told.shape[1]
    gram, mean = (told @ told.T if few else told.T @ told), told.mean(0)
    if few:  # the columns' means are taken off before the product, or after it
        gram -= gram.mean(1)[:, None]
        gram -= gram.mean(0)
    else:
        gram -= len(told) * mean[:, None] * mean
    gram[np.diag_indices_from(gram)] += RIDGE
    solved = _solved(gram, aim if few else _weighted(told, aim))
    return _weighted(told, solved - solved.mean(0)) if few else solved


def _weighted(told: Floats, aim: Floats) -> Floats:
    """told.T @ aim, (options, k), row by row."""
    row, option = np.nonzero(told)
    sums = [np.bincount(option, column[row], told.shape[1]) for column in aim.T]
    return np.stack(sums, 1)


def _solved(matrix: Floats, right: Floats) -> Floats:
    """The solution (n, k) of a positive definite system (n, n), by elimination in place."""
    n, whole = len(matrix), np.hstack([matrix, right])
    for at in range(n):
        whole[at, at:] /= whole[at, at]
        whole[at + 1 :, at:] -= whole[at + 1 :, at, None] * whole[at, at:]
    for at in range(n - 1, 0, -1):
        whole[:at, n:] -= whole[:at, at, None] * whole[at, n:]
    return whole[:, n:]


def _changed(code: Codes, place: Codes, option: Codes, moves: Codes) -> Codes:
    """The code with each row of moves made, (n, choices)."""
    rows = np.repeat(code[None], len(moves), 0)
    for column in moves.T:
        rows[np.arange(len(moves)), place[column]] = option[column]
    return rows
