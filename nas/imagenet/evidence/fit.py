"""Fit the ImageNet model: `python -m nas.imagenet.evidence.fit --data DIR --out FILE`, minutes of one core.

DIR holds the four tables that `evidence` reads. The same tables and seed give the same file.
"""

import argparse
import collections
import dataclasses
import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from nas.imagenet.evidence.expert import Data, posterior, scales, some_rows
from nas.imagenet.evidence.rows import TRAINED, Row, read
from nas.imagenet.evidence.skeleton import skeleton
from nas.imagenet.joint.domain import Ranges
from nas.imagenet.joint.features import groups
from nas.imagenet.joint.model import Joint, Spread, rounded
from nas.imagenet.joint.numbers import Numbers, numbers

TABLES = ("imagenet_evidence.csv", "published_networks.csv", "published_scaling.csv",
          "accel_nasbench_imagenet.csv")  # fmt: skip
BASE, SKELETON = "effnet_paper_table2", "accel_nasbench"
# What each expert does not see: views that err differently.
BLIND: tuple[tuple[str, ...], ...] = (
    (),
    ("hidden",),
    ("out", "mean_out"),
)
SPREAD = Spread(0.424, 4.0, 0.3)  # families left out: 70 and 95 % within 1 and 2


def data_of(rows: Sequence[Row], of: Numbers | None = None) -> Data:
    """The rows as arrays.

    Args:
        rows: The results.
        of: Their networks' numbers, where known.
    """
    top1 = np.array([row.top1 for row in rows])
    of = numbers([row.network for row in rows]) if of is None else of
    source, kind = np.array([row.source for row in rows]), np.array([row.kind for row in rows])
    return Data(of, source, kind, -np.log(100 - top1), 100 - top1)


def fit(
    data: Data, reference: Numbers, top1: float, seed: int = 0, with_skeleton: bool = True
) -> Joint:
    """The model of the data. Its spread is not scaled and it knows no networks by name.

    Args:
        data: The results.
        reference: A network whose top-1 in the named recipe is known.
        top1: That of the reference, percent.
        seed: Of everything random.
        with_skeleton: Whether what the table on one skeleton says is fitted first.
    """
    every = tuple(groups(reference))
    part = data.take(some_rows(data, seed))
    experts, stretch = [], 1.0
    for n, blind in enumerate(BLIND):
        names = tuple(name for name in every if name not in blind)
        found = scales(part, names)
        experts.append(rounded(posterior(part, names, found)))
        stretch += (found.stretch.get(SKELETON, 1.0) - 1) / len(BLIND)
    at = np.flatnonzero(data.source == SKELETON)
    more = None
    if with_skeleton and len(at):
        some = data.take(at)
        gains = np.mean([one.mean(one.inputs(some.numbers)) for one in experts], axis=0)
        target = some.target / stretch
        target = target - target.mean() + gains.mean()  # the table's level is its recipe's
        more = skeleton(some.numbers, target, some.error**2, seed)
    blank = Joint(tuple(experts), more, reference, 0.0, SPREAD, np.zeros((0, 0)), (), {})
    level = float(np.log(100 - top1) + blank.gains(reference).mean())
    return Joint(tuple(experts), more, reference, level, SPREAD, np.zeros((0, 0)), (), {})


def finished(model: Joint, rows: Sequence[Row], data: Data, provenance: dict[str, Any]) -> Joint:
    """The model with the networks it knows by name, the ranges of its evidence, and provenance."""
    named = np.array([n for n, row in enumerate(rows) if row.kind == TRAINED and _named(row)])
    known = tuple((rows[n].name, rows[n].source, rows[n].top1) for n in named)
    near = model.experts[0].inputs(data.numbers.take(named)).astype(np.float32).astype(float)
    ranges = Ranges.of(data.numbers, data.kind)
    return dataclasses.replace(model, near=near, known=known, ranges=ranges, provenance=provenance)


def _named(row: Row) -> bool:
    return bool(row.name) and not row.source.startswith(("accel_", "anb_"))


def provenance_of(folder: Path, rows: Sequence[Row], seed: int) -> dict[str, Any]:
    """What the file tells of where it comes from."""
    sources = collections.Counter((row.source, row.kind, row.licence) for row in rows)
    return {
        "tables": {
            name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in TABLES
        },
        "sources": [[*key, count] for key, count in sorted(sources.items())],
        "rows": len(rows),
        "seed": seed,
        "recipe": "EfficientNet's TPU recipe with AutoAugment, B0 77.1 (arXiv 1905.11946, table 2)",
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """The command. Returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m nas.imagenet.evidence.fit", description=__doc__
    )
    parser.add_argument("--data", required=True, help="folder of the four tables")
    parser.add_argument("--out", required=True, help=".npz file to write")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args(arguments)
    rows = read(args.data)
    data = data_of(rows)
    base = next(n for n, row in enumerate(rows) if row.source == BASE)
    model = fit(data, data.numbers.take(np.array([base])), rows[base].top1, args.seed)
    made = provenance_of(Path(args.data), rows, args.seed)
    content = finished(model, rows, data, made).to_bytes()
    Path(args.out).write_bytes(content)
    print(f"{args.out}: {len(content) / 1e6:.2f} MB, {len(rows)} rows")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
