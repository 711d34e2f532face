"""The deployed network, its peak memory against the count, and `nas measure`."""

import json

import processes
import pytest
import torch
from click.testing import CliRunner
from hypothesis import given, settings
from random_networks import architectures
from torch import nn

from nas.devices.deployed import deployed, flattened
from nas.devices.measure import analytic_bytes, measure, quiet_ones
from nas.devices.on_torch import allocated
from nas.devices.runtime import Run, Setting, by_clock, start
from nas.memory import enough_for
from search_spaces.architecture import Architecture, Stage
from search_spaces.builder import build
from search_spaces.cost import cost
from search_spaces.errors import UserError
from search_spaces.networks import MOBILENET_V2, RESNET_50
from search_spaces.scaling.published import released

SMALL = Architecture(
    (
        Stage("mbconv", 8, 1, 3, 1, 4, 0.25),
        Stage("fused", 12, 1, 5, 2, 2),
        Stage("bottleneck", 16, 1, 3, 2, 4),
        Stage("mbconv", 16, 1, 3, 1, 2, 0.25, "pool"),
    ),
    stem=8, head=32, resolution=33, classes=7,
)  # fmt: skip


def trained(network, seed):
    """Batch normalization as it is after training: with statistics that matter."""
    generator = torch.Generator().manual_seed(seed)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            for tensor, low in (("weight", 0.5), ("running_var", 0.5), ("bias", -0.5),
                                ("running_mean", -0.5)):  # fmt: skip
                getattr(module, tensor).data.uniform_(low, low + 1, generator=generator)
    return network.eval()


@pytest.mark.slow
@settings(max_examples=30)
@given(architectures())
def test_the_deployed_network_computes_the_same(network):
    built = trained(build(network, seed=0), 1)
    images = torch.randn(2, network.in_channels, *network.size)
    with torch.inference_mode():
        expected = built(images.clone())
        given = images.to(memory_format=torch.channels_last)
        flat = flattened(built)
        for _ in range(2):  # what is in place must not reach the input or the weights
            torch.testing.assert_close(flat(given), expected, rtol=1e-3, atol=1e-4)
    kinds = {type(module) for module in flat.modules()}
    assert not kinds & {nn.BatchNorm2d, nn.Dropout, nn.Identity}
    torch.testing.assert_close(given, images, rtol=0, atol=0)


@pytest.mark.parametrize(
    "network",
    [*(released(phi) for phi in range(4)), MOBILENET_V2, RESNET_50],
    ids=lambda network: network.name,
)
def test_peak_memory_is_within_5_percent_of_the_measured(network):
    pixels = network.resolution
    images = torch.zeros(1, 3, pixels, pixels).to(memory_format=torch.channels_last)
    measured = allocated(deployed(network, seed=0), images)
    assert cost(network).memory == pytest.approx(measured, rel=0.05)


def test_peak_memory_of_one_conv_is_its_tensors():
    conv = nn.Conv2d(16, 32, 3, padding=1).to(memory_format=torch.channels_last)
    images = torch.zeros(1, 16, 64, 64).to(memory_format=torch.channels_last)
    tensors = 4 * (16 * 32 * 9 + 32 + (16 + 32) * 64**2)
    assert allocated(conv, images) == pytest.approx(tensors, rel=0.05)  # and its workspace


def test_counted_memory_grows_with_batch_and_shrinks_with_dtype():
    one, eight = (analytic_bytes(RESNET_50, Setting(batch=n)) for n in (1, 8))
    assert one == cost(RESNET_50).memory
    assert eight - one == 7 * cost(RESNET_50).activation_memory
    assert analytic_bytes(RESNET_50, Setting(dtype="bfloat16")) == one // 2


def test_disturbed_runs_do_not_count():
    quiet, late = Run(1.0, True, 1.0), Run(9.0, False, 1.25)
    assert quiet_ones([quiet, late, quiet, late]) == [1.0, 1.0]
    assert quiet_ones([late] * 9 + [quiet]) == [1.0, *[1.25] * 4]


def test_the_clock_times_each_step():
    def busy(x):
        return sum(range(200_000)) + x

    runs = by_clock([busy, lambda x: x, busy], 0, True)
    assert len(runs) == 3
    assert 0 <= runs[1].seconds < 0.2 * min(runs[0].seconds, runs[2].seconds)
    assert all(0 < run.own <= 1.2 * run.seconds + 1e-4 for run in runs)


@pytest.mark.parametrize("name", ["torch", "onnxruntime"])
def test_a_runtime_runs_networks_whole_and_block_by_block(name):
    if name == "onnxruntime":
        pytest.importorskip("onnxruntime")
        pytest.importorskip("onnxscript")
    runtime = start(Setting(name, batch=2))
    assert runtime.whole(SMALL)().seconds > 0
    chain = runtime.chain(SMALL)
    assert [run.seconds > 0 for run in chain()] == [True] * (SMALL.blocks + 2)


