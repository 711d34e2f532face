"""`nas report` and `nas dashboard`: a run's results on a page, and Optuna's dashboard on it."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from nas.commands.options import JSON, RUNS, options
from results.terminal import plain, tell

if TYPE_CHECKING:
    from results.report.page import Page
    from results.report.record import Folder

STORAGE = click.option(
    "--storage", metavar="URL",
    help="The database of RUN's trials; needed where its address has a password.",
)  # fmt: skip
REPORT = (
    click.argument("run", metavar="RUN"),
    RUNS,
    STORAGE,
    click.option("--out", type=click.Path(path_type=Path), metavar="FILE",
                 help="Write the page here. Default: RUN/report.html. Only an earlier report is "
                 "replaced."),
    click.option("--open", "opens", is_flag=True, help="Open the page in the browser."),
    JSON,
)  # fmt: skip


@click.command()
@options(REPORT)
def report(**given: Any) -> None:
    """Make an HTML page of a search: its pick, its front, its progress, its costs.

    RUN is a name under --runs, or a folder. The page is one file, RUN/report.html, that needs no
    connection to the internet.
    """

    def page(folder: "Folder") -> "Page":
        from nas.report.sections import report_of

        return report_of(folder)

    execute(page, **given)


def execute(
    page: "Callable[[Folder], Page]",
    run: str,
    runs: Path,
    storage: str | None,
    out: Path | None,
    opens: bool,
    as_json: bool,
) -> None:
    """Reads the run, writes its page, says where.

    Args:
        page: Makes the page of a run.
        run: A folder, or a name under `runs`.
        runs: The folder of runs.
        storage: URL of the trials; None takes what the run's record names.
        out: The file; None is RUN/report.html.
        opens: Whether it is opened in the browser.
        as_json: Whether the result is printed as JSON.

    Raises:
        UserError: The run can't be reported, or the file is something else.
        RunFailure: The file can't be written.
    """
    path, size, folder, notes = written(page, run, runs, storage, out, as_json)
    if as_json:
        from results.terminal import print_json

        print_json({"report": str(path), "bytes": size, "run": str(folder), "notes": notes})
    else:
        from search_spaces.quantities import QUANTITIES

        for note in notes:
            tell(plain(f"note: {note}"))
        tell(f"written: {path} ({QUANTITIES['memory'].format(size)})", err=False)
    if opens:
        import webbrowser

        if not webbrowser.open(path.resolve().as_uri()):
            tell("no browser could be started: open the file yourself")


def written(
    page: "Callable[[Folder], Page]",
    run: str,
    runs: Path,
    storage: str | None,
    out: Path | None,
    quiet: bool,
) -> tuple[Path, int, Path, list[str]]:
    """Writes a run's page. Takes and raises what `execute` does.

    Returns:
        The page's path, its bytes, the run's folder, and what the page warns of.
    """
    from nas.commands.progress import working
    from results.report.page import REPORT as NAME
    from results.report.page import check_place, require, write_report
    from results.report.record import open_folder
    from results.runs.files import doubting

    require()
    folder = open_folder(run, runs, storage)
    path = out or folder.path / NAME
    check_place(path)
    with working(quiet) as say:
        say(f"reading {folder.path} and drawing its charts")
        with doubting(folder.path):
            drawn = page(folder)
        say(f"writing {path}")
        size = write_report(drawn, path)
    return path, size, folder.path, drawn.warnings


@click.command()
@click.argument("run", metavar="RUN")
@RUNS
@STORAGE
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option(
    "--port", type=click.IntRange(0, 65535), default=8080, show_default=True,
    metavar="N", help="The port to listen on; 0 takes a free one.",
)  # fmt: skip
def dashboard(run: str, runs: Path, storage: str | None, host: str, port: int) -> None:
    """Show RUN's trials in Optuna's dashboard, in a browser, until Ctrl-C.

    Nothing is written into the run's journal.
    """
    from results.report.dashboard import serve
    from results.report.record import location, open_folder, study_of
    from results.runs.folder import masked
    from search_spaces.errors import UserError

    folder = open_folder(run, runs, storage)
    where = location(folder)
    if not isinstance(where, str) and not where.is_file():
        raise UserError(f"the run {folder.path} has no stored trials: expected {where}")
    if isinstance(where, str) and study_of(folder, where) is None:
        raise UserError(f"{masked(where)} holds no run of the name {folder.path.name}")
    serve(where, host, port)
