"""How well numbers rank networks: Kendall's tau, and how sure that is."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Numbers = Sequence[float] | Floats
DRAWS = 2000  # of networks, for an interval


class Ranked(NamedTuple):
    """A tau, the interval that holds it with 95 %, and what it gains over another's.

    Attributes:
        tau: Kendall's tau-b of all networks.
        low, high: Of the middle 95 % of taus of networks drawn anew, with replacement.
        gain: Its tau less the rival's.
        gain_low, gain_high: Of that difference, on the same draws.
    """

    tau: float
    low: float
    high: float
    gain: float
    gain_low: float
    gain_high: float


def tau(one: Numbers, other: Numbers) -> float:
    """Kendall's tau-b; 0 where one of the two ranks nothing.

    Args:
        one: (n,).
        other: (n,).
    """
    return float(np.nan_to_num(_taus(_signs(one), _signs(other), np.ones((1, len(one)))))[0])


def ranked(score: Numbers, accuracy: Numbers, rival: Numbers, seed: int = 0) -> Ranked:
    """How well a score ranks networks, and beside another.

    Args:
        score: (n,) of n networks.
        accuracy: (n,) measured.
        rival: (n,) another score.
        seed: Of the draws.
    """
    n, rng = len(score), np.random.default_rng(seed)
    times = rng.multinomial(n, np.full(n, 1 / n), DRAWS).astype(float)
    times = np.concatenate([np.ones((1, n)), times])  # the networks as they are come first
    measured = _signs(accuracy)
    own, other = (_taus(_signs(one), measured, times) for one in (score, rival))
    gain = np.nan_to_num(own - other)
    low, high = np.nanpercentile(own[1:], [2.5, 97.5])
    return Ranked(*map(float, (np.nan_to_num(own[0]), low, high, gain[0],
                               *np.percentile(gain[1:], [2.5, 97.5]))))  # fmt: skip


def _signs(values: Numbers) -> Floats:
    """(n, n) of n values: 1 where the row's is the larger, -1 where the column's is."""
    of = np.asarray(values, float)
    return np.asarray(np.sign(of[:, None] - of))


def _taus(one: Floats, other: Floats, times: Floats) -> Floats:
    """Tau-b of draws of the networks; nan where one of the two ranks nothing.

    Args:
        one: (n, n) signs.
        other: (n, n) signs.
        times: (draws, n) how often each network is drawn; a network ties with itself.
    """

    def pairs(matrix: Floats) -> Floats:
        return np.asarray(((times @ matrix) * times).sum(1))

    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(pairs(one * other) / np.sqrt(pairs(one**2) * pairs(other**2)))
