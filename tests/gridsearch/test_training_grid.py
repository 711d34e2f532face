"""`gridsearch run --data`: points really trained, over the executors, with halving and seeds."""

import dataclasses
import itertools
import json
import signal
import sys
import time
from pathlib import Path

import pandas as pd
import processes
import pytest
from click.testing import CliRunner

from gridsearch.commands.main import cli
from gridsearch.grid.conclude import Result, conclude
from gridsearch.grid.grid import Question, build_grid
from gridsearch.grid.judge import judge
from gridsearch.grid.plan import Plan
from gridsearch.grid.rounds import ended
from gridsearch.grid.run import Held, _unlearned, evaluate_points, prepare, run
from gridsearch.grid.rungs import hold, missing
from gridsearch.grid.training import fitted
from nas.evaluators import Measurement
from nas.training.proxy import Proxy
from nas.workers.executor import LocalExecutor
from results.runs.records import Trial
from results.terminal import entry
from search_spaces import NETWORKS, Architecture, Stage, UserError, cost
from search_spaces.architecture import to_json
from search_spaces.networks import MOBILENET_V2

TINY = Architecture(
    (Stage("mbconv", 8, 1, 3, 2, 2), Stage("mbconv", 16, 1, 3, 2, 2)),
    stem=8, head=16, stem_stride=1, resolution=16, name="tiny",
)  # fmt: skip
GIVEN = ["run", "--baseline", "tiny.json", "--data", "images", "--window", "0.1", "--step", "0.4",
         "--batch", "16"]  # fmt: skip


@pytest.fixture(scope="module")
def here(tmp_path_factory, coloured):
    """A baseline and images of three colours that a network tells apart in an epoch or two."""
    folder = tmp_path_factory.mktemp("grid")
    (folder / "tiny.json").write_text(to_json(TINY))
    for px in (4, 1000):
        (folder / f"px{px}.json").write_text(to_json(dataclasses.replace(TINY, resolution=px)))
    coloured(folder / "images", 24)
    return folder


@pytest.fixture
def inside(here, monkeypatch):
    monkeypatch.chdir(here)
    monkeypatch.setenv("COMPOUND_NAS_CACHE", str(here / "cache"))
    return here


@pytest.fixture
def gridsearch(inside, monkeypatch, capsys):
    """Runs the command in this process: (exit code, standard output)."""

    def call(*arguments: str) -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", ["gridsearch", *arguments])
        with pytest.raises(SystemExit) as left:
            entry(cli, "gridsearch")
        said = capsys.readouterr()
        if left.value.code:
            print(said.err)  # shown where the test fails
        return left.value.code, said.out

    return call


def measured(name):
    frame = pd.read_csv(Path("runs") / name / "trials.csv")
    return frame.sort_values("number")[["number", "id", "budget", "seed", "accuracy"]].reset_index(
        drop=True
    )


HALVED = [*GIVEN, "--epochs", "4", "--halving", "2", "--min-epochs", "2", "--replicates", "2"]


