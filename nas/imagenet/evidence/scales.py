"""Scales of one expert, by marginal likelihood.

A result of source s is offset_s + stretch_s * f(network) + noise. Offsets are integrated out,
stretches have a narrow prior around 1 and are 1 for the recipe that is predicted.
"""

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from nas.imagenet.evidence.data import NOISES, Data, noise_kind
from nas.imagenet.joint.blocks import Floats, Ints
from nas.imagenet.joint.expert import columns, squash
from nas.imagenet.joint.features import groups

if TYPE_CHECKING:
    from torch import Tensor

LEVEL = 3.1  # about log(100 - 77.1): what is modelled lies around 0
OFFSET_VARIANCE = 0.25
STRETCH = 0.25  # standard deviation of log stretch
EQUAL = 60  # rows of one source that count in full for standardizing
STEPS, RATE = 45, 0.08  # of Adam, stopped early
NOISE_START, NOISE_WIDTH = -0.7, 0.5  # log points of one training, and the prior's width
LINEAR_START, MATERN_START, GAIN_START = -1.0, -1.6, -2.5  # logs
PENALTY = 0.1  # for each unit of a group's weight
LEAST_SQUARE = 4e-13  # of a distance, where its root has no slope
# The recipe that is predicted, under its several names: stretch 1.
REFERENCE = ("effnet_paper_table2", "effnet_paper_table7", "timm aa_in1k", "timm ap_in1k")


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


class _Problem(NamedTuple):
    """What stays the same while scales are set, as tensors.

    Attributes:
        x: (n, d) standardized features.
        group: (d,) of each feature.
        source: (n,) of each row.
        free: (sources,) 1 where a source's stretch is free, 0 where it is 1.
        noise: (n,) the kind of each row's noise.
        target: (n,).
        error: (n,) 100 - top1.
        offsets: (n, n) covariance that the sources' offsets make.
    """

    x: "Tensor"
    group: "Tensor"
    source: "Tensor"
    free: "Tensor"
    noise: "Tensor"
    target: "Tensor"
    error: "Tensor"
    offsets: "Tensor"


class _Knobs(NamedTuple):
    """What is set: logs of weights by group, of the terms' variances and of noises; stretches."""

    linear: "Tensor"
    matern: "Tensor"
    gain: "Tensor"
    noise: "Tensor"
    stretch: "Tensor"


def standard(raw: Floats, ids: Ints, source: NDArray[np.str_]) -> tuple[Floats, Floats]:
    """(centre, width) of features; sources count up to EQUAL rows, a group has one width."""
    _, at, counts = np.unique(source, return_inverse=True, return_counts=True)
    weight = np.minimum(1.0, EQUAL / counts)[at]
    weight = weight / weight.sum()
    centre = weight @ raw
    variance = weight @ (raw - centre) ** 2
    count = int(ids.max()) + 1
    mean = np.bincount(ids, variance, count) / np.bincount(ids, minlength=count)
    return centre, np.sqrt(mean)[ids]


def scales(data: Data, names: tuple[str, ...], steps: int = STEPS) -> Scales:
    """Those of an expert that sees the groups of features named.

    Args:
        data: The rows that set them.
        names: Of groups of features.
        steps: Of Adam.
    """
    raw, ids = columns(groups(data.numbers), names)
    centre, width = standard(raw, ids, data.source)
    live = width > 1e-6
    width = np.where(live, width, 1.0)
    problem, sources = _problem(data, squash((raw - centre) / width) * live, ids)
    linear, matern, gain, noise, stretch = (
        knob.detach().numpy() for knob in _set(problem, _start(ids, len(sources)), steps)
    )
    stretches = np.exp(STRETCH * stretch * problem.free.numpy())
    return Scales(
        centre, width, np.exp(linear)[ids] * live, np.exp(matern)[ids] * live, np.exp(gain),
        (np.exp(noise)[noise_kind(data)] / data.error) ** 2,
        dict(zip(sources, stretches.tolist(), strict=True)),
    )  # fmt: skip


def _problem(data: Data, x: Floats, ids: Ints) -> tuple[_Problem, list[str]]:
    """The problem, and the names of its sources."""
    import torch

    names, at = np.unique(data.source, return_inverse=True)
    source = torch.from_numpy(at)
    free = torch.tensor([0.0 if name in REFERENCE else 1.0 for name in names]).double()
    offsets = OFFSET_VARIANCE * (source[:, None] == source).double()
    problem = _Problem(
        torch.from_numpy(x), torch.from_numpy(ids), source, free,
        torch.from_numpy(noise_kind(data)), torch.from_numpy(data.target + LEVEL),
        torch.from_numpy(data.error), offsets,
    )  # fmt: skip
    return problem, names.tolist()


def _start(ids: Ints, sources: int) -> _Knobs:
    """Where Adam starts: a group of many features has small weights."""
    import torch

    shared = -0.5 * np.log(np.bincount(ids))
    knobs = _Knobs(
        torch.from_numpy(shared + LINEAR_START),
        torch.from_numpy(shared + MATERN_START),
        torch.full((2,), GAIN_START).double(),
        torch.full((NOISES,), NOISE_START).double(),
        torch.zeros(sources).double(),
    )
    for knob in knobs:
        knob.requires_grad_()
    return knobs


def _set(problem: _Problem, knobs: _Knobs, steps: int) -> _Knobs:
    import torch

    adam = torch.optim.Adam(list(knobs), lr=RATE)
    for _ in range(steps):
        loss = _loss(problem, knobs)
        adam.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        adam.step()
    return knobs


def _loss(problem: _Problem, knobs: _Knobs) -> "Tensor":
    """-log of the marginal likelihood and of the priors, up to a constant."""
    import torch

    linear, matern = knobs.linear.exp(), knobs.matern.exp()
    one, two = problem.x * linear[problem.group], problem.x * matern[problem.group]
    squares = (two**2).sum(1)[:, None] + (two**2).sum(1) - 2 * two @ two.T
    r = (3 * squares.clamp(min=LEAST_SQUARE)).sqrt()
    gain = knobs.gain
    prior = gain[0].exp() * (one @ one.T) + gain[1].exp() * (1 + r) * torch.exp(-r)
    stretch = torch.exp(STRETCH * knobs.stretch[problem.source] * problem.free[problem.source])
    noise = (knobs.noise.exp()[problem.noise] / problem.error) ** 2
    rows = prior * stretch[:, None] * stretch + problem.offsets + torch.diag(noise)
    factor = torch.linalg.cholesky(rows)
    solved = torch.cholesky_solve(problem.target[:, None], factor)[:, 0]
    loss: Tensor = 0.5 * problem.target @ solved + factor.diagonal().log().sum()
    loss = loss + 0.5 * (knobs.stretch**2).sum()
    loss = loss + 0.5 * (((knobs.noise - NOISE_START) / NOISE_WIDTH) ** 2).sum()
    return loss + PENALTY * (linear.sum() + matern.sum())
