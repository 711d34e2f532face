"""What `gridsearch` prints, as rich tables."""

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console

from gridsearch.run import COEFFICIENTS, Result
from nas.present import MACS, MEMORY, PARAMS, console, table
from search_spaces.cost import cost

REASONS = {
    "product": "combinations with a product farther than {tolerance:g} from 2",
    "same network": "points that round to the same network as another",
    "window": "networks whose real MACs are outside {low:.4g}x to {high:.4g}x",
    "memory": "networks above the target memory of {memory}",
}


def percent(mean: float | None, half: float | None) -> str:
    """`79.35 ± 0.79`, or a dash."""
    if mean is None:
        return "-"
    return f"{mean:.2f}" + (f" ± {half:.2f}" if half else "")


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
        out.print(f"[yellow]note:[/] {note}")


def print_run(result: Result, most: int) -> None:
    """What each rule removed, every point, the pick beside the paper's, the next command."""
    out, found = console(), result.coefficients
    assert found is not None
    question = result.plan.question
    base = cost(question.baseline)
    out.print(
        f"[bold]{question.baseline.name or question.baseline.id}[/] at phi {question.phi:g}: "
        f"{question.ratio:.4g}x of {MACS.format(base.macs)} MACs "
        "(multiply-adds; 1 is 2 FLOPs)"
    )
    _print_removed(out, result)
    _print_points(out, result, most)
    out.print(f"comparison: {found['method']}", style="dim")
    _print_pick(out, found)
    if found["label"]:
        out.print(found["label"], style="dim")
    files = " --baseline " + shlex.quote(result.plan.baseline)
    coefficients = shlex.quote(str(result.folder / COEFFICIENTS))
    out.print(
        f"\nnext: [bold]gridsearch family{files} --coefficients {coefficients}[/]", soft_wrap=True
    )


def _print_points(out: Console, result: Result, most: int) -> None:
    choice, points = result.choice, result.grid.points
    assert choice is not None
    order = sorted(
        range(len(points)),
        key=lambda i: (-(e.mean if (e := result.estimates[i]) else float("-inf")), i),
    )
    shown = order[:most] + [choice.pick] * (choice.pick not in order[:most])
    rows = table(
        "", "alpha", "beta", "gamma", "product", "real ratio", "px", "MACs", "params", "memory",
        "top-1 %",
    )  # fmt: skip
    for i in shown:
        point, one = points[i], result.estimates[i]
        c, figures = point.coefficients, cost(point.architecture)
        mark = "pick" if i == choice.pick else "tied" if i in choice.tied else ""
        gamma = f"{c.gamma:.4g}" + ("*" if point.moved else " ")
        rows.add_row(
            mark, f"{c.alpha:.4g}", f"{c.beta:.4g}", gamma, f"{c.product:.3f}",
            f"{point.ratio:.3f}", str(point.architecture.resolution), MACS.format(figures.macs),
            PARAMS.format(figures.params), MEMORY.format(figures.memory),
            percent(one.mean if one else None, one.half if one else None),
        )  # fmt: skip
    out.print(rows)
    text = f"{len(shown)} of {len(points)} points, all in {result.folder / 'points.csv'}"
    if any(points[i].moved for i in shown):
        text += "; * resolution moved to meet the window"
    out.print(text + "; top-1 with its 95 % interval", style="dim")


def _print_pick(out: Console, found: Mapping[str, Any]) -> None:
    listed = {"pick": found["pick"]}
    if not found["best"]["pick"]:
        listed["highest, not told from it"] = found["best"]
    listed["paper (Tan & Le 2019)"] = found["paper"]
    rows = table("", "alpha", "beta", "gamma", "product", "real ratio", "top-1 %")
    for name, row in listed.items():
        values = [f"{row[key]:.4g}" for key in ("alpha", "beta", "gamma")]
        accuracy = percent(row.get("accuracy"), row.get("half"))
        rows.add_row(name, *values, f"{row['product']:.3f}", f"{row['ratio']:.3f}", accuracy)
    out.print(
        f"\n{len(found['tied'])} of {found['points']} points can't be told from the best; the "
        "cheapest of them (MACs within 1 % count as equal, then fewest params) is the pick"
    )
    out.print(rows)


def print_family(content: Mapping[str, Any], folder: Path) -> None:
    """One row a network, what the numbers are, the files."""
    out = console()
    networks: Sequence[Mapping[str, Any]] = content["networks"]
    budgets = any(row["budget"] for row in networks)
    paper = any(row["top1_paper"] for row in networks)
    rows = table(
        "network", "phi", "depth", "width", "px", "MACs", "ratio",
        *(["of budget"] if budgets else ["dropout"]), "params", "memory", "top-1 %",
        *(["paper's"] if paper else []),
    )  # fmt: skip
    for row in networks:
        spent = f"{100 * row['macs'] / row['budget']:.1f} %" if budgets else f"{row['dropout']:.3g}"
        rows.add_row(
            row["name"],
            "-" if row["phi"] is None else f"{row['phi']:.4g}",
            f"{row['depth']:.4g}",
            f"{row['width']:.4g}",
            str(row["resolution"]),
            MACS.format(row["macs"]),
            f"{row['ratio']:.3f}",
            spent,
            PARAMS.format(row["params"]),
            MEMORY.format(row["memory"]),
            percent(row["top1"], row["top1_error"]),
            *([percent(row["top1_paper"], None)] if paper else []),
        )
    out.print(f"[bold]{content['title']}[/]")
    out.print(rows)
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
    rows = table(
        "baseline", "method", "ratio", "depth", "width", "px", "MACs", "params", "memory",
        "top-1 %", left=2,
    )  # fmt: skip
    for row in rows_of:
        rows.add_row(
            row["baseline"] if row["method"] == "baseline" else "",
            row["method"],
            f"{row['ratio']:.3f}",
            f"{row['depth']:.4g}",
            f"{row['width']:.4g}",
            str(row["resolution"]),
            MACS.format(row["macs"]),
            PARAMS.format(row["params"]),
            MEMORY.format(row["memory"]),
            percent(row["top1"], row["top1_error"]),
        )
    out.print(rows)
    if label:
        out.print(label, style="dim")
    out.print(f"written: {', '.join(files)}")
