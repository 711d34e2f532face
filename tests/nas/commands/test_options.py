"""Groups of options: typed, each option defined once, built from what click parsed."""

import dataclasses
import shlex
from functools import partial
from pathlib import Path
from typing import Annotated, get_origin, get_type_hints

import click
import pytest
from click.testing import CliRunner

from gridsearch.commands import options as of_gridsearch
from gridsearch.commands.main import cli as gridsearch
from nas.commands import audit, bench, options, search, targets
from nas.commands.main import cli as nas
from nas.commands.options import Group, Lengths, Stored, once
from nas.commands.targets import Targets
from search_spaces import UserError

MODULES = (options, search, audit, bench, targets, of_gridsearch)
GROUPS = {
    value
    for module in MODULES
    for value in vars(module).values()
    if isinstance(value, type) and issubclass(value, Group) and value is not Group
}


def commands():
    for group in (nas, gridsearch):
        yield from map(partial(group.get_command, None), group.list_commands(None))


@pytest.mark.parametrize("group", sorted(GROUPS, key=lambda one: one.__qualname__))
def test_a_groups_fields_are_its_options_parameters(group):
    hints = get_type_hints(group, include_extras=True)
    for field in dataclasses.fields(group):
        if field.name == "typed":
            continue
        hint = hints[field.name]
        assert get_origin(hint) is Annotated

        @click.command()
        @hint.__metadata__[0]
        def command(**given):
            """Holds the option."""

        (parameter,) = command.params
        assert parameter.name == field.name
        assert dataclasses.is_dataclass(group)
        assert group.__dataclass_params__.frozen


OTHERS = {  # the same word for another thing
    "Of the files, as my_net. Default: made from NETWORK.",  # export's --name
    "Of the initial weights, where there are no others.",  # export's --seed
    "The database of RUN's trials; needed where its address has a password.",  # report's --storage
}


@pytest.mark.parametrize("name", ["--runs", "--json", "--name", "--storage", "--seed"])
def test_what_many_commands_take_is_one_option(name):
    helps = {
        getattr(parameter, "help", None)
        for command in commands()
        for parameter in command.params
        if name in parameter.opts
    }
    assert len(helps - OTHERS) == 1
    sources = [Path(module.__file__).parent for module in (options, of_gridsearch)]
    text = "".join(path.read_text() for folder in sources for path in folder.glob("*.py"))
    assert text.count(f'"{name}"') == len(helps)


@click.command()
@options.options(targets=Targets, lengths=Lengths, kept=Stored)
def shown(targets: Targets, lengths: Lengths, kept: Stored) -> None:
    """Prints what it was given."""
    limits = [f"{one.of_quantity.key}={one.at_most:g}" for one in targets.limits()]
    click.echo(f"{limits} {targets.typed} {lengths.typed} {lengths.epochs} {kept.runs}")


def call(*arguments):
    result = CliRunner().invoke(shown, arguments)
    if isinstance(result.exception, UserError):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.output.strip()


def test_targets_stand_in_the_order_of_the_command_line():
    told = "('--target-params', '--max-memory', '--target-flops')"
    limits = "['params=5e+06', 'flops=4e+08', 'memory=6.71089e+07']"
    given = ("--target-params", "5M", "--max-memory", "64MiB", "--target-flops", "400M")
    assert call(*given) == f"{limits} {told} () 2.0 runs"
    assert call(*given, "--epochs", "2").endswith("('--epochs',) 2.0 runs")


@pytest.mark.parametrize("option", ["--target-flops", "--target-params", "--max-memory"])
def test_given_twice_is_refused(option):
    with pytest.raises(UserError, match=f"{option} is given 2 times, as 5M and 6M: expected once"):
        call(
            "--target-flops", "1G", option, "5M", option, "6M"
        ) if option != "--target-flops" else (call(option, "5M", option, "6M"))


@pytest.mark.parametrize(
    ("group", "arguments"),
    [
        (nas, ["audit", "--target-flops", "1M", "--target-flops", "2M"]),
        (nas, ["bench", "--target", "1M", "--target", "2M"]),
        (gridsearch, ["run", "--target-memory", "1M", "--target-memory", "2M"]),
    ],
)
def test_given_twice_is_refused_by_every_command(group, arguments):
    result = CliRunner().invoke(group, arguments)
    assert isinstance(result.exception, UserError)
    assert "is given 2 times, as 1M and 2M" in str(result.exception)


def test_a_required_one_that_is_not_given_is_missing():
    @click.command()
    @once("--target", required=True)
    def needs(target):
        click.echo(target)

    assert "Missing option '--target'" in CliRunner().invoke(needs).output
    assert CliRunner().invoke(needs, ["--target", "3"]).output == "3\n"


def test_an_audit_of_a_space_of_ones_own_has_a_name(tmp_path, monkeypatch):
    """It was `audit-module:name-...`, which no folder may be called."""
    monkeypatch.chdir(tmp_path)
    Path("own_space.py").write_text(
        "from search_spaces import space\ndef where():\n    return space('efficientnet-small')\n"
    )
    for spec in ("own_space:where", "own_space.py:where", f"{tmp_path}/own_space.py:where"):
        given = ["audit", "--target-flops", "30M", "--space", spec, "--data", "nowhere"]
        result = CliRunner().invoke(nas, given)
        assert "nowhere" in str(result.exception)
        assert "the run's name" not in str(result.exception)


@pytest.mark.parametrize(
    ("group", "line", "said"),
    [
        (nas, "search --target-flops 400M --space ''",
         "--space is an empty text: expected a value, or leave it out"),
        (nas, "search --target-flops= --evaluator=surrogate", "--target-flops is an empty text"),
        (nas, "search --target-flops 400M --runs ''", "--runs is an empty text"),
        (nas, "export efficientnet_b0 '' --to torch", "DIR is an empty text: expected a value"),
        (nas, "export efficientnet_b0 here --to ''", "--to is an empty text: expected a value"),
        (nas, "fit '' --target-flops 30M", "IMAGES is an empty text"),
        (nas, "classify run a.png ''", "IMAGE is an empty text"),
        (nas, "show ''", "NETWORK is an empty text"),
        (gridsearch, "run --phi 1 --baseline ''", "--baseline is an empty text"),
    ],
)  # fmt: skip
def test_an_empty_text_is_no_default(group, line, said, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(group, shlex.split(line))
    assert isinstance(result.exception, UserError)
    assert str(result.exception).startswith(said)
    assert not list(tmp_path.iterdir())


def test_nor_is_it_one_from_python_or_a_file(tmp_path):
    import nas as package

    with pytest.raises(UserError, match=r"^space is an empty text: expected a value, or leave"):
        package.find("400M", space="", runs=tmp_path / "runs")
    (tmp_path / "given.toml").write_text('space = ""\n')
    given = ["search", "--target-flops", "400M", "--config", str(tmp_path / "given.toml")]
    result = CliRunner().invoke(nas, given)
    assert "has space = '': expected one value, a text or a number" in str(result.exception)


def test_the_help_names_the_default_of_a_plan():
    from nas.search.plan import Plan

    words = CliRunner().invoke(nas, ["search", "--help"]).output.split()
    assert f"Default: {Plan.trials}," in " ".join(words)
