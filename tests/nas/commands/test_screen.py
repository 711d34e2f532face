"""A terminal stays whole: one live area at the bottom, everything else above it, at any width."""

import os
import re
import signal
import time
from pathlib import Path

import processes
import pytest
from screens import Terminal

from nas.commands import progress as words
from nas.commands.live.scene import Scene, lines, spoken
from nas.objective import Objective
from nas.watch import Running
from results.runs.records import Trial
from search_spaces import network

SPINNER = re.compile("^[⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏] ")
TOY = """
import sys, time, warnings

def noisy(architecture, budget, seed):
    time.sleep(0.04)
    blocks = sum(stage.repeats for stage in architecture.stages)
    if seed % 3 == 0:
        warnings.warn("a library warns in its own words, and at a length that no narrow line holds")
    if seed % 4 == 0:
        print("the camera says", blocks)
    return 40 + blocks
"""
SLOW = pytest.mark.slow
SEARCH = (
    "search", "--target-flops", "400M", "--space", "efficientnet", "--evaluator", "toy:noisy",
    "--trials", "60",
)  # fmt: skip


@pytest.fixture
def terminal(tmp_path):
    (tmp_path / "toy.py").write_text(TOY)
    opened = []

    def make(columns, module, *arguments, keys=False, **environment):
        made = Terminal(columns, module, *arguments, cwd=tmp_path, env=environment, keys=keys)
        opened.append(made)
        return made

    yield make
    for one in opened:
        one.close()


def live(screen):
    """The live area's lines: from its spinner on."""
    (first,) = [i for i, line in enumerate(screen) if SPINNER.match(line)] or [len(screen)]
    return screen[first:]


def check_whole(terminal, phases):
    """At every moment at most one live area, last on the screen; at the end none is left."""
    names = [live(screen)[0] for screen in terminal.seen if live(screen)]
    for phase in phases:
        assert any(phase in name for name in names), (phase, names)
    above: list[str] = []
    for screen in terminal.seen:  # nothing above the area is ever written over
        now = screen[: len(screen) - len(live(screen))]
        assert now[: len(above)] == above, (above, screen)
        above = now
    assert not live(terminal.lines())
    assert terminal.cursor_is_shown


@pytest.mark.parametrize("columns", [20, 40, 60, 80, 200])
def test_lines_fit(columns):
    running = [Running(number, 0.0, 1, 10_000) for number in range(12)]
    scene = Scene("choosing among the networks", 5, 30_000, "5 of 30,000 networks", 1e6,
                  "best 78.63 % at 398.2M so far, 412/s", running)  # fmt: skip
    made = lines(scene, columns, 3.0, "Stopping: what was found so far is written down.")
    assert all(line.cell_len <= columns for line in made)
    assert len(made) >= 8  # the head, the best, four that run, how many more, what is done
    assert "and 8 more" in str(made[6]) or columns < 20
    assert [spoken(s) for s in (42.4, 150, 12_000)] == ["42 s", "2 min", "3 h 20 min"]


@pytest.mark.parametrize("columns", [60, pytest.param(80, marks=SLOW), 200])
def test_a_search(terminal, columns):
    shown = terminal(columns, "nas", *SEARCH)
    assert shown.end() == 0, "\n".join(shown.lines())
    check_whole(shown, ["searching"])
    searching = [live(one) for one in shown.seen if live(one) and "searching" in live(one)[0]]
    heads = [lines[0] for lines in searching]
    assert len(set(heads)) > 5  # it moves
    assert any("of 60 networks" in head for head in heads)
    assert all(line.startswith("  ") for lines in searching for line in lines[1:])
    assert any("best " in lines[1] for lines in searching if len(lines) > 1)
    text = shown.text()
    assert "MACs <= 400M" in text  # the table of what is possible, whole
    assert "the camera says" in text
    assert "a library warns in its own words, and at a length that no narrow line holds" in text
    assert "next: gridsearch run --phi 1" in text


def test_at_ctrl_c_a_search_says_what_it_does_and_keeps_what_it_has(terminal, tmp_path):
    shown = terminal(80, "nas", *SEARCH, "--trials", "5000", "--name", "cut")

    def searching(text):  # and the screen stood still meanwhile, so that it was seen
        return "best " in text and any("searching" in live(one)[0] for one in shown.seen
                                       if live(one))  # fmt: skip

    shown.until(searching)
    shown.process.send_signal(signal.SIGINT)
    begun = time.monotonic()
    shown.until(lambda text: "Stopping: " in text, 5)
    assert time.monotonic() - begun < 2  # on a busy machine; it is a tenth of a second
    assert shown.end() == 130
    check_whole(shown, ["searching"])
    assert "Interrupted after " in shown.text()
    assert (tmp_path / "runs" / "cut" / "best.json").exists()


