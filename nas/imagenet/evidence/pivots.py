"""Which rows a sparse process keeps: those that a pivoted Cholesky decomposition takes first."""

from collections.abc import Callable

import numpy as np

from nas.imagenet.joint.blocks import Floats, Ints

EXPLAINED = 1e-8  # of variance: where no row has more left, the others say all


def pivots(variance: Floats, cross: Callable[[int], Floats], most: int) -> Ints:
    """At each step the row that those before explain least.

    Args:
        variance: (n,) of each row.
        cross: The covariances (n,) of one row with all.
        most: Rows to take.

    Returns:
        Their positions, at most `most`.
    """
    left = variance.copy()
    factor = np.zeros((min(most, len(left)), len(left)))
    chosen: list[int] = []
    for i in range(len(factor)):
        at = int(np.argmax(left))
        if left[at] < EXPLAINED:
            break
        chosen.append(at)
        factor[i] = (cross(at) - factor[:i].T @ factor[:i, at]) / np.sqrt(left[at])
        left = np.maximum(left - factor[i] ** 2, 0)
        left[chosen] = 0
    return np.array(chosen, np.int64)
