"""A report as one HTML file that needs nothing else: its parts, and how it is written.

Texts are escaped by the template; only `Markup` made here or in network.py is not.
"""

import functools
import importlib.util
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from results.runs.files import check_replaceable, write_atomically
from search_spaces.errors import UserError, install

REPORT = "report.html"
GENERATOR = "compound-nas report"  # tells files that reports wrote, and may replace, from others
FOOTER = (
    "Written by compound-nas. MACs are multiply-adds of conv and linear layers, "
    "squeeze-and-excitation included; 1 is 2 FLOPs where products and sums are counted apart. "
    "Memory is the peak at batch 1 in float32: weights and live activations. "
    "This file needs no network."
)
_ASSETS = Path(__file__).parent / "assets"
SCRIPTS = ("page.js", "picked.js")


@dataclass(frozen=True)
class Text:
    """A paragraph.

    Attributes:
        text: Plain.
        tone: Empty, `note` or `warning`.
    """

    text: str
    tone: str = ""
    kind: ClassVar[str] = "text"


@dataclass(frozen=True)
class Cards:
    """Figures side by side.

    Attributes:
        items: (label, value, note).
    """

    items: Sequence[tuple[str, str, str]]
    kind: ClassVar[str] = "cards"


@dataclass(frozen=True)
class Code:
    """Text to be copied, as a command."""

    label: str
    text: str
    kind: ClassVar[str] = "code"


@dataclass(frozen=True)
class Table:
    """A table.

    Attributes:
        caption: Above it.
        columns: Headings.
        rows: Cells of texts or Markup, the first one the row's heading.
        left: So many columns are flush left.
        marked: Indices of rows that stand out.
        folded: Whether it is shown only when it is opened.
        key: Its name in the page, for a `Picked`.
    """

    caption: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    left: int = 1
    marked: Sequence[int] = ()
    folded: bool = False
    key: str = ""
    kind: ClassVar[str] = "table"


@dataclass(frozen=True)
class Chart:
    """A plotly figure.

    Attributes:
        key: Its name in the page.
        spec: Its JSON, colours named as `var(--NAME)`.
        label: What it shows, for those who don't see it.
        caption: Below it.
        height: Pixels.
    """

    key: str
    spec: str
    label: str
    caption: str = ""
    height: int = 420
    kind: ClassVar[str] = "chart"

    @property
    def embedded(self) -> Any:
        """The spec for a script element."""
        return _embedded(self.spec)


@dataclass(frozen=True)
class Picked:
    """What a click on a chart's point shows, and what can be downloaded of it.

    Attributes:
        chart: The chart's key; its points have networks' ids as customdata.
        table: The key of a table whose rows begin with ids: zooming the chart filters it.
        file: Of the downloads, without an ending.
        networks: By id: `figures` (name -> number or text), `costs` (pairs of texts), `stages`
            (rows of texts), `commands`, `architecture`, as plain JSON values.
    """

    chart: str
    table: str
    file: str
    networks: Mapping[str, Mapping[str, Any]]
    kind: ClassVar[str] = "picked"

    @property
    def embedded(self) -> Any:
        """The networks for a script element."""
        return _embedded(json.dumps(self.networks))


def _embedded(spec: str) -> Any:
    """JSON for a script element: no `<` in it can end the element."""
    from markupsafe import Markup

    return Markup(spec.replace("<", "\\u003c").replace("\u2028", "\\u2028"))


Part = Text | Cards | Code | Table | Chart | Picked


@dataclass(frozen=True)
class Section:
    """A section of a page.

    Attributes:
        key: Its anchor.
        short: In the page's navigation.
        title: Its heading.
        parts: What it shows, in order.
    """

    key: str
    short: str
    title: str
    parts: Sequence[Part]


@dataclass(frozen=True)
class Page:
    """A whole report.

    Attributes:
        kicker: Above the title.
        title: What it is about.
        lead: A sentence below.
        badges: (text, tone).
        sections: In order.
        footer: What the numbers mean.
    """

    kicker: str
    title: str
    lead: str
    badges: Sequence[tuple[str, str]]
    sections: Sequence[Section]
    footer: str = FOOTER

    @property
    def warnings(self) -> list[str]:
        """What the reader has to know before anything else, sentence by sentence."""
        parts = [part for section in self.sections for part in section.parts]
        return [part.text for part in parts if isinstance(part, Text) and part.tone == "warning"]


def require() -> None:
    """Refuses to go on where the report's libraries are missing.

    Raises:
        UserError: Says what to install.
    """
    needed = {"jinja2": "jinja2", "plotly": "plotly", "sklearn": "scikit-learn"}
    for module, package in needed.items():
        if importlib.util.find_spec(module) is None:
            raise UserError(
                f"the report needs {package}, which is not installed: {install('report')}"
            )


def html(page: Page) -> str:
    """The page with its style, its program and, where it has charts, plotly.js (4.8 MB)."""
    from markupsafe import Markup

    library = ""
    if any(isinstance(part, Chart) for section in page.sections for part in section.parts):
        from plotly.offline import get_plotlyjs

        library = get_plotlyjs()
    safe: Mapping[str, Any] = {
        "css": Markup((_ASSETS / "page.css").read_text()),
        "script": Markup("".join((_ASSETS / name).read_text() for name in SCRIPTS)),
        "library": Markup(library),
    }
    return str(_template().render(page=page, generator=GENERATOR, **safe))


@functools.cache
def _template() -> Any:
    import jinja2

    where = jinja2.FileSystemLoader(_ASSETS)
    return jinja2.Environment(
        loader=where, autoescape=True, undefined=jinja2.StrictUndefined
    ).get_template("page.html")


def check_place(path: Path) -> None:
    """Refuses a path where a report may not be written.

    Raises:
        UserError: Its folder does not exist, or a file stands there that is no report.
    """
    if not path.parent.is_dir():
        raise UserError(
            f"the folder {path.parent} does not exist: make it, or choose another --out"
        )
    if path.is_dir():
        raise UserError(f"{path} is a folder: expected a file's name for --out, as report.html")
    check_replaceable(path)
    if path.exists():
        with path.open("rb") as file:
            start = file.read(4096)
        if f'name="generator" content="{GENERATOR}"'.encode() not in start:
            raise UserError(
                f"{path} exists and is no report of this program, so it is kept: choose another "
                "--out, or move it away"
            )


def write_report(page: Page, path: Path) -> int:
    """Writes the page in one step, over an earlier report too.

    Returns:
        Its bytes.

    Raises:
        UserError: As `check_place`.
        RunFailure: It can't be written.
    """
    check_place(path)
    content = html(page).encode()
    write_atomically(path, content)
    return len(content)
