"""The Pareto front and its hypervolume against brute force."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from results.runs.front import front, hypervolume

# Small whole numbers: ties and points outside the reference must happen.
points = st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=12)


def columns(rows: list[tuple[int, int]]) -> tuple[list[int], list[int]]:
    return [a for a, _ in rows], [c for _, c in rows]


@given(points)
def test_the_front_is_what_nothing_beats(rows):
    def beaten(i: int) -> bool:
        a, c = rows[i]
        return any(
            (b >= a and d <= c and (b, d) != (a, c)) or ((b, d) == (a, c) and j < i)
            for j, (b, d) in enumerate(rows)
        )

    kept = front(*columns(rows)).tolist()
    assert sorted(kept) == [i for i in range(len(rows)) if not beaten(i)]
    assert kept == sorted(kept, key=lambda i: rows[i][1])


@given(points, st.integers(0, 5), st.integers(4, 9))
def test_the_hypervolume_is_the_number_of_unit_squares(rows, worst, dearest):
    squares = itertools.product(range(worst, 10), range(dearest))
    covered = sum(any(a >= x + 1 and c <= y for a, c in rows) for x, y in squares)
    assert hypervolume(*columns(rows), (worst, dearest)) == covered


def test_a_known_hypervolume():
    accuracy, cost = np.array([70.0, 75.0, 72.0]), np.array([100.0, 300.0, 350.0])
    assert hypervolume(accuracy, cost, (60, 400)) == pytest.approx(10 * 200 + 15 * 100)
