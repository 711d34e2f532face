"""The `nas` command end to end, in processes of its own where it is about processes."""

import json
import random
import re
import signal
import sys
import time
from types import SimpleNamespace

import pandas as pd
import processes
import pytest
from waiting import wait_for

from nas.commands.main import main
from nas.report.words import verdict
from search_spaces import NETWORKS, cost, from_json
from search_spaces.architecture import from_dict

TOY = """
import time
from search_spaces import cost

def depth(architecture, budget, seed):
    return 40 + sum(stage.repeats for stage in architecture.stages)

def fails(architecture, budget, seed):
    raise ValueError("it always does")

def slow(architecture, budget, seed):
    time.sleep(0.02)
    return depth(architecture, budget, seed)

def broken(architecture, budget, seed):
    raise RuntimeError("no camera")
"""


@pytest.fixture
def here(tmp_path):
    (tmp_path / "toy.py").write_text(TOY)
    return tmp_path


def command(here, *arguments):
    return processes.run("nas", *arguments, cwd=here)


GIVEN = (
    "search", "--target-flops", "400M", "--evaluator", "toy:depth", "--trials", "20",
    "--space", "efficientnet",  # quick to look at
)  # fmt: skip


@pytest.fixture
def inside(here, monkeypatch, capsys):
    """inside("search", ...) -> what `command` gives, without a process: torch is loaded once."""
    monkeypatch.chdir(here)

    def call(*arguments):
        monkeypatch.setattr(sys, "argv", ["nas", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        said = capsys.readouterr()
        return SimpleNamespace(returncode=ended.value.code, stdout=said.out, stderr=said.err)

    return call


def test_the_main_job(here):
    """From nothing, with the defaults but fewer trials: files, pick, verdict, next command."""
    given = ("search", "--target-flops", "100M", "--trials", "1000")
    done = command(here, *given)
    assert done.returncode == 0, done.stderr
    said = " ".join(done.stdout.split())
    assert "1,000 distinct networks" in said
    assert "gridsearch run --phi 1 --baseline runs/mbconv-100M" in said
    run = here / "runs" / "mbconv-100M"
    best = json.loads((run / "best.json").read_text())
    picked = from_json(json.dumps(best["architecture"]))
    assert best["macs"] == cost(picked).macs == best["fvcore_macs"]
    assert 90_000_000 <= best["macs"] <= 100_000_000
    assert (best["space"], best["evaluator"]) == ("mbconv", "imagenet")
    # what one would otherwise take
    scaled = best["otherwise"]["scaled_b0"]
    assert said.count(verdict(scaled)) == 1
    assert said.count("The pick is ") == 1  # the verdict
    assert said.count("pick: of the networks within T the one of the highest top-1 less 2 ") == 1
    assert "EfficientNet-B0 scaled to T" in said
    assert scaled["gain"] == pytest.approx(best["accuracy"] - scaled["accuracy"], abs=2e-3)
    assert scaled["gain_spread"] > 0
    assert cost(from_dict(scaled["architecture"])).macs == scaled["macs"] <= 100_000_000
    for row in best["otherwise"]["published"]:
        assert row["macs"] <= 100_000_000
        assert f"{row['network']} {row['top1']:.1f} %" in said
    assert best["label"] in said
    assert all(f"note: {note}" in said for note in best["otherwise"]["notes"][:3])
    # the files
    trials, front = pd.read_csv(run / "trials.csv"), pd.read_csv(run / "front.csv")
    assert len(trials) == trials["id"].nunique() == 1000
    assert trials["macs"].max() <= 100_000_000
    assert front["macs"].is_monotonic_increasing
    assert set(front["id"]) <= set(trials["id"])
    assert len(pd.read_parquet(run / "trials.parquet")) == 1000
    assert len(pd.read_parquet(run / "front.parquet")) == len(front)
    record = json.loads((run / "run.json").read_text())
    assert record["experiment"]["seed"] == 0
    assert record["sessions"][0]["new"] == 1000
    shown = command(here, "show", "mbconv-100M")
    assert f"{best['macs']:,} MACs" in shown.stdout
    again = command(here, *given, "--json")
    assert json.loads(again.stdout)["id"] == best["id"]
    assert json.loads((run / "run.json").read_text())["sessions"][1]["new"] == 0


BAD = [
    (["--target-flops", "400Q"], r"'400Q', with the unit 'Q'"),
    (["--target-flops", "-4M"], "above 0"),
    (["--target-flops", "0"], "above 0"),
    (["--target-flops", "1e400"], "a finite number"),
    (["--target-flops", "nan"], "expected a number"),
    (["--target-flops", "40M", "--space", "efficientnet"], "the smallest has 51.59M"),
    (["--max-params", "1M", "--space", "efficientnet"], "the smallest has 1.798M"),
    (["--max-memory", "1", "--space", "efficientnet"], "the smallest has 10.4 MB"),
    (["--target-flops", "1M"], "MACs <= 1M: the smallest has 1.768M (1768312); ask for 1.769M, or"),
    (["--space", "nope"], "efficientnet, efficientnet-wide, "),
    (["--space", "nope.toml"], "can't be read"),
    (["--space", "toy:depth"], "expected a Space"),
    (["--strategy", "nope"], "evolution, nsga2, "),
    (["--strategy", "toy:depth"], "seed="),
    (["--evaluator", "nope"], "surrogate"),
    (["--evaluator", "toy:nope"], "no attribute 'nope'"),
    (["--evaluator", "surrogate", "--space", "mnasnet"], "--evaluator module:function"),
    (["--objective", "nope"], "hard, soft"),
    (["--caution", "nan"], "0 or more"),
    (["--name", "../up"], "letters, digits"),
    (["--runs", "toy.py"], "expected the folder of runs"),
    (["--name", "foreign"], "no run.json"),
    (["--name", "torn"], "is no JSON"),
    (["--storage", "foo://bar"], "no store"),
    (["--storage", "foo"], "expected a URL"),
    (["--epochs", "3"], "--epochs is for training: give --data"),
    (["--halving", "3"], "--halving is for training: give --data"),
    (["--train-on", "cpu"], "--train-on is for training: give --data"),
    (
        ["--target-flops", "1G", "--target-flops", "400M"],
        "--target-flops is given 2 times, as 1G and 400M: expected once",
    ),
    (["--max-params", "5M", "--max-params", "4M"], "--max-params is given 2 times"),
]


@pytest.mark.parametrize(("arguments", "sentence"), BAD)
def test_bad_input_is_one_sentence_and_exit_code_2(here, arguments, sentence):
    (here / "runs" / "foreign").mkdir(parents=True)
    (here / "runs" / "foreign" / "thesis.tex").write_text("precious")
    (here / "runs" / "torn").mkdir()
    (here / "runs" / "torn" / "run.json").write_text("{")
    from click.testing import CliRunner

    from nas.commands.main import cli
    from search_spaces import UserError

    target = [] if "--target-flops" in arguments else ["--target-flops", "400M"]
    given = ["search", *target, "--evaluator", "toy:depth", "--trials", "3"]
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(here)
        result = CliRunner().invoke(cli, [*given, *arguments])
    assert isinstance(result.exception, UserError)
    assert sentence in str(result.exception)
    assert (here / "runs" / "foreign" / "thesis.tex").read_text() == "precious"
    assert (here / "runs" / "torn" / "run.json").read_text() == "{"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (
            ["search", "--trials", "-1"],
            "nas search: --trials is -1, which is out of range: expected a number >= 1; see `nas",
        ),
        (["search", "--seed", "-1"], "--seed is -1, which is out of range: expected "),
        (
            ["export", "x", "y", "--opset", "13"],
            "--opset is 13, which is out of range: expected 18 to 23; see",
        ),
        (["serach"], "nas: there is no command 'serach' (did you mean search?): expected one of "),
        (["shwo"], "(did you mean show?)"),
        (
            ["search", "60M"],
            "nas search: there are too many arguments: 60M; see `nas search --help`",
        ),
        (
            ["search", "--bogus"],
            "there is no option --bogus (did you mean '--log', '--runs'?); see",
        ),
        (["search", "--seed"], "nas search: --seed needs a value; see `nas search --help`"),
        (["search", "--json=3"], "nas search: --json does not take a value; see `nas search"),
        (["search", "-h=3"], "nas search: -h takes no value; see"),
        (["predict"], "nas predict: NETWORK... is missing; see `nas predict --help`"),
        (["frobnicate"], "nas: there is no command 'frobnicate': expected one of "),
    ],
)
def test_what_click_refuses_has_words_that_help(arguments, sentence):
    done = processes.run("nas", *arguments)
    assert done.returncode == 2
    assert sentence in " ".join(done.stderr.split())
    assert done.stderr.count("\n") == 1
    assert not re.search(r"[\x00-\x09\x0b-\x1f]", done.stderr)


