"""The embedded ImageNet surrogate: top-1 and speed of MBConv networks, predicted in numpy.

Fitted by `nas/imagenet/fit.py` on Accel-NASBench (github.com/afzalxo/Accel-NASBench): networks
of EfficientNet-B0's skeleton, each trained once with a shortened recipe, so a predicted top-1 is
not the top-1 of the full recipe; see docs/surrogate.md.

Each column has a sparse Gaussian process ("DTC" in Quinonero-Candela and Rasmussen 2005) whose
kernel is constant + linear + squared exponential over the numbers of `surrogate_domain.Features`.
"""

import dataclasses
import functools
import importlib.resources
import io
import json
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from nas.imagenet.domain import Domain, Features, Floats
from nas.imagenet.exact import Exact
from results.runs.files import read_bytes
from search_spaces.architecture import Architecture
from search_spaces.errors import UserError, check_place

FORMAT = "compound-nas surrogate 1"
EMBEDDED = "imagenet_surrogate.npz"
UNITS = {"_latency_ms": "ms", "_images_per_s": "images/s"}  # suffix of a device column -> unit


class Ready(NamedTuple):
    """Of a column's inducing points: their weighted features, the squares of these, and `q`."""

    points: Exact
    squares: Floats
    q: Exact


@dataclass(frozen=True)
class Column:
    """One predicted column; arrays over inducing points.

    Attributes:
        rows: (m, stages) the inducing points.
        weights: Of the features, in both terms.
        gain: Variances of the constant, linear and squared exponential terms.
        alpha: (m,) weights of the mean.
        q: (v, v), what the data take off the prior variance, on the first v inducing points.
        ceiling: The process models -log(ceiling - value), or log(value) where it is None.
        shift, scale: Of the modelled value.
        noise: Variance of one training, in scaled units.
        stretch: Of the spread, from cross-validation.
    """

    rows: NDArray[np.int64]
    weights: Floats
    gain: Floats
    alpha: Floats
    q: Floats
    ceiling: float | None
    shift: float
    scale: float
    noise: float
    stretch: float

    def prepare(self, points: Floats) -> "Ready":
        """What `predict` needs of the inducing points' features, computed once."""
        weighted = points * self.weights
        return Ready(Exact(weighted.T), (weighted**2).sum(1), Exact(self.q, parts=2))

    def prior(self, weighted: Floats) -> Floats:
        """The kernel's diagonal."""
        return np.asarray(self.gain[0] + self.gain[1] * (weighted**2).sum(1) + self.gain[2])

    def predict(self, x: Floats, ready: "Ready") -> tuple[Floats, Floats]:
        """(mean, spread) in the column's unit, for standardized features x (n, features)."""
        x = x * self.weights
        product = ready.points(x)
        distance = (x**2).sum(1)[:, None] + ready.squares - 2 * product
        kernel = self.gain[0] + self.gain[1] * product + self.gain[2] * np.exp(-0.5 * distance)
        mean = (kernel * self.alpha).sum(1) * self.scale + self.shift
        some = kernel[:, : len(self.q)]
        variance = np.maximum(self.prior(x) - (ready.q(some) * some).sum(1), 0) + self.noise
        spread = np.sqrt(variance) * self.scale * self.stretch
        return self.value(mean), (self.value(mean + spread) - self.value(mean - spread)) / 2

    def value(self, modelled: Floats) -> Floats:
        """The inverse of `modelled`."""
        values = np.exp(modelled if self.ceiling is None else -modelled)
        return values if self.ceiling is None else np.asarray(self.ceiling - values)

    def modelled(self, value: Floats) -> Floats:
        """What the process models of a value."""
        return np.asarray(np.log(value) if self.ceiling is None else -np.log(self.ceiling - value))