def test_joined_onnx_blocks_are_the_network(monkeypatch):
    pytest.importorskip("onnxruntime")
    pytest.importorskip("onnxscript")
    from nas.devices import on_onnx as measure_onnx

    network = trained(build(SMALL, seed=0), 1)
    monkeypatch.setattr(measure_onnx, "build", lambda _: trained(build(SMALL, seed=0), 1))
    runtime = measure_onnx.OnnxRuntime(Setting("onnxruntime"))
    images = torch.randn(1, 3, SMALL.resolution, SMALL.resolution)
    models = runtime._blocks(SMALL)
    found = runtime._session(measure_onnx._joined(models))(images.numpy())
    with torch.no_grad():
        torch.testing.assert_close(torch.from_numpy(found), network(images), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("given", "message"), [
    ({"dtype": "int8"}, "--dtype is 'int8': expected one of float32"),
    ({"on": "tpu"}, "--on is 'tpu': expected one of cpu, cuda"),
    ({"batch": 0}, "--batch is 0"),
    ({"threads": 9999}, "--threads is 9999: expected at most [0-9]+, the cores"),
])  # fmt: skip
def test_settings_that_are_refused(given, message):
    with pytest.raises(UserError, match=message):
        Setting(**given)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_no_gpu_is_said():
    with pytest.raises(UserError, match="finds no GPU here"):
        start(Setting(on="cuda"))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU")
def test_on_a_gpu():
    runtime = start(Setting(on="cuda", dtype="float16", batch=4))
    assert runtime.whole(SMALL)().seconds > 0
    assert len(runtime.chain(SMALL)()) == SMALL.blocks + 2
    assert runtime.peak_bytes(SMALL) > 0


def command(here, *arguments):
    return processes.run("nas", *arguments, cwd=here)


def test_measure_prints_measurement_and_prediction(tmp_path):
    from nas.devices.blocks import keys_of
    from nas.devices.file import ProfiledDevice, Times, to_text
    from search_spaces.networks import MNASNET_SMALL

    blocks = {key: Times(0.5) for key in keys_of(MNASNET_SMALL)}
    (tmp_path / "me.json").write_text(to_text(ProfiledDevice("me", blocks=blocks)))
    given = ("measure", "mnasnet_small", "--predict", "me.json", "--seconds", "0.2")
    done = command(tmp_path, *given, "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert 0 < found["p50_ms"] <= found["p90_ms"]
    assert found["images_per_s"] == pytest.approx(1e3 / found["p50_ms"])
    assert found["predicted_ms"] == pytest.approx(0.5 * (MNASNET_SMALL.blocks + 2))
    assert found["predicted_ms_spread"] is None
    assert found["analytic_bytes"] == cost(MNASNET_SMALL).memory
    assert found["peak_bytes"] == pytest.approx(found["analytic_bytes"], rel=0.1)
    other = command(tmp_path, *given, "--batch", "2")
    assert other.returncode == 2
    assert "me.json predicts batches of 1" in other.stderr
    uncovered = command(tmp_path, "measure", "resnet_50", "--predict", "me.json")
    assert uncovered.returncode == 2
    assert "does not cover this network" in uncovered.stderr


@pytest.mark.parametrize(("given", "said"), [
    ("zcu102", "is 'zcu102', which is an accelerator"), ("no.json", "'no.json', which is no file"),
])  # fmt: skip
def test_a_prediction_is_by_a_device_file(given, said, monkeypatch, tmp_path):
    from nas.commands.main import cli

    monkeypatch.chdir(tmp_path)
    error = CliRunner().invoke(cli, ["measure", "mnasnet_small", "--predict", given]).exception
    assert isinstance(error, UserError)
    assert said in str(error)
    assert "expected a device file" in str(error)


@pytest.mark.parametrize("batch", ["100000000", "100000000000000"])
@pytest.mark.parametrize("given", [("measure", "mnasnet_small"), ("profile", "--out", "me.json")])
def test_a_batch_that_no_memory_holds_is_told_in_a_sentence(given, batch, monkeypatch, tmp_path):
    from nas.commands.main import cli

    monkeypatch.chdir(tmp_path)
    error = CliRunner().invoke(cli, [*given, "--batch", batch]).exception
    assert isinstance(error, UserError)
    assert f"too little memory for batches of {int(batch):,} images" in str(error)
    assert not list(tmp_path.iterdir())


def test_other_errors_of_a_runtime_stay_what_they_are():
    with pytest.raises(RuntimeError, match="no kernel"), enough_for(1):
        raise RuntimeError("no kernel for this GPU")


def test_a_measurement_tells_how_far_it_is():
    told = []
    measure(SMALL, Setting(), 0.1, lambda passed, text: told.append((text, passed)))
    assert list(dict(told)) == ["building the network", "running it", "measuring its memory"]
    passed = [one for _, one in told[:-1]]
    assert passed == sorted(passed)
    assert passed[-1] >= 0.1