@pytest.mark.slow
def test_a_grid_is_trained_with_halving(gridsearch):
    code, out = gridsearch(*HALVED, "--executor", "local", "--name", "local")
    assert code == 0
    assert "is a measurement" in out
    assert "went on" in out
    assert "surely better" not in out
    found = json.loads(Path("runs/local/coefficients.json").read_text())
    points = pd.read_csv("runs/local/points.csv")
    assert found["evaluator"] == "train"
    assert found["prior_error"] is None
    assert found["baseline"]["classes"] == 3
    base = cost(dataclasses.replace(TINY, classes=3)).macs
    assert points["macs"].tolist() == pytest.approx((points["ratio"] * base).tolist())
    assert ((points["ratio"] / 2 - 1).abs() <= 0.1).all()
    assert len(set(points["resolution"])) > 1
    longest = points[points["budget"] == 4]
    assert len(longest) == max(2, -(-len(points) // 2)) < len(points)
    assert found["pick"]["family"] > 0
    assert found["ended"].startswith(("the trainings are spent", "the pick is expected"))
    assert points["replicates"].eq(2).all()
    trials = measured("local")
    assert len(trials) == found["measurements"] == 2 * (len(points) + len(longest))
    assert longest["accuracy"].max() > 50  # of three colours
    code, out = gridsearch("family", "--coefficients", "runs/local", "--phi", "0,1", "--json")
    assert code == 0
    first, second = json.loads(out)["networks"]
    assert (first["macs"], first["top1"]) == (base, None)
    assert second["macs"] <= 2.2 * base


@pytest.mark.slow
def test_a_grid_trained_in_other_processes_is_the_same(gridsearch):
    assert gridsearch(*HALVED, "--executor", "local", "--name", "here")[0] == 0
    assert gridsearch(*HALVED, "--workers", "2", "--name", "pool")[0] == 0
    key = ["id", "budget", "seed"]
    here, pool = (
        measured(name)[[*key, "accuracy"]].sort_values(key).reset_index(drop=True)
        for name in ("here", "pool")
    )
    pd.testing.assert_frame_equal(pool, here)


@pytest.mark.slow
def test_killed_or_interrupted_it_is_continued_by_the_same_command(gridsearch):
    given = [*GIVEN, "--epochs", "3", "--tolerance", "0", "--for-phi", "1",
             "--executor", "local"]  # fmt: skip
    assert gridsearch(*given, "--name", "whole")[0] == 0
    whole = measured("whole")
    points = {point.architecture.id for point in build_grid(small()).points}
    assert len(whole) == 3 * len(points)
    assert set(whole["id"][: 2 * len(points)]) == points
    assert set(whole["id"]) > points  # further trainings go to networks beside them too
    journal = Path("runs/cut/trials.journal")
    first = 2 * len(points)
    for after, sent in (
        (2, signal.SIGKILL),
        (first + 1, signal.SIGKILL),
        (first + 2, signal.SIGINT),
    ):
        process = processes.Running("gridsearch", *given, "--name", "cut")
        until = time.monotonic() + 60
        while (not journal.exists() or journal.read_text().count('"op_code":4') < after) and (
            time.monotonic() < until and process.poll() is None
        ):
            time.sleep(0.01)
        process.send_signal(sent)
        process.wait(60)
    assert process.returncode == 130
    assert "the same command continues" in process.stderr
    assert "Traceback" not in process.stderr
    assert 0 < len(measured("cut")) < len(whole)
    assert not Path("runs/cut/coefficients.json").exists()
    assert gridsearch(*given, "--name", "cut")[0] == 0
    pd.testing.assert_frame_equal(measured("cut"), whole)


def test_a_forecast_trains_nothing(gridsearch):
    given = [*GIVEN, "--epochs", "4", "--halving", "2", "--replicates", "2", "--name", "dry"]
    code, out = gridsearch(*given, "--dry-run", "--json")
    assert code == 0
    found = json.loads(out)
    assert 0 < found["low"] < found["hours"] < found["high"]
    points = len(build_grid(small()).points)
    sizes = Plan(small(), "", "x:y", 2, budget=4.0, eta=2).sizes(points)
    assert found["trainings"] == 2 * sum(sizes)
    assert found["epochs"] == 2 * (sizes[0] + sizes[1] + 2 * sizes[2])
    assert not Path("runs/dry").exists()


def small() -> Question:
    baseline = dataclasses.replace(TINY, classes=3)
    return Question(baseline, step=0.4, window=0.1)


BAD = [
    (["--data", "nowhere"], "is no folder"),
    (["--data", "images", "--evaluator", "x:y"], "give one of them"),
    (["--halving", "2"], "--halving is for training: give --data"),
    (["--epochs", "3"], "--epochs is for training"),
    (["--dry-run"], "--dry-run is for training"),
    (["--data", "images", "--baseline", "px4.json"], "8 to 1024 px"),
    (["--data", "images", "--baseline", "px1000.json"], "8 to 1024 px"),
    (["--data", "images", "--replicates", "1"], "expected 2 or more"),
    (["--data", "images", "--epochs", "0"], "--epochs is 0: expected a number above 0"),
    (["--data", "images", "--halving", "1"], "--halving is 1: expected 2 or more"),
    (["--data", "images", "--recipe", "nope"], "fast, paper"),
    (["--data", "images", "--train-on", "tpu"], "device"),
    (["--data", "images", "--executor", "slurm"], "local, pool, ray"),
    (["--data", "images", "--gpus-per-trial", "1"], "--executor ray"),
]


@pytest.mark.parametrize(("arguments", "sentence"), BAD)
@pytest.mark.usefixtures("inside")
def test_bad_input_is_refused_before_anything_trains(arguments, sentence):
    base = [] if "--baseline" in arguments else ["--baseline", "tiny.json"]
    result = CliRunner().invoke(cli, ["run", *base, *arguments, "--name", "bad"])
    assert isinstance(result.exception, UserError), result.exception
    assert sentence in str(result.exception)
    assert not Path("runs/bad").exists()


def test_images_that_do_not_fit_the_disk_are_not_begun(gridsearch, monkeypatch):
    import shutil

    monkeypatch.setattr(shutil, "disk_usage", lambda place: shutil._ntuple_diskusage(0, 0, 9))
    monkeypatch.setenv("COMPOUND_NAS_CACHE", "full")
    assert gridsearch(*GIVEN, "--name", "full") == (2, "")
    assert not Path("runs/full").exists()


def test_images_are_decoded_for_further_networks_and_make_no_other_experiment(inside):
    proxy = Proxy(inside / "images", batch=16)
    baseline = fitted(dataclasses.replace(TINY, resolution=20), proxy)
    question = Question(baseline, step=0.3, window=0.1)
    plans = [Plan(question, "tiny", replicates=n, proxy=proxy, runs=inside) for n in (2, 3)]
    two, three = (prepare(plan, build_grid(question), None) for plan in plans)
    assert two.training == three.training
    beyond = {network.size for network in three.judge.others}
    beyond -= {network.size for network in three.judge.points}
    assert beyond
    for network in three.judge.others:
        three.evaluator.check(network)
    assert set(three.evaluator.sets) == set(two.evaluator.sets) | beyond
    for measured in (True, False):
        said = ended(plans[1], three.judge, 0.05, measured)
        assert ("Its network at phi 1 was not measured itself" in said) != measured
    one = three.judge.points[0]
    none = _unlearned(plans[1], three, [Trial(0, {}, one, accuracy=40.0, spread=8.0)])
    assert "no training is surely better than naming the most frequent class always (33.3" in none
    assert _unlearned(plans[1], three, [Trial(0, {}, one, accuracy=60.0, spread=8.0)]) is None


def test_the_prior_has_no_budgets():
    with pytest.raises(UserError, match="the prior does not have"):
        Plan(Question(NETWORKS["efficientnet_b0"]), "b0", eta=2, budget=4.0)


def test_rounding_follows_the_network_whatever_its_classes():
    from search_spaces.scaling.rules import rule_name

    assert rule_name(dataclasses.replace(MOBILENET_V2, classes=10)) == "mobilenet_v2"


# A fast stand-in for training: more budget is more accuracy, seeds differ, one point fails once.
QUESTION = Question(NETWORKS["efficientnet_b0"])
GRID = build_grid(QUESTION)
WORST = GRID.points[3].architecture
JUDGE = judge(GRID, lambda architecture, budget, seed: 70.0, (1.0, 2.0))


def learns(architecture: Architecture, budget: float, seed: int) -> Measurement:
    if architecture == WORST and seed == 1:
        raise ValueError("diverged")
    noise = int(architecture.id[:4], 16) * (seed + 1) % 7 / 10
    return Measurement(50 + cost(architecture).params / 1e6 + budget + noise)


class Stop(Exception):
    pass


class Kept:
    """A store in memory."""

    def append(self, trial, macs):
        assert trial.cost.macs == macs


def halved(tmp_path, known=(), stop=None, replicates=3):
    plan = Plan(QUESTION, "b0", f"{__name__}:learns", replicates, budget=9.0, eta=3)
    result = Result(plan, tmp_path, GRID, learns, list(known), JUDGE)

    def show(trial):
        if len(result.trials) == stop:
            raise Stop

    try:
        evaluate_points(result, Kept(), LocalExecutor(learns), show)
    except Stop:
        return result
    conclude(result)
    return result


def said(result):
    return [(t.number, t.architecture.id, t.budget, t.seed, t.accuracy) for t in result.trials]


def test_halving_takes_the_best_third_on_with_the_same_seeds(tmp_path):
    result = halved(tmp_path)
    assert [(r.budget, len(r.points), r.kept) for r in result.rungs] == [
        (1, 18, 6), (3, 6, 2), (9, 2, 2),
    ]  # fmt: skip
    for lower, upper in itertools.pairwise(result.rungs):
        assert set(upper.points) == set(lower.points[: lower.kept])
        means = [one.mean for one in lower.estimates]
        assert means == sorted(means, reverse=True)
    failed = [t for t in result.trials if t.error]
    assert [(t.architecture, t.seed, t.budget) for t in failed] == [(WORST, 1, 1.0)]
    assert result.choice is not None
    assert result.choice.families[result.choice.pick].over >= 0
    assert len({(t.architecture, t.seed, t.budget) for t in result.trials}) == len(result.trials)
    found = json.loads((tmp_path / "coefficients.json").read_text())
    assert found["failed"] == 1
    assert [rung["kept"] for rung in found["rungs"]] == [6, 2, 2]


@pytest.mark.parametrize("each", [4, pytest.param(1, marks=pytest.mark.slow)])
def test_stopped_at_any_measurement_it_ends_as_if_it_had_not_been(tmp_path, each):
    whole = halved(tmp_path)
    for stop in range(1, len(whole.trials), each):
        cut = halved(tmp_path, stop=stop)
        assert len(cut.trials) == stop
        again = halved(tmp_path, cut.trials)
        assert said(again) == said(whole)
        assert again.coefficients == whole.coefficients


def test_more_replicates_are_measured_where_they_lack(tmp_path):
    two = halved(tmp_path, replicates=2)
    three = halved(tmp_path, two.trials, replicates=3)
    assert said(three)[: len(two.trials)] == said(two)
    assert len({(t.architecture, t.seed, t.budget) for t in three.trials}) == len(three.trials)
    finalists = {GRID.points[i].architecture for i in three.rungs[-1].points}
    for one in finalists:
        seeds = {t.seed for t in three.trials if t.architecture == one and t.budget == 9}
        assert seeds == ({0, 2} if one == WORST else {0, 1, 2})


def test_a_job_that_was_under_way_is_not_asked_for_again():
    plan = Plan(QUESTION, "b0", f"{__name__}:learns", 2)
    networks = [point.architecture for point in GRID.points]
    first, second = missing(plan, networks, [], [])[:2]
    result = Result(plan, Path(), GRID, learns, [])
    asked = Held(result)
    asked.adopt(second)
    job = asked.ask()
    assert job is not None
    assert (job.architecture, job.seed) == (first.architecture, 0)
    rest = [job, *iter(asked.ask, None)]
    assert len({(j.architecture, j.seed) for j in (*rest, second)}) == 2 * len(networks)
    assert len({j.number for j in (*rest, second)}) == 2 * len(networks)
    outside = dataclasses.replace(second, architecture=NETWORKS["efficientnet_b0"])
    with pytest.raises(AssertionError, match="outside the window"):
        asked.adopt(outside)
    with pytest.raises(AssertionError, match="outside the window"):
        hold(QUESTION, NETWORKS["efficientnet_b0"])


@pytest.mark.slow
def test_a_grid_is_trained_on_a_ray_cluster(gridsearch):
    given = [*GIVEN, "--epochs", "1", "--replicates", "2"]
    assert gridsearch(*given, "--executor", "ray", "--workers", "2", "--name", "ray")[0] == 0
    assert gridsearch(*given, "--executor", "local", "--name", "beside")[0] == 0
    columns = ["id", "seed", "accuracy"]
    ray, local = (measured(name)[columns].sort_values(columns[:2]) for name in ("ray", "beside"))
    pd.testing.assert_frame_equal(ray.reset_index(drop=True), local.reset_index(drop=True))


@pytest.mark.slow
@pytest.mark.shared_data
def test_a_small_grid_on_cifar10(tmp_path, monkeypatch, cifar):
    """Above chance, the same networks' numbers, under two minutes."""
    for image in sorted(cifar[0].glob("*/*/*"))[::10]:  # decoded for every resolution
        beside = tmp_path / "images" / image.relative_to(cifar[0])
        beside.parent.mkdir(parents=True, exist_ok=True)
        beside.hardlink_to(image)
    monkeypatch.setenv("COMPOUND_NAS_CACHE", str(tmp_path / "cache"))
    proxy = Proxy(tmp_path / "images", subset=0.5)
    base = fitted(dataclasses.replace(TINY, head=64), proxy)
    question = Question(base, window=0.1, step=0.4)
    plan = Plan(question, "tiny", replicates=2, proxy=proxy, budget=2.0, eta=2, runs=tmp_path)
    result = run(plan)
    assert result.coefficients is not None
    assert result.coefficients["failed"] == 0
    assert max(trial.accuracy for trial in result.trials if trial.budget == 2) > 15
