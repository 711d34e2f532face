"""What `--help` shows: every command with a whole summary, its options in groups, its examples."""

import shlex
import subprocess
import sys

import pytest
from click.testing import CliRunner

from gridsearch.commands.main import cli as gridsearch
from nas.commands.main import cli as nas

GROUPS = {"nas": nas, "gridsearch": gridsearch}
COMMANDS = [(name, one) for name, group in GROUPS.items() for one in group.list_commands(None)]


def helped(program, *arguments, width=80):
    done = CliRunner().invoke(GROUPS[program], [*arguments, "--help"], terminal_width=width)
    assert done.exit_code == 0, done.output
    return done.output


@pytest.mark.parametrize("width", [60, 80, 200])
@pytest.mark.parametrize("program", GROUPS)
def test_summaries_are_whole_at_any_width(program, width):
    said = helped(program, width=width)
    assert "..." not in said.replace("[ARGS]...", "")
    words = " ".join(said.split())
    for command in GROUPS[program].list_commands(None):
        summary = GROUPS[program].get_command(None, command).short_help
        assert summary in words
        assert summary.endswith(".")


@pytest.mark.parametrize(("program", "command"), COMMANDS)
def test_every_command_has_examples_that_it_takes(program, command):
    made = GROUPS[program].get_command(None, command)
    assert made.name == command
    listed = helped(program, command).partition("Examples:\n")[2]
    for example in made.examples:
        assert f"  {example}\n" in listed
        given = shlex.split(example)
        assert given[:2] == [program, command]
        made.make_context(command, given[2:])


def test_a_searchs_options_stand_in_groups():
    said = helped("nas", "search")
    heads = [line for line in said.splitlines() if line.endswith(":") and line[0] != " "]
    assert heads == [
        "Target:", "What is searched, and how:", "Training, with --data:",
        "Starting from trained weights:", "Workers:", "The run:", "Options:", "Examples:",
    ]  # fmt: skip
    at = {head: said.index(f"\n{head}\n") for head in heads}
    for option, head in (("--max-params", "Target:"), ("--halving", "Training, with --data:"),
                         ("--dry-run", "The run:"), ("--workers", "Workers:")):  # fmt: skip
        place = said.index(f"\n  {option} ")
        assert max((h for h in heads if at[h] < place), key=at.__getitem__) == head


@pytest.mark.parametrize("program", GROUPS)
def test_the_list_of_commands_loads_none_of_them(program):
    code = (
        f"import sys; from {program}.commands.main import cli; cli(['--help'], 'x', "
        "standalone_mode=False); print(*[m for m in sys.modules if m.startswith(('search_spaces', "
        f"'numpy', '{program}.commands.'))], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    ours = {name for name in done.stderr.split() if ".commands.help" not in name}
    assert ours <= {f"{program}.commands.main"}


def test_the_shell_completes_commands_and_names(monkeypatch):
    def completed(words, at):
        environment = {"_NAS_COMPLETE": "bash_complete", "COMP_WORDS": words, "COMP_CWORD": str(at)}
        program = [sys.executable, "-m", "nas"]
        done = subprocess.run(program, env=environment, capture_output=True, text=True)
        return [line.partition(",")[2] for line in done.stdout.split()]

    assert completed("nas se", 1) == ["search"]
    assert completed("nas search --strategy ra", 3) == ["random"]
    assert completed("nas search --space eff", 3)[:1] == ["efficientnet"]
