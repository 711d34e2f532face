"""The store's contract, on an Optuna journal file and on a database."""

import json
import os
import random
import sys
from dataclasses import replace
from pathlib import Path

import optuna
import pytest
from optuna.distributions import CategoricalDistribution
from optuna.storages.journal import JournalFileBackend, JournalStorage

from results.runs.journal import Journal
from results.runs.records import Trial, to_optuna
from results.runs.store import Store
from search_spaces import Architecture, RunFailure, Stage, UserError

EXPERIMENT = {"space": "tiny", "target": 4e8, "seed": 0, "choices": {"c": [8, 16]}}
CHOICES = {"c": (8, 16), "se": (0, 0.25), "op": ("conv", "mbconv")}
SERVERS = [pytest.param(name, marks=pytest.mark.slow) for name in ("postgresql", "mysql")]
KINDS = ("journal", "sqlite", *SERVERS)
_open: dict[str, Store] = {}  # one process writes a database: an earlier store is closed first


def trial(number: int, **fields: object) -> Trial:
    values = {"c": 16, "se": 0.25 * (number % 2), "op": "mbconv"}
    architecture = Architecture((Stage("mbconv", 8 + number, se=values["se"]),), name="näs")
    whole = Trial(number, values, architecture, 70 + number / 3, 0.1, seed=2**40, seconds=1.25)
    return replace(whole, **fields)


FAILED = trial(1, accuracy=None, spread=None, error="it diverged\nat step 3", notes={})
NOTED = trial(2, spread=None, budget=5.0, notes={"nsga2:generation": 3, "parents": [0, 1]})


def opened(location: str | Path, experiment: dict[str, object] = EXPERIMENT) -> Store:
    if str(location) in _open:
        _open.pop(str(location)).close()
    store = Store(location, experiment, CHOICES)
    _open[str(location)] = store
    return store


