"""Tables of a grid's report: its points, and what the rules removed."""

from collections.abc import Mapping
from typing import Any

from gridsearch.grid.grid import REASONS
from gridsearch.report.charts import error
from results.report.page import Table
from results.terminal import percent
from search_spaces.quantities import QUANTITIES
from search_spaces.scaling.coefficients import letters


def point_cells(point: Mapping[str, Any]) -> tuple[str, ...]:
    """A row of points.csv as the table of all points shows it."""
    alpha, beta, gamma = letters(point).values()
    return (
        "pick" if point["pick"] else "",
        alpha,
        beta,
        gamma + "*" * bool(point["moved"]),
        f"{point['product']:.3f}",
        f"{point['ratio']:.3f}",
        str(point["resolution"]),
        *(of.format(point[of.column]) for of in QUANTITIES.values()),
        percent(point["accuracy"], error(point)),
    )


def removed_table(choice: Mapping[str, Any], tolerance: float) -> Table:
    """What each rule removed."""
    aim, window = choice["target_ratio"], choice.get("window")
    values = {
        "tolerance": tolerance,
        "low": aim * (1 - (window or 0)),
        "high": aim * (1 + (window or 0)),
        "memory": QUANTITIES["memory"].format(choice.get("target_memory") or 0),
    }
    asked = {"window": window, "memory": choice.get("target_memory"),
             "unrounded": choice["removed"].get("unrounded")}  # fmt: skip
    rows = [
        (reason.format(**values), f"{choice['removed'].get(name, 0):,}")
        for name, reason in REASONS.items()
        if asked.get(name, True) is not None
        and (name != "same network" or name in choice["removed"])
    ]
    return Table("What the rules removed", ("rule", "removed"), rows)
