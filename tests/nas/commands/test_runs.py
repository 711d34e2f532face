"""`nas runs`: a list of what lies in the folder of runs."""

import json

from click.testing import CliRunner

from nas.commands.main import cli


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
    best = {"id": "abc", "accuracy": 78.4, "macs": 398e6, "target_text": "400M", "architecture": {}}
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
    assert (rows["whole"]["pick"], rows["whole"]["trials"]) == ("abc", 100)
    assert rows["stopped"]["state"] == rows["killed"]["state"] == "cut off"
    assert (rows["stopped"]["target"], rows["lost"]["target"]) == ("30M", "5 ms")
    assert rows["lost"]["state"] == "best.json is missing"
    assert rows["torn"]["state"] == "best.json is damaged"
    assert rows["checked"]["state"] == "ended"
    assert "sessions" in rows["broken"]["error"]
    text = listed(runs).stdout
    assert "398M" in text
    assert "can't be read" in text


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
