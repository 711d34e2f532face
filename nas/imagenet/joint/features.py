"""The features that the processes see, in groups that share a length scale."""

import numpy as np

from nas.imagenet.joint.blocks import Floats
from nas.imagenet.joint.numbers import Numbers

# EfficientNet-B0's, which only fixes the units of `weights` and `blocks`.
B0_BLOCKS = np.array([1.0, 2, 2, 3, 3, 4, 1])
B0_WEIGHTS = np.array([1448.0, 16714, 46640, 242930, 543148, 2026348, 717232])
LEAST_WEIGHTS, LEAST_BLOCKS = 0.25, 0.5  # of B0's: a segment with less is hardly missed
RESOLUTION_POWER = 1.5

Groups = dict[str, Floats]  # the columns (n, its size) of each group


def _mean(values: Floats, blocks: Floats) -> Floats:
    """Over all blocks, from means (n, 7) of the segments."""
    return np.asarray((values * blocks).sum(1) / blocks.sum(1))


def groups(of: Numbers) -> Groups:
    """Each group's columns; logs where sizes count."""
    n = of.blocks
    resolution = np.log(of.resolution / 224)
    whole = {
        "macs": np.log(of.macs),
        "params": np.log(of.params),
        "resolution": resolution,
        "sharpness": -np.exp(-RESOLUTION_POWER * resolution),  # saturates
        "depth": np.log(of.depth),
        "stem": np.log(of.stem),
        "head": np.log(of.head),
        "mix": (of.mix > 0).astype(float),
        "dsconv": of.kinds[:, 0],
        "dense": of.kinds[:, 1],
        "bottleneck": of.kinds[:, 2],
        "smooth": of.kinds[:, 3],
        "skips": of.kinds[:, 4],
        "mean_se": _mean(of.se, n),
        "mean_field": np.log(_mean(of.field, n) + 0.5),
        "mean_expands": _mean(of.expands, n),
        "mean_hidden": _mean(of.hidden, n),
        "mean_out": _mean(of.out, n),
    }
    parts = {
        "weights": np.log(of.weights / B0_WEIGHTS + LEAST_WEIGHTS),
        "blocks": np.log(n / B0_BLOCKS + LEAST_BLOCKS),
        "out": of.out,
        "hidden": of.hidden,
        "expansion": of.expansion,
        "field": of.field,
        "se": of.se,
    }
    return {name: column[:, None] for name, column in whole.items()} | parts
