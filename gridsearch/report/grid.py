"""The report of a grid search: the choice, the grid, the family that follows."""

import contextlib
import shlex
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from gridsearch.family.family import parse_phis, row, solved_family
from gridsearch.grid.conclude import COEFFICIENTS
from gridsearch.grid.plan import MODELS
from gridsearch.prior.advice import SECOND, advice, contradicted, multiples, second_rows
from gridsearch.prior.printed import published
from gridsearch.prior.prior import ScalingPrior
from gridsearch.report.charts import (
    accuracy_chart,
    families_chart,
    map_chart,
    ratio_chart,
)
from gridsearch.report.tables import point_cells, removed_table
from gridsearch.report.words import (
    WHOLE,
    by_law,
    compared,
    counted,
    judged_texts,
    over_text,
    reason,
    spoken_phis,
)
from nas.report.damage import choice_of, grid_damage
from results.report.family import family_parts
from results.report.network import network_section
from results.report.page import Cards, Code, Page, Part, Section, Table, Text
from results.report.record import Folder, again, content, costs, stored
from results.runs.folder import masked
from results.runs.load import BEST, architecture_of, coefficients_in, lost, mending
from search_spaces.cost import cost
from search_spaces.errors import OutOfDomain, UserError
from search_spaces.networks import EFFICIENTNET_B0
from search_spaces.scaling.budget import Recipe
from search_spaces.scaling.coefficients import LETTERS, letters, triple
from search_spaces.scaling.rules import rule_name

if TYPE_CHECKING:
    from results.runs.records import Trial

Rows = Sequence[Mapping[str, Any]]
PHIS = "0..7"


def grid_page(folder: Folder) -> Page:
    """The page of a run of `gridsearch run`.

    Raises:
        UserError: A file of it can't be read.
    """
    choice = choice_of(folder.path / COEFFICIENTS, folder.record)
    damage = grid_damage(folder.path, folder.record, choice)
    points = [] if "points.csv" in damage else _rows(folder, "points")
    trials = stored(folder)[0]
    failed = sum(trial.error is not None for trial in trials)
    experiment = folder.experiment
    sections = [
        _answer(folder, choice, trials, damage),
        _grid(folder, choice, points, damage),
        *_network(folder),
        *([] if choice is None else _family(choice)),
        costs(folder, len(trials), failed, sum(trial.seconds for trial in trials)),
        again(folder),
    ]
    badges = [(f"phi {_plain(experiment.get('phi'))}", "")]
    badges += [(f"evaluator {experiment.get('evaluator')}", "")]
    of = "networks" if experiment.get("evaluator") in MODELS else "measurements"
    badges += [(f"{len(points)} points", ""), (f"{len(trials)} {of}", "")]
    badges += [(f"{failed} failed", "warning")] if failed else []
    name, lead = folder.path.resolve().name, _lead(choice, COEFFICIENTS in damage)
    return Page("compound-nas · gridsearch run", name, lead, badges, sections)


def _rows(folder: Folder, name: str) -> Rows:
    """The rows of points.csv or families.csv; none where the run was killed before they were."""
    import pandas as pd

    path = folder.path / f"{name}.csv"
    if not path.is_file():
        return []
    frame = pd.read_csv(path)
    frame = frame.astype(object).where(frame.notna(), None)
    rows: list[dict[str, Any]] = frame.to_dict("records")  # type: ignore[assignment]
    return rows


def _plain(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, int | float) else str(value)


def _lead(choice: Mapping[str, Any] | None, gone: bool) -> str:
    if choice is None:
        return (
            f"This run has no {COEFFICIENTS} any more." if gone else "This run has no choice yet."
        )
    pick = choice["pick"]
    text = triple(pick)
    if old(choice):
        return f"{text}: {pick['ratio']:.3f}x of the baseline's MACs."
    over = over_text(pick["over_paper"], pick["over_paper_error"])
    law = " by the law" * by_law(choice)
    doubt = f" {said}." if (said := contradicted(choice)) else ""
    return (
        f"{text}: the networks {spoken_phis(choice['for_phi'])} are expected at "
        f"{pick['family']:.2f} % top-1 on the average, {over} points over the paper's{law}.{doubt}"
    )


