"""What `gridsearch run` prints, as rich tables."""

import shlex
from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console

from gridsearch.grid.conclude import COEFFICIENTS, Result, family_row
from gridsearch.grid.conclude import row as point_row
from gridsearch.grid.grid import REASONS
from gridsearch.prior.advice import SECOND, advice, multiples, named_budgets, second_rows
from gridsearch.report.words import (
    WHOLE,
    compared,
    counted,
    judged_texts,
    over_text,
    reason,
    spoken_phis,
)
from results.terminal import bold, console, epochs_text, percent, show, table, yellow
from search_spaces.cost import cost
from search_spaces.scaling.coefficients import letters
from search_spaces.stages import MACS, MEMORY, PARAMS

LEGEND = {
    "mean top-1": "mean top-1: what is expected of the family in %, its mean over these budgets.",
    "over paper's": "over paper's: by how much that is above the family of the coefficients of the "
    "EfficientNet paper (Tan & Le 2019), ± one standard deviation.",
    "loss": "loss: points that one is expected to lose by taking it and not the best.",
    "P(best)": "P(best): how likely it is the best.",
}
SIZES = ("real ratio", "px", "MACs", "params", "memory")  # of the network at the grid's phi


def _print_removed(out: Console, result: Result) -> None:
    grid = result.grid
    question = grid.question  # its window may be wider than the plan's
    values = {
        "tolerance": question.tolerance,
        "low": question.ratio * (1 - (question.window or 0)),
        "high": question.ratio * (1 + (question.window or 0)),
        "memory": MEMORY.format(question.memory or 0),
    }
    rows = table("left out", "what", left=0)
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
        f"{bold(question.baseline.name or question.baseline.id)} has {MACS.format(base.macs)} MACs "
        f"(multiply-adds; 1 is 2 FLOPs). At phi {question.phi:g} it is scaled to "
        f"{question.ratio:.4g} times as many, by coefficients that are chosen for its family "
        f"{spoken_phis(chosen['for_phi'])}."
    )
    _print_removed(out, result)
    if result.judge is not None and result.judge.points:
        _print_points(out, result, most)
        narrow = list(LEGEND)
    else:
        narrow = _print_families(out, result, most)
    _print_rungs(out, result)
    _print_pick(out, chosen, narrow)
    if chosen["label"]:
        out.print(chosen["label"], style="dim")
    coefficients = shlex.quote(str(result.folder / COEFFICIENTS))
    out.print(f"\nnext: {bold(f'gridsearch family --coefficients {coefficients}')}", soft_wrap=True)


def _print_families(out: Console, result: Result, most: int) -> list[str]:
    """What a model judged, the best first, each with its network at the grid's phi.

    Returns:
        The columns for which there was no room.
    """
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
            **letters(row),
            "real ratio": f"{row['ratio']:.3f}",
            "px": str(row["resolution"]),
            "MACs": MACS.format(row["macs"]),
            "params": PARAMS.format(row["params"]),
            "memory": MEMORY.format(row["memory"]),
            **judged_texts(row),
        })  # fmt: skip
    spare = _spare(result, "memory", "params", "MACs", "loss", "P(best)", "px", "real ratio")
    narrow = show(out, rows, spare, left=1)
    network = [title for title in SIZES if title not in narrow]
    assert result.coefficients is not None
    text = f"{len(shown)} of the {counted(result.coefficients)}"
    text += f" {result.folder / 'families.csv'} has all."
    if network:
        names, phi = ", ".join(network), result.plan.question.phi
        text += f" {names}: of the network at phi {phi:g}."
    out.print(text, style="dim")
    return narrow


def _spare(result: Result, *titles: str) -> list[str]:
    """Columns that a narrow terminal has no room for, the first of them first.

    Memory is the last of them where it is a target.
    """
    last = ["memory"] * (result.plan.question.memory is not None)
    return [title for title in titles if title not in last] + last


def _print_points(out: Console, result: Result, most: int) -> None:
    """What was measured, the highest first."""
    points = result.grid.points

    def merit(i: int) -> tuple[float, float, int]:
        estimate = result.estimates[i]
        return (-(result.budgets[i] or 0.0), -(estimate.mean if estimate else float("-inf")), i)

    shown = sorted(range(len(points)), key=merit)[:most]
    rows = [_point_row(result, i) for i in shown]
    spare = _spare(result, "memory", "params", "product", "MACs", "n", "px", "real ratio")
    show(out, rows, spare, left=1)
    text = f"{len(shown)} of the {len(points)} points. {result.folder / 'points.csv'} has all."
    if any(points[i].moved for i in shown):
        text += " * marks points that another resolution brought within --window."
    assert result.coefficients is not None
    text += f" ± is one standard deviation of a point's mean. {counted(result.coefficients)}"
    out.print(text, style="dim")


def _point_row(result: Result, i: int) -> dict[str, str]:
    point, estimate = result.grid.points[i], result.estimates[i]
    figures, row = cost(point.architecture), point_row(result, i)
    epochs = {"epochs": f"{result.budgets[i]:g}" if estimate else "-"} if result.plan.eta else {}
    triple = letters(row)
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
        out.print(
            f"After {epochs_text(rung.budget)} {rung.kept} of {len(rung.points)} points went on. "
            f"Of the {left} that were left behind, {rung.close} are within their error of "
            "the last one that went on.",
            style="dim",
        )
    failed = [trial for trial in result.trials if trial.error]
    if failed:
        out.print(
            f"{yellow(f'{len(failed)} of {len(result.trials)} measurements failed')} and are left "
            f"out, the last one with: {failed[-1].error}"
        )


def _print_opinion(out: Console, chosen: Mapping[str, Any]) -> None:
    """What another model says of the pick and the paper's, and where the law says too much."""
    if rows := second_rows(chosen):
        out.print(f"\n{SECOND}")
        show(out, rows, list(rows[0])[-2:0:-1], left=1)
    if text := advice(chosen):
        out.print(text)
    for note in chosen.get("outside") or []:
        out.print(f"{yellow('note:')} {note}")


def _print_pick(out: Console, chosen: Mapping[str, Any], missing: Sequence[str]) -> None:
    """The pick, the paper's and the highest at the same MACs, and how sure the pick is.

    Args:
        out: Where to.
        chosen: What coefficients.json holds.
        missing: Columns that the tables before don't show, and so need no words.
    """
    listed = compared(chosen)
    budgets = multiples(chosen["for_phi"])
    behind = multiples(chosen["behind"])  # which the reason speaks of
    rows = [
        {
            "": "paper's" if row is chosen["paper"] and row is not chosen["pick"] else name,
            **letters(row),
            **judged_texts(row),
            **{at: f"{top1:.2f}" for at, top1 in zip(budgets, row["by_phi"], strict=True)},
        }
        for name, row in listed.items()
    ]
    out.print("\nExpected top-1 in %, of the family and at so many times the baseline's MACs:")
    least = [at for at in (*budgets[1:-1], budgets[-1], budgets[0]) if at not in behind]
    named = named_budgets(chosen)  # which the advice speaks of
    last = [at for at in least if at in named]
    least = [at for at in least if at not in named]
    spare = ["loss", "P(best)", "mean top-1", *least, "over paper's", *last]
    missing = [title for title in show(out, rows, spare, left=1) if title in missing]
    out.print(reason(chosen))
    _print_opinion(out, chosen)
    words = [text for title, text in LEGEND.items() if title not in missing]
    out.print(" ".join([*words, WHOLE]), style="dim")
