"""A network row by row, as the papers' tables show it, and drawn: for terminals and notebooks."""

from dataclasses import dataclass
from html import escape

from search_spaces.architecture import Architecture, Stage
from search_spaces.cost import Cost, block_cost, cost, total
from search_spaces.layers import ONE, ends_of, head, stage_blocks, stage_inputs, stem
from search_spaces.quantities import QUANTITIES
from search_spaces.rounding import Size

WIDTH, HEIGHT = 720, 190  # of the drawing, pixels
MACS, PARAMS, MEMORY = (QUANTITIES[name] for name in ("flops", "params", "memory"))


@dataclass(frozen=True)
class StageRow:
    """Stem, a stage or the head.

    Attributes:
        name: `stem`, `0`, `1`, ..., `head`.
        operator: As `operator` gives it.
        stage: None of the ends.
        size, size_out: Height and width of its input, and of its output.
        channels: Of its output.
        stride: Of the first block.
        blocks: Their costs.
    """

    name: str
    operator: str
    stage: Stage | None
    size: Size
    size_out: Size
    channels: int
    stride: int
    blocks: tuple[Cost, ...]

    @property
    def layers(self) -> int:
        """Blocks, as the papers' tables count them."""
        return len(self.blocks)

    @property
    def cost(self) -> Cost:
        """Of the whole."""
        return total(self.blocks)


def rows(architecture: Architecture) -> list[StageRow]:
    """From the input to the logits."""
    a, inputs = architecture, stage_inputs(architecture)
    ends = ends_of(a, inputs)
    first = stem(ends)
    text = f"conv k{a.stem_kernel}x{a.stem_kernel}" + (" and max pool" if a.stem_pool else "")
    whole: tuple[Cost, ...] = (block_cost(first),)
    after = first.path[-1].size_out
    listed = [StageRow("stem", text, None, a.size, after, a.stem, a.stem_stride, whole)]
    for i, (stage, channels, size) in enumerate(inputs):
        whole = tuple(block_cost(block) for block in stage_blocks(stage, channels, size))
        shape = (size, size.after(stage.stride), stage.channels, stage.stride)
        listed.append(StageRow(str(i), operator(stage), stage, *shape, whole))
    text = ("conv k1x1, " if a.head else "") + "pool, " + ("mix, " if a.mix else "") + "linear"
    whole = (block_cost(head(ends)),)
    return [*listed, StageRow("head", text, None, ends.size, ONE, a.classes, 1, whole)]


def operator(stage: Stage) -> str:
    """The stage's blocks as `mbconv e6 k3x3 se0.25`.

    An activation of its own is there too; SE's ratio to the expanded channels is `se0.25x`, its own
    width `se24c`. `mbconv e1 k3x3` is depthwise separable (timm's `ds`), `mbconv e1 k1x1+k3x3`
    has a 1x1 conv before the depthwise one all the same (timm's `ir_..._e1`).
    """
    text = stage.op if stage.op in ("conv", "dsconv") else f"{stage.op} e{stage.expand:.3g}"
    text += f" {'k1x1+' * stage.keep_expansion}k{stage.kernel}x{stage.kernel}"
    unit = {"input": "", "expanded": "x", "channels": "c"}[stage.se_from]
    text += f" se{stage.se:g}{unit}" if stage.se else ""
    text += f" skip {stage.skip}" if stage.skip != "identity" else ""
    return text + (f" {stage.activation}" if stage.activation else "")


def drawing(architecture: Architecture) -> str:
    """An SVG picture with a bar for each block.

    A bar is as high as its channels and as wide as its share of the MACs; the label is its
    resolution, the tooltip its operator and costs.
    """
    listed = rows(architecture)
    whole = sum(row.cost.macs for row in listed)
    most = max(row.channels for row in listed[:-1])
    blocks = sum(row.layers for row in listed)
    room, x, parts = WIDTH - 3 * blocks - 6 * len(listed), 0.0, []
    for n, row in enumerate(listed):
        share = row.cost.macs / whole
        wide = max(1.5, room * share / row.layers)
        tall = 24 + (HEIGHT - 70) * (min(row.channels, most) / most) ** 0.5
        shown = f"{row.name}: {row.operator}, {row.layers} x {row.channels} channels at "
        shown += f"{row.size} px, {MACS.format(row.cost.macs)} MACs ({share:.0%})"
        begun = x
        bars = []
        for _ in range(row.layers):
            bars.append(
                f'<rect x="{x:.1f}" y="{HEIGHT - 26 - tall:.1f}" width="{wide:.1f}" '
                f'height="{tall:.1f}" rx="1.5"/>'
            )
            x += wide + 3
        shade = ("#0072B2", "#56B4E9")[n % 2]
        middle = (begun + x - 3) / 2
        parts.append(
            f'<g fill="{shade}"><title>{escape(shown)}</title>{"".join(bars)}</g>'
            f'<text x="{middle:.1f}" y="{HEIGHT - 10}" text-anchor="middle">{row.size}</text>'
        )
        x += 6
    label = f"{architecture.name or architecture.id}: {len(architecture.stages)} stages"
    return (
        f'<svg viewBox="0 0 {max(x, WIDTH):.0f} {HEIGHT}" role="img" aria-label="{escape(label)}" '
        'style="width:100%;max-width:60em" xmlns="http://www.w3.org/2000/svg" '
        f'font-family="sans-serif" font-size="11" fill="currentColor">{"".join(parts)}</svg>'
    )


def pixels_text(architecture: Architecture) -> str:
    """What the network takes: `224 px`, `96x160 px`, `48 px of 1 channel`."""
    n = architecture.in_channels
    of = "" if n == 3 else f" of {n} channel{'s' * (n > 1)}"
    return f"{architecture.size} px{of}"


def html(architecture: Architecture) -> str:
    """The drawing and the table, for a notebook."""
    a, whole = architecture, cost(architecture)
    titles = ("stage", "operator", "in px", "channels", "layers", "stride", "MACs", "params",
              "live")  # fmt: skip
    body = []
    for row in rows(a):
        figures = (MACS.format(row.cost.macs), PARAMS.format(row.cost.params),
                   MEMORY.format(row.cost.activation_memory))  # fmt: skip
        cells = (row.name, row.operator, row.size, row.channels, row.layers, row.stride, *figures)
        body.append("<tr>" + "".join(f"<td>{escape(str(cell))}</td>" for cell in cells) + "</tr>")
    head = "".join(f"<th>{cell}</th>" for cell in titles)
    caption = (
        f"<b>{escape(a.name or a.id)}</b>: {MACS.format(whole.macs)} MACs, "
        f"{PARAMS.format(whole.params)} params, {MEMORY.format(whole.memory)} peak memory, "
        f"{pixels_text(a)}, {a.classes} classes"
    )
    return (
        f"<div>{caption}{drawing(a)}<table><thead><tr>{head}</tr></thead>"
        f"<tbody>{''.join(body)}</tbody></table></div>"
    )
