"""Fit one expert: scales by marginal likelihood (`scales`), then a posterior of the same rows."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from nas.imagenet.evidence.data import Data
from nas.imagenet.evidence.pivots import pivots
from nas.imagenet.evidence.scales import LEVEL, OFFSET_VARIANCE, Scales
from nas.imagenet.joint.blocks import Floats
from nas.imagenet.joint.expert import Expert, columns, kernel, squash
from nas.imagenet.joint.features import groups

POINTS, SPREAD_POINTS = 700, 300
JITTER = 1e-8


def posterior(data: Data, names: tuple[str, ...], set_to: Scales, points: int = POINTS) -> Expert:
    """The expert of all rows ("DTC" in Quinonero-Candela and Rasmussen 2005).

    Args:
        data: The rows that the scales were set by.
        names: Of the groups of features that it sees.
        set_to: The scales.
        points: Inducing points at most.
    """
    raw, _ = columns(groups(data.numbers), names)
    x = squash((raw - set_to.centre) / set_to.width)
    terms = (set_to.linear, set_to.matern, set_to.gain)
    variance = set_to.gain[0] * ((x * set_to.linear) ** 2).sum(1) + set_to.gain[1]
    z = x[pivots(variance, lambda at: kernel(x[[at]], x, *terms)[0], points)]
    stretch = np.array([set_to.stretch.get(name, 1.0) for name in data.source.tolist()])
    information, evidence = _learnt(data, set_to, kernel(z, x, *terms) * stretch)
    prior = kernel(z, z, *terms) + JITTER * np.eye(len(z))
    alpha = np.asarray(np.linalg.solve(prior + information, evidence), np.float64)
    v = min(SPREAD_POINTS, len(z))
    eye = np.eye(v)
    inner = prior[:v, :v]
    q = np.linalg.solve(inner, eye) - np.linalg.solve(inner + information[:v, :v], eye)
    return Expert(
        names, set_to.centre, set_to.width, set_to.linear, set_to.matern, set_to.gain,
        _as_in_a_file(z), alpha, _as_in_a_file((q + q.T) / 2),
    )  # fmt: skip


def _as_in_a_file(array: NDArray[Any]) -> Floats:
    """In single precision, so that a model says the same before it is written and after."""
    return array.astype(np.float32).astype(np.float64)


def _learnt(data: Data, set_to: Scales, cross: Floats) -> tuple[Floats, Floats]:
    """What the rows say of the inducing points: a precision (m, m) and its product with a mean.

    Offsets are integrated out: precision = D - D S (S'DS + 1/v)^-1 S'D, with D = 1/noise and S
    (n, sources) 1 where a row is of a source.

    Args:
        data: N rows.
        set_to: Their noise.
        cross: (m, n) covariances of points with rows.
    """
    sources, of = np.unique(data.source, return_inverse=True)
    weight, target = 1 / set_to.noise, data.target + LEVEL
    by_source = np.zeros((len(sources), len(cross)))
    np.add.at(by_source, of, (cross * weight).T)
    held = np.bincount(of, weight) + 1 / OFFSET_VARIANCE
    whole = np.bincount(of, weight * target)
    information = (cross * weight) @ cross.T - (by_source.T / held) @ by_source
    evidence = (cross * weight) @ target - (by_source.T / held) @ whole
    return information, evidence
