"""`nas runs`: a list of what lies in the folder of runs."""

import json
import re
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

import nas
from nas.commands.main import cli
from nas.search.conclude import costs_of
from results.runs.session import session
from search_spaces import NETWORKS, RunFailure, UserError
from search_spaces.architecture import to_dict


def made(folder, kind, sessions, best=None, **experiment):
    folder.mkdir(parents=True)
    record = {"experiment": {"kind": kind, **experiment}, "sessions": sessions, "started": "2026"}
    (folder / "run.json").write_text(json.dumps(record))
    if best is not None:
        (folder / "best.json").write_text(json.dumps(best))


def listed(runs, *more):
    return CliRunner().invoke(cli, ["runs", "--runs", str(runs), *more])


def test_runs_are_listed_whole_cut_off_or_damaged(tmp_path):
    runs = tmp_path / "runs"
    b0 = NETWORKS["efficientnet_b0"]
    best = {"id": b0.id, "accuracy": 77.1, **costs_of(b0), "target_text": "400M",
            "architecture": to_dict(b0)}  # fmt: skip
    ended = {"trials": 100, "ended": "2026-11-28T10:00:00", "interrupted": False}
    made(runs / "whole", "search", [ended], best)
    made(runs / "stopped", "search", [{**ended, "interrupted": True}], target=3e7, quantity="flops")
    made(runs / "lost", "search", [ended], target=5e-3, quantity="latency:zcu102")
    made(runs / "torn", "search", [ended], {"x": 1}, target=4e8, quantity="flops")
    made(runs / "checked", "audit", [ended])
    made(runs / "killed", "train", [])
    made(runs / "broken", "search", 3)
    (runs / "images").mkdir()
    rows = {row["run"]: row for row in json.loads(listed(runs, "--json").stdout)}
    assert set(rows) == {"whole", "stopped", "lost", "torn", "checked", "killed", "broken"}
    assert rows["whole"]["state"] == "ended"
    assert (rows["whole"]["pick"], rows["whole"]["trials"]) == (b0.id, 100)
    assert rows["stopped"]["state"] == rows["killed"]["state"] == "cut off"
    assert (rows["stopped"]["target"], rows["lost"]["target"]) == ("30M", "5 ms")
    assert rows["lost"]["state"] == "best.json is missing"
    assert rows["torn"]["state"] == "best.json is damaged"
    assert rows["checked"]["state"] == "ended"
    assert "sessions" in rows["broken"]["error"]
    text = listed(runs).stdout
    assert "385.8M" in text
    assert "can't be read" in text


@pytest.fixture(scope="module")
def searched(tmp_path_factory):
    """A search by predictions that ended; tests take copies of it."""
    runs = tmp_path_factory.mktemp("runs")
    nas.find(4e8, trials=40, runs=runs, name="s", command="nas search --the same")
    return runs / "s"


def edited(file, **fields):
    file.write_text(json.dumps(json.loads(file.read_text()) | fields))


def shortened(file, lines=1):
    file.write_text("".join(file.read_text().splitlines(keepends=True)[:-lines]))


@pytest.mark.parametrize(
    ("name", "damage", "why"),
    [
        ("front.json", lambda file: file.write_text("x"), "front.json is no JSON that can be used"),
        ("front.json", lambda file: file.write_text("[]"), "front.json holds no list of networks"),
        ("front.json", Path.unlink, "has no front.json any more"),
        ("front.csv", lambda file: file.write_text("x"), "front.csv is no table as a run w"),
        ("front.csv", shortened, "front.csv and front.json hold different networks"),
        ("trials.csv", lambda file: file.write_bytes(b"\xff"), "trials.csv is no table as a"),
        ("trials.csv", shortened, "trials.csv holds 39 of 40 trials"),
        ("best.json", lambda file: file.write_text("x"), "best.json is no JSON that can be used ("),
        ("best.json", lambda file: edited(file, params="x"), "best.json has 'x' for params"),
        ("best.json", lambda file: edited(file, macs=3), "best.json has 3 for macs: expected"),
        ("best.json", lambda file: edited(file, otherwise=3), "best.json has 3 for otherwise"),
        ("best.json", lambda file: edited(file, architecture={"a": 1}), "is no architecture"),
        ("trials.journal", lambda file: shortened(file, 20), "holds 20 of the 40 trials that a se"),
        ("trials.journal", lambda file: file.write_text(""), "holds 0 of the 40 trials that a"),
        ("trials.journal", Path.unlink, "holds 0 of the 40 trials that a session left: put"),
    ],
)  # fmt: skip
def test_a_damaged_file_of_a_search_is_named_and_its_command_writes_it_anew(
    name, damage, why, searched, tmp_path
):
    folder = shutil.copytree(searched, tmp_path / "s")
    damage(folder / name)
    (row,) = json.loads(listed(tmp_path, "--json").stdout)
    assert row["state"] == "damaged"
    assert why in row["why"]
    assert "the run's command, given again, " in row["why"]
    assert row["why"].endswith(": nas search --the same")
    nas.find(4e8, trials=40, runs=tmp_path, name="s", command="nas search --the same")
    (row,) = json.loads(listed(tmp_path, "--json").stdout)
    assert row["state"] == "ended"


