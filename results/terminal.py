"""What commands share on a terminal: how they end, tables, JSON, and how an accuracy is written.

Light to import: rich loads when a table is printed.
"""

import contextlib
import errno
import math
import os
import re
import stat
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NoReturn, TextIO

import click

from results.interrupts import CODE, Interrupts, caused
from results.mistyped import in_a_sentence
from results.streams import ready_streams

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

# What a style begins and ends with in a printed line: control characters, since people's own names
# and messages may hold any other sign and are printed as they are.
_BOLD, _YELLOW, _END = "\x0e", "\x10", "\x0f"
_MARKS = {_BOLD: "bold", _YELLOW: "yellow"}
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
USUAL = 110  # columns of tables where there is no terminal
COMMANDS = ("next: ", "try it: ", "      ")  # begin a line with a command, which is never broken
NARROWEST = 20  # columns, below which lines are left to the terminal


def bold(text: object) -> str:
    """Text that `console().print` shows bold."""
    return f"{_BOLD}{text}{_END}"


def yellow(text: object) -> str:
    """Text that `console().print` shows yellow."""
    return f"{_YELLOW}{text}{_END}"


def plain(text: str) -> str:
    """On one line, without control characters: a name or message may hold a terminal's commands."""
    return _CONTROL.sub("", " ".join(text.split()))


def folded(text: str, first: int = 0, err: bool = True) -> str:
    """Text that is broken at its words where it is printed on a terminal too narrow for it.

    Args:
        text: May have lines of its own.
        first: Columns that stand before it in its first line.
        err: It is for standard error, else for standard output.
    """
    import textwrap

    if (width := _columns(err)) < NARROWEST:
        return text
    how = textwrap.TextWrapper(width - 1, break_long_words=False, break_on_hyphens=False)
    lines: list[str] = []
    for line in text.split("\n"):
        how.initial_indent = "" if lines else "x" * first
        broken = [line] if line.startswith(COMMANDS) else how.wrap(line)
        lines.append("\n".join(broken)[0 if lines else first :])
    return "\n".join(lines)


def _columns(err: bool) -> int:
    """Columns of the terminal where an output is seen; 0 where there is none.

    What goes through a pipe, as to `tee` or `head`, is seen on the terminal that we have besides.
    """
    with contextlib.suppress(OSError, ValueError):
        stream, number = (sys.stderr, 2) if err else (sys.stdout, 1)
        if stream.isatty():
            return os.get_terminal_size(number).columns
        if stat.S_ISFIFO(os.fstat(stream.fileno()).st_mode):
            beside = [other for other in (2, 1, 0) if os.isatty(other)]
            return os.get_terminal_size(beside[0]).columns if beside else 0
    return 0


def tell(text: str, err: bool = True) -> None:
    """Prints a line on standard error, or else on standard output, broken at words."""
    click.echo(folded(text, err=err), err=err)


def entry(group: click.Group, name: str) -> NoReturn:
    """Runs a command and leaves the process; an error is told in a single sentence.

    Exit code 2 is for errors that the user can mend, 1 for others, 130 for Ctrl-C and SIGTERM.

    Args:
        group: The command.
        name: What it is called.

    Raises:
        SystemExit: In any case.
    """
    ready_streams()
    interrupts = Interrupts()
    interrupts.take()
    try:
        code = group.main(prog_name=name, standalone_mode=False)
        sys.stdout.flush()
        raise SystemExit(code if isinstance(code, int) else 0)
    except click.ClickException as error:
        if (text := in_a_sentence(error, group, name)) is None:
            error.show()
        else:
            tell(plain(text))
        raise SystemExit(error.exit_code) from None
    except (click.Abort, KeyboardInterrupt):
        _stopped(name, interrupts)
    except BrokenPipeError:  # whoever read our output, as `head`, has ended
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(1) from None
    except Exception as error:
        from search_spaces.errors import RunFailure, UserError, of_place  # not for --help

        if interrupts.came and caused(error):
            _stopped(name, interrupts)
        if isinstance(error, UserError | RunFailure):
            message, code = str(error), error.exit_code
        elif os.environ.get("COMPOUND_NAS_DEBUG"):
            raise
        else:
            message = _unforeseen(error)
            code = 2 if isinstance(error, OSError) and of_place(error) else 1
    finally:
        interrupts.give_back()
    tell(f"{name}: {plain(message)}")
    raise SystemExit(code)


