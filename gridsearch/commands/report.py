"""`gridsearch report`: the results of a grid, a family or a comparison on a page."""

from typing import TYPE_CHECKING, Any

import click

from nas.commands.options import options
from nas.commands.report import REPORT, execute

if TYPE_CHECKING:
    from results.report.page import Page
    from results.report.record import Folder


@click.command()
@options(REPORT)
def report(**given: Any) -> None:
    """Make an HTML page of a grid, a family or a comparison.

    RUN is a name under --runs, or a folder, of `gridsearch run`, `family` or `compare`. The page is
    one file, RUN/report.html, that needs no connection to the internet.
    """

    def page(folder: "Folder") -> "Page":
        from gridsearch.report.pages import report_of

        return report_of(folder)

    execute(page, **given)
