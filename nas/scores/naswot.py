"""NASWOT (Mellor et al. 2021, arXiv 2006.04647): how differently a network sees the images."""

import torch
from torch import Tensor

from nas.scores.batch import Batch
from nas.scores.network import NoScore, activations, fresh, quick
from search_spaces.architecture import Architecture


def naswot(architecture: Architecture, batch: Batch, seed: int) -> float:
    """The logarithm of |K|, K_ij the units whose code is the same for the images i and j (eq. 2).

    A unit's code is 1 where its activation's input is above 0. The paper has ReLU alone, which
    is off below 0; SiLU, hard swish and ReLU6 are read in the same way: by the sign of their input.
    Batch normalization takes the batch's statistics, as in the authors' program.

    Args:
        architecture: Of the network.
        batch: The images.
        seed: Of the initial weights.

    Raises:
        NoScore: Two images have the same codes, as where an image is in the batch twice.
    """
    network, images = quick(fresh(architecture, seed)), batch.images
    kernel = torch.zeros(len(images), len(images), dtype=torch.float64)
    for module in activations(network):
        module.register_forward_pre_hook(lambda _, given: _add(kernel, given[0]))
    with torch.no_grad():
        network(images)
    return log_determinant(kernel)


def _add(kernel: Tensor, given: Tensor) -> None:
    """Adds a layer's units (n, ...) to the kernel (n, n), in place."""
    codes = (given > 0).flatten(1).float()
    ones = codes.sum(1)
    kernel += codes.shape[1] - ones[:, None] - ones + 2 * (codes @ codes.T)


def log_determinant(kernel: Tensor) -> float:
    """Of a matrix (n, n) of scalar products.

    Raises:
        NoScore: It is singular.
    """
    sign, logarithm = torch.linalg.slogdet(kernel)
    if sign <= 0 or not torch.isfinite(logarithm):
        raise NoScore("two images of the batch have the same codes in every layer")
    return float(logarithm)
