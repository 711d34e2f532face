"""The times of blocks that were not measured, from the shapes of those that were.

A Gaussian process on the logarithm of the time (`nas/imagenet/process.py`), over logarithms of what
the block does: multiply-adds of dense, depthwise and squeeze-and-excitation layers, elements read
and written, weights, kernel, pixels and channels. It only interpolates.
"""

import functools
import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from nas.devices.blocks import Keyed, parse
from nas.imagenet.process import Floats, Process, fit
from search_spaces.cost import layer_cost

FEATURES, LINEAR = 10, ", linear "
FEWEST = 24  # blocks that must be measured before a model is fitted at all
ALIKE = 3  # measured blocks with the same kinds of layers that an estimate needs
BEYOND = 1.25  # factor by which a feature may lie outside of the measured range
KERNEL_ROWS = 200  # blocks that the kernel's parameters are fitted to
ROWS = 1000  # blocks at most that the model holds; three times as many were no more exact


def layers_of(keyed: Keyed) -> tuple[str, ...]:
    """What kinds of layers a block has, without their sizes."""
    block, activation = keyed
    kinds = ["dw" if layer.groups > 1 else layer.kind for layer in block.layers]
    joined = [] if not block.residual else ["input" if block.shortcut is None else "side"]
    return (*kinds, *joined, activation or "")


@functools.lru_cache(maxsize=1 << 15)
def features(key: str) -> Floats:
    """What a block does, as a model sees it.

    Returns:
        (FEATURES,) logarithms; 0 where the block has no layer of the kind.
    """
    block, dense, depthwise, squeeze, read, written, weights = parse(key).block, 0, 0, 0, 0, 0, 0
    for layer in block.layers:
        macs, params, *_ = layer_cost(layer)
        weights, read, written = (
            weights + params,
            read + layer.elements_in,
            written + layer.elements_out,
        )
        if layer.kind == "se":
            squeeze += macs
        elif layer.groups > 1:
            depthwise += macs
        else:
            dense += macs
    first, last = block.path[0], block.path[-1]
    kernel = max(layer.kernel for layer in block.path)
    return np.log1p(
        [dense, depthwise, squeeze, read, written, weights, kernel, math.sqrt(first.size_in.area),
         first.elements_in, last.out_channels]
    )  # fmt: skip


class Reach:
    """The blocks that can be estimated from those that were added.

    ALIKE blocks of the same kinds of layers must be among them, and no feature may lie further
    outside of their range than BEYOND.

    Args:
        keys: Of the first measured blocks.
    """

    def __init__(self, keys: Iterable[str] = ()) -> None:
        self._met = Counter[tuple[str, ...]]()
        self._low, self._high = np.full((2, FEATURES), [[np.inf], [-np.inf]])
        self.add(keys)

    def add(self, keys: Iterable[str]) -> None:
        """Adds measured blocks by their keys."""
        for key in keys:
            x = features(key)
            self._met[layers_of(parse(key))] += 1
            self._low, self._high = np.minimum(self._low, x), np.maximum(self._high, x)

    def __contains__(self, key: str) -> bool:
        x, edge = features(key), np.log(BEYOND)
        within = (self._low - edge <= x) & (x <= self._high + edge)
        return self._met[layers_of(parse(key))] >= ALIKE and bool(within.all())


@dataclass(frozen=True)
class Estimate:
    """A fitted model of the times of blocks: key -> (ms, one standard deviation), or None.

    Attributes:
        process: The Gaussian process of standardised features.
        solved: (n,) the inverse kernel matrix times the standardised targets.
        shift: (FEATURES,) the means that features are standardised with.
        scale: (FEATURES,) the standard deviations.
        mean: Of the logarithms of ms.
        width: Their standard deviation.
        reach: The blocks that it can estimate.
        errors: (n,) relative errors on the blocks that it holds, each left out in turn.
    """

    process: Process
    solved: Floats
    shift: Floats
    scale: Floats
    mean: float
    width: float
    reach: Reach
    errors: Floats

    def __call__(self, key: str) -> tuple[float, float] | None:
        """The ms of a block, and one standard deviation in ms; None where it can't be estimated."""
        if key not in self.reach:
            return None
        process, point = self.process, (features(key) - self.shift) / self.scale
        across = process.kernel((point * process.kernel.weights)[None], process.points)
        ms = float(np.exp(self.mean + self.width * (across[0] @ self.solved)))
        return ms, ms * self.spread

    @property
    def median_error(self) -> float:
        """The median of the absolute relative errors."""
        return float(np.median(np.abs(self.errors)))

    @property
    def spread(self) -> float:
        """One standard deviation of the relative error, from the median: outliers don't count."""
        return 1.4826 * self.median_error


def fit_estimate(times: Mapping[str, float]) -> Estimate | None:
    """Fits a model to measured times in ms by key; None where there are fewer than FEWEST."""
    if len(times) < FEWEST:
        return None
    x, y = np.stack([features(key) for key in times]), np.log(list(times.values()))
    shift, scale = x.mean(0), np.maximum(x.std(0), 1e-6)
    mean, width = float(y.mean()), max(float(y.std()), 1e-6)
    points, targets = (x - shift) / scale, (y - mean) / width
    order = np.random.default_rng(0).permutation(len(y))
    some, held = order[:KERNEL_ROWS], order[:ROWS]
    process = Process(fit(points[some], targets[some]), points[held])
    solved = process.solve(targets[held])
    # The error of each row when it is left out: Rasmussen and Williams 2006, eq. 5.12.
    left_out = solved / np.diag(process.solve(np.eye(len(held))))
    return Estimate(
        process, solved, shift, scale, mean, width, Reach(times), np.expm1(width * left_out)
    )


def of_other_classes(measured: Mapping[str, float], key: str) -> tuple[float, float] | None:
    """A head's time, from one that was measured with another number of classes.

    It goes by the block's multiply-adds, of which the last layer is a small part.

    Args:
        measured: ms by key.
        key: Of a block.

    Returns:
        ms, and as one standard deviation what the other number changes; None where no block but
        for the classes like it was measured.
    """
    before, linear, _ = key.rpartition(LINEAR)
    alike = [other for other in measured if linear and other.rpartition(LINEAR)[0] == before]
    if not alike:
        return None
    wanted = _macs(key)
    nearest = min(alike, key=lambda other: abs(_macs(other) - wanted))
    ms = measured[nearest] * wanted / _macs(nearest)
    return ms, abs(ms - measured[nearest])


def _macs(key: str) -> int:
    return sum(layer_cost(layer).macs for layer in parse(key).block.layers)
