"""`nas runs` and `nas compare`: what lies in the folder of runs, and runs side by side."""

from pathlib import Path
from typing import Any

import click

from nas.commands.options import JSON, RUNS, options
from results.terminal import tell

NUMBER = (int, float, type(None))
FOUND = {"id": (str, type(None)), "accuracy": NUMBER, "macs": NUMBER}  # what is shown of best.json


@click.command()
@options((RUNS, JSON))
def runs(runs: Path, as_json: bool) -> None:
    """List the runs of a folder: kind, target, what was found, when, and whether they ended.

    What can't be read, is damaged or failed before it was ended once is told below the list.
    """
    from search_spaces.errors import UserError

    if not runs.is_dir():
        raise UserError(f"there is no folder {runs}: expected one of runs; --runs names another")
    rows = [row for path in sorted(runs.iterdir()) if (row := _row_in(path)) is not None]
    if as_json:
        from results.terminal import print_json

        print_json(rows)
    elif not rows:
        tell(f"no runs in {runs} yet: nas search --target-flops 400M makes one", err=False)
    else:
        _print(rows)


def _row_in(path: Path) -> dict[str, Any] | None:
    """`row_of` what lies in the folder of runs, or why it can't be looked into; None for no run."""
    from results.runs.folder import RECORD
    from search_spaces.errors import said

    try:
        return row_of(path) if (path / RECORD).is_file() else _without_record(path)
    except OSError as error:
        return {"run": path.name, "error": f"{path} can't be read: {said(error)}"}


def _without_record(path: Path) -> dict[str, Any] | None:
    """The row of a folder that has a run's files but no run.json; None where it has none."""
    from results.runs.folder import orphaned

    if not (why := orphaned(path)):
        return None
    keys = ("kind", "target", "pick", "accuracy", "macs", "trials", "when")
    return {"run": path.name, **dict.fromkeys(keys), "state": "damaged", "why": why}


def row_of(folder: Path) -> dict[str, Any]:
    """What a run's files say of it.

    `error` stands in place of the rest where they can't be read; `why` where it failed or its
    trials are damaged.
    """
    from results.runs.folder import read_record
    from search_spaces.errors import UserError

    try:
        record = read_record(folder)
        sessions, experiment = record["sessions"], record["experiment"]
        state, why, best = _state(folder, record)
        return {
            "run": folder.name,
            "kind": experiment.get("kind"),
            "target": _target(record, best),
            "pick": best.get("id"),
            "accuracy": best.get("accuracy"),
            "macs": best.get("macs"),
            "trials": max((int(s.get("trials") or 0) for s in sessions), default=None),
            "when": (sessions or [record])[-1].get("ended") or record.get("started"),
            "state": state,
            **({} if why is None else {"why": why}),
        }
    except (UserError, TypeError, ValueError, AttributeError) as error:
        return {"run": folder.name, "error": str(error)}


def _state(folder: Path, record: dict[str, Any]) -> tuple[str, str | None, dict[str, Any]]:
    """Whether the run ended or is under way, and whether its files are whole; else perhaps why.

    Returns:
        The state, why it is so, and what best.json holds, as far as that can be shown.
    """
    from results.runs.folder import in_use

    state, why, found = _left(folder, record)
    if state in ("cut off", "damaged") and in_use(folder):
        return "running", None, found
    return state, why, found


def _left(folder: Path, record: dict[str, Any]) -> tuple[str, str | None, dict[str, Any]]:
    """`_state` of a run that nothing works on."""
    from nas.report.damage import check_results, ended
    from results.report.record import content
    from results.runs.files import check_kinds
    from results.runs.load import BEST, ENDING_IN_BEST, mending, without_network
    from search_spaces.errors import UserError

    sessions, kind, found = record["sessions"], record["experiment"].get("kind"), dict[str, Any]()
    try:
        best = content(folder / BEST)
        check_kinds(best or {}, str(folder / BEST), FOUND)
        found = best or {}
        if lacks := _lacking(folder, record):
            return "damaged", lacks, found
        check_results(folder, record, found)
    except (UserError, OSError) as error:
        return "damaged", mending(record, error), found
    if not sessions and record.get("failed"):
        return "failed", record["failed"], found
    if not ended(record):
        return "cut off", None, found
    if kind not in ENDING_IN_BEST or "architecture" in found:
        return "ended", None, found
    if best is None:
        none = sessions[-1].get("picked") is False
        return "no pick" if none else f"{BEST} is missing", str(without_network(folder)), found
    why = UserError(f"{folder / BEST} has no architecture")
    return f"{BEST} is damaged", mending(record, why), found


