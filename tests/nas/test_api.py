"""The commands as functions: one parser for both, results instead of text."""

import dataclasses
import inspect
import json
import subprocess
import sys
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pandas as pd
import processes
import pytest

import gridsearch
import nas
from nas.arguments import as_arguments
from nas.commands.help.groups import text_of
from results.runs.load import load_architecture
from search_spaces import NETWORKS, RunFailure, UserError, space
from search_spaces.space import Space

B0 = NETWORKS["efficientnet_b0"]


def search_with(**given):
    plain = {
        "space": space("efficientnet"),
        "objective": nas.Objective("hard", 400e6),
        "strategy": nas.strategy("random"),
    }
    return nas.Search(**plain | given)


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
        (lambda: nas.find(30e6, data="x", trials=0), "nas.find: trials is "),
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
        (
            lambda: nas.profile("x.json", minutes=-1),
            "nas.profile: minutes is -1.0, which is out of range",
        ),
        (lambda: nas.profile("x.json", minutes="x"), "minutes is 'x': expected a number, not a t"),
        (lambda: nas.train("efficientnet_b0", "x", epochs="2"), "epochs is '2': expected a number"),
        (lambda: nas.find(8e6, data="x", trials="3"), "trials is '3': expected a whole number, n"),
        (lambda: nas.predict(pd.DataFrame({"a": [1]})), "a DataFrame is no list of networks"),
        (lambda: nas.predict({"a": 1}), "a dict is no list of networks"),
        (lambda: nas.report(B0), "Architecture names no run"),
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
        (lambda: nas.Limit("params", 10**400), "^the limit is inf: expected a finite number"),
        (lambda: nas.Objective("hard", 10**400), "^the target is inf: expected a finite number"),
        (lambda: nas.Objective("hard", 4e8, caution=Decimal(1)), "^caution is Decimal.*: expected"),
        (lambda: nas.find(400e6, objective=[]), r"^there is no objective \[\]"),
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
        (lambda: nas.find(30e6, budget=0), "^budget is 0.0: expected"),
        (lambda: nas.find("30M", epochs=2), "^epochs is for training: give data=DIR, the images"),
        (lambda: nas.train("efficientnet_b0", "x", processes=2), "start `nas train --processes N`"),
        (lambda: nas.find(Decimal(4)), r"^target_flops is Decimal\('4'\): expected a finite"),
        (lambda: nas.find(10**400), "^target_flops is inf: expected a finite number above 0"),
        (lambda: nas.find(400e6, trials=2.0), "^trials is 2.0: expected a whole number, as an int"),
        (lambda: nas.find(400e6, trials=10**400), "^trials is inf: expected a whole number"),
        (lambda: nas.find(400e6, seed=True), "^seed is True: expected a whole number"),
        (lambda: nas.find(400e6, budget=Decimal(1)), "^budget is Decimal.*: expected a number, as"),
        (lambda: nas.find(400e6, patience="x"), "^patience is 'x': expected a whole number"),
        (lambda: nas.find(400e6, patience=-1), "^patience is -1: expected a whole number, 0 to"),
        (lambda: nas.find(400e6, retrain=1, retrain_budget=None), "^retrain_budget is None: exp"),
        (lambda: nas.find(400e6, eta=2, smallest="x"), "^smallest is 'x': expected a number"),
        (lambda: nas.find(400e6, proxy=5), "^proxy is 5: expected"),
        (lambda: nas.find(400e6, command=None), "^command is None: expected a text"),
        (lambda: nas.find(400e6, executor=[]), r"^executor is \[\]: expected a name"),
        (lambda: nas.find(400e6, prior=None), "^prior is None: expected a name"),
        (lambda: nas.find(400e6, runs=""), "^runs is an empty text: expected a folder"),
        (lambda: nas.find(400e6, runs="x" * 5000), "File name too long$"),
        (lambda: nas.find(400e6, runs="a\0b"), "^runs has a character NUL in it"),
        (lambda: nas.find(30e6, data=5), "^data is 5: expected the place of a file or a folder"),
        (lambda: nas.find(400e6, logs=None), "^logs is None: expected names and logs"),
        (lambda: nas.find(400e6, logs=[5]), "^one of logs is 5, without started, finished, ended"),
        (lambda: nas.train("efficientnet_b0", "x", logs=5), "^logs is 5: expected names and logs"),
        (lambda: nas.find(400e6, space="inside:"), "^the space is 'inside:': expected a network's"),
        (lambda: nas.export("efficientnet_b0", None), "^folder is None: expected a folder"),
        (lambda: nas.report("x" * 5000), r"^x+\.\.\. \(5,000 letters\): File name too long$"),
        (lambda: nas.predict("x" * 5000), "File name too long$"),
        (lambda: nas.predict("efficientnet_b0", runs=5), "^runs is 5: expected a folder"),
        (lambda: nas.predict("efficientnet_b0", runs=""), "^runs is an empty text"),
        (lambda: nas.predict("efficientnet_b0", path=5), "^path is 5: expected a file"),
        (lambda: nas.predict(b"efficientnet_b0"), "^b'efficientnet_b0' is no network"),
        (lambda: nas.Surrogate.load(5), "^path is 5: expected a file"),
        (lambda: nas.device("x" * 5000), "there is no device"),
        (lambda: nas.device("zcu102").quantity([]), r"no measured \[\]"),
        (lambda: nas.evaluator(None), "^there is no evaluator None: expected one"),
        (lambda: nas.strategy(5), "^strategy is 5: expected a name"),
        (lambda: search_with(space="mbconv"), "^space is 'mbconv': expected a Space"),
        (lambda: search_with(objective=None), "^objective is None: expected an Objective"),
        (lambda: search_with(strategy="random"), "^strategy is 'random': expected a Strategy"),
        (lambda: search_with(limits=None), "^limits is None: expected Limits"),
        (lambda: search_with(known=["x"]), "^one of known is 'x': expected a finished trial"),
        (lambda: search_with(seed=-1), "^seed is -1: expected a whole number, 0 to 4294967295"),
        (lambda: search_with(wanted=None), "^wanted is None: expected a whole number"),
        (lambda: gridsearch.find("efficientnet_b0", phi=10), "phi is 10, and the paper's coeffic"),
        (
            lambda: gridsearch.find("efficientnet_b0", for_phis=[1e300]),
            r"^phi is 1e\+300: expected",
        ),
        (lambda: gridsearch.find("efficientnet_b0", for_phis=[0]), r"^for_phis is \[0\]: expected"),
        (lambda: gridsearch.find("efficientnet_b0", replicates=2.5), "^replicates is 2.5: expect"),
        (lambda: gridsearch.find("efficientnet_b0", runs=""), "^runs is an empty text"),
        (lambda: gridsearch.Question(None), "^baseline is None: expected an Architecture"),
        (lambda: gridsearch.Question(B0, rule=[]), r"^there is no rule \[\]"),
        (lambda: gridsearch.Question(B0, round_resolution=8.0), "round_resolution is 8.0: expecte"),
        (lambda: gridsearch.build_grid(None), "^question is None: expected a Question"),
        (lambda: gridsearch.ScalingPrior(None), "^baseline is None: expected an Architecture"),
        (lambda: gridsearch.scale(B0, None), "^multipliers is None: expected Multipliers"),
        (lambda: gridsearch.Recipe(B0, None), "^coefficients is None: expected Coefficients"),
        (lambda: gridsearch.fit_budget(None, 1e9), "^recipe is None: expected a Recipe"),
        (
            lambda: gridsearch.fit_budget(gridsearch.Recipe(B0, gridsearch.PAPER), -1),
            "^budget is -1: expected a finite number above 0",
        ),
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


