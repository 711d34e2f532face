"""The front in a search's report: drawn, a network at a click, a table, downloads."""

from collections.abc import Mapping, Sequence
from typing import Any

from nas.report.charts import front_chart, front_of, optional, records
from nas.report.findings import Findings
from results.report.network import title
from results.report.page import Part, Picked, Section, Table, Text
from results.terminal import accuracy_text
from search_spaces.architecture import Architecture, to_dict
from search_spaces.quantities import QUANTITIES
from search_spaces.stages import rows as stage_rows

COSTS = tuple(QUANTITIES[key] for key in ("flops", "params", "memory"))
ROWS = 40  # of the table
CLICKED = 400  # networks that a click shows; more would make the page heavy
TABLE = "front"
FIGURES = ("accuracy", "spread", "macs", "params", "memory", "amount", "reward", "number")


def front_section(findings: Findings) -> Section:
    """The front drawn, each network of it at a click, and the table."""
    of = findings.quantity
    title = f"The front: {findings.measure.name} against {of.title}"
    drawn = front_chart(findings)
    if drawn is None:
        text = "No network with an accuracy and an amount of the quantity was evaluated yet."
        return Section("front", "Front", title, [Text(text)])
    kept = front_of(findings)
    rows = records(kept)
    step = -(-len(rows) // ROWS)
    own = of.key not in QUANTITIES
    cells = [
        (
            str(row["id"]),
            *([of.format(row["amount"])] if own else []),
            *(q.format(row[q.column]) for q in COSTS),
            accuracy_text(row["accuracy"], optional(row["spread"])),
        )
        for row in rows[::-1][::step][::-1]
    ]
    measured = findings.measure.heading
    columns = ("network", *([of.title] if own else []), "MACs", "params", "memory", measured)
    caption = f"{len(cells)} of {len(rows)} networks on the front"
    parts: list[Part] = [drawn, *_picked(findings, kept, rows)]
    parts.append(Table(caption, columns, cells, folded=True, key=TABLE))
    if note := not findings.provisional and (findings.best or {}).get("front_note"):
        parts.append(Text(f"Note: {note}", "note"))
    shorter = len(findings.frame[findings.frame["accuracy"].notna()]) - len(findings.compared)
    if shorter:
        text = (
            f"{shorter:,} measurements of smaller budgets are not drawn: accuracies of different "
            "budgets don't compare."
        )
        parts.append(Text(text, "note"))
        parts.append(_rungs(findings))
    return Section("front", "Front", title, parts)


def _rungs(findings: Findings) -> Table:
    """What each budget was spent on."""
    done = findings.frame[findings.frame["accuracy"].notna()]
    rows = [
        (f"{budget:g}", f"{len(group):,}", f"{group['accuracy'].median():.2f}",
         f"{group['accuracy'].max():.2f}", f"{group['seconds'].median():.3g}")
        for budget, group in done.groupby("budget")
    ]  # fmt: skip
    columns = ("budget", "measurements", "median top-1 %", "best top-1 %", "median s")
    return Table("The budgets", columns, rows)


def _picked(findings: Findings, kept: Any, rows: Sequence[Mapping[str, Any]]) -> list[Part]:
    """What a click shows, where the networks themselves are known."""
    if "network" not in kept:
        return []
    folder = findings.folder.path.resolve().name
    networks = {
        str(row["id"]): _shown(findings, network, row, folder)
        for network, row in [*zip(kept["network"], rows, strict=True)][-CLICKED:]
    }
    return [Picked("front-chart", TABLE, f"{folder}-front", networks)] if networks else []


def _shown(
    findings: Findings, network: Architecture, row: Mapping[str, Any], folder: str
) -> dict[str, Any]:
    """One network, as plain JSON values."""
    of, address = findings.quantity, f"{folder}:{row['id']}"
    reached = accuracy_text(optional(row["accuracy"]), optional(row["spread"]))
    costs = [(findings.measure.name, f"{reached}{findings.measure.sign}")]
    costs += [(of.title, of.format(row["amount"]))] if of.key not in QUANTITIES else []
    costs += [(each.title, each.format(row[each.column])) for each in COSTS]
    stages = [
        (title(stage), stage.operator, f"{stage.channels}", f"{stage.layers}", f"{stage.size} px")
        for stage in stage_rows(network)
    ]
    return {
        "figures": {name: optional(row[name]) for name in FIGURES if name in row},
        "costs": costs,
        "stages": stages,
        "commands": [
            f"nas show {address}",
            f"nas train {address} --data IMAGES",
            f"gridsearch run --phi 1 --baseline {address}",
            f"nas export {address} exported --to torch,onnx",
        ],
        "architecture": to_dict(network),
    }
