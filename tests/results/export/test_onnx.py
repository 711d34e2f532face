"""ONNX files in ONNX Runtime against torch."""

from dataclasses import replace

import pytest
import torch
from export_networks import ALL, POOLED, shaken

from results.export.to_onnx import (
    OPSETS,
    Parity,
    agreeing,
    onnx_bytes,
    onnx_parity,
    shape_of,
    versions,
)
from search_spaces import RunFailure

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")
pytest.importorskip("onnxscript")


# Of every kind of block, at a resolution that no pooling divides; relu6 takes the exporter long.
EVERY = replace(
    POOLED,
    resolution=61,
    activation="relu",
    stages=(replace(POOLED.stages[0], activation="relu6"), *POOLED.stages[1:]),
)


@pytest.mark.slow
def test_a_network_of_every_block_kind_agrees_whatever_the_batch():
    network = shaken(EVERY)
    data = onnx_bytes(network, shape_of(EVERY))
    found = onnx_parity(data, network, shape_of(EVERY), 3)
    assert found.difference <= 1e-4
    assert found.largest > 0.5
    graph = onnx.load_model_from_string(data).graph
    shapes = [
        [d.dim_param or d.dim_value for d in one.type.tensor_type.shape.dim]
        for one in (*graph.input, *graph.output)
    ]
    assert shapes == [["batch", 3, 61, 61], ["batch", 12]]
    other = onnx_parity(data, shaken(EVERY, seed=1), shape_of(EVERY), 1)
    with pytest.raises(RunFailure, match="was not written"):
        agreeing("other.onnx", other)


@pytest.mark.slow
@pytest.mark.parametrize("name", ALL)
def test_the_papers_networks_agree_at_their_resolution(name):
    network, shape = shaken(ALL[name]), shape_of(ALL[name])
    found = onnx_parity(onnx_bytes(network, shape), network, shape, 2)
    assert found.difference <= 1e-4
    assert found.largest > 0.5


@pytest.mark.parametrize(
    ("difference", "largest", "agree"),
    [
        (9e-5, 5.0, True),
        (1.1e-4, 5.0, False),
        (9e-4, 100.0, True),
        (1.1e-3, 100.0, False),
        (1e-8, 1e-5, False),  # tiny logits: 1e-4 would let anything through
        (0.0, 0.0, True),
        (float("nan"), 1.0, False),
        (float("nan"), float("nan"), False),
    ],
)
def test_what_agrees(difference, largest, agree):
    assert Parity(difference, largest, 1).agree == agree


def test_a_comparison_says_what_was_compared_and_what_was_allowed():
    said = "on 2 random images the logits, of up to 1.69e-05, differ by 1.3e-11 at most (1.7e-09 is"
    assert Parity(1.3e-11, 1.69e-5, 2).text.startswith(said)
    said = "on 2 random images the logits, of up to 1.69e-05 since they are small, differ by"
    assert Parity(1.3e-11, 1.69e-5, 2, "since they are small").text.startswith(said)


@pytest.mark.slow
def test_an_old_runtime_loads_it():
    """The fewest operators and the oldest format by default; what is asked for otherwise."""
    conv = torch.nn.Conv2d(3, 4, 3)
    assert versions(onnx_bytes(conv, (3, 8, 8))) == (18, 8)  # ONNX Runtime 1.14 and later
    for opset in OPSETS:
        assert versions(onnx_bytes(conv, (3, 8, 8), opset))[0] == opset


def test_the_exporter_says_nothing(capfd):
    onnx_bytes(torch.nn.Conv2d(3, 4, 3), (3, 8, 8))
    assert capfd.readouterr() == ("", "")


@pytest.mark.slow
def test_grey_images_that_are_not_square_agree():
    wide = replace(EVERY, resolution=(48, 80), in_channels=1)
    network, shape = shaken(wide), shape_of(wide)
    assert shape == (1, 48, 80)
    data = onnx_bytes(network, shape)
    assert onnx_parity(data, network, shape, 2).agree
    (taken,) = onnx.load_model_from_string(data).graph.input
    assert [d.dim_value for d in taken.type.tensor_type.shape.dim][1:] == [1, 48, 80]
