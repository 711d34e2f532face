"""Fit one expert: scales by marginal likelihood, then a posterior of the same rows.

Of big tables some rows are taken only: with thousands of one skeleton in it the posterior was too
sure of what that skeleton says, and families left out were predicted far worse (MobileNetV3 2.4
points instead of 0.5).

A result of source s is offset_s + stretch_s * f(network) + noise. Offsets are integrated out,
stretches have a narrow prior around 1 and are 1 for the recipe that is predicted.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from nas.imagenet.evidence.rows import PREDICTED, SHARED
from nas.imagenet.joint.expert import Expert, columns, kernel, squash
from nas.imagenet.joint.numbers import Floats, Numbers

Rows = NDArray[np.int64]

LEVEL = 3.1  # about log(100 - 77.1): what is modelled lies around 0
OFFSET_VARIANCE = 0.25
STRETCH = 0.25  # standard deviation of log stretch
EQUAL = 60  # rows of one source that count in full for standardizing
MOST = {"accel_nasbench": 300, "dynas_ofa_mbv3_w1.0": 180, "ofa_predictor_mbv3": 90}
STEPS, RATE = 45, 0.08
NOISE_START, NOISE_WIDTH = -0.7, 0.5  # log points of one training, and the prior's width
PENALTY = 0.1
POINTS, SPREAD_POINTS = 700, 300
JITTER = 1e-8
# The recipe that is predicted, under its several names: stretch 1.
REFERENCE = ("effnet_paper_table2", "effnet_paper_table7", "timm aa_in1k", "timm ap_in1k")
NOISES = 5


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

    def take(self, at: Rows) -> "Data":
        """Some of the rows."""
        of = Numbers(*(one[at] for one in self.numbers))
        return Data(of, *(one[at] for one in self[1:]))


class Scales(NamedTuple):
    """What the marginal likelihood sets; what is not listed is as in `Expert`.

    Attributes:
        noise: (n,) variances of the rows.
        stretch: By source.
    """

    centre: Floats
    width: Floats
    linear: Floats
    matern: Floats
    gain: Floats
    noise: Floats
    stretch: dict[str, float]


def some_rows(data: Data, seed: int) -> Rows:
    """At most MOST rows of a source, at random."""
    rng = np.random.default_rng(seed)
    kept = []
    for name in sorted(set(data.source)):
        at = np.flatnonzero(data.source == name)
        kept.append(rng.permutation(at)[: MOST.get(str(name), len(at))])
    return np.sort(np.concatenate(kept))


def noise_kind(data: Data) -> Rows:
    """0: trained alone, 1: shared weights, 2: predicted, 3: Accel-NASBench, 4: means of seeds."""
    found = np.zeros(len(data.source), np.int64)
    found[data.kind == SHARED], found[data.kind == PREDICTED] = 1, 2
    source = data.source.astype(str)
    found[np.char.startswith(source, "accel")] = 3
    found[np.char.startswith(source, "anb_")] = 4
    return found


def standard(raw: Floats, ids: Rows, source: NDArray[np.str_]) -> tuple[Floats, Floats]:
    """(centre, width) of features; sources count up to EQUAL rows, a group has one width."""
    names, at, counts = np.unique(source, return_inverse=True, return_counts=True)
    weight = np.minimum(1.0, EQUAL / counts)[at]
    weight = weight / weight.sum()
    centre = weight @ raw
    variance = weight @ (raw - centre) ** 2
    groups = ids.max() + 1
    mean = np.bincount(ids, variance, groups) / np.bincount(ids, minlength=groups)
    return centre, np.sqrt(mean)[ids]


def scales(part: Data, names: tuple[str, ...], steps: int = STEPS) -> Scales:
    """By Adam on the marginal likelihood, stopped early."""
    import torch

    raw, ids = columns(part.numbers, names)
    centre, width = standard(raw, ids, part.source)
    live = width > 1e-6
    width = np.where(live, width, 1.0)
    x = torch.from_numpy(squash((raw - centre) / width) * live)
    sources, at = np.unique(part.source, return_inverse=True)
    free = torch.tensor([0.0 if name in REFERENCE else 1.0 for name in sources])
    of, kinds = torch.from_numpy(at), torch.from_numpy(noise_kind(part))
    target, error = torch.from_numpy(part.target + LEVEL), torch.from_numpy(part.error)
    same = OFFSET_VARIANCE * (of[:, None] == of).double()
    start = -0.5 * np.log(np.bincount(ids))
    group = torch.from_numpy(ids)
    free = free.double()
    free_of = free[of]
    knobs = [torch.from_numpy(start - 1.0), torch.from_numpy(start - 1.6),
             torch.full((2,), -2.5).double(), torch.full((NOISES,), NOISE_START).double(),
             torch.zeros(len(sources)).double()]  # fmt: skip
    for one in knobs:
        one.requires_grad_()
    adam = torch.optim.Adam(knobs, lr=RATE)
    for _ in range(steps):
        linear, matern, gain, noise, stretch = knobs
        one, two = x * linear.exp()[group], x * matern.exp()[group]
        squares = (two**2).sum(1)[:, None] + (two**2).sum(1) - 2 * two @ two.T
        r = (3 * squares.clamp(min=4e-13)).sqrt()
        prior = gain[0].exp() * (one @ one.T) + gain[1].exp() * (1 + r) * torch.exp(-r)
        t = torch.exp(STRETCH * stretch[of] * free_of)
        diagonal = (noise.exp()[kinds] / error) ** 2
        factor = torch.linalg.cholesky(prior * t[:, None] * t + same + torch.diag(diagonal))
        solved = torch.cholesky_solve(target[:, None], factor)[:, 0]
        loss = 0.5 * target @ solved + factor.diagonal().log().sum() + 0.5 * (stretch**2).sum()
        loss = loss + 0.5 * (((noise - NOISE_START) / NOISE_WIDTH) ** 2).sum()
        loss = loss + PENALTY * (linear.exp().sum() + matern.exp().sum())
        adam.zero_grad()
        loss.backward()
        adam.step()
    linear, matern, gain, noise, stretch = (one.detach().numpy() for one in knobs)
    found = np.exp(STRETCH * stretch * free.numpy())
    return Scales(centre, width, np.exp(linear)[ids] * live, np.exp(matern)[ids] * live,
                  np.exp(gain), (np.exp(noise)[noise_kind(part)] / part.error) ** 2,
                  dict(zip(sources.tolist(), found.tolist(), strict=True)))  # fmt: skip


def pivots(diagonal: Floats, cross, most: int) -> Rows:  # type: ignore[no-untyped-def]
    """The rows that a pivoted Cholesky decomposition takes first."""
    left = diagonal.copy()
    factor = np.zeros((min(most, len(left)), len(left)))
    chosen: list[int] = []
    for i in range(len(factor)):
        at = int(np.argmax(left))
        if left[at] < JITTER:
            break
        chosen.append(at)
        factor[i] = (cross(at) - factor[:i].T @ factor[:i, at]) / np.sqrt(left[at])
        left = np.maximum(left - factor[i] ** 2, 0)
        left[chosen] = 0
    return np.array(chosen)


def posterior(data: Data, names: tuple[str, ...], found: Scales, points: int = POINTS) -> Expert:
    """The expert of all rows ("DTC" in Quinonero-Candela and Rasmussen 2005)."""
    raw, _ = columns(data.numbers, names)
    x = squash((raw - found.centre) / found.width)
    shape = (found.linear, found.matern, found.gain)
    diagonal = found.gain[0] * ((x * found.linear) ** 2).sum(1) + found.gain[1]
    z = x[pivots(diagonal, lambda at: kernel(x[[at]], x, *shape)[0], points)]
    stretch = np.array([found.stretch.get(str(name), 1.0) for name in data.source])
    cross = kernel(z, x, *shape) * stretch
    sources, of = np.unique(data.source, return_inverse=True)
    # Offsets integrated out: precision = D - D S (S'DS + 1/v)^-1 S'D, with D = 1/noise.
    weight = 1 / found.noise
    by_source = np.zeros((len(sources), len(z)))
    np.add.at(by_source, of, (cross * weight).T)
    held = np.bincount(of, weight) + 1 / OFFSET_VARIANCE
    target = data.target + LEVEL
    whole = np.bincount(of, weight * target)
    information = (cross * weight) @ cross.T - (by_source.T / held) @ by_source
    evidence = (cross * weight) @ target - (by_source.T / held) @ whole
    prior = kernel(z, z, *shape) + JITTER * np.eye(len(z))
    alpha = np.linalg.solve(prior + information, evidence)
    v = min(SPREAD_POINTS, len(z))
    eye = np.eye(v)
    q = np.linalg.solve(prior[:v, :v], eye)
    q -= np.linalg.solve(prior[:v, :v] + information[:v, :v], eye)
    return Expert(names, found.centre, found.width, found.linear, found.matern, found.gain, z,
                  alpha, (q + q.T) / 2)  # fmt: skip
