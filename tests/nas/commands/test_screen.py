"""A terminal stays whole: one live area at the bottom, everything else above it, at any width."""

import re
import signal
import time

import pytest
from screens import Terminal

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


@pytest.mark.parametrize("columns", [60, 80, 200])
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
    shown.until(lambda text: "best " in text)
    shown.process.send_signal(signal.SIGINT)
    begun = time.monotonic()
    shown.until(lambda text: "Stopping: " in text, 5)
    assert time.monotonic() - begun < 2  # on a busy machine; it is a tenth of a second
    assert shown.end() == 130
    check_whole(shown, ["searching"])
    assert "interrupted after" in shown.text()
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


@pytest.mark.parametrize("columns", [60, *(pytest.param(n, marks=SLOW) for n in (80, 200))])
def test_a_grid(terminal, columns):
    shown = terminal(columns, "gridsearch", "run", "--phi", "1", "--step", "0.1")
    assert shown.end() == 0, "\n".join(shown.lines())
    check_whole(shown, ["preparing"])
    assert "next: gridsearch family" in shown.text()


@pytest.mark.parametrize("columns", [60, *(pytest.param(n, marks=SLOW) for n in (80, 200))])
def test_a_search_that_trains(terminal, coloured, tmp_path, columns):
    coloured(tmp_path / "images", 40)
    shown = terminal(
        columns, "nas", "search", "--target-flops", "12M", "--data", "images", "--pixels", "32",
        "--trials", "1", "--epochs", "4", "--batch", "20", "--executor", "local",
        OMP_NUM_THREADS="1", COMPOUND_NAS_CACHE=str(tmp_path / "cache"),
    )  # fmt: skip
    assert shown.end() == 0, "\n".join(shown.lines())
    check_whole(shown, ["preparing", "searching"])
    areas = [live(screen) for screen in shown.seen if live(screen)]
    steps = {line for lines in areas for line in lines if re.match(r"  trial \d: step", line)}
    assert len(steps) > 3
    assert any(" left" in lines[0] for lines in areas)
    assert "decoded 156 images into the cache" in shown.text()
