"""Fit the process of B0's skeleton: its kernel on some rows, then the mean of all of them."""

import numpy as np

from nas.imagenet.evidence.pivots import pivots
from nas.imagenet.joint.blocks import Floats
from nas.imagenet.joint.numbers import Numbers
from nas.imagenet.joint.skeleton import Skeleton, choices, covariance, frame, stages

POINTS, KERNEL_ROWS, JITTER = 900, 900, 1e-6
STEPS, RATE = 40, 0.08  # of Adam
START, NOISE_START = -1.5, -4.0  # logs of the features' weights and of the noise's variance


def kernel_of(x: Floats, z: Floats) -> tuple[Floats, Floats, float]:
    """Adam on the marginal likelihood, stopped early.

    Args:
        x: (n, d) standardized features.
        z: (n,) standardized targets.

    Returns:
        (d,) weights of the features, (3,) variances of the kernel's terms, variance of the noise.
    """
    import torch

    points, target = torch.from_numpy(x), torch.from_numpy(z)
    logs = torch.full((x.shape[1],), START, dtype=torch.float64).requires_grad_()
    others = torch.tensor([0.0, 0.0, 0.0, NOISE_START], dtype=torch.float64).requires_grad_()
    adam = torch.optim.Adam([logs, others], lr=RATE)
    eye = torch.eye(len(x), dtype=torch.float64)
    for _ in range(STEPS):
        weighted, (*gain, noise) = points * logs.exp(), others.exp()
        matrix = covariance(weighted, weighted, gain, torch.exp) + (noise + JITTER) * eye
        factor = torch.linalg.cholesky(matrix)
        solved = torch.cholesky_solve(target[:, None], factor)[:, 0]
        loss = 0.5 * target @ solved + factor.diagonal().log().sum()
        adam.zero_grad()
        loss.backward()
        adam.step()
    *gain, noise = others.detach().exp().tolist()
    return logs.detach().exp().numpy(), np.array(gain), noise


def skeleton(of: Numbers, target: Floats, weight: Floats, seed: int) -> Skeleton:
    """What one table on one skeleton says of -log(100 - top1), in the named recipe's units.

    Args:
        of: Numbers of n networks.
        target: (n,).
        weight: (n,) what each row counts.
        seed: Of which rows set the kernel.
    """
    raw = stages(of)
    centre, width = raw.mean(0), raw.std(0)
    width[width < 1e-9] = 1.0
    x = (raw - centre) / width
    level, scale = target.mean(), target.std()
    z = (target - level) / scale
    some = np.random.default_rng(seed).permutation(len(z))[:KERNEL_ROWS]
    scales, gain, noise = kernel_of(x[some], z[some])
    x = x * scales
    variance = gain[0] + gain[1] * (x**2).sum(1) + gain[2]
    points = x[pivots(variance, lambda at: covariance(x[[at]], x, gain)[0], POINTS)]
    root = np.sqrt(weight / weight.mean() / noise)
    cross = covariance(points, x, gain) * root
    prior = covariance(points, points, gain) + JITTER * np.eye(len(points))
    alpha = scale * np.linalg.solve(prior + cross @ cross.T, cross @ (z * root))
    chosen = choices(of)
    return Skeleton(
        centre, width, scales, gain, points.astype(np.float32).astype(float), alpha,
        frame(of).mean(0), chosen.min(0), chosen.max(0), np.array([level]),
    )  # fmt: skip
