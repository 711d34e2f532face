"""Products of matrices that are the same bits on any number of threads, beside any other rows.

Libraries add up a product's terms in an order that depends on threads and shapes, and each order
rounds otherwise. Here the factors are first rounded to so few bits, of each row and column's own
scale, that all products and sums of products are multiples of one step and below 2^53 of them:
these are exact in double precision in any order (Ozaki, Ogita, Oishi & Rump 2012, on error-free
splitting).
"""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
DIGITS = 53  # bits of whole numbers that double precision holds


class Exact:
    """A matrix that others are multiplied by.

    Args:
        matrix: (d, m).
        parts: How often its rounding error is rounded again and counts too: with one part its
            numbers have 22 bits or so, with two 44.
    """

    def __init__(self, matrix: Floats, parts: int = 1) -> None:
        self._bits = (DIGITS - max(1, len(matrix) - 1).bit_length()) // 2
        self._parts: list[Floats] = []
        for _ in range(parts):
            part = coarse(matrix.T, self._bits).T.copy()
            self._parts.append(part)
            matrix = matrix - part

    def __call__(self, rows: Floats) -> Floats:
        """Rows (n, d) times the matrix; what a row gives does not depend on the others."""
        rows = coarse(rows, self._bits)
        product = rows @ self._parts[0]
        for part in self._parts[1:]:
            product += rows @ part
        return product


def coarse(rows: Floats, bits: int) -> Floats:
    """Rows (n, d) rounded to so many bits of their largest number's scale."""
    _, power = np.frexp(np.abs(rows).max(1, keepdims=True, initial=0.0))
    step = np.ldexp(1.0, power - bits)
    return np.asarray(np.rint(rows / step) * step)
