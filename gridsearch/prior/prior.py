"""The published-scaling prior: what published ImageNet results say of a scaled network.

An evaluator without data and without training. Its numbers are predictions of a small law
(`gridsearch.prior.law`), not measurements, and are to be shown with its leave-one-network-out
error. Every spread is one standard deviation.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from gridsearch.prior.field import covariance, variogram
from gridsearch.prior.first import first
from gridsearch.prior.heldout import DIMENSIONS, PRINTED, Check, checked
from gridsearch.prior.law import Law, Vector, fitted
from gridsearch.prior.printed import effective, fitted_rows, published
from nas.evaluators import Measurement
from search_spaces.architecture import Architecture
from search_spaces.cost import cost
from search_spaces.errors import OutOfDomain, check_is
from search_spaces.networks import NETWORKS

CLASSES = 1000
CHANCE = 100 * (1 - 1 / CLASSES)  # the error of a guess, percent
BEYOND = 1.5  # how far past the fitted rows' largest and smallest nothing is said


@dataclass(frozen=True)
class Expected:
    """What the law says of the scaled versions of a baseline, whatever its own accuracy is.

    Attributes:
        baseline: The network that is scaled.
        law: The law.
        known: The baseline's name where it is in the table.
    """

    baseline: Architecture
    law: Law
    known: str | None = None

    @classmethod
    def of(cls, baseline: Architecture, law: Law | None = None) -> "Expected":
        """By the law on all rows, or another."""
        known = {row.network for row in published()}
        same = [name for name in known if NETWORKS[name] == baseline]
        return cls(baseline, law or fitted(), same[0] if same else None)

    def logs(self, networks: Sequence[Architecture]) -> Vector:
        """(n, 3) logs of the multipliers that the networks really have.

        Raises:
            OutOfDomain: A network is no scaled version of the baseline.
        """
        found = [[math.log(value) for value in effective(self.baseline, one)] for one in networks]
        return np.array(found, float).reshape(-1, 3)

    @property
    def macs(self) -> int:
        """The baseline's."""
        return cost(self.baseline).macs

    def drop(self, logs: Vector) -> Vector:
        """(n,) how much the logarithm of the error falls."""
        return self.law.drop(logs, self.macs, self.known)

    def covariance(self, logs: Vector) -> Vector:
        """(n, n) of `drop`: what the fit leaves open, and the field around the law."""
        known = self.law.jacobian(logs, self.macs, self.known)
        return np.asarray(known @ self.law.covariance @ known.T + covariance(logs, logs))

    def variances(self, logs: Vector) -> Vector:
        """(n,) of `drop`: the diagonal of `covariance`."""
        known = self.law.jacobian(logs, self.macs, self.known)
        field = variogram(logs, np.zeros((1, 3)))[:, 0]
        return np.asarray(np.sum(known @ self.law.covariance * known, axis=1) + field)