MISTYPED = [
    (["--strategy", "evolutoin"], "'evolutoin' (did you mean evolution?): expected one of"),
    (["--strategy", "optuna.samplers:TPESamplr"], "(did you mean TPESampler?)"),
    (["--evaluator", "imagnet"], "(did you mean imagenet?)"),
    (["--space", "efficentnet"], "(did you mean efficientnet?)"),
    (["--executor", "pol"], "(did you mean pool?)"),
    (["--objective", "sotf"], "(did you mean soft?)"),
    (["--device", "zcu120", "--target-latency", "5ms"], "(did you mean zcu102?)"),
]


@pytest.mark.parametrize(("arguments", "sentence"), MISTYPED)
def test_a_mistyped_value_is_guessed(here, inside, arguments, sentence):
    target = [] if "--device" in arguments else ["--target-flops", "400M"]
    done = inside("search", *target, "--trials", "3", *arguments)
    assert done.returncode == 2
    assert sentence in done.stderr
    for command in ("show", "predict"):
        assert "(did you mean mobilenet_v2?)" in inside(command, "mobilnet_v2").stderr


@pytest.mark.parametrize(
    ("target", "most"), [pytest.param("15G", 15e9, marks=pytest.mark.slow), ("5M", 5e6)]
)
def test_far_from_what_is_usual_there_is_an_answer(here, inside, target, most):
    done = inside("search", "--target-flops", target, "--trials", "64")
    assert (done.returncode, "Traceback" in done.stderr) == (0, False), done.stderr
    best = json.loads((here / "runs" / f"mbconv-{target}" / "best.json").read_text())
    assert best["macs"] <= most
    if target == "5M":  # B0 is not scaled so far, and nothing is published there
        assert (best["otherwise"]["scaled_b0"], best["otherwise"]["published"]) == (None, [])
        why, beyond, *_ = best["otherwise"]["notes"]
        assert why.endswith("the smallest that it is scaled to has 7.652M MACs.")
        assert beyond.startswith("MACs of ")
        assert "is beyond all evidence" in beyond
        said = " ".join(done.stdout.split())
        assert f"note: {why}" in said
        assert "note: Networks of the front below 11.93M multiply-adds are beyond all" in said
    else:
        assert best["otherwise"]["scaled_b0"]["macs"] > 0.95 * most
        assert "The pick takes only" in done.stdout or best["macs"] >= 0.8 * most


