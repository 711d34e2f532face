"""The Zen-score (Lin et al. 2021, arXiv 2102.01063): how far noise moves an untrained network."""

import torch
from torch import Tensor, nn

from nas.scores.batch import Batch
from nas.scores.network import NoScore, fresh, plain_trunk, quick
from search_spaces.architecture import Architecture

IMAGES, STEP, REPEATS = 16, 0.01, 2  # the authors' program takes as many images, and 32 repeats


def zen(architecture: Architecture, batch: Batch, seed: int) -> float:
    """How far noise moves the output, with what batch normalization scaled away put back.

    log E |f(x) - f(x + 0.01 e)| + sum over batch normalizations of log sqrt(mean variance), with f
    the network up to the global pooling without residuals and SE, its weights from N(0, 1). x and e
    are normal noise; each forward pass is normalized by its own batch, and the variances in the
    pass of x count. |.| is the Frobenius norm, as in the paper (its program takes the sum of
    absolute values). The mean of REPEATS draws of weights and noise.

    Args:
        architecture: Of the network.
        batch: Gives the image's size alone.
        seed: Of weights and noise.

    Raises:
        NoScore: The output is not finite, or noise does not move it.
    """
    trunk = quick(plain_trunk(fresh(architecture, seed)))
    generator = torch.Generator().manual_seed(seed)
    shape = (IMAGES, *batch.images.shape[1:])
    with torch.no_grad():
        return sum(once(trunk, shape, generator) for _ in range(REPEATS)) / REPEATS


def once(trunk: nn.Module, shape: tuple[int, ...], generator: torch.Generator) -> float:
    """The score of one draw.

    Args:
        trunk: Its weights are drawn anew, in place.
        shape: (images, channels, height, width) of the noise.
        generator: Of weights and noise.

    Raises:
        NoScore: The output is not finite, or noise does not move it.
    """
    norms = [module for module in trunk.modules() if isinstance(module, nn.BatchNorm2d)]
    for module in trunk.modules():
        if isinstance(module, nn.Conv2d):
            module.weight.normal_(generator=generator)
    x, e = (torch.randn(shape, generator=generator) for _ in range(2))
    scales: list[Tensor] = []

    def look(module: nn.Module, given: tuple[Tensor]) -> None:
        scales.append(given[0].var((0, 2, 3), correction=0).mean().sqrt().log())

    hooks = [module.register_forward_pre_hook(look) for module in norms]
    first = trunk(x)
    for hook in hooks:
        hook.remove()
    moved = (first - trunk(x + STEP * e)).flatten(1).norm(dim=1).mean().log()
    score = float(moved + sum(scales))
    if not abs(score) < float("inf"):
        raise NoScore(f"the score is {score}: the network's output is not moved by noise")
    return score
