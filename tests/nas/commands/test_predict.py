"""`nas predict` and `nas.predict`: what networks would reach, from what a user types."""

import dataclasses
import json
import shlex

import processes
import pytest
from click.testing import CliRunner

import nas
from nas.commands.main import cli
from nas.evaluators import evaluator
from results.runs.strings import Shape, from_strings
from search_spaces import NETWORKS, OutOfDomain, UserError, cost, to_json

B0 = NETWORKS["efficientnet_b0"]
STRINGS = (
    "ds_r1_k3_s1_e1_c16 ir_r2_k3_s2_e6_c24 ir_r3_k5_s2_e6_c40 ir_r3_k3_s2_e6_c80 "
    "ir_r3_k5_s1_e6_c112 ir_r4_k5_s2_e6_c192"
)


def predict(*arguments):
    done = CliRunner().invoke(cli, ["predict", *map(str, arguments)])
    if done.exception is not None:
        raise done.exception
    return done.stdout


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    return nas.find(4e8, trials=32, runs=tmp_path_factory.mktemp("runs"), name="found")


def test_a_name_a_run_and_a_file_stand_in_one_table(found, tmp_path):
    small = dataclasses.replace(B0, resolution=160, name="")
    (tmp_path / "small.json").write_text(to_json(small))
    given = ("efficientnet_b0", "found", tmp_path / "small.json", "--runs", found.folder.parent)
    said, rows = predict(*given), json.loads(predict(*given, "--json"))
    assert "EfficientNet's full recipe" in " ".join(said.split())
    for row, network in zip(rows, (B0, found.architecture, small), strict=True):
        costs = cost(network)
        assert row["id"] == network.id
        assert (row["macs"], row["params"], row["memory"]) == (
            costs.macs, costs.params, costs.memory,
        )  # fmt: skip
        assert row["resolution"] == network.resolution
        assert f"{row['top1']:.2f} ± {row['spread']:.2f}" in said
        assert (row["name"] or row["id"]) in said
        assert all(one["network"] in said for one in row["nearest"])
        assert all(note[:40] in said for note in row["notes"])
    b0, pick, lower = rows
    assert b0["top1"] == pytest.approx(77.1, abs=0.01)
    assert lower["top1"] + lower["spread"] < b0["top1"]
    # the run's own prediction, to what a batch changes; its spread is of the difference to B0
    assert pick["top1"] == pytest.approx(found.pick.accuracy, abs=1e-3)


def test_networks_of_runs_are_called_as_they_were_typed(found):
    runs = ("--runs", found.folder.parent)
    given = ("found:beside", "found", "efficientnet_b1", "semnasnet_100")
    names = [row["name"] for row in json.loads(predict(*given, *runs, "--json"))]
    assert names == ["found:beside", "found", "efficientnet_b1", "mnasnet_a1"]


def test_on_a_narrow_terminal_names_stay_whole(monkeypatch):
    monkeypatch.setattr("results.terminal.USUAL", 44)
    heading, row, *_ = predict("efficientnet_b0").splitlines()
    assert heading.split() == ["network", "top-1", "%", "MACs", "px"]
    assert row.split() == ["efficientnet_b0", "77.10", "±", "0.30", "385.8M", "224"]


def test_the_nearest_evidence_of_b0_is_b0():
    (row,) = json.loads(predict("efficientnet_b0", "--json"))
    nearest = row["nearest"]
    assert [one["distance"] for one in nearest] == sorted(one["distance"] for one in nearest)
    assert nearest[0]["distance"] == pytest.approx(0, abs=0.05)
    assert "efficientnet_b0" in nearest[0]["network"]
    assert 76 < nearest[0]["top1"] < 79
    assert row["notes"] == []


def test_block_strings_are_scaled_to_a_width_and_to_pixels():
    given = (STRINGS, "--width", 1.25, "--pixels", 192, "--json")
    wide, plain = (json.loads(predict(*one))[0] for one in (given, (STRINGS, "--json")))
    network = from_strings(STRINGS, Shape(width=1.25, pixels=192))
    assert (wide["id"], wide["resolution"]) == (network.id, 192)
    assert plain["id"] == from_strings(STRINGS).id != wide["id"]
    assert plain["params"] < wide["params"]
    mean, spread = evaluator("imagenet").predict([network])
    assert (wide["top1"], wide["spread"]) == pytest.approx((mean[0], spread[0]))


