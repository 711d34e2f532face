"""Top-1 of ImageNet networks of any width, depth and resolution, from many sources at once.

The mean of a few Gaussian processes that see a network in different features (`expert`), and on
EfficientNet-B0's skeleton one of its own (`skeleton`). What is predicted is the top-1 of one named,
full recipe; what is well known is the difference between two networks.
"""

from dataclasses import dataclass, fields
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from nas.imagenet.joint import arrays as files
from nas.imagenet.joint.blocks import Floats
from nas.imagenet.joint.domain import Ranges
from nas.imagenet.joint.expert import Expert
from nas.imagenet.joint.features import groups
from nas.imagenet.joint.numbers import Numbers
from nas.imagenet.joint.skeleton import Skeleton

FORMAT = "compound-nas imagenet 1"
SINGLE = ("points", "q")  # what of an expert and of the skeleton a file holds in single precision
# How much more or less of a predicted difference a recipe's own trainings show: one standard
# deviation, as a share of it. Likeliest for families left out (`imagenet_families.py --data DIR`).
STRETCH = 0.1


class Spread(NamedTuple):
    """What makes the variance of a predicted difference, in log error.

    Attributes:
        posterior: Factor of the experts' posterior variance.
        doubt: Factor of the variance among the experts.
        training: Standard deviation of one training, in points.
    """

    posterior: float
    doubt: float
    training: float

    def variance(self, posterior: Floats, apart: Floats) -> Floats:
        """Of the expected difference."""
        return np.asarray(self.posterior * posterior + self.doubt * apart)


class Known(NamedTuple):
    """A result that is named beside predictions of like networks; top1 in percent."""

    name: str
    source: str
    top1: float


