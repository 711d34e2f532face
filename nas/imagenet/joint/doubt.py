"""How far a network is from one scaled as a whole, and what its number may be off then.

A model fitted on one half of the evidence, searched for its best network, promised several points
that a model of the other half did not grant, wherever the network found had other pixels, width,
depth or shape than EfficientNet-B0 scaled to the same cost: few sources vary these against one
another, and each only some of them. Within the tolerances the halves agreed better
(`benchmarks/budgets.py`).
"""

import functools
from collections.abc import Sequence

import numpy as np

from nas.imagenet.joint.architectures import numbers_of
from nas.imagenet.joint.blocks import Floats
from nas.imagenet.joint.numbers import Numbers
from search_spaces.architecture import Architecture
from search_spaces.networks import EFFICIENTNET_B0
from search_spaces.scaling.coefficients import PAPER, PHI_RANGE
from search_spaces.scaling.rules import scale

STEP = 0.25  # of phi, between the networks that say the proportions
# What differs without doubt, as a difference of logs.
TOLERANCES = {
    "resolution": 0.10,
    "width": 0.12,
    "depth": 0.25,
    "shape": 0.30,  # the width of one level against the others
    "head": 0.35,
    "stem": 0.40,
    "kernels": 0.25,  # share of blocks of kernel 7, known from shared weights only
}
POINTS = 3.0  # of doubt for each tolerance beyond the first


def proportions(of: Numbers) -> Floats:
    """Large kernels, logs of resolution, depth, head, stem and channels, (n, 5 + levels)."""
    whole = (of.resolution, of.depth, of.head, of.stem)
    large = (np.maximum(of.field - 2, 0) * of.blocks).sum(1) / of.blocks.sum(1)
    return np.concatenate([large[:, None], np.log(np.stack(whole, 1)), of.out], 1)


Usual = tuple[Floats, Floats]  # log MACs (k,) of networks, ascending, and their proportions (k, m)


def usual(networks: Sequence[Architecture]) -> Usual:
    """The proportions of some networks of one kind, by their cost."""
    numbers = numbers_of(networks)
    order = np.argsort(numbers.macs, kind="stable")
    return np.log(numbers.macs)[order], proportions(numbers)[order]


@functools.cache
def _scaled() -> Usual:
    """Of B0 scaled by the paper's coefficients."""
    phis = np.arange(PHI_RANGE[0], PHI_RANGE[1] + STEP / 2, STEP)
    return usual([scale(EFFICIENTNET_B0, PAPER.at(float(phi))) for phi in phis])


def apart(of: Numbers, known: Usual | None = None) -> Floats:
    """How far networks are from B0 scaled to their own cost.

    Args:
        of: N networks.
        known: Proportions that are usual, in place of B0's.

    Returns:
        (n, 7), in tolerances and in the order of TOLERANCES; 0 or more.
    """
    macs, columns = _scaled() if known is None else known
    at = np.log(of.macs)
    expected = np.stack([np.interp(at, macs, column) for column in columns.T], 1)
    more = proportions(of) - expected
    kernels, resolution, depth, head, stem = more[:, :5].T
    width = more[:, 5:].mean(1)
    shape = np.abs(more[:, 5:] - width[:, None]).max(1)
    each = np.stack([resolution, width, depth, shape, head, stem, np.maximum(kernels, 0)], 1)
    return np.asarray(np.abs(each) / np.array(list(TOLERANCES.values())))


def doubt(of: Numbers, also: Usual | None = None) -> Floats:
    """Points that networks' predictions may be off besides, one standard deviation (n,).

    0 within all tolerances of B0 scaled, or of what is usual `also`.
    """
    found = []
    for known in (None,) if also is None else (None, also):
        beyond = np.maximum(apart(of, known) - 1.0, 0.0)
        found.append(POINTS * np.sqrt((beyond**2).sum(1)))
    return np.asarray(np.min(found, axis=0))
