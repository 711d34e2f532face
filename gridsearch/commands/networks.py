"""What `gridsearch family` and `compare` print, as rich tables."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from gridsearch.prior.opinion import opinion_text
from gridsearch.report.words import over_text
from results.terminal import bold, console, percent, show, yellow
from search_spaces.stages import MACS, MEMORY, PARAMS


def print_family(content: Mapping[str, Any], folder: Path) -> None:
    """One row a network, what the numbers are, the files."""
    out = console()
    networks: Sequence[Mapping[str, Any]] = content["networks"]
    budgets = any(row["budget"] for row in networks)
    paper = any(row["top1_paper"] for row in networks)
    printed = any(row["printed"] for row in networks)
    rows = [
        {
            "network": row["name"],
            "phi": "-" if row["phi"] is None else f"{row['phi']:.4g}",
            "depth": f"{row['depth']:.4g}",
            "width": f"{row['width']:.4g}",
            "px": str(row["resolution"]),
            "MACs": MACS.format(row["macs"]),
            "ratio": f"{row['ratio']:.3f}",
            **(
                {"of budget": f"{100 * row['macs'] / row['budget']:.1f} %"}
                if budgets
                else {"dropout": f"{row['dropout']:.3g}"}
            ),
            "params": PARAMS.format(row["params"]),
            "memory": MEMORY.format(row["memory"]),
            "top-1 %": percent(row["top1"], row["top1_error"]),
            **({"printed": percent(row["printed"], None)} if printed else {}),
            **(_beside_paper(row) if paper else {}),
        }
        for row in networks
    ]
    out.print(f"{bold(content['title'])}")
    spare = ("dropout", "memory", "params", "ratio", "paper's d, w, px", "paper's top-1", "printed")
    narrow = show(out, rows, (*spare, "depth", "width", "of budget", "phi"), left=1)
    legend = {
        "MACs": "MACs: multiply-adds; 1 is 2 FLOPs.",
        "width": "depth, width: times the baseline's, before rounding.",
        "ratio": "ratio: how many times the baseline's they are.",
        "memory": "memory: the most that one image needs, in float32.",
        "printed": "printed: what was published of this very network, in %, in the table that the "
        "baseline's top-1 is from.",
    }
    shown = [name for name in rows[0] if name not in narrow]
    out.print(" ".join(text for name, text in legend.items() if name in shown), style="dim")
    notes = [f"{row['name']}: {note}" for row in networks for note in row.get("notes", [])]
    for note in (*_same(networks), *notes):
        out.print(f"{yellow('note:')} {note}")
    if paper:
        sizes = " (d, w, px: its depth, width and pixels)" * ("paper's d, w, px" not in narrow)
        out.print(
            "paper's: of the network that the paper's coefficients give within the same "
            f"MACs{sizes}. over paper's: by how much this network is predicted above it, ± one "
            "standard deviation.",
            style="dim",
        )
    nothing = "There is no prediction, since the law does not cover these networks."
    out.print(content["label"] or nothing, style="dim")
    if text := opinion_text(content):
        out.print(text)
    out.print(f"{folder} now holds {', '.join(content['files'])}.")


def _same(networks: Sequence[Mapping[str, Any]]) -> list[str]:
    """A sentence for each network that the family has under several names."""
    names: dict[str, list[str]] = {}
    for row in networks:
        shape = {**row["architecture"], "name": "", "dropout": 0, "drop_connect": 0}
        names.setdefault(json.dumps(shape), []).append(row["name"])
    return [
        f"{', '.join(alike)} are one network, apart from dropout: the coefficients are so near to "
        "1 that nothing grows between them"
        for alike in names.values()
        if len(alike) > 1
    ]


def _beside_paper(row: Mapping[str, Any]) -> dict[str, str]:
    """The paper's network within the same MACs, in columns."""
    if row["top1_paper"] is None:
        return {"paper's d, w, px": "-", "paper's top-1": "-", "over paper's": "-"}
    depth, width = (f"{row[f'paper_{key}']:.3g}" for key in ("depth", "width"))
    return {
        "paper's d, w, px": f"{depth}, {width}, {row['paper_resolution']}",
        "paper's top-1": f"{row['top1_paper']:.2f}",
        "over paper's": over_text(row["over_paper"], row["over_paper_error"]),
    }


def print_compare(content: Mapping[str, Any], files: list[str]) -> None:
    """One row a scaled network, what is left out, what the numbers are, the files."""
    out = console()
    rows = [
        {
            "baseline": row["baseline"] if row["method"] == "baseline" else "",
            "method": row["method"],
            "ratio": f"{row['ratio']:.3f}",
            "depth": f"{row['depth']:.4g}",
            "width": f"{row['width']:.4g}",
            "px": str(row["resolution"]),
            "MACs": MACS.format(row["macs"]),
            "params": PARAMS.format(row["params"]),
            "memory": MEMORY.format(row["memory"]),
            "top-1 %": percent(row["top1"], row["top1_error"]),
        }
        for row in content["networks"]
    ]
    show(out, rows, ("memory", "params", "depth", "width", "px"), left=2)
    for note in (*content["notes"], *content["outside"]):
        out.print(f"{yellow('note:')} {note}")
    if content["alone"]:
        out.print(content["alone"])
    if content["label"]:
        out.print(content["label"], style="dim")
    folders = {str(Path(file).parent) for file in files}
    out.print(f"{', '.join(folders)} now holds {', '.join(Path(file).name for file in files)}.")
