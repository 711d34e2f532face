"""Trials as pandas frames, and frames as files."""

import contextlib
import io
import itertools
import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from results.runs.files import read_json, write_atomically
from results.runs.front import front
from results.runs.records import Trial
from results.terminal import tell
from search_spaces.architecture import Architecture
from search_spaces.cost import cost
from search_spaces.costs import remember
from search_spaces.errors import disk_error, said
from search_spaces.quantities import Quantity, quantity
from search_spaces.scaling.coefficients import LETTERS
from search_spaces.space import Chosen

_TOLD = ("number", "accuracy", "spread", "budget", "seed", "seconds", "error")
_COUNTED = ("id", "macs", "params", "activations", "memory", "activation_memory")
_EQUAL = ("macs", "params", "memory", "number")  # what decides among equals, least first
ANSWER = (  # the files of a search or a grid at its end
    "best.json", "front.json", "front.csv", "front.parquet", "trials.csv", "trials.parquet",
    "coefficients.json", "families.csv", "families.parquet", "points.csv", "points.parquet",
)  # fmt: skip
BEFORE = "before"  # the folder of an answer that another one took the place of
TOGETHER = 2048  # networks whose costs are counted at once


def trials_frame(trials: Sequence[Trial], quantities: Sequence[Quantity] = ()) -> pd.DataFrame:
    """One row a trial.

    Args:
        trials: In any order.
        quantities: What devices predict, besides what a cost holds.

    Returns:
        Accuracy and spread in percent, MACs, parameters, activations, peak memory in bytes at batch
        1, the quantities, seconds, error, and the choices; a choice that has the name of a column
        before it is `choice.NAME`.
    """
    counted = figures_of([trial.architecture for trial in trials])
    told = {name: [getattr(trial, name) for trial in trials] for name in _TOLD}
    columns: dict[str, Any] = {
        "number": told["number"], "id": counted["id"], "accuracy": told["accuracy"],
        "spread": told["spread"], **counted, **_predicted(trials, quantities), **told,
    }  # fmt: skip
    return pd.DataFrame(columns | _beside(columns, trials))


def outcomes_frame(trials: Sequence[Trial]) -> pd.DataFrame:
    """`trials_frame` without what has to be counted, in a fifth of the time.

    Args:
        trials: In any order.

    Returns:
        One row a trial; `network` is its architecture, in place of what `figures_of` counts of it.
    """
    columns = {name: [getattr(trial, name) for trial in trials] for name in _TOLD}
    others = dict.fromkeys(_COUNTED)  # names that a choice can't have here either
    network = {"network": [trial.architecture for trial in trials]}
    return pd.DataFrame(columns | network | _beside(columns | others | network, trials))


def figures_of(networks: Sequence[Architecture]) -> dict[str, Any]:
    """Columns of ids and costs, a row a network."""
    columns: dict[str, list[Any]] = {name: [] for name in _COUNTED}
    for at in range(0, len(networks), TOGETHER):
        some = networks[at : at + TOGETHER]
        remember(some)
        costs = [cost(network) for network in some]
        columns["id"].append(np.array([network.id for network in some], object))
        for name in _COUNTED[1:]:
            columns[name].append(np.array([getattr(one, name) for one in costs]))
    return {name: np.concatenate(parts) if parts else [] for name, parts in columns.items()}


def _beside(columns: Mapping[str, Any], trials: Sequence[Trial]) -> dict[str, Any]:
    """The choices' columns, beside others."""
    return {
        f"choice.{name}" if name in columns else name: column
        for name, column in _chosen(trials).items()
    }


def _predicted(trials: Sequence[Trial], quantities: Sequence[Quantity]) -> dict[str, list[Any]]:
    """What devices predict, a column each."""
    rows = [
        {k: v for of in quantities for k, v in of.figures(trial.architecture).items()}
        for trial in (trials if quantities else ())
    ]
    names = dict.fromkeys(name for row in rows for name in row)
    return {name: [row.get(name, float("nan")) for row in rows] for name in names}


def _chosen(trials: Sequence[Trial]) -> dict[str, Any]:
    """The choices of trials, a column each."""
    every = [trial.values for trial in trials]
    codes = [values.code for values in every if isinstance(values, Chosen)]
    lists = {id(values.options): values.options for values in every if isinstance(values, Chosen)}
    if every and len(codes) == len(every) and len({tuple(o.choices) for o in lists.values()}) == 1:
        choices = next(iter(lists.values())).choices
        places = _places(codes)
        columns = zip(choices.items(), places.T, strict=True)
        return {name: _taken(options, at) for (name, options), at in columns}
    names = dict.fromkeys(name for values in every for name in values)
    return {name: [values.get(name, float("nan")) for values in every] for name in names}


