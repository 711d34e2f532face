"""What `gridsearch` prints, as rich tables."""

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console

from gridsearch.grid.conclude import COEFFICIENTS, Result
from gridsearch.grid.grid import REASONS
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
    for name, reason in REASONS.items():
        asked = {"window": question.window, "memory": question.memory}.get(name, True)
        if asked is not None:
            rows.add_row(f"{grid.removed.get(name, 0):,}", reason.format(**values))
    out.print(rows)
    for note in grid.notes:
        out.print(f"{yellow('note:')} {note}")


def print_run(result: Result, most: int) -> None:
    """What each rule removed, every point, the pick beside the paper's, the next command."""
    out, chosen = console(), result.coefficients
    assert chosen is not None
    question = result.plan.question
    base = cost(question.baseline)
    out.print(
        f"{bold(question.baseline.name or question.baseline.id)} at phi {question.phi:g}: "
        f"{question.ratio:.4g}x of {MACS.format(base.macs)} MACs "
        "(multiply-adds; 1 is 2 FLOPs)"
    )
    _print_removed(out, result)
    _print_points(out, result, most)
    _print_rungs(out, result)
    out.print(f"comparison: {chosen['method']}", style="dim")
    _print_pick(out, chosen)
    if chosen["label"]:
        out.print(chosen["label"], style="dim")
    coefficients = shlex.quote(str(result.folder / COEFFICIENTS))
    out.print(f"\nnext: {bold(f'gridsearch family --coefficients {coefficients}')}", soft_wrap=True)


def _print_points(out: Console, result: Result, most: int) -> None:
    choice, points = result.choice, result.grid.points
    assert choice is not None

    def merit(i: int) -> tuple[float, float, int]:
        estimate = result.estimates[i]
        return (-(result.budgets[i] or 0.0), -(estimate.mean if estimate else float("-inf")), i)

    order = sorted(range(len(points)), key=merit)
    shown = order[:most] + [choice.pick] * (choice.pick not in order[:most])
    rows = [_point_row(result, i) for i in shown]
    narrow = show(out, rows, ("memory", "params", "product", "MACs"), left=1)
    text = f"{len(shown)} of {len(points)} points, all in {result.folder / 'points.csv'}"
    text += ", with the columns that this terminal is too narrow for" if narrow else ""
    if any(points[i].moved for i in shown):
        text += "; * resolution moved to meet the window"
    out.print(text + "; top-1 with its 95 % interval", style="dim")


def _point_row(result: Result, i: int) -> dict[str, str]:
    choice, point, estimate = result.choice, result.grid.points[i], result.estimates[i]
    assert choice is not None
    c, figures = point.coefficients, cost(point.architecture)
    epochs = {"epochs": f"{result.budgets[i]:g}" if estimate else "-"} if result.plan.eta else {}
    return {
        "": "pick" if i == choice.pick else "tied" if i in choice.tied else "",
        "alpha": f"{c.alpha:.4g}",
        "beta": f"{c.beta:.4g}",
        "gamma": f"{c.gamma:.4g}" + ("*" if point.moved else " "),
        "product": f"{c.product:.3f}",
        "real ratio": f"{point.ratio:.3f}",
        "px": str(point.architecture.resolution),
        "MACs": MACS.format(figures.macs),
        "params": PARAMS.format(figures.params),
        "memory": MEMORY.format(figures.memory),
        **epochs,
        "top-1 %": percent(
            estimate.mean if estimate else None, estimate.half if estimate else None
        ),
    }


def _print_rungs(out: Console, result: Result) -> None:
    """What halving left behind, and what failed."""
    for rung in result.rungs[:-1]:
        left = len(rung.points) - rung.kept
        epochs = f"{rung.budget:g} epoch{'s' * (rung.budget != 1)}"
        out.print(
            f"after {epochs} {rung.kept} of {len(rung.points)} points went on; of the {left} left "
            f"behind {rung.close} can't be told from the last of these",
            style="dim",
        )
    failed = [trial for trial in result.trials if trial.error]
    if failed:
        out.print(
            f"{yellow(f'{len(failed)} of {len(result.trials)} measurements failed')} and are left "
            f"out, the last with: {failed[-1].error}"
        )


def _print_pick(out: Console, chosen: Mapping[str, Any]) -> None:
    last = chosen["rungs"][-1]["points"]
    compared = f"{last} points" + (" of the longest rung" if len(chosen["rungs"]) > 1 else "")
    listed = {"pick": chosen["pick"]}
    if not chosen["best"]["pick"]:
        listed["highest, not told from it"] = chosen["best"]
    listed["paper (Tan & Le 2019)"] = chosen["paper"]
    rows = table("", "alpha", "beta", "gamma", "product", "real ratio", "top-1 %")
    for name, row in listed.items():
        values = [f"{row[key]:.4g}" for key in ("alpha", "beta", "gamma")]
        accuracy = percent(row.get("accuracy"), row.get("half"))
        rows.add_row(name, *values, f"{row['product']:.3f}", f"{row['ratio']:.3f}", accuracy)
    out.print(
        f"\n{len(chosen['tied'])} of {compared} can't be told from the best; the cheapest of them "
        "(MACs within 1 % count as equal, then fewest params) is the pick"
    )
    out.print(rows)


def print_family(content: Mapping[str, Any], folder: Path) -> None:
    """One row a network, what the numbers are, the files."""
    out = console()
    networks: Sequence[Mapping[str, Any]] = content["networks"]
    budgets = any(row["budget"] for row in networks)
    paper = any(row["top1_paper"] for row in networks)
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
            **({"paper's": percent(row["top1_paper"], None)} if paper else {}),
        }
        for row in networks
    ]
    out.print(f"{bold(content['title'])}")
    show(out, rows, ("dropout", "memory", "params", "phi"), left=1)
    out.print(
        "MACs are multiply-adds (1 is 2 FLOPs); ratio is to the baseline's; memory is the peak "
        "at batch 1, float32",
        style="dim",
    )
    if paper:
        out.print(
            "paper's: top-1 predicted for alpha 1.2, beta 1.1, gamma 1.15 within the same MACs. "
            "Coefficients hold at the phi at which they were found: for larger networks search "
            "there (gridsearch run --phi 4)",
            style="dim",
        )
    out.print(content["label"] or "no prediction: the prior does not cover it", style="dim")
    out.print(f"written: {', '.join(content['files'])} in {folder}")


def print_compare(
    rows_of: Sequence[Mapping[str, Any]], label: str | None, files: list[str]
) -> None:
    """One row a scaled network, what the numbers are, the files."""
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
        for row in rows_of
    ]
    show(out, rows, ("memory", "params"), left=2)
    if label:
        out.print(label, style="dim")
    folders = {str(Path(file).parent) for file in files}
    out.print(f"written: {', '.join(Path(file).name for file in files)} in {', '.join(folders)}")
