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
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, TypeVar, get_origin, get_type_hints

import click

from search_spaces.errors import UserError

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
        @click.pass_context
        def called(context: click.Context, /, **given: Any) -> Any:
            made = {name: _made(group, context, given) for name, group in groups.items()}
            return command(**given, **made)

        with_options: Any = functools.update_wrapper(called, command)
        for option in reversed(every):
            with_options = option(with_options)
        with_options.titles = titles
        return with_options

    return add


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


def _made(group: type[Made], context: click.Context, given: dict[str, Any]) -> Made:
    """The group's value, whose parameters are taken out of `given`."""
    default = click.core.ParameterSource.DEFAULT
    names = {parameter.name: parameter.opts[0] for parameter in context.command.params}
    own = _options(group)
    typed = [
        parameter
        for parameter in given
        if parameter in own and context.get_parameter_source(parameter) != default
    ]
    return group(
        **{parameter: given.pop(parameter) for parameter in own},
        typed=tuple(names[parameter] for parameter in typed),
    )
