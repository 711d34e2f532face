"""A wheel, built from the checkout and installed elsewhere, works without the checkout."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
NEEDS = ("search_spaces", "results", "nas", "gridsearch")


def run(*command: object, **options: object) -> str:
    done = subprocess.run([*map(str, command)], capture_output=True, text=True, **options)
    assert done.returncode == 0, f"{command}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}"
    return done.stdout


@pytest.mark.slow
def test_a_wheel_installed_elsewhere_works(tmp_path):
    source, site, here = tmp_path / "source", tmp_path / "site", tmp_path / "here"
    here.mkdir()
    listed = run("git", "ls-files", "-z", cwd=ROOT).split("\0")
    for name in filter(None, listed):
        if (ROOT / name).is_file() and not name.startswith(("tests/", "docs/")):
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            (source / name).write_bytes((ROOT / name).read_bytes())
    pip = (sys.executable, "-m", "pip", "--disable-pip-version-check")
    run(*pip, "wheel", source, "--no-deps", "-q", "-w", tmp_path)
    (wheel,) = tmp_path.glob("compound_nas-*.whl")
    run(*pip, "install", "-q", "--no-deps", "--target", site, wheel)
    environment = {**os.environ, "PYTHONPATH": str(site)}

    def python(*arguments: object) -> str:
        return run(sys.executable, "-P", *arguments, cwd=here, env=environment)

    for name in NEEDS:
        assert (site / name / "py.typed").is_file()
        assert python("-c", f"import {name}; print({name}.__file__)").startswith(str(site))
    python("-m", "nas", "search", "--target-flops", "400M", "--trials", "30", "--name", "found")
    python("-m", "gridsearch", "run", "--phi", "1", "--baseline", "found", "--name", "grid")
    python("-m", "gridsearch", "family", "--coefficients", "runs/grid", "--name", "family")
    python("-m", "nas", "report", "found")
    assert (here / "runs" / "found" / "report.html").stat().st_size > 1e6
    assert (site / "bin" / "nas").exists()
    assert (site / "bin" / "gridsearch").exists()