def _places(codes: Sequence[Sequence[int]]) -> NDArray[Any]:
    """The codes of `Chosen` (n, choices), as numbers."""
    narrow = [code for code in codes if isinstance(code, bytes)]
    if len(narrow) == len(codes):
        return np.frombuffer(b"".join(narrow), np.uint8).reshape(len(codes), -1)
    return np.array([list(code) for code in codes])


def _taken(options: Sequence[Any], places: NDArray[Any]) -> Any:
    """The column of the options at these places; numbers of one type at once."""
    kinds = set(map(type, options))
    if kinds in ({int}, {float}) and (held := np.array(options)).dtype.kind in "if":
        return held[places]
    return [options[at] for at in places.tolist()]


def front_frame(
    frame: pd.DataFrame, caution: float = 0.0, cost: str | Quantity = "flops"
) -> pd.DataFrame:
    """The Pareto front of accuracy - caution * spread against a quantity, cheapest first.

    Of networks that are equal in both it has the one of fewest multiply-adds, parameters and bytes,
    and of the lowest number, as `nas.objective.Objective.pick` does.
    """
    of = quantity(cost)
    equal = [name for name in _EQUAL if name in frame]
    done = frame.loc[frame["accuracy"].notna(), [*{*equal, "accuracy", "spread", of.column}]]
    done = done.sort_values(equal, kind="stable")
    cautious = done["accuracy"] - caution * done["spread"].astype(float).fillna(0.0)
    amounts = done[of.column].astype(float).map(of.base)
    return frame.loc[done.index[front(cautious, amounts)]].reset_index(drop=True)


@contextlib.contextmanager
def keeping(folder: Path, anew: bool) -> Iterator[None]:
    """Keeps a run's answer as it was before the block writes it anew, where it becomes another.

    Args:
        folder: Of the run.
        anew: Trials were made again, or are of another version of a model; otherwise nothing is
            kept.
    """
    there = [folder / name for name in ANSWER if anew and (folder / name).is_file()]
    if not there:
        yield
        return
    names = itertools.chain([BEFORE], (f"{BEFORE}-{n}" for n in itertools.count(2)))
    before = next(folder / name for name in names if not (folder / name).exists())
    try:
        before.mkdir()
        for path in there:
            shutil.copy2(path, before)
    except OSError as error:
        message = f"{before} can't be written, where the answer so far is kept ({said(error)})"
        raise disk_error(error, f"{message}: free some space, and give the same command") from error
    told = _told(folder)
    yield
    if told is not None and told == _told(folder):
        shutil.rmtree(before)
        tell("note: the answer is the same as before: the same pick and the same trials")
        return
    tell(
        "note: the answer is another one than before, or can't be compared with it: what stood "
        f"there is kept in {before}"
    )


def _told(folder: Path) -> Any:
    """What a run's files say, without times; None where one is damaged."""
    columns, told = ["number", "id", "accuracy", "spread"], list[Any]()
    grid = (folder / "points.csv").is_file()
    try:
        for name in ("trials.csv",) if grid else ("front.csv", "trials.csv"):
            told.append(pd.read_csv(folder / name, dtype=str)[columns].fillna("").values.tolist())
        picked = {"best.json": ("id",), "coefficients.json": (*LETTERS, "pick")}
        for name, keys in picked.items():
            if (place := folder / name).is_file():
                told += [read_json(place).get(key) for key in keys]
        return told
    except (OSError, ValueError, KeyError, AttributeError):
        return None


def write_frame(frame: pd.DataFrame, stem: Path) -> None:
    """Writes `stem`.csv and `stem`.parquet, each in one step."""
    for column, values in frame.items():
        if pd.api.types.is_numeric_dtype(values):
            continue
        kinds = set(map(type, values.dropna()))
        if str in kinds and len(kinds) > 1:  # parquet has one type a column
            frame = frame.assign(**{str(column): values.map(str, na_action="ignore")})
    text = io.BytesIO()  # a text buffer would take four bytes a letter
    frame.to_csv(text, index=False)
    write_atomically(stem.with_suffix(".csv"), text.getvalue())
    write_atomically(stem.with_suffix(".parquet"), frame.to_parquet(index=False))