def test_errors_leave_no_traceback(here):
    failed = command(here, *GIVEN, "--space", "nope")
    assert failed.returncode == 2
    assert failed.stderr.startswith("nas: there is no space 'nope'")
    assert failed.stderr.count("\n") == 1
    failed = command(here, *GIVEN, "--evaluator", "toy:broken")
    assert failed.returncode == 1
    assert "RuntimeError: no camera" in failed.stderr
    assert "Traceback" not in failed.stderr


def test_another_experiment_is_refused_and_kept(here, inside):
    assert inside(*GIVEN, "--name", "one").returncode == 0
    kept = (here / "runs" / "one" / "trials.journal").read_bytes()
    refused = inside(*GIVEN, "--name", "one", "--seed", "1")
    assert refused.returncode == 2
    assert "another experiment (seed 0, not 1)" in refused.stderr
    assert inside(*GIVEN, "--name", "two", "--seed", "1").returncode == 0
    (here / "runs" / "two" / "trials.journal").write_bytes(kept)
    refused = inside(*GIVEN, "--name", "two", "--seed", "1")
    assert refused.returncode == 2
    assert "trials.journal holds another experiment" in refused.stderr
    assert (here / "runs" / "two" / "trials.journal").read_bytes() == kept


def test_a_full_disk_loses_nothing(here, inside, full_disk):
    """The journal breaks off in the middle of a trial."""
    with full_disk(200_000):
        failed = inside(*GIVEN, "--trials", "100")
    assert failed.returncode == 1
    assert "trials before it are stored" in failed.stderr
    assert "Traceback" not in failed.stderr
    cut = (here / "runs" / "efficientnet-400M-toy_depth" / "trials.journal").read_bytes()
    whole = cut[: cut.rfind(b"\n") + 1]
    assert whole.count(b"\n") > 20
    continued = inside(*GIVEN, "--trials", "100")
    assert continued.returncode == 0, continued.stderr
    after = (here / "runs" / "efficientnet-400M-toy_depth" / "trials.journal").read_bytes()
    assert after.startswith(whole)


