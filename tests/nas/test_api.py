"""The commands as functions: one parser for both, results instead of text."""

import inspect
import subprocess
import sys

import processes
import pytest

import gridsearch
import nas
from nas.api import as_arguments
from search_spaces import RunFailure, UserError


def test_only_public_names_are_shown():
    assert dir(nas) == sorted(nas.__all__)
    assert {"find", "train", "export", "profile", "report", "predict"} <= set(dir(nas))
    assert all(getattr(nas, name) is not None for name in dir(nas))
    assert dir(gridsearch) == sorted(gridsearch.__all__)


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: nas.find(400e6, trails=3), r"nas.find has no argument 'trails' \(did you mean"),
        (lambda: nas.find(30e6, data="x", epoch=2), "no argument 'epoch' .did you mean epochs"),
        (lambda: nas.find(30e6, data="x", trials=0), "nas.find: Invalid value for 'trials'"),
        (lambda: nas.find(30e6, data="nothing"), "nothing"),
        (lambda: nas.train("efficientnet_b0", "x", epoch=1), "nas.train has no argument 'epoch'"),
        (lambda: nas.train(3, "x"), "int names no network"),
        (lambda: nas.train("efficientnet_b0", "x", epochs=0), "epochs is 0"),
        (
            lambda: nas.export("efficientnet_b0", "out", to="onxx"),
            "to is 'onxx' .did you mean onnx..",
        ),
        (lambda: nas.train("efficientnet_b0", "x", crop="shfit"), "did you mean shift"),
        (lambda: nas.export("efficientnet_b0", "out", to=["torch"], sed=1), "no argument 'sed'"),
        (lambda: nas.report("nothing"), "nothing"),
        (lambda: nas.profile("x.json", minutes=-1), "Invalid value for 'minutes'"),
        (lambda: nas.profile("x.json", minutes="x"), "'x' is no number"),
        (lambda: nas.find(400e6, space=5), "space is 5: expected a name of `nas spaces`"),
        (lambda: nas.find(400e6, strategy=None), "strategy is None: expected a name"),
        (lambda: nas.find(400e6, evaluator=5), "evaluator is 5: expected a name"),
        (lambda: nas.find(400e6, name=5), "name is 5: expected a text"),
        (lambda: nas.find(400e6, runs=5), "runs is 5: expected a folder"),
        (lambda: nas.find(400e6, storage=5), "storage is 5: expected a URL"),
        (lambda: nas.find(target="400M"), "target is '400M': expected a Limit"),
        (lambda: nas.find([1], target_params="5M"), r"target_flops is \[1\]: expected a finite"),
        (lambda: nas.find("4 K"), "has MACs <= 4K"),
        (lambda: nas.find("4 K", target_params="x"), "^target_params is 'x'"),
        (lambda: nas.export("efficientnet_b0", "out", to=5), "^to is '5'"),
        (lambda: nas.export("efficientnet_b0", "out", to=[5, "x"]), "^to is '5'"),
        (lambda: nas.train("efficientnet_b0", "x", flip="no"), "flip is 'no': expected True or"),
        (lambda: nas.train("efficientnet_b0", "x", lr=[1]), r"lr is \[1\]: expected one value"),
        (lambda: nas.train("efficientnet_b0", "x", name=("a",)), "name is .*: expected one value"),
        (lambda: nas.train("efficientnet_b0", "x", json=True), "json is an option of the command"),
        (lambda: nas.find(30e6, data="x", dry_run=True), "dry_run is an option of the command on"),
        (lambda: nas.report("x", open=True), "open is an option of the command only"),
        (lambda: nas.find(400e6, limits=("params",)), r"limits is \('params',\): expected Limits"),
        (lambda: nas.find(400e6, limits=None), "limits is None: expected Limits"),
        (lambda: nas.find(400e6, limits=nas.Limit("latency", 1)), "'latency', which needs the dev"),
        (lambda: nas.find(target=nas.Limit("latency", 1)), "target has a Limit of 'latency'"),
        (lambda: nas.Limit("foo", 4), "no quantity 'foo'"),
        (lambda: nas.Limit(5, 4), "the quantity is 5"),
        (lambda: nas.device(5), "the device is 5: expected one of a100"),
        (lambda: gridsearch.find("efficientnet_b0", ph=1), "no argument 'ph' .did you mean phi"),
        (lambda: gridsearch.find("efficientnet_b0", step=1), "step is an argument of the question"),
        (lambda: gridsearch.find("efficientnet_b0", question={"foo": 1}), "no argument 'foo'"),
        (lambda: gridsearch.find("efficientnet_b0", question=5), "question is 5: expected a dict"),
        (lambda: gridsearch.find("efficientnet_b0", replicates="a"), "replicates is 'a'"),
        (lambda: gridsearch.find("efficientnet_b0", for_phis=3), "for_phis is 3"),
        (lambda: gridsearch.find("efficientnet_b0", eta="a"), "eta is 'a'"),
        (lambda: nas.find(), "expected one of target_flops, as 400e6, and target, a Limit"),
        (lambda: nas.find(-1), "^target_flops is -1: expected a finite number above 0"),
        (lambda: nas.find(data="x"), '^no target was given: expected target_flops="400M", target_'),
        (lambda: nas.find(target_latency="5ms"), "^target_latency needs device: .* `nas devices`"),
        (lambda: nas.find(30e6, retrain=2, retrain_budget=1), "^retrain_budget is 1: expected"),
        (lambda: nas.find(30e6, budget=0), "^budget is 0: expected"),
        (lambda: nas.find("30M", epochs=2), "^epochs is for training: give data=DIR, the images"),
        (lambda: nas.train("efficientnet_b0", "x", processes=2), "start `nas train --processes N`"),
    ],
)
def test_what_can_not_be_used_is_refused_in_a_sentence(call, said, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=said):
        call()
    assert not list(tmp_path.iterdir())


