"""Files for programs that run a network elsewhere, against torch; 8 bits against 32."""

import dataclasses
import os

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from export_networks import LATER, MOBILENET_V3, SMALL, shaken

from nas.commands.main import cli
from nas.final.samples import samples_of
from results.export.inputs import Inputs
from results.export.request import Request, Samples
from results.export.runtimes import programs
from results.export.runtimes.int8 import to_int8
from results.export.source import Source
from results.export.weights import Weights
from results.export.write import FORMATS, export
from search_spaces import RunFailure, UserError, errors

INPUTS = Inputs(20, 20, (0.4,), (0.2,), ("red", "green", "blue"))


def request(architecture, *formats, samples=None, softmax=False):
    network = shaken(architecture)
    weights = Weights(network.state_dict(), "a test", INPUTS)
    source = Source(architecture, "net", "net")
    return Request(source, formats, weights, samples=samples, softmax=softmax), network


def pictures(count, seed, size=20):
    return np.random.default_rng(seed).normal(size=(count, 3, size, size)).astype(np.float32)


@pytest.mark.slow
@pytest.mark.parametrize("softmax", [False, True])
def test_in_8_bits_a_network_says_nearly_the_same(softmax):
    import onnxruntime

    held = pictures(60, 1)
    asked, network = request(SMALL, "int8", softmax=softmax)
    with torch.no_grad():
        logits = network(torch.from_numpy(held))
    labels = tuple(logits.argmax(1).tolist())  # so that float32 is right always
    made = to_int8(dataclasses.replace(asked, samples=Samples(pictures(60, 0), held, labels)))
    assert "100.00 % in float32" in made.note
    data = made.files["net.int8.onnx"]
    session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
    (out,) = session.run(None, {"images": held})
    right = 100 * np.mean(out.argmax(1) == labels)
    assert right > 85
    assert f"top-1 {right:.2f} % of 60 validation images" in made.note
    ours = logits.softmax(1) if softmax else logits
    assert np.corrcoef(out.ravel(), ours.ravel())[0, 1] > 0.98
    about = session.get_modelmeta().custom_metadata_map
    assert about["output"] == ("probabilities" if softmax else "logits")
    assert '"green"' in about["classes"]
    import onnx

    kinds = {node.op_type for node in onnx.load_model_from_string(data).graph.node}
    assert "QuantizeLinear" in kinds


def test_8_bits_need_weights_and_images(tmp_path):
    asked, _ = request(SMALL, "int8")
    with pytest.raises(UserError, match="add --data IMAGES"):
        export(asked, tmp_path / "out")
    with pytest.raises(UserError, match="nas train net --data IMAGES"):
        export(dataclasses.replace(asked, weights=None), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_images_of_other_classes_are_refused_and_others_keep_their_outputs(coloured, tmp_path):
    coloured(tmp_path / "images", 8)
    with pytest.raises(UserError, match="'green', which the network does not name"):
        samples_of(tmp_path / "images", dataclasses.replace(INPUTS, classes=("red", "blue")))
    (tmp_path / "images" / "val" / "red" / "0.png").write_text("no image")
    samples = samples_of(tmp_path / "images", INPUTS)
    assert samples.calibration.shape == (24, 3, 20, 20)
    assert len(samples.labels) == len(samples.images) == 35
    brightest = samples.images.mean((2, 3)).argmax(1)  # channel 0 is red's
    assert tuple(brightest) == samples.labels


@pytest.mark.parametrize("name", programs.NEEDS)
def test_what_is_not_installed_is_named_with_what_to_do(name, monkeypatch, tmp_path):
    monkeypatch.setattr(errors, "find_spec", lambda package: None)
    given = ["export", "mnasnet_small", str(tmp_path / "x"), "--to", name]
    with pytest.raises(UserError, match=rf"pip install -e '.\[{name}\]'"):
        CliRunner().invoke(cli, given, catch_exceptions=False)
    assert not (tmp_path / "x").exists()


def failing():
    with programs._quiet("X"):
        os.write(1, b"a library's words")
        raise ValueError("no such operator\nand much more")


def test_a_converter_that_fails_is_one_sentence_and_prints_nothing(capfd):
    with pytest.raises(RunFailure, match=r"X's converter failed \(no such operator\)"):
        failing()
    print("after", flush=True)
    assert capfd.readouterr().out == "after\n"


@pytest.mark.slow
@pytest.mark.parametrize("architecture", [LATER, MOBILENET_V3], ids=lambda a: a.name)
@pytest.mark.parametrize("name", ["openvino", "litert", "executorch"])
def test_a_runtime_gives_torchs_logits(name, architecture, tmp_path):
    for package in programs.NEEDS[name]:
        pytest.importorskip(package)
    asked, _ = request(architecture, name)
    made = FORMATS[name](asked)  # raises where it disagrees
    assert made.parity.agree
    assert made.parity.largest > 0.1


def test_a_runtime_that_gives_other_logits_writes_nothing(tmp_path):
    asked, network = request(SMALL, "openvino")
    with pytest.raises(RunFailure, match="disagrees with the network"):
        programs._same("net.xml", asked, network, lambda image: network(image + 0.01).detach())


@pytest.mark.slow
def test_openvinos_files_say_what_they_take(tmp_path):
    openvino = pytest.importorskip("openvino")
    asked, network = request(SMALL, "openvino", softmax=True)
    export(asked, tmp_path)
    model = openvino.Core().read_model(tmp_path / "net.xml")
    assert model.get_rt_info(["compound_nas", "classes"]).astype(str) == '["red", "green", "blue"]'
    run = openvino.Core().compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    held = pictures(5, 2)
    with torch.no_grad():
        ours = network(torch.from_numpy(held)).softmax(1)
    np.testing.assert_allclose(run({"images": held})["probabilities"], ours, atol=1e-5)


def test_core_ml_is_written_and_named_unchecked(tmp_path):
    pytest.importorskip("coremltools")
    asked, _ = request(SMALL, "coreml")
    done = export(asked, tmp_path)
    assert "net.mlpackage/Manifest.json" in done.files
    assert "not checked" in done.made["coreml"].note
