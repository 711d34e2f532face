"""The harness: the same noise for the same seed, true values of picks, tables, continuing."""

import itertools
import json
import sys
import warnings

import numpy as np
import pandas as pd
import processes
import pytest
from click.testing import CliRunner

from nas.bench import report as bench_report
from nas.bench.play import Play, play, rewards, strategy_of, volumes
from nas.bench.report import Standing, evaluations_to, interval, reach, rows_of
from nas.bench.run import run_bench
from nas.bench.tables import read_task
from nas.bench.tasks import CHANCE, recipe, surrogate_task, synthetic_task
from nas.commands.main import cli
from nas.objective import Objective
from results.terminal import entry
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
    cheaper = [[65, 57, target / 2, 0], [65, 56, target, 0]]  # of equal ones the cheapest
    assert rewards(TASK, Play("x", 0, np.vstack([rows, cheaper])))[-2:].tolist() == [57, 57]
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
        (lambda f: f.assign(id=range(48)).iloc[:6], "6 networks"),
        (lambda f: pd.concat([f] * 2).assign(id=range(96)), "at most 64"),
    ],
)
def test_bad_tables_are_refused_in_a_sentence(table, change, message):
    change(pd.read_csv(table)).to_csv(table, index=False)
    with pytest.raises(UserError, match=message):
        read_task(table)


@pytest.mark.parametrize(
    ("row", "column", "text", "message"),
    [
        (0, "accuracy", "good", "holds 'good' in line 2 of mine.csv: expected a number in percent"),
        (7, "accuracy", "", "is empty in line 9 of mine.csv: expected a number in percent"),
        (3, "accuracy", "101.5", "holds '101.5' in line 5 of mine.csv: expected a number in perc"),
        (7, "cost", "inf", "holds 'inf' in line 9 of mine.csv: expected a cost above 0"),
        (8, "cost", "-1", "holds '-1' in line 10 of mine.csv: expected a cost above 0"),
        (47, "k", "n/a", "holds 'n/a' in line 49 of mine.csv: expected an option in every row"),
    ],
)
def test_a_fault_of_a_table_names_its_cell(table, row, column, text, message):
    frame = pd.read_csv(table, dtype=str)
    frame.loc[row, column] = text
    frame.to_csv(table, index=False)
    with pytest.raises(UserError) as caught:
        read_task(table)
    assert str(caught.value).startswith(f"column {column!r} {message}")


def test_the_line_of_a_fault_is_the_files(table):
    lines = table.read_text().splitlines()
    lines[20] = lines[20].replace(lines[20].split(",")[3], "n/a")
    table.write_text("\n".join(["", *lines[:10], "", "  ", *lines[10:]]))
    with pytest.raises(UserError, match=r"'accuracy' holds 'n/a' in line 24 of mine\.csv"):
        read_task(table)
    packed = table.with_suffix(".csv.gz")
    pd.read_csv(table).to_csv(packed, index=False)
    with pytest.raises(UserError, match=r"'accuracy' holds 'nan' in line 21 of mine\.csv\.gz"):
        read_task(packed)


@pytest.mark.parametrize("noise", [float("nan"), float("inf"), -1.0])
def test_a_noise_is_a_number_of_points(table, noise):
    with pytest.raises(UserError, match=r"the noise is .*: expected a finite number"):
        read_task(table, noise=noise)


def test_fractions_are_warned_of_once(table):
    said = []
    read_task(table, warn=said.append)
    assert not said
    frame = pd.read_csv(table)
    frame.assign(accuracy=frame.accuracy / 100).to_csv(table, index=False)
    read_task(table, warn=said.append)
    assert len(said) == 1
    assert "percent is expected" in said[0]


