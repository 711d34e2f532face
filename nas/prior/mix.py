"""A mix of numbers known beforehand, whose weights are learned from what was measured since.

Bayesian linear regression with normal weights (Gelman et al. 2013, ch. 14), averaged over how wide
the weights' prior is (Hoeting et al. 1999). One of the widths is 0, that the numbers say nothing,
and it starts with half of the belief: numbers that explain nothing lose their say, and where they
are the wrong way round their weights are below 0.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Evidence = Callable[[float], float]
WIDTHS = (0.25, 0.5, 1.0)  # standard deviations of weights, in those of the targets
NOTHING = 0.5  # belief beforehand that the numbers say nothing
FEWEST = 3  # targets, below which nothing is learned
SHAPE, RATE = 1.0, 0.5  # of the inverse gamma of a noise that is not known


@dataclass(frozen=True)
class Mix:
    """A linear function of known numbers.

    Attributes:
        weights: (k,) of the numbers, per unit; 0 where nothing is learned.
        belief: Probability that they say anything at all, from 0 to 1.
    """

    weights: Floats
    belief: float

    @classmethod
    def of(cls, numbers: Floats, targets: Floats) -> "Mix":
        """What targets say of the numbers, as if what is left of each were noise of its own.

        Args:
            numbers: (n, k), of a spread of about 1.
            targets: (n,), of a spread of about 1.
        """
        if len(targets) < FEWEST:
            return cls(np.zeros(numbers.shape[1]), 1 - NOTHING)
        x, z = numbers - numbers.mean(0), targets - targets.mean()
        power, whole = SHAPE + (len(z) - 1) / 2, RATE + z @ z / 2  # the mean takes one
        return cls._averaged(x, z, lambda gain: -power * np.log1p(-gain / whole))

    @classmethod
    def white(cls, numbers: Floats, targets: Floats) -> "Mix":
        """What targets say, where what is left of them is known: independent, of variance 1.

        Args:
            numbers: (n, k), multiplied by the inverse root of the targets' covariance.
            targets: (n,), as well.
        """
        return cls._averaged(numbers, targets, lambda gain: gain)

    @classmethod
    def _averaged(cls, x: Floats, z: Floats, evidence: Evidence) -> "Mix":
        """The mean over widths; `evidence`: a log likelihood from half the squares explained."""
        values, vectors = np.linalg.eigh(x.T @ x)
        values, along = np.maximum(values, 0.0), vectors.T @ (x.T @ z)
        logs, weights = [np.log(NOTHING)], [np.zeros(x.shape[1])]
        for width in WIDTHS:
            shrunk = along / (values + width**-2)
            spent = 0.5 * np.log1p(width**2 * values).sum()
            told = evidence(0.5 * float(along @ shrunk))
            logs.append(np.log((1 - NOTHING) / len(WIDTHS)) - spent + told)
            weights.append(vectors @ shrunk)
        chances = np.exp(np.array(logs) - max(logs))
        chances /= chances.sum()
        return cls(np.asarray(chances @ np.array(weights)), float(1 - chances[0]))

    @property
    def trusted(self) -> bool:
        """Whether that the numbers say anything is no less probable than beforehand."""
        return self.belief >= 1 - NOTHING

    def worth(self) -> "Mix":
        """The same where it is trusted, else one that says nothing."""
        return self if self.trusted else Mix(np.zeros_like(self.weights), self.belief)

    def __call__(self, numbers: Floats) -> Floats:
        """What the mix adds (m,) to the targets of rows (m, k)."""
        return np.asarray(numbers @ self.weights)
