"""`nas export` end to end: searched, scaled, trained and published networks."""

import dataclasses
import importlib.util
import json
import shutil
from argparse import Namespace

import processes
import pytest
import torch
from click.testing import CliRunner
from export_networks import ALL, POOLED, difference, images, shaken

from results.export import card as export_card
from results.export import to_timm as export_timm
from results.export.request import Request
from results.export.source import load_source
from results.export.weights import content_of, pt_bytes
from results.export.write import FORMATS, export
from results.runs.load import load_architecture
from search_spaces import RunFailure, UserError, from_json, to_json
from search_spaces.builder import build

ORT = all(map(importlib.util.find_spec, ("onnx", "onnxruntime", "onnxscript")))
SAFE = importlib.util.find_spec("safetensors") is not None
SPACE = """
[network]
stem = 8
stem_stride = 1
head = 16

[[stages]]
op = "mbconv2"
channels = [8, 16]
repeats = [1, 2]
stride = 2
se = [0.0, 0.25]
"""


def command(here, *arguments, program="nas", code=0):
    done = processes.run(program, *arguments, cwd=here)
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    return done.stdout if code == 0 else done.stderr


def invoke(*arguments):
    from nas.commands.main import cli

    return CliRunner().invoke(cli, ["export", *map(str, arguments)])


@pytest.fixture(scope="module")
def here(tmp_path_factory):
    """A folder with a searched baseline, its family, and a search that trained and kept."""
    folder = tmp_path_factory.mktemp("export")
    command(folder, "search", "--target-flops", "100M", "--trials", "50", "--name", "found")
    family = ("family", "--baseline", "runs/found", "--name", "scaled", "--phi", "1,3")
    command(folder, *family, program="gridsearch")
    return folder


@pytest.fixture(scope="module")
def trained(here, coloured):
    coloured(here / "images", 30)
    (here / "tiny.toml").write_text(SPACE)
    given = (
        "search", "--target-flops", "2M", "--data", "images", "--pixels", "16", "--space",
        "tiny.toml", "--batch", "16", "--trials", "3", "--epochs", "2", "--executor", "local",
    )  # fmt: skip
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COMPOUND_NAS_CACHE", str(here / "cache"))
        command(here, *given, "--halving", "2", "--name", "kept")
        command(here, *given, "--name", "dropped")
    return here


def loaded(folder, name):
    """The exported module, imported as a stranger would."""
    place = importlib.util.spec_from_file_location(name, folder / f"{name}.py")
    module = importlib.util.module_from_spec(place)
    place.loader.exec_module(module)
    return module


@pytest.mark.slow
@pytest.mark.parametrize(
    ("spec", "name", "formats"),
    [("found", "found", "torch,onnx"), ("scaled:phi3", "phi3", "torch,onnx")],
)
def test_a_found_baseline_and_its_b3_agree(spec, name, formats, here, tmp_path):
    """With --weights whose statistics matter."""
    folder, runs = tmp_path / name, here / "runs"
    architecture = load_source(spec, runs).architecture
    grown = architecture.resolution / load_source("found", runs).architecture.resolution
    assert grown > 1.4 if name == "phi3" else grown == 1
    ours = shaken(architecture)
    (tmp_path / "w.pt").write_bytes(pt_bytes(ours.state_dict()))
    given = (spec, folder, "--to", formats if ORT else "torch", "--to", "tf", "--weights")
    report = json.loads(invoke(*given, tmp_path / "w.pt", "--json", "--runs", runs).output)
    assert report["trained"]
    assert sorted(report["files"]) == sorted(path.name for path in folder.iterdir())
    for one in report["formats"].values():
        assert one["parity"] is None or one["parity"]["difference"] <= 1e-4
    theirs = loaded(folder, name).model(folder / f"{name}.pt").eval()
    assert difference(ours, theirs, images(architecture, 1)) <= 1e-4
    assert from_json((folder / f"{name}.json").read_text()) == architecture


