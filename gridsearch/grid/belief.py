"""What is believed of scaled networks before and after some are measured.

-log(100 - top-1) of all networks is one Gaussian vector. Its mean is the prior's (the law, or
another model's predictions). Its covariance has what the law's fit leaves open, which is smooth in
log depth, log width and log resolution, a field around it (`gridsearch.prior.field`), and for each
network a part of its own. Measurements on other images may follow another law: its level is then
free and its parameters less sure. Measuring conditions the vector.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gridsearch.prior.field import HURST, ROUGH, covariance
from gridsearch.prior.prior import Expected, ScalingPrior
from nas.evaluators import Compares, Predicts
from search_spaces.architecture import Architecture

OWN = 0.004  # standard deviation of a network's own part, of log error
LEVEL = 2.0  # of the level, where measurements set it
# Where images and recipe are others: of log b/a, c/a; log p (3); t (2); log k; its slope.
ELSEWHERE = (0.5, 0.5, 0.3, 0.3, 0.3, 0.3, 0.3, 0.5, 0.0)
PAIRS = 40  # of networks whose differences tell how rough another model is
LEAST_ERROR = 0.05  # percent
USUAL, WORTH = 0.015, 2.0  # a training's deviation of log error, and how many degrees it counts

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Belief:
    """A Gaussian vector of -log(100 - top-1) over n networks.

    Attributes:
        mean: (n,).
        covariance: (n, n).
    """

    mean: Floats
    covariance: Floats

    @property
    def errors(self) -> Floats:
        """(n,) expected 100 - top-1, percent."""
        return np.asarray(np.exp(-self.mean))

    def given(self, at: Sequence[int], values: Floats, noise: Floats) -> "Belief":
        """The belief after some networks were measured.

        Args:
            at: Which networks, k of them.
            values: (k,) what was measured.
            noise: (k,) variances of what was measured.
        """
        if not len(at):
            return self
        crossed = self.covariance[:, list(at)]
        weights = np.linalg.solve(crossed[list(at)] + np.diag(noise), crossed.T).T
        mean = self.mean + weights @ (values - self.mean[list(at)])
        return Belief(mean, self.covariance - weights @ crossed.T)


def belief(expected: Expected, networks: Sequence[Architecture]) -> Belief:
    """What the law says of networks that will be measured: on any images, at any level."""
    logs, law = expected.logs(networks), expected.law
    known = law.jacobian(logs, expected.macs, expected.known)
    loose = known @ np.diag(np.square(ELSEWHERE)) @ known.T
    mean = expected.drop(logs) - math.log(30.0)
    return Belief(mean, expected.covariance(logs) + loose + LEVEL**2 + own_parts(networks))


def predicted(
    model: Predicts, expected: Expected, networks: Sequence[Architecture], roughness: float = ROUGH
) -> Belief:
    """What a model of accuracy says of networks, as it says it."""
    logs = expected.logs(networks)
    mean = -np.log(np.maximum(LEAST_ERROR, 100 - model.predict(networks)[0]))
    stated = (
        expected.covariance(logs)
        if isinstance(model, ScalingPrior)
        else covariance(logs, logs, roughness)
    )
    return Belief(mean, stated + own_parts(networks))


def own_parts(networks: Sequence[Architecture]) -> Floats:
    """(n, n) covariance of what each network has for itself."""
    place = {network: i for i, network in enumerate(dict.fromkeys(networks))}
    number = np.array([place[network] for network in networks])
    return np.asarray(OWN**2 * (number[:, None] == number[None]))


def roughness_of(
    model: Predicts, expected: Expected, pairs: Sequence[tuple[Architecture, Architecture]]
) -> float:
    """How rough the field around a model is, by the errors of differences that it states.

    Args:
        model: Of accuracy; ROUGH where it states none.
        expected: Knows the multipliers.
        pairs: Of networks of equal cost.
    """
    if not isinstance(model, Compares) or isinstance(model, ScalingPrior):
        return ROUGH
    found = []
    for one, two in pairs[:PAIRS]:
        logs = expected.logs([one, two])
        apart = float(np.linalg.norm(logs[0] - logs[1]))
        if apart > 0:
            error = 100 - float(model.predict([one])[0][0])
            found.append((model.difference_error(one, two) / error) ** 2 / apart ** (2 * HURST))
    return math.sqrt(float(np.median(found))) if found else ROUGH


def noise_of(values: Sequence[Sequence[float]], stated: Sequence[float | None]) -> float | None:
    """The standard deviation of one measurement, in log error.

    Pooled over the networks' replicates; drawn a little to what one training usually has, since a
    few replicates tell little.

    Args:
        values: Of each network -log(100 - top-1) of its replicates.
        stated: Of each measurement the deviation that the evaluator states, in log error.

    Returns:
        None where nothing was repeated and nothing is stated.
    """
    squares = sum((np.array(one) - np.mean(one)) @ (np.array(one) - np.mean(one)) for one in values)
    freedom = sum(len(one) - 1 for one in values)
    known = [one for one in stated if one is not None]
    if freedom:
        return math.sqrt((float(squares) + WORTH * USUAL**2) / (freedom + WORTH))
    return math.sqrt(float(np.mean(np.square(known)))) if known else None
