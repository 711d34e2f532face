"""Runs side by side: their picks, and the most accurate of each front within the same budgets."""

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from results.report.charts import ALARM, BASE, MUTED, OTHER, PICK, axis, chart, dots, figure
from results.report.charts import FRONT as FRONT_COLOUR
from results.report.page import Page, Part, Section, Table, Text
from results.report.record import Folder, content, open_folder
from results.runs.addresses import FRONT, best_within, front_rows
from results.runs.files import Kinds, check_kinds, doubting
from results.runs.load import BEST, TRAINED
from results.terminal import accuracy_text, epochs_text
from search_spaces.errors import UserError
from search_spaces.quantities import QUANTITIES, Quantity

MACS = QUANTITIES["flops"]
COLOURS = (PICK, FRONT_COLOUR, OTHER, BASE, ALARM, MUTED)  # run by run
COMPARABLE = ("search", "train")  # kinds of runs that leave one network of some accuracy
NUMBER = (int, float)
OWN = re.compile(r" \(\S+ MACs\)")  # what a run's reference takes, in its label
BUDGETS = 6  # common ones, where the user names none


@dataclass(frozen=True)
class Compared:
    """A run beside others.

    Attributes:
        name: Of its folder; its whole path, where another run has the same.
        pick: Figures of its pick, from best.json.
        front: Networks that no other of the run beats, by MACs; of a training its one network.
        judge: What its accuracies are, in words; runs of other words don't compare.
    """

    name: str
    pick: dict[str, Any]
    front: list[dict[str, Any]]
    judge: str


def compared(specs: Sequence[str], runs: Path) -> list[Compared]:
    """Reads runs.

    Args:
        specs: Folders, or names under `runs`.
        runs: The folder of runs.

    Raises:
        UserError: One can't be read or made no network, or they aren't two or more.
    """
    for spec in specs:
        run, colon, _ = spec.rpartition(":")
        if colon and ((runs / run).is_dir() or Path(run).is_dir()):
            raise UserError(
                f"{spec} is one network of a run, and nas compare takes whole runs, as {run}: "
                f"nas predict {run} {spec} puts networks side by side"
            )
    folders = [open_folder(spec, runs) for spec in specs]
    places = [folder.path.resolve() for folder in folders]
    if again := [place for place, times in Counter(places).items() if times > 1]:
        raise UserError(f"the run {again[0]} is given twice: expected different runs")
    if len(folders) < 2:
        raise UserError(f"only one run is given, {folders[0].path}: expected two or more")
    names = Counter(place.name for place in places)
    rows = []
    for folder, place in zip(folders, places, strict=True):
        with doubting(folder.path):
            rows.append(
                _compared(folder, place.name if names[place.name] == 1 else str(folder.path))
            )
    return rows


def _compared(folder: Folder, name: str) -> Compared:
    best = content(folder.path / BEST)
    if folder.kind not in COMPARABLE or best is None or best.get("macs") is None:
        raise UserError(
            f"the run {folder.path} has no pick in its {BEST}: expected a search or a training "
            "that ended"
        )
    kinds: dict[str, Kinds] = {q.column: NUMBER for q in QUANTITIES.values() if q.column in best}
    spread = {"spread": NUMBER} if best.get("spread") is not None else {}
    check_kinds(best, str(folder.path / BEST), {**kinds, **spread, "accuracy": NUMBER})
    front = front_rows(folder.path / FRONT) if (folder.path / FRONT).is_file() else [best]
    return Compared(name, best, front, _judge(folder, best))


def _judge(folder: Folder, best: dict[str, Any]) -> str:
    """What the accuracies are."""
    experiment = folder.experiment
    if folder.kind in TRAINED:
        return f"training to the end on the images {experiment.get('images')}"
    training = experiment.get("training")
    if isinstance(training, dict):
        of = epochs_text(experiment["budget"]) if experiment.get("budget") else "training"
        return f"{of} on the images {training.get('images')} ({training.get('recipe')})"
    return f"{best.get('unit') or 'top-1'} by {experiment.get('evaluator')}"


def notes(rows: Sequence[Compared]) -> list[str]:
    """What a reader must know before the numbers are compared."""
    judges: dict[str, list[str]] = {}
    for row in rows:
        judges.setdefault(row.judge, []).append(row.name)
    if len(judges) == 1:
        return []
    words = "; ".join(f"{', '.join(names)}: {judge}" for judge, names in judges.items())
    return [f"these accuracies don't compare, since they are of different kinds: {words}"]


def cost_of(rows: Sequence[Compared]) -> Quantity:
    """What the runs are compared by: what all have their T on, if it is counted; else MACs."""
    asked = {str(run.pick.get("quantity", MACS.key)) for run in rows}
    of = QUANTITIES.get(asked.pop(), MACS) if len(asked) == 1 else MACS
    return of if all(of.column in row for run in rows for row in run.front) else MACS