def test_a_table_with_its_noise_and_columns_is_the_run(table):
    def run(**other):
        task = read_task(table, **other)
        return run_bench(task, ["random"], 6, 1, "random", "b", table.parent / "runs")

    frame = pd.read_csv(table).drop_duplicates(["k", "w", "op"])  # noise is of single trainings
    frame.assign(top1=frame.accuracy, size=frame.cost).to_csv(table, index=False)
    same = {"choices": ["k", "w", "op"], "noise": 5}
    first = run(**same).rows[-1]
    assert run(**same).rows[-1] == first
    assert run(**{**same, "choices": ["w", "op", "k*"]}).rows[-1] == first
    for change, said in (
        ({"noise": 0}, "noise 5, not 0"),
        ({"accuracy": "top1"}, "accuracy 'accuracy', not 'top1'"),
        ({"cost": "size"}, "cost 'cost', not 'size'"),
        ({"choices": ["k", "w"]}, "choices .'k', 'w', 'op'., not .'k', 'w'."),
    ):
        with pytest.raises(UserError, match=said):
            run(**{**same, **change})
    table.write_text(table.read_text() + "\n")
    with pytest.raises(UserError, match=r"table '[0-9a-f]{16}', not '"):
        run(**same)


def test_a_run_without_a_table_continues_what_older_versions_began(tmp_path):
    run_bench(TASK, ["random"], 6, 1, "random", "b", tmp_path)
    experiment = json.loads((tmp_path / "b/run.json").read_text())["experiment"]
    keys = ["kind", "task", "objective", "target", "evaluations", "best", "fingerprint"]
    assert list(experiment) == keys


def test_a_strategy_counts_once(tmp_path):
    with pytest.raises(UserError, match="'random' is named 2 times"):
        run_bench(TASK, ["random", "tpe", "random"], 3, 1, "tpe", "b", tmp_path)


@pytest.mark.slow
def test_figures_end_where_all_networks_are_known(tmp_path):
    task, said = synthetic_task(recipe("synthetic:4")), []
    found = run_bench(task, ["random", "tpe"], 60, 2, "tpe", "b", tmp_path, show=said.append)
    known = [line for line in said if "known" in line]
    n = len(pd.read_csv(tmp_path / "b/plays/random-seed0.csv"))
    assert known == [f"all {n} allowed networks are known after {n} of 60 evaluations"]
    ends = [20, n, 20, n]
    assert [row.evaluations for row in found.rows] == ends
    assert all(np.isfinite(row.milliseconds) for row in found.rows)
    assert pd.read_csv(tmp_path / "b/bench.csv").evaluations.tolist() == ends


def test_what_is_not_measured_is_a_null_and_a_dash(capsys):
    nan, inf = float("nan"), float("inf")
    row = Standing("random", 20, 1, 60.0, inf, -1e-9, inf, 2.0, inf, nan)
    text = json.dumps(bench_report.fields_of(row), allow_nan=False)
    empty = [key for key, value in json.loads(text).items() if value is None]
    assert empty == ["reward_interval", "regret_interval", "volume_interval", "milliseconds"]
    bench_report.print_report([row], {}, "random")
    shown = capsys.readouterr().out
    assert shown.splitlines()[-1].split() == ["random", "1", "0.00", "2.00", "-"]


@pytest.mark.parametrize("evaluations", [2, 12])
def test_a_plot_of_equal_accuracies_warns_of_nothing(table, evaluations):
    pd.read_csv(table).assign(accuracy=70).to_csv(table, index=False)
    task = read_task(table)
    plays = [play(task, "random", seed, evaluations) for seed in range(2)]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        bench_report.plot(table.parent / "bench.png", task, plays, evaluations)


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
    for spec in ("random@foo", "random@", "random@front@front"):
        with pytest.raises(UserError, match="expected NAME or NAME@front"):
            strategy_of(spec)
    wrong = ("1", "8,2", "8,a", "8,.1,.1,1,1", "inf", "8,.1,inf", "8,.1,nan", "8,.1,.1,-1")
    for text in (f"synthetic:{one}" for one in wrong):
        with pytest.raises(UserError, match="expected synthetic"):
            recipe(text)


