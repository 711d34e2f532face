"""The charts of a grid's report, and of a comparison's."""

from collections.abc import Mapping, Sequence
from typing import Any

from gridsearch.family.compare import METHODS
from results.report.charts import (
    BASE,
    FAINT,
    FRONT,
    GRID,
    INK,
    OTHER,
    PICK,
    axis,
    chart,
    dots,
    figure,
    spoken,
)
from results.report.page import Chart
from results.terminal import percent
from search_spaces.quantities import QUANTITIES

Rows = Sequence[Mapping[str, Any]]
LISTED = 40  # points in the chart of accuracies
_LOOKS = (
    ("others", FAINT, "circle", 8),
    ("can't be told from the best", FRONT, "circle", 9),
    ("pick", PICK, "star", 15),
)
_COLOURS = dict(zip(METHODS, (FRONT, BASE, OTHER, PICK), strict=True))
_SYMBOLS = dict(zip(METHODS, ("circle", "square", "diamond", "star"), strict=True))


def said(point: Mapping[str, Any]) -> str:
    """What is shown where a point of the grid is pointed at."""
    state = "pick" if point["pick"] else "can't be told from the best" if point["tied"] else ""
    lines = [
        f"<b>alpha {point['alpha']:.4g}, beta {point['beta']:.4g}, gamma {point['gamma']:.4g}</b>",
        f"top-1 {percent(point['accuracy'], point['half'])} %",
        f"real ratio {point['ratio']:.3f}, product {point['product']:.3f}",
        *(f"{of.title} {of.format(point[of.column])}" for of in QUANTITIES.values()),
        f"{point['resolution']} px, {point['blocks']} blocks"
        + ("; resolution moved" * point["moved"]),
    ]
    return "<br>".join([*lines, state] if state else lines)


def _state(point: Mapping[str, Any]) -> int:
    return 2 if point["pick"] else 1 if point["tied"] else 0


def accuracy_chart(points: Rows) -> Chart:
    """Each point's accuracy with its 95 % interval, the highest first."""
    ranked = sorted(points, key=lambda point: -point["accuracy"])
    shown = [point for i, point in enumerate(ranked) if i < LISTED or point["pick"]][::-1]
    names = [
        f"{point['alpha']:.3g} · {point['beta']:.3g} · {point['gamma']:.3g}" for point in shown
    ]
    for i, name in enumerate(names):  # two moved points may look alike in three digits
        names[i] = name + "\u200b" * names[:i].count(name)
    traces = []
    for state, (title, colour, symbol, size) in enumerate(_LOOKS):
        at = [i for i, point in enumerate(shown) if _state(point) == state]
        some = [shown[i] for i in at]
        if some:
            traces.append(
                dots([point["accuracy"] for point in some], [names[i] for i in at], title, colour,
                     [said(point) for point in some], symbol=symbol, size=size,
                     error_x={"type": "data", "array": [point["half"] or 0 for point in some],
                              "thickness": 1.2, "width": 3, "color": colour})
            )  # fmt: skip
    made = figure(traces, "top-1, %", "alpha · beta · gamma")
    made.update_yaxes(type="category", categoryorder="array", categoryarray=names)
    caption = "Whiskers: 95 % intervals."
    if len(shown) < len(points):
        caption += f" {len(shown)} of {len(points)} points."
    about = f"Top-1 with intervals of {len(shown)} points of the grid."
    return chart("grid-accuracy", made, about, caption, height=110 + 23 * len(shown))


def map_chart(points: Rows) -> Chart:
    """Draws alpha against beta, gamma by size, accuracy by colour."""
    most = max(point["gamma"] for point in points)
    marker = {
        "color": [point["accuracy"] for point in points],
        "colorscale": "Cividis", "showscale": True,
        "size": [8 + 18 * (point["gamma"] - 1) / max(1e-9, most - 1) for point in points],
        "colorbar": {"title": {"text": "top-1, %"}, "thickness": 12, "outlinewidth": 0},
        "line": {"width": [3 if point["pick"] else 1 for point in points],
                 "color": [PICK if point["pick"] else INK for point in points]},
    }  # fmt: skip
    made = figure(
        [dots([point["alpha"] for point in points], [point["beta"] for point in points], "", FRONT,
              [said(point) for point in points])],
        "alpha (depth)", "beta (width)", showlegend=False,
    )  # fmt: skip
    made.update_traces(marker=marker)
    return chart(
        "grid-map",
        made,
        f"{len(points)} points by alpha and beta; size is gamma, colour is top-1.",
        "Size: gamma (resolution), the smallest is 1. Framed: the pick.",
        height=380,
    )


def ratio_chart(points: Rows, aim: float | None, window: float | None) -> Chart:
    """The MACs really reached against the product that was meant to say them.

    Args:
        points: Of the grid.
        aim: The ratio of MACs asked for, None where nothing was chosen yet.
        window: Share of the aim that points were kept within, if there was one.
    """
    traces = []
    for state, (title, colour, symbol, size) in enumerate(_LOOKS):
        some = [point for point in points if _state(point) == state]
        if some:
            x, y = ([point[key] for point in some] for key in ("product", "ratio"))
            texts = [said(point) for point in some]
            traces.append(dots(x, y, title, colour, texts, symbol=symbol, size=size))
    made = figure(traces, "alpha · beta² · gamma²", "MACs / the baseline's")
    caption = "The product says what MACs would grow by without rounding, at phi 1."
    if aim is not None:
        made.add_hline(y=aim, line={"dash": "dash", "color": INK, "width": 1})
        caption += f" Dashed: the {aim:.4g}x asked for"
        if window:
            low, high = aim * (1 - window), aim * (1 + window)
            made.add_hrect(y0=low, y1=high, fillcolor=GRID, opacity=0.6, layer="below",
                           line_width=0)  # fmt: skip
            caption += f", with the window of {100 * window:g} % that is kept"
        caption += "."
    about = "The real ratio of MACs against the product of each point."
    return chart("grid-ratio", made, about, caption, height=360)


def methods_chart(key: str, base: str, rows: Rows) -> Chart:
    """Top-1 against MACs of a baseline, a line for each way to scale it.

    Args:
        key: Of the chart in the page.
        base: The baseline's name.
        rows: The baseline and its scaled networks.
    """
    start = [network for network in rows if network["method"] == "baseline"]
    along = axis(QUANTITIES["flops"], min(network["macs"] for network in rows))
    traces = []
    for method in METHODS:
        some = start + [network for network in rows if network["method"] == method]
        texts = [
            f"<b>{spoken(base)}, {spoken(network['method'])}</b><br>"
            f"top-1 {percent(network['top1'], network['top1_error'])} %<br>"
            f"MACs {QUANTITIES['flops'].format(network['macs'])}, {network['ratio']:.3f}x<br>"
            f"params {QUANTITIES['params'].format(network['params'])}<br>{network['resolution']} px"
            for network in some
        ]
        traces.append(
            dots([along.of(network["macs"]) for network in some],
                 [network["top1"] for network in some], method, _COLOURS[method], texts,
                 symbol=_SYMBOLS[method], mode="lines+markers")
        )  # fmt: skip
    made = figure(traces, along.title, "top-1, %")
    about = f"Top-1 against MACs of {spoken(base)} scaled by {', '.join(METHODS)}."
    return chart(key, made, about, "", height=360)