def old(choice: Mapping[str, Any]) -> bool:
    """Whether a run was concluded by an earlier version, which chose by another rule."""
    return "for_phi" not in choice


def _answer(
    folder: Folder,
    choice: Mapping[str, Any] | None,
    trials: "Sequence[Trial]",
    damage: Mapping[str, str],
) -> Section:
    parts: list[Part] = []
    last = folder.sessions[-1] if folder.sessions else None
    if last is None:
        text = "No session of this run has ended: it goes on, or it was killed."
        parts.append(Text(text, "warning"))
    elif last.get("interrupted"):
        text = "The last session was interrupted: the same command continues the run."
        parts.append(Text(text, "warning"))
    if why := lost(folder.path, folder.record, len(trials)):
        parts.append(Text(f"{why}.", "warning"))
    if damage:
        whole = mending(folder.record, UserError("; ".join(damage.values())))
        parts.append(Text(f"{whole}.", "warning"))
    if COEFFICIENTS in damage:
        return Section("answer", "Answer", "The answer", parts)
    if choice is None:
        text = f"{len(trials)} measurements are stored; the choice is made when all are there."
        return Section("answer", "Answer", "The answer", [*parts, Text(text)])
    if isinstance(choice.get("measurements"), int) and choice["measurements"] < len(trials):
        text = f"The choice was made of the first {choice['measurements']} measurements."
        parts.append(Text(text, "warning"))
    pick, dimensions = choice["pick"], ("depth", "width", "resolution")
    cards = [(*one, note) for one, note in zip(letters(pick).items(), dimensions, strict=True)]
    aim = f"{choice['target_ratio']:.4g}x asked for; product {pick['product']:.3f}"
    cards.append(("MACs really reached", f"{pick['ratio']:.3f}x", aim))
    if old(choice):
        text = "An earlier version made this choice by another rule: the same command chooses anew."
        parts += [Cards(cards), Text(text, "warning")]
    else:
        over = over_text(pick["over_paper"], pick["over_paper_error"])
        cards.append(("over the paper's", over, f"points, {spoken_phis(choice['for_phi'])}"))
        parts += [Cards(cards), Text(reason(choice)), *_beside(choice), *_opinion(choice)]
    parts += [
        Text(str(choice.get("label") or "Top-1 is what the evaluator returned."), "note"),
        Code("the command that made it", masked(str(choice.get("command")))),
        Code(
            "the next step: the family",
            "gridsearch family --coefficients "
            + shlex.quote(str(folder.path / COEFFICIENTS)),
        ),
    ]  # fmt: skip
    return Section("answer", "Answer", "The answer", parts)


def _opinion(choice: Mapping[str, Any]) -> list[Part]:
    """What another model says of the pick and the paper's, and where the law says too much."""
    parts: list[Part] = []
    if rows := second_rows(choice):
        parts.append(
            Table(SECOND.rstrip(":"), tuple(rows[0]), [tuple(row.values()) for row in rows])
        )
    parts += [Text(text)] if (text := advice(choice)) else []
    return [*parts, *(Text(f"{note}.", "note") for note in choice.get("outside") or [])]


def _beside(choice: Mapping[str, Any]) -> list[Part]:
    """The pick, the paper's and the highest at the same MACs, as the command prints them."""
    listed = compared(choice)
    rows = [
        (name, *letters(family).values(), *judged_texts(family).values())
        for name, family in listed.items()
    ]
    columns = ("", "alpha", "beta", "gamma", "family's top-1 %", "over paper's", "loss", "P(best)")
    by_phi = [
        (name, *(f"{top1:.2f}" for top1 in family["by_phi"])) for name, family in listed.items()
    ]
    title = "Expected top-1 in %, at so many times the baseline's MACs"
    return [
        Table("Families, by what is expected of them on the average", columns, rows, marked=(0,)),
        Table(title, ("", *multiples(choice["for_phi"])), by_phi, marked=(0,)),
        Text(WHOLE, "note"),
    ]


