"""Tables of trained MBConv networks, as `nas/imagenet/fit.py` reads them.

Columns block{0,1,..}_{e,k,l,se} and top1 (percent), and optionally devices' columns
`*_latency_ms` and `*_images_per_s`, whose cells may be empty. Other columns are ignored.
"""

import re
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nas.imagenet.domain import Domain, Floats
from nas.imagenet.model import unit_of
from results.runs.files import check_regular
from search_spaces.errors import UserError, said

PARTS = ("e", "k", "l", "se")
B0_CHANNELS = (16, 24, 40, 80, 112, 192, 320)
B0_STRIDES = (1, 2, 2, 2, 1, 2, 1)
FEWEST = 60  # rows with a value


def read_table(path: str | Path) -> Any:
    """The CSV as a pandas frame.

    Raises:
        UserError: `domain_of` and `fit` can't use it.
    """
    import pandas as pd

    check_regular(Path(path))
    try:
        frame = pd.read_csv(path)
    except (OSError, ValueError) as error:
        raise UserError(f"can't read the table {path}: {said(error)}") from None
    check_table(frame)
    return frame


def blocks_of(frame: Any) -> int:
    """The number of stages that the columns name."""
    found = [re.fullmatch(r"block(\d+)_(?:e|k|l|se)", str(name)) for name in frame.columns]
    return max((int(match[1]) + 1 for match in found if match), default=0)


def check_table(frame: Any) -> None:
    """Refuses a table that `domain_of` and `fit` can't use.

    Raises:
        UserError: It names the column at fault, what it holds and what is expected.
    """
    blocks = blocks_of(frame)
    wanted = [f"block{i}_{part}" for i in range(max(blocks, 1)) for part in PARTS] + ["top1"]
    missing = [name for name in wanted if name not in frame.columns]
    if missing:
        raise UserError(
            f"the table lacks the column {missing[0]!r}: expected block0_e, block0_k, block0_l, "
            "block0_se and so on for each stage, and top1"
        )
    if len(frame) < FEWEST:
        raise UserError(f"the table has {len(frame)} rows: expected {FEWEST} or more")
    for name in wanted:
        values = numbers(frame, name)
        kind = name.rsplit("_", 1)[-1]
        if kind == "se":
            good, expected = (values >= 0) & (values <= 8), "0, 1 or a ratio"
        elif kind == "top1":
            good, expected = (values > 0) & (values <= 100), "a percentage"
        else:
            good, expected = (values >= 1) & (values == np.floor(values)), "a whole number from 1"
            if kind == "k":
                good, expected = good & (values % 2 == 1), "an odd whole number"
        if not good.all():
            at = int(np.argmin(good))
            raise UserError(
                f"column {name!r} holds {frame[name].iloc[at]} in row {at + 1}: expected {expected}"
            )
    for name in filter(unit_of, map(str, frame.columns)):
        values = numbers(frame, name)
        if (values <= 0).any() or np.isinf(values).any():
            raise UserError(f"column {name!r} holds a value that is not positive and finite")


def numbers(frame: Any, name: str) -> Floats:
    """A column's values.

    Raises:
        UserError: It holds something that is no number.
    """
    try:
        return np.asarray(frame[name].to_numpy(), float)
    except (TypeError, ValueError):
        raise UserError(f"column {name!r} holds something that is not a number") from None


def domain_of(frame: Any, **skeleton: Any) -> Domain:
    """The Domain of the table's choices on a skeleton (B0's by default).

    Raises:
        UserError: The skeleton has another number of stages.
    """
    skeleton = {"channels": B0_CHANNELS, "strides": B0_STRIDES} | skeleton
    blocks = blocks_of(frame)
    for name in ("channels", "strides"):
        if len(skeleton[name]) != blocks:
            raise UserError(
                f"the table has {blocks} blocks and {name} has {len(skeleton[name])} values: "
                f"give one for each block with --{name}"
            )
    choices = tuple(
        tuple(tuple(float(v) for v in np.unique(frame[f"block{i}_{part}"])) for part in PARTS)
        for i in range(blocks)
    )
    return Domain(choices=choices, **skeleton)


def rows_of(frame: Any, domain: Domain) -> NDArray[np.int64]:
    """(networks, stages) positions in `domain.codes`."""
    columns = []
    for i, stage in enumerate(domain.choices):
        row = np.zeros(len(frame), np.int64)
        for part, values in zip(PARTS, stage, strict=True):
            row = row * len(values) + np.searchsorted(values, frame[f"block{i}_{part}"])
        columns.append(row)
    return np.stack(columns, 1)


def half(frame: Any, which: str, seed: int) -> Any:
    """All rows, or one of the two halves that a seed's permutation makes."""
    order = np.random.default_rng(seed).permutation(len(frame))
    middle = len(frame) // 2
    part = {"all": slice(None), "half0": slice(middle), "half1": slice(middle, None)}[which]
    return frame.iloc[np.sort(order[part])].reset_index(drop=True)
