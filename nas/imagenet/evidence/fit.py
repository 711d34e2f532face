"""Fit the ImageNet model: `python -m nas.imagenet.evidence.fit --data DIR --out FILE`.

DIR holds the four tables that `evidence.rows` reads. It takes about a minute of one core; on one
machine the same tables and seed give the same file.
"""

import collections
import dataclasses
import functools
import hashlib
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
import numpy as np

from nas.imagenet.evidence.data import Data, data_of, some_rows
from nas.imagenet.evidence.expert import posterior
from nas.imagenet.evidence.rows import TABLES, Row, read
from nas.imagenet.evidence.scales import scales
from nas.imagenet.evidence.skeleton import skeleton
from nas.imagenet.joint.domain import TRAINED, Ranges
from nas.imagenet.joint.expert import Expert
from nas.imagenet.joint.features import groups
from nas.imagenet.joint.model import Joint, Known, Spread
from nas.imagenet.joint.numbers import Numbers
from nas.imagenet.joint.skeleton import Skeleton
from results.runs.files import check_writable, read_json, write_atomically
from results.terminal import exit_code
from search_spaces.errors import UserError

BASE, SKELETON = "effnet_paper_table2", "accel_nasbench"
RECIPE = "EfficientNet's TPU recipe with AutoAugment, B0 77.1 (arXiv 1905.11946, table 2)"
# What each expert does not see. None sees whole costs: accuracy comes from depth, width and pixels,
# and families whose costs come otherwise were led astray. The rest are views that err differently.
COSTS = ("macs", "params")
BLIND: tuple[tuple[str, ...], ...] = (
    COSTS,
    (*COSTS, "hidden"),
    (*COSTS, "out", "mean_out"),
    (*COSTS, "weights"),  # what halves of the evidence contradict one another in most
)
SPREAD = Spread(0.424, 4.0, 0.3)  # families left out: 70 and 95 % within 1 and 2
NO_NAMES = ("accel_", "anb_")  # sources whose networks have numbers for names


def fit(
    data: Data, reference: Numbers, top1: float, seed: int = 0, with_skeleton: bool = True
) -> Joint:
    """The model of the data. It knows no networks by name and refuses none.

    Args:
        data: The results.
        reference: A network whose top-1 in the named recipe is known.
        top1: That of the reference, percent.
        seed: Of everything random.
        with_skeleton: Whether the table on one skeleton has a process of its own.
    """
    every = tuple(groups(reference))
    part = data.take(some_rows(data, seed))
    experts, stretches = [], []
    for blind in BLIND:
        names = tuple(name for name in every if name not in blind)
        set_to = scales(part, names)
        experts.append(posterior(part, names, set_to))
        stretches.append(set_to.stretch.get(SKELETON, 1.0))
    own = None
    if with_skeleton and SKELETON in data.source:
        stretch = 1.0 + sum((one - 1) / len(BLIND) for one in stretches)
        own = _skeleton(data, experts, stretch, seed)
    model = Joint(
        tuple(experts), own, reference, 0.0, SPREAD, np.zeros((0, 0)), (), {}, Ranges.endless()
    )
    level = float(np.log(100 - top1) + model.gains(reference).mean())
    return dataclasses.replace(model, level=level)


def _skeleton(data: Data, experts: Sequence[Expert], stretch: float, seed: int) -> Skeleton:
    """Of the table on one skeleton; its level is that of its own recipe and does not count."""
    rows = data.take(np.flatnonzero(data.source == SKELETON))
    features = groups(rows.numbers)
    gains = np.mean([expert.mean(expert.inputs(features)) for expert in experts], axis=0)
    line = np.array([1 / stretch, gains.mean() - rows.target.mean() / stretch])
    return skeleton(rows.numbers, rows.error, line, seed)


def finished(model: Joint, rows: Sequence[Row], data: Data, provenance: dict[str, Any]) -> Joint:
    """The model with the networks it knows by name, the ranges of its evidence, and provenance.

    Args:
        model: Of `fit`.
        rows: The results.
        data: The same as arrays.
        provenance: As of `provenance_of`.
    """
    named = np.array([n for n, row in enumerate(rows) if row.kind == TRAINED and _named(row)])
    known = tuple(Known(rows[n].name, rows[n].source, rows[n].top1) for n in named)
    near = model.experts[0].inputs(groups(data.numbers.take(named)))
    near = near.astype(np.float32).astype(float)  # as a file has it
    ranges = Ranges.of(data.numbers, data.kind)
    return dataclasses.replace(model, near=near, known=known, ranges=ranges, provenance=provenance)