def ids(here, name):
    return list(pd.read_csv(here / "runs" / name / "trials.csv")["id"])


@pytest.mark.slow
def test_interrupted_and_killed_anywhere_it_continues_to_the_same_result(here):
    given = (*GIVEN, "--evaluator", "toy:slow", "--trials", "120", "--name")
    assert command(here, *given, "whole").returncode == 0
    rng, journal = random.Random(time.time_ns()), here / "runs" / "cut" / "trials.journal"
    kinds = (signal.SIGINT, signal.SIGTERM, signal.SIGKILL, signal.SIGKILL)
    for kind, least in zip(kinds, (1, 30, 60, 90), strict=True):
        process = processes.Running("nas", *given, "cut", cwd=here)
        wait_for(lambda n=least: journal.exists() and journal.read_bytes().count(b"\n") >= n, 60)
        time.sleep(rng.uniform(0, 0.4))
        assert process.poll() is None
        process.send_signal(kind)
        code, said = process.wait(60), process.stderr
        if kind != signal.SIGKILL:
            assert code == 130, said
            assert "the same command continues" in said or "interrupted" in said
            assert "Traceback" not in said
            assert "Warning" not in said
    assert command(here, *given, "cut").returncode == 0
    assert ids(here, "cut") == ids(here, "whole")


@pytest.mark.slow
def test_any_optuna_storage_and_sampler(here, inside):
    done = inside(
        *GIVEN, "--storage", "sqlite:///kept.db", "--strategy", "optuna.samplers:QMCSampler"
    )
    assert done.returncode == 0, done.stderr
    assert (here / "kept.db").exists()
    assert len(ids(here, "efficientnet-400M-optuna.samplers_QMCSampler-toy_depth")) == 20
    elsewhere = inside(*GIVEN, "--strategy", "optuna.samplers:QMCSampler")
    assert elsewhere.returncode == 2
    assert "keeps its trials in sqlite:///kept.db, not in trials.journal" in elsewhere.stderr


def test_a_store_that_lost_trials_makes_them_again(here, inside):
    assert inside(*GIVEN, "--name", "lost").returncode == 0
    journal = here / "runs" / "lost" / "trials.journal"
    whole = journal.read_bytes()
    journal.write_bytes(whole + b"garbage\n")
    assert "is no trial (b'garbage" in inside(*GIVEN, "--name", "lost").stderr
    journal.unlink()
    done = inside(*GIVEN, "--name", "lost", "--trials", "5")
    assert done.returncode == 0
    assert "holds 0 of the 20 trials" in done.stderr
    assert "made again, as far as --trials 5 goes. If you have a copy" in done.stderr
    assert len(ids(here, "lost")) == 5
    assert (here / "runs/lost/before/best.json").is_file()


def test_a_run_without_a_pick_says_so_wherever_it_is_named(here, inside):
    given = (*GIVEN, "--evaluator", "toy:fails", "--trials", "4", "--name", "none")
    done = inside(*given, "--json")
    assert (done.returncode, done.stdout) == (1, "null\n")
    assert "no pick, since every trial failed, the last one with 'ValueError: it alw" in done.stderr
    for given in (("show", "none"), ("export", "none", "out", "--to", "torch")):
        done = inside(*given)
        assert done.returncode == 2
        assert "the run runs/none has no pick, since every trial failed" in done.stderr


def test_show_and_spaces(inside):
    shown = json.loads(inside("show", "efficientnet_b0", "--json").stdout)
    assert (shown["macs"], shown["params"]) == (385_814_752, 5_288_548)
    assert from_json(json.dumps(shown["architecture"])) == NETWORKS["efficientnet_b0"]
    listed = json.loads(inside("spaces", "--json").stdout)
    assert {"efficientnet", "efficientnet-wide", "mbconv", "mnasnet"} <= {
        one["name"] for one in listed
    }
    (b0,) = [one for one in listed if one["name"] == "efficientnet"]
    assert b0["ranges"]["flops"]["smallest"] == 51_594_768
    assert "51.59M" in inside("spaces", "efficientnet").stdout