@dataclass(frozen=True)
class Joint:
    """The model.

    Attributes:
        experts: Their mean counts.
        skeleton: The process of B0's skeleton; None for the experts alone.
        reference: Numbers of the one network whose top-1 in the named recipe is known.
        level: Log error of the reference, plus the experts' mean there.
        spread: What spreads are made of.
        near: (k, d) inputs of the first expert at the networks of `known`.
        known: The results that `nearest` looks among.
        provenance: How the model was made.
        ranges: Of the evidence.
    """

    experts: tuple[Expert, ...]
    skeleton: Skeleton | None
    reference: Numbers
    level: float
    spread: Spread
    near: Floats
    known: tuple[Known, ...]
    provenance: dict[str, Any]
    ranges: Ranges

    def gains(self, of: Numbers) -> Floats:
        """(experts, n): -log(100 - top1) by each expert, up to one constant."""
        return self._gains(of, self._inputs(of))

    def means(self, of: Numbers) -> Floats:
        """Top-1 in percent; the quick half of `predict`."""
        return self._top1(self.gains(of).mean(0))

    def predict(self, of: Numbers) -> tuple[Floats, Floats]:
        """What networks would reach.

        Args:
            of: N networks.

        Returns:
            (n,) top-1 of the named recipe in percent, and (n,) spreads: one standard deviation of
            the error against a training of the network, in points.
        """
        mean, _, spread = self._compared(of, self.reference, trainings=1)
        return mean, spread

    def difference(
        self, of: Numbers, reference: Numbers, trainings: int = 2
    ) -> tuple[Floats, Floats]:
        """Differences to one network, in points of the named recipe.

        Args:
            of: N networks.
            reference: One network.
            trainings: How many single trainings the error is to be judged by: 2 where both
                networks are trained anew, 0 for the spread of the expected difference, without what
                a recipe makes of all differences alike (STRETCH).

        Returns:
            (n,) top-1 gained over the reference, and (n,) spreads, which grow with the distance
            from the evidence and from the reference.
        """
        mean, least, spread = self._compared(of, reference, trainings)
        return np.asarray(mean - least), spread

    def posterior(self, of: Numbers, reference: Numbers) -> Floats:
        """The experts' mean posterior variance (n,) of the difference in log error."""
        return self._posterior(self._inputs(of), self._inputs(reference))

    def nearest(self, of: Numbers, count: int = 3) -> tuple[NDArray[np.int64], Floats]:
        """The known networks that are most alike.

        Args:
            of: N networks.
            count: How many of `known`.

        Returns:
            (n, count) positions in `known`, and (n, count) distances: the prior standard deviation
            of the difference, in points at the reference's error.
        """
        expert = self.experts[0]
        variance = expert.prior_variance(expert.inputs(groups(of)), self.near)
        order = np.argsort(variance, axis=1)[:, :count]
        error = 100 - self.means(self.reference)[0]
        return order, error * np.sqrt(np.take_along_axis(variance, order, 1))

    def _compared(
        self, of: Numbers, reference: Numbers, trainings: int
    ) -> tuple[Floats, Floats, Floats]:
        """Top-1 (n,), the reference's (1,), and spreads (n,) as of `difference`."""
        inputs, base_inputs = self._inputs(of), self._inputs(reference)
        parts = zip(self.experts, inputs, base_inputs, strict=True)
        means, variances = zip(*(one.compared(x, base) for one, x, base in parts), strict=True)
        gains, base = self._instead(of, np.stack(means)), self._gains(reference, base_inputs)
        mean, least = self._top1(gains.mean(0)), self._top1(base.mean(0))
        posterior = np.asarray(np.mean(variances, axis=0))
        apart = gains - base
        variance = self.spread.variance(posterior, apart.var(0))
        if trainings:
            variance = variance + (STRETCH * apart.mean(0)) ** 2
        error = 100 - (mean + least) / 2
        return mean, least, np.sqrt(variance * error**2 + trainings * self.spread.training**2)

    def _inputs(self, of: Numbers) -> list[Floats]:
        """Of each expert."""
        features = groups(of)
        return [expert.inputs(features) for expert in self.experts]

    def _gains(self, of: Numbers, inputs: list[Floats]) -> Floats:
        return self._instead(of, self._said(inputs))

    def _said(self, inputs: list[Floats]) -> Floats:
        """The experts' means (experts, n)."""
        pairs = zip(self.experts, inputs, strict=True)
        return np.stack([one.mean(x) for one, x in pairs])

    def _instead(self, of: Numbers, means: Floats) -> Floats:
        """The experts' means, or the skeleton's process where it is near."""
        if self.skeleton is None:
            return means
        return np.asarray(means + self.skeleton.instead(of, self._mean, means.mean(0)))

    def _mean(self, of: Numbers) -> Floats:
        """The experts' mean (n,)."""
        return np.asarray(self._said(self._inputs(of)).mean(0))

    def _posterior(self, inputs: list[Floats], base: list[Floats]) -> Floats:
        parts = zip(self.experts, inputs, base, strict=True)
        variances = [expert.difference_variance(x, reference) for expert, x, reference in parts]
        return np.asarray(np.mean(variances, axis=0))

    def _top1(self, gain: Floats) -> Floats:
        return np.asarray(100 - np.exp(self.level - gain))

    def to_bytes(self) -> bytes:
        """The .npz file; equal models give equal bytes."""
        arrays: files.Arrays = {"near": self.near.astype(np.float32)}
        for n, expert in enumerate(self.experts):
            arrays |= _packed(f"expert{n}", {**_arrays_of(expert), "q": files.lower(expert.q)})
        if self.skeleton is not None:
            arrays |= _packed("skeleton", _arrays_of(self.skeleton))
        arrays |= _packed("ranges", _arrays_of(self.ranges))
        arrays |= _packed("reference", self.reference._asdict())
        meta = {
            "format": FORMAT, "names": [expert.names for expert in self.experts],
            "level": self.level, "spread": self.spread._asdict(), "known": self.known,
            "provenance": self.provenance,
        }  # fmt: skip
        return files.to_bytes(arrays, meta)

    @classmethod
    def from_bytes(cls, content: bytes) -> "Joint":
        """The inverse of `to_bytes`. Raises what numpy, zipfile and json raise."""
        arrays, meta = files.from_bytes(content)
        if meta["format"] != FORMAT:
            raise ValueError(f"its format is {meta['format']!r}, expected {FORMAT!r}")
        parts: dict[str, dict[str, Any]] = {}
        for name, array in arrays.items():
            owner, _, field = name.partition(".")
            parts.setdefault(owner, {})[field] = files.symmetric(array) if field == "q" else array
        return cls(
            tuple(
                Expert(tuple(names), **parts[f"expert{n}"]) for n, names in enumerate(meta["names"])
            ),
            Skeleton(**parts["skeleton"]) if "skeleton" in parts else None,
            Numbers(**parts["reference"]),
            float(meta["level"]),
            Spread(**meta["spread"]),
            parts["near"][""],
            tuple(Known(*known) for known in meta["known"]),
            meta["provenance"],
            Ranges(**parts["ranges"]),
        )


def _arrays_of(part: Expert | Skeleton | Ranges) -> files.Arrays:
    """The arrays among the fields of a part."""
    values = {field.name: getattr(part, field.name) for field in fields(part)}
    return {name: value for name, value in values.items() if isinstance(value, np.ndarray)}


def _packed(owner: str, arrays: files.Arrays) -> files.Arrays:
    """A part's arrays as a file has them."""
    return {
        f"{owner}.{name}": array.astype(np.float32) if name in SINGLE else array
        for name, array in arrays.items()
    }
