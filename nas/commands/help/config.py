"""Options from a TOML file, and a run's options as such a file.

    target-flops = "400M"
    trials = 300
    json = true

What is typed counts more than what stands in the file.
"""

import json
import tomllib
from pathlib import Path
from typing import Any

import click

from nas.commands.help.groups import as_given
from nas.commands.help.groups import text_of as typed
from search_spaces.errors import UserError, meant

FILE = "run.toml"  # in the folder of a run
AWAY = ("config", "dry_run", "help")  # that no file holds


def _taken(context: click.Context, parameter: click.Parameter, path: Path | None) -> None:
    """Makes a file's values the command's defaults."""
    if path is None:
        return
    content = _content(path)
    known = {option.opts[0].removeprefix("--"): option for option in context.command.params
             if isinstance(option, click.Option) and option.name not in AWAY}  # fmt: skip
    values: dict[str, Any] = {}
    for name, value in content.items():
        option = known.get(name.replace("_", "-"))
        if option is None or option.name is None:
            raise UserError(
                f"{path} has {name!r}{meant(name, known)}, which is no option of "
                f"{context.command_path}: expected some of {', '.join(known)}"
            )
        if option.name in values:
            raise UserError(f"{path} has {name} twice, with - and with _: leave one of them out")
        expected = "true or false" if option.is_flag else "one value, a text or a number"
        plain = isinstance(value, str | int | float) and value != ""
        if isinstance(value, bool) != option.is_flag or not plain:
            raise UserError(f"{path} has {name} = {_shown(value)}: expected {expected}")
        text = value if isinstance(value, bool) else str(value)
        values[option.name] = [text] if option.multiple else text
    context.default_map = {**(context.default_map or {}), **values}


def _shown(value: Any) -> str:
    """A value as TOML has it, about."""
    return str(value).lower() if isinstance(value, bool) else f"{value!r:.60}"


def _content(path: Path) -> dict[str, Any]:
    from results.runs.files import read_text

    text = read_text(path)
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # not TOML's own, of numbers without an end
        raise UserError(
            f'{path} is no TOML: {error}; expected options as target-flops = "400M"'
        ) from None


CONFIG = click.option(
    "--config", type=click.Path(path_type=Path), is_eager=True, expose_value=False,
    callback=_taken, metavar="FILE.toml",
    help="Take options from this file, as trials = 300; every run writes its own into "
    "RUNS/NAME/run.toml. What you type besides counts more.",
)  # fmt: skip


def text_of(context: click.Context) -> str:
    """The options that a command was given, by hand and by file, as such a file."""
    lines = [f"# {context.command_path}"]
    options = {option.name: option for option in context.command.params}
    for name in as_given(context):  # the first target is T
        option = options.get(name)
        if isinstance(option, click.Option) and name not in AWAY:
            value = _toml(option, context.params[name])
            lines.append(f"{option.opts[0].removeprefix('--')} = {value}")
    return "\n".join(lines) + "\n"


def _toml(option: click.Option, value: Any) -> str:
    """A value as TOML has it: JSON's texts, numbers, true and false."""
    return json.dumps(value if isinstance(value, int | float) else typed(option, value))


def write_config(folder: Path) -> None:
    """Writes the options of the command that runs into its run's folder."""
    from results.runs.files import write_atomically

    context = click.get_current_context(silent=True)
    if context is not None:
        write_atomically(folder / FILE, text_of(context))