def test_the_card_says_what_the_numbers_are(here, tmp_path):
    command(here, "export", "found", str(tmp_path), "--to", "torch")
    card = (tmp_path / "README.md").read_text()
    best = json.loads((here / "runs" / "found" / "best.json").read_text())
    record = json.loads((here / "runs" / "found" / "run.json").read_text())
    for wanted in (
        f"{best['macs']:,}", f"{best['params']:,}", f"**{best['accuracy']:.2f} %** ± ",
        "neither measured nor", "Not trained", f"`{best['command']}`", record["started"],
        "| trials | 50 |", "| seed | 0 |", "| strategy | evolution |", "Accel-NASBench",
        record["versions"]["torch"], best["id"], "from found import model",
        "| space | mbconv |", "| evaluator | imagenet |", best["label"][1:], "published results",
    ):  # fmt: skip
        assert wanted in card, wanted
    same = load_source(str(here / "runs" / "found" / "best.json"))
    assert (same.name, same.best["id"]) == ("found", best["id"])
    told = {**best, "command": "nas search --storage mysql://me:secret@host/db"}
    text = export_card.card(Request(dataclasses.replace(same, best=told), ("torch",)), {})
    assert "mysql://me:***@host/db" in text
    old = {**best, "evaluator": "surrogate", "label": None}
    text = export_card.card(Request(dataclasses.replace(same, best=old), ("torch",)), {})
    assert "neither measured nor what a full training reaches" in " ".join(text.split())
    assert "fitted to the Accel-NASBench table" in text
    invoke("scaled:phi1", tmp_path / "b", "--to", "torch", "--runs", here / "runs")
    family = (tmp_path / "b" / "README.md").read_text()
    assert "Predicted top-1" in family
    assert "prior, not a measurement" in family


def test_a_trained_runs_weights_go_along(trained, tmp_path):
    """They give the accuracy that the search measured."""
    formats = "torch,timm,safetensors" if SAFE else "torch"
    said = command(trained, "export", "kept", str(tmp_path), "--to", formats, "--json")
    assert json.loads(said)["trained"]
    best = json.loads((trained / "runs" / "kept" / "best.json").read_text())
    net = loaded(tmp_path, "kept").model(tmp_path / "kept.pt").eval()
    from nas.training.augment import normalize
    from nas.training.images import load_images

    data = load_images(trained / "images", 16, trained / "cache")
    with torch.no_grad():
        right = net(normalize(torch.from_numpy(data.val_x.copy()))).argmax(1).numpy() == data.val_y
    assert 100 * right.mean() == pytest.approx(best["accuracy"])
    assert f"{best['accuracy']:.2f} % top-1 after 2 epochs" in (tmp_path / "README.md").read_text()
    if SAFE:
        from safetensors.torch import load_file

        found, state = load_file(tmp_path / "kept.safetensors"), net.state_dict()
        assert found.keys() == state.keys()
        assert all(torch.equal(found[key], state[key]) for key in state)


def test_a_run_without_weights_says_so(trained, tmp_path):
    for run, why in (("dropped", "keeps no weights of its pick"), ("found", "trained nothing")):
        given = (run, tmp_path / "out", "--runs", trained / "runs", "--to")
        result = invoke(*given, "safetensors")
        assert isinstance(result.exception, UserError)
        assert why in str(result.exception)
        assert "--weights FILE" in str(result.exception)
        assert not (tmp_path / "out").exists()
    said = invoke(*given, "torch,onnx" if ORT else "torch").output
    assert "not trained" in said
    assert " with random statistics of batch normalization, so that a wrong epsilon shows, " in said
    assert (
        " since the initial statistics of batch normalization normalize nothing, " in said
    ) == ORT


def test_damaged_weights_of_a_search_are_not_exported_as_none(trained, tmp_path):
    """They are moved away before the search's pick is exported untrained."""
    shutil.copytree(trained / "runs" / "kept", tmp_path / "kept")
    for file in (tmp_path / "kept" / "checkpoints").iterdir():
        file.write_bytes(file.read_bytes()[:1000])
    error = invoke(tmp_path / "kept", tmp_path / "out", "--to", "torch").exception
    assert isinstance(error, UserError)
    assert "which holds the pick's weights, is damaged" in str(error)
    assert not (tmp_path / "out").exists()


def test_weights_under_timms_names_come_back(tmp_path):
    architecture = ALL["mnasnet_small"]
    ours = shaken(architecture)
    state = export_timm.timm_state(architecture, ours.state_dict())
    raw = {key: torch.zeros_like(value) for key, value in state.items()}
    content = {"epoch": 3, "args": Namespace(lr=0.1), "state_dict": raw, "state_dict_ema": state}
    torch.save(content, tmp_path / "timm.pth.tar")  # as timm's train.py --model-ema writes it
    given = ("mnasnet_small", tmp_path, "--to", "torch", "--weights", tmp_path / "timm.pth.tar")
    assert invoke(*given).exit_code == 0
    found = torch.load(tmp_path / "mnasnet_small.pt", weights_only=True)
    assert all(torch.equal(found[key], value) for key, value in ours.state_dict().items())


@pytest.mark.parametrize("name", ["model_state_dict", "net", "student"])
def test_weights_inside_a_checkpoint_of_any_form(name, tmp_path):
    state = build(ALL["mnasnet_small"], seed=0).state_dict()
    content = {"epoch": 3, name: state, "optimizer_state_dict": {"state": {}, "lr": 0.1}}
    torch.save(content, tmp_path / "w.pt")
    found = content_of(tmp_path / "w.pt")
    assert found.keys() == state.keys()


