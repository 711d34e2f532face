"""python -m benchmarks.surrogate_quality TABLE.csv --out runs/surrogate_quality.md

How well `nas/imagenet/fit.py` predicts networks that it has not seen: cross-validation with
everything fitted anew in each fold, the spread's calibration, and linear and quadratic ridge on
one-hot choices as references. About 10 minutes on one core.
"""

import argparse
import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nas.imagenet.domain import Domain
from nas.imagenet.fit import fit
from nas.imagenet.model import unit_of
from nas.imagenet.table import domain_of, read_table, rows_of

Floats = NDArray[np.float64]
Predict = Callable[[Any, Any], tuple[Floats, Floats]]


def tau(a: Floats, b: Floats) -> float:
    """Kendall's tau-b."""
    x, y = np.sign(a[:, None] - a), np.sign(b[:, None] - b)
    return float((x * y).sum() / np.sqrt((x**2).sum() * (y**2).sum()))


def one_hot(frame: Any, domain: Domain, pairs: bool) -> Floats:
    """A column of 0 and 1 for each choice, and for each pair of choices if asked."""
    columns = [np.ones(len(frame))]
    for i, stage in enumerate(domain.choices):
        for part, values in zip(["e", "k", "l", "se"], stage, strict=True):
            columns += [np.asarray(frame[f"block{i}_{part}"] == v, float) for v in values]
    if pairs:
        columns += [a * b for a, b in itertools.combinations(columns[1:], 2)]
    return np.stack(columns, 1)


def ridge(domain: Domain, pairs: bool, strength: float) -> Predict:
    """Ridge regression of top-1; its spread is the error on the rows that it was fitted on."""

    def predict(train: Any, test: Any) -> tuple[Floats, Floats]:
        x, y = one_hot(train, domain, pairs), train["top1"].to_numpy()
        centre = y.mean()
        weights = np.linalg.solve(x.T @ x + strength * np.eye(x.shape[1]), x.T @ (y - centre))
        mean = one_hot(test, domain, pairs) @ weights + centre
        return mean, np.full(len(test), (y - centre - x @ weights).std())

    return predict


def surrogate(domain: Domain, column: str) -> Predict:
    """The project's surrogate."""

    def predict(train: Any, test: Any) -> tuple[Floats, Floats]:
        model = fit(train.reset_index(drop=True), 0, domain, [column])
        return model.predict_rows(rows_of(test, domain), column)

    return predict


def folds(frame: Any, column: str, predict: Predict, count: int) -> tuple[Floats, Floats]:
    """Numbers per fold, and (value, mean, spread) of every row, each predicted once."""
    frame = frame[frame[column].notna()]
    numbers, rows = [], []
    for held in np.array_split(np.random.default_rng(1).permutation(len(frame)), count):
        test = frame.iloc[held]
        mean, spread = predict(frame.drop(test.index), test)
        value = test[column].to_numpy()
        error = np.abs(value - mean)
        rmse = np.sqrt(np.mean(error**2))
        numbers.append(
            (
                tau(value, mean),
                1 - rmse**2 / value.var(),
                rmse,
                np.mean(error < spread),
                np.mean(error < 2 * spread),
            )
        )
        rows.append(np.stack([value, mean, spread], 1))
    return np.array(numbers), np.concatenate(rows)


def line(name: str, numbers: Floats) -> str:
    """A row of the table: mean and standard deviation over folds."""
    cells = [f"{m:.4g} ± {s:.2g}" for m, s in zip(numbers.mean(0), numbers.std(0), strict=True)]
    return f"| {name} | " + " | ".join(cells) + " |"


def calibration(rows: Floats) -> list[str]:
    """The error by fifths of the spread and, where search goes, by fifths of the prediction."""
    lines = []
    for title, key in (("spread", rows[:, 2]), ("predicted top-1", rows[:, 1])):
        lines += ["", f"| {title} | mean spread | RMSE | bias |", "|---|---|---|---|"]
        for part in np.array_split(np.argsort(key), 5):
            error = rows[part, 0] - rows[part, 1]
            low, high = key[part].min(), key[part].max()
            lines.append(
                f"| {low:.2f} to {high:.2f} | {rows[part, 2].mean():.3f} "
                f"| {np.sqrt(np.mean(error**2)):.3f} | {error.mean():+.3f} |"
            )
    error = np.abs(rows[:, 0] - rows[:, 1])
    lines += ["", f"Correlation of spread and error: {np.corrcoef(error, rows[:, 2])[0, 1]:.2f}."]
    return lines


def main() -> None:
    """Print the tables, and write them if asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("table")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--folds", type=int, default=10, help="of top-1")
    parser.add_argument("--device-folds", type=int, default=5)
    args = parser.parse_args()
    frame = read_table(args.table)
    domain = domain_of(frame)
    lines = [
        "| column | tau | R2 | RMSE | within 1 spread | within 2 |",
        "|---|---|---|---|---|---|",
    ]
    print(*lines, sep="\n")

    def show(name: str, column: str, predict: Predict, count: int) -> Floats:
        numbers, rows = folds(frame, column, predict, count)
        lines.append(line(name, numbers))
        print(lines[-1], flush=True)
        return rows

    show("top1, linear ridge", "top1", ridge(domain, False, 1.0), args.folds)
    show("top1, quadratic ridge", "top1", ridge(domain, True, 10.0), args.folds)
    rows = show("top1", "top1", surrogate(domain, "top1"), args.folds)
    tail = calibration(rows)
    print(*tail, sep="\n", flush=True)
    for column in filter(unit_of, frame.columns):
        show(column, column, surrogate(domain, column), args.device_folds)
    if args.out:
        args.out.parent.mkdir(parents=True, exist_ok=True)
        args.out.write_text("\n".join([*lines, *tail, ""]))


if __name__ == "__main__":
    main()
