"""What `gridsearch run` prints, as rich tables."""

import shlex
from collections.abc import Mapping
from typing import Any

from rich.console import Console

from gridsearch.grid.conclude import COEFFICIENTS, Result, family_row
from gridsearch.grid.conclude import row as point_row
from gridsearch.grid.grid import REASONS
from gridsearch.grid.words import compared, over_text, reason, spoken_phis
from results.terminal import bold, console, percent, show, table, yellow
from search_spaces.cost import cost
from search_spaces.stages import MACS, MEMORY, PARAMS


def _print_removed(out: Console, result: Result) -> None:
    question, grid = result.plan.question, result.grid
    values = {
        "tolerance": question.tolerance,
        "low": question.ratio * (1 - (question.window or 0)),
        "high": question.ratio * (1 + (question.window or 0)),
        "memory": MEMORY.format(question.memory or 0),
    }
    rows = table("removed", "rule", left=0)
    rows.columns[1].justify = "left"
    for name, rule in REASONS.items():
        asked = {
            "window": question.window,
            "memory": question.memory,
            "unrounded": grid.removed.get("unrounded"),
        }.get(name, True)
        if asked is not None and (name != "same network" or name in grid.removed):
            rows.add_row(f"{grid.removed.get(name, 0):,}", rule.format(**values))
    out.print(rows)
    for note in (*grid.notes, *(result.judge.notes if result.judge else ())):
        out.print(f"{yellow('note:')} {note}")


def print_run(result: Result, most: int) -> None:
    """What each rule removed, what was judged, the pick beside the paper's, the next command."""
    out, chosen = console(), result.coefficients
    assert chosen is not None
    question = result.plan.question
    base = cost(question.baseline)
    out.print(
        f"{bold(question.baseline.name or question.baseline.id)} at phi {question.phi:g}: "
        f"{question.ratio:.4g}x of {MACS.format(base.macs)} MACs "
        "(multiply-adds; 1 is 2 FLOPs), for a family "
        f"{spoken_phis(chosen['for_phi'])}"
    )
    _print_removed(out, result)
    if result.judge is not None and result.judge.points:
        _print_points(out, result, most)
    else:
        _print_families(out, result, most)
    _print_rungs(out, result)
    _print_pick(out, chosen)
    if chosen["label"]:
        out.print(chosen["label"], style="dim")
    coefficients = shlex.quote(str(result.folder / COEFFICIENTS))
    out.print(f"\nnext: {bold(f'gridsearch family --coefficients {coefficients}')}", soft_wrap=True)


def _print_families(out: Console, result: Result, most: int) -> None:
    """What a model judged, the best first, each with its network at the grid's phi."""
    choice, judge = result.choice, result.judge
    assert choice is not None
    assert judge is not None
    order = sorted(range(len(choice.families)), key=lambda i: -choice.families[i].value)
    marks = {choice.pick: "pick", choice.paper: "paper's"}
    marks[choice.pick] = "pick" if choice.pick != choice.paper else "pick (paper's)"
    shown = order[:most]
    shown += [i for i in marks if i not in shown]
    rows = []
    for i in shown:
        row = family_row(result, i)
        rows.append({
            "": marks.get(i, ""),
            **_triple(row),
            "real ratio": f"{row['ratio']:.3f}",
            "px": str(row["resolution"]),
            "MACs": MACS.format(row["macs"]),
            "params": PARAMS.format(row["params"]),
            "memory": MEMORY.format(row["memory"]),
            **_judged(row),
        })  # fmt: skip
    narrow = show(out, rows, ("memory", "params", "MACs"), left=1)
    text = f"{len(shown)} of {len(order)} families, all in {result.folder / 'families.csv'}"
    text += ", with the columns that this terminal is too narrow for" if narrow else ""
    out.print(
        f"{text}; real ratio to memory are of the network at phi {result.plan.question.phi:g}",
        style="dim",
    )


