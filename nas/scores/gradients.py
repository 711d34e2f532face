"""Scores of the loss's gradients: their norm, and ZiCo (Li et al. 2023, arXiv 2301.11300)."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from nas.scores.batch import Batch
from nas.scores.network import NoScore, fresh, quick, weights
from search_spaces.architecture import Architecture

PART = 64  # images of a minibatch: what the authors of both take


def gradnorm(architecture: Architecture, batch: Batch, seed: int) -> float:
    """The sum over layers of the gradient's norm after one minibatch (Abdelfattah et al. 2021).

    Of the cross-entropy, at the initial weights, batch normalization with the batch's statistics.

    Args:
        architecture: Of the network, whose classes are those of the batch or more.
        batch: Its first PART images count.
        seed: Of the initial weights.
    """
    network = quick(fresh(architecture, seed))
    gradients = _gradients(network, batch.images[:PART], batch.labels[:PART])
    return sum(float(one.norm()) for one in gradients)


def zico(architecture: Architecture, batch: Batch, seed: int) -> float:
    """The sum over layers of log(sum over weights of mean |g| / spread of g), eq. 9.

    Mean and spread of a weight's gradient g are over minibatches, all at the initial weights; the
    paper takes two. Weights whose gradient never changes are left out, and layers of only such.

    Args:
        architecture: Of the network, whose classes are those of the batch or more.
        batch: Is taken in minibatches of PART images, in halves where it has fewer than two.
        seed: Of the initial weights.

    Raises:
        NoScore: No weight's gradient changes.
    """
    network = quick(fresh(architecture, seed))
    part = min(PART, len(batch.images) // 2)
    if not part:
        raise NoScore("the batch has one image, and gradients of one don't vary")
    starts = range(0, len(batch.images) - part + 1, part)
    return of_gradients(
        [
            _gradients(network, batch.images[at : at + part], batch.labels[at : at + part])
            for at in starts
        ]
    )


def of_gradients(minibatches: Sequence[Sequence[Tensor]]) -> float:
    """ZiCo of gradients: of each minibatch, of each layer.

    Raises:
        NoScore: No weight's gradient changes.
    """
    logs = []
    for layer in zip(*minibatches, strict=True):
        gradients = torch.stack(layer).double()
        spread = gradients.std(0, correction=0)
        varies = spread > 0
        if varies.any():
            logs.append(float((gradients.abs().mean(0)[varies] / spread[varies]).sum().log()))
    if not logs:
        raise NoScore("no gradient differs between the minibatches")
    return sum(logs)


def _gradients(network: nn.Module, images: Tensor, labels: Tensor) -> tuple[Tensor, ...]:
    loss = nn.functional.cross_entropy(network(images), labels)
    return torch.autograd.grad(loss, weights(network))