def test_a_second_ctrl_c_ends_at_once(terminal, tmp_path):
    (tmp_path / "toy.py").write_text(TOY.replace("0.04", "600 if seed % 5 == 4 else 0.01"))
    shown = terminal(80, "nas", *SEARCH, "--trials", "5000", "--executor", "pool", "--name", "cut",
                     "--workers", "2", keys=True)  # fmt: skip
    shown.until(lambda text: len(re.findall(r"trial \d+: starting, [2-9] s", text)) == 2)
    shown.press("\x03")
    shown.until(lambda text: "Stopping: the trainings under way are given up" in text, 5)
    begun, kept = time.monotonic(), (tmp_path / "runs" / "cut" / "trials.journal").read_bytes()
    time.sleep(0.6)
    shown.press("\x03")
    assert shown.end() == 130
    assert time.monotonic() - begun < 10
    assert not live(shown.lines())
    assert shown.cursor_is_shown
    assert (tmp_path / "runs" / "cut" / "trials.journal").read_bytes().startswith(kept)


@pytest.mark.parametrize("columns", [60, 80])
def test_an_error_is_broken_at_its_words(terminal, columns):
    for given in (("--strategy", "evolutoin"), ("--trials", "many"), ("--trails", "3")):
        shown = terminal(columns, "nas", "search", "--target-flops", "400M", *given)
        assert shown.end() == 2
        words = {word for line in shown.lines() for word in line.split()}
        assert words & {"evolution?):", "whole", "(did"}
        whole = processes.run("nas", "search", "--target-flops", "400M", *given)
        assert " ".join(shown.lines()).split() == whole.stderr.split()
        assert not any(live(screen) for screen in shown.seen)


@pytest.mark.slow
@pytest.mark.parametrize("columns", [60, *(pytest.param(n, marks=SLOW) for n in (80, 200))])
def test_a_grid(terminal, columns):
    shown = terminal(columns, "gridsearch", "run", "--phi", "1", "--step", "0.1")
    assert shown.end() == 0, "\n".join(shown.lines())
    check_whole(shown, [])
    heads = [live(screen)[0] for screen in shown.seen if live(screen)]  # none on a quick machine
    assert any("preparing" in head for head in heads) or len(heads) < 5, heads
    assert "next: gridsearch family" in shown.text()


@pytest.mark.slow
@pytest.mark.parametrize("columns", [60, *(pytest.param(n, marks=SLOW) for n in (80, 200))])
def test_a_search_that_trains(terminal, coloured, tmp_path, columns):
    coloured(tmp_path / "images", 40)
    shown = terminal(
        columns, "nas", "search", "--target-flops", "12M", "--data", "images", "--pixels", "32",
        "--trials", "1", "--epochs", "4", "--batch", "20", "--executor", "local",
        OMP_NUM_THREADS="1", COMPOUND_NAS_CACHE=str(tmp_path / "cache"),
    )  # fmt: skip
    assert shown.end() == 0, "\n".join(shown.lines())
    check_whole(shown, ["searching"])  # what was prepared within 0.3 s was not drawn
    areas = [live(screen) for screen in shown.seen if live(screen)]
    steps = {line for lines in areas for line in lines if re.match(r"  trial \d: step", line)}
    assert len(steps) > 3
    clocks = [re.search(r"(\d+) s( left)?$", lines[0]) for lines in areas]
    assert any(clocks)
    if max((int(c[1]) for c in clocks if c and not c[2]), default=0) > 8:  # a quick machine ends
        assert any(clock and clock[2] for clock in clocks)
    assert "decoded 156 images into the cache" in shown.text()


@pytest.mark.skipif("REPORT_IMAGES" not in os.environ, reason="REPORT_IMAGES=DIR takes pictures")
@pytest.mark.parametrize("columns", [60, 80])
def test_pictures_for_the_docs(terminal, columns):
    """Of a search under way, and of one that has ended."""
    folder = Path(os.environ["REPORT_IMAGES"])
    shown = terminal(columns, "nas", "search", "--target-flops", "400M", "--trials", "9000")
    shown.until(lambda text: "best " in text and "left" in text)
    shown.picture(folder / f"terminal-{columns}-running.svg", "nas search --target-flops 400M")
    assert shown.end() == 0
    shown.picture(folder / f"terminal-{columns}.svg", "nas search --target-flops 400M")


def test_where_there_is_no_terminal_lines_are_plain(monkeypatch, capsys):
    monkeypatch.setattr(words, "EVERY", 0)
    architecture = network("efficientnet_b0")
    trial = Trial(0, {}, architecture, 77.1, 0.2, None, 1.0, 0, 0.5)
    with words.progress(30, Objective("hard", 4e8)) as show:
        show(trial, 12)
    with words.decoding() as show:
        show(5, 10)
        show(10, 10)
        show(10, 10, ["one is grey"])
        show(10, 10, ["one is grey"])
    with words.steps() as (begin, step):
        begin(100, 0, "30 epochs of sgd")
        step(50, "epoch 15 of 30")
    said = capsys.readouterr().err.splitlines()
    assert re.fullmatch(r"12/30 trials  .*(/s|s each)  best 77\.10 ± 0\.\d\d % at 385\.8M", said[0])
    assert said[1:] == [
        "decoded 10 images into the cache", "note: one is grey", "30 epochs of sgd",
        "epoch 15 of 30  50 %",
    ]  # fmt: skip
    with words.progress(30, Objective("hard", 4e8), quiet=True) as show:
        show(trial, 12)
    assert capsys.readouterr().err == ""