def _triple(row: Mapping[str, Any]) -> dict[str, str]:
    return {key: f"{row[key]:.4g}" for key in ("alpha", "beta", "gamma")}


def _judged(row: Mapping[str, Any]) -> dict[str, str]:
    """What is expected of a family, in columns."""
    return {
        "family's top-1 %": f"{row['family']:.2f}",
        "over paper's": over_text(row["over_paper"], row["over_paper_error"]),
        "loss": f"{row['loss']:.2f}",
        "P(best)": f"{100 * row['best']:.0f} %",
    }


def _print_points(out: Console, result: Result, most: int) -> None:
    """What was measured, the highest first."""
    points = result.grid.points

    def merit(i: int) -> tuple[float, float, int]:
        estimate = result.estimates[i]
        return (-(result.budgets[i] or 0.0), -(estimate.mean if estimate else float("-inf")), i)

    shown = sorted(range(len(points)), key=merit)[:most]
    rows = [_point_row(result, i) for i in shown]
    narrow = show(out, rows, ("memory", "params", "product", "MACs"), left=1)
    text = f"{len(shown)} of {len(points)} points, all in {result.folder / 'points.csv'}"
    text += ", with the columns that this terminal is too narrow for" if narrow else ""
    if any(points[i].moved for i in shown):
        text += "; * resolution moved to meet the window"
    out.print(text + "; ± is one standard deviation of a point's mean", style="dim")


def _point_row(result: Result, i: int) -> dict[str, str]:
    point, estimate = result.grid.points[i], result.estimates[i]
    figures, row = cost(point.architecture), point_row(result, i)
    epochs = {"epochs": f"{result.budgets[i]:g}" if estimate else "-"} if result.plan.eta else {}
    triple = _triple(row)
    triple["gamma"] += "*" if point.moved else " "
    return {
        "": "pick" if row["pick"] else "",
        **triple,
        "product": f"{point.coefficients.product:.3f}",
        "real ratio": f"{point.ratio:.3f}",
        "px": str(point.architecture.size),
        "MACs": MACS.format(figures.macs),
        "params": PARAMS.format(figures.params),
        "memory": MEMORY.format(figures.memory),
        **epochs,
        "n": str(row["replicates"]),
        "top-1 %": percent(row["accuracy"], row["error"]),
        "family over paper's": over_text(row["over_paper"], row["over_paper_error"]),
    }


def _print_rungs(out: Console, result: Result) -> None:
    """What halving left behind, and what failed."""
    for rung in result.rungs[:-1]:
        left = len(rung.points) - rung.kept
        epochs = f"{rung.budget:g} epoch{'s' * (rung.budget != 1)}"
        out.print(
            f"after {epochs} {rung.kept} of {len(rung.points)} points went on; of the {left} left "
            f"behind {rung.close} are within their error of the last of these",
            style="dim",
        )
    failed = [trial for trial in result.trials if trial.error]
    if failed:
        out.print(
            f"{yellow(f'{len(failed)} of {len(result.trials)} measurements failed')} and are left "
            f"out, the last with: {failed[-1].error}"
        )


def _print_pick(out: Console, chosen: Mapping[str, Any]) -> None:
    """The pick, the paper's and the highest at the same MACs, and how sure the pick is."""
    listed = compared(chosen)
    phis = chosen["for_phi"]
    budgets = [f"{2.0**phi:.4g}x" for phi in phis]
    rows = [
        {
            "": name,
            **_triple(row),
            **_judged(row),
            **{at: f"{top1:.2f}" for at, top1 in zip(budgets, row["by_phi"], strict=True)},
        }
        for name, row in listed.items()
    ]
    out.print("\nexpected top-1, %, at the same MACs, as multiples of the baseline's")
    show(out, rows, ["loss", "P(best)", *budgets[1:-1]], left=1)
    out.print(reason(chosen))
    out.print(
        "family's top-1: mean over these budgets; over paper's: above the paper's family, ± one "
        "standard deviation; loss: points that taking it is expected to lose against the best",
        style="dim",
    )
