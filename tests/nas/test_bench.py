"""The harness: the same noise for the same seed, true values of picks, tables, continuing."""

import itertools
import json
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from nas.bench import Play, play, rewards, strategy_of, volumes
from nas.bench_report import evaluations_to, interval, reach, rows_of
from nas.bench_tables import read_task
from nas.bench_tasks import recipe, surrogate_task, synthetic_task
from nas.objective import Objective
from search_spaces import UserError, space

TASK = synthetic_task(recipe("synthetic:8,0.2,0.4,3"))


def test_the_surrogate_with_the_noise_of_a_training():
    task = surrogate_task(Objective("hard", 400e6, caution=0.0), space("efficientnet"))
    codes, _ = task.inner.random(40, np.random.RandomState(0))
    once = [task.measured(code, 1) for code in codes]
    assert once == [task.measured(code, 1) for code in codes]
    errors = (np.array(once) - task.truth(codes)) / task.noise(codes)
    assert 0.6 < errors.std() < 1.4
    assert once[0] != task.measured(codes[0], 2)


def test_the_pick_is_the_best_measured_and_its_truth_counts():
    target = TASK.objective.target
    rows = np.array([[60, 59, target, 0], [65, 58, target, 0], [62, 61, target, 0]], float)
    assert rewards(TASK, Play("x", 0, rows)).tolist() == [59, 58, 58]
    floor = TASK.reference[0]
    rows[:, :2] += floor - 50
    rows[:, 2] = [target / 2, target / 4, target]
    found = volumes(TASK, Play("x", 0, rows), [1, 2, 3])
    assert found == pytest.approx([9 / 2, 8 * 3 / 4, 8 * 3 / 4])


@pytest.mark.parametrize("spec", ["random", "predictor", "nsga2", "tpe@front"])
def test_plays_repeat_and_propose_only_new_allowed_networks(spec):
    first = play(TASK, spec, 1, 45)
    assert (first.rows[:, :3] == play(TASK, spec, 1, 45).rows[:, :3]).all()
    assert (first.rows[:, :3] != play(TASK, spec, 2, 45).rows[:, :3]).any()
    assert len(np.unique(first.rows[:, :3], axis=0)) == 45
    assert (first.rows[:, 2] <= TASK.objective.target).all()
    assert (rewards(TASK, first) <= TASK.best + 1e-9).all()


@pytest.fixture
def table(tmp_path):
    """All 3 * 4 * 2 networks, each trained twice."""
    rng = np.random.default_rng(0)
    rows = [
        {"k": k, "w": w, "op": op, "accuracy": 60 + k + w / 10 + rng.normal(), "cost": k * w}
        for k, w, op in itertools.product((3, 5, 7), (8, 16, 24, 32), ("a", "b"))
        for _ in range(2)
    ]
    path = tmp_path / "mine.csv"
    pd.DataFrame(rows).to_csv(path, index=False)
    return path


def test_a_table_with_repeated_trainings(table):
    task = read_task(table, target=1000.0)
    assert {name: len(o) for name, o in task.problem.choices.items()} == {"k": 3, "w": 4, "op": 2}
    frame = pd.read_csv(table).groupby(["k", "w", "op"])["accuracy"].agg(["mean", "std"])
    code = task.problem.pool[5]
    picked = tuple(o[i] for o, i in zip(task.problem.choices.values(), code, strict=True))
    assert task.truth(code[None])[0] == pytest.approx(frame.loc[picked, "mean"])
    assert task.noise(code[None])[0] == pytest.approx(frame.loc[picked, "std"])
    assert task.best == pytest.approx(frame["mean"].max())


@pytest.mark.parametrize("spec", ["predictor", "tpe", "reinforce"])
def test_a_table_is_played_to_its_end_and_never_left(table, spec):
    frame = pd.read_csv(table)
    frame[frame.index % 3 > 0].to_csv(table, index=False)  # some networks are missing
    task = read_task(table)
    within = int((task.problem.facts(task.problem.pool).cost <= task.objective.target).sum())
    done = play(task, spec, 0, 99)
    assert len(done.rows) == len(task.problem.pool) == within
    assert rewards(task, done)[-1] > task.truth(task.problem.pool).mean()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda f: f.rename(columns={"cost": "macs"}), "lacks the column 'cost'"),
        (lambda f: f.assign(cost=-1), "costs above 0"),
        (lambda f: f.assign(accuracy="good"), "not a number"),
        (lambda f: f.assign(k=np.nan), "empty cells"),
        (lambda f: f.assign(id=range(48)).iloc[:6], "6 networks"),
        (lambda f: pd.concat([f] * 2).assign(id=range(96)), "at most 64"),
    ],
)
def test_bad_tables_are_refused_in_a_sentence(table, change, message):
    change(pd.read_csv(table)).to_csv(table, index=False)
    with pytest.raises(UserError, match=message):
        read_task(table)


def test_figures_over_seeds():
    plays = [play(TASK, name, seed, 30) for name in ("random", "predictor") for seed in range(3)]
    rows = rows_of(TASK, plays, 30)
    assert [(row.strategy, row.evaluations) for row in rows] == [
        ("random", 20), ("random", 30), ("predictor", 20), ("predictor", 30)
    ]  # fmt: skip
    assert all(row.seeds == 3 and row.regret >= 0 for row in rows)
    n, low, high = reach(TASK, plays, 30, "random")["random"]
    assert low <= n <= 30
    assert high is None or high >= n
    assert evaluations_to(np.array([[1.0, 2.0, 4.0], [1.0, 4.0, 4.0]]), 3.0) == 2
    assert interval(np.array([1.0, 3.0])) == pytest.approx(12.706, abs=0.01)


def test_unknown_names_are_refused():
    with pytest.raises(UserError, match="no strategy 'best'"):
        strategy_of("best")
    for text in ("synthetic:1", "synthetic:8,2", "synthetic:8,a", "synthetic:8,.1,.1,1,1"):
        with pytest.raises(UserError, match="expected synthetic"):
            recipe(text)


def test_the_command_continues_and_its_errors_are_one_sentence(table):
    def bench(*arguments):
        command = [sys.executable, "-m", "nas.cli", "bench", "--table", table.name, *arguments]
        return subprocess.run(
            [*command, "--evaluations", "12", "--name", "b"],
            cwd=table.parent, capture_output=True, text=True, check=False,
        )  # fmt: skip

    first = bench("--strategies", "random", "--seeds", "2", "--reference", "random")
    assert first.returncode == 0, first.stderr
    assert first.stderr.count("12 evaluations") == 2
    more = bench("--strategies", "random,optuna.samplers:TPESampler", "--seeds", "2", "--json")
    assert more.returncode == 0, more.stderr
    assert more.stderr.count("12 evaluations") == 2
    rows = json.loads(more.stdout)
    assert len(pd.read_csv(table.parent / "runs/b/bench.csv")) == len(rows)
    assert (table.parent / "runs/b/bench.png").stat().st_size > 10000
    for wrong in (["--strategies", "none"], ["--target", "0.5"], ["--choices", "z"]):
        done = bench(*wrong)
        assert done.returncode == 2
        assert len(done.stderr.strip().splitlines()) == 1
