"""`nas search --data` and `nas audit` end to end, on a few small images."""

import json
import random
import signal
import time

import pandas as pd
import processes
import pytest
from PIL import Image
from waiting import wait_for

SPACE = """
[network]
stem = 8
stem_stride = 1
head = 16

[[stages]]
op = "mbconv2"
channels = [8, 16]
repeats = [1, 2]
kernel = [3, 5]
stride = 2

[[stages]]
op = ["mbconv2", "fused2"]
channels = [16, 24]
kernel = [3, 5]
stride = 2
se = [0.0, 0.25]
"""


@pytest.fixture(scope="module")
def here(tmp_path_factory, coloured):
    """A space and images of three colours that a network can tell apart in an epoch or two."""
    folder = tmp_path_factory.mktemp("training")
    (folder / "tiny.toml").write_text(SPACE)
    coloured(folder / "images", 40)
    return folder


@pytest.fixture
def environment(here, monkeypatch):
    monkeypatch.setenv("COMPOUND_NAS_CACHE", str(here / "cache"))


GIVEN = [
    "--target-flops", "2M", "--data", "images", "--pixels", "16", "--space", "tiny.toml",
    "--batch", "16",
]  # fmt: skip
SEARCH = ["search", *GIVEN, "--trials", "6", "--epochs", "4", "--halving", "2"]
LONG = ["search", *GIVEN, "--trials", "30", "--epochs", "4", "--halving", "2"]


def command(here, *arguments):
    return processes.run("nas", *arguments, cwd=here)


def trials(here, name):
    frame = pd.read_csv(here / "runs" / name / "trials.csv")
    return frame.sort_values("number")[["number", "id", "budget", "seed", "accuracy"]].reset_index(
        drop=True
    )


