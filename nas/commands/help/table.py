"""A command's group whose table says what each is for; a command loads when it is called.

So `--help` imports click and nothing of ours.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import click

SETTINGS = {"help_option_names": ["-h", "--help"], "max_content_width": 100}


_HYPHEN = "\N{NON-BREAKING HYPHEN}"


def _unbroken(text: str) -> str:
    """Text in which lines don't end within the name of an option, as `--target-` `flops`."""
    return re.sub(r"--\w[\w-]*", lambda name: name[0].replace("-", _HYPHEN), text)


@dataclass(frozen=True)
class Entry:
    """A command in its group's table.

    Attributes:
        place: The module that has it, under its own name.
        summary: What it is for, in a sentence.
        examples: Command lines that work.
    """

    place: str
    summary: str
    examples: tuple[str, ...]


class Command(click.Command):
    """A command whose options stand in groups, with examples below.

    Args:
        command: As click made it.
        entry: Its line of the table.
    """

    KEPT = ("name", "callback", "params", "help", "options_metavar", "context_settings")

    def __init__(self, command: click.Command, entry: Entry) -> None:
        super().__init__(**{name: getattr(command, name) for name in self.KEPT})
        self.short_help, self.examples = entry.summary, entry.examples
        self.help = _unbroken(self.help or "")
        self._titles: Mapping[str, str] = getattr(command.callback, "titles", {})

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """As click does, after empty texts were refused."""
        if not ctx.resilient_parsing:
            from nas.commands.help.groups import check_empty

            check_empty(ctx, args)
        return super().parse_args(ctx, args)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Writes the options under the titles of their groups, in the groups' order."""
        groups: dict[str, list[tuple[str, str]]] = {
            title: [] for title in dict.fromkeys(self._titles.values())
        }
        for parameter in self.get_params(ctx):
            record = parameter.get_help_record(ctx)
            if record is not None and isinstance(parameter, click.Option):
                title = self._titles.get(str(parameter.name), "Options")
                groups.setdefault(title, []).append((record[0], _unbroken(record[1])))
        for title, rows in groups.items():
            if rows:
                with formatter.section(title):
                    formatter.write_dl(rows)

    def get_help(self, ctx: click.Context) -> str:
        """The help as it is printed."""
        return super().get_help(ctx).replace(_HYPHEN, "-")

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Writes the examples, each on a line of its own."""
        _write_lines(formatter, "Examples", self.examples)


def _write_lines(formatter: click.HelpFormatter, title: str, lines: tuple[str, ...]) -> None:
    with formatter.section(title):
        for line in lines:
            formatter.write(f"{'':>{formatter.current_indent}}{line}\n")


class Commands(click.Group):
    """A group of commands that load when they are called.

    Args:
        help: What they are for.
        table: By heading, by name, the commands.
        examples: Command lines to begin with.
    """

    def __init__(
        self, help: str, table: Mapping[str, Mapping[str, Entry]], examples: tuple[str, ...]
    ) -> None:
        super().__init__(help=help, context_settings=SETTINGS)
        self._table, self._examples = table, examples
        self._loaded: dict[str, Command] = {}
        click.version_option(package_name="compound-nas")(self)

    def list_commands(self, ctx: click.Context | None) -> list[str]:
        """The names, in the table's order."""
        return [name for entries in self._table.values() for name in entries]

    def get_command(self, ctx: click.Context | None, cmd_name: str) -> Command | None:
        """The command of a name, loaded; None where there is none."""
        entries = {name: one for part in self._table.values() for name, one in part.items()}
        if cmd_name not in entries:
            return None
        if cmd_name not in self._loaded:
            entry = entries[cmd_name]
            command = getattr(import_module(entry.place), cmd_name)
            self._loaded[cmd_name] = Command(command, entry)
        return self._loaded[cmd_name]

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click does, with what may have been meant."""
        names = self.list_commands(ctx)
        if args and args[0] not in names and args[0][:1].isalpha():
            from search_spaces.errors import meant

            ctx.fail(
                f"There is no command {args[0]!r}{meant(args[0], names)}: expected one of "
                f"{', '.join(names)}."
            )
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Writes the table, each summary whole."""
        for heading, entries in self._table.items():
            with formatter.section(heading):
                formatter.write_dl([(name, entry.summary) for name, entry in entries.items()])

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Writes what to begin with."""
        _write_lines(formatter, "Begin with", self._examples)


def names_in(place: str, table: str) -> Callable[..., list[str]]:
    """For `shell_complete`: the names of a table, as `STRATEGIES`, that begin as what was typed.

    Args:
        place: The module that has it, which loads when somebody presses the tab key.
        table: Its name there.
    """

    def complete(_: click.Context, __: click.Parameter, incomplete: str) -> list[str]:
        known: Any = getattr(import_module(place), table)
        return [name for name in known if name.startswith(incomplete)]

    return complete
