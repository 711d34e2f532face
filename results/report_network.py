"""A network drawn: its blocks as bars with their share of the costs, and a table of its stages."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from results.report_charts import BACK, BASE, FRONT, GRID, MUTED, chart, figure
from results.report_page import Chart, Section, Table, Text
from search_spaces.architecture import Architecture, Stage
from search_spaces.cost import Cost, block_cost, cost, total
from search_spaces.layers import Block, Layer, walk
from search_spaces.quantities import QUANTITIES

_KERNELS = {1: "var(--k1)", 3: "var(--k3)", 5: "var(--k5)", 7: "var(--k7)"}


class Part(NamedTuple):
    """The stem, a stage or the head. blocks: costs of each.   first, last: its outer layers."""

    name: str
    stage: Stage | None
    blocks: list[Cost]
    first: Layer
    last: Layer


def parts(architecture: Architecture) -> list[Part]:
    """Stem, stages, head, in order."""
    grouped: dict[str, list[Block]] = {}
    for name, block in walk(architecture):
        grouped.setdefault(name.rpartition(".")[0] or name, []).append(block)
    found = []
    for i, (name, blocks) in enumerate(grouped.items()):
        stage = architecture.stages[i - 1] if name.startswith("stages.") else None
        title = name if stage is None else f"stage {i - 1}"
        costs = [block_cost(block) for block in blocks]
        found.append(Part(title, stage, costs, blocks[0].path[0], blocks[-1].path[-1]))
    return found


def operator(part: Part, architecture: Architecture) -> str:
    """`mbconv e6 k5 se0.25`, as `nas show` has it."""
    stage = part.stage
    if stage is None:
        if part.name == "head":
            return ("conv k1, " if architecture.head else "") + "pool, linear"
        pool = ", max pool" if architecture.stem_pool else ""
        return f"conv k{architecture.stem_kernel}{pool}"
    text = stage.op + ("" if stage.op in ("conv", "dsconv") else f" e{stage.expand}")
    text += f" k{stage.kernel}" + (f" se{stage.se:g}" if stage.se else "")
    return text + (f" skip {stage.skip}" if stage.skip != "identity" else "")


def _kernel(part: Part, architecture: Architecture) -> int:
    if part.stage is not None:
        return part.stage.kernel
    return architecture.stem_kernel if part.name == "stem" else 1


def _blocks(architecture: Architecture) -> Iterator[tuple[Part, int, Cost]]:
    for part in parts(architecture):
        for i, figures in enumerate(part.blocks):
            yield part, i, figures


def _label(part: Part, i: int, figures: Cost, architecture: Architecture) -> str:
    """What is shown where block i of a part is pointed at."""
    whole = cost(architecture)
    of = f", block {i + 1} of {len(part.blocks)}" if len(part.blocks) > 1 else ""
    return (
        f"<b>{part.name}{of}</b><br>{operator(part, architecture)}<br>"
        f"{part.last.out_channels} channels, from {part.first.size_in} px<br>"
        f"MACs {QUANTITIES['flops'].format(figures.macs)} ({figures.macs / whole.macs:.1%})<br>"
        f"params {QUANTITIES['params'].format(figures.params)} "
        f"({figures.params / whole.params:.1%})"
    )


def block_chart(architecture: Architecture, key: str) -> Chart:
    """A bar for each block: MACs upwards, parameters downwards, shares of the whole."""
    import plotly.graph_objects as go

    whole = cost(architecture)
    drawn = list(_blocks(architecture))
    labels = [_label(part, i, figures, architecture) for part, i, figures in drawn]
    ticks: dict[str, list[int]] = {}
    for n, (part, _, _) in enumerate(drawn):
        ticks.setdefault(part.name, []).append(n)
    up = [100 * one.macs / whole.macs for _, _, one in drawn]
    down = [-100 * one.params / whole.params for _, _, one in drawn]
    traces = []
    hatched = ["/" if part.stage and part.stage.se else "" for part, _, _ in drawn]
    for values, name, colour in ((up, "MACs", FRONT), (down, "params", BASE)):
        pattern = {"shape": hatched, "bgcolor": colour, "fgcolor": BACK, "size": 6, "solidity": 0.3}
        traces.append(
            go.Bar(
                x=list(range(len(drawn))), y=values, name=name, hovertext=labels,
                hoverinfo="text", marker={"color": colour, "pattern": pattern},
            )
        )  # fmt: skip
    most = max(*up, *(-one for one in down))
    step = next(s for s in (2, 5, 10, 20, 25, 50) if most / s <= 4)
    marks = [k * step for k in range(-int(most // step) - 1, int(most // step) + 2)]
    made = figure(traces, "", "share of the whole, %", barmode="overlay", bargap=0.18)
    short = {name: name.removeprefix("stage ") for name in ticks}
    made.update_xaxes(
        tickvals=[sum(at) / len(at) for at in ticks.values()],
        ticktext=[short[name] for name in ticks], title_text="stage, input to the left",
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


def _picture(part: Part, architecture: Architecture, widest: int) -> Any:
    """The blocks as an inline drawing: height by channels, colour by kernel, a frame for SE."""
    from markupsafe import Markup

    kernel = _kernel(part, architecture)
    shade = next((k for k in sorted(_KERNELS) if kernel <= k), 7)
    channels = part.last.in_channels if part.name == "head" else part.last.out_channels
    high = min(26.0, 6 + 20 * channels / widest)
    rects = []
    for i in range(len(part.blocks)):
        x, y = 2 + 15 * i, 28 - high
        rects.append(f'<rect class="k{shade}" x="{x}" y="{y:.1f}" width="11" height="{high:.1f}"/>')
        if part.stage is not None and part.stage.se:
            rects.append(
                f'<rect class="se" x="{x}" y="{y:.1f}" width="11" height="{high:.1f}" rx="1"/>'
            )
    width = 4 + 15 * len(part.blocks)
    count = len(part.blocks)
    label = f"{count} block{'s' * (count != 1)}, kernel {kernel}"
    label += ", with squeeze-and-excitation" if part.stage is not None and part.stage.se else ""
    return Markup(  # numbers and our own words only
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
    whole, rows = cost(architecture), []
    found = parts(architecture)
    widest = max(part.last.out_channels for part in found if part.name != "head")
    sums = [total(part.blocks) for part in found]
    macs, params = max(one.macs for one in sums), max(one.params for one in sums)
    for part, figures in zip(found, sums, strict=True):
        pixels = part.first.size_in, part.last.size_out
        rows.append(
            (
                part.name,
                _picture(part, architecture, widest),
                operator(part, architecture),
                f"{pixels[0]} → {pixels[1]}",
                str(part.last.out_channels),
                QUANTITIES["flops"].format(figures.macs),
                _share(figures.macs, whole.macs, macs, False),
                QUANTITIES["params"].format(figures.params),
                _share(figures.params, whole.params, params, True),
            )
        )
    columns = ("", "blocks", "operator", "px", "channels", "MACs", "share", "params", "share")
    return Table(caption, columns, rows, left=3)


def network_section(architecture: Architecture, title: str) -> Section:
    """A network drawn."""
    a = architecture
    about = (
        f"{a.name or 'Network'}, id {a.id}: {a.blocks} blocks, {a.resolution} px, {a.classes} "
        f"classes, {a.activation}, dropout {a.dropout:g}, drop-connect {a.drop_connect:g}. "
        f"{cost(a).macs:,} MACs, {cost(a).params:,} params."
    )
    table = stage_table(
        a, "Blocks: height by channels, colour by kernel, framed with squeeze-and-excitation"
    )
    return Section(
        "network", "Network", title, [Text(about), block_chart(a, "network-chart"), table]
    )