@pytest.fixture(params=KINDS)
def location(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/trials.db"
    if request.param == "journal":
        return str(tmp_path / "trials.journal")
    return request.getfixturevalue(request.param).database()


def file_of(location: str) -> Path:
    if location.startswith(("postgresql", "mysql")):
        pytest.skip("no file")
    return Path(location.removeprefix("sqlite:///"))


def test_trials_come_back_whole_and_in_order(location):
    written = [trial(7), FAILED, NOTED, trial(0)]
    store = opened(location)
    assert store.trials() == []
    for one in written:
        store.append(one, cost=3.5)
    assert store.trials() == written
    again = opened(location)
    assert again.trials() == written
    assert [t.architecture.name for t in again.trials()] == ["näs"] * 4
    again.append(trial(9), cost=1)
    assert opened(location).trials() == [*written, trial(9)]


def test_trials_that_may_wait_are_written_together(location, monkeypatch):
    store, syncs = opened(location), []
    monkeypatch.setattr(os, "fsync", lambda file: syncs.append(file))
    monkeypatch.setattr(Journal, "AFTER", 60.0)
    written = [trial(n) for n in range(50)]
    for one in written[:49]:
        store.append(one, cost=3.5, soon=True)
    assert store.trials() == written[:49]
    assert not syncs
    store.flush()
    assert len(syncs) == (location.startswith("/"))
    assert opened(location).trials() == written[:49]
    store.append(written[49], cost=3.5, soon=True)
    monkeypatch.setattr(Journal, "AFTER", 0.0)
    store.append(trial(50), cost=3.5, soon=True)
    assert opened(location).trials() == [*written, trial(50)]


def test_a_line_is_what_optuna_would_write(tmp_path):
    ours, theirs = str(tmp_path / "ours"), str(tmp_path / "theirs")
    written = [trial(0), FAILED, NOTED]
    store = opened(ours)
    distributions = {name: CategoricalDistribution(options) for name, options in CHOICES.items()}
    storage = JournalStorage(JournalFileBackend(theirs))
    study = optuna.create_study(storage=storage, directions=["maximize", "minimize"])
    for one in written:
        store.append(one, cost=3.5)
        values = None if one.accuracy is None else [one.accuracy, 3.5]
        study.add_trial(to_optuna(one, distributions, values))

    def lines(path):
        parsed = [json.loads(line) for line in Path(path).read_text().splitlines()]
        moments = ("datetime_start", "datetime_complete", "worker_id")
        return [
            {key: value for key, value in line.items() if key not in moments}
            for line in parsed
            if line["op_code"] == 4
        ]

    assert lines(ours) == lines(theirs)
    assert [list(line) for line in lines(ours)] == [list(line) for line in lines(theirs)]


def test_optunas_own_tools_read_the_objectives(location):
    store = opened(location)
    store.append(trial(0), cost=3.5)
    store.append(FAILED, cost=3.5)
    storage = location if "://" in location else JournalStorage(JournalFileBackend(location))
    study = optuna.load_study(study_name="compound-nas", storage=storage)
    assert [t.state.name for t in study.trials] == ["COMPLETE", "FAIL"]
    assert [t.values for t in study.best_trials] == [[70.0, 3.5]]
    assert [d.name for d in study.directions] == ["MAXIMIZE", "MINIMIZE"]


def test_another_experiment_is_refused_with_what_differs_and_left_alone(location):
    opened(location).append(trial(0), cost=1)
    _open.pop(location).close()
    before = file_of(location).read_bytes()
    with pytest.raises(
        UserError, match=r"another experiment \(target 400,000,000, not 300,000,000\)"
    ) as e:
        opened(location, EXPERIMENT | {"target": 3e8})
    assert "seed" not in str(e.value)
    assert file_of(location).read_bytes() == before
    assert opened(location).trials() == [trial(0)]


def test_to_read_writes_nothing(tmp_path):
    opened(tmp_path / "trials.journal").append(trial(0), cost=1)
    before = (tmp_path / "trials.journal").read_bytes()
    assert opened(tmp_path / "trials.journal").trials() == [trial(0)]
    assert (tmp_path / "trials.journal").read_bytes() == before


@pytest.mark.parametrize(
    "content", [random.Random(0).randbytes(300), b"my thesis", b'{"a": 1}\n', b"[1]\n2\n{\n"]
)
def test_a_foreign_file_is_refused_and_left_alone(location, content):
    path = file_of(location)
    path.write_bytes(content)
    with pytest.raises(UserError, match="no store of trials") as raised:
        opened(location)
    assert str(path) in str(raised.value)
    assert path.read_bytes() == content


@pytest.mark.parametrize("name", ["mine", "compound-nas"])
def test_another_programs_journal_is_refused_and_left_alone(tmp_path, name):
    path = tmp_path / "mine.journal"
    storage = JournalStorage(JournalFileBackend(str(path)))
    study = optuna.create_study(study_name=name, storage=storage)
    study.optimize(lambda t: t.suggest_float("x", 0, 1), n_trials=2)
    before = path.read_bytes()
    with pytest.raises(UserError, match=r"of another program|another program's study 'mine'"):
        opened(path)
    assert path.read_bytes() == before


def test_a_database_holds_many_runs(tmp_path):
    url = f"sqlite:///{tmp_path}/shared.db"
    for name in ("one", "two"):
        store = Store(url, EXPERIMENT | {"name": name}, CHOICES, name)
        store.append(trial(len(name)), cost=1)
        store.close()
    assert Store(url, EXPERIMENT | {"name": "one"}, CHOICES, "one").trials() == [trial(3)]
    with pytest.raises(UserError, match="name 'two', not 'one'"):
        Store(url, EXPERIMENT | {"name": "one"}, CHOICES, "two")


def test_a_last_line_cut_short_anywhere_costs_that_line_only(tmp_path):
    path = tmp_path / "trials.journal"
    store = opened(path)
    store.append(trial(0), cost=1)
    store.append(FAILED, cost=1)
    whole = path.stat().st_size
    store.append(trial(2), cost=1)
    content = path.read_bytes()
    for size in range(whole, len(content)):
        path.write_bytes(content[:size])
        assert opened(path).trials() == [trial(0), FAILED], size
        assert path.stat().st_size == whole, size
    opened(path).append(trial(2), cost=1)
    assert opened(path).trials() == [trial(0), FAILED, trial(2)]


def test_a_first_line_cut_short_anywhere_begins_anew(tmp_path):
    path = tmp_path / "trials.journal"
    opened(path)
    line = path.read_bytes().splitlines()[0]
    for size in range(0, len(line) + 1, 9):
        path.write_bytes(line[:size])
        opened(path).append(trial(0), cost=1)
        assert opened(path).trials() == [trial(0)], size


def test_a_broken_line_within_is_refused_and_left_alone(tmp_path):
    path = tmp_path / "trials.journal"
    store = opened(path)
    store.append(trial(0), cost=1)
    store.append(trial(1), cost=1)
    lines = path.read_bytes().splitlines(keepends=True)
    broken = b"".join([*lines[:-2], lines[-2][:40] + b"\n", lines[-1]])
    path.write_bytes(broken)
    with pytest.raises(UserError, match=r"line 4 of \S+ can't be used: it is no JSON"):
        opened(path)
    assert path.read_bytes() == broken


def test_a_full_disk_stops_the_run_and_loses_nothing(location, full_disk):
    store, written = opened(location), []

    def fill() -> None:
        for number in range(20):  # a database has room in its pages for some
            store.append(trial(number), cost=1)
            written.append(trial(number))

    with pytest.raises(RunFailure) as stopped, full_disk(file_of(location).stat().st_size + 2000):
        fill()
    assert "the trials before it are stored" in str(stopped.value)
    assert "\n" not in str(stopped.value)
    assert written
    assert store.trials() == written
    store.append(trial(30), cost=1)  # there is space again
    assert opened(location).trials() == [*written, trial(30)]


@pytest.mark.parametrize(
    ("url", "how"),
    [
        ("mysql+pymysql", r"\[mysql\]' .*, and write mysql\+pymysql://"),
        ("mysql", r"\[mysql\]' .*, and write mysql\+pymysql://"),
        ("mariadb", r"\[mysql\]' .*, and write mariadb\+pymysql://"),
        ("postgresql+psycopg2", r"\[postgresql\]' .*, and write postgresql\+psycopg://"),
    ],
)
def test_a_missing_driver_is_named(monkeypatch, url, how):
    for name in ("pymysql", "MySQLdb", "psycopg2"):
        monkeypatch.setitem(sys.modules, name, None)
    kind = url.partition("+")[0]
    with pytest.raises(UserError, match=rf":\*\*\*@host/db needs a driver of {kind} .*{how}"):
        opened(f"{url}://me:secret@host/db")


def test_a_server_that_does_not_answer_is_named(tmp_path):
    pytest.importorskip("psycopg")
    with pytest.raises(UserError, match=r"can't be used \(.*see that the server runs"):
        opened(f"postgresql://me@/db?host={tmp_path}")


def test_a_place_that_cannot_be_written(tmp_path):
    with pytest.raises(UserError, match="can't be written"):
        opened(tmp_path)
    with pytest.raises(UserError, match="can't be written"):
        opened(tmp_path / "none" / "trials.journal")
    with pytest.raises(UserError, match="nosuch"):
        opened("nosuch://place/runs")
