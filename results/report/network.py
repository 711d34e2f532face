"""A network drawn: its blocks as bars with their share of the costs, and a table of its stages."""

from collections.abc import Iterator
from typing import Any

from results.report.charts import BACK, BASE, FRONT, GRID, MUTED, chart, figure
from results.report.page import Chart, Section, Table, Text
from search_spaces.architecture import Architecture
from search_spaces.cost import Cost, cost
from search_spaces.quantities import QUANTITIES
from search_spaces.stages import StageRow, pixels_text, rows

_KERNELS = {1: "var(--k1)", 3: "var(--k3)", 5: "var(--k5)", 7: "var(--k7)"}


def title(row: StageRow) -> str:
    """A row's name as it is shown: `stem`, `stage 3`, `head`."""
    return row.name if row.stage is None else f"stage {row.name}"


def _kernel(row: StageRow, architecture: Architecture) -> int:
    if row.stage is not None:
        return row.stage.kernel
    return architecture.stem_kernel if row.name == "stem" else 1


def _blocks(architecture: Architecture) -> Iterator[tuple[StageRow, int, Cost]]:
    """Each block as its row, its number in it, and its costs."""
    for row in rows(architecture):
        for i, figures in enumerate(row.blocks):
            yield row, i, figures


def _label(row: StageRow, i: int, figures: Cost, whole: Cost) -> str:
    """What is shown where block i of a row is pointed at."""
    of = f", block {i + 1} of {row.layers}" if row.layers > 1 else ""
    return (
        f"<b>{title(row)}{of}</b><br>{row.operator}<br>"
        f"{row.channels} channels, from {row.size} px<br>"
        f"MACs {QUANTITIES['flops'].format(figures.macs)} ({figures.macs / whole.macs:.1%})<br>"
        f"params {QUANTITIES['params'].format(figures.params)} "
        f"({figures.params / whole.params:.1%})"
    )


def block_chart(architecture: Architecture, key: str) -> Chart:
    """A bar for each block: MACs upwards, parameters downwards, shares of the whole."""
    import plotly.graph_objects as go

    whole = cost(architecture)
    drawn = list(_blocks(architecture))
    labels = [_label(row, i, figures, whole) for row, i, figures in drawn]
    ticks: dict[str, list[int]] = {}
    for n, (row, _, _) in enumerate(drawn):
        ticks.setdefault(row.name, []).append(n)
    up = [100 * figures.macs / whole.macs for _, _, figures in drawn]
    down = [-100 * figures.params / whole.params for _, _, figures in drawn]
    traces = []
    hatched = ["/" if row.stage and row.stage.se else "" for row, _, _ in drawn]
    for values, name, colour in ((up, "MACs", FRONT), (down, "params", BASE)):
        pattern = {"shape": hatched, "bgcolor": colour, "fgcolor": BACK, "size": 6, "solidity": 0.3}
        traces.append(
            go.Bar(
                x=list(range(len(drawn))), y=values, name=name, hovertext=labels,
                hoverinfo="text", marker={"color": colour, "pattern": pattern},
            )
        )  # fmt: skip
    most = max(*up, *(-share for share in down))
    step = next(s for s in (2, 5, 10, 20, 25, 50) if most / s <= 4)
    marks = [k * step for k in range(-int(most // step) - 1, int(most // step) + 2)]
    made = figure(traces, "", "share of the whole, %", barmode="overlay", bargap=0.18)
    made.update_xaxes(
        tickvals=[sum(at) / len(at) for at in ticks.values()],
        ticktext=[*ticks], title_text="stage, input to the left",
        showgrid=False,
    )  # fmt: skip
    for at in list(ticks.values())[1:]:
        made.add_vline(x=at[0] - 0.5, line={"color": GRID, "width": 1})
    made.update_yaxes(tickvals=marks, ticktext=[str(abs(mark)) for mark in marks])
    made.add_hline(y=0, line={"color": MUTED, "width": 1})
    return chart(
        key,
        made,
        f"Bars for {len(drawn)} blocks from stem to head: share of MACs upwards, of params down.",
        "Each bar is a block. Upwards its share of the MACs, downwards of the params. Hatched: "
        "with squeeze-and-excitation.",
        height=360,
    )


def _picture(row: StageRow, architecture: Architecture, widest: int) -> Any:
    """The blocks as an inline drawing: height by channels, colour by kernel, a frame for SE."""
    from markupsafe import Markup

    kernel = _kernel(row, architecture)
    shade = next((k for k in sorted(_KERNELS) if kernel <= k), 7)
    a = architecture
    channels = (a.head or a.stages[-1].channels) if row.name == "head" else row.channels
    high = min(26.0, 6 + 20 * channels / widest)
    rects = []
    for i in range(row.layers):
        x, y = 2 + 15 * i, 28 - high
        rects.append(f'<rect class="k{shade}" x="{x}" y="{y:.1f}" width="11" height="{high:.1f}"/>')
        if row.stage is not None and row.stage.se:
            rects.append(
                f'<rect class="se" x="{x}" y="{y:.1f}" width="11" height="{high:.1f}" rx="1"/>'
            )
    width = 4 + 15 * row.layers
    count = row.layers
    label = f"{count} block{'s' * (count != 1)}, kernel {kernel}"
    label += ", with squeeze-and-excitation" if row.stage is not None and row.stage.se else ""
    return Markup(  # safe without escaping: it has numbers and our own words only
        f'<svg class="blocks" width="{width}" height="30" role="img" aria-label="{label}">'
        f"<title>{label}</title>{''.join(rects)}</svg>"
    )


def _share(value: float, whole: float, largest: float, second: bool) -> Any:
    """A share in words, and as a bar on the scale of the largest."""
    from markupsafe import Markup

    width = 100 * value / largest if largest else 0.0
    return Markup(
        '<span class="share{}"><span class="track"><i style="width:{:.1f}%"></i></span>'
        "<span>{:.1f} %</span></span>"
    ).format(" second" if second else "", width, 100 * value / whole if whole else 0.0)


def stage_table(architecture: Architecture, caption: str) -> Table:
    """Stem, stages and head: blocks drawn, operator, shapes, shares of MACs and params."""
    whole, body, stages = cost(architecture), [], rows(architecture)
    widest = max(row.channels for row in stages if row.name != "head")
    macs, params = (max(getattr(row.cost, of) for row in stages) for of in ("macs", "params"))
    for row in stages:
        body.append(
            (
                title(row),
                _picture(row, architecture, widest),
                row.operator,
                f"{row.size} → {row.size_out}",
                str(row.channels),
                QUANTITIES["flops"].format(row.cost.macs),
                _share(row.cost.macs, whole.macs, macs, False),
                QUANTITIES["params"].format(row.cost.params),
                _share(row.cost.params, whole.params, params, True),
            )
        )
    columns = ("", "blocks", "operator", "px", "channels", "MACs", "share", "params", "share")
    return Table(caption, columns, body, left=3)


def network_section(architecture: Architecture, heading: str) -> Section:
    """A network drawn: a sentence about it, its blocks and its stages."""
    a = architecture
    about = (
        f"{a.name or 'Network'}, id {a.id}: {a.blocks} blocks, {pixels_text(a)}, {a.classes} "
        f"classes, {a.activation}, dropout {a.dropout:g}, drop-connect {a.drop_connect:g}. "
        f"{cost(a).macs:,} MACs, {cost(a).params:,} params."
    )
    table = stage_table(
        a, "Blocks: height by channels, colour by kernel, framed with squeeze-and-excitation"
    )
    return Section(
        "network", "Network", heading, [Text(about), block_chart(a, "network-chart"), table]
    )
