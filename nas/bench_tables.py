"""Anyone's recorded table as a task: a CSV of choices, accuracy and cost, a row a training."""

import fnmatch
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from nas.bench_tasks import ListedProblem, Task
from nas.objective import Objective
from nas.predictor_problem import Codes, Floats
from search_spaces.errors import UserError

OPTIONS = 64  # a column with more different values is no choice
FEWEST = 10  # different networks


def read_task(
    path: Path,
    objective: str = "hard",
    target: float | None = None,
    accuracy: str = "accuracy",
    cost: str = "cost",
    choices: Sequence[str] = (),
    noise: float = 0.0,
) -> Task:
    """The task of a table. Its rows are the only networks there are.

    accuracy (percent), cost: names of columns.   choices: names or patterns, as block*; by
    default all other columns.   target: T in the unit of the cost; by default its median.
    noise: of one training in points, for networks that have one row. Where rows repeat a
    network, the truth is their mean and the noise their standard deviation.
    Raises UserError.
    """
    import pandas as pd

    try:
        frame = pd.read_csv(path)
    except (OSError, ValueError) as error:
        raise UserError(f"can't read the table {path}: {error}") from None
    names = _choices(frame, accuracy, cost, choices)
    values, amounts = _numbers(frame, accuracy), _numbers(frame, cost)
    if (amounts <= 0).any():
        raise UserError(f"column {cost!r} holds {amounts.min():g}: expected costs above 0")
    options = {name: _options(frame, name) for name in names}
    codes, truth, price, spread = _networks(frame, options, values, amounts, noise)
    wanted = Objective(objective, target or float(np.median(price)), caution=0.0)
    problem = ListedProblem(options, wanted, _read(codes, price, np.inf), codes)
    return Task(Path(path).stem, problem, _read(codes, truth, 0.0), _read(codes, spread, 0.0))


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
    """Codes to a column's values."""
    rows = {code.tobytes(): n for n, code in enumerate(codes)}

    def of(asked: Codes) -> Floats:
        found = (rows.get(code.tobytes(), -1) for code in asked.astype(np.int64))
        return np.array([missing if n < 0 else column[n] for n in found])

    return of


def _choices(frame: Any, accuracy: str, cost: str, wanted: Sequence[str]) -> list[str]:
    """The columns of choices, in the table's order."""
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
    found = [n for n in rest if not wanted or any(fnmatch.fnmatchcase(n, p) for p in wanted)]
    if not found:
        raise UserError("the table has no columns of choices besides accuracy and cost")
    for name in found:
        different = frame[name].nunique(dropna=False)
        if different > OPTIONS:
            raise UserError(
                f"column {name!r} has {different} different values and a choice at most {OPTIONS}: "
                "name the columns of choices with --choices A,B,.."
            )
        if frame[name].isna().any():
            raise UserError(f"column {name!r} has empty cells: expected an option in every row")
    return found


def _options(frame: Any, name: str) -> tuple[Any, ...]:
    """A choice's options in order, as plain Python values."""
    return tuple(sorted(frame[name].unique().tolist(), key=lambda v: (isinstance(v, str), v)))


def _numbers(frame: Any, name: str) -> Floats:
    try:
        values = np.asarray(frame[name].to_numpy(), float)
    except (TypeError, ValueError):
        raise UserError(f"column {name!r} holds something that is not a number") from None
    if not np.isfinite(values).all():
        raise UserError(f"column {name!r} has empty or infinite cells: expected numbers")
    return values
