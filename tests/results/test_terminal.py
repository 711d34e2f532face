"""What is printed: names as they stand, no terminal's commands, any output that a shell gives."""

import fcntl
import io
import os
import pty
import struct
import subprocess
import sys
import termios

import numpy as np
import processes
import pytest
from rich.console import ColorSystem

from results.terminal import bold, console, epochs_text, plain, show, table, tell, two_digits


def printed(*lines, terminal=False):
    out = console()
    out.file = io.StringIO()
    out._force_terminal, out._color_system = terminal, ColorSystem.STANDARD if terminal else None
    for line in lines:
        out.print(line)
    return out.file.getvalue()


@pytest.mark.parametrize("name", ["a[b]c[/d]", "old[red]runs", "x[/b]", ":smile:", "[link=x]y"])
def test_names_are_printed_as_they_stand(name):
    rows = table(name, "other")
    rows.add_row(name, "1")
    for line in (name, f"{bold(name)}: what"):
        assert name in printed(line)
    assert printed(rows).count(name) == 2


def test_bold_is_bold_and_nothing_commands_the_terminal():
    assert "\x1b[1mname\x1b[0m" in printed(f"{bold('name')} is", terminal=True)
    assert printed("a\x1b[2Jb\x07\x0c") == "a[2Jb\n"
    assert plain("one\n two\x1b]0;title\x07") == "one two]0;title"


@pytest.mark.parametrize(
    ("width", "left_out"), [(40, []), (25, ["live"]), (19, ["params", "live"])]
)
def test_columns_for_which_there_is_no_room_are_named(width, left_out):
    out = console()
    out.file, out.width = io.StringIO(), width
    row = {"stage": "stem", "MACs": "4.147M", "params": "696", "live": "921.6 kB"}
    assert show(out, [row], ("live", "params"), left=1) == left_out
    titles, _, *below = out.file.getvalue().splitlines()
    assert titles.split() == [name for name in row if name not in left_out]
    named = f"No room in {width} columns for: {', '.join(left_out)}."
    assert " ".join(" ".join(below).split()) == (named if left_out else "")


@pytest.mark.parametrize(("width", "broken"), [(56, 0), (47, 0), (46, 1), (39, 1), (30, 2)])
def test_where_there_is_no_room_names_are_the_last_to_be_broken(width, broken):
    """Nothing is, then numbers at their words, then the names."""
    out = console()
    out.file, out.width = io.StringIO(), width
    name, time = "EfficientNet-B0 scaled", "8.431 ms ± 2.9%"
    row = {"": "beside", "network": name, "latency": time, "memory": "27.18 MB"}
    assert show(out, [row], ("memory",), left=2) == ["memory"]
    said = out.file.getvalue()
    assert ((time not in said) + (name not in said)) == broken


CALL = """
import sys, click
from results.terminal import entry
@click.command()
@click.option("--fail", is_flag=True)
def main(fail):
    if fail:
        raise click.UsageError("no ± that")
    print("67.1 ± 0.3")
    print("told ±", file=sys.stderr)
entry(main, "main")
"""


@pytest.mark.parametrize(
    ("how", "code", "out", "err"),
    [
        ("{}", 0, "67.1 ± 0.3\n", "told ±\n"),
        ("{} >&-", 0, "", "told ±\n"),
        ("{} 2>&-", 0, "67.1 ± 0.3\n", ""),
        ("{} <&- >&- 2>&-", 0, "", ""),
        ("{} --fail 2>&-", 2, "", ""),
        ("PYTHONIOENCODING=ascii {}", 0, "67.1 +/- 0.3\n", "told +/-\n"),
    ],
)
def test_closed_and_narrow_outputs(how, code, out, err, tmp_path):
    (tmp_path / "main.py").write_text(CALL)
    command = how.format(f"{sys.executable} {tmp_path / 'main.py'}")
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (code, out, err)