def test_numbers_of_numpy_and_fractions_make_the_same_run(tmp_path):
    """They ended in an error of JSON, when the folder was there."""
    some = {"space": "efficientnet", "evaluator": "surrogate", "runs": tmp_path}
    others = {"seed": np.uint8(3), "caution": np.float32(0.5), "budget": Fraction(1, 2)}
    fractions = {"limits": nas.Limit("params", Fraction(6_000_000)), **others}
    plain = {"caution": 0.5, "budget": 0.5, "limits": (nas.Limit("params", 6e6),)}
    nas.find(4e8, trials=5, seed=3, name="a", **plain, **some)
    others = {**others, "limits": [nas.Limit("params", np.float32(6e6))]}
    limit = nas.Limit("flops", np.float32(4e8))
    nas.find(target=limit, trials=np.int64(5), name="b", **others, **some)
    nas.find(Fraction(400_000_000), trials=np.int64(5), name="c", **fractions, **some)
    written = [(tmp_path / name / "best.json").read_text() for name in "abc"]
    a, b, c = (json.loads(text) for text in written)
    for found in (a, b, c):
        del found["run"]
    assert a == b == c
    texts = nas.find("400M", trials=np.int64(5), seed=np.uint8(3), name="d", **some)
    assert (len(texts.trials), texts.plan.seed) == (5, 3)
    grid = gridsearch.find(
        "efficientnet_b0", np.float32(1), {"step": Fraction(1, 10)}, for_phis=list(np.arange(1, 3)),
        tolerance=np.float32(0.5), runs=tmp_path, name="grid",
    )  # fmt: skip
    assert json.loads((tmp_path / "grid/coefficients.json").read_text())["step"] == 0.05
    assert grid.plan.question.step == 0.1
    recipe = gridsearch.Recipe(B0, gridsearch.Coefficients(np.float32(1.5), 1.25, Fraction(9, 8)))
    assert type(recipe.network(np.int64(1)).size.height) is int
    multipliers = gridsearch.Multipliers(np.int64(2), np.float32(1.5), Fraction(3, 2))
    assert gridsearch.scale(B0, multipliers, round_resolution=np.int64(8)).size.height == 336