def _lacking(folder: Path, record: dict[str, Any]) -> str:
    """What is wrong with the journal, and what to do; empty where nothing is."""
    from results.runs.folder import STORE
    from results.runs.journal import check_lines
    from results.runs.load import lost
    from search_spaces.errors import UserError

    journal = folder / STORE
    there = journal.is_file()
    if not there and record.get("storage", "elsewhere") is not None:
        return ""
    try:
        return lost(folder, record, check_lines(journal) if there else 0)
    except (UserError, OSError) as error:
        return str(error)


def _target(record: Any, best: Any) -> str | None:
    """In words: `400M`, of a training the network."""
    from results.runs.load import TRAINED
    from search_spaces.quantities import quantity

    experiment = record["experiment"]
    if experiment.get("kind") in TRAINED:
        named = best.get("network") or record.get("network")
        return None if named is None else str(named)
    target, text = experiment.get("target"), best.get("target_text")
    of = best.get("quantity") or experiment.get("quantity") or "flops"  # a comparison's: any cost
    if not text and target is None:
        return None
    title = " params" * (of == "params")  # other units say what they are of
    return f"{text or quantity(of).format(target)}{title}"


def _print(rows: list[dict[str, Any]]) -> None:
    from results.terminal import console, plain, show
    from search_spaces.quantities import QUANTITIES

    def cell(value: Any) -> str:
        return "-" if value is None else plain(str(value))

    shown = []
    for row in rows:
        if "error" in row:
            blank = dict.fromkeys(
                ("kind", "target", "pick", "top-1 %", "MACs", "trials", "when"), ""
            )
            shown.append({"run": plain(row["run"]), **blank, "state": "can't be read"})
            continue
        accuracy, macs = row["accuracy"], row["macs"]
        shown.append({
            "run": plain(row["run"]), "kind": cell(row["kind"]), "target": cell(row["target"]),
            "pick": cell(row["pick"]),
            "top-1 %": "-" if accuracy is None else f"{accuracy:.2f}",
            "MACs": "-" if macs is None else QUANTITIES["flops"].format(macs),
            "trials": cell(row["trials"] or None), "when": cell(row["when"])[:16],
            "state": row["state"],
        })  # fmt: skip
    show(console(), shown, spare=("pick", "trials", "when", "target", "MACs"), left=4)
    for row in rows:
        if why := row.get("error") or row.get("why"):
            tell(plain(f"{row['run']}: {why}"), err=False)


@click.command()
@click.argument("names", metavar="RUN RUN...", nargs=-1, required=True)
@click.option(
    "--budgets", metavar="COST,...",
    help="Compare the best within these, as 100M,400M: of multiply-adds, or of the parameters or "
         "bytes that all of the runs have their target on. Default: six of the fronts.",
)  # fmt: skip
@click.option("--out", type=click.Path(path_type=Path), metavar="FILE.html",
              help="Write a page too, with the fronts in one chart.")  # fmt: skip
@options((RUNS, JSON))
def compare(
    names: tuple[str, ...], budgets: str | None, out: Path | None, runs: Path, as_json: bool
) -> None:
    """Put runs side by side: their picks, and the best of each front within equal budgets.

    RUN: a search or a training, a name or a folder.
    """
    from nas.report import compare as sides
    from results.terminal import console, plain, print_json, show

    rows = sides.compared(names, runs)
    of = sides.cost_of(rows)
    chosen = sides.budgets_of(rows) if budgets is None else _budgets(budgets, of)
    if as_json:
        within = [
            {of.column: b, **{row.name: sides.within(row, b, of) for row in rows}} for b in chosen
        ]
        print_json({"picks": {row.name: row.pick for row in rows}, "within": within,
                    "notes": sides.notes(rows)})  # fmt: skip
    else:
        for title, table in (("", sides.pick_rows(rows)),
                             ("\nthe most accurate network of each front within a budget",
                              sides.budget_rows(rows, chosen))):  # fmt: skip
            if title:
                tell(title, err=False)
            shown = [{plain(k): plain(v) for k, v in row.items()} for row in table]
            show(console(), shown, spare=("memory", "params", "pick"), left=1)
        for legend in sides.legends(rows):
            console().print(plain(legend), style="dim")
        for note in sides.notes(rows):
            tell(f"note: {note}", err=False)
    if out is not None:
        _write(sides.page(rows, chosen), out, as_json)


def _budgets(text: str, of: Any) -> list[float]:
    """`100M,1G` -> numbers of a quantity. Raises UserError."""
    return sorted(of.parse(part, "--budgets") for part in text.split(","))


def _write(page: Any, out: Path, quiet: bool) -> None:
    from results.report.page import check_place, require, write_report

    require()
    check_place(out)
    write_report(page, out)
    if not quiet:
        click.echo(f"\nwritten: {out}")