def test_a_classifier_of_another_size(tmp_path):
    architecture = dataclasses.replace(ALL["mnasnet_small"], classes=3)
    state = build(architecture, seed=0).state_dict()
    torch.save(state, tmp_path / "w.pt")
    given = ("mnasnet_small", tmp_path / "out", "--to", "torch", "--weights", tmp_path / "w.pt")
    with pytest.raises(UserError, match="give --classes 3"):
        raise invoke(*given).exception
    assert invoke(*given, "--classes", "3").exit_code == 0
    found = torch.load(tmp_path / "out" / "mnasnet_small.pt", weights_only=True)
    assert found["head.classifier.1.weight"].shape[0] == 3


def test_weights_of_another_epsilon_give_what_they_gave(tmp_path):
    theirs = build(ALL["small"], seed=0, bn_eps=1e-5).eval()
    generator = torch.Generator().manual_seed(0)
    for layer in theirs.modules():
        if isinstance(layer, torch.nn.BatchNorm2d):  # of variances below and above ours
            layer.running_var.copy_(
                10 ** torch.empty_like(layer.running_var).uniform_(-6, 0, generator=generator)
            )
    torch.save(theirs.state_dict(), tmp_path / "w.pt")
    (tmp_path / "small.json").write_text(to_json(ALL["small"]))
    given = (tmp_path / "small.json", tmp_path / "out", "--to", "torch", "--epsilon", "1e-5")
    with pytest.raises(UserError, match="--epsilon is 1e-05, which --weights have"):
        raise invoke(*given).exception
    assert invoke(*given, "--weights", tmp_path / "w.pt").exit_code == 0
    ours, x = build(ALL["small"]).eval(), images(ALL["small"])
    ours.load_state_dict(torch.load(tmp_path / "out" / "small.pt", weights_only=True))
    with torch.no_grad():
        torch.testing.assert_close(ours(x), theirs(x), rtol=1e-4, atol=1e-5)
    ours.load_state_dict(theirs.state_dict())
    with torch.no_grad():
        assert (ours(x) - theirs(x)).abs().max() > 0.1 * theirs(x).abs().max()


@pytest.mark.parametrize("name", ["efficientnet_lite0", "mobilenet_v3_small", "tinynet_e"])
def test_each_published_network_has_a_card(name, tmp_path):
    assert invoke(name, tmp_path / name, "--to", "torch").exit_code == 0
    assert ", arXiv" in (card := (tmp_path / name / "README.md").read_text()) or "tpu" in card


UNUSUAL = {  # whose numbers can't be taken over as they are
    "integers": lambda tensor: (100 * tensor).to(torch.int8),
    "complex": lambda tensor: tensor.to(torch.complex64),
    "bits": lambda tensor: tensor > 0,
    "sparse": lambda tensor: tensor.to_sparse(),
    "meta": lambda tensor: tensor.to("meta"),
    "quantized": lambda tensor: torch.quantize_per_tensor(tensor, 0.1, 0, torch.qint8),
}


def bad_weights(kind, path):
    state = build(POOLED, seed=0).state_dict()
    if kind == "nan":
        state["stem.conv.0.weight"][0] = float("nan")
    elif kind == "extra":
        state["tail.weight"] = torch.zeros(1)
    elif kind == "lacking":
        del state["head.classifier.1.bias"]
    elif kind == "other":
        state = build(ALL["small"]).state_dict()
    elif kind in UNUSUAL:
        state["head.classifier.1.weight"] = UNUSUAL[kind](state["head.classifier.1.weight"])
    content = {"list": [state], "module": build(POOLED)}.get(kind, state)
    torch.save(content, path)
    texts = {"json": b'{"a": 1}', "html": b"<html><p>404</p></html>", "noise": b"0\0\xff"}
    if kind in texts:
        path.write_bytes(texts[kind])
    if kind == "torn":
        path.write_bytes(path.read_bytes()[:500])


