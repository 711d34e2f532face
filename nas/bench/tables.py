"""Anyone's recorded table as a task: a CSV of choices, accuracy and cost, a row a training."""

import contextlib
import csv
import fnmatch
import hashlib
import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from nas.bench.tasks import ListedProblem, Task
from nas.objective import Objective
from nas.strategies.codes import Codes, Floats
from results.runs.files import read_bytes
from search_spaces.errors import UserError, said

OPTIONS = 64  # different values at most that a column of a choice has
FEWEST = 10  # different networks that a table needs


def read_task(
    path: Path,
    objective: str = "hard",
    target: float | None = None,
    accuracy: str = "accuracy",
    cost: str = "cost",
    choices: Sequence[str] = (),
    noise: float = 0.0,
    warn: Callable[[str], None] = lambda text: None,
) -> Task:
    """Makes a task of a table, whose rows are the only networks there are.

    Where rows repeat a network, the truth is their mean and the noise their standard deviation.

    Args:
        path: Of the CSV.
        objective: A name of OBJECTIVES.
        target: T in the unit of the cost; None takes the median.
        accuracy: The column of accuracies, percent.
        cost: The column of costs, above 0.
        choices: Columns of choices, or patterns as `block*`; none: all other columns.
        noise: Standard deviation of one training in points, for networks that have one row.
        warn: Is told a sentence where the accuracies look like no percent.

    Raises:
        UserError: The table can't be read, or a column, cell or option is not what it should be.
    """
    if not 0 <= noise < math.inf:
        raise UserError(f"the noise is {noise}: expected a finite number of points, 0 or more")
    frame, digest = _opened(path)
    names = _choices(path, frame, accuracy, cost, choices)
    values = _percents(path, frame, accuracy, warn)
    amounts = _numbers(path, frame, cost, lambda v: v > 0, "a cost above 0")
    options = {name: _options(frame, name) for name in names}
    codes, truth, price, spread = _networks(frame, options, values, amounts, noise)
    wanted = Objective(objective, target or float(np.median(price)), caution=0.0)
    problem = ListedProblem(options, wanted, _read(codes, price, np.inf), codes)
    columns = {"accuracy": accuracy, "cost": cost, "choices": names}
    return Task(
        Path(path).stem, problem, _read(codes, truth, 0.0), _read(codes, spread, 0.0),
        {"table": digest, **columns, "noise": float(noise)},
    )  # fmt: skip


def _opened(path: Path) -> tuple[Any, str]:
    """The table as a frame, and 16 hex digits that tell its content from others."""
    import pandas as pd

    content = read_bytes(Path(path))  # a pipe is refused
    try:
        return pd.read_csv(path), hashlib.sha256(content).hexdigest()[:16]
    except (OSError, ValueError) as error:
        raise UserError(f"can't read the table {path}: {said(error)}") from None


def _networks(
    frame: Any,
    options: Mapping[str, tuple[Any, ...]],
    values: Floats,
    amounts: Floats,
    noise: float,
) -> tuple[Codes, Floats, Floats, Floats]:
    """The different networks: codes, mean accuracy, mean cost, noise of one training."""
    at = [
        frame[n].map({o: i for i, o in enumerate(some)}).to_numpy() for n, some in options.items()
    ]
    codes, row = np.unique(np.stack(at, 1).astype(np.int64), axis=0, return_inverse=True)
    if len(codes) < FEWEST:
        raise UserError(f"the table has {len(codes)} networks: expected {FEWEST} or more")
    counts = np.bincount(row)
    truth, price = (np.bincount(row, v) / counts for v in (values, amounts))
    apart = np.sqrt(np.bincount(row, (values - truth[row]) ** 2) / np.maximum(counts - 1, 1))
    return codes, truth, price, np.where(counts > 1, apart, noise)


