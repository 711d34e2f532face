"""What the charts of the reports have in common: axes in a quantity's units, look, thinning."""

import html
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from results.report.page import Chart
from search_spaces.quantities import Quantity

# Names of colours; assets/page.css gives their values, for a light and a dark theme.
INK, MUTED, GRID, BACK = "var(--ink)", "var(--muted)", "var(--grid)", "var(--bg)"
FAINT, FRONT, PICK = "var(--faint)", "var(--front)", "var(--pick)"
BASE, OTHER, ALARM = "var(--base)", "var(--other)", "var(--alarm)"
MOST = 4000  # faint points in a chart at most


@dataclass(frozen=True)
class Axis:
    """A quantity's axis.

    Attributes:
        quantity: What is drawn.
        title: With the unit.
        factor: Base units in one of the axis's.
    """

    quantity: Quantity
    title: str
    factor: float

    def of(self, base: float) -> float:
        """A base value as the axis shows it; an inverse quantity by its inverse."""
        return (1 / base if self.quantity.inverse else base) / self.factor


def axis(quantity: Quantity, typical: float) -> Axis:
    """The axis in the unit that suits `typical`, a base value."""
    shown = 1 / typical if quantity.inverse else typical
    unit, factor = next((u for u in quantity.shown if shown >= u[1]), quantity.shown[-1])
    title = quantity.title + (f" ({unit.strip()})" if unit.strip() else "")
    return Axis(quantity, title, factor)


def spoken(text: Any) -> str:
    """A text from a file for plotly, whose labels take tags."""
    return html.escape(str(text), quote=False)


def thin(n: int, most: int = MOST) -> NDArray[np.intp]:
    """Indices of at most `most` of n points, evenly spread, the first and last among them."""
    if n <= most:
        return np.arange(n)
    return np.unique(np.linspace(0, n - 1, most).round().astype(np.intp))


def figure(traces: Sequence[Any], x: str, y: str, **layout: Any) -> Any:
    """A plotly figure in the reports' look.

    Args:
        traces: Of plotly.
        x: Title of the axis.
        y: Title of the axis.
        **layout: Of plotly, over ours.
    """
    import plotly.graph_objects as go

    lines = {
        "gridcolor": GRID, "linecolor": MUTED, "zeroline": False, "automargin": True,
        "tickfont": {"color": MUTED}, "title": {"font": {"color": MUTED, "size": 13}},
        "exponentformat": "none",
    }  # fmt: skip
    made = go.Figure(list(traces))
    made.update_layout(
        template="none", paper_bgcolor=BACK, plot_bgcolor=BACK, hovermode="closest",
        font={"color": INK, "size": 13, "family": "system-ui, sans-serif"},
        margin={"l": 12, "r": 22, "t": 34 if len(traces) > 1 else 10, "b": 12},
        legend={"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom", "font": {"size": 12}},
        hoverlabel={"bgcolor": BACK, "bordercolor": MUTED, "font": {"color": INK, "size": 12},
                    "align": "left"},
    )  # fmt: skip
    made.update_xaxes(**lines)
    made.update_yaxes(**lines)
    made.update_xaxes(title_text=x)
    made.update_yaxes(title_text=y)
    return made.update_layout(**layout)


def chart(key: str, made: Any, label: str, caption: str = "", height: int = 420) -> Chart:
    """The figure as a part of a page; see `Chart`."""
    return Chart(key, _strict(made), label, caption, height)


def _strict(made: Any) -> str:
    """JSON that a browser takes: plain lists, null for what is not finite."""

    def plain(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: plain(part) for key, part in value.items() if key != "template"}
        if isinstance(value, list | tuple | np.ndarray):
            return [plain(part) for part in value]
        if isinstance(value, np.generic):
            value = value.item()
        return None if isinstance(value, float) and not math.isfinite(value) else value

    return json.dumps(plain(made.to_plotly_json()), separators=(",", ":"))


def dots(
    x: Any, y: Any, name: str, colour: str, texts: Sequence[str] | None = None, **more: Any
) -> Any:
    """Points with a label each, as a plotly trace.

    Args:
        x: Values.
        y: Values.
        name: In the legend.
        colour: Of the markers.
        texts: Shown where a point is pointed at.
        **more: symbol, size, opacity and edge are the markers'; the rest is the trace's.
    """
    import plotly.graph_objects as go

    marker = {
        "color": colour,
        "size": more.pop("size", 8),
        "symbol": more.pop("symbol", "circle"),
        "opacity": more.pop("opacity", 1.0),
        "line": {"width": more.pop("edge", 0), "color": BACK},
    }
    shown: dict[str, Any] = {} if texts is None else {"text": list(texts), "hoverinfo": "text"}
    return go.Scatter(
        x=list(x), y=list(y), name=name, mode=more.pop("mode", "markers"), marker=marker,
        **shown, **more,
    )  # fmt: skip


def upright(made: Any, x: float, text: str) -> None:
    """Draws a dashed line across the chart at x, with its name."""
    made.add_vline(
        x=x, line={"dash": "dash", "color": MUTED, "width": 1.5},
        annotation={"text": text, "font": {"color": MUTED, "size": 12}, "yanchor": "bottom",
                    "xanchor": "right", "textangle": 0, "y": 0, "yref": "paper"},
    )  # fmt: skip
