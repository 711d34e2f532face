"""The published-scaling prior: what published ImageNet results say of a scaled network.

An evaluator without data and without training. Its numbers are predictions of a small law
(`gridsearch.prior.law`), not measurements, and are to be shown with its leave-one-network-out
error.
"""

import math
from collections.abc import Sequence

import numpy as np

from gridsearch.prior.law import Check, Vector, effective, first_error, fitted, published
from nas.evaluators import Measurement
from search_spaces.architecture import Architecture
from search_spaces.errors import OutOfDomain
from search_spaces.networks import NETWORKS
from search_spaces.scaling.rules import rule_name

CLASSES = 1000

# Whose printed accuracy stands in for a baseline that has none in the table, by scaling rule.
_KIN = {
    "efficientnet": "efficientnet_b0",
    "lite": "efficientnet_b0",
    "mnasnet": "mnasnet_a1",
    "mobilenet_v1": "mobilenet_v1",
    "mobilenet_v2": "mobilenet_v2",
    "mobilenet_v3": "mobilenet_v2",
    "resnet": "resnet_50",
}


class ScalingPrior:
    """An evaluator of scaled versions of one baseline; budget and seed change nothing.

    Top-1 is the baseline's printed one plus the law's gain; the spread is the RMSE of the gains
    of networks that the law never saw. A baseline that is not in the table takes the printed
    accuracy of its `kin`: then only the gains mean something.

    Args:
        baseline: The network that is scaled.
        rule: Its scaling rule; None takes the network's own.

    Raises:
        OutOfDomain: The baseline is no ImageNet classifier.
    """

    def __init__(self, baseline: Architecture, rule: str | None = None) -> None:
        if baseline.classes != CLASSES:
            raise OutOfDomain(
                f"the published-scaling prior covers ImageNet's {CLASSES} classes, the baseline "
                f"has {baseline.classes}: train with --data DIR, or measure with --evaluator "
                "module:name"
            )
        self.baseline = baseline
        known = {row.network for row in published()}
        same = [name for name in known if NETWORKS[name] == baseline]
        self.known = bool(same)
        self.kin = same[0] if same else _KIN[rule_name(baseline, rule)]
        self.recipe = next(row.recipe for row in published() if row.network == self.kin)
        self._error = first_error(published(), self.recipe)
        self.law, self.held_out = fitted()

    def check(self, architecture: Architecture) -> None:
        """Refuses what is no scaled version of the baseline.

        Raises:
            OutOfDomain: The network has another number of stages.
        """
        self._logs(architecture)

    def _logs(self, architecture: Architecture) -> tuple[float, ...]:
        return tuple(math.log(value) for value in effective(self.baseline, architecture))

    def gain(self, architecture: Architecture) -> float:
        """Points of top-1 over the baseline.

        Raises:
            OutOfDomain: The network is no scaled version of it.
        """
        network = self.kin if self.known else None
        return self.law.gain(self._error, self._logs(architecture), network)

    def __call__(self, architecture: Architecture, budget: float, seed: int) -> Measurement:
        """Predicts top-1 and its spread.

        Raises:
            OutOfDomain: The network is no scaled version of the baseline.
        """
        top1 = 100 - self._error + self.gain(architecture)
        return Measurement(top1, 0.0 if architecture == self.baseline else self.held_out.gain)

    def predict(self, architectures: Sequence[Architecture]) -> tuple[Vector, Vector]:
        """Predicts many networks.

        Returns:
            (n,) top-1 in percent, and (n,) spreads in points.

        Raises:
            OutOfDomain: A network is no scaled version of the baseline.
        """
        predictions = [self(architecture, 1.0, 0) for architecture in architectures]
        means = [prediction.accuracy for prediction in predictions]
        spreads = [prediction.spread for prediction in predictions]
        return np.array(means, float), np.array(spreads, float)

    def difference_error(self, one: Architecture, two: Architecture) -> float:
        """The standard error of the predicted difference between two scaled networks, points.

        It grows with the distance of their multipliers: the law errs alike on near networks.
        """
        return self.held_out.difference * math.sqrt(math.dist(self._logs(one), self._logs(two)))

    @property
    def label(self) -> str:
        """A sentence or two, to be shown beside every number."""
        return label(self.held_out) + ("" if self.known else self._stand_in())

    def _stand_in(self) -> str:
        return (
            f" The baseline is not in the table: {self.kin}'s {100 - self._error:g} % stands in "
            "for its top-1, so only the gains mean something."
        )


def label(held_out: Check) -> str:
    """What the numbers are, and how wrong they were for networks that the law never saw."""
    return (
        "top-1 is a prior, not a measurement: a law fitted to published ImageNet results, whose "
        f"gains are off by {held_out.gain:.2f} points (RMSE) for networks left out of the fit "
        f"({held_out.n} results of 5 networks)."
    )