@pytest.fixture
def bench(table, monkeypatch, capsys):
    """`nas bench` in this process: exit code, output, lines of errors."""

    def run(text):
        monkeypatch.chdir(table.parent)
        monkeypatch.setattr(sys, "argv", ["nas", "bench", *text.split()])
        with pytest.raises(SystemExit) as left:
            entry(cli, "nas")
        done = capsys.readouterr()
        return left.value.code, done.out, done.err.splitlines()

    return run


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("--noise 0", "--noise is of a table"),
        ("--accuracy top1", "--accuracy is of a table"),
        ("--cost macs", "--cost is of a table"),
        ("--choices k,w", "--choices is of a table"),
        ("--table mine.csv --task surrogate", "--task and --table both"),
        ("--table mine.csv --noise nan", "the noise is nan"),
        ("--table mine.csv --cost accuracy", "both the column 'accuracy'"),
        ("--table mine.csv --strategies random@foo", "'random@foo': expected NAME or NAME@front"),
        ("--table mine.csv --strategies random,random", "'random' is named 2 times"),
        (
            "--strategies random,tpe --reference nsga2",
            "--reference is 'nsga2', which is not played",
        ),
        ("--strategies random --reference tpe", "--reference is 'tpe', which is not played"),
    ],
)
def test_options_that_would_do_nothing_are_refused(bench, table, options, message):
    code, out, errors = bench(options)
    assert (code, out, len(errors)) == (2, "", 1)
    assert message in errors[0]
    assert not (table.parent / "runs").exists()


def test_one_seed_is_strict_json_and_the_default_reference_may_be_missing(bench):
    code, out, _ = bench("--table mine.csv --strategies random --seeds 1 --evaluations 5 --json")
    assert code == 0

    def refuse(text):
        raise AssertionError(text)

    (row,) = json.loads(out, parse_constant=refuse)
    assert row["reward_interval"] is None
    assert row["milliseconds"] > 0


def test_fractions_are_warned_of_beside_the_table_only(bench, table):
    frame = pd.read_csv(table)
    frame.assign(accuracy=frame.accuracy / 100).to_csv(table, index=False)
    command = "--table mine.csv --strategies random --seeds 1 --evaluations 5"
    for more, count in (("", 1), (" --json", 0)):
        code, _, errors = bench(command + more)
        assert code == 0
        assert sum("percent is expected" in line for line in errors) == count


@pytest.mark.slow
def test_the_command_continues_and_its_errors_are_one_sentence(table):
    def bench(*arguments):
        given = ("bench", "--table", table.name, *arguments, "--evaluations", "12", "--name", "b")
        return processes.run("nas", *given, cwd=table.parent)

    first = bench("--strategies", "random", "--seeds", "2", "--reference", "random")
    assert first.returncode == 0, first.stderr
    assert first.stderr.count("12 evaluations") == 2
    more = bench("--strategies", "random,optuna.samplers:TPESampler", "--seeds", "2", "--json")
    assert more.returncode == 0, more.stderr
    assert more.stderr.count("12 evaluations") == 2
    rows = json.loads(more.stdout)
    assert len(pd.read_csv(table.parent / "runs/b/bench.csv")) == len(rows)
    assert (table.parent / "runs/b/bench.png").stat().st_size > 10000
    done = bench("--strategies", "none")
    assert done.returncode == 2
    assert len(done.stderr.strip().splitlines()) == 1
    for wrong in (["--target", "0.5"], ["--choices", "z"]):
        given = ["bench", "--table", str(table), "--evaluations", "12", "--name", "b"]
        refused = CliRunner().invoke(cli, [*given, "--runs", str(table.parent / "runs"), *wrong])
        assert isinstance(refused.exception, UserError)
        assert len(str(refused.exception).splitlines()) == 1


def test_a_share_of_trainings_fails():
    made = recipe("synthetic:8,0.2,0.4,3,0.25")
    assert recipe(made.name) == made
    task = synthetic_task(made)
    codes, _ = task.inner.random(400, np.random.RandomState(0))
    told = np.array([task.measured(code, 0) for code in codes])
    assert 0.18 < (told == CHANCE).mean() < 0.32
    healthy = np.array([TASK.measured(code, 0) for code in codes])
    assert (told[told != CHANCE] == healthy[told != CHANCE]).all()
