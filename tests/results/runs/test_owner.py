"""One process writes a run in a database: who, since when, and what another is told."""

import os
import signal
import sqlite3
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import optuna
import processes
import pytest
from test_store import CHOICES, EXPERIMENT, SERVERS, trial
from waiting import wait_for

from results.report.record import read_only
from results.runs import database
from results.runs.store import Store
from search_spaces import UserError

ROOT = Path(__file__).parents[3]
WRITER = """
import sys, time
sys.path[:0] = {paths!r}
from test_store import CHOICES, EXPERIMENT, trial
from results.runs.store import Store
from search_spaces import UserError
try:
    store = Store(sys.argv[1], EXPERIMENT, CHOICES)
except UserError as error:
    print("refused", error)
    raise SystemExit(2)
print("owns", flush=True)
first = len(store.trials())
for number in range(first, first + int(sys.argv[2])):
    store.append(trial(number), cost=1.0)
if sys.argv[3] == "wait":
    time.sleep(60)
store.close()
"""


@pytest.fixture
def writer(tmp_path):
    """Starts a process that writes so many trials, and then perhaps waits."""
    program = tmp_path / "writer.py"
    program.write_text(WRITER.format(paths=[p for p in sys.path if "tests" in p]))

    def start(url, count, then=""):
        return processes.Running(str(program), url, count, then)

    return start


@pytest.fixture(params=["sqlite", *SERVERS])
def url(request, tmp_path):
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/x.db"
    return request.getfixturevalue(request.param).database()


def numbers(url):
    study = optuna.load_study(study_name="compound-nas", storage=url)
    return sorted(one.user_attrs["number"] for one in study.trials)


def test_of_two_writers_at_once_one_is_told_why_it_must_wait(url, writer):
    count = 60 if url.startswith("sqlite") else 25
    both = [writer(url, count), writer(url, count)]
    codes, said = [one.wait(60) for one in both], [one.stdout for one in both]
    assert sorted(codes) in ([0, 0], [0, 2])
    assert numbers(url) == list(range(len(numbers(url))))  # none twice, none lost
    assert len(numbers(url)) == count * sum("owns" in text for text in said)
    for text in said:
        assert "owns" in text or "another process writes this run: process" in text


def test_a_killed_writer_is_followed_at_once_and_a_living_one_is_not(url, writer):
    first = writer(url, 3, "wait")
    wait_for(lambda: first.stdout == "owns\n", 60)
    second = writer(url, 3)
    assert second.wait(60) == 2
    assert "another process writes this run: process" in second.stdout
    first.send_signal(signal.SIGKILL)
    first.wait(60)
    third = writer(url, 3)
    assert third.wait(60) == 0
    assert "owns" in third.stdout
    assert numbers(url) == list(range(6))
    assert optuna.get_all_study_names(url) == ["compound-nas"]  # no owner is left behind


def test_another_machines_writer_is_followed_when_its_signs_of_life_end(url, monkeypatch):
    away = Store(url, EXPERIMENT, CHOICES)
    monkeypatch.setattr(database, "_MACHINE", "elsewhere")
    with pytest.raises(UserError, match=f"process {os.getpid()} on .*, since 20"):
        Store(url, EXPERIMENT, CHOICES)
    later = time.time() + database.EXPIRES + 1
    monkeypatch.setattr(database.time, "time", lambda: later)
    monkeypatch.setattr(database, "BEAT", 0.05)
    with_us = Store(url, EXPERIMENT, CHOICES)
    with_us.append(trial(0), cost=1.0)
    owner = away._kept._owner
    owner._live()  # its next sign of life finds us
    with pytest.raises(UserError, match="another process has taken this run over"):
        away.append(trial(1), cost=1.0)
    away.close()
    with_us.close()
    assert numbers(url) == [0]


def test_a_number_that_stands_twice_is_refused(tmp_path):
    place = tmp_path / "trials.journal"
    store = Store(place, EXPERIMENT, CHOICES)
    store.append(trial(0), cost=1.0)
    store.append(trial(1), cost=1.0)
    lines = place.read_text().splitlines(keepends=True)
    place.write_text("".join([*lines, lines[-1]]))
    with pytest.raises(UserError, match="holds trial 1 twice: two processes wrote it, or a line"):
        Store(place, EXPERIMENT, CHOICES)


def test_a_report_makes_no_database_and_writes_none(tmp_path):
    with pytest.raises(UserError, match="is no database: there is no file"):
        read_only(f"sqlite:///{tmp_path}/none.db")
    foreign = tmp_path / "foreign.db"
    sqlite3.connect(foreign).execute("CREATE TABLE mine (x)")
    before = foreign.read_bytes()
    with pytest.raises(UserError, match="can't be read"):
        read_only(f"sqlite:///{foreign}")
    assert foreign.read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["foreign.db"]
    kept = f"sqlite:///{tmp_path}/a b.db"
    store = Store(kept, EXPERIMENT, CHOICES)
    store.append(trial(0), cost=1.0)
    store.close()
    assert optuna.get_all_study_names(read_only(kept)) == ["compound-nas"]


@pytest.mark.slow
def test_of_two_searches_at_once_one_waits_and_nothing_is_lost(postgresql, monkeypatch, capsys):
    given = ["--trials", "40", "--repeats", "1", "--storage", postgresql.database()]
    monkeypatch.setattr(sys, "argv", ["two_writers.py", *given])
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    import two_writers

    forked = SimpleNamespace(Popen=lambda command, **_: processes.Running(*command[2:]), PIPE=None)
    monkeypatch.setattr(two_writers, "subprocess", forked)
    two_writers.main()
    said = capsys.readouterr().out
    assert said.count("none lost, none twice; 1 x one was told why it must wait") == 3
