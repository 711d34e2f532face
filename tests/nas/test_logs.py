"""`--log`: who is told of a run, what, and that nobody of them can end it."""

import json
import re
import sys
import time

import processes
import pytest
from click.testing import CliRunner

from nas.commands.main import cli
from nas.logs.log import About
from nas.logs.registry import log
from nas.search.run import find
from search_spaces import Architecture, Stage, UserError, to_json

OWN = """
import json

class Mine:
    def started(self, about):
        self.file = open("told.jsonl", "a")
        self.say("started", about.name, sorted(about.settings)[:1], about.folder.is_dir())

    def finished(self, step, numbers):
        self.say("finished", step, sorted(numbers), numbers["flops"])

    def ended(self, numbers):
        self.say("ended", numbers.get("accuracy"))
        self.file.close()

    def say(self, *told):
        self.file.write(json.dumps(told) + "\\n")

class Mine2(Mine):
    def finished(self, step, numbers):
        self.say("finished", step)

class Rude(Mine):
    def finished(self, step, numbers):
        raise ConnectionError("the server is away")

class Half:
    def started(self, about): pass
"""


class Told:
    """A log that keeps what it was told."""

    def __init__(self):
        self.rows, self.last, self.about = [], None, None

    def started(self, about):
        self.about = about

    def finished(self, step, numbers):
        self.rows.append((step, dict(numbers)))

    def ended(self, numbers):
        self.last = dict(numbers)


def blocks(architecture, budget, seed):
    return 50.0 + 0.1 * sum(stage.repeats for stage in architecture.stages)


def searched(here, trials, log):
    plan = {"evaluator": blocks, "space": "efficientnet", "trials": trials}
    return find(400e6, runs=here, name="one", logs=[log], **plan)


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "logs_of_mine.py").write_text(OWN)
    yield tmp_path
    sys.modules.pop("logs_of_mine", None)


def test_a_log_is_told_of_every_trial_and_of_the_pick(here):
    told = Told()
    result = searched(here, 12, told)
    assert told.about == About("one", result.folder, told.about.settings)
    assert told.about.settings["space"] == "efficientnet"
    rows = {trial.number: trial for trial in result.trials}
    assert [step for step, _ in told.rows] == sorted(rows)
    for step, numbers in told.rows:
        assert numbers["accuracy"] == rows[step].accuracy
        assert numbers["flops"] == rows[step].cost.macs
    assert told.last["accuracy"] == result.pick.accuracy
    again = Told()  # a session more tells what is new
    searched(here, 15, again)
    assert [step for step, _ in again.rows] == [12, 13, 14]


def test_a_training_tells_of_each_validation(here, coloured, monkeypatch):
    import nas

    monkeypatch.setenv("COMPOUND_NAS_CACHE", str(here / "cache"))
    coloured(here / "images", 12)
    stages = (Stage("conv", 8, 1, 3, 2),)
    (here / "net.json").write_text(to_json(Architecture(stages, stem=8, head=8, resolution=20)))
    told = Told()
    own = {"logs": [told], "log": "logs_of_mine.py:Mine2"}
    done = nas.train("net.json", "images", epochs=4, batch=12, name="one", **own)
    assert told.about.name == "one"
    rows = [{"step": step, **numbers} for step, numbers in told.rows]
    assert [row["top1"] for row in rows] == [row["top1"] for row in done.history]
    assert rows[-1]["step"] == done.history[-1]["step"] == 12
    assert told.last == {"accuracy": done.best["accuracy"]}
    ended = json.loads((here / "told.jsonl").read_text().splitlines()[-1])
    assert ended == ["ended", done.best["accuracy"]]


def search(*more):
    given = [
        "search",
        "--target-flops",
        "400M",
        "--trials",
        "6",
        "--space",
        "efficientnet",
        "--name",
        "run",
    ]
    return CliRunner().invoke(cli, [*given, *more])


