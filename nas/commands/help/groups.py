"""Groups of options: typed values, each with a title of its own in `--help`.

A group is a frozen dataclass; a field's annotation has its type and the click option that fills it,
whose parameter has the field's name:

    @dataclass(frozen=True, kw_only=True)
    class Kept(Group):
        name: Annotated[str | None, NAME]

    @click.command()
    @options(kept=Kept, workers=Workers)
    def command(kept: Kept, workers: Workers) -> None: ...

gives the command one value a group, built here from what click parsed.
"""

import functools
import inspect
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, TypeVar, get_origin, get_type_hints

import click

from results.mistyped import in_plain_words
from search_spaces.architecture import Architecture, to_json
from search_spaces.errors import UserError, check_place, meant

OF_COMMANDS = {  # options that do nothing in a function: what that does
    "json": "gives its result as an object",
    "dry_run": "does what it is asked for at once",
    "open": "gives the place of the page",
}
_Real = click.types.FloatParamType
Option = Callable[[Any], Any]  # what click.option and click.argument give


def once(*names: str, **how: Any) -> Option:
    """An option that is refused where it is given twice, instead of the last one counting."""

    def single(_: click.Context, parameter: click.Parameter, value: tuple[str, ...]) -> str | None:
        if len(value) > 1:
            raise UserError(
                f"{parameter.opts[0]} is given {len(value)} times, as {' and '.join(value)}: "
                "expected once; leave out all but one"
            )
        return value[0] if value else None

    return click.option(*names, multiple=True, callback=single, **how)


@dataclass(frozen=True, kw_only=True)
class Group:
    """Options that go together.

    Attributes:
        title: What stands above them in `--help`; a class's own, for the options that it adds.
        typed: The group's options that the user gave, as `--epochs`, in their order.
    """

    title: ClassVar[str] = "Options"
    typed: tuple[str, ...] = ()


Made = TypeVar("Made", bound=Group)


def options(*plain: tuple[Option, ...], **groups: type[Group]) -> Callable[[Any], Any]:
    """A decorator: the command takes each group as one value, and `plain` options as they are.

    The command has the groups' titles by parameter as `titles`.
    """
    own = [option for group in groups.values() for option in _options(group).values()]
    every = [*own, *(option for some in plain for option in some)]
    titles = {name: title for group in groups.values() for name, title in _titles(group)}

    def add(command: Callable[..., Any]) -> Any:
        def values(context: click.Context, given: dict[str, Any]) -> dict[str, Any]:
            made = {name: _made(group, context, given) for name, group in groups.items()}
            return {**given, **made}

        @click.pass_context
        def called(context: click.Context, /, **given: Any) -> Any:
            return command(**values(context, given))

        with_options: Any = functools.update_wrapper(called, command)
        for option in reversed(every):
            with_options = option(with_options)
        with_options.titles = titles
        with_options.values = values
        return with_options

    return add


def parsed(
    command: click.Command, name: str, arguments: Sequence[str], given: Mapping[str, Any]
) -> dict[str, Any]:
    """What a command's function gets, from arguments that a program gives by name.

    They go through the command's own parser, so that both have the same options and refuse alike.

    Args:
        command: Made with `options`.
        name: Of the function that was called, for messages.
        arguments: The command's arguments.
        given: Its options without dashes, as `target_flops`; None is as if it was not given.

    Raises:
        UserError: An option is unknown, or a value is refused.
    """
    known = {parameter.opts[0].removeprefix("--").replace("-", "_"): parameter
             for parameter in command.params if isinstance(parameter, click.Option)}  # fmt: skip
    typed: list[str] = []
    for option, value in given.items():
        check_known(name, (option,), known)
        typed += _typed(known[option], value, name)
    line = [*typed, "--", *arguments]
    try:
        check_empty(click.Context(command), line)
        context = command.make_context(name, line)
    except click.ClickException as error:
        raise UserError(f"{name}: {in_plain_words(error.format_message())}") from None
    values = getattr(command.callback, "values", lambda context, params: params)
    return dict(values(context, dict(context.params)))