def budgets_of(rows: Sequence[Compared]) -> list[float]:
    """Some budgets that every run's front reaches, two digits each, from small to large."""
    of = cost_of(rows).column
    least = max(min(row[of] for row in run.front) for run in rows)
    most = max(max(row[of] for row in run.front) for run in rows)
    if most <= least:
        return [float(most)]
    steps = (least * (most / least) ** (i / (BUDGETS - 1)) for i in range(BUDGETS))
    return list(dict.fromkeys(map(_rounded_up, steps)))


def _rounded_up(number: float) -> float:
    unit = 10.0 ** (math.floor(math.log10(number)) - 1)
    return round(math.ceil(number / unit - 1e-9) * unit)


def pick_rows(rows: Sequence[Compared]) -> list[dict[str, str]]:
    """Titles -> texts of each run's pick."""
    return [
        {
            "run": run.name,
            "pick": str(run.pick.get("id")),
            **{q.title: q.format(run.pick[q.column]) for q in QUANTITIES.values()
               if q.column in run.pick},
            _title(rows): accuracy_text(run.pick["accuracy"], run.pick.get("spread")),
        }
        for run in rows
    ]  # fmt: skip


def _title(rows: Sequence[Compared]) -> str:
    """Of the column of accuracies."""
    units = {str(run.pick.get("unit") or "top-1 %") for run in rows}
    return units.pop() if len(units) == 1 else "accuracy"


def legends(rows: Sequence[Compared]) -> list[str]:
    """What ± is, run by run where they differ; nothing of runs that don't say it."""
    said: dict[str, list[str]] = {}
    for run in rows:
        _, found, rest = str(run.pick.get("label") or "").partition("± is ")
        if found and run.pick.get("spread") is not None:
            rest = OWN.sub(", each run's own,", rest) if len(rows) > 1 else rest
            said.setdefault(f"± is {rest}", []).append(run.name)
    if list(said.values()) == [[run.name for run in rows]]:
        return list(said)
    return [f"{', '.join(names)}: {what}" for what, names in said.items()]


def within(run: Compared, budget: float, of: Quantity = MACS) -> Mapping[str, Any] | None:
    """A run's best within a budget, chosen with the caution that its pick was."""
    return best_within(run.front, budget, run.pick.get("caution") or 0.0, of.column)


def budget_rows(rows: Sequence[Compared], budgets: Sequence[float]) -> list[dict[str, str]]:
    """Titles -> texts: for each budget the accuracy of each run's best within it."""
    table, of = [], cost_of(rows)
    for budget in budgets:
        cells = {of.title: f"<= {of.format(budget)}"}
        for run in rows:
            best = within(run, budget, of)
            cells[run.name] = "-" if best is None else accuracy_text(
                best["accuracy"], best.get("spread")
            )  # fmt: skip
        table.append(cells)
    return table


def page(rows: Sequence[Compared], budgets: Sequence[float]) -> Page:
    """The comparison as a page."""
    parts: list[Part] = [Text(text, "warning") for text in notes(rows)]
    parts.append(_fronts(rows))
    parts += [Text(text, "note") for text in legends(rows)]
    for caption, table in (
        ("The picks", pick_rows(rows)),
        ("The most accurate network of each front within a budget", budget_rows(rows, budgets)),
    ):
        parts.append(Table(caption, tuple(table[0]), [tuple(row.values()) for row in table]))
    names, against = ", ".join(run.name for run in rows), f"Accuracy against {cost_of(rows).title}"
    lead = f"The fronts of {len(rows)} runs, their picks, and what each has within equal budgets."
    return Page("compound-nas · nas compare", names, lead, [(row.judge, "") for row in rows[:1]],
                [Section("fronts", "Fronts", against, parts)])  # fmt: skip


def _fronts(rows: Sequence[Compared]) -> Any:
    of = cost_of(rows)
    along = axis(of, max(row.pick[of.column] for row in rows))
    traces = []
    for run, shade in zip(rows, COLOURS * len(rows), strict=False):
        ordered = sorted(run.front, key=lambda row: row[of.column])
        x, y = [along.of(row[of.column]) for row in ordered], [row["accuracy"] for row in ordered]
        texts = [f"{run.name}: {row['id']}" for row in ordered]
        traces.append(dots(x, y, run.name, shade, texts, size=7, mode="lines+markers",
                           line={"color": shade, "width": 1.5, "shape": "hv"}))  # fmt: skip
    made = figure(traces, along.title, "accuracy")
    return chart("fronts", made, f"The fronts of {len(rows)} runs by {of.title}.", height=460)
