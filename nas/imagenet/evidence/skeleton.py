"""Fit the process of B0's skeleton: its kernel on some rows, then the mean of all of them."""

import numpy as np

from nas.imagenet.evidence.pivots import pivots
from nas.imagenet.fit import GAP, JITTER, KERNEL_ROWS, kernel_of
from nas.imagenet.joint.blocks import Floats
from nas.imagenet.joint.numbers import Numbers
from nas.imagenet.joint.skeleton import Skeleton, choices, covariance, frame, stages

POINTS = 1024


def skeleton(of: Numbers, error: Floats, line: Floats, seed: int) -> Skeleton:
    """What one table on one skeleton says.

    Args:
        of: Numbers of n networks.
        error: (n,) 100 - top1.
        line: (2,) slope and shift from -log(error) to the named recipe's units.
        seed: Of which rows set the kernel.
    """
    raw = stages(of)
    centre, width = raw.mean(0), raw.std(0)
    width[width < 1e-9] = 1.0
    x = (raw - centre) / width
    floor = max(0.0, error.min() - GAP * np.ptp(error))
    modelled = -np.log(error - floor)
    level, scale = modelled.mean(), modelled.std()
    z = (modelled - level) / scale
    some = np.random.default_rng(seed).permutation(len(z))[:KERNEL_ROWS]
    scales, gain, noise = kernel_of(x[some], z[some])
    x = x * scales
    variance = gain[0] + gain[1] * (x**2).sum(1) + gain[2]
    points = x[pivots(variance, lambda at: covariance(x[[at]], x, gain)[0], POINTS)]
    cross = covariance(points, x, gain) / np.sqrt(noise)
    prior = covariance(points, points, gain) + JITTER * np.eye(len(points))
    alpha = scale * np.linalg.solve(prior + cross @ cross.T, cross @ z / np.sqrt(noise))
    chosen = choices(of)
    return Skeleton(
        centre, width, scales, gain, points.astype(np.float32).astype(float), alpha,
        frame(of).mean(0), chosen.min(0), chosen.max(0), np.array([level]),
        np.array([floor]), line,
    )  # fmt: skip