@pytest.mark.parametrize(
    ("at", "why"),
    [
        (0, "is no store of trials: choose another --name, put it back from a copy, or move it aw"),
        (1, "can't be used: nothing says of what run it is; put it back as it was, or move it aw"),
    ],
)
def test_a_journal_without_one_of_its_first_lines_is_damaged(at, why, searched, tmp_path):
    journal = shutil.copytree(searched, tmp_path / "s") / "trials.journal"
    lines = journal.read_text().splitlines(keepends=True)
    journal.write_text("".join(lines[:at] + lines[at + 1 :]))
    (row,) = json.loads(listed(tmp_path, "--json").stdout)
    assert row["state"] == "damaged"
    assert why in row["why"]


@pytest.mark.parametrize("damage", [Path.unlink, lambda file: file.write_text("{")])
def test_a_report_says_of_best_json_what_the_list_says(damage, searched, tmp_path):
    damage(shutil.copytree(searched, tmp_path / "s") / "best.json")
    (row,) = json.loads(listed(tmp_path, "--json").stdout)
    assert row["why"].endswith(": nas search --the same")
    done = CliRunner().invoke(cli, ["report", "s", "--runs", str(tmp_path), "--json"])
    assert any(note.startswith(row["why"]) for note in json.loads(done.stdout)["notes"])


def test_a_run_that_a_process_works_on_is_running(tmp_path):
    with session(tmp_path / "a", {"kind": "search", "target": 4e8, "quantity": "flops"}):
        (row,) = json.loads(listed(tmp_path, "--json").stdout)
        assert row["state"] == "running"
    record = json.loads((tmp_path / "a/run.json").read_text())
    (tmp_path / "a/run.json").write_text(json.dumps({**record, "sessions": []}))
    (row,) = json.loads(listed(tmp_path, "--json").stdout)
    assert row["state"] == "cut off"
    with session(tmp_path / "a", record["experiment"]):  # which nothing holds any more
        pass


def test_a_damaged_record_is_answered_with_what_the_command_then_takes(searched, tmp_path):
    record = shutil.copytree(searched, tmp_path / "s") / "run.json"
    record.write_text("{rub")
    (row,) = json.loads(listed(tmp_path, "--json").stdout)
    assert f"put it back from a copy, or move the folder {tmp_path}/s away, or ch" in row["error"]
    record.unlink()
    said = str(CliRunner().invoke(cli, ["report", "s", "--runs", str(tmp_path)]).exception)
    (row,) = json.loads(listed(tmp_path, "--json").stdout)
    assert said == row["why"]
    with pytest.raises(UserError, match=r"no run.json, which says .* or choose another name"):
        nas.find(4e8, trials=40, runs=tmp_path, name="s")


def test_a_run_without_its_record_is_listed_with_what_is_missing(searched, tmp_path):
    (shutil.copytree(searched, tmp_path / "s") / "run.json").unlink()
    (row,) = json.loads(listed(tmp_path, "--json").stdout)
    assert (row["run"], row["state"]) == ("s", "damaged")
    assert (
        "s has no run.json, which says what run it is, but trials.journal, best.json" in row["why"]
    )
    assert "\ns: " in listed(tmp_path).stdout


def test_a_comparison_and_a_search_without_a_pick_are_no_damage(tmp_path):
    ended = {"trials": 4, "interrupted": False}
    made(tmp_path / "bench", "bench", [ended], target=4e8, task="surrogate")
    made(tmp_path / "none", "search", [{**ended, "picked": False}], target=4e8, quantity="flops")
    bench, none = json.loads(listed(tmp_path, "--json").stdout)
    assert (bench["state"], bench["target"]) == ("ended", "400M")
    assert none["state"] == "no pick"
    assert "has no pick, since every trial failed or broke the target" in none["why"]