@pytest.mark.slow
@pytest.mark.usefixtures("environment")
def test_a_search_with_halving_and_retraining(here):
    done = command(
        here, *SEARCH, "--retrain", "2", "--retrain-epochs", "6", "--executor", "local",
        "--name", "whole",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found = trials(here, "whole")
    assert list(found["budget"].value_counts().sort_index().index) == [1, 2, 4, 6]
    assert (found["budget"] == 1).sum() == 6
    assert (found["budget"] == 6).sum() == 2
    best = json.loads((here / "runs" / "whole" / "best.json").read_text())
    assert best["budget"] == 6
    assert best["macs"] <= 2_000_000
    assert best["architecture"]["classes"] == 3
    assert len(best["retrained"]) == 2
    assert found["accuracy"].max() > 50  # of three colours
    assert "long top-1 %" in done.stdout
    session = json.loads((here / "runs" / "whole" / "run.json").read_text())["sessions"][0]
    assert session["seconds"]["search"] > 0


@pytest.mark.slow
@pytest.mark.usefixtures("environment")
def test_the_same_search_in_processes(here):
    done = command(here, *SEARCH, "--workers", "2", "--name", "pool")
    assert done.returncode == 0, done.stderr
    found = trials(here, "pool")
    assert (found["budget"] == 1).sum() == 6
    assert found["number"].is_unique
    assert json.loads((here / "runs" / "pool" / "pending.json").read_text()) == []


def killed(here, name, executor, kills):
    """Runs the search to its end, killing the driver after each few trials, at a random moment;
    every stored trial is kept. Gives the final trials and how often a kill found it running."""
    rng = random.Random(time.time_ns())
    given = ("nas", *LONG, "--executor", executor, "--name", name)
    journal, hits, before = here / "runs" / name / "trials.journal", 0, b""

    def stored():
        now = journal.read_bytes() if journal.exists() else b""
        return now[: now.rfind(b"\n") + 1]

    for _ in range(kills):
        process = processes.Running(*given, cwd=here)
        least = before.count(b"\n") + rng.randrange(1, 4)
        wait_for(lambda p=process, n=least: stored().count(b"\n") >= n or p.poll() is not None, 120)
        time.sleep(rng.uniform(0, 0.1))
        hits += process.poll() is None
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert stored().startswith(before)
        before = stored()
    done = processes.run(*given, cwd=here)
    assert done.returncode == 0, done.stderr
    assert journal.read_bytes().startswith(before)
    return trials(here, name), hits


@pytest.mark.slow
@pytest.mark.usefixtures("environment")
def test_killed_ten_times_it_ends_in_the_uninterrupted_result(here):
    assert command(here, *LONG, "--executor", "local", "--name", "once").returncode == 0
    found, hits = killed(here, "cut", "local", 10)
    assert hits >= 5
    pd.testing.assert_frame_equal(found, trials(here, "once"))


@pytest.mark.slow
@pytest.mark.parametrize(("executor", "kills"), [("pool", 4), ("ray", 2)])  # Ray starts slowly
@pytest.mark.usefixtures("environment")
def test_killed_with_workers_nothing_is_lost_or_counted_twice(here, executor, kills):
    found, hits = killed(here, f"cut-{executor}", executor, kills)
    assert hits >= kills / 2
    assert (found["budget"] == 1).sum() == 30
    assert found["number"].is_unique
    assert not found.duplicated(["id", "budget"]).any()


@pytest.mark.usefixtures("environment")
def test_a_forecast_trains_nothing(here):
    done = command(here, *SEARCH, "--dry-run", "--name", "dry", "--json")
    assert done.returncode == 0, done.stderr
    forecast = json.loads(done.stdout)
    assert 0 < forecast["low"] < forecast["hours"] < forecast["high"]
    assert forecast["trainings"] == 6 + 3 + 1
    assert forecast["epochs"] == 6 * 1 + 3 * 1 + 1 * 2
    assert not (here / "runs" / "dry").exists()


@pytest.mark.slow
@pytest.mark.usefixtures("environment")
def test_an_audit_of_the_proxy(here):
    given = ["audit", *GIVEN, "--networks", "3", "--seeds", "2", "--epochs", "1,3", "--executor",
             "local"]  # fmt: skip
    done = command(here, *given)
    assert done.returncode == 0, done.stderr
    assert "12 trainings of 3 networks" in done.stdout
    assert "known beforehand" in done.stdout
    assert "The ImageNet model can't speak of these networks" in done.stdout
    (folder,) = (here / "runs").glob("audit*")
    known = json.loads((folder / "audit.json").read_text())["known"]
    assert {"naswot", "synflow", "zico", "zen", "gradnorm", "macs", "params"} <= set(known)
    assert known["macs"]["gain"] == 0
    again = command(here, *given, "--json")
    rows = json.loads(again.stdout)
    assert [row["budget"] for row in rows] == [1, 3]
    assert all(-1 <= row["low"] <= row["tau"] <= row["high"] <= 1 for row in rows)
    assert all(row["noise"] >= 0 for row in rows)


BAD = [
    (["search", *GIVEN, "--evaluator", "surrogate"], "give one of them"),
    (["search", "--target-flops", "2M", "--data", "nowhere"], "nowhere"),
    (["search", *GIVEN, "--halving", "1"], "--halving is 1: expected 2 or more"),
    (["search", *GIVEN, "--epochs", "0"], "--epochs is 0: expected a number above 0"),
    (["search", *GIVEN, "--epochs", "nan"], "--epochs is nan"),
    (
        ["search", *GIVEN, "--epochs", "1e9"],
        "--epochs is 1e+09: expected a number above 0, to 10000",
    ),
    (
        ["search", *GIVEN, "--epochs", "3", "--halving", "3", "--min-epochs", "5"],
        "--min-epochs is 5: expected a number above 0, up to the 3 of --epochs",
    ),
    (["search", *GIVEN, "--min-epochs", "1"], "--min-epochs 1 is for --halving: give"),
    (["search", *GIVEN, "--recipe", "nope"], "fast, paper"),
    (["search", *GIVEN, "--subset", "2"], "subset"),
    (["search", *GIVEN, "--pixels", "2"], "resolution"),
    (["search", *GIVEN, "--train-on", "tpu"], "device"),
    (["search", *GIVEN, "--ranking", "nope", "--halving", "2"], "reward, front"),
    (["search", *GIVEN, "--executor", "slurm"], "local, pool, ray"),
    (
        ["search", *GIVEN, "--retrain", "1", "--retrain-epochs", "1"],
        "--retrain-epochs is 1: expected more than",
    ),
    (["search", "--target-flops", "400M", "--retrain", "2"], "--data"),
    (["audit", *GIVEN, "--epochs", "2,1"], "rise"),
    (["audit", *GIVEN, "--networks", "1"], "at least 3"),
    (["audit", "--target-flops", "2M"], "--data"),
]


@pytest.mark.parametrize(("arguments", "sentence"), BAD)
@pytest.mark.usefixtures("environment")
def test_bad_input_is_refused_before_anything_trains(here, monkeypatch, arguments, sentence):
    from click.testing import CliRunner

    from nas.commands.main import cli
    from search_spaces import UserError

    monkeypatch.chdir(here)
    result = CliRunner().invoke(cli, [*arguments, "--name", "bad"])
    assert isinstance(result.exception, UserError), result.exception
    assert sentence in str(result.exception)
    assert not (here / "runs" / "bad").exists()


@pytest.mark.slow
@pytest.mark.usefixtures("environment")
def test_grey_images_of_another_shape_are_searched_from_end_to_end(here):
    for path in sorted((here / "images").rglob("*.png")):
        grey = here / "grey" / path.relative_to(here / "images")
        grey.parent.mkdir(parents=True, exist_ok=True)
        Image.open(path).resize((30, 18)).convert("L").save(grey)
    given = ["search", "--target-flops", "2M", "--data", "grey", "--space", "tiny.toml", "--batch",
             "16", "--name", "grey", "--executor", "local", "--epochs", "1"]  # fmt: skip
    form = ["--channels", "1", "--fit", "letterbox"]
    done = command(here, *given, "--trials", "2", *form)
    assert done.returncode == 0, done.stderr
    assert "images are taken at 16x24 px" in done.stderr
    record = json.loads((here / "runs" / "grey" / "run.json").read_text())
    training = record["experiment"]["training"]
    assert [training[key] for key in ("pixels", "channels", "fit")] == ["16x24", 1, "letterbox"]
    best = json.loads((here / "runs" / "grey" / "best.json").read_text())["architecture"]
    assert (best["resolution"], best["in_channels"]) == ([16, 24], 1)
    assert "16x24 px of 1 channel" in done.stdout
    again = command(here, *given, "--trials", "3", *form, "--pixels", "16x24")
    assert again.returncode == 0, again.stderr
    other = command(here, *given, "--trials", "3", *form, "--pixels", "16")
    assert "another experiment (pixels '16x24', not 16, other images" in other.stderr


def test_a_run_goes_on_with_the_pixels_that_it_took(here, tmp_path):
    from nas.training.proxy import Proxy

    record = {"experiment": {"training": {"pixels": 24}}, "sessions": [], "storage": None}
    (tmp_path / "run.json").write_text(json.dumps(record))
    proxy = Proxy(here / "images")
    assert proxy.as_in(tmp_path).pixels == 24
    assert proxy.as_in(tmp_path / "none") == proxy
    record["experiment"]["training"]["pixels"] = "24x48"
    (tmp_path / "run.json").write_text(json.dumps(record))
    assert proxy.as_in(tmp_path).pixels == (24, 48)
    asked = Proxy(here / "images", pixels=16)
    assert asked.as_in(tmp_path) == asked


def test_the_audit_compares_with_other_seeds():
    from nas.search.audit import rows_of
    from results.runs.records import Trial
    from search_spaces import NETWORKS

    names = ("mnasnet_small", "mnasnet_a1", "mnasnet_b1")
    table = {  # budget -> seed -> accuracies of the three networks
        1.0: ((50, 60, 70), (70, 60, 50)),
        4.0: ((60, 70, 80), (61, 72, 79)),
    }
    made = [
        Trial(0, {}, NETWORKS[name], accuracy=float(accuracy), budget=budget, seconds=budget)
        for budget, seeds in table.items()
        for row in seeds
        for name, accuracy in zip(names, row, strict=True)
    ]
    short, long = rows_of(made)
    assert (short.tau, short.low, short.high) == (0.0, -1.0, 1.0)
    assert (long.tau, long.seconds) == (1.0, 4.0)
    # Pooled: variances of (50, 70), (60, 60), (70, 50) are 200, 0, 200.
    assert short.noise == pytest.approx((400 / 3) ** 0.5)


def test_an_audit_in_which_no_network_has_every_budget_has_no_table():
    from nas.search.audit import rows_of
    from results.runs.records import Trial
    from search_spaces import NETWORKS

    short, long = (
        Trial(i, {}, NETWORKS[name], accuracy=50.0, budget=float(1 + i))
        for i, name in enumerate(("mnasnet_small", "mnasnet_a1"))
    )
    assert rows_of([short, long]) == []
