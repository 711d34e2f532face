"""Fit a surrogate on a table of trained networks: `python -m nas.imagenet.fit TABLE.csv --out F`.

The table has columns block{0,1,..}_{e,k,l,se} and top1 (percent), and optionally devices' columns
`*_latency_ms` and `*_images_per_s`, whose cells may be empty. Deterministic for a seed.
"""

import argparse
import dataclasses
import functools
import hashlib
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from nas.imagenet.domain import Domain, Features, Floats
from nas.imagenet.evidence.pivots import pivots
from nas.imagenet.joint.skeleton import covariance
from nas.imagenet.model import Column, Surrogate, unit_of
from nas.imagenet.table import (
    B0_CHANNELS,
    B0_STRIDES,
    FEWEST,
    check_table,
    domain_of,
    half,
    numbers,
    read_table,
    rows_of,
)
from search_spaces.errors import UserError, said

FOLDS = 5
KERNEL_ROWS = 900  # at most half of the rows set the kernel's weights; spreads are tuned on others
STEPS, RATE = 40, 0.08  # of Adam; stopping early was as accurate as 80 steps, and better calibrated
GAP = 0.25  # the ceiling of top-1 lies this share of the table's range above its best
JITTER = 1e-6
Rows = NDArray[np.int64]


class Sizes(NamedTuple):
    """Inducing points of the mean and of the spread (their square is what the file holds)."""

    mean: int
    spread: int


TOP1_SIZES, DEVICE_SIZES = Sizes(1024, 256), Sizes(768, 64)


def fit(
    frame: Any,
    seed: int = 0,
    domain: Domain | None = None,
    columns: Sequence[str] | None = None,
    origin: dict[str, Any] | None = None,
) -> Surrogate:
    """Fits top-1 and the devices' columns of a table.

    Args:
        frame: That `check_table` passed.
        seed: Of everything random.
        domain: None takes the table's choices on B0's skeleton.
        columns: Only these; None takes all.
        origin: What the provenance tells besides rows, seed and errors.

    Raises:
        UserError: The table can't be fitted.
    """
    domain = domain or domain_of(frame)
    names = ["top1", *filter(unit_of, map(str, frame.columns))] if columns is None else columns
    rows = rows_of(frame, domain)
    features = Features(domain)(rows)
    centre, width = features.mean(0), features.std(0)
    width[width < 1e-9] = 1.0
    x = (features - centre) / width
    fitted, errors = {}, {}
    for name in names:
        values = numbers(frame, name)
        known = np.isfinite(values)
        if known.sum() < FEWEST:
            raise UserError(f"column {name!r} has {known.sum()} values: expected {FEWEST} or more")
        data = (rows[known], x[known], values[known])
        fitted[name], errors[name] = fit_column(*data, unit_of(name) is not None, seed)
    provenance = {**(origin or {}), "rows": len(frame), "seed": seed, "errors": errors}
    return Surrogate(domain, fitted, centre, width, provenance)


