"""The one life of a run: opened, worked in, interrupted, written down."""

import json

import pytest

from results.runs.folder import check_run
from results.runs.records import Trial
from results.runs.session import session, timed
from search_spaces import NETWORKS, UserError

EXPERIMENT = {"kind": "toy", "seed": 0}
B0, A1 = NETWORKS["efficientnet_b0"], NETWORKS["mnasnet_a1"]
CHOICES = {"net": ("b0", "a1")}


def build(values):
    return {"b0": B0, "a1": A1}[values["net"]]


def trial(number, net="b0"):
    return Trial(number, {"net": net}, build({"net": net}), accuracy=70.0 + number)


def opened(folder, **how):
    return session(folder, EXPERIMENT, **{"choices": CHOICES, "build": build, **how})


def sessions(folder):
    return json.loads((folder / "run.json").read_text())["sessions"]


def test_what_was_done_stands_in_the_record(tmp_path):
    folder = tmp_path / "one"
    for numbers in ((0, 1), (2,)):
        with opened(folder, command="toy") as run:
            for number in numbers:
                run.store.append(trial(number), 1.0)
                run.trials.append(trial(number))
            with timed(run.seconds, "work"):
                run.facts["stopped"] = "enough"
    first, second = sessions(folder)
    assert (first["trials"], first["new"], second["trials"], second["new"]) == (2, 2, 3, 1)
    for one in (first, second):
        assert (one["command"], one["interrupted"], one["stopped"]) == ("toy", False, "enough")
        assert set(one["seconds"]) == {"load", "work"}
        assert one["ended"].endswith("+00:00")
    assert json.loads((folder / "run.json").read_text())["storage"] is None


def test_ctrl_c_ends_the_work_and_not_the_session(tmp_path):
    with opened(tmp_path / "one") as run:
        with run.interruptible():
            run.store.append(trial(0), 1.0)
            raise KeyboardInterrupt  # after it was stored, before it was shown
        assert run.interrupted
        assert [one.number for one in run.trials] == [0]
    assert sessions(tmp_path / "one")[0]["interrupted"] is True


def test_an_error_leaves_no_session_and_lets_go(tmp_path):
    with pytest.raises(ZeroDivisionError), opened(tmp_path / "one"):
        raise ZeroDivisionError
    assert sessions(tmp_path / "one") == []
    with opened(tmp_path / "one"):
        pass


def test_a_run_without_trials_has_no_store(tmp_path):
    with session(tmp_path / "one", EXPERIMENT, "toy") as run, pytest.raises(RuntimeError):
        _ = run.store
    (only,) = sessions(tmp_path / "one")
    assert set(only) == {"command", "ended", "interrupted"}


def test_a_store_that_lost_trials_says_so_and_one_that_is_elsewhere_is_refused(tmp_path, capsys):
    folder = tmp_path / "one"
    with opened(folder) as run:
        run.store.append(trial(0), 1.0)
        run.trials.append(trial(0))
    with (
        pytest.raises(UserError, match=r"in trials.journal, not in sqlite"),
        opened(folder, storage="sqlite:///x.db"),
    ):
        pass
    record = json.loads((folder / "run.json").read_text())
    for entry in ({"trials": 2}, {"new": 2}):  # grids of the version before counted new ones only
        (folder / "run.json").write_text(json.dumps({**record, "sessions": [entry]}))
        with opened(folder) as run:
            assert run.missing == 1
        assert "holds 1 of the 2 trials that a session left: what is" in capsys.readouterr().err
        assert sessions(folder)[-1]["again"] == 1
    del record["storage"]  # as the version before left a grid
    (folder / "run.json").write_text(json.dumps(record))
    with (
        pytest.raises(UserError, match=r"in trials.journal, not in sqlite"),
        opened(folder, storage="sqlite:///x.db"),
    ):
        pass
    with opened(folder) as run:
        assert run.before == 1