def test_options_and_measurements_of_numpy_can_be_written(tmp_path):
    base = space("efficientnet")
    numbers = {
        name: list(np.array(options)) if isinstance(options[0], int) else options
        for name, options in base.choices.items()
    }
    found = nas.find(
        4e8, space=Space("mine", numbers, base.build), trials=4, runs=tmp_path, name="x",
        evaluator=lambda network, budget, seed: nas.Measurement(np.float32(50.5), np.float32(0.5)),
    )  # fmt: skip
    assert found.pick.accuracy == 50.5
    again = nas.find(4e8, space=found.plan.space, trials=5, runs=tmp_path, name="x", evaluator=(
        lambda network, budget, seed: 50.0))  # fmt: skip
    assert len(again.trials) == 5


def test_a_run_that_holds_more_than_is_asked_for_says_so(tmp_path, capsys):
    """It was ignored in silence."""
    some = {"space": "efficientnet", "evaluator": "surrogate", "runs": tmp_path, "name": "x"}
    for trials in (60, 60):
        first = nas.find(4e8, trials=trials, **some)
        assert "already" not in capsys.readouterr().err
    fewer = nas.find(4e8, trials=40, **some)
    said = " ".join(capsys.readouterr().err.split())
    assert said == (
        "note: the run x holds 60 networks already, more than the 40 asked for: no other one is "
        "evaluated"
    )
    assert (len(fewer.trials), fewer.pick) == (60, first.pick)


@pytest.mark.slow
def test_a_search_its_report_and_its_export(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    found = nas.find(400e6, trials=400)
    assert len(repr(found)) < 200
    assert repr(found).startswith("<search of 400 networks in runs/mbconv-400M: pick ")
    assert nas.report(found).name == "report.html"
    assert "best by soft of the networks within T" in (found.folder / "report.html").read_text()
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
from nas.arguments import as_arguments
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


def test_a_network_itself_is_taken_where_one_is_named(tmp_path, monkeypatch, coloured):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COMPOUND_NAS_CACHE", str(tmp_path / "cache"))
    net = dataclasses.replace(NETWORKS["mnasnet_small"], name="mine")
    done = nas.export(net, "out", to=["torch"])
    assert done.files == ["mine.py", "mine.json", "README.md"]
    nas.export(B0, "again", to=["torch"], classes=10)
    family = gridsearch.family_from(gridsearch.find(B0, phi=1), [1])
    nas.export(next(iter(family)), "member", to=["torch"])  # a member, which has a network
    assert (tmp_path / "member/phi1.json").is_file()
    coloured(tmp_path / "images", 4)
    monkeypatch.setattr("nas.commands.images.train.trained_by", lambda plan, quiet: plan)
    plan = nas.train(net, "images", epochs=1)
    assert (plan.spec, plan.architecture.stages) == ("mine", net.stages)
    for parent in (B0, "efficientnet_b0"):
        with pytest.raises(UserError, match=r"none\.pt, and there is no such file"):
            nas.train(net, "images", weights="none.pt", parent=parent)
    with pytest.raises(UserError, match="parent says what weights are of"):
        nas.train(net, "images", parent=B0)
    assert load_architecture(text_of(None, net)) == net


def test_a_grid_takes_a_path_and_has_a_report(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    nas.find(np.array(300e6), trials=30, name="x")
    grid = gridsearch.find(tmp_path / "runs/x", phi=1, name="grid")
    assert gridsearch.report(grid, out="page.html").read_text().startswith("<!doctype html>")
    with pytest.raises(UserError, match=r"take gridsearch report runs/grid; in Python, gridsearch"):
        nas.report(grid)
    assert "report" in dir(gridsearch)