def _named(row: Row) -> bool:
    return bool(row.name) and not row.source.startswith(NO_NAMES)


def residuals(model: Joint, data: Data) -> dict[str, dict[str, float]]:
    """How far the fit is from its own rows, by kind of source.

    A source's level is that of its recipe and does not count, so its mean residual is taken off.

    Returns:
        For each kind the root of the mean square in points (`rmse`) and how many `rows` it is of.
    """
    _, source = np.unique(data.source, return_inverse=True)
    off = data.target - model.gains(data.numbers).mean(0)
    off = (off - (np.bincount(source, off) / np.bincount(source))[source]) * data.error
    made = {}
    for kind in sorted(set(data.kind.tolist())):
        points = off[data.kind == kind]
        made[kind] = {"rmse": round(float(np.sqrt((points**2).mean())), 4), "rows": len(points)}
    return made


def provenance_of(folder: Path, rows: Sequence[Row], seed: int) -> dict[str, Any]:
    """What the file tells of where it comes from, but for its errors."""
    sources = collections.Counter((row.source, row.kind, row.licence) for row in rows)
    digests = {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in TABLES}
    return {
        "tables": digests,
        "sources": [[*key, count] for key, count in sorted(sources.items())],
        "licences": sorted({row.licence for row in rows}),
        "rows": len(rows),
        "seed": seed,
        "recipe": RECIPE,
    }


def fitted(folder: Path, seed: int, errors: Any = None) -> Joint:
    """The whole model of the tables in a folder.

    Args:
        folder: Of the tables.
        seed: Of everything random.
        errors: What `provenance` is to hold besides residuals, under `left_out`.

    Raises:
        UserError: A table is missing or can't be read.
    """
    rows = read(folder)
    base = [n for n, row in enumerate(rows) if row.source == BASE]
    if not base:
        raise UserError(f"{folder / TABLES[0]} has no row of the source {BASE}: expected one")
    data = data_of(rows)
    model = fit(data, data.numbers.take(np.array(base[:1])), rows[base[0]].top1, seed)
    provenance = provenance_of(folder, rows, seed)
    provenance["errors"] = {"residuals": residuals(model, data)}
    if errors is not None:
        provenance["errors"]["left_out"] = errors
    return finished(model, rows, data, provenance)


@click.command()
@click.option(
    "--data", type=click.Path(path_type=Path), required=True, help="Folder of the four tables."
)
@click.option("--out", type=click.Path(path_type=Path), required=True, help="File (.npz) to write.")
@click.option("--seed", type=int, default=0, show_default=True)
@click.option(
    "--errors", type=click.Path(path_type=Path),
    help="JSON file of errors on families left out, to be kept in the file's provenance.",
)  # fmt: skip
def command(data: Path, out: Path, seed: int, errors: Path | None) -> None:
    """Fit the ImageNet model to published results; takes about a minute.

    \b
    python -m nas.imagenet.evidence.fit --data ../shared/data --out imagenet.npz
    nas search --target-flops 400M --evaluator imagenet:imagenet.npz
    """  # noqa: D301 (click reads \b)
    check_writable(out)
    if not data.is_dir():
        raise UserError(f"there is no folder {data}: expected one of {', '.join(TABLES)}")
    model = fitted(data, seed, None if errors is None else read_json(errors))
    content = model.to_bytes()
    write_atomically(out, content)
    click.echo(f"{out}: {len(content) / 1e6:.2f} MB, {model.provenance['rows']} results")
    for kind, figures in model.provenance["errors"]["residuals"].items():
        click.echo(f"{kind}: residuals of {figures['rmse']:.2f} points, {figures['rows']} results")


main = functools.partial(exit_code, command, "python -m nas.imagenet.evidence.fit")


if __name__ == "__main__":
    sys.exit(main())