class Surrogate:
    """Predictors of top-1 and of devices' columns over one Domain, with how they were made."""

    def __init__(
        self,
        domain: Domain,
        columns: dict[str, Column],
        centre: Floats,
        width: Floats,
        provenance: dict[str, Any],
    ) -> None:
        self.domain, self.columns, self.provenance = domain, columns, provenance
        self.centre, self.width = centre, width
        self.features = Features(domain)
        self._ready = {name: one.prepare(self._x(one.rows)) for name, one in columns.items()}

    def _x(self, rows: NDArray[np.int64]) -> Floats:
        return (self.features(rows) - self.centre) / self.width

    @property
    def devices(self) -> dict[str, str]:
        """Device columns and their units."""
        return {name: unit for name in self.columns if (unit := unit_of(name))}

    def predict_rows(self, rows: Any, column: str = "top1") -> tuple[Floats, Floats]:
        """(mean, spread) for positions (n, stages) in `domain.codes`."""
        rows = np.asarray(rows, np.int64).reshape(-1, len(self.domain.channels))
        return self.columns[column].predict(self._x(rows), self._ready[column])

    def predict(self, architectures: Iterable[Architecture]) -> tuple[Floats, Floats]:
        """Top-1 in percent, and its spread.

        Returns:
            Means and spreads, (n,) each; a spread is one standard deviation of the error against a
            new training.

        Raises:
            OutOfDomain: The table does not cover a network.
        """
        return self.predict_rows([self.domain.row(one) for one in architectures])

    def predict_one(self, architecture: Architecture) -> tuple[float, float]:
        """`predict` of one network, in about 0.1 ms.

        Raises:
            OutOfDomain: The table does not cover it.
        """
        mean, spread = self.predict_rows([self.domain.row(architecture)])
        return float(mean[0]), float(spread[0])

    def predict_device(
        self, architectures: Iterable[Architecture], column: str
    ) -> tuple[Floats, Floats]:
        """A device column in its unit, and its spread.

        Returns:
            Means and spreads, (n,) each.

        Raises:
            OutOfDomain: The table does not cover a network.
            UserError: There is no such column.
        """
        if column not in self.devices:
            known = ", ".join(self.devices) or "none, its table had no device columns"
            raise UserError(f"the surrogate has no column {column!r}: expected one of {known}")
        return self.predict_rows([self.domain.row(one) for one in architectures], column)

    def to_bytes(self) -> bytes:
        """The .npz file; equal surrogates give equal bytes."""
        arrays: dict[str, Any] = {"centre": self.centre, "width": self.width}
        meta: dict[str, Any] = {"format": FORMAT, "domain": dataclasses.asdict(self.domain)}
        meta |= {"provenance": self.provenance, "columns": {}}
        for name, one in self.columns.items():
            fields = {field.name: getattr(one, field.name) for field in dataclasses.fields(one)}
            fields["rows"] = one.rows.astype(np.uint16)
            fields["alpha"] = one.alpha.astype(np.float32)
            fields["q"] = one.q[np.tril_indices(len(one.q))].astype(np.float32)
            held = {key: value for key, value in fields.items() if isinstance(value, np.ndarray)}
            arrays |= {f"{name}.{key}": value for key, value in held.items()}
            meta["columns"][name] = {k: v for k, v in fields.items() if k not in held}
        arrays["meta"] = np.frombuffer(json.dumps(meta, sort_keys=True).encode(), np.uint8)
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
            for name in sorted(arrays):  # ZipInfo's default date keeps the bytes equal
                content = io.BytesIO()
                np.lib.format.write_array(content, np.ascontiguousarray(arrays[name]))
                entry = zipfile.ZipInfo(f"{name}.npy")
                archive.writestr(entry, content.getvalue(), zipfile.ZIP_DEFLATED)
        return out.getvalue()

    @classmethod
    def load(cls, path: str | Path | None = None) -> "Surrogate":
        """Reads a file of `nas/imagenet/fit.py`; without a path the embedded one.

        Raises:
            UserError: The file can't be read or is no surrogate.
        """
        if path is not None:
            check_place("path", path, "a file")
        try:
            if path is None:
                content = (
                    importlib.resources.files("nas.imagenet") / "data" / EMBEDDED
                ).read_bytes()
            else:
                content = read_bytes(Path(path))
        except OSError as error:
            raise UserError(f"can't read the surrogate {path or EMBEDDED}: {error}") from None
        try:
            return _read(content)
        except (ValueError, KeyError, TypeError, IndexError, EOFError, zipfile.BadZipFile) as error:
            raise UserError(
                f"{path or EMBEDDED} is no surrogate of this version ({error!r}): expected a file "
                "that `python -m nas.imagenet.fit` wrote"
            ) from None


def _read(content: bytes) -> Surrogate:
    """The inverse of `Surrogate.to_bytes`. Raises what numpy, zipfile and json raise."""
    with np.load(io.BytesIO(content), allow_pickle=False) as archive:
        arrays = {name: archive[name] for name in archive.files}
    meta = json.loads(arrays["meta"].tobytes())
    if meta["format"] != FORMAT:
        raise ValueError(f"its format is {meta['format']!r}, expected {FORMAT!r}")
    columns = {}
    for name, fields in meta["columns"].items():
        held = {key: arrays[f"{name}.{key}"] for key in ("rows", "weights", "gain", "alpha", "q")}
        held["rows"] = held["rows"].astype(np.int64)
        held["alpha"] = held["alpha"].astype(np.float64)
        packed = held["q"].astype(np.float64)
        size = (round((8 * len(packed) + 1) ** 0.5) - 1) // 2
        q = np.zeros((size, size))
        q[np.tril_indices(size)] = packed
        held["q"] = q + np.tril(q, -1).T
        columns[name] = Column(**held, **fields)
    domain = {key: _tuples(value) for key, value in meta["domain"].items()}
    return Surrogate(
        Domain(**domain), columns, arrays["centre"], arrays["width"], meta["provenance"]
    )


def _tuples(value: Any) -> Any:
    return tuple(_tuples(one) for one in value) if isinstance(value, list) else value


def unit_of(column: str) -> str | None:
    """The unit of a device column, None for another column."""
    return next((unit for suffix, unit in UNITS.items() if column.endswith(suffix)), None)


@functools.cache
def embedded() -> Surrogate:
    """The embedded surrogate, read once."""
    return Surrogate.load()


def encode(architecture: Architecture) -> tuple[tuple[float, ...], ...]:
    """(e, k, l, se) of each stage, se 1 for a ratio of 0.25, as in the embedded table's columns.

    Raises:
        OutOfDomain: In one sentence: what is outside, what is covered, what to use instead.
    """
    domain = embedded().domain
    return tuple(codes[n] for codes, n in zip(domain.codes, domain.row(architecture), strict=True))