def fit_column(
    rows: Rows, x: Floats, values: Floats, device: bool, seed: int
) -> tuple[Column, dict[str, float]]:
    """The Column, and its errors in cross-validation on rows that did not set the kernel."""
    sizes, blank = DEVICE_SIZES if device else TOP1_SIZES, _blank(values, device)
    z = (blank.modelled(values) - blank.shift) / blank.scale
    order = np.random.default_rng(seed).permutation(len(z))
    count = min(KERNEL_ROWS, len(z) // 2)
    weights, gain, noise = kernel_of(x[order[:count]], z[order[:count]])
    blank = dataclasses.replace(blank, weights=weights, gain=gain, noise=noise)
    error, spread = [], []
    for fold in np.array_split(order[count:], FOLDS):
        rest = np.setdiff1d(order, fold)
        column, at = project(blank, rows[rest], x[rest], z[rest], sizes)
        mean, one = column.predict(x[fold], column.prepare(at))
        error.append(values[fold] - mean)
        spread.append(one)
    errors, spreads = np.concatenate(error), np.concatenate(spread)
    stretch = float(np.sqrt(np.mean((errors / spreads) ** 2)))
    column, _ = project(dataclasses.replace(blank, stretch=stretch), rows, x, z, sizes)
    return column, quality(errors, spreads * stretch, values[order[count:]])


def quality(errors: Floats, spreads: Floats, values: Floats) -> dict[str, float]:
    """How good predictions are.

    Returns:
        RMSE in the column's unit, R2, Kendall's tau, the median of the relative error, and how
        often the error is within 1 and 2 spreads.
    """
    from scipy.stats import kendalltau

    ratio = np.abs(errors) / spreads
    numbers = {
        "tau": kendalltau(values, values - errors).statistic,
        "median_error": np.median(np.abs(errors) / np.abs(values)),
        "rmse": np.sqrt(np.mean(errors**2)),
        "r2": 1 - np.mean(errors**2) / max(float(np.var(values)), 1e-12),
        "within_1_spread": np.mean(ratio < 1),
        "within_2_spreads": np.mean(ratio < 2),
    }
    rounded = {name: round(float(value), 4) for name, value in numbers.items()}
    return {**rounded, "networks": len(values)}


def _blank(values: Floats, device: bool) -> Column:
    """A Column without a process: what it models, and the scale of that."""
    top, low = float(values.max()), float(values.min())
    ceiling = None if device else top + GAP * max(top - low, 1e-3)
    none = np.zeros(0)
    blank = Column(np.zeros((0, 0), np.int64), none, none, none, none, ceiling, 0.0, 1.0, 0.0, 1.0)
    modelled = blank.modelled(values)
    return dataclasses.replace(
        blank, shift=float(modelled.mean()), scale=max(float(modelled.std()), 1e-9)
    )


def kernel_of(x: Floats, z: Floats) -> tuple[Floats, Floats, float]:
    """Adam on the marginal likelihood, stopped early.

    Args:
        x: (n, d) standardized features.
        z: (n,) standardized targets.

    Returns:
        (d,) weights of the features, (3,) variances of the kernel's terms, variance of the noise.
    """
    import torch

    points, target = torch.from_numpy(x), torch.from_numpy(z)
    logs = torch.full((x.shape[1],), -1.5, dtype=torch.float64).requires_grad_()
    others = torch.tensor([0.0, 0.0, 0.0, -4.0], dtype=torch.float64).requires_grad_()
    adam = torch.optim.Adam([logs, others], lr=RATE)
    eye = torch.eye(len(x), dtype=torch.float64)
    for _ in range(STEPS):
        weighted, (*gain, noise) = points * logs.exp(), others.exp()
        kernel = covariance(weighted, weighted, gain, torch.exp) + (noise + JITTER) * eye
        factor = torch.linalg.cholesky(kernel)
        solved = torch.cholesky_solve(target[:, None], factor)[:, 0]
        loss = 0.5 * target @ solved + factor.diagonal().log().sum()
        adam.zero_grad()
        loss.backward()
        adam.step()
    *gain, noise = others.detach().exp().tolist()
    return logs.detach().exp().numpy(), np.array(gain), noise


def project(blank: Column, rows: Rows, x: Floats, z: Floats, sizes: Sizes) -> tuple[Column, Floats]:
    """The Column of a kernel and data, and its inducing points' features (they are rows)."""
    kernel = functools.partial(covariance, gain=blank.gain)
    at, x = x, x * blank.weights
    chosen = pivots(blank.prior(x), lambda at: kernel(x[[at]], x)[0], sizes.mean)
    cross = kernel(x[chosen], x)
    prior = kernel(x[chosen], x[chosen]) + JITTER * np.eye(len(chosen))
    alpha = np.linalg.solve(prior + cross @ cross.T / blank.noise, cross @ z / blank.noise)
    n = min(sizes.spread, len(chosen))
    inner, some, eye = prior[:n, :n], cross[:n], np.eye(n)
    q = np.linalg.solve(inner, eye) - np.linalg.solve(inner + some @ some.T / blank.noise, eye)
    column = dataclasses.replace(blank, rows=rows[chosen], alpha=alpha, q=(q + q.T) / 2)
    return column, at[chosen]


def write(surrogate: Surrogate, path: str | Path) -> None:
    """Writes the file whole or not at all.

    Raises:
        UserError: It can't be written.
    """
    path = Path(path)
    try:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(surrogate.to_bytes())
            os.chmod(name, 0o644)
            os.replace(name, path)
        except BaseException:
            os.unlink(name)
            raise
    except OSError as error:
        raise UserError(f"can't write {path}: {said(error)}") from None


def _parser() -> argparse.ArgumentParser:
    def whole(text: str) -> tuple[int, ...]:
        return tuple(int(one) for one in text.split(","))

    parser = argparse.ArgumentParser(prog="python -m nas.imagenet.fit", description=__doc__)
    parser.add_argument("table", help="CSV file")
    parser.add_argument("--out", required=True, help=".npz file to write")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--rows", choices=("all", "half0", "half1"), default="all")
    parser.add_argument("--channels", type=whole, default=B0_CHANNELS, help="16,24,..")
    parser.add_argument("--strides", type=whole, default=B0_STRIDES, help="1,2,..")
    parser.add_argument("--stem", type=int, default=32)
    parser.add_argument("--head", type=int, default=1280)
    parser.add_argument("--resolution", type=int, default=224)
    parser.add_argument("--classes", type=int, default=1000)
    parser.add_argument("--se-ratio", type=float, default=0.25, help="of the block's input")
    parser.add_argument("--source", default="", help="kept in the file's provenance")
    parser.add_argument("--licence", default="", help="kept in the file's provenance")
    parser.add_argument("--date", default="", help="kept in the file's provenance")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """The command. Returns the exit code."""
    args = _parser().parse_args(arguments)
    names = ("channels", "strides", "stem", "head", "resolution", "classes", "se_ratio")
    try:
        frame = half(read_table(args.table), args.rows, args.seed)
        check_table(frame)
        origin = {name: getattr(args, name) for name in ("source", "licence", "date")}
        origin |= {"sha256": hashlib.sha256(Path(args.table).read_bytes()).hexdigest()}
        domain = domain_of(frame, **{name: getattr(args, name) for name in names})
        surrogate = fit(frame, args.seed, domain, origin={**origin, "part": args.rows})
        write(surrogate, args.out)
    except UserError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    for name, metrics in surrogate.provenance["errors"].items():
        print(name, *(f"{key} {value:g}" for key, value in metrics.items()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
