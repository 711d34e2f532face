"""Trials as pandas frames, and frames as files."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from results.runs.files import write_atomically
from results.runs.front import front
from results.runs.records import Trial
from search_spaces.costs import remember
from search_spaces.quantities import Quantity, quantity
from search_spaces.space import Chosen

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
    for at in range(0, len(trials), TOGETHER):
        remember([trial.architecture for trial in trials[at : at + TOGETHER]])
    costs = [trial.cost for trial in trials]
    columns: dict[str, list[Any]] = {
        "number": [trial.number for trial in trials],
        "id": [trial.architecture.id for trial in trials],
        "accuracy": [trial.accuracy for trial in trials],
        "spread": [trial.spread for trial in trials],
        "macs": [cost.macs for cost in costs],
        "params": [cost.params for cost in costs],
        "activations": [cost.activations for cost in costs],
        "memory": [cost.memory for cost in costs],
        "activation_memory": [cost.activation_memory for cost in costs],
        **_predicted(trials, quantities),
        "budget": [trial.budget for trial in trials],
        "seed": [trial.seed for trial in trials],
        "seconds": [trial.seconds for trial in trials],
        "error": [trial.error for trial in trials],
    }
    chosen = {
        f"choice.{name}" if name in columns else name: column
        for name, column in _chosen(trials).items()
    }
    return pd.DataFrame(columns | chosen)


def _predicted(trials: Sequence[Trial], quantities: Sequence[Quantity]) -> dict[str, list[Any]]:
    """What devices predict, a column each."""
    rows = [
        {k: v for of in quantities for k, v in of.figures(trial.architecture).items()}
        for trial in (trials if quantities else ())
    ]
    names = dict.fromkeys(name for row in rows for name in row)
    return {name: [row.get(name, float("nan")) for row in rows] for name in names}


def _chosen(trials: Sequence[Trial]) -> dict[str, list[Any]]:
    """The choices of trials, a column each."""
    every = [trial.values for trial in trials]
    codes = [values.code for values in every if isinstance(values, Chosen)]
    lists = {id(values.options): values.options for values in every if isinstance(values, Chosen)}
    if every and len(codes) == len(every) and len({tuple(o.choices) for o in lists.values()}) == 1:
        choices = next(iter(lists.values())).choices
        return {
            name: [options[at] for at in column]
            for (name, options), column in zip(
                choices.items(), zip(*codes, strict=True), strict=True
            )
        }
    names = dict.fromkeys(name for values in every for name in values)
    return {name: [values.get(name, float("nan")) for values in every] for name in names}


def front_frame(
    frame: pd.DataFrame, caution: float = 0.0, cost: str | Quantity = "flops"
) -> pd.DataFrame:
    """The Pareto front of accuracy - caution * spread against a quantity, cheapest first."""
    of = quantity(cost)
    done = frame[frame["accuracy"].notna()]
    cautious = done["accuracy"] - caution * done["spread"].astype(float).fillna(0.0)
    amounts = done[of.column].astype(float).map(of.base)
    return done.iloc[front(cautious, amounts)].reset_index(drop=True)


def write_frame(frame: pd.DataFrame, stem: Path) -> None:
    """Writes `stem`.csv and `stem`.parquet, each in one step."""
    for column, values in frame.items():
        if pd.api.types.is_numeric_dtype(values):
            continue
        kinds = set(map(type, values.dropna()))
        if str in kinds and len(kinds) > 1:  # parquet has one type a column
            frame = frame.assign(**{str(column): values.map(str, na_action="ignore")})
    write_atomically(stem.with_suffix(".csv"), frame.to_csv(index=False).encode())
    write_atomically(stem.with_suffix(".parquet"), frame.to_parquet(index=False))