def test_a_space_that_was_changed_is_refused(tmp_path):
    with opened(tmp_path / "one") as run:
        for number, net in enumerate(("b0", "a1", "b0")):
            run.store.append(trial(number, net), 1.0)
    for changed in (lambda values: B0, lambda values: {"b0": B0}[values["net"]]):
        with (
            pytest.raises(UserError, match=r"of 3 stored networks it builds 1 otherwise.*number 1"),
            opened(tmp_path / "one", build=changed),
        ):
            pass


def test_passwords_of_urls_are_in_no_file(tmp_path):
    import os

    url = f"sqlite://me:se@cr/et@/{tmp_path}/kept.db"
    with session(tmp_path / "one", EXPERIMENT, f"toy --storage {url} --x y"):
        pass
    (only,) = sessions(tmp_path / "one")
    assert "cr/et" not in only["command"]
    assert only["command"].startswith("toy --storage sqlite://me:***@")
    assert only["command"].endswith(" --x y")
    from nas import Objective, Plan

    plan = Plan(Objective("hard", 4e8), storage=url, command=f"nas search --storage {url}")
    assert "cr/et" not in plan.command
    assert "cr/et" not in repr(plan)
    assert plan.storage == url
    assert os.listdir(tmp_path) == ["one"]


def test_a_store_that_cannot_be_reached_does_not_print_its_password(tmp_path):
    with (
        pytest.raises(UserError) as raised,
        opened(tmp_path / "one", storage="nosuch://me:secret@host/db"),
    ):
        pass
    assert "nosuch://me:***@host/db" in str(raised.value)
    assert "secret" not in str(raised.value)


def test_a_run_refused_for_its_storage_leaves_its_name_free(tmp_path):
    def refused():
        with pytest.raises(UserError), opened(tmp_path / "runs" / "one", storage="nosuch://h/d"):
            pass

    refused()
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "runs").mkdir()
    refused()
    assert [path.name for path in tmp_path.iterdir()] == ["runs"]
    with opened(tmp_path / "runs" / "one"):
        pass
    kept = sorted(path.name for path in (tmp_path / "runs" / "one").iterdir())
    refused()  # a run that was there before
    assert sorted(path.name for path in (tmp_path / "runs" / "one").iterdir()) == kept


def test_a_report_reads_the_storage_from_the_record_and_never_from_a_command(tmp_path):
    from results.report.record import Folder, location, open_folder

    command = {"command": "nas search --storage sqlite:///other.db"}
    assert location(Folder(tmp_path, {"sessions": [command]})) == tmp_path / "trials.journal"
    kept = Folder(tmp_path, {"storage": "sqlite:///kept.db", "sessions": [command]})
    assert location(kept) == "sqlite:///kept.db"
    (tmp_path / "far").mkdir()
    hidden = {"experiment": {}, "storage": "postgresql://me:***@host/db", "sessions": [command]}
    (tmp_path / "far" / "run.json").write_text(json.dumps(hidden))
    with pytest.raises(UserError, match="give the whole URL with --storage"):
        location(open_folder("far", tmp_path))
    whole = "postgresql://me:secret@host/db"
    assert location(open_folder("far", tmp_path, whole)) == whole
    with pytest.raises(UserError, match="keeps its trials in postgresql"):
        open_folder("far", tmp_path, "postgresql://me:secret@elsewhere/db")


def test_what_is_refused_is_refused_early(tmp_path):
    check_run(tmp_path / "nowhere", EXPERIMENT)
    with opened(tmp_path / "one"):
        pass
    check_run(tmp_path / "one", EXPERIMENT)
    check_run(tmp_path / "one", {"kind": "toy"})  # as far as it is known
    with pytest.raises(UserError, match=r"another experiment \(seed 0, not 1\)"):
        check_run(tmp_path / "one", {"seed": 1})
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "a.tex").write_text("precious")
    with pytest.raises(UserError, match="so it is no run's"):
        check_run(tmp_path / "thesis", EXPERIMENT)
    for text, said in (("{", "no JSON"), ("[]", "of another program")):
        (tmp_path / "one" / "run.json").write_text(text)
        with pytest.raises(UserError, match=said):
            check_run(tmp_path / "one", EXPERIMENT)