def test_a_closed_output_is_no_file_that_is_opened_later(tmp_path):
    opens = f"    kept = open({str(tmp_path / 'mine')!r}, 'w')\n    print("
    (tmp_path / "main.py").write_text(CALL.replace("    print(", opens, 1))
    command = f"{sys.executable} {tmp_path / 'main.py'} >&-"
    assert subprocess.run(["bash", "-c", command]).returncode == 0
    assert (tmp_path / "mine").read_text() == ""


def test_a_path_of_thousands_of_letters_is_the_users_mistake_in_a_short_sentence():
    done = processes.run("nas", "show", "x" * 5000)
    assert done.returncode == 2
    assert done.stderr == f"nas: {'x' * 40}... (5,000 letters): File name too long\n"


def test_one_epoch_is_one():
    assert [epochs_text(n) for n in (1, 1.0, 2, 0.5, np.float64(1), np.float64(9))] == [
        "1 epoch", "1 epoch", "2 epochs", "0.5 epochs", "1 epoch", "9 epochs",
    ]  # fmt: skip


def test_numbers_beyond_all_floats_are_shown():
    assert [two_digits(n) for n in (7, 38_880, 75 * 10**99)] == ["7", "3.9e+04", "7.5e+100"]
    assert two_digits(75 * 10**399) == "7.5e+400"
    assert two_digits(2**3000) == "1.2e+903"


@pytest.mark.parametrize("err", [True, False])
def test_a_line_is_broken_at_words_on_the_terminal_that_it_is_for(err, monkeypatch, capsys):
    widths = {2: 40, 1: 30}
    monkeypatch.setattr(
        "os.get_terminal_size", lambda number: os.terminal_size((widths[number], 9))
    )
    for stream in (sys.stdout, sys.stderr):
        monkeypatch.setattr(stream, "isatty", lambda: True)
    text = "of words some are long, " * 6 + "a/path/that/is/longer/than/all/the/terminal.png"
    tell(text, err=err)
    out = capsys.readouterr()
    lines = (out.err if err else out.out).splitlines()
    assert " ".join(lines).split() == text.split()
    assert max(map(len, lines[:-1])) < widths[1 + err]


def test_a_line_with_a_command_is_never_broken(monkeypatch, capsys):
    monkeypatch.setattr("os.get_terminal_size", lambda number: os.terminal_size((30, 9)))
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    lines = [
        "next: nas classify a-run-of-some-length IMAGE",
        "      nas export a-run-of-length DIR --to x",
    ]
    for line in [*lines, "words that are broken where the terminal ends"]:
        tell(line, err=False)
    assert capsys.readouterr().out.splitlines()[:2] == lines


WORDS = """
from results.terminal import console, tell
console().print("word " * 40)
tell("word " * 40, err=False)
"""


@pytest.mark.parametrize(
    ("how", "widths"),
    [
        ("python - | cat", (50, 50)),
        ("python - 2>&1 </dev/tty | cat", (50, 50)),  # the program is in the environment
        ("python - 2>&1 </dev/null | cat", (110, 200)),  # no terminal is left
        ("python - > kept && cat kept", (110, 200)),
    ],
)
def test_what_goes_through_a_pipe_has_the_width_of_the_terminal_beside(tmp_path, how, widths):
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 9, 50, 0, 0))
    command = how.replace(
        "python -", f"{sys.executable} -c 'import os; exec(os.environ[\"WORDS\"])'"
    )
    done = subprocess.run(
        ["bash", "-c", command], stdin=theirs, stdout=subprocess.PIPE, stderr=theirs, text=True,
        cwd=tmp_path, env={**os.environ, "WORDS": WORDS}, start_new_session=True,
        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
    )  # fmt: skip
    os.close(ours)
    os.close(theirs)
    lines = done.stdout.splitlines()
    assert " ".join(lines).split() == 80 * ["word"]
    of_console, told = lines[0].rstrip(), lines[-(-200 // widths[0])].rstrip()
    assert widths[0] - 5 <= len(of_console) <= widths[0]
    assert widths[1] - 6 <= len(told) <= widths[1]