def _grid(
    folder: Folder,
    choice: Mapping[str, Any] | None,
    points: Rows,
    damage: Mapping[str, str],
) -> Section:
    if "points.csv" in damage:
        text = "points.csv can't be used, and so there is no grid to draw."
        return Section("grid", "Grid", "The grid", [Text(text)])
    if not points:
        text = "points.csv is written when a session ends: there is no grid to draw yet."
        return Section("grid", "Grid", "The grid", [Text(text)])
    aim = None if choice is None else choice["target_ratio"]
    window = None if choice is None else choice.get("window")
    parts: list[Part] = []
    phi = float(folder.experiment.get("phi", 1))
    known = [point for point in points if point["accuracy"] is not None]
    families: Rows = []
    if choice is not None and not old(choice) and "families.csv" not in damage:
        families = _families(folder, choice)
    trained = any(point["replicates"] > 1 for point in known)
    if known and (trained or not families):
        parts += [accuracy_chart(known, phi), map_chart(known)]
    elif families:
        over = "above the paper's family, points"
        parts += [families_chart(families, phi), map_chart(families, "over_paper", over)]
    parts.append(ratio_chart(points, aim, window))
    if choice is not None:
        parts.append(removed_table(choice, float(folder.experiment.get("tolerance", 0.1))))
        parts += [Text(str(note), "note") for note in choice.get("notes", [])]
        parts += [Text(counted(choice))] if families else []
    table = [point_cells(point) for point in points]
    columns = ("", "alpha", "beta", "gamma", "product", "real ratio", "px", "MACs", "params",
               "memory", "top-1 %")  # fmt: skip
    parts.append(Table(f"All {len(points)} points", columns, table, folded=True))
    return Section("grid", "Grid", "The grid: every network within the rules", parts)


def _families(folder: Folder, choice: Mapping[str, Any]) -> Rows:
    """The rows of families.csv, with a mark on the paper's."""
    paper = tuple(choice["paper"][one] for one in LETTERS)
    rows = _rows(folder, "families")
    return [{**row, "paper": tuple(row[one] for one in LETTERS) == paper} for row in rows]


def _network(folder: Folder) -> list[Section]:
    best = content(folder.path / BEST)
    if best is None or "architecture" not in best:
        return []
    network = architecture_of(best, str(folder.path / BEST))
    return [network_section(network, "The pick, stage by stage")]


def _family(choice: Mapping[str, Any]) -> list[Section]:
    """The family of the coefficients, scaled anew: it is a matter of milliseconds."""
    base = architecture_of(choice["baseline"], COEFFICIENTS)
    numbers = coefficients_in(choice, COEFFICIENTS)
    rule = choice.get("rule")
    rule = None if rule == rule_name(base) else rule
    recipe = Recipe(base, numbers, rule, choice.get("round_resolution"))
    title = "The family: the largest networks within 1 to 128 times the MACs"
    try:
        members = solved_family(recipe, parse_phis(PHIS))
    except UserError as error:
        text = f"No family can be made of these coefficients: {error}."
        return [Section("family", "Family", title, [Text(text)])]
    label = ""
    with contextlib.suppress(OutOfDomain):
        label = ScalingPrior(base, rule).label
    rows = [row(member) for member in members]
    return [Section("family", "Family", title, family_parts(rows, label, "family", released()))]


def released() -> list[tuple[str, float, float]]:
    """The EfficientNets as published: (name, MACs, top-1 in percent)."""
    macs = cost(EFFICIENTNET_B0).macs
    rows = [result for result in published() if result.recipe == "efficientnet_b0 paper_table2"]
    return [
        (f"EfficientNet-B{i}", macs * result.ratio, result.top1) for i, result in enumerate(rows)
    ]
