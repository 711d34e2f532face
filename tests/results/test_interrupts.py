"""Ctrl-C of a command, pressed once or twice, wherever it comes."""

import functools
import os
import signal
import subprocess
import sys
import time

import processes
import pytest
from waiting import wait_for

PROGRAM = """
import os, signal, sys, threading, time
import click
from results.interrupts import TWICE, now_kept, undisturbed
from results.terminal import entry

def send(gap=0.0):
    time.sleep(gap)
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(0.05)  # the handler has its turn

class Deaf:
    def __del__(self):
        send()

@click.command()
def main():
    now_kept("half of it is kept")
    BODY
    print("not interrupted")

entry(main, "main")
"""
ONCE = "main: interrupted: half of it is kept"
BODIES = {
    "twice": """
    try:
        send()
    finally:
        send()
        print("closed")
""",
    "where Python drops it": """
    made = Deaf()
    del made  # KeyboardInterrupt is ignored in __del__
    for _ in range(100):
        time.sleep(0.05)
""",
    "where it becomes another error": """
    try:
        send()
    finally:
        threading.Lock().release()  # as a condition that it broke
""",
    "at the very end": """
    import atexit
    atexit.register(send)
    send()
""",
}


@pytest.mark.parametrize("where", BODIES)
def test_ctrl_c_ends_a_command_once(tmp_path, where):
    (tmp_path / "program.py").write_text(PROGRAM.replace("    BODY", BODIES[where].strip("\n")))
    done = processes.run("program.py", cwd=tmp_path)
    out = "closed\n" if where == "twice" else ""
    assert (done.returncode, done.stdout, done.stderr.strip()) == (130, out, ONCE)


def test_a_late_second_one_ends_what_goes_on(tmp_path):
    body = """
    try:
        send()
    finally:
        send(TWICE)
        time.sleep(60)
"""
    (tmp_path / "program.py").write_text(PROGRAM.replace("    BODY", body.strip("\n")))
    begun = time.monotonic()
    done = processes.run("program.py", cwd=tmp_path)
    assert (done.returncode, done.stderr.strip()) == (130, "")
    assert time.monotonic() - begun < 30


def test_processes_that_are_started_do_not_hear_it(tmp_path):
    body = """
    import subprocess
    program = "import time; print(1, flush=True); time.sleep(0.5); print(2)"
    with undisturbed():
        child = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE)
    child.stdout.readline()
    child.send_signal(signal.SIGINT)
    print(child.communicate()[0].decode(), child.returncode)
"""
    (tmp_path / "program.py").write_text(PROGRAM.replace("    BODY", body.strip("\n")))
    assert processes.run("program.py", cwd=tmp_path).stdout == "2\n 0\nnot interrupted\n"


@pytest.mark.parametrize(
    ("program", "code", "said"),
    [("/bin/nas", 130, "nas: interrupted\n"), ("mine.py", -2, "KeyboardInterrupt")],
)
def test_while_a_command_is_imported_it_ends_in_a_line(program, code, said):
    """A program that imports commands keeps its own signals."""
    source = (
        f"import os, sys; sys.argv = [{program!r}]; import nas.commands.help.early\n"
        "os.kill(os.getpid(), 2)"
    )
    heard = functools.partial(signal.signal, signal.SIGINT, signal.SIG_DFL)  # jobs of `&` don't
    done = subprocess.run(
        [sys.executable, "-c", source], capture_output=True, text=True, preexec_fn=heard
    )
    assert done.returncode == code
    assert done.stderr == said if code == 130 else said in done.stderr


SLOW = """
import time

def slow(architecture, budget, seed):
    time.sleep(0.02)
    return 40 + sum(stage.repeats for stage in architecture.stages)
"""


@pytest.mark.parametrize("gap", [0.02, 0.15])
def test_pressed_twice_a_search_says_once_that_it_goes_on(tmp_path, gap):
    (tmp_path / "toy.py").write_text(SLOW)
    running = processes.Running(
        "nas", "search", "--target-flops", "400M", "--evaluator", "toy:slow", "--trials", "5000",
        "--space", "efficientnet", "--executor", "pool", "--workers", "2", "--name", "cut",
        cwd=tmp_path,
    )  # fmt: skip
    journal = tmp_path / "runs/cut/trials.journal"
    wait_for(lambda: journal.exists() and journal.read_bytes().count(b"\n") > 20, 60)
    running.send_signal(signal.SIGINT)
    time.sleep(gap)
    running.send_signal(signal.SIGINT)
    assert running.wait(60) == 130
    assert "the same command continues" in running.stderr
    assert not [word for word in ("Error", "Traceback", "ignored") if word in running.stderr]
    assert os.path.exists(tmp_path / "runs/cut/best.json")
