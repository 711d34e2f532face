"""A run's folder: files whole or not at all, one writer, one experiment."""

import errno
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from results.runs.files import read_json, write_atomically, write_json
from results.runs.folder import open_run, read_record, run_name, run_path
from results.runs.made import difference
from search_spaces import RunFailure, UserError

EXPERIMENT = {"space": "tiny", "seed": 0}


@pytest.mark.parametrize("broken", ["write", "fsync", "replace"])
def test_a_write_that_fails_leaves_the_old_file(tmp_path, monkeypatch, full_disk, broken):
    path = tmp_path / "best.json"
    write_atomically(path, "old")

    def full(*_: object) -> None:
        raise OSError(errno.EFBIG, "File too large")

    with monkeypatch.context() as patch, full_disk(100 if broken == "write" else 1 << 30):
        if broken == "fsync":
            patch.setattr("os.fsync", full)
        elif broken == "replace":
            patch.setattr(Path, "replace", full)
        with pytest.raises(RunFailure, match=r"best\.json .*File too large.*nothing was overwr"):
            write_atomically(path, "new" * 100)
    assert path.read_text() == "old"
    assert [*tmp_path.iterdir()] == [path]
    write_atomically(path, b"new")
    assert path.read_text() == "new"
    assert path.stat().st_mode & 0o777 == 0o644


@pytest.mark.parametrize(
    ("number", "kind"),
    [(errno.EROFS, UserError), (errno.EACCES, UserError), (errno.ENOSPC, RunFailure)],
)
def test_a_place_where_nothing_may_be_written_is_the_users_a_full_disk_is_not(
    tmp_path, monkeypatch, number, kind
):
    def refuse(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    with monkeypatch.context() as patch:
        patch.setattr("tempfile.NamedTemporaryFile", refuse)
        with pytest.raises(kind, match="choose another") as refused:
            write_atomically(tmp_path / "report.html", "page")
    assert ("free some space" in str(refused.value)) == (kind is RunFailure)
    monkeypatch.setattr(Path, "mkdir", refuse)
    with pytest.raises(kind, match="choose another one with"):
        open_run(tmp_path / "runs" / "one", EXPERIMENT).__enter__()


def test_json_back_and_forth(tmp_path):
    write_json(tmp_path / "a.json", {"ä": [1, None]})
    assert read_json(tmp_path / "a.json") == {"ä": [1, None]}
    (tmp_path / "b.json").write_bytes(b"\xff{")
    with pytest.raises(UserError, match="no JSON"):
        read_json(tmp_path / "b.json")
    with pytest.raises(UserError, match="can't be read"):
        read_json(tmp_path / "c.json")


@pytest.mark.parametrize(
    "name", ["", ".", "..", "a/b", "/a", "../a", "a\\b", ".a", "-a", "a b", "a\n"]
)
def test_a_runs_name_is_a_plain_folder_name(name):
    with pytest.raises(UserError, match="the run's name is"):
        run_path(name)
    assert run_path("b0-400M+v2@1.5_x=3", Path("runs")) == Path("runs/b0-400M+v2@1.5_x=3")


def test_a_record_is_kept_from_session_to_session(tmp_path):
    folder = tmp_path / "runs" / "one"
    with open_run(folder, EXPERIMENT) as record:
        assert record["experiment"] == EXPERIMENT
        assert {"versions", "commit", "machine", "started"} <= set(record)
        assert {"optuna", "torch", "compound-nas"} <= set(record["versions"])
        record["sessions"].append({"command": "first"})
        write_json(folder / "run.json", record)
    with open_run(folder, EXPERIMENT) as again:
        assert again == record


def test_another_experiment_is_refused_with_what_differs(tmp_path):
    with open_run(tmp_path / "one", EXPERIMENT):
        pass
    before = (tmp_path / "one" / "run.json").read_bytes()
    with (
        pytest.raises(UserError, match=r"another experiment \(seed 0, not 1\)"),
        open_run(tmp_path / "one", EXPERIMENT | {"seed": 1}),
    ):
        pass
    assert (tmp_path / "one" / "run.json").read_bytes() == before


@pytest.mark.parametrize(
    ("held", "wanted", "said"),
    [
        ({"given": {"epochs": 30.0}}, {"given": {"epochs": 60.0}}, "epochs 30, not 60"),
        ({"given": {}}, {"given": {"lr": 0.1}}, "lr not given, now 0.1"),
        ({"given": {"flip": False}, "seed": 1}, {"given": {}, "seed": 1},
         "flip false, now not given"),
        ({"minutes": None}, {"minutes": 5}, "minutes not given, now 5"),
        ({"training": {"images": "a", "pixels": "24"}}, {"training": {"images": "b"}},
         "other images, pixels '24', now not given"),
        ({"network": {"stages": [1], "classes": 3}}, {"network": {"stages": [2], "classes": 4}},
         "another network, classes 3, not 4"),
        ({"kind": "train", "given": {}}, {"kind": "search"}, "of the kind train, not search"),
        ({"evaluator": "train", "budget": 20}, {"evaluator": "train", "budget": 2},
         "epochs 20, not 2"),
        ({"evaluator": "mine", "budget": 20}, {"evaluator": "mine", "budget": 2},
         "budget 20, not 2"),
    ],
)  # fmt: skip
def test_differences_are_words(held, wanted, said):
    assert difference(held, wanted) == said


def refused(folder: Path) -> str:
    with pytest.raises(UserError) as raised, open_run(folder, EXPERIMENT):
        pass
    return str(raised.value)


def test_a_foreign_folder_is_refused_and_left_alone(tmp_path):
    (tmp_path / "thesis.txt").write_text("years of work")
    assert "so it is no run's" in refused(tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["thesis.txt"]
    assert "is a file" in refused(tmp_path / "thesis.txt")


@pytest.mark.parametrize(
    "content",
    [
        "{", "[]", "3", "{}", json.dumps({"experiment": [1]}), json.dumps({"experiment": {}}),
        json.dumps({"experiment": EXPERIMENT, "sessions": [3]}),
        json.dumps({"experiment": EXPERIMENT, "sessions": [{"trials": "many"}]}),
        json.dumps({"experiment": EXPERIMENT, "sessions": [], "storage": 7}),
        json.dumps({"experiment": {**EXPERIMENT, "space": "\ud800"}, "sessions": []}),
        '{"a":' * 5000 + "1" + "}" * 5000,
    ],
)  # fmt: skip
def test_a_record_that_is_none_of_ours_is_refused_and_left_alone(tmp_path, content):
    (tmp_path / "run.json").write_text(content)
    why = ("no JSON", "of another program", "nested too deep")
    assert any(text in refused(tmp_path) for text in why)
    assert (tmp_path / "run.json").read_text() == content


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("target", 10**400, "10+... for target: expected a number above 0"),
        ("target", True, "True for target: expected a number above 0"),
        ("target", "x", "'x' for target: expected a number above 0"),
        ("target", -1.0, "-1.0 for target"),
        ("choices", {"width": 5}, "choices in .* has 5 for width: expected a list"),
        ("choices", 5, "choices in .* holds 5: expected an object"),
    ],
)
def test_a_searchs_target_and_choices_are_checked(tmp_path, field, value, said):
    record = {"experiment": {"kind": "search", "target": 4e8, "choices": {"width": [1]}}}
    (tmp_path / "run.json").write_text(json.dumps({**record, "sessions": []}))
    assert read_record(tmp_path)["experiment"]["target"] == 4e8
    record["experiment"] |= {field: value, "kind": "supernet"}  # whose choices are a digest
    (tmp_path / "run.json").write_text(json.dumps({**record, "sessions": []}))
    assert read_record(tmp_path)["experiment"][field] == value
    record["experiment"]["kind"] = "search"
    (tmp_path / "run.json").write_text(json.dumps({**record, "sessions": []}))
    with pytest.raises(UserError, match=rf"{said}.*; it is damaged"):
        read_record(tmp_path)


