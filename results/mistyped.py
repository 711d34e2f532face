"""What click says of a command line that can't be read, in our words."""

import re
import sys

import click

_WORDS = (  # of click's messages -> ours
    (r"Got unexpected extra arguments? \((.*)\)$", r"there are too many arguments: \1."),
    (r"No such option:? '?-='?\.?", "-h takes no value."),
    (r"No such option:? '?([^'. ]+)'?\.?", r"there is no option \1"),
    (r" \(?Did you mean (?:one of: )?(.*?)\?\)?$", r" (did you mean \1?)"),
    (r"Option '(\S+)' requires an argument\.", r"\1 needs a value."),
    (r"^Invalid value for '(.*?)': (\S+) is ", r"\1 is \2, which is "),
    (r"^Invalid value for '(.*?)': ", r"\1: "),
    (r"^Option '(\S+)' does", r"\1 does"),
    (r"Missing (argument|option|parameter) '(.*?)'\.", r"\2 is missing."),
    (r"^There is no ", "there is no "),
    (r"is not a valid integer( range)?\.", "is no whole number."),
    (r"is not a valid float( range)?\.", "is no number."),
    (r"is not in the range x([<>]=?)(\S+)\.$", r"is out of range: expected a number \1 \2."),
    (r"is not in the range (\S+)<=x<=(\S+)\.$", r"is out of range: expected \1 to \2."),
)


def in_plain_words(message: str) -> str:
    """What click says of an option that can't be, without a programmer's words."""
    for theirs, ours in _WORDS:
        message = re.sub(theirs, ours, message)
    return message


def in_a_sentence(error: click.ClickException, group: click.Command, name: str) -> str | None:
    """The error as others are told, with the help to look at; None where click shows its own.

    Args:
        error: Of the command line.
        group: The program's commands.
        name: Of the program.
    """
    if not isinstance(error, click.UsageError) or type(error).show is not click.UsageError.show:
        return None
    path = error.ctx.command_path if error.ctx else name
    if isinstance(error, click.BadOptionUsage) and path == name:  # whose context is the program's
        known = group.list_commands(click.Context(group)) if isinstance(group, click.Group) else []
        path = " ".join([name, *[word for word in sys.argv[1:] if word in known][:1]])
    text = in_plain_words(error.format_message()).rstrip(".")
    return f"{path}: {text}; see `{path} --help`"
