"""What stands in a user's file: run once, found by workers, hiding nothing."""

import json
import os
import pickle
import subprocess
import sys
from pathlib import Path

import processes
import pytest

from nas.evaluators import evaluator
from nas.workers import pool
from search_spaces import UserError, space
from search_spaces.spaces import load_object

BOTH = """
from pathlib import Path
from search_spaces import Space, Architecture, Stage

with Path("ran.txt").open("a") as file:
    file.write("x")

class Count:
    def __call__(self, architecture, budget, seed):
        return 40.0 + architecture.blocks

def build(values):
    return Architecture((Stage("conv", 8, values["repeats"]),), resolution=32)

def where():
    return Space("both", {"repeats": (1, 2, 3, 4), "unused": (0, 1)}, build)
"""


def program(here, name, *arguments):
    """Runs our console script, which has its own folder first in sys.path and not the current."""
    script = Path(sys.executable).parent / name
    assert script.exists(), "the package is installed without its commands"
    return subprocess.run(
        [str(script), *arguments], cwd=here, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("stem", [pytest.param("both", marks=pytest.mark.slow), "random"])
def test_a_space_and_an_evaluator_of_one_file_go_to_the_pool(tmp_path, stem):
    (tmp_path / f"{stem}.py").write_text(BOTH)
    done = program(
        tmp_path, "nas", "search", "--target-flops", "1G", "--space", f"{stem}.py:where",
        "--evaluator", f"{stem}.py:Count", "--trials", "4", "--executor", "pool", "--workers", "1",
        "--name", "x",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "4 distinct networks" in done.stdout
    ran = (tmp_path / "ran.txt").read_text()
    assert len(ran) == 2, "once here, once in the worker"


@pytest.mark.parametrize("spec", ["{}.py:Count", "{}:Count"])
@pytest.mark.parametrize("stem", ["mine_alone", "statistics"])
def test_a_file_is_run_once_and_hides_no_module(tmp_path, monkeypatch, stem, spec):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    before = list(sys.path)
    Path(f"{stem}.py").write_text(BOTH)
    one, two = (load_object(spec.format(stem), "evaluator") for _ in range(2))
    assert one is two
    assert one is load_object(str(tmp_path / f"{stem}.py:Count"), "evaluator")
    assert Path("ran.txt").read_text() == "x"
    assert type(pickle.loads(pickle.dumps(one()))) is one
    assert sys.path[: len(before)] == before, "nothing of the user's comes before what was there"
    import statistics

    assert statistics.fmean([1, 3]) == 2


def test_what_cannot_be_loaded_is_said(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("bad_syntax.py").write_text("def f(:\n")
    for spec, said in {
        "nowhere.py:f": "no Python file",
        "nowhere_at_all:f": "No module named",
        "bad_syntax.py:f": "invalid syntax",
        "random:nothing": "no attribute 'nothing'",
    }.items():
        with pytest.raises(UserError, match=said):
            evaluator(spec)
    assert space("efficientnet").name == "efficientnet"


def threads(architecture, budget, seed):
    return float(os.environ["OMP_NUM_THREADS"])


@pytest.mark.parametrize("own", [None, "3"])
def test_a_worker_has_one_thread_and_this_process_keeps_its_own(monkeypatch, own):
    from nas.jobs import Job
    from search_spaces import NETWORKS

    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    if own:
        monkeypatch.setenv("OMP_NUM_THREADS", own)
    before = dict(os.environ)
    hands = pool.PoolExecutor(threads, 1)
    try:
        hands.submit(Job(0, {}, NETWORKS["mnasnet_small"], 0))
        assert dict(os.environ) == before
        assert hands.next()[1].measurement.accuracy == 1.0
    finally:
        hands.close()


def test_a_pool_on_a_system_that_does_not_say_which_cores_are_ours(monkeypatch):
    monkeypatch.delattr(os, "sched_getaffinity")
    assert pool.cores() == os.cpu_count()
    made = pool.PoolExecutor(threads)
    assert made.width == os.cpu_count()
    made.close()


SEARCH = ("search", "--target-flops", "1G", "--trials", "4", "--name", "x", "--evaluator")
LOUD = {  # which part of a file is asked for first
    "space": ("spaces", "loud.py:where"),
    "evaluator": (*SEARCH, "loud.py:Count", "--space", "efficientnet"),
    "worker": (
        *SEARCH,
        "loud.py:Count",
        "--space",
        "efficientnet",
        "--executor",
        "pool",
        "--workers",
        "1",
    ),
    "strategy": (*SEARCH, "imagenet", "--space", "efficientnet", "--strategy", "loud.py:make"),
}


@pytest.mark.parametrize("part", LOUD)
def test_what_a_file_starts_while_it_is_loaded_is_no_answer(tmp_path, part):
    """Its programs print where Python's own redirection does not reach."""
    loud = BOTH.replace("with Path", "import os; os.system('echo of a program')\nwith Path")
    (tmp_path / "loud.py").write_text(
        loud + "import optuna\nmake = optuna.samplers.RandomSampler\n"
    )
    done = processes.run("nas", *LOUD[part], "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)
    assert done.stderr.count("of a program") == 1 + (part == "worker")
