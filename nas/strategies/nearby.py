"""Networks a few changes away from a good one, those first of which most is expected.

What a change brings and costs is read off the networks that are known to be good by ridge
regression on their options. That is right enough near them to say which pairs and triples of
changes to try: one that spends, one that saves.

The choices that move the cost most (a width, a depth, a resolution) make niches, as in MAP-Elites
(Mouret & Clune 2015, arXiv 1504.04909): another width asks for other options nearly everywhere, so
that a network of it has to be improved at its own width before it can be the best.
"""

import functools
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from nas.strategies.codes import Codes, Floats

RIDGE = 0.3  # on indicators of options, of standardised values
MOVES = 160  # changes at most that are combined
BEAM = 48  # pairs of changes that a third one is added to
SCALES = 3  # choices whose options make niches
NICHES = 64  # niches at most whose best networks are kept
IDLE = 200  # networks without a better one that put a niche behind the next best
Value = Callable[[Floats, Floats], Floats]  # (merit (n,), cost (n,)) -> what is maximized


class Start(NamedTuple):
    """A network that others are looked for around.

    Attributes:
        code: (choices,) its own.
        merit: Its own.
        cost: Its own.
        moves: (2, m) the changes that may be made, as choices and options.
    """

    code: Codes
    merit: float
    cost: float
    moves: Codes


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

    def spans(self) -> Floats:
        """By how much a choice's options move the logarithm of the cost, (choices,)."""
        price = self._slopes[:, 1]
        most, least = (of.reduceat(price, self._starts) for of in (np.maximum, np.minimum))
        return np.asarray(most - least)

    def best(self, start: Start, value: Value, n: int) -> Codes:
        """At most n networks two or three changes away, (m, choices), the best expected first.

        Args:
            start: Where they are near.
            value: What is maximized.
            n: How many.
        """
        code, merit, cost = start.code, start.merit, start.cost
        place, option, gain = self._moves(start)
        one, two = _pairs(len(place))
        apart = place[one] != place[two]
        pairs = np.stack([one[apart], two[apart]], 1)
        score = self._score(gain[pairs[:, 0]] + gain[pairs[:, 1]], merit, cost, value)
        top = np.argsort(-score, kind="stable")
        beam = pairs[top[:BEAM]]
        triples = np.hstack([np.repeat(beam, len(place), 0),
                             np.tile(np.arange(len(place)), len(beam))[:, None]])  # fmt: skip
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

    def _moves(self, start: Start) -> tuple[Codes, Codes, Floats]:
        """(choices, options, gains (m, 2)) of the changes worth combining."""
        place, option = start.moves[0], start.moves[1]
        gain = self._slopes[self._starts[place] + option]
        gain = gain - self._slopes[(self._starts + start.code)[place]]
        half = MOVES // 2
        brings = np.argsort(-gain[:, 0], kind="stable")[:half]
        price = -gain[:, 0] / np.maximum(-gain[:, 1], 1e-9)  # what a saving loses
        price = np.where(gain[:, 1] < 0, price, np.inf)
        saves = np.argsort(price, kind="stable")[:half]
        kept = np.unique(np.r_[brings, saves])
        return place[kept], option[kept], gain[kept]


class Niches:
    """Networks by the options of the choices that move the cost most.

    Args:
        codes: (n, choices) of random networks.
        cost: (n,) theirs.
        sizes: (choices,) how many options there are.
    """

    def __init__(self, codes: Codes, cost: Floats, sizes: NDArray[np.int64]) -> None:
        spans = Slopes(codes, cost, cost, sizes).spans()
        self.scales = np.sort(np.argsort(-spans, kind="stable")[:SCALES])
        self._sizes = sizes[self.scales]
        self._top: dict[int, tuple[float, int]] = {}  # the best reward, and how many came since

    def _keys(self, codes: Codes) -> list[int]:
        key = np.zeros(len(codes), np.int64)
        for options, column in zip(self._sizes, codes[:, self.scales].T, strict=True):
            key = key * options + column
        return list(key.tolist())

    def tell(self, codes: Codes, reward: Floats) -> None:
        """Takes networks (n, choices) and their rewards (n,)."""
        for key, new in zip(self._keys(codes), reward.tolist(), strict=True):
            top, since = self._top.get(key, (-np.inf, 0))
            self._top[key] = (new, 0) if new > top else (top, since + 1)

    def elites(self, codes: Codes) -> NDArray[np.intp]:
        """The first row of each niche, in order.

        Args:
            codes: (n, choices) of networks, those of best reward first.
        """
        _, first = np.unique(self._keys(codes), return_index=True)
        return np.asarray(np.sort(first)[:NICHES])

    def promising(self, codes: Codes, n: int) -> NDArray[np.intp]:
        """At most n rows: those of best reward, unless their niches have stood still for long.

        Args:
            codes: (m, choices) of the niches' elites, those of best reward first.
            n: How many.
        """
        since = np.array([self._top[key][1] for key in self._keys(codes)])
        return np.argsort(np.arange(len(codes)) + since / IDLE, kind="stable")[:n]


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
