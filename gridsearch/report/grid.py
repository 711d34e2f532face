"""The report of a grid search: the choice, the grid, the family that follows."""

import contextlib
import shlex
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from gridsearch.family.family import parse_phis, row, solved_family
from gridsearch.grid.conclude import COEFFICIENTS
from gridsearch.grid.grid import REASONS
from gridsearch.grid.plan import MODELS
from gridsearch.prior.advice import SECOND, advice, contradicted, multiples, second_rows
from gridsearch.prior.printed import published
from gridsearch.prior.prior import ScalingPrior
from gridsearch.report.charts import (
    accuracy_chart,
    error,
    families_chart,
    map_chart,
    ratio_chart,
)
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
from results.report.family import family_parts
from results.report.network import network_section
from results.report.page import Cards, Code, Page, Part, Section, Table, Text
from results.report.record import Folder, again, content, costs, stored
from results.runs.folder import masked
from results.runs.load import BEST, architecture_of, choice_of, coefficients_in, lost
from results.terminal import percent
from search_spaces.cost import cost
from search_spaces.errors import OutOfDomain, UserError
from search_spaces.networks import EFFICIENTNET_B0
from search_spaces.quantities import QUANTITIES
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
    points = _rows(folder, "points")
    trials = stored(folder)[0]
    failed = sum(trial.error is not None for trial in trials)
    experiment = folder.experiment
    sections = [
        _answer(folder, choice, points, trials),
        _grid(folder, choice, points),
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
    name = folder.path.resolve().name
    return Page("compound-nas · gridsearch run", name, _lead(choice), badges, sections)


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


def _lead(choice: Mapping[str, Any] | None) -> str:
    if choice is None:
        return "This run has no choice yet."
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
    folder: Folder, choice: Mapping[str, Any] | None, points: Rows, trials: "Sequence[Trial]"
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


def _grid(folder: Folder, choice: Mapping[str, Any] | None, points: Rows) -> Section:
    if not points:
        text = "points.csv is written when a session ends: there is no grid to draw yet."
        return Section("grid", "Grid", "The grid", [Text(text)])
    aim = None if choice is None else choice["target_ratio"]
    window = None if choice is None else choice.get("window")
    parts: list[Part] = []
    phi = float(folder.experiment.get("phi", 1))
    known = [point for point in points if point["accuracy"] is not None]
    families = [] if choice is None or old(choice) else _families(folder, choice)
    trained = any(point["replicates"] > 1 for point in known)
    if known and (trained or not families):
        parts += [accuracy_chart(known, phi), map_chart(known)]
    elif families:
        over = "above the paper's family, points"
        parts += [families_chart(families, phi), map_chart(families, "over_paper", over)]
    parts.append(ratio_chart(points, aim, window))
    if choice is not None:
        parts.append(_removed(choice, float(folder.experiment.get("tolerance", 0.1))))
        parts += [Text(str(note), "note") for note in choice.get("notes", [])]
        parts += [Text(counted(choice))] if families else []
    table = [_point(point) for point in points]
    columns = ("", "alpha", "beta", "gamma", "product", "real ratio", "px", "MACs", "params",
               "memory", "top-1 %")  # fmt: skip
    parts.append(Table(f"All {len(points)} points", columns, table, folded=True))
    return Section("grid", "Grid", "The grid: every network within the rules", parts)


def _families(folder: Folder, choice: Mapping[str, Any]) -> Rows:
    """The rows of families.csv, with a mark on the paper's."""
    paper = tuple(choice["paper"][one] for one in LETTERS)
    rows = _rows(folder, "families")
    return [{**row, "paper": tuple(row[one] for one in LETTERS) == paper} for row in rows]


def _point(point: Mapping[str, Any]) -> tuple[str, ...]:
    alpha, beta, gamma = letters(point).values()
    return (
        "pick" if point["pick"] else "",
        alpha,
        beta,
        gamma + "*" * bool(point["moved"]),
        f"{point['product']:.3f}",
        f"{point['ratio']:.3f}",
        str(point["resolution"]),
        *(of.format(point[of.column]) for of in QUANTITIES.values()),
        percent(point["accuracy"], error(point)),
    )


def _removed(choice: Mapping[str, Any], tolerance: float) -> Table:
    """What each rule removed."""
    aim, window = choice["target_ratio"], choice.get("window")
    values = {
        "tolerance": tolerance,
        "low": aim * (1 - (window or 0)),
        "high": aim * (1 + (window or 0)),
        "memory": QUANTITIES["memory"].format(choice.get("target_memory") or 0),
    }
    asked = {"window": window, "memory": choice.get("target_memory"),
             "unrounded": choice["removed"].get("unrounded")}  # fmt: skip
    rows = [
        (reason.format(**values), f"{choice['removed'].get(name, 0):,}")
        for name, reason in REASONS.items()
        if asked.get(name, True) is not None
        and (name != "same network" or name in choice["removed"])
    ]
    return Table("What the rules removed", ("rule", "removed"), rows)


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