def test_the_examples_of_the_help_that_need_no_run_work():
    whole = [one for one in cli.get_command(None, "predict").examples if "runs/" not in one]
    assert any("ir_r2" in one for one in whole)
    for example in whole:
        predict(*shlex.split(example)[2:])


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ((STRINGS, "--pixels", "2000"), "no evidence for resolution of"),
        (("resnet_50", "ds_r1_k3_s1_e1_c16"), "no evidence for depth of 1 blocks"),
        (("efficientnet_b0", "--width", "2"), "--width is for block strings"),
        (("efficientnet_b0", "nope"), "'nope' is no network, run or file"),
        (("ir_r2_k3_s2_e6_c24 cn_r1",), "block string 'cn_r1' lacks 'k'"),
    ],
)
def test_what_can_not_be_predicted_is_refused_in_a_sentence(arguments, sentence):
    with pytest.raises(UserError) as refused:
        predict(*arguments)
    assert sentence in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_refusal_ends_with_exit_code_2_and_one_line(tmp_path):
    done = processes.run("nas", "predict", STRINGS, "--pixels", "2000", cwd=tmp_path)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith("nas: the ImageNet model can't speak of ")
    assert done.stderr.count("\n") == 1
    assert not any(tmp_path.iterdir())


def test_one_that_can_not_be_predicted_hides_no_other(tmp_path):
    (tmp_path / "large.json").write_text(to_json(dataclasses.replace(B0, resolution=2000)))
    given = ["predict", "efficientnet_b0", str(tmp_path / "large.json"), "mobilenet_v2"]
    done = CliRunner().invoke(cli, given)
    assert "77.10" in done.stdout
    assert "mobilenet_v2" in done.stdout
    assert isinstance(done.exception, UserError)
    assert str(done.exception).count("no evidence for resolution of 2000 px") == 1
    done = CliRunner().invoke(cli, [*given, "--json"])
    b0, large, v2 = json.loads(done.stdout)
    assert isinstance(done.exception, UserError)
    assert set(large) == {"name", "id", "error"}
    assert b0["top1"] > v2["top1"]


def test_other_classes_are_judged_as_imagenet_s(tmp_path):
    ten = dataclasses.replace(B0, classes=10)
    row, b0 = nas.predict(ten, B0).to_dict("records")
    assert (row["top1"], row["spread"]) == (b0["top1"], b0["spread"])
    assert (row["id"], row["params"]) == (ten.id, cost(ten).params)
    assert "has 10 classes" in row["notes"][0]
    assert b0["notes"] == []


def test_python_takes_several_and_what_searches_and_trainings_leave(found):
    runs = found.folder.parent
    frame = nas.predict("efficientnet_b0", found, [found.architecture, "found"], runs=runs)
    assert frame["id"].tolist() == [B0.id] + [found.architecture.id] * 3
    assert frame["name"].tolist() == ["efficientnet_b0", "found", "", "found"]
    (row,) = json.loads(predict("found", "--runs", runs, "--json"))
    assert row["name"] == "found"
    for other in (5, None, [5], [["efficientnet_b0"]]):
        with pytest.raises(UserError, match="is no network: expected architectures, names"):
            nas.predict(other)


def test_python_gives_a_frame(found):
    frame = nas.predict(["efficientnet_b0", B0, "found"], runs=found.folder.parent)
    (row,) = json.loads(predict("efficientnet_b0", "--json"))
    assert list(frame.columns) == list(row)
    assert frame["id"].tolist() == [B0.id, B0.id, found.architecture.id]
    assert frame["top1"].tolist() == pytest.approx([row["top1"]] * 2 + [found.pick.accuracy], 1e-5)
    assert len(nas.predict(B0)) == len(nas.predict("mobilenet_v2")) == 1
    for nothing in (nas.predict(), nas.predict([])):
        assert list(nothing.columns) == list(frame.columns)
        assert nothing.empty
    with pytest.raises(OutOfDomain, match="no evidence for resolution of"):
        nas.predict([B0, dataclasses.replace(B0, resolution=2000)])
