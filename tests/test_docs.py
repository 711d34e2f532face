"""The programs in docs/ run as they stand there."""

import re
import subprocess
import sys
from pathlib import Path

DOCS = Path(__file__).parent.parent / "docs"


def blocks(page, language):
    return re.findall(rf"```{language}\n(.*?)```", (DOCS / page).read_text(), re.DOTALL)


def test_the_complete_example_and_the_toml_space(tmp_path):
    mine, theirs = blocks("extending.md", "python")
    assert len([line for line in mine.splitlines() if line.strip()]) < 40
    (tmp_path / "mine.py").write_text(mine)
    (tmp_path / "theirs.py").write_text(theirs)
    (tmp_path / "phone.toml").write_text(blocks("extending.md", "toml")[0])

    def run(*command):
        done = subprocess.run(
            [sys.executable, *command], cwd=tmp_path, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    _, macs, accuracy = run("mine.py").split()
    assert int(macs) <= 8_000_000
    assert 0 <= float(accuracy) <= 100
    assert (tmp_path / "runs" / "tiny-8M-train" / "best.json").exists()
    given = ["--target-flops", "8M", "--space", "mine:tiny", "--evaluator", "mine:train"]
    said = run("-m", "nas.cli", "search", *given, "--trials", "12", "--strategy", "theirs:nsga3")
    assert "12 distinct networks" in said
    assert "phone" in run("-m", "nas.cli", "spaces", "phone.toml")
