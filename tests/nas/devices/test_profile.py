"""Device files: keys, tables, predictions, estimates, and `nas profile` itself."""

import dataclasses
import json
import math
import os
import random
import re
import shlex
import signal
import sys
import time
from pathlib import Path

import numpy as np
import processes
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from random_networks import architectures
from waiting import wait_for

from nas.commands.main import cli
from nas.commands.present.device import print_profile
from nas.commands.profile import following
from nas.devices.blocks import blocks_in, key_of, keys_of, parse
from nas.devices.estimate import features, fit_estimate
from nas.devices.file import ProfiledDevice, Times, from_json, read, to_text
from nas.devices.fit import check_of, fitted
from search_spaces.cost import block_cost
from search_spaces.errors import OutOfDomain, UserError
from search_spaces.layers import walk
from search_spaces.networks import NETWORKS
from search_spaces.space import fixed
from search_spaces.spaces import space
from search_spaces.tables import table_space

TINY = """
name = "tiny"
[network]
stem = 4
head = 8
resolution = [16, 24]
classes = 3
[[stages]]
channels = 4
expand = [1, 2]
kernel = [3, 5]
[[stages]]
channels = [4, 6]
stride = 2
repeats = [1, 2, 3]
se = [0.0, 0.25]
"""


def work(key):
    """A made up time of a block, in ms: a multiply-add and a byte cost something."""
    dense, depthwise, squeeze, read_, written, *_ = np.expm1(features(key))
    return 0.01 + 1e-7 * (dense + 4 * depthwise + squeeze) + 4e-7 * (read_ + written)


def device_of(name, share=1.0, **given):
    keys = blocks_in(space(name))
    some = [key for key in keys if random.Random(key).random() < share]
    return ProfiledDevice("made up", blocks={key: Times(work(key)) for key in some}, **given)


def sampled(name, count, seed=0):
    where, rng = space(name), random.Random(seed)
    return [where.build(where.sample(rng)) for _ in range(count)]


@given(architectures())
def test_a_key_says_all_that_a_block_does(network):
    for (_, block), key in zip(walk(network), keys_of(network), strict=True):
        again, activation = parse(key)
        assert key == key_of(block, network.activation) == key_of(again, activation or "relu")
        assert activation in (block.act or network.activation, None)
        assert block_cost(again) == block_cost(block)
        assert (again.residual, again.activation) == (block.residual, block.activation)


@pytest.mark.parametrize("key", [
    "", "24@56", "24@56 conv2x2 8 relu", "24@56 dw3x3 8", "0@56 conv1x1 8",
    "24@56 conv1x1 8 relu, conv1x1 8 swish", "24@56 conv1x1 8 gelu", "24@56 conv1x1", "x@1 se 4",
])  # fmt: skip
def test_what_is_no_key(key):
    with pytest.raises(UserError, match=r"is no block's key"):
        parse(key)


def test_the_blocks_of_a_space_are_those_of_all_its_networks(tmp_path):
    (tmp_path / "tiny.toml").write_text(TINY)
    tiny = space(str(tmp_path / "tiny.toml"))
    every = set()
    names, options = zip(*tiny.choices.items(), strict=True)
    for index in np.ndindex(*map(len, options)):
        values = {n: o[i] for n, o, i in zip(names, options, index, strict=True)}
        every |= {key_of(block, "swish") for _, block in walk(tiny.build(values))}
    found = blocks_in(tiny)
    assert set(found) == every
    assert len(found) == len(every)


def test_a_prediction_is_the_sum_over_the_walk():
    device = device_of("mnasnet", offset_ms=0.5, factor=1.25, spread=0.03)
    nets = sampled("mnasnet", 50)
    mean, spread = device.predict(nets)
    for i, net in enumerate(nets):
        total = sum(work(key_of(block, net.activation)) for _, block in walk(net))
        assert mean[i] == pytest.approx(0.5 + 1.25 * total)
        assert (mean[i], spread[i]) == device.predict_one(net)
    np.testing.assert_allclose(spread, 0.03 * mean)
    assert device.covers(space("mnasnet")) == 1
    with pytest.raises(OutOfDomain, match=r"does not cover this network: its block"):
        device.predict([dataclasses.replace(nets[0], resolution=300)])


