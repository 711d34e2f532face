"""Results as arrays, and which of them an expert is fitted to."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from nas.imagenet.evidence.rows import Row
from nas.imagenet.joint.blocks import Floats, Ints
from nas.imagenet.joint.domain import PREDICTED, SHARED
from nas.imagenet.joint.numbers import Numbers, numbers

# Of big tables some rows are taken only: with thousands of one skeleton the posterior was too sure
# of what that skeleton says, and families left out were predicted far worse (MobileNetV3 2.4 points
# instead of 0.5).
MOST = {"accel_nasbench": 300, "dynas_ofa_mbv3_w1.0": 180, "ofa_predictor_mbv3": 90}
NOISES = 5  # kinds of noise that `noise_kind` tells apart


class Data(NamedTuple):
    """Results to fit.

    Attributes:
        numbers: Of the n networks.
        source: (n,) names.
        kind: (n,) names.
        target: (n,) -log(100 - top1).
        error: (n,) 100 - top1.
    """

    numbers: Numbers
    source: NDArray[np.str_]
    kind: NDArray[np.str_]
    target: Floats
    error: Floats

    def take(self, rows: Ints) -> "Data":
        """Some of the rows."""
        of = self.numbers.take(rows)
        return Data(of, self.source[rows], self.kind[rows], self.target[rows], self.error[rows])


def data_of(rows: Sequence[Row], of: Numbers | None = None) -> Data:
    """The rows as arrays.

    Args:
        rows: The results.
        of: Their networks' numbers, where known.
    """
    error = 100 - np.array([row.top1 for row in rows])
    of = numbers([row.network for row in rows]) if of is None else of
    source, kind = np.array([row.source for row in rows]), np.array([row.kind for row in rows])
    return Data(of, source, kind, -np.log(error), error)


def some_rows(data: Data, seed: int) -> Ints:
    """At most MOST rows of a source, at random."""
    rng = np.random.default_rng(seed)
    kept = []
    for name in sorted(set(data.source.tolist())):
        rows = np.flatnonzero(data.source == name)
        kept.append(rng.permutation(rows)[: MOST.get(name, len(rows))])
    return np.sort(np.concatenate(kept))


def noise_kind(data: Data) -> Ints:
    """0: trained alone, 1: shared weights, 2: predicted, 3: Accel-NASBench, 4: means of seeds."""
    kinds = np.zeros(len(data.source), np.int64)
    kinds[data.kind == SHARED], kinds[data.kind == PREDICTED] = 1, 2
    kinds[np.char.startswith(data.source, "accel")] = 3
    kinds[np.char.startswith(data.source, "anb_")] = 4
    return kinds
