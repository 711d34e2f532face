"""Files beside a script with our packages' names: they are named, not stumbled over."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent


def ran(folder, code):
    """What a script in the folder ends with; the folder is first on its path."""
    (folder / "script.py").write_text(code)
    return subprocess.run(
        [sys.executable, "script.py"], cwd=folder, capture_output=True, text=True,
        env={"PYTHONPATH": str(ROOT)}, timeout=30,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("package", "name", "file"),
    [
        ("nas", "search_spaces", "search_spaces.py"),
        ("nas", "results", "results.py"),
        ("gridsearch", "results", "results/__init__.py"),
        ("gridsearch", "nas", "nas.py"),
    ],
)
def test_a_file_that_hides_a_package_is_named(tmp_path, package, name, file):
    (tmp_path / file).parent.mkdir(exist_ok=True)
    (tmp_path / file).write_text("print('was run')")
    done = ran(tmp_path, f"import {package}")
    found = tmp_path / file if file.endswith(f"{name}.py") else tmp_path / name
    assert done.stderr.splitlines()[-1] == (
        f"ImportError: {found} has the name of compound-nas's package {name!r} and is found before "
        "it: rename it or move it elsewhere"
    )
    assert done.stdout == ""


def test_a_name_that_hides_nothing_needed_is_left_alone(tmp_path):
    (tmp_path / "gridsearch.py").write_text("")
    (tmp_path / "results").mkdir()  # of what a script wrote: no package hides behind a bare folder
    done = ran(tmp_path, "import nas, gridsearch; print(nas.Objective.__name__)")
    assert done.stdout == "Objective\n", done.stderr
