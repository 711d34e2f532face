"""The plots of `gridsearch compare`, after figures 3 and 4 of Tan & Le 2019."""

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from gridsearch.family.compare import FIGURE_4, METHODS, Scaled, measured
from nas.evaluators import Evaluator
from results.runs.files import write_atomically
from search_spaces.architecture import Architecture
from search_spaces.cost import cost
from search_spaces.scaling.rules import Multipliers, scale

MARKS = {"depth": "v", "width": "s", "resolution": "o", "compound": "*"}
WIDTHS = (1.0, 1.2, 1.4, 1.6, 1.8, 2.0, 2.4, 2.8, 3.2, 3.8)


def _figure(columns: int) -> tuple[Any, Any]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(4.4 * columns, 3.8), layout="constrained", dpi=120)
    return figure, figure.subplots(1, columns, squeeze=False)[0]


def _write(figure: Any, path: Path) -> None:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    write_atomically(path, buffer.getvalue())


def plot_methods(path: Path, scaled: Sequence[Scaled], caption: str) -> None:
    """Top-1 against MACs for each method, one panel a baseline (figure 3, table 3)."""
    names = list(dict.fromkeys(network.baseline for network in scaled))
    figure, axes = _figure(len(names))
    for axis, name in zip(axes, names, strict=True):
        base = next(
            network
            for network in scaled
            if network.baseline == name and network.method == "baseline"
        )
        for method in METHODS:
            line = [base] + [o for o in scaled if (o.baseline, o.method) == (name, method)]
            axis.plot(
                [cost(network.architecture).macs / 1e9 for network in line],
                [network.measured.accuracy if network.measured else None for network in line],
                marker=MARKS[method],
                label=method,
            )
        axis.set_xscale("log")
        at = {o.target: cost(o.architecture).macs / 1e9 for o in scaled if o.baseline == name}
        shown = list(at.values())
        axis.set_xticks(shown, [f"{tick:.2g}" for tick in shown])
        axis.minorticks_off()
        axis.set_title(name)
        axis.set_xlabel("MACs, 1e9 multiply-adds")
    axes[0].set_ylabel("ImageNet top-1, %")
    axes[0].legend()
    figure.suptitle(caption, fontsize=8)
    _write(figure, path)


def plot_widths(
    path: Path, baseline: Architecture, evaluator: Evaluator, caption: str
) -> list[tuple[float, float, float, int, float]]:
    """Width scaled at several depths and resolutions (figure 4).

    Returns:
        What was drawn, as rows of (depth, resolution, width, MACs, top-1).
    """
    figure, axes = _figure(1)
    rows = []
    for depth, resolution in FIGURE_4:
        networks = [scale(baseline, Multipliers(depth, width, resolution)) for width in WIDTHS]
        line = [(cost(n).macs, measured(evaluator, n).accuracy) for n in networks]
        axes[0].plot(
            [macs / 1e9 for macs, _ in line],
            [top1 for _, top1 in line],
            marker=".",
            label=f"d={depth:g}, r={resolution:g}",
        )
        rows += [(depth, resolution, w, *point) for w, point in zip(WIDTHS, line, strict=True)]
    axes[0].set_xscale("log")
    axes[0].set_xlabel("MACs, 1e9 multiply-adds")
    axes[0].set_ylabel("ImageNet top-1, %")
    axes[0].set_title(f"{baseline.name or baseline.id}: width at fixed depth and resolution")
    axes[0].title.set_fontsize(9)
    axes[0].legend()
    figure.suptitle(caption, fontsize=6)
    _write(figure, path)
    return rows
