"""Folders that the version before left (tests/data/before) are read, and go on."""

import json
import shutil
import sys
from pathlib import Path

import pandas as pd
import pytest

from gridsearch.commands.main import cli as gridsearch
from nas.commands.main import cli as nas
from results.terminal import entry

BEFORE = Path(__file__).parents[2] / "data" / "before"
PROGRAMS = {"nas": nas, "gridsearch": gridsearch}


@pytest.fixture
def call(tmp_path, monkeypatch, capsys):
    """Runs a command line in a copy of the old folders; gives what it printed."""
    shutil.copytree(BEFORE, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)

    def run(line: str) -> str:
        words = line.split()
        monkeypatch.setattr(sys, "argv", words)
        with pytest.raises(SystemExit) as left:
            entry(PROGRAMS[words[0]], words[0])
        printed = capsys.readouterr()
        assert left.value.code == 0, printed.err
        return printed.out

    return run


def record(name):
    return json.loads(Path(f"runs/{name}/run.json").read_text())


def test_nothing_in_them_names_a_machine():
    for path in BEFORE.rglob("*"):
        if path.is_file():
            assert not any(word in path.read_text() for word in ("/tmp", "/root", "/home", "fc-v"))


def test_the_search_goes_on_from_its_trials(call):
    journal = Path("runs/search/trials.journal")
    before, best = journal.read_bytes(), json.loads(Path("runs/search/best.json").read_text())
    old = pd.read_csv("runs/search/trials.csv")
    # What were the defaults then are given now.
    command = (
        "nas search --target-flops 400M --space efficientnet --evaluator surrogate --trials {} "
        "--caution 1 --name search --json"
    )
    same = json.loads(call(command.format(40)))
    assert (same["id"], same["accuracy"]) == (best["id"], pytest.approx(best["accuracy"]))
    assert record("search")["sessions"][-1]["new"] == 0
    more = json.loads(call(command.format(60)))
    trials = pd.read_csv("runs/search/trials.csv")
    assert more["reward"] >= best["reward"]
    assert len(trials) == trials["id"].nunique() == 60
    assert list(trials["id"][:40]) == list(old["id"])
    assert journal.read_bytes().startswith(before)
    assert [one["new"] for one in record("search")["sessions"]] == [40, 0, 20]


@pytest.mark.slow
def test_the_grid_goes_on_and_is_chosen_from_by_the_rule_of_today(call):
    old = json.loads(Path("runs/grid/coefficients.json").read_text())
    command = "gridsearch run --phi 1 --baseline runs/search --name grid --json"
    found = json.loads(call(command))
    new = record("grid")["sessions"][-1]["new"]
    assert found["measurements"] == old["measurements"] + new
    assert found["pick"]["over_paper"] >= 0
    assert json.loads(call(command)) == found
    assert record("grid")["sessions"][-1]["new"] == 0


def test_the_family_is_written_again_and_its_networks_are_shown(call):
    old = json.loads(Path("runs/family/family.json").read_text())
    found = json.loads(call("gridsearch family --coefficients runs/grid --name family --json"))
    assert [one["id"] for one in found["networks"]] == [one["id"] for one in old["networks"]]
    for spec in ("search", "grid", "family:phi3"):
        shown = json.loads(call(f"nas show {spec} --json"))
        assert shown["macs"] > 0
    assert shown["id"] == next(one["id"] for one in old["networks"] if one["name"] == "phi3")


def test_the_device_is_read(call):
    (row, *_) = json.loads(call("nas devices device.json --json"))
    assert row["quantity"] == "latency"
    from nas.devices.registry import device
    from search_spaces import space

    where = space("efficientnet-small")
    small = where.build({name: options[0] for name, options in where.choices.items()})
    large = where.build({name: options[-1] for name, options in where.choices.items()})
    latency = device("device.json").quantity("latency")
    assert 0 < latency.measure(small) < latency.measure(large)


@pytest.mark.parametrize("program", ["nas", "gridsearch"])
def test_pages_are_drawn_of_them(call, program):
    for module in ("plotly", "jinja2", "sklearn"):
        pytest.importorskip(module)
    for name in ("search",) if program == "nas" else ("grid", "family"):
        call(f"{program} report {name}")
        assert Path(f"runs/{name}/report.html").stat().st_size > 10_000
