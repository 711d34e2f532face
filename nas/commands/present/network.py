"""A network stage by stage, and its costs in a row."""

from results.terminal import bold, console, show
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
    listed = [
        {
            "stage": row.name,
            "operator": row.operator,
            "in px": str(row.size),
            "channels": str(row.channels),
            "layers": str(row.layers),
            "stride": str(row.stride),
            "MACs": MACS.format(row.cost.macs),
            "params": PARAMS.format(row.cost.params),
            "activations": PARAMS.format(row.cost.activations),
            "live": MEMORY.format(row.cost.activation_memory),
        }
        for row in rows(a)
    ]
    out = console()
    out.print(
        f"{bold(a.name or 'network')}  id {a.id}  {pixels_text(a)}  {a.classes} classes  "
        f"{a.activation}  dropout {a.dropout:g}  drop-connect {a.drop_connect:g}"
    )
    show(out, listed, ("activations", "live", "stride", "in px", "params"), left=2)
    out.print(
        f"{whole.macs:,} MACs (multiply-adds; {MACS.format(whole.flops)} FLOPs if each counts as "
        f"2), {whole.params:,} params, {whole.activations:,} activations\n"
        f"It needs {MEMORY.format(whole.memory)} of memory for one image in float32, "
        f"{MEMORY.format(whole.activation_memory)} of it for activations."
    )