def test_a_run_that_may_not_be_looked_into_is_a_line_of_the_list(tmp_path, monkeypatch):
    ended = {"trials": 4, "interrupted": False}
    for name in ("mine", "theirs"):
        made(tmp_path / name, "bench", [ended])
    is_file = Path.is_file

    def refused(path):  # as without the folder's permissions, which root has always
        if "theirs" in path.parts:
            raise PermissionError(13, "Permission denied")
        return is_file(path)

    monkeypatch.setattr(Path, "is_file", refused)
    done = listed(tmp_path)
    assert done.exit_code == 0
    assert f"\ntheirs: {tmp_path}/theirs can't be read: Permission denied" in done.stdout
    assert "ended" in done.stdout


def test_no_folder_and_no_runs_say_so(tmp_path):
    assert "no runs" in listed(tmp_path).stdout
    assert isinstance(listed(tmp_path / "none").exception, ValueError)


def front(*points):
    return [
        {"id": f"{i:012x}", "accuracy": accuracy, "spread": 0.5, "macs": macs, "architecture": {}}
        for i, (macs, accuracy) in enumerate(points)
    ]


def test_runs_side_by_side_and_what_each_has_within_a_budget(tmp_path):
    runs, ended = tmp_path / "runs", {"trials": 9, "interrupted": False}
    rows = {"a": front((1e8, 60.0), (4e8, 75.0)), "b": front((2e8, 70.0), (3e8, 72.0))}
    for name, judge in (("a", "imagenet"), ("b", "imagenet"), ("c", "naswot")):
        points = rows.get(name, rows["a"])
        best = {**points[-1], "params": 5e6, "memory": 2e7}
        made(runs / name, "search", [ended], best, evaluator=judge)
        (runs / name / "front.json").write_text(json.dumps(points))

    def called(*given):
        return CliRunner().invoke(cli, ["compare", *given, "--runs", str(runs)])

    said = json.loads(called("a", "b", "--budgets", "150M,400M", "--json").stdout)
    assert said["notes"] == []
    small, large = said["within"]
    assert (small["a"]["accuracy"], small["b"]) == (60.0, None)
    assert (large["a"]["accuracy"], large["b"]["accuracy"]) == (75.0, 72.0)
    text = called("a", "b", "--out", str(tmp_path / "ab.html")).stdout
    assert "<= 200M" in text
    assert "72.00 ± 0.50" in text
    assert "nas compare" in (tmp_path / "ab.html").read_text()
    assert "don't compare" in called("a", "c").stdout
    made(runs / "d", "search", [])
    assert "d has no pick" in str(called("a", "d").exception)


def beside(runs, name="a", kind="search", **best):
    """A run of one network, and what its best.json has besides."""
    point = {**front((1e8, 60.0))[0], "params": 5e6, "memory": 2e7, **best}
    made(runs / name, kind, [{"trials": 9}], point, evaluator="imagenet")


@pytest.mark.parametrize(
    ("best", "said"),
    [
        ({"accuracy": None}, "nothing for accuracy: expected a number"),
        ({"accuracy": "x"}, "'x' for accuracy: expected a number"),
        ({"spread": "x"}, "'x' for spread"),
        ({"macs": "x"}, "'x' for macs"),
        ({"params": []}, "a list for params"),
        ({"macs": None}, "has no pick"),
        ({"kind": "gridsearch"}, "has no pick in its best.json: expected a search or a training"),
    ],
)
def test_a_run_that_does_not_compare_is_refused(best, said, tmp_path):
    beside(tmp_path)
    beside(tmp_path, "b", **best)
    refused = CliRunner().invoke(cli, ["compare", "a", "b", "--runs", str(tmp_path)]).exception
    assert isinstance(refused, UserError)
    assert said in str(refused)


def test_runs_for_few_parameters_are_compared_by_these(tmp_path):
    """And by multiply-adds as soon as one is for few of them."""
    for name, params in (("a", 5e6), ("b", 3e6)):
        beside(tmp_path, name, params=params, quantity="params", target=params, target_text="5M")
    beside(tmp_path, "c", target_text="400M")

    def said(*names):
        return CliRunner().invoke(cli, ["compare", *names, "--runs", str(tmp_path)]).stdout

    text = said("a", "b", "--budgets", "4M,6M")
    assert re.search(r"params +a +b\n<= 4M +- +60.00", text)
    assert re.search(r"MACs +a +c\n<= 100M", said("a", "c"))
    refused = CliRunner().invoke(cli, ["compare", "a", "a:beside", "--runs", str(tmp_path)])
    assert "takes whole runs, as a: nas predict a a:beside puts" in str(refused.exception)
    listed = CliRunner().invoke(cli, ["runs", "--runs", str(tmp_path), "--json"]).stdout
    assert [row["target"] for row in json.loads(listed)] == ["5M params", "5M params", "400M"]


