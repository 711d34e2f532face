"""Options from a file, and a run's options as a file."""

import tomllib

import pytest
from click.testing import CliRunner

from nas.commands.main import cli
from search_spaces import UserError


def called(*given):
    done = CliRunner().invoke(cli, list(map(str, given)), catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.output


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
    ],
)
def test_a_file_that_can_not_be_used_is_refused(text, said, tmp_path):
    (tmp_path / "run.toml").write_text(text)
    with pytest.raises(UserError, match=said):
        CliRunner().invoke(
            cli, ["search", "--config", str(tmp_path / "run.toml")], catch_exceptions=False
        )