def exit_code(command: click.Command, name: str, arguments: Sequence[str] | None = None) -> int:
    """Runs a module's command and returns its exit code; an error is one sentence.

    Args:
        command: The command.
        name: What it is called, as `python -m nas.search.long`.
        arguments: Its own; None takes those of the process.
    """
    from search_spaces.errors import RunFailure, UserError  # not for --help

    try:
        command.main(arguments, prog_name=name, standalone_mode=False)
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (UserError, RunFailure) as error:
        click.echo(f"{name}: {error}", err=True)
        return error.exit_code
    except click.Abort:
        click.echo(f"{name}: interrupted", err=True)
        return CODE
    return 0


def _stopped(name: str, interrupts: Interrupts) -> NoReturn:
    """Says that Ctrl-C ended the command, and what is kept."""
    interrupts.ending()
    tell(f"{name}: interrupted" + (f": {interrupts.kept}" if interrupts.kept else ""))
    raise SystemExit(CODE) from None


def _unforeseen(error: Exception) -> str:
    """What is said of an error of the system, or of ours."""
    if not isinstance(error, OSError):
        where = "set COMPOUND_NAS_DEBUG=1 to see where, and please report it"
        return f"an unexpected {type(error).__name__}: {error} ({where})"
    if error.errno == errno.ENOSPC and not error.filename:  # the output itself is full
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    from search_spaces.errors import of_system  # not for --help

    return of_system(error)


def print_json(value: Any) -> None:
    """Prints indented JSON on standard output."""
    import json

    click.echo(json.dumps(value, indent=2))


def console(stderr: bool = False, file: "TextIO | None" = None) -> "Console":
    """Standard output or error; wide enough for our tables where it is on no terminal.

    What it prints is text as it stands, but for `bold` and `yellow`.

    Args:
        stderr: Standard error, not output.
        file: Another terminal in place of both.
    """
    from rich.console import Console
    from rich.text import Text

    class Plain(Console):
        def render_str(self, text: str, **style: Any) -> Text:
            made = Text(style=style.get("style") or "", justify=style.get("justify"),
                        overflow=style.get("overflow"))  # fmt: skip
            kind = ""
            for part in re.split(f"([{_BOLD}{_YELLOW}{_END}])", text):
                if part in (*_MARKS, _END) and part:
                    kind = _MARKS.get(part, "")
                else:
                    made.append(_CONTROL.sub("", part), kind or None)
            return made

    def made(width: int | None = None) -> Console:
        return Plain(markup=False, highlight=False, emoji=False, stderr=stderr, width=width,
                     file=file)  # fmt: skip

    standard, width = made(), _columns(stderr)
    return standard if standard.is_terminal else made(width if width >= NARROWEST else USUAL)


def table(*columns: str, left: int = 1) -> "Table":
    """An empty table: the first `left` columns flush left, the others flush right."""
    from rich.table import Table

    made = Table(box=None, pad_edge=False, header_style="bold")
    for i, column in enumerate(columns):
        made.add_column(column, justify="left" if i < left else "right", overflow="fold")
    return made


def show(
    out: "Console", rows: Sequence[Mapping[str, str]], spare: Sequence[str], left: int
) -> list[str]:
    """Prints rows as a table, without some columns where the terminal is too narrow.

    What was left out is named below the table. Where there is no room for the others either, names
    stay whole and numbers are broken at their words, if these fit.

    Args:
        out: Where to.
        rows: Title -> text; all have the same titles.
        spare: Columns that may be left out, the first of them first; none that what is printed
            besides speaks of.
        left: So many columns are flush left, and name the rows.

    Returns:
        The columns that were left out.
    """
    titles = list(rows[0])

    def width(words: int) -> int:
        """With only the longest word of a cell counted from so many columns on."""
        cells = [[t, *(row[t] for row in rows)] for t in titles]
        whole = [*cells[:words], *([w for t in some for w in t.split()] for some in cells[words:])]
        return sum(2 + max(map(len, some), default=0) for some in whole) - 2

    for title in spare:
        if title in titles and width(len(titles)) > out.width:
            titles.remove(title)
    made = table(*titles, left=left)
    for column in made.columns[:left]:
        column.no_wrap = width(left) <= out.width
    for row in rows:
        made.add_row(*(row[title] for title in titles))
    out.print(made)
    missing = [title for title in rows[0] if title not in titles]
    if missing:
        out.print(f"No room in {out.width} columns for: {', '.join(missing)}.", style="dim")
    return missing


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


def epochs_text(number: float) -> str:
    """`1 epoch`, `2.5 epochs`."""
    return f"{number:g} epoch{'' if number == 1 else 's'}"  # a frame's numbers are numpy's


def two_digits(number: int) -> str:
    """A whole number that may be beyond all floats, as `7.5e+100`; small ones as they are."""
    if number < 10**300:
        return f"{number:.2g}"
    power = math.floor(math.log10(number))
    digits = str(number // 10 ** (power - 1))
    return f"{digits[0]}.{digits[1]}e+{power}"
