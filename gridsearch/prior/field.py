"""What the law does not know: a random field over depth, width and resolution.

The logarithm of a network's error differs from the law's by a fractional Brownian field over the
natural logarithms of its multipliers: 0 at the baseline, and between two networks normal with a
standard deviation of ROUGH * distance**HURST. So near networks err alike, and spreads grow with the
size of the step. Both numbers were set by likelihood on networks left out of the fit
(`benchmarks/scaling_prior.py`).
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

ROUGH = 0.030  # of log error
HURST = 0.5

Floats = NDArray[np.float64]


def variogram(one: Any, two: Any, rough: float = ROUGH) -> Floats:
    """Variances of differences, (n, m), between (n, 3) and (m, 3) logs of multipliers."""
    one, two = (np.atleast_2d(np.asarray(logs, float)) for logs in (one, two))
    squares = ((one[:, None] - two[None]) ** 2).sum(2)
    return np.asarray(rough**2 * squares**HURST)


def covariance(one: Any, two: Any, rough: float = ROUGH) -> Floats:
    """Covariances, (n, m), of the field between (n, 3) and (m, 3) logs of multipliers."""
    origin = np.zeros((1, 3))
    apart = variogram(one, two, rough)
    return np.asarray((variogram(one, origin, rough) + variogram(origin, two, rough) - apart) / 2)
