"""The charts of a grid's report, and of a comparison's."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from gridsearch.family.compare import METHODS
from gridsearch.report.words import share_text
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
from search_spaces.scaling.coefficients import LETTERS, triple

Rows = Sequence[Mapping[str, Any]]
LISTED = 40  # points in a chart of points or families
_LOOKS = (("others", FAINT, "circle", 8), ("the paper's", BASE, "square", 11),
          ("pick", PICK, "star", 15))  # fmt: skip
_COLOURS = dict(zip(METHODS, (FRONT, BASE, OTHER, PICK), strict=True))
_SYMBOLS = dict(zip(METHODS, ("circle", "square", "diamond", "star"), strict=True))


def named(point: Mapping[str, Any], phi: float) -> str:
    """What a point multiplies, to be read on an axis."""
    times = (f"x{point[one] ** phi:.5g}" for one in LETTERS)
    return " · ".join(f"{of} {x}" for of, x in zip(("depth", "width", "px"), times, strict=True))


def said(point: Mapping[str, Any]) -> str:
    """What is shown where a point of the grid is pointed at."""
    lines = [
        f"<b>{triple(point)}</b>",
        *([f"top-1 {percent(point['accuracy'], error(point))} %"] if point.get("accuracy") else []),
        *_family_said(point),
        f"real ratio {point['ratio']:.3f}, product {point['product']:.3f}",
        *(f"{of.title} {of.format(point[of.column])}" for of in QUANTITIES.values()),
        f"{point['resolution']} px, {point['blocks']} blocks"
        + ("; resolution moved" * bool(point.get("moved"))),
    ]
    return "<br>".join([*lines, "pick"] if point["pick"] else lines)


def _family_said(point: Mapping[str, Any]) -> list[str]:
    """What is expected of the family."""
    if point.get("over_paper") is None:
        return []
    over = f"{point['over_paper']:+.2f} ± {point['over_paper_error'] or 0:.2f}"
    said = [f"family: {point['family']:.2f} %, {over} over the paper's"]
    if point.get("best") is None:
        return [*said, "needs too much memory to be taken"]
    doubt = f"expected loss {point['loss']:.2f}, P(best) {share_text(point['best'])}"
    return [*said, doubt]


def error(point: Mapping[str, Any]) -> float | None:
    """One standard deviation of a point's accuracy; of old files a third of their 95 % interval."""
    if point.get("error") is None and point.get("half") is not None:
        return float(point["half"]) / 1.96
    return point.get("error")


def _state(point: Mapping[str, Any]) -> int:
    return 2 if point["pick"] else 1 if point.get("paper") else 0


def accuracy_chart(points: Rows, phi: float) -> Chart:
    """Each point's accuracy with one standard deviation, the highest first."""
    return _ranked(
        points, phi, "accuracy", error, "top-1, %", "grid-accuracy",
        "Top-1 with its standard deviation",
    )  # fmt: skip


def families_chart(families: Rows, phi: float) -> Chart:
    """What is expected of each family above the paper's, with one standard deviation."""
    return _ranked(
        families, phi, "over_paper", lambda row: row["over_paper_error"],
        "expected top-1 above the paper's family, points", "grid-families",
        "Expected top-1 of families above the paper's",
    )  # fmt: skip


def _ranked(
    rows: Rows,
    phi: float,
    by: str,
    spread: Callable[[Mapping[str, Any]], float | None],
    title: str,
    key: str,
    about: str,
) -> Chart:
    """Rows by one of their figures, the highest first."""
    ranked = sorted(rows, key=lambda row: -row[by])
    shown = [row for i, row in enumerate(ranked) if i < LISTED or _state(row)][::-1]
    names = [named(row, phi) for row in shown]
    for i, name in enumerate(names):  # two may look alike in these digits
        names[i] = name + "\u200b" * names[:i].count(name)
    traces = []
    for state, (called, colour, symbol, size) in enumerate(_LOOKS):
        at = [i for i, row in enumerate(shown) if _state(row) == state]
        some = [shown[i] for i in at]
        if some:
            traces.append(
                dots([row[by] for row in some], [names[i] for i in at], called, colour,
                     [said(row) for row in some], symbol=symbol, size=size,
                     error_x={"type": "data", "array": [spread(row) or 0 for row in some],
                              "thickness": 1.2, "width": 3, "color": colour})
            )  # fmt: skip
    made = figure(traces, title, f"multiplied at phi {phi:g}")
    made.update_yaxes(type="category", categoryorder="array", categoryarray=names)
    caption = "Whiskers: one standard deviation."
    if len(shown) < len(rows):
        caption += f" {len(shown)} of {len(rows)}."
    return chart(key, made, f"{about}, {len(shown)} rows.", caption, height=110 + 23 * len(shown))


def map_chart(points: Rows, by: str = "accuracy", title: str = "top-1, %") -> Chart:
    """Draws alpha against beta, gamma by size, a figure of the points by colour."""
    most = max(point["gamma"] for point in points)
    marker = {
        "color": [point[by] for point in points],
        "colorscale": "Cividis", "showscale": True,
        "size": [8 + 18 * (point["gamma"] - 1) / max(1e-9, most - 1) for point in points],
        "colorbar": {"title": {"text": title}, "thickness": 12, "outlinewidth": 0},
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
        f"{len(points)} points by alpha and beta; size is gamma, colour is {title}.",
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
