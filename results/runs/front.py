"""The Pareto front and its hypervolume."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray


def front(accuracy: ArrayLike, cost: ArrayLike) -> NDArray[np.intp]:
    """The points that no other beats on both.

    Args:
        accuracy: (n,), larger is better.
        cost: (n,), smaller is better.

    Returns:
        Their indices, cost and accuracy ascending. Of equal points the first is kept.
    """
    a, c = np.asarray(accuracy, float), np.asarray(cost, float)
    order = np.lexsort((np.arange(len(a)), -a, c))
    best = np.maximum.accumulate(a[order])
    better = np.r_[True, best[1:] > best[:-1]][: len(a)]
    kept: NDArray[np.intp] = order[better]
    return kept


def fronts(accuracy: ArrayLike, cost: ArrayLike) -> list[int]:
    """Each point's rank in non-dominated sorting: 0 on the front, 1 on the front of the rest."""
    a, c = np.asarray(accuracy, float), np.asarray(cost, float)
    ranks, left, rank = [0] * len(a), np.arange(len(a)), 0
    while len(left):
        on_front = left[front(a[left], c[left])]
        for i in on_front:
            ranks[i] = rank
        left, rank = np.setdiff1d(left, on_front), rank + 1
    return ranks


def hypervolume(accuracy: ArrayLike, cost: ArrayLike, reference: Sequence[float]) -> float:
    """The area that the points dominate within `reference` = (accuracy, cost), both its worst."""
    a, c = np.asarray(accuracy, float), np.asarray(cost, float)
    inside = (a > reference[0]) & (c < reference[1])
    a, c = a[inside], c[inside]
    on_front = front(a, c)
    widths = np.diff(np.r_[c[on_front], reference[1]])
    return float(np.sum(widths * (a[on_front] - reference[0])))
