"""Optuna's dashboard on a run, in a process of its own."""

import json
import signal
import subprocess
import sys
import urllib.error
import urllib.request

import processes
import pytest
from waiting import wait_for

pytest.importorskip("optuna_dashboard")

from nas.search.run import find
from results.report.record import open_folder, stored
from search_spaces import UserError


@pytest.fixture
def run(tmp_path):
    find(400e6, evaluator=lambda a, b, s: 50.0, trials=8, runs=tmp_path, name="toy")
    return tmp_path / "toy"


def start(*arguments):
    return processes.Running("nas", "dashboard", *arguments)


def page_of(process):
    wait_for(lambda: "\n" in process.stdout, 60)
    return process.stdout.split()[0]


def fetch(url, **how):
    with urllib.request.urlopen(urllib.request.Request(url, **how), timeout=20) as answer:
        return answer.read()


def test_it_shows_the_run_writes_nothing_and_ends_by_ctrl_c(run):
    journal = (run / "trials.journal").read_bytes()
    process = start(run, "--port", 0)
    try:
        page = page_of(process)
        assert b"<html" in fetch(page).lower()
        root = page.removesuffix("/dashboard")
        (study,) = json.loads(fetch(f"{root}/api/studies"))["study_summaries"]
        assert study["study_name"] == "compound-nas"
        detail = json.loads(fetch(f"{root}/api/studies/{study['study_id']}"))
        assert len(detail["trials"]) == 8
        with pytest.raises(urllib.error.HTTPError, match="403"):
            fetch(f"{root}/api/studies/{study['study_id']}", method="DELETE")
        taken = start(run, "--port", root.rpartition(":")[2])
        assert taken.wait(60) == 2
        assert "can't be listened on" in taken.stderr
    finally:
        process.send_signal(signal.SIGINT)
        code = process.wait(20)
    assert code == 130
    assert process.stderr.split() == ["nas:", "interrupted"]
    assert (run / "trials.journal").read_bytes() == journal


@pytest.mark.slow
def test_a_database(tmp_path):
    url, other = (f"sqlite:///{tmp_path / name}.db" for name in ("runs", "other"))
    command = f"nas search --target-flops 400M --storage {url}"
    how = {"trials": 4, "runs": tmp_path, "name": "far", "storage": url, "command": command}
    find(400e6, evaluator=lambda a, b, s: 50.0, **how)
    process = start("far", "--runs", tmp_path, "--port", 0)
    try:
        root = page_of(process).removesuffix("/dashboard")
        (study,) = json.loads(fetch(f"{root}/api/studies"))["study_summaries"]
        assert study["study_name"] == "compound-nas/far"
    finally:
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 130
    # A record that came from elsewhere and names this database.
    find(300e6, evaluator=lambda a, b, s: 50.0, **how | {"runs": tmp_path / "b", "storage": other})
    record = tmp_path / "b" / "far" / "run.json"
    record.write_text(record.read_text().replace(other, url))
    (tmp_path / "far").rename(tmp_path / "near")
    for runs, name, said in (
        (tmp_path / "b", "far", "holds another experiment under the name far"),
        (tmp_path, "near", "holds no run of the name near"),
    ):
        refused = start(name, "--runs", runs, "--port", 0)
        assert refused.wait(60) == 2
        assert said in refused.stderr
    with pytest.raises(UserError, match="another experiment under the name far"):
        stored(open_folder("far", tmp_path / "b"))


def test_a_missing_package_is_one_sentence(run):
    program = (
        "import sys; sys.modules['optuna_dashboard'] = None; "
        "from nas.commands.main import main; main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, "dashboard", str(run)], capture_output=True, text=True
    )
    assert done.returncode == 2
    assert "pip install -e '.[dashboard]'" in done.stderr
    assert len(done.stderr.splitlines()) == 1
