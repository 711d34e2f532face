"""Options from a file, and a run's options as a file."""

import os
import tomllib

import pytest
from click.testing import CliRunner

from nas.commands.main import cli
from search_spaces import UserError


def called(*given):
    done = CliRunner().invoke(cli, list(map(str, given)), catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.output


@pytest.mark.slow
def test_a_run_writes_the_file_that_repeats_it(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    called("search", "--target-params", "4M", "--target-flops", "300M", "--trials", 15, "--seed", 2,
           "--name", "a")  # fmt: skip
    kept = tomllib.loads((tmp_path / "runs/a/run.toml").read_text())
    assert list(kept)[:2] == ["target-params", "target-flops"]
    assert (kept["trials"], kept["seed"]) == (15, 2)
    again = called("search", "--config", "runs/a/run.toml")
    assert "(0 new" in again  # the same experiment, T first
    called("search", "--config", "runs/a/run.toml", "--name", "b", "--trials", 10)
    other = tomllib.loads((tmp_path / "runs/b/run.toml").read_text())
    assert {**kept, "name": "b", "trials": 10} == other


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("trils = 3", r"has 'trils' \(did you mean trials\?\)"),
        ("trials = ", "is no TOML"),
        ("trials = [1]", "expected one value"),
        ("config = 'x'", "no option of"),
        ("trials = true", "trials = true: expected one value"),
        ("trials = 2026-01-01", "expected one value"),
        ("json = 1", "json = 1: expected true or false"),
        ("json = 'maybe'", "json = 'maybe': expected true or false"),
        ("target-flops = '1M'\ntarget_flops = '2M'", "target_flops twice"),
        ("trials = 3\ntrials = 4", "is no TOML"),
        ("trials = " + "9" * 5000, "is no TOML"),
        ("trials = " + "[" * 5000, "is no TOML"),
        ("trials = \udcff", "is no text"),
    ],
    ids=lambda text: text[:20].encode("ascii", "replace").decode(),
)
def test_a_file_that_can_not_be_used_is_refused(text, said, tmp_path):
    (tmp_path / "run.toml").write_text(text, errors="surrogateescape")
    with pytest.raises(UserError, match=said):
        CliRunner().invoke(
            cli, ["search", "--config", str(tmp_path / "run.toml")], catch_exceptions=False
        )


def test_the_order_of_a_file_is_kept_and_an_editor_s_mark_is_no_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    text = 'trials = 5\nname = "a"\ntarget-params = "4M"\ntarget-flops = "300M"\n'
    (tmp_path / "mine.toml").write_text(text, encoding="utf-8-sig")
    called("search", "--config", "mine.toml")
    kept = tomllib.loads((tmp_path / "runs/a/run.toml").read_text())
    assert [name for name in kept if "target" in name] == ["target-params", "target-flops"]
    assert "(0 new" in called("search", "--config", "runs/a/run.toml")


def test_what_is_no_file_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(UserError, match="no regular file"):
        called("search", "--config", tmp_path / "pipe")
