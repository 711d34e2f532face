"""Latency tables of Once-for-all and ProxylessNAS: a network takes the sum of its entries."""

import json
import os
import random

import pytest
import yaml
from click.testing import CliRunner

from nas.commands.main import cli
from nas.devices.file import read
from nas.devices.tables import read_table
from search_spaces import NETWORKS, Architecture, Stage, UserError
from search_spaces.layers import stage_inputs

V2 = NETWORKS["mobilenet_v2"]
V3 = Architecture(  # as Once-for-all's space has them
    (
        Stage("mbconv", 16, 1, 3, 1, 1, activation="relu"),
        Stage("mbconv", 24, 2, 3, 2, 4, activation="relu"),
        Stage("mbconv", 40, 2, 5, 2, 3, 0.25, activation="relu", se_from="expanded",
              se_activation="relu", gate="hard_sigmoid"),
    ),
    stem=16, head=240, mix=320, mix_bias=False, activation="hard_swish", resolution=224,
)  # fmt: skip


def table_of(network, ratios):
    """Entries that the network needs, with times, and their sum over the network."""
    rng, table, whole = random.Random(0), {}, 0.0

    def add(text):
        nonlocal whole
        table.setdefault(text, {"mean": round(rng.uniform(0.1, 3.0), 3), "count": 100})
        whole += table[text]["mean"]

    px = network.resolution
    add(f"Conv-input:{px}x{px}x3-output:{px // 2}x{px // 2}x{network.stem}")
    for stage, channels, size in stage_inputs(network):
        c, side = channels, size.height
        for n in range(stage.repeats):
            stride = stage.stride if n == 0 else 1
            after = -(-side // stride)
            expand = stage.expand if ratios else round(stage.expand * c)
            skip = int(stride == 1 and c == stage.channels)
            text = (
                f"expanded_conv-input:{side}x{side}x{c}-output:{after}x{after}x{stage.channels}"
                f"-expand:{expand}-kernel:{stage.kernel}-stride:{stride}-idskip:{skip}"
            )
            if not ratios:
                text += f"-se:{int(stage.se > 0)}-hs:{int(stage.activation == 'hard_swish')}"
            add(text)
            c, side = stage.channels, after
    add(f"Conv_1-input:{side}x{side}x{c}-output:{side}x{side}x{network.head}")
    last = network.head
    if network.mix:
        add(f"AvgPool2D-input:{side}x{side}x{last}-output:1x1x{last}")
        add(f"Conv_2-input:1x1x{last}-output:1x1x{network.mix}")
        last = network.mix
    shape = last if ratios else f"1x1x{last}"
    add(f"Logits-input:{shape}-output:{network.classes}")
    return table, whole


@pytest.mark.parametrize(("network", "ratios"), [(V2, True), (V3, False)])
def test_a_network_takes_the_sum_of_its_entries(network, ratios, tmp_path):
    table, whole = table_of(network, ratios)
    (tmp_path / "note10.yaml").write_text(yaml.safe_dump(table))
    device = read_table(tmp_path / "note10.yaml")
    assert device.predict_one(network)[0] == pytest.approx(whole)


def test_the_command_writes_a_device_file_that_searches_take(tmp_path):
    table, whole = table_of(V2, True)
    (tmp_path / "phone.json").write_text(json.dumps(table))
    out = tmp_path / "device.json"
    given = ["devices", "import", str(tmp_path / "phone.json"), "--out", str(out)]
    done = CliRunner().invoke(cli, given)
    assert done.exit_code == 0, done.output
    assert f"{len(read(out).measured)} blocks" in done.output
    assert read(out).predict_one(V2)[0] == pytest.approx(whole)
    assert "exists" in str(CliRunner().invoke(cli, given).exception)
    swish = CliRunner().invoke(cli, [*given, "--force", "--activation", "swish"])
    assert swish.exit_code == 0
    assert all("relu" not in key for key in read(out).measured)


@pytest.mark.parametrize("content", ["", "[1]", "a: {mean: 1}", "{", "Conv-input:2x2x3: {mean: x}",
                                     "Other-input:7x7x3-output:10: {mean: 1.0}"])  # fmt: skip
def test_other_files_are_refused_in_a_sentence(content, tmp_path):
    (tmp_path / "t.yaml").write_text(content)
    with pytest.raises(UserError, match=r"the table .*t\.yaml .*expected entries as"):
        read_table(tmp_path / "t.yaml")


BLOCK = "expanded_conv-input:14x14x80-output:14x14x112"


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        (f"{BLOCK}-kernel:3-stride:1: 1", "it lacks expand"),
        (f"{BLOCK}-expand:6-stride:1: 1", "it lacks kernel"),
        (f"{BLOCK}-expand:6-kernel:3: 1", "it lacks stride"),
        (f"{BLOCK}-expand:0-kernel:3-stride:1: 1", "Stage.expand is 0"),
        (f"{BLOCK}-expand:6-kernel:4-stride:1: 1", "expected an odd number"),
        (f"{BLOCK}-expand:6-kernel:3-stride:0: 1", "Stage.stride is 0"),
        (f"{BLOCK}-expand:6-kernel:3-stride:2: 1", "a stride of 2 makes 7 of its input"),
        (f"{BLOCK}-expand:480-kernel:3-stride:1-se:1-hs:7: 1", "hs is 7: expected 0 or 1"),
        (f"{BLOCK}-expand:\u00b2-kernel:3-stride:1: 1", "expected entries as"),
        (f"{BLOCK}-expand:{'9' * 500}-kernel:3-stride:1: 1", "expected entries as"),
        (f"{BLOCK}-expand:6-kernel:3-stride:1: {'9' * 400}", "expected entries as"),
        (f"{BLOCK}-expand:6-kernel:3-stride:1: .nan", "expected entries as"),
        ("expanded_conv-input:0x0x0-output:14x14x112-expand:6-kernel:3-stride:1: 1", "is 0"),
        ("Conv-input:224x224x3-output:0x0x16: 1", "is 0"),
        ("Conv-input:224x224x0-output:112x112x16: 1", "is 0"),
        ("Conv-input:224x224x3-output:500x500x16: 1", "a stride of 1 makes 224"),
    ],
    ids=lambda text: text[-50:].encode("ascii", "replace").decode(),
)
def test_an_entry_that_no_layer_can_have_is_named(entry, said, tmp_path):
    (tmp_path / "t.yaml").write_text(f"Logits-input:7x7x1280-output:1000: 1\n{entry}\n")
    with pytest.raises(UserError, match=f"(?s)the table .*t\\.yaml has the entry .*{said}"):
        read_table(tmp_path / "t.yaml")


@pytest.mark.parametrize("form", ["{}: 1\n{}: 2\n", '{{"{}": 1, "{}": 2}}'])
def test_a_layer_with_two_times_is_refused(form, tmp_path):
    block = f"{BLOCK}-expand:6-kernel:3-stride:1"
    (tmp_path / "t.yaml").write_text(form.format(block, block))
    with pytest.raises(UserError, match="twice"):
        read_table(tmp_path / "t.yaml")


def test_a_number_as_json_writes_it(tmp_path):
    """YAML takes 5e-05 for a text."""
    (tmp_path / "t.json").write_text(json.dumps({f"{BLOCK}-expand:6-kernel:3-stride:1": 5e-05}))
    assert list(read_table(tmp_path / "t.json").measured.values()) == [5e-05]


@pytest.mark.parametrize(("size", "said"), [(None, "no regular file"), (1 << 26, "bytes")])
def test_a_table_without_an_end_is_not_read(size, said, tmp_path):
    if size is None:
        os.mkfifo(tmp_path / "t.yaml")
    else:
        with (tmp_path / "t.yaml").open("wb") as file:
            file.truncate(size + 1)
    with pytest.raises(UserError, match=said):
        read_table(tmp_path / "t.yaml")
