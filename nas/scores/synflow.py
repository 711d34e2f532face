"""SynFlow (Tanaka et al. 2020), summed over a network as by Abdelfattah et al. 2021."""

import math

import torch

from nas.scores.batch import Batch
from nas.scores.network import NoScore, fresh, linear, weights
from search_spaces.architecture import Architecture


def synflow(architecture: Architecture, batch: Batch, seed: int) -> float:
    """The logarithm of the sum of |w * dR/dw| over the weights of convs and linear layers.

    R is the sum of the outputs for an image of ones, of the network with absolute weights and
    without batch normalization, in double precision. There every activation's input is above 0,
    where ReLU changes nothing; so SiLU, hard swish and ReLU6 are left out, and R is linear in
    each layer. The authors take no logarithm: it changes no ranking.

    Args:
        architecture: Of the network.
        batch: Gives the image's size alone.
        seed: Of the initial weights.

    Raises:
        NoScore: The sum is too large for a number, or 0.
    """
    network = linear(fresh(architecture, seed)).double()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.abs_()
    of = weights(network)
    flow = network(torch.ones_like(batch.images[:1], dtype=torch.float64)).sum()
    gradients = torch.autograd.grad(flow, of)
    pairs = zip(of, gradients, strict=True)
    whole = sum(float((w.detach() * g).abs().sum()) for w, g in pairs)
    if not 0 < whole < math.inf:
        raise NoScore(f"the flow through the network is {whole}, which has no logarithm")
    return math.log(whole)
