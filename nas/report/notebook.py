"""How a search's result shows in a notebook: the pick beside the others, its picture, the front."""

import io
from collections.abc import Sequence
from html import escape
from typing import Any

from nas.report.words import scaled_to
from nas.search.conclude import Result
from search_spaces.quantities import Quantity
from search_spaces.stages import MACS, MEMORY, PARAMS, drawing


def html(result: Result) -> str:
    """A search's result as tables and pictures that need nothing but the page they stand in."""
    best = result.best
    if best is None or result.pick is None:
        return f"<p>{len(result.trials)} trials in {escape(str(result.folder))}, no pick</p>"
    of, predicted = result.plan.objective.of_quantity, result.plan.predicted
    named = {
        "pick": best, "other objective's": best["other"],
        f"EfficientNet-B0 scaled to {scaled_to(best)}": best["otherwise"]["scaled_b0"],
        "EfficientNet-B0": best["baseline"],
    }  # fmt: skip
    titles = [
        "",
        *(quantity.title for quantity in predicted),
        "MACs",
        "params",
        "memory",
        best.get("unit", "top-1 %"),
    ]
    body = [
        [name, *(quantity.text(row) for quantity in predicted), MACS.format(row["macs"]),
         PARAMS.format(row["params"]), MEMORY.format(row["memory"]), _accuracy(row)]
        for name, row in named.items()
        if row is not None
    ]  # fmt: skip
    says = f"{len(result.trials):,} networks, T = {of.format(best['target'])} {of.title}"
    return (
        f"<div><p>{escape(says)}; {escape(str(result.folder))}</p>{_table(titles, body)}"
        f"{drawing(result.pick.architecture)}{front_picture(result, of)}</div>"
    )


def _accuracy(row: dict[str, Any]) -> str:
    if row["accuracy"] is None:
        return "-"
    return f"{row['accuracy']:.2f}" + (f" ± {row['spread']:.2f}" if row["spread"] else "")


def _table(titles: Sequence[str], body: Sequence[Sequence[str]]) -> str:
    head = "".join(f"<th>{escape(text)}</th>" for text in titles)
    lines = ("".join(f"<td>{escape(text)}</td>" for text in cells) for cells in body)
    rows = "".join(f"<tr>{line}</tr>" for line in lines)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"


def front_picture(result: Result, of: Quantity) -> str:
    """An SVG picture of accuracy against the target's quantity: trials, the front, the pick."""
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    cost = result.plan.objective.cost
    able = [trial for trial in result.trials if trial.accuracy is not None]
    able = able[:: max(1, len(able) // 600)]  # a picture of some hundred dots says as much
    assert result.pick is not None
    some, front, pick = (
        ([cost(t.architecture) for t in trials], [t.accuracy or 0.0 for t in trials])
        for trials in (able, result.front, [result.pick])
    )
    figure = Figure(figsize=(7.2, 3), layout="constrained")
    axis = figure.subplots()
    axis.scatter(*some, s=5, color="#888888", linewidths=0)
    axis.plot(*front, marker=".", color="#0072B2", label="the front")
    axis.plot(*pick, "o", markersize=9, color="#D55E00", label="the pick")
    axis.xaxis.set_major_formatter(lambda value, _: of.format(value))
    axis.set_xlabel(of.title)
    axis.set_ylabel((result.best or {}).get("unit", "top-1 %"))
    axis.legend()
    picture = io.StringIO()
    with rc_context({"svg.fonttype": "none"}):
        figure.savefig(picture, format="svg", metadata={"Date": None})
    svg = picture.getvalue()
    return svg[svg.index("<svg") :]


# Set from here, since a result does not know how it is drawn.
Result._repr_html_ = html  # type: ignore[attr-defined]