@pytest.mark.parametrize(
    ("kind", "sentence"),
    [
        ("nan", "not finite"),
        ("extra", r"has no tail\.weight"),
        ("lacking", r"head\.classifier\.1\.bias has shape \(12,\) here and nothing there"),
        ("other", "of another network"),
        ("list", "holds no state_dict"),
        ("torn", r"w\.pt can't be read, since it is no file of weights, or not all of one: expe"),
        ("json", r"w\.pt can't be read, since it is no file of weights"),
        ("html", r"w\.pt can't be read, since it is no file of weights"),
        ("noise", r"w\.pt can't be read, since it is no file of weights"),
        ("module", "holds other objects than tensors: save net.state_dict"),
        ("integers", "as numbers of the kind int8: expected plain numbers"),
        ("complex", "as numbers of the kind complex64"),
        ("bits", "as numbers of the kind bool"),
        ("sparse", "as a sparse tensor"),
        ("meta", "as a shape without numbers"),
        ("quantized", "as quantized numbers"),
    ],
)
@pytest.mark.filterwarnings("ignore:.*quantize", "ignore:TypedStorage")
def test_bad_weights_are_one_sentence(kind, sentence, tmp_path):
    (tmp_path / "pooled.json").write_text(to_json(POOLED))
    bad_weights(kind, tmp_path / "w.pt")
    given = (tmp_path / "pooled.json", tmp_path / "out", "--to", "torch", "--weights")
    result = invoke(*given, tmp_path / "w.pt")
    assert isinstance(result.exception, UserError)
    with pytest.raises(UserError, match=sentence):
        raise result.exception
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["resnet_50", "OUT", "--to", "tf"], "no TensorFlow form"),
        (["efficientnet_b0", "OUT", "--to", "torch,keras"], "torch, timm, tf, onnx, safetensors"),
        (["nothing", "OUT", "--to", "torch"], "no network, run or file"),
        (["FAMILY", "OUT", "--to", "torch"], "take one of phi1, phi3"),
        (["FAMILY:phi9", "OUT", "--to", "torch"], "no network 'phi9'"),
        (["mnasnet_a1", "OUT", "--to", "torch", "--name", "my-net"], "as my_net"),
        (["mnasnet_a1", "FILE", "--to", "torch"], "is a file"),
    ],
)
def test_bad_input_is_one_sentence(arguments, sentence, here, tmp_path):
    (tmp_path / "file").write_text("precious")
    places = {"OUT": tmp_path / "out", "FILE": tmp_path / "file"}
    family = str(here / "runs" / "scaled")
    given = [str(places.get(one, one)).replace("FAMILY", family) for one in arguments]
    result = invoke(*given)
    assert isinstance(result.exception, UserError)
    assert sentence in str(result.exception)
    assert not (tmp_path / "out").exists()
    assert (tmp_path / "file").read_text() == "precious"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["resnet_50", "OUT", "--to", "torch,tf"], "no TensorFlow form"),
        (["mnasnet_a1", "OUT", "--to", "torch,safetensors"], "comes without weights: give --weig"),
        (["found", "OUT", "--to", "torch,safetensors"], "trained nothing, so its pick has no"),
        (["mnasnet_a1", "FILE/in", "--to", "torch"], "file is a file: choose another folder"),
        (["mnasnet_a1", "/proc/out", "--to", "torch"], "can't be written"),
        (["mnasnet_a1", "LONG", "--to", "torch"], "can't be written (File name too long)"),
    ],
)
def test_what_can_be_known_is_said_before_the_work(
    arguments, sentence, here, tmp_path, monkeypatch
):
    def work(request):
        raise AssertionError("it worked first")

    monkeypatch.setitem(FORMATS, "torch", work)
    (tmp_path / "file").write_text("precious")
    places = {"OUT": "out", "FILE/in": "file/in", "LONG": 300 * "a"}
    given = [tmp_path / places[one] if one in places else one for one in arguments]
    error = invoke(*given, "--runs", here / "runs").exception
    assert isinstance(error, UserError), error
    assert sentence in str(error)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_an_export_tells_what_goes_on(tmp_path):
    told = []
    export(Request(load_source("mnasnet_small"), ("torch", "tf")), tmp_path, say=told.append)
    assert told == ["torch: making and checking it, 1 of 2", "tf: making and checking it, 2 of 2"]


def test_nothing_is_overwritten_unless_forced(tmp_path):
    (tmp_path / "mnasnet_a1.py").write_text("precious")
    refused = invoke("mnasnet_a1", tmp_path, "--to", "torch")
    assert "mnasnet_a1.py already" in str(refused.exception)
    assert [path.name for path in tmp_path.iterdir()] == ["mnasnet_a1.py"]
    assert (tmp_path / "mnasnet_a1.py").read_text() == "precious"
    assert invoke("mnasnet_a1", tmp_path, "--to", "torch", "--force").exit_code == 0
    assert load_architecture(str(tmp_path / "mnasnet_a1.json")) == ALL["mnasnet_a1"]
    assert invoke("mnasnet_a1", tmp_path, "--to", "tf").exception is not None


def test_a_file_that_disagrees_is_not_left(tmp_path, monkeypatch):
    from results.export import templates as export_templates
    from results.export import to_torch as export_torch

    broken = export_templates.LAYERS.replace("<activation>(inplace=True)", "nn.ELU()")
    monkeypatch.setattr(export_torch, "LAYERS", broken)
    result = invoke("mnasnet_small", tmp_path / "out", "--to", "torch,tf")
    assert isinstance(result.exception, RunFailure)
    assert "disagrees with the network" in str(result.exception)
    assert not (tmp_path / "out").exists()
