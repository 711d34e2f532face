"""A network stage by stage, and its costs in a row."""

from results.terminal import bold, console, table
from search_spaces.architecture import Architecture
from search_spaces.cost import Cost, cost
from search_spaces.stages import MACS, MEMORY, PARAMS, pixels_text, rows


def costs(figures: Cost) -> tuple[str, str, str, str]:
    """MACs, parameters, peak memory, live activations, for a row."""
    return (
        MACS.format(figures.macs),
        PARAMS.format(figures.params),
        MEMORY.format(figures.memory),
        MEMORY.format(figures.activation_memory),
    )


def print_architecture(architecture: Architecture) -> None:
    """Prints a network stage by stage, as the papers' tables do."""
    a, whole = architecture, cost(architecture)
    listed = table(
        "stage", "operator", "in px", "channels", "layers", "stride", "MACs", "params",
        "activations", "live", left=2,
    )  # fmt: skip
    for row in rows(a):
        shape = map(str, (row.size, row.channels, row.layers, row.stride))
        counts = [PARAMS.format(n) for n in (row.cost.params, row.cost.activations)]
        figures = (MACS.format(row.cost.macs), *counts, MEMORY.format(row.cost.activation_memory))
        listed.add_row(row.name, row.operator, *shape, *figures)
    out = console()
    out.print(
        f"{bold(a.name or 'network')}  id {a.id}  {pixels_text(a)}  {a.classes} classes  "
        f"{a.activation}  dropout {a.dropout:g}  drop-connect {a.drop_connect:g}"
    )
    out.print(listed)
    out.print(
        f"{whole.macs:,} MACs ({MACS.format(whole.flops)} FLOPs at 2 a multiply-add)  "
        f"{whole.params:,} params  {whole.activations:,} activations\n"
        f"peak memory at batch 1, float32: {MEMORY.format(whole.memory)} "
        f"(live activations {MEMORY.format(whole.activation_memory)})"
    )