class ScalingPrior:
    """An evaluator of scaled versions of one baseline; budget and seed change nothing.

    Top-1 is the baseline's printed one plus the law's gain; the spread is that of the gain against
    trainings of both, and grows with the step. A baseline that is not in the table takes what the
    ImageNet model predicts of it, as `nas predict` says it; one that this doesn't cover takes the
    printed accuracy of its kin: then only the gains mean something.

    Args:
        baseline: The network that is scaled.
        rule: Its scaling rule; None takes the network's own.
        law: None for the one on all rows.

    Raises:
        OutOfDomain: The baseline is no ImageNet classifier.
    """

    def __init__(
        self, baseline: Architecture, rule: str | None = None, law: Law | None = None
    ) -> None:
        check_is("baseline", baseline, Architecture, "an Architecture")
        check_is("law", law, (Law, type(None)), "a Law")
        if baseline.classes != CLASSES:
            raise OutOfDomain(
                f"the published-scaling prior covers ImageNet's {CLASSES} classes, the baseline "
                f"has {baseline.classes}: train with --data DIR, or measure with --evaluator "
                "module:name"
            )
        self.baseline, self.expected = baseline, Expected.of(baseline, law)
        self.first = first(baseline, self.expected.known, rule)

    @property
    def error(self) -> float:
        """The baseline's own, 100 - top-1."""
        return self.first.error

    @property
    def held_out(self) -> Check:
        """How wrong the law was for networks that it had not seen."""
        return checked()

    def check(self, architecture: Architecture) -> None:
        """Refuses what is no scaled version of the baseline.

        Raises:
            OutOfDomain: The network has another number of stages.
        """
        effective(self.baseline, architecture)

    def gain(self, architecture: Architecture) -> float:
        """Points of top-1 over the baseline.

        Raises:
            OutOfDomain: The network is no scaled version of it.
        """
        return float(self.predict([architecture])[0][0]) - (100 - self.error)

    def __call__(self, architecture: Architecture, budget: float, seed: int) -> Measurement:
        """Predicts top-1 and its spread.

        Raises:
            OutOfDomain: The network is no scaled version of the baseline.
        """
        mean, spread = self.predict([architecture])
        return Measurement(float(mean[0]), float(spread[0]))

    def predict(self, architectures: Sequence[Architecture]) -> tuple[Vector, Vector]:
        """Predicts many networks.

        Returns:
            (n,) top-1 in percent, and (n,) spreads in points.

        Raises:
            OutOfDomain: A network is no scaled version of the baseline.
        """
        logs = self.expected.logs(architectures)
        errors = np.minimum(CHANCE, self.error * np.exp(-self.expected.drop(logs)))
        own = self.expected.variances(logs)
        trainings = PRINTED**2 * (1 + (errors / self.error) ** 2)
        spreads = np.sqrt(errors**2 * own + trainings)
        return 100 - errors, np.where(np.any(logs != 0, axis=1), spreads, 0.0)

    def difference_error(self, one: Architecture, two: Architecture) -> float:
        """One standard deviation of the difference between two networks, points.

        It grows with the distance of their multipliers: the law errs alike on near networks.
        """
        logs = self.expected.logs([one, two])
        errors = self.error * np.exp(-self.expected.drop(logs))
        law = self.expected.law
        known = law.jacobian(logs, self.expected.macs, self.expected.known) * errors[:, None]
        apart = known[0] - known[1]
        field = variogram(logs[:1], logs[1:])[0, 0] * errors.mean() ** 2
        return math.sqrt(float(apart @ law.covariance @ apart) + float(field))

    def notes(self, architecture: Architecture) -> list[str]:
        """Where the network lies outside what the law was fitted to.

        Raises:
            OutOfDomain: The network is no scaled version of the baseline.
        """
        return list(self._outside(architecture))

    def _outside(self, architecture: Architecture) -> Iterator[str]:
        rows = fitted_rows()
        ratio = cost(architecture).macs / self.expected.macs
        values = [("MACs", ratio, [row.ratio for row in rows])]
        for i, name in enumerate(DIMENSIONS):
            known = [math.exp(row.logs[i]) for row in rows]
            values.append((name, effective(self.baseline, architecture)[i], known))
        for name, value, known in values:  # really reached, which is not what was multiplied by
            low, high = min(known), max(known)
            # Of depth below 1 nothing is fitted; TinyNets, down to 0.6, are predicted well.
            low = 0.6 if name == "depth" else low
            if not low / 1.1 <= value <= high * BEYOND:
                yield (
                    f"{value:.3g} times the baseline's {name}, after rounding, is outside what the "
                    f"law was fitted to ({low:.2g} to {high:.3g})"
                )
        plain = max(math.exp(row.logs[0]) for row in rows if _plain(row.architecture))
        if _plain(architecture) and architecture.blocks > 1.1 * plain * self.baseline.blocks:
            yield (
                "it has no shortcuts, and is deeper than any such network that the law was fitted "
                f"to ({plain:.2g} times its baseline's depth): without shortcuts depth gains less, "
                "or loses"
            )

    def printed(self, architecture: Architecture) -> float | None:
        """Top-1 of this very network in the table that the baseline's own is from, percent.

        None where it is not in it, or where the baseline is in none.

        Raises:
            OutOfDomain: The network is no scaled version of the baseline.
        """
        if self.expected.known is None:
            return None
        ratio = cost(architecture).macs / self.expected.macs
        wanted = *self.expected.logs([architecture])[0], ratio
        return next(
            (
                row.top1
                for row in published()
                if row.recipe == self.first.recipe and np.allclose((*row.logs, row.ratio), wanted)
            ),
            None,
        )

    @property
    def label(self) -> str:
        """A sentence or two, to be shown beside every number."""
        return label([self])


def _plain(architecture: Architecture) -> bool:
    """Whether no block of a network has a shortcut though it might have one."""
    return all(stage.skip == "none" for stage in architecture.stages if stage.repeats > 1)


def label(priors: Sequence[ScalingPrior]) -> str:
    """What the numbers are, how wrong of networks that the law never saw, and where they start.

    Args:
        priors: One for each baseline, one at least.
    """
    held_out, several = priors[0].held_out, len(priors) > 1
    names = [prior.baseline.name or prior.baseline.id for prior in priors]
    starts = [
        prior.first.said(name if several else prior.baseline.name)
        for prior, name in zip(priors, names, strict=True)
    ]
    return " ".join((
        "Top-1 is a prior, not a measurement: it comes from a law fitted to published ImageNet "
        "results. For networks left out of the fit its gains were off by "
        f"{held_out.above:.1f} points (RMSE) above the baseline's size, and by "
        f"{held_out.below:.1f} below it ({held_out.n} results of {held_out.networks} networks). ± "
        "is one standard deviation.",
        *starts,
    ))  # fmt: skip
