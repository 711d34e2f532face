"""Trials as pandas frames, and frames as files."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from results.runs.files import write_atomically
from results.runs.front import front
from results.runs.records import Trial
from search_spaces.quantities import Quantity, quantity

_FIRST = (
    "number", "id", "accuracy", "spread", "macs", "params", "activations", "memory",
    "activation_memory",
)  # fmt: skip


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
    rows = []
    for trial in trials:
        cost = trial.cost
        row: dict[str, Any] = {
            "number": trial.number,
            "id": trial.architecture.id,
            "accuracy": trial.accuracy,
            "spread": trial.spread,
            **cost.columns,
            "activation_memory": cost.activation_memory,
            **{
                k: v
                for quantity in quantities
                for k, v in quantity.figures(trial.architecture).items()
            },
            "budget": trial.budget,
            "seed": trial.seed,
            "seconds": trial.seconds,
            "error": trial.error,
        }
        choices = {f"choice.{k}" if k in row else k: value for k, value in trial.values.items()}
        rows.append(row | choices)
    columns = None if rows else [*_FIRST, "budget", "seed", "seconds", "error"]
    return pd.DataFrame(rows, columns=columns)


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
        kinds = set(map(type, values.dropna()))
        if str in kinds and len(kinds) > 1:  # parquet has one type a column
            frame = frame.assign(**{str(column): values.map(str, na_action="ignore")})
    write_atomically(stem.with_suffix(".csv"), frame.to_csv(index=False).encode())
    write_atomically(stem.with_suffix(".parquet"), frame.to_parquet(index=False))