def test_a_search_of_failures_only_says_why(tmp_path):
    """Its folder is there, and what is made from it later says the same."""
    said = r"every trial failed, the last one with '.*takes 1 positional argument but 3 were given'"
    for _ in range(2):
        with pytest.raises(RunFailure, match=said) as raised:
            nas.find(4e8, trials=3, evaluator=lambda network: 50.0, runs=tmp_path, name="x")
        assert str(raised.value).endswith("search anew with another name")
    assert (tmp_path / "x/trials.csv").is_file()


def test_one_limit_needs_no_list(tmp_path):
    given = {"trials": 5, "runs": tmp_path, "space": "efficientnet", "evaluator": "surrogate"}
    limit = nas.Limit("params", 5e6)
    found = nas.find(4e8, limits=limit, **given)
    assert found.plan.limits == (limit,)
    assert all(limit.excess(trial.architecture) <= 0 for trial in found.trials)


@pytest.mark.slow
def test_a_search_its_report_and_its_export(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    found = nas.find(400e6, trials=40)
    assert len(repr(found)) < 200
    assert repr(found).startswith("<search of 40 networks in runs/mbconv-400M: pick ")
    assert nas.report(found).name == "report.html"
    assert "highest reward, within T or not" in (found.folder / "report.html").read_text()
    done = nas.export(found, "exported")
    assert done.made["torch"].files
    with pytest.raises(UserError, match="force"):
        nas.export(found, "exported")
    options = nas.find(
        target_params="4M", max_memory="20MB", trials=20, strategy="random", name="p"
    )
    assert options.pick.architecture.id
    assert options.plan.objective.of_quantity.key == "params"


def test_every_function_of_a_command_says_what_it_takes():
    for function in (nas.find, nas.train, nas.export, nas.profile):
        text = inspect.getdoc(function)
        assert "Args:" in text
        assert "Raises:" in text


@pytest.mark.slow
def test_ctrl_c_is_the_program_s_own(tmp_path):
    """A command's second Ctrl-C ends its process; a function's must not end a notebook's."""
    program = """
import os, signal, time
import nas
from nas.api import as_arguments
from nas.commands.live.area import TWICE
from results.report import page

came = []
signal.signal(signal.SIGINT, lambda number, frame: came.append(number))
signal.set_wakeup_fd(-1)
write = page.write_report

def slow(*given):
    for _ in range(2):
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(TWICE + 0.2)
    return write(*given)

page.write_report = slow
found = nas.find(400e6, trials=20)
print(nas.report(found).name, len(came))
"""
    (tmp_path / "program.py").write_text(program)
    done = processes.run("program.py", cwd=tmp_path)
    assert (done.returncode, done.stdout.strip()) == (0, "report.html 2"), done.stderr


@pytest.mark.parametrize(
    "call",
    [
        "nas.find(400e6, evaluator='surrogate', space='efficientnet', executor='pool', trials=2)",
        "import nas.training.decoding as d\nd.FEW = 1\n"
        "from nas.training.images import load_images\nload_images('images', 32)",
    ],
)
def test_a_script_that_its_own_processes_would_run_again_is_told_so(call, tmp_path, monkeypatch):
    """The first hung: its worker died before it had read the large evaluator from its pipe."""
    Image = pytest.importorskip("PIL.Image")
    monkeypatch.setenv("COMPOUND_NAS_CACHE", str(tmp_path / "cache"))
    for i in range(8):
        place = tmp_path / "images" / "ab"[i % 2] / f"{i}.png"
        place.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (32, 32), (30 * i, 0, 0)).save(place)
    (tmp_path / "script.py").write_text(f"import nas\n{call}\n")
    command = [sys.executable, "script.py"]  # itself the main module, which a forked one is not
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    said = 'put its calls under if __name__ == "__main__": and run it again'
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].endswith(said), done.stderr
    assert "bootstrapping" not in done.stderr
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize(
    ("of_command", "of_program"),
    [
        ("--min-epochs is 5: expected up to 3", "min_epochs is 5: expected up to 3"),
        ("--device NAME with --target-latency 5ms", 'device=NAME with target_latency="5ms"'),
        ("choose another --name; --phi 1 is", "choose another name; phi=1 is"),
        ("`nas train --data X` or nas fit --name a, --data Y", None),
        ("a-b -- c, --", None),
    ],
)
def test_options_are_named_as_arguments_and_commands_stay(of_command, of_program):
    wanted = of_program or of_command.replace("--data Y", "data=Y")
    assert as_arguments(of_command) == wanted