def test_a_prediction_takes_microseconds():
    device, nets = device_of("efficientnet"), sampled("efficientnet", 2000)
    device.predict(nets)
    start = time.process_time()
    device.predict(nets)
    assert (time.process_time() - start) / 2000 < 100e-6


def test_blocks_that_were_not_measured_are_estimated_with_an_error():
    device = device_of("mnasnet", share=0.3, spread=0.0)
    assert 0.2 < device.covers(space("mnasnet")) < 0.4
    missing = [key for key in blocks_in(space("mnasnet")) if key not in device.measured]
    model = fit_estimate(device.measured)
    found = {key: model(key) for key in missing}
    errors = [abs(one[0] / work(key) - 1) for key, one in found.items() if one]
    assert len(errors) > 0.95 * len(missing)
    assert np.median(errors) < 0.02
    assert np.median(errors) == pytest.approx(model.median_error, abs=0.01)
    rest = {key: Times(work(key)) for key, one in found.items() if one is None}
    device = dataclasses.replace(device, blocks={**device.blocks, **rest})
    nets = sampled("mnasnet", 40)
    mean, spread = device.predict(nets)
    truth = [sum(map(work, keys_of(net))) for net in nets]
    assert np.median(np.abs(mean / truth - 1)) < 0.01
    assert (spread > 0).all()
    alien = "16@56 max_pool3x3/2, conv1x1 8 relu"
    assert model(alien) is None
    huge = "512@112 conv1x1 4096 relu, dw3x3 4096 relu, conv1x1 512 + input"
    assert model(huge) is None
    assert fit_estimate(dict.fromkeys(missing[:10], 1.0)) is None


def test_offset_and_factor_are_found_and_outliers_ignored():
    device, nets = device_of("efficientnet-small"), sampled("efficientnet-small", 120)
    rng = random.Random(0)
    blocks = {net: device.sum_of_blocks(net)[0] for net in nets}
    times = {net: (0.2 + 1.3 * ms) * math.exp(rng.gauss(0, 0.01)) for net, ms in blocks.items()}
    some = dict(list(times.items())[:40])
    for net in list(some)[:4]:
        some[net] *= 3  # disturbed
    found = fitted(device, some)
    assert found.factor == pytest.approx(1.3, rel=0.03)
    assert found.offset_ms == pytest.approx(0.2, abs=0.1)
    assert 0.005 < found.spread < 0.02
    rest = dict(list(times.items())[40:])
    check = check_of(found, rest)
    errors = [abs(found.predict_one(net)[0] / ms - 1) for net, ms in rest.items()]
    assert check["median_error"] == pytest.approx(np.median(errors), abs=1e-4)
    assert check["networks"] == len(rest)
    assert check["tau"] > 0.9
    other = dataclasses.replace(NETWORKS["resnet_50"])
    assert check_of(found, {**rest, other: 1.0})["not_covered"] == 1
    assert check_of(found, {other: 1.0, nets[0]: 1.0}) is None


def test_a_file_is_read_as_it_was_written(tmp_path):
    made = device_of("efficientnet-small", offset_ms=0.1, factor=1.01, spread=0.02)
    blocks = dict(made.blocks)
    first, second, *_ = blocks
    blocks[first], blocks[second] = Times(1.5, 2.5, 30), None
    check = {"tau": 0.95, "median_error": 0.02, "networks": 50}
    made = dataclasses.replace(made, blocks=blocks, stamp={"machine": "x"}, check=check, batch=4)
    path = tmp_path / "phone.json"
    path.write_text(to_text(made))
    found = read(path)
    assert to_text(found) == to_text(made)
    assert (found.name, found.batch, found.check, found.stamp) == (
        "made up", 4, check, {"machine": "x"},
    )  # fmt: skip
    assert found.blocks[first] == Times(1.5, 2.5, 30)
    assert found.blocks[second] is None
    assert sum('"' + first[:6] in line for line in path.read_text().splitlines()) >= 1
    assert len(path.read_text().splitlines()) == len(blocks) + 10  # one block a line


