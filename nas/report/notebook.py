"""How a search's result shows in a notebook: the pick beside the others, its picture, the front."""

from collections.abc import Sequence
from html import escape
from typing import Any

from nas.search.conclude import Result
from search_spaces.quantities import Quantity
from search_spaces.stages import MACS, MEMORY, PARAMS, drawing

WIDTH, HEIGHT, EDGE = 720, 300, 44  # pixels of the picture of the front


def html(result: Result) -> str:
    """A search's result as tables and pictures that need nothing but the page they stand in."""
    best = result.best
    if best is None or result.pick is None:
        return f"<p>{len(result.trials)} trials in {escape(str(result.folder))}, no pick</p>"
    of, predicted = result.plan.objective.of_quantity, result.plan.predicted
    named = {"pick": best, "other objective's": best["other"], "EfficientNet-B0": best["baseline"]}
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
    cost = result.plan.objective.cost
    able = [trial for trial in result.trials if trial.accuracy is not None]
    able = able[:: max(1, len(able) // 600)]  # a picture of some hundred dots says as much
    points = [(cost(t.architecture), t.accuracy or 0.0) for t in able]
    front = [(cost(t.architecture), t.accuracy or 0.0) for t in result.front]
    assert result.pick is not None
    pick = (cost(result.pick.architecture), result.pick.accuracy or 0.0)
    xs, ys = zip(*points, *front, pick, strict=True)
    low, high, bottom, top = min(xs), max(xs), min(ys), max(ys)
    unit = (result.best or {}).get("unit")
    sign, name = (" %", "top-1") if unit is None else ("", unit)

    def at(point: tuple[float, float]) -> tuple[float, float]:
        x = EDGE + (WIDTH - 2 * EDGE) * (point[0] - low) / ((high - low) or 1)
        return x, HEIGHT - EDGE - (HEIGHT - 1.5 * EDGE) * (point[1] - bottom) / (
            (top - bottom) or 1
        )

    def dot(point: tuple[float, float], radius: float, fill: str) -> str:
        x, y = at(point)
        label = f"{of.format(point[0])}, {point[1]:.2f}{sign}"
        return (
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius}" fill="{fill}">'
            f"<title>{escape(label)}</title></circle>"
        )

    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in map(at, front))
    heights = (f"{bottom:.1f}{sign}", f"{top:.1f}{sign} {name}")
    labels = _axis_labels(of.format(low), f"{of.format(high)} {of.title}", *heights)
    return (
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="accuracy against {of.title}" '
        'style="width:100%;max-width:60em" xmlns="http://www.w3.org/2000/svg" '
        'font-family="sans-serif" font-size="12" fill="currentColor">'
        f"{''.join(dot(point, 2, '#8888') for point in points)}"
        f'<polyline points="{line}" fill="none" stroke="#0072B2" stroke-width="1.5"/>'
        f"{''.join(dot(point, 3, '#0072B2') for point in front)}{dot(pick, 6, '#D55E00')}"
        f"{labels}</svg>"
    )


def _axis_labels(left: str, right: str, bottom: str, top: str) -> str:
    """The texts at the ends of both axes, as SVG."""
    texts = [
        (EDGE, HEIGHT - 12, "start", left),
        (WIDTH - EDGE, HEIGHT - 12, "end", right),
        (4, 14, "start", top),
        (4, HEIGHT - EDGE, "start", bottom),
    ]
    return "".join(
        f'<text x="{x}" y="{y}" text-anchor="{anchor}">{escape(text)}</text>'
        for x, y, anchor, text in texts
    )


# Set from here, since a result does not know how it is drawn.
Result._repr_html_ = html  # type: ignore[attr-defined]
