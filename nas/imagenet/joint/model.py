"""Top-1 of ImageNet networks of any width, depth and resolution, from many sources at once.

The mean of a few Gaussian processes that see a network in different features (`expert`), and on
EfficientNet-B0's skeleton one of its own (`skeleton`). What is predicted is the top-1 of one named,
full recipe; what is well known is the difference between two networks.
"""

import dataclasses
import io
import json
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from nas.imagenet.joint.domain import Ranges, faults, notes
from nas.imagenet.joint.expert import Expert
from nas.imagenet.joint.numbers import Floats, Numbers
from nas.imagenet.joint.skeleton import Skeleton

FORMAT = "compound-nas imagenet 1"


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


@dataclass(frozen=True)
class Joint:
    """The model of all evidence.

    Attributes:
        experts: Their mean counts.
        skeleton: What the table on one skeleton says.
        reference: Numbers of the network whose top-1 in the named recipe is known.
        level: Log error of the reference, minus the experts' mean.
        spread: See Spread.
        near: Inputs (of the first expert) of known networks, for `nearest`.
        known: (name, source, top1) of those.
        provenance: How it was made.
        ranges: Of the evidence.
    """

    experts: tuple[Expert, ...]
    skeleton: Skeleton | None
    reference: Numbers
    level: float
    spread: Spread
    near: Floats
    known: tuple[tuple[str, str, float], ...]
    provenance: dict[str, Any]
    ranges: Ranges | None = None

    def gains(self, of: Numbers) -> Floats:
        """(experts, n): -log(100 - top1) by each expert, up to one constant."""
        found = np.stack([one.mean(one.inputs(of)) for one in self.experts])
        if self.skeleton is not None:
            found += self.skeleton.instead(of, found.mean(0))
        return found

    def means(self, of: Numbers) -> Floats:
        """Top-1 in percent; the quick half of `predict`."""
        return np.asarray(100 - np.exp(self.level - self.gains(of).mean(0)))

    def predict(self, of: Numbers) -> tuple[Floats, Floats]:
        """Top-1 of the named recipe, and its spread.

        Returns:
            Both in percent, (n,); a spread is one standard deviation of the error against a
            training of this network.
        """
        gained, spread = self.difference(of, self.reference, trainings=1)
        return self.means(self.reference)[0] + gained, spread

    def difference(
        self, of: Numbers, reference: Numbers, trainings: int = 2
    ) -> tuple[Floats, Floats]:
        """Top-1 gained over one reference network, and its spread.

        Args:
            of: Numbers of the networks.
            reference: Numbers of the reference.
            trainings: How many single trainings the error is to be judged by: 2 where both networks
                are trained anew, 0 for the spread of the expected difference.

        Returns:
            Both in points of the named recipe, (n,). The spread grows with the distance from the
            evidence and from the reference.
        """
        gains, base = self.gains(of), self.gains(reference)
        mean = 100 - np.exp(self.level - gains.mean(0))
        least = 100 - np.exp(self.level - base.mean())
        apart = (gains - base).var(0)
        variance = self.spread.variance(self.posterior(of, reference), apart)
        error = 100 - (mean + least) / 2
        spread = np.sqrt(variance * error**2 + trainings * self.spread.training**2)
        return np.asarray(mean - least), np.asarray(spread)

    def posterior(self, of: Numbers, reference: Numbers) -> Floats:
        """The experts' mean posterior variance of the difference in log error."""
        found = [
            one.difference_variance(one.inputs(of), one.inputs(reference)) for one in self.experts
        ]
        return np.asarray(np.mean(found, axis=0))

    def nearest(self, of: Numbers, count: int = 3) -> tuple[Any, Floats]:
        """(positions (n, count) in `known`, distances): the networks known that are most alike.

        The distance is the prior standard deviation of the difference, in points at B0's error.
        """
        one = self.experts[0]
        x = one.inputs(of)
        prior = one.gain[0] * _squares(x * one.linear, self.near * one.linear)
        r = np.sqrt(3 * _squares(x * one.matern, self.near * one.matern))
        prior += 2 * one.gain[1] * (1 - (1 + r) * np.exp(-r))
        order = np.argsort(prior, axis=1)[:, :count]
        error = np.exp(self.level - self.gains(self.reference).mean())
        return order, error * np.sqrt(np.take_along_axis(prior, order, 1))

    def faults(self, of: Numbers) -> list[str]:
        """Why one network is refused; empty where it is not."""
        return [] if self.ranges is None else faults(of, self.ranges)

    def notes(self, of: Numbers) -> list[str]:
        """Where the evidence on one network is thin, in sentences."""
        return [] if self.ranges is None else notes(of, self.ranges)

    def to_bytes(self) -> bytes:
        """The .npz file; equal models give equal bytes."""
        arrays: dict[str, Any] = {"near": self.near.astype(np.float32)}
        for n, one in enumerate(self.experts):
            for name in ("centre", "width", "linear", "matern", "gain", "points", "alpha", "q"):
                arrays[f"expert{n}.{name}"] = _packed(name, getattr(one, name))
        if self.skeleton is not None:
            for name, value in self.skeleton.arrays().items():
                arrays[f"skeleton.{name}"] = _packed(name, value)
        if self.ranges is not None:
            arrays |= {f"ranges.{k}": v for k, v in self.ranges.__dict__.items()}
        for name, value in self.reference._asdict().items():
            arrays[f"reference.{name}"] = value
        meta = {"format": FORMAT, "names": [one.names for one in self.experts],
                "level": self.level, "spread": self.spread._asdict(), "known": self.known,
                "provenance": self.provenance}  # fmt: skip
        arrays["meta"] = np.frombuffer(json.dumps(meta, sort_keys=True).encode(), np.uint8)
        return _zipped(arrays)

    @classmethod
    def from_bytes(cls, content: bytes) -> "Joint":
        """The inverse of `to_bytes`; what numpy, zipfile and json raise is raised."""
        with np.load(io.BytesIO(content), allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
        meta = json.loads(arrays.pop("meta").tobytes())
        if meta["format"] != FORMAT:
            raise ValueError(f"its format is {meta['format']!r}, expected {FORMAT!r}")
        parts: dict[str, dict[str, Any]] = {}
        for name, value in arrays.items():
            owner, _, field = name.partition(".")
            wide = value.astype(np.float64) if value.dtype == np.float32 else value
            parts.setdefault(owner, {})[field] = _square(wide) if field == "q" else wide
        experts = tuple(
            Expert(tuple(names), **parts[f"expert{n}"]) for n, names in enumerate(meta["names"])
        )
        skeleton = Skeleton.of_arrays(parts["skeleton"]) if "skeleton" in parts else None
        known = tuple((name, source, top1) for name, source, top1 in meta["known"])
        return cls(experts, skeleton, Numbers(**parts["reference"]), meta["level"],
                   Spread(**meta["spread"]), parts["near"][""], known,
                   meta["provenance"],
                   Ranges(**parts["ranges"]) if "ranges" in parts else None)  # fmt: skip

    @classmethod
    def load(cls, path: str | Path) -> "Joint":
        """Read a file of `fit`."""
        return cls.from_bytes(Path(path).read_bytes())


def _squares(left: Floats, right: Floats) -> Floats:
    found = (left**2).sum(1)[:, None] + (right**2).sum(1) - 2 * left @ right.T
    return np.maximum(found, 0.0)


def _packed(name: str, value: Floats) -> Any:
    if name == "q":
        value = value[np.tril_indices(len(value))]
    return value.astype(np.float32) if name in ("points", "q") else value


def _square(packed: Floats) -> Floats:
    size = (round((8 * len(packed) + 1) ** 0.5) - 1) // 2
    q = np.zeros((size, size))
    q[np.tril_indices(size)] = packed
    return np.asarray(q + np.tril(q, -1).T)


def rounded(one: Expert) -> Expert:
    """The expert as a file gives it back."""
    points, q = one.points.astype(np.float32), one.q.astype(np.float32)
    return dataclasses.replace(one, points=points.astype(float), q=q.astype(float))


def _zipped(arrays: dict[str, Any]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in sorted(arrays):  # ZipInfo's default date keeps the bytes equal
            content = io.BytesIO()
            np.lib.format.write_array(content, np.ascontiguousarray(arrays[name]))
            archive.writestr(zipfile.ZipInfo(f"{name}.npy"), content.getvalue(),
                             zipfile.ZIP_DEFLATED)  # fmt: skip
    return out.getvalue()