KEY = "24@56 conv1x1 144 swish, dw3x3 144 swish, se 6, conv1x1 24 + input"
WRONG = [
    ("{", "is no JSON"),
    ("[]", "no object 'blocks'"),
    ('{"blocks": {}}', "no block has a time"),
    ({"blocks": {KEY: None}}, "no block has a time"),
    ({"blocks": {KEY: -1}}, "is -1: expected milliseconds above 0"),
    ({"blocks": {KEY: "3 ms"}}, "is '3 ms': expected milliseconds"),
    ({"blocks": {KEY: True}}, "is True: expected milliseconds"),
    ({"blocks": {KEY: {"p90": 3}}}, "p50 of the block .* is None"),
    ({"blocks": {"a conv": 1}}, "'a conv' is no block's key"),
    ({"blocks": {KEY: 1}, "batch": 0}, "'batch' is 0"),
    ({"blocks": {KEY: 1}, "format": 9}, "format 9"),
    ({"blocks": {KEY: 1}, "whole": {"factor": 0}}, r"whole.factor is 0"),
    ({"blocks": {KEY: 1}, "whole": 3}, "'whole' is 3: expected an object"),
    ({"blocks": {KEY: 1}, "check": {"tau": 0.9}}, r"check.median_error is None"),
]


@pytest.mark.parametrize(("content", "message"), WRONG)
def test_wrong_files_say_what_is_wrong(tmp_path, content, message):
    path = tmp_path / "phone.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    with pytest.raises(UserError, match=message) as caught:
        read(path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("check", [None, {"tau": 0, "median_error": 1, "networks": 0}])
def test_a_file_that_nobody_checked_has_no_errors(tmp_path, check):
    content = {"name": "phone", "blocks": {KEY: 1}, "check": check}
    (tmp_path / "phone.json").write_text(json.dumps(content))
    said = invoke("devices", tmp_path / "phone.json")
    assert re.search(r"latency +- +-", said.stdout)  # where there is room, networks too
    (row, _) = json.loads(invoke("devices", tmp_path / "phone.json", "--json").stdout)
    assert [row[name] for name in ("tau", "median_error", "networks")] == [None] * 3


@pytest.mark.parametrize(("whole", "wrong"), [
    ({"offset_ms": -1000}, "too negative"), ({"offset_ms": -1.0}, "too negative"),
    ({"factor": 1e308, "offset_ms": 1e308}, "too large"),
])  # fmt: skip
def test_a_time_that_is_not_above_0_is_not_predicted(whole, wrong):
    net = sampled("efficientnet-small", 1)[0]
    times = dict.fromkeys(keys_of(net), 1 / len(keys_of(net)))
    device = from_json({"blocks": times, "whole": whole}, "phone")
    for predict in (device.predict_one, lambda one: device.predict([one])):
        with pytest.raises(OutOfDomain, match=rf"'phone' .*whole\.offset_ms of .* is {wrong}"):
            predict(net)


def test_a_file_made_elsewhere_needs_only_blocks():
    keys = blocks_in(space("efficientnet-small"))
    device = from_json({"blocks": {key: work(key) for key in keys}}, "phone")
    net = sampled("efficientnet-small", 1)[0]
    ms, spread = device.predict_one(net)
    assert ms == pytest.approx(sum(map(work, keys_of(net))))
    assert math.isnan(spread)
    assert (device.name, device.batch, device.check, device.stamp) == ("phone", 1, None, {})


def invoke(*arguments):
    from nas.commands.main import cli

    return CliRunner().invoke(cli, [str(one) for one in arguments])


@pytest.mark.parametrize(
    ("command", "option"), [("profile", "--minutes"), ("measure", "--seconds")]
)
@pytest.mark.parametrize("value", ["nan", "inf", "1e999", "-1"])
def test_a_length_is_a_finite_number(command, option, value, tmp_path):
    place = ("--out", tmp_path / "a.json") if command == "profile" else ("mnasnet_small",)
    done = invoke(command, *place, option, value)
    assert done.exit_code == 2
    assert f"Invalid value for '{option}'" in done.stderr


def profiled(made, monkeypatch, *given):
    """The last line of a profile that measured this."""
    from nas.devices import profile
    from results.runs import load

    read, read_space = [], load.load_space
    monkeypatch.setattr(profile, "profile", lambda *_: made)
    monkeypatch.setattr(load, "load_space", lambda name: read.append(name) or read_space(name))
    done = invoke("profile", "--out", "h e.json", "--force", *given)
    assert done.exit_code == 0, done.output
    assert len(read) == 1, "a space of one's own is a program, which is run once"
    return done.stdout.splitlines()[-1]


def searched(line, images):
    """Prepares the search of a printed line, as far as the first network."""
    from nas.commands.search import plan_of, search
    from nas.search.run import prepare

    told = shlex.split(line.removeprefix("next: ").replace("IMAGES", str(images)))
    assert told[:2] == ["nas", "search"]
    context = cli.get_command(None, "search").make_context("search", told[2:])
    return prepare(plan_of(**search.callback.values(context, dict(context.params))))


STAMP = {"space": "tiny", "machine": "x", "runtime": "torch", "on": "cpu", "threads": 1,
         "dtype": "float32", "blocks": "", "rounds": 1, "disturbed": 0.0}  # fmt: skip


@pytest.mark.parametrize(("given", "said"), [
    ((), " --space 'my space.toml' --data IMAGES --pixels 24"),
    (("--pixels", "16"), " --space 'my space.toml' --data IMAGES --pixels 16"),
    (("--pixels", "16", "--channels", "1"),
     " --space 'my space.toml' --data IMAGES --pixels 16 --channels 1"),
])  # fmt: skip
def test_what_follows_a_profile_can_be_typed(given, said, tmp_path, monkeypatch, coloured):
    (tmp_path / "my space.toml").write_text(TINY)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COMPOUND_NAS_CACHE", str(tmp_path / "cache"))
    fields = dict(zip(given[::2], map(int, given[1::2]), strict=True))
    names = {"--pixels": "resolution", "--channels": "in_channels"}
    where = fixed(space("my space.toml"), {names[key]: fields[key] for key in fields})
    made = ProfiledDevice("h e", 1, STAMP, None, {key: Times(1.23) for key in blocks_in(where)})
    line = profiled(made, monkeypatch, "--space", "my space.toml", *given)
    assert re.fullmatch(
        r"next: nas search --device 'h e.json' --target-latency [\d.]+ms" + said, line
    )
    coloured(tmp_path / "images", 4)
    parts = searched(line, tmp_path / "images")
    assert parts.space.build(parts.anchor).resolution == fields.get("--pixels", 24)


def test_a_profile_of_a_space_that_imagenet_knows_is_followed_by_a_search_without_images(
    tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    times = {key: Times(work(key)) for key in blocks_in(space("efficientnet"))}
    line = profiled(ProfiledDevice("d", 1, STAMP, None, times), monkeypatch)
    assert re.fullmatch(r"next: nas search --device 'h e.json' --target-latency [\d.]+ms", line)
    parts = searched(line, None)
    assert parts.space.name == "efficientnet"


def test_a_profile_that_covers_too_little_says_so(tmp_path, monkeypatch):
    (tmp_path / "my space.toml").write_text(TINY)
    monkeypatch.chdir(tmp_path)
    keys = blocks_in(space("my space.toml"))[:2]
    made = ProfiledDevice("h e", 1, STAMP, None, dict.fromkeys(keys, Times(1.0)))
    line = profiled(made, monkeypatch, "--space", "my space.toml")
    assert line.startswith("it does not cover the space tiny, so that a search there refuses it")


def command(here, *arguments):
    return processes.run("nas", *arguments, cwd=here)


def covering(folder):
    """Profiles tiny.toml to me.json, for longer until every block was met; the last command.

    A free machine needs 0.05 minutes, one with other work has fewer visits in a minute.
    """
    tiny = space(str(folder / "tiny.toml"))
    for minutes in ("0.08", "0.3", "2"):
        (folder / "me.json").unlink(missing_ok=True)
        given = ("profile", "--space", "tiny.toml", "--minutes", minutes, "--out", "me.json")
        done = command(folder, *given)
        assert done.returncode == 0, done.stderr
        if read(folder / "me.json").covers(tiny) == 1:
            break
    return done, given


@pytest.mark.slow
def test_profile_end_to_end(tmp_path):
    (tmp_path / "tiny.toml").write_text(TINY)
    done, given = covering(tmp_path)
    assert "networks timed whole that nothing was fitted to" in done.stdout
    device, tiny = read(tmp_path / "me.json"), space(str(tmp_path / "tiny.toml"))
    assert device.name == "me"
    assert device.covers(tiny) == 1
    assert device.check["networks"] >= 3
    assert device.stamp["threads"] == 1
    assert device.stamp["space"] == "tiny"
    times = [one for one in device.blocks.values() if one is not None]
    assert all(0 < one.p50 <= one.p90 and one.runs >= 4 for one in times)
    largest = {"resolution": 24, "stage1.repeats": 3, "stage1.se": 0.25, "stage0.expand": 2}
    smallest = {"resolution": 16, "stage1.repeats": 1, "stage1.se": 0.0, "stage0.expand": 1}
    rest = {"stage0.kernel": 3, "stage1.channels": 6}
    (much, little), _ = device.predict([tiny.build(rest | largest), tiny.build(rest | smallest)])
    assert much > 1.3 * little > 0
    again = command(tmp_path, *given)
    assert again.returncode == 2
    assert "me.json exists" in again.stderr
    assert [path.name for path in tmp_path.glob("*me.json*")] == ["me.json"]


OFTEN = """
from nas.commands import main, progress

progress.EVERY = 0.0
main.main()
"""


@pytest.mark.slow
def test_an_interrupted_profile_leaves_nothing(tmp_path, tmp_path_factory):
    (tmp_path / "tiny.toml").write_text(TINY)
    program = tmp_path_factory.mktemp("often") / "often.py"  # says every visit
    program.write_text(OFTEN)
    given = ["profile", "--space", "tiny.toml", "--minutes", "5", "--out", "me.json"]
    process = processes.Running(str(program), *given, cwd=tmp_path)
    wait_for(lambda: "networks, round 1" in process.stderr, 60)  # it measures
    process.send_signal(signal.SIGINT)
    assert process.wait(60) == 130
    assert "Traceback" not in process.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["tiny.toml"]


def test_a_template_is_filled_in_and_searched_with(tmp_path):
    done = command(tmp_path, "profile", "--space", "efficientnet-small", "--template", "mcu.json",
                   "--json")  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["measured"] == 0
    content = json.loads((tmp_path / "mcu.json").read_text())
    assert tuple(content["blocks"]) == blocks_in(space("efficientnet-small"))
    assert set(content["blocks"].values()) == {None}
    empty = command(tmp_path, "devices", "mcu.json")
    assert empty.returncode == 2
    assert "no block has a time" in empty.stderr
    content["blocks"] = {key: work(key) for key in content["blocks"]}
    (tmp_path / "mcu.json").write_text(json.dumps(content))
    assert read(tmp_path / "mcu.json").covers(space("efficientnet-small")) == 1


@pytest.mark.parametrize(("arguments", "message"), [
    ((), "either --out FILE, to measure, or --template FILE"),
    (("--out", "a.json", "--runtime", "tflite"), "--runtime is 'tflite': expected one of torch"),
    (("--out", "a.json", "--threads", "0"), "--threads is 0: expected 1 or more"),
    (("--out", "a.json", "--threads", "9999"), "the cores of this machine"),
    (("--out", "no/a.json"), "the folder no does not exist"),
    (("--out", "/proc/a.json"), "/proc/a.json can't be written"),
    (("--out", 300 * "a"), "can't be written (File name too long)"),
    (("--out", "a.json", "--space", "mobile"), "there is no space 'mobile'"),
])  # fmt: skip
def test_wrong_arguments(tmp_path, arguments, message):
    done = command(tmp_path, "profile", *arguments)
    assert done.returncode == 2
    assert message in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_space_of_too_few_networks_is_refused():
    from nas.devices.profile import plan

    stages = [{"channels": [4, 8], "kernel": [3, 5]}]
    small = table_space("small", stages, {"stem": 4, "resolution": 16})
    with pytest.raises(UserError, match="has too few networks"):
        plan(small, blocks_in(small), 0)


@settings(max_examples=20)
@given(architectures())
def test_a_device_of_a_networks_blocks_predicts_it(network):
    times = {key: Times(1.0) for key in keys_of(network)}
    device = ProfiledDevice("one", blocks=times)
    assert device.predict_one(network)[0] == len(list(walk(network)))


def test_a_head_of_other_classes_is_estimated_from_the_measured_one():
    b0 = NETWORKS["efficientnet_b0"]
    times = {key: Times(work(key)) for key in keys_of(b0)}
    device = ProfiledDevice("d", blocks=times)
    for classes in (3, 10, 5000):
        ms, _ = device.predict_one(dataclasses.replace(b0, classes=classes))
        head = keys_of(b0)[-1]
        macs = 320 * 1280 * 49 + 1280 * classes
        change = times[head].p50 * (macs / (320 * 1280 * 49 + 1280 * 1000) - 1)
        assert ms == pytest.approx(device.predict_one(b0)[0] + change)
    with pytest.raises(OutOfDomain, match="does not cover"):  # another width is another head
        device.predict_one(dataclasses.replace(b0, head=640))


def test_a_profile_is_made_for_the_users_images(tmp_path):
    given = ["--template", str(tmp_path / "d.json"), "--space", "efficientnet-small"]
    sized = ["--pixels", "48x80", "--channels", "1", "--classes", "3"]
    done = CliRunner().invoke(cli, ["profile", *given, *sized])
    assert done.exit_code == 0, done.output
    keys = list(json.loads((tmp_path / "d.json").read_text())["blocks"])
    assert keys[0].startswith("1@48x80 ")
    assert all(key.endswith("linear 3") for key in keys if "linear" in key)


def test_what_a_profile_holds_is_broken_at_words(tmp_path, monkeypatch, capsys):
    stamp = {"machine": "x", "runtime": "torch", "on": "cpu", "threads": 1, "dtype": "float32",
             "blocks": 3, "space": "efficientnet", "rounds": 1, "disturbed": 0.5}  # fmt: skip
    monkeypatch.setattr("os.get_terminal_size", lambda *given: os.terminal_size((80, 9)))
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    device = ProfiledDevice("a", stamp=stamp)
    given = dict.fromkeys(("pixels", "channels", "classes"))
    path = Path("here.json")
    given["space"] = "efficientnet"
    print_profile(device, path, following(device, path, space("efficientnet"), given))
    lines = capsys.readouterr().out.splitlines()
    assert "3 blocks of efficientnet in 1 round;" in " ".join(lines)
    assert max(map(len, lines)) <= 80
    assert lines[-2].startswith("it does not cover the space efficientnet, so that a search there")
    assert lines[-1].endswith("more --minutes")