def check_empty(context: click.Context, line: Sequence[str]) -> None:
    """Refuses empty texts, as a shell's variable that isn't set gives them: they'd be a default.

    Args:
        context: Of the command.
        line: What was typed behind its name.

    Raises:
        UserError: An option or an argument is one.
        ClickException: The line can't be read.
    """
    given, _, _ = context.command.make_parser(context).parse_args(list(line))
    for parameter in context.command.params:
        texts = given.get(str(parameter.name))
        if texts == "" or (isinstance(texts, list | tuple) and "" in texts):
            option = isinstance(parameter, click.Option)
            named = parameter.opts[0] if option else parameter.human_readable_name
            away = ", or leave it out" if option and not parameter.required else ""
            raise UserError(f"{named.rstrip('.')} is an empty text: expected a value{away}")


def check_known(name: str, given: Iterable[str], known: Collection[str], more: str = "") -> None:
    """Refuses arguments that a function does not have.

    Args:
        name: Of the function.
        given: Names of arguments.
        known: Those that it has.
        more: What else there is to say.

    Raises:
        UserError: One is unknown.
    """
    for argument in given:
        if argument not in known:
            raise UserError(
                f"{name} has no argument {argument!r}{meant(argument, known)}: expected some of "
                f"{', '.join(known)}{more}"
            )


def _typed(option: click.Option, value: Any, name: str) -> list[str]:
    """An option as it stands on a command line.

    Raises:
        UserError: The value is of another kind, or the option does nothing in a function.
    """
    if value is None:
        return []
    argument = option.opts[0].removeprefix("--").replace("-", "_")
    if argument in OF_COMMANDS:
        raise UserError(
            f"{argument} is an option of the command only: leave it out, since {name} "
            f"{OF_COMMANDS[argument]}"
        )
    if option.is_flag:
        if not isinstance(value, bool):
            raise UserError(f"{argument} is {value!r}: expected True or False")
        away = option.secondary_opts
        return [option.opts[0]] if value else away[:1]
    if isinstance(value, tuple | list) and not _several(option):
        raise UserError(f"{argument} is {value!r}: expected one value, not several")
    if isinstance(option.type, click.Path):
        check_place(argument, value)
    if isinstance(value, str) and isinstance(option.type, click.types.IntParamType | _Real):
        kind = "a number" if isinstance(option.type, _Real) else "a whole number"
        raise UserError(f"{argument} is {value!r}: expected {kind}, not a text")
    return [option.opts[0], text_of(option, value)]


def _several(option: click.Option) -> bool:
    """Whether it takes several values: a size, or a list with commas."""
    return option.name == "pixels" or str(option.metavar).endswith(",..")


def text_of(option: click.Option, value: Any) -> str:
    """An option's value as it is typed: a size is HEIGHTxWIDTH, other lists have commas."""
    if isinstance(value, Architecture):
        return to_json(value)
    if isinstance(value, tuple | list):
        return ("x" if option.name == "pixels" else ",").join(map(str, value))
    return str(value)


def _titles(group: type[Group]) -> list[tuple[str, str]]:
    """(field, title of the class that has it) of each option."""
    return [
        (name, vars(base).get("title", Group.title))
        for base in reversed(group.__mro__)
        for name in inspect.get_annotations(base)
        if name in _options(group)
    ]


def _options(group: type[Group]) -> dict[str, Option]:
    """By field, base classes' first."""
    hints = get_type_hints(group, include_extras=True).items()
    return {name: hint.__metadata__[0] for name, hint in hints if get_origin(hint) is Annotated}


def as_given(context: click.Context) -> list[str]:
    """Names of the parameters that were given, in that order: by hand, then those of a file."""
    source, of = context.get_parameter_source, click.core.ParameterSource
    by_file = list(context.default_map or {})

    def place(name: str) -> int:
        return by_file.index(name) if source(name) == of.DEFAULT_MAP else -1

    return sorted((name for name in context.params if source(name) != of.DEFAULT), key=place)


def _made(group: type[Made], context: click.Context, given: dict[str, Any]) -> Made:
    """The group's value, whose parameters are taken out of `given`."""
    names = {parameter.name: parameter.opts[0] for parameter in context.command.params}
    own = _options(group)
    typed = [parameter for parameter in as_given(context) if parameter in own]
    return group(
        **{parameter: given.pop(parameter) for parameter in own},
        typed=tuple(names[parameter] for parameter in typed),
    )
