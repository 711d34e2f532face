"""Families beside a run, and a family's curve of accuracy against MACs."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from results.report.charts import BASE, FRONT, chart, dots, figure, spoken
from results.report.page import Chart, Part, Table, Text
from results.runs.files import read_json
from search_spaces.errors import UserError
from search_spaces.quantities import QUANTITIES

_MACS, _PARAMS, _MEMORY = (QUANTITIES[key] for key in ("flops", "params", "memory"))
Published = Sequence[tuple[str, float, float]]  # (name, MACs, top-1 in percent) of networks


def families_of(identity: str, runs: Path) -> list[dict[str, Any]]:
    """The contents of each RUN/family.json beside the run whose baseline has this id."""
    families: list[dict[str, Any]] = []
    for path in sorted(runs.glob("*/family.json")):
        try:
            content = read_json(path)
        except UserError:
            continue  # the file is broken: its own command tells so, not this report
        if isinstance(content, dict) and content.get("baseline") == identity and rows(content):
            families.append(content)
    return families


def rows(content: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The networks of a family.json that have the figures that are drawn."""
    wanted = ("name", "macs", "params", "memory", "resolution", "ratio")
    listed = content.get("networks")
    return [
        network
        for network in (listed if isinstance(listed, list) else [])
        if isinstance(network, dict) and all(network.get(key) is not None for key in wanted)
    ]


def family_parts(
    networks: Sequence[Mapping[str, Any]], label: str, key: str, published: Published = ()
) -> list[Part]:
    """A family in a report: the curve, where there are predictions, and a table.

    Args:
        networks: As `rows` gives them.
        label: What the accuracies are.
        key: Of the chart, different from all others of the page.
        published: Networks to compare with.
    """
    parts: list[Part] = []
    if any(network.get("top1") is not None for network in networks):
        parts.append(family_chart(networks, key, published))
    parts.append(Text(label or "No prediction of accuracy covers this family.", "note"))
    table = [
        (
            str(network["name"]),
            "-" if network.get("phi") is None else f"{network['phi']:.4g}",
            str(network["resolution"]),
            _MACS.format(network["macs"]),
            f"{network['ratio']:.3f}",
            _PARAMS.format(network["params"]),
            _MEMORY.format(network["memory"]),
            _top1(network),
        )
        for network in networks
    ]
    columns = ("network", "phi", "px", _MACS.title, "ratio", _PARAMS.title, _MEMORY.title,
               "top-1 %")  # fmt: skip
    parts.append(Table("The family's networks", columns, table))
    return parts


def _top1(network: Mapping[str, Any]) -> str:
    if network.get("top1") is None:
        return "-"
    error = network.get("top1_error")
    return f"{network['top1']:.2f}" + (f" ± {error:.2f}" if error else "")


def _ticks(macs: Sequence[float]) -> dict[str, Any]:
    """Ticks of a logarithmic axis at 1, 2 and 5 of each power of ten, within the family's span."""
    low, high = min(macs) / 1.5, max(macs) * 1.5
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    at = [k * 10.0**power for power in powers for k in (1, 2, 5)]
    at = [value for value in at if low <= value <= high]
    return {"tickvals": at, "ticktext": [_MACS.format(value) for value in at]}


def family_chart(
    networks: Sequence[Mapping[str, Any]], key: str, published: Published = ()
) -> Chart:
    """Top-1 against MACs, both predicted and published, MACs on a logarithmic axis."""
    known = [network for network in networks if network.get("top1") is not None]
    texts = [
        f"<b>{spoken(network['name'])}</b><br>top-1 {_top1(network)} %<br>"
        f"MACs {_MACS.format(network['macs'])}, {network['ratio']:.3f}x<br>"
        f"params {_PARAMS.format(network['params'])}<br>{network['resolution']} px"
        for network in known
    ]
    errors = [network.get("top1_error") or 0.0 for network in known]
    traces = [
        dots(
            [network["macs"] for network in known], [network["top1"] for network in known],
            "this family, predicted", FRONT, texts, mode="lines+markers",
            error_y={"type": "data", "array": errors, "thickness": 1, "width": 3},
        )
    ]  # fmt: skip
    if published:
        said = [
            f"<b>{spoken(name)}</b>, published<br>top-1 {top1:.1f} %<br>MACs {_MACS.format(macs)}"
            for name, macs, top1 in published
        ]
        traces.append(
            dots([macs for _, macs, _ in published], [top1 for *_, top1 in published],
                 "published EfficientNets", BASE, said, symbol="square", mode="lines+markers",
                 line={"dash": "dot"})
        )  # fmt: skip
    made = figure(traces, _MACS.title, "ImageNet top-1, %")
    made.update_xaxes(type="log", **_ticks([network["macs"] for network in known]))
    caption = "Whiskers: the error of predicted gains. MACs on a logarithmic scale."
    label = f"Top-1 against MACs of {len(known)} networks of the family."
    return chart(key, made, label, caption)
