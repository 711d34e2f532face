"""What commands share on a terminal: how they end, tables, JSON, and how an accuracy is written.

Light to import: rich loads when a table is printed.
"""

import errno
import os
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NoReturn

import click

from search_spaces.errors import RunFailure, UserError

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table


def entry(group: click.Group, name: str) -> NoReturn:
    """Runs a command and leaves the process; an error is told in a single sentence.

    Exit code 2 is for errors that the user can mend, 1 for others, 130 for Ctrl-C.

    Args:
        group: The command.
        name: What it is called.

    Raises:
        SystemExit: In any case.
    """
    try:
        code = group.main(prog_name=name, standalone_mode=False)
        sys.stdout.flush()
        raise SystemExit(code if isinstance(code, int) else 0)
    except click.ClickException as error:
        error.show()
        raise SystemExit(error.exit_code) from None
    except (click.Abort, KeyboardInterrupt):
        click.echo(f"{name}: interrupted", err=True)
        raise SystemExit(130) from None
    except BrokenPipeError:  # whoever read our output, as `head`, has ended
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(1) from None
    except (UserError, RunFailure) as error:
        message, code = str(error), error.exit_code
    except OSError as error:
        if os.environ.get("COMPOUND_NAS_DEBUG"):
            raise
        if error.errno == errno.ENOSPC and not error.filename:  # the output itself is full
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        message, code = f"{error.filename or 'the output'}: {error.strerror or error}", 1
    except Exception as error:
        if os.environ.get("COMPOUND_NAS_DEBUG"):
            raise
        message, code = (
            (
                f"an unexpected {type(error).__name__}: {error} (set COMPOUND_NAS_DEBUG=1 to see "
                "where, and please report it)"
            ),
            1,
        )
    click.echo(f"{name}: {' '.join(message.split())}", err=True)
    raise SystemExit(code)


def print_json(value: Any) -> None:
    """Prints indented JSON on standard output."""
    import json

    click.echo(json.dumps(value, indent=2))


def console() -> "Console":
    """Standard output; wide enough for our tables where it is no terminal."""
    from rich.console import Console

    standard = Console(highlight=False)
    return standard if standard.is_terminal else Console(highlight=False, width=110)


def table(*columns: str, left: int = 1) -> "Table":
    """An empty table: the first `left` columns flush left, the others flush right."""
    from rich.table import Table

    made = Table(box=None, pad_edge=False, header_style="bold")
    for i, column in enumerate(columns):
        made.add_column(column, justify="left" if i < left else "right", overflow="fold")
    return made


def show(
    out: "Console", rows: Sequence[Mapping[str, str]], spare: Sequence[str], left: int
) -> bool:
    """Prints rows as a table, without some columns where the terminal is too narrow.

    Args:
        out: Where to.
        rows: Title -> text; all have the same titles.
        spare: Columns that may be left out, the first of them first.
        left: So many columns are flush left.

    Returns:
        Whether a column was left out.
    """
    titles = list(rows[0])

    def width() -> int:
        return sum(2 + max(map(len, [t, *(row[t] for row in rows)])) for t in titles) - 2

    for title in spare:
        if title in titles and width() > out.width:
            titles.remove(title)
    made = table(*titles, left=left)
    for row in rows:
        made.add_row(*(row[title] for title in titles))
    out.print(made)
    return len(titles) < len(rows[0])


def accuracy_text(accuracy: float | None, spread: float | None) -> str:
    """An accuracy and its spread as `67.12 ± 0.31`, or a dash."""
    if accuracy is None:
        return "-"
    return f"{accuracy:.2f}" + (f" ± {spread:.2f}" if spread is not None else "")


def percent(mean: float | None, half: float | None) -> str:
    """A mean and half of its interval as `79.35 ± 0.79`, or a dash."""
    if mean is None:
        return "-"
    return f"{mean:.2f}" + (f" ± {half:.2f}" if half else "")
