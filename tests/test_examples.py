"""Every program in examples/ runs in an empty folder."""

import json
import os
import subprocess
import sys
from pathlib import Path

import processes
import pytest

ROOT = Path(__file__).parent.parent


@pytest.mark.slow
@pytest.mark.parametrize(
    "program", sorted((ROOT / "examples").glob("*.py")), ids=lambda path: path.stem
)
def test_an_example_runs(program, tmp_path):
    done = subprocess.run(
        [sys.executable, str(program)],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout
    assert "Traceback" not in done.stderr


@pytest.mark.slow
def test_the_notebook_runs_cell_by_cell_and_was_kept_without_outputs(tmp_path):
    cells = json.loads((ROOT / "examples" / "chain.ipynb").read_text())["cells"]
    code = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    assert len(code) >= 5
    assert not any(cell.get("outputs") for cell in cells)
    # what stands last in a cell is shown, as a notebook does it
    program = "import ast\nkept = {}\n" + "".join(
        f"tree = ast.parse({text!r})\nlast = tree.body.pop()\n"
        "exec(compile(tree, 'cell', 'exec'), kept)\n"
        "value = eval(compile(ast.Expression(last.value), 'cell', 'eval'), kept)\n"
        "print((getattr(value, '_repr_html_', None) or value.__repr__)())\n"
        for text in code
    )
    (tmp_path / "cells.py").write_text(program)
    done = processes.run(str(tmp_path / "cells.py"), cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "exported" / "README.md").exists()
    assert done.stdout.count("<table") >= 3