def test_two_runs_of_one_name_stay_apart_and_one_run_is_none(tmp_path):
    for place in ("one", "two"):
        beside(tmp_path / place, accuracy=len(place) + 50.0 + (place == "two"))
    one, two = str(tmp_path / "one/a"), str(tmp_path / "two/a")
    said = json.loads(CliRunner().invoke(cli, ["compare", one, two, "--json"]).stdout)
    assert {name: pick["accuracy"] for name, pick in said["picks"].items()} == {one: 53, two: 54}


def test_what_the_spreads_are_is_said_once_or_run_by_run(tmp_path):
    given = (("a", "B0 (1M MACs)"), ("b", "B0 (2M MACs)"), ("c", "B1"), ("d", None))
    for name, of in given:
        label = of and f"Top-1 is predicted. ± is that of the difference to {of} and so on."
        beside(tmp_path, name, label=label)

    def said(*names):
        lines = CliRunner().invoke(cli, ["compare", *names, "--runs", str(tmp_path)]).stdout
        return [line for line in lines.splitlines() if "± is" in line]

    assert said("a", "b") == ["± is that of the difference to B0, each run's own, and so on."]
    assert said("a", "c", "d") == [
        "a: ± is that of the difference to B0, each run's own, and so on.",
        "c: ± is that of the difference to B1 and so on.",
    ]  # fmt: skip


def test_one_run_twice_is_none(tmp_path):
    beside(tmp_path / "one")
    one = str(tmp_path / "one/a")
    for given, words in (([one, one + "/"], "given twice"), ([one], "only one run")):
        assert words in str(CliRunner().invoke(cli, ["compare", *given]).exception)


def test_a_run_with_damaged_numbers_hides_no_other(tmp_path):
    beside(tmp_path, "good")
    beside(tmp_path, "odd", accuracy="x")
    text = listed(tmp_path).stdout
    assert "60.00" in text
    assert "odd/best.json has 'x' for accuracy: expected a number" in text


@pytest.mark.parametrize(
    ("file", "text", "why"),
    [
        ("family.json", "{}", "nothing for networks"),
        ("family.json", "{", "is no JSON that can be used"),
        ("coefficients.json", '{"alpha": "x"}', "'x' for alpha: expected a number"),
        (
            "coefficients.json",
            '{"alpha": 0.5, "beta": 1, "gamma": 1}',
            "since its alpha is 0.5: ex",
        ),
    ],
)
def test_a_damaged_result_is_told_with_why(file, text, why, tmp_path):
    kind = {"family.json": "family", "coefficients.json": "gridsearch"}[file]
    made(tmp_path / "a", kind, [{"trials": 9}])
    (tmp_path / "a" / file).write_text(text)
    (row,) = json.loads(listed(tmp_path, "--json").stdout)
    assert row["state"] == "damaged"
    assert why in row["why"]


def test_a_damaged_journal_and_a_failure_are_told_with_why(tmp_path, monkeypatch):
    def broken(architecture, budget, seed):
        raise OSError("no camera")

    def works(architecture, budget, seed):
        return 50.0 + architecture.blocks

    for name in ("a-b", "torn", "cut"):
        nas.find(4e8, evaluator=works, trials=3, runs=tmp_path, name=name)
        journal = tmp_path / name / "trials.journal"
        lines = journal.read_bytes().splitlines(keepends=True)
        lines[4] = {"torn": lines[4].replace(b'"', b"", 1)}.get(name, lines[4])
        lines[-1] = {"cut": lines[-1][:30]}.get(name, lines[-1])
        journal.write_bytes(b"".join(lines))
    for _ in range(2):
        with pytest.raises(RunFailure):
            nas.find(4e8, evaluator=broken, trials=20, runs=tmp_path, name="failed")
    rows = {row["run"]: row for row in json.loads(listed(tmp_path, "--json").stdout)}
    assert {name: row["state"] for name, row in rows.items()} == {
        "a-b": "ended", "torn": "damaged", "cut": "damaged", "failed": "failed",
    }  # fmt: skip
    assert "holds 2 of the 3 trials" in rows["cut"]["why"]
    text = listed(tmp_path).stdout
    assert f"\ntorn: line 5 of {tmp_path}/torn/trials.journal can't be used: it is no JSON" in text
    mended = "; put it back as it was, or take it out, or move the whole file away: the run's comm"
    assert mended in text
    assert "\nfailed: the first 11 trials all failed, the last with 'OSError: no camera'" in text
    record = json.loads((tmp_path / "failed/run.json").read_text())
    (tmp_path / "failed/run.json").write_text(json.dumps({**record, "failed": 3}))
    assert "3 for failed" in listed(tmp_path).stdout