def test_one_of_ones_own_from_the_command_line_and_one_that_fails(here):
    done = search("--log", "logs_of_mine.py:Mine", "--log", "logs_of_mine.py:Rude")
    assert done.exit_code == 0, done.output
    assert done.output.count("the log Rude failed (the server is away)") == 1
    rows = [json.loads(line) for line in (here / "told.jsonl").read_text().splitlines()]
    kinds = [row[0] for row in rows]
    assert kinds.count("started") == 2
    assert kinds.count("finished") == 6
    assert kinds.count("ended") == 1  # the one that failed is asked nothing more
    again = (here / "runs/run/run.toml").read_text()
    assert 'log = "logs_of_mine.py:Mine,logs_of_mine.py:Rude"' in again
    assert CliRunner().invoke(cli, ["search", "--config", "runs/run/run.toml"]).exit_code == 0


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("tensorbord", "did you mean tensorboard"),
        ("logs_of_mine.py:Half", "without finished, ended"),
        ("logs_of_mine.py:None_", "can't be loaded"),
    ],
)
def test_what_is_no_log_is_refused_before_the_search(here, name, said):
    with pytest.raises(UserError) as refused:
        log(name)
    assert said in str(refused.value).lower()
    assert search("--log", name).exit_code != 0
    assert not (here / "runs").exists()


def test_tensorboard(here):
    pytest.importorskip("tensorboard.summary")
    told = log("tensorboard")
    told.started(About("run", here, {"space": "mbconv"}))
    told.finished(3, {"accuracy": 71.5, "flops": 4e8})
    told.ended({"accuracy": 71.5})
    from tensorboard.backend.event_processing.event_file_loader import EventFileLoader

    (file,) = (here / "tensorboard").iterdir()
    seen = {}
    for event in EventFileLoader(str(file)).Load():
        for value in event.summary.value:
            seen[value.tag] = event.step
    assert seen["accuracy"] == seen["flops"] == 3
    assert {"end/accuracy", "settings/text_summary"} <= set(seen)


def test_mlflow(here, monkeypatch):
    mlflow = pytest.importorskip("mlflow")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{here}/mlflow.db")
    mlflow.set_tracking_uri(None)
    searched(here, 5, "mlflow")
    client = mlflow.MlflowClient()
    (experiment,) = [e for e in client.search_experiments() if e.name == "compound-nas"]
    (kept,) = client.search_runs([experiment.experiment_id])
    assert kept.data.params["space"] == "efficientnet"
    assert len(client.get_metric_history(kept.info.run_id, "accuracy")) == 5
    assert kept.info.status == "FINISHED"


@pytest.mark.slow
def test_weights_and_biases_offline(here, monkeypatch):
    pytest.importorskip("wandb")
    monkeypatch.setenv("WANDB_MODE", "offline")
    result = searched(here, 5, "wandb")
    (folder,) = (result.folder / "wandb").glob("offline-run-*")
    (file,) = folder.glob("*.wandb")
    told = [b"accuracy", str(result.pick.accuracy)[:4].encode()]
    for _ in range(300):  # a process of the library's own writes the file
        if all(each in file.read_bytes() for each in told):
            break
        time.sleep(0.1)
    assert all(each in file.read_bytes() for each in told)


def test_what_a_log_prints_is_no_answer_of_the_command(here):
    loud = OWN.replace("import json", "import json, os; os.system('echo loaded; echo as a log')", 1)
    said = "def say(self, *told):\n        os.system(f'echo {told[0]}')"
    loud = loud.replace("def say(self, *told):", said)
    (here / "logs_of_mine.py").write_text(loud)
    done = processes.run(
        "nas", "search", "--target-flops", "400M", "--space", "efficientnet", "--trials", "6",
        "--json", "--log", "logs_of_mine.py:Mine", cwd=here,
    )  # fmt: skip
    assert json.loads(done.stdout)["accuracy"]
    assert [done.stderr.count(word) for word in ("loaded", "started", "finished")] == [1, 1, 6]


def test_a_library_that_lacks_another_one_is_refused_before_the_search(here, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    done = search("--log", "tensorboard")
    said = r"--log tensorboard needs \S*tensorboard, which is not installed: run pip install -e "
    assert re.match(said + re.escape("'.[train]'"), str(done.exception))
    assert not (here / "runs").exists()