def _read(codes: Codes, column: Floats, missing: float) -> Callable[[Codes], Floats]:
    """A function from codes to a column's values; `missing` for those that it has not."""
    rows = {code.tobytes(): n for n, code in enumerate(codes)}

    def of(asked: Codes) -> Floats:
        positions = (rows.get(code.tobytes(), -1) for code in asked.astype(np.int64))
        return np.array([missing if n < 0 else column[n] for n in positions])

    return of


def _choices(path: Path, frame: Any, accuracy: str, cost: str, wanted: Sequence[str]) -> list[str]:
    """The columns of choices, in the table's order."""
    if accuracy == cost:
        raise UserError(
            f"accuracy and cost are both the column {cost!r}: name two columns with --accuracy "
            "and --cost"
        )
    columns = [str(name) for name in frame.columns]
    for name in (accuracy, cost):
        if name not in columns:
            raise UserError(
                f"the table lacks the column {name!r}: it has {', '.join(columns)}; name them "
                "with --accuracy and --cost"
            )
    for pattern in wanted:
        if not fnmatch.filter(columns, pattern):
            raise UserError(f"no column is called {pattern!r}: the table has {', '.join(columns)}")
    rest = [name for name in columns if name not in (accuracy, cost)]
    named = [n for n in rest if not wanted or any(fnmatch.fnmatchcase(n, p) for p in wanted)]
    if not named:
        raise UserError("the table has no columns of choices besides accuracy and cost")
    for name in named:
        different = frame[name].nunique(dropna=False)
        if different > OPTIONS:
            raise UserError(
                f"column {name!r} has {different} different values and a choice at most {OPTIONS}: "
                "name the columns of choices with --choices A,B,.."
            )
        if (empty := frame[name].isna()).any():
            raise _fault(path, frame, name, int(empty.argmax()), "an option in every row")
    return named


def _options(frame: Any, name: str) -> tuple[Any, ...]:
    """A choice's options in order, as plain Python values."""
    return tuple(sorted(frame[name].unique().tolist(), key=lambda v: (isinstance(v, str), v)))


def _percents(path: Path, frame: Any, name: str, warn: Callable[[str], None]) -> Floats:
    """The column of accuracies."""
    values = _numbers(path, frame, name, lambda v: v <= 100, "a number in percent, 100 or less")
    if ((values >= 0) & (values <= 1)).all():
        warn(
            f"column {name!r} holds {values.min():g} to {values.max():g} and percent is expected: "
            "points are hundredths then, in all figures and in --noise; multiply it by 100"
        )
    return values


def _numbers(
    path: Path, frame: Any, name: str, right: Callable[[Floats], Any], expected: str
) -> Floats:
    """A column's values. Raises UserError for the first that is not finite or not right."""
    import pandas as pd

    values = np.asarray(pd.to_numeric(frame[name], errors="coerce"), float)
    wrong = ~(np.isfinite(values) & right(values))
    if wrong.any():
        raise _fault(path, frame, name, int(wrong.argmax()), expected)
    return values


def _fault(path: Path, frame: Any, name: str, row: int, expected: str) -> UserError:
    """The error of a cell; `row` is the frame's, from 0."""
    line, text = _cell(path, frame, name, row)
    what = f"holds {text!r}" if text.strip() else "is empty"
    return UserError(
        f"column {name!r} {what} in line {line} of {Path(path).name}: expected {expected}"
    )


def _cell(path: Path, frame: Any, name: str, row: int) -> tuple[int, str]:
    """The file's line, from 1, and the text of a cell as the file has it."""
    at = [str(column) for column in frame.columns].index(name)
    with (
        contextlib.suppress(OSError, ValueError, csv.Error, StopIteration),
        open(path, newline="", encoding="utf-8-sig") as file,
    ):
        reader = csv.reader(file)
        lines = ((reader.line_num, c) for c in reader if len(c) > 1 or "".join(c).strip())
        line, cells = next(itertools.islice(lines, row + 1, None))  # the first line is the header
        at += max(0, len(cells) - len(frame.columns))  # the header has no name for row names
        return line, cells[at] if at < len(cells) else ""
    return row + 2, str(frame[name].iloc[row])  # pandas reads compressed files, and csv does not