def test_a_folder_below_a_file_fails_in_a_sentence(tmp_path):
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(UserError, match=r"can't be used \(Not a directory\): choose"),
        open_run(tmp_path / "file" / "one", EXPERIMENT),
    ):
        pass


def test_one_process_has_a_run(tmp_path):
    program = (
        "import sys, pathlib; from results.runs.folder import open_run\n"
        f"with open_run(pathlib.Path(sys.argv[1]), {EXPERIMENT!r}): print('taken')"
    )

    def other() -> subprocess.CompletedProcess[str]:
        arguments = [sys.executable, "-c", program, str(tmp_path / "one")]
        return subprocess.run(arguments, capture_output=True, text=True)

    with open_run(tmp_path / "one", EXPERIMENT):
        assert "UserError: the run one is in use by another process" in other().stderr
    assert other().stdout == "taken\n"
    with pytest.raises(RuntimeError, match="crash"), open_run(tmp_path / "one", EXPERIMENT):
        raise RuntimeError("crash")
    assert other().stdout == "taken\n"  # a crash lets go


@pytest.mark.parametrize("parts", [["<odd[/b]", "400M"], ["[x]"], ["--"], ["a b", "c/d"]])
def test_a_default_name_is_always_one_that_is_taken(parts):
    run_path(run_name(parts))


def test_a_name_too_long_for_a_folder_is_refused():
    with pytest.raises(UserError, match="300 letters: expected 200 or fewer"):
        run_path("a" * 300)


@pytest.mark.parametrize("name", ["efficientnet_b0", "mobilenetv2_140", "mobilenet_v2_0.5"])
def test_a_new_run_takes_no_published_networks_name(tmp_path, name) -> None:
    with pytest.raises(UserError, match="takes for the published network: choose another, as my-"):
        run_path(name, tmp_path)
    (tmp_path / name).mkdir()  # of an earlier version
    assert run_path(name, tmp_path) == tmp_path / name
