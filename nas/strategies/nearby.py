"""Networks a few changes away from a good one, those first of which most is expected.

What a change brings and costs is read off the networks that are known to be good by ridge
regression on their options. That is right enough near them to say which pairs and triples of
changes to try: one that spends, one that saves.
"""

import functools
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from nas.strategies.codes import Codes, Floats

RIDGE = 0.3  # on indicators of options, of standardised values
MOVES = 160  # changes at most that are combined
BEAM = 48  # pairs of changes that a third one is added to
Value = Callable[[Floats, Floats], Floats]  # (merit (n,), cost (n,)) -> what is maximized


def singles(code: Codes, sizes: NDArray[np.int64]) -> Codes:
    """All networks one change away.

    Args:
        code: (choices,) a network.
        sizes: (choices,) how many options there are.

    Returns:
        Codes (m, choices).
    """
    place = np.repeat(np.arange(len(sizes)), sizes)
    option = np.arange(len(place)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    moves = np.flatnonzero(option != code[place])
    rows = np.repeat(code[None], len(moves), 0)
    rows[np.arange(len(moves)), place[moves]] = option[moves]
    return rows


class Slopes:
    """What options bring and cost near good networks.

    Args:
        codes: (n, choices) of the networks.
        merit: (n,) theirs.
        cost: (n,) theirs.
        sizes: (choices,) how many options there are.
    """

    def __init__(self, codes: Codes, merit: Floats, cost: Floats, sizes: NDArray[np.int64]) -> None:
        self._sizes, self._starts = sizes, np.cumsum(sizes) - sizes
        told = np.zeros((len(codes), int(sizes.sum())))
        told[np.arange(len(codes))[:, None], codes + self._starts] = 1.0
        values = np.stack([merit, np.log(np.maximum(cost, 1e-300))], 1)
        scale = np.maximum(values.std(0), 1e-12)
        aim = (values - values.mean(0)) / scale
        self._slopes = ridge(told, aim) * scale  # (options, 2)

    def best(self, code: Codes, merit: float, cost: float, value: Value, n: int) -> Codes:
        """At most n networks two or three changes away, (m, choices), the best expected first.

        Args:
            code: (choices,) where they are near.
            merit: Its own.
            cost: Its own.
            value: What is maximized.
            n: How many.
        """
        place, option, gain = self._moves(code, merit, cost, value)
        one, two = _pairs(len(place))
        apart = place[one] != place[two]
        pairs = np.stack([one[apart], two[apart]], 1)
        score = self._score(gain[pairs[:, 0]] + gain[pairs[:, 1]], merit, cost, value)
        top = np.argsort(-score, kind="stable")
        start = pairs[top[:BEAM]]
        triples = np.hstack([np.repeat(start, len(place), 0),
                             np.tile(np.arange(len(place)), len(start))[:, None]])  # fmt: skip
        other = place[triples]
        triples = triples[(other[:, :1] != other[:, 2:]).all(1) & (other[:, 1] != other[:, 2])]
        change = gain[triples[:, 0]] + gain[triples[:, 1]] + gain[triples[:, 2]]
        more = self._score(change, merit, cost, value)
        rows = [
            _changed(code, place, option, pairs[top[:n]]),
            _changed(code, place, option, triples[np.argsort(-more, kind="stable")[:n]]),
        ]
        scores = np.r_[score[top[:n]], np.sort(-more, kind="stable")[:n] * -1]
        return np.asarray(np.vstack(rows)[np.argsort(-scores, kind="stable")][:n])

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
        price = self._slopes[:, 1]
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

    def _score(self, change: Floats, merit: float, cost: float, value: Value) -> Floats:
        return value(merit + change[:, 0], cost * np.exp(change[:, 1]))

    def _moves(
        self, code: Codes, merit: float, cost: float, value: Value
    ) -> tuple[Codes, Codes, Floats]:
        """(choices, options, gains (m, 2)) of the changes worth combining."""
        place = np.repeat(np.arange(len(self._sizes)), self._sizes)
        option = np.arange(len(place)) - self._starts[place]
        own = self._slopes[self._starts + code]
        gain = self._slopes - own[place]
        moves = np.flatnonzero(option != code[place])
        half = MOVES // 2
        brings = np.argsort(-gain[moves, 0], kind="stable")[:half]
        price = -gain[moves, 0] / np.maximum(-gain[moves, 1], 1e-9)  # what a saving loses
        price = np.where(gain[moves, 1] < 0, price, np.inf)
        saves = np.argsort(price, kind="stable")[:half]
        kept = moves[np.unique(np.r_[brings, saves])]
        return place[kept], option[kept], gain[kept]


@functools.lru_cache(maxsize=16)
def _pairs(n: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """The positions of all pairs of n."""
    one, two = np.triu_indices(n, 1)
    return one, two


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
