"""From what a user types to an architecture."""

import json
import re

import pytest

from results.runs.load import load_architecture
from results.runs.strings import Shape
from search_spaces import NETWORKS, UserError, to_json
from search_spaces.architecture import to_dict
from search_spaces.cost import cost
from search_spaces.interchange import to_tf

A1 = NETWORKS["mnasnet_a1"]


def test_a_network_a_run_its_folder_or_a_file(tmp_path):
    run, file = tmp_path / "mine", tmp_path / "a1.json"
    run.mkdir()
    (run / "best.json").write_text(json.dumps({"accuracy": 75.0, "architecture": to_dict(A1)}))
    file.write_text(to_json(A1))
    for spec in ("mnasnet_a1", "mine", str(run), str(run / "best.json"), str(file)):
        assert load_architecture(spec, tmp_path) == A1


def test_a_network_of_a_family(tmp_path):
    (tmp_path / "mine").mkdir()
    content = {"networks": [{"name": "phi1", "architecture": to_dict(A1)}]}
    (tmp_path / "mine" / "family.json").write_text(json.dumps(content))
    for place in ("mine", tmp_path / "mine", tmp_path / "mine" / "family.json"):
        assert load_architecture(f"{place}:phi1", tmp_path) == A1


B0 = NETWORKS["efficientnet_b0"]
TIMM = (
    "ds_r1_k3_s1_e1_c16_se0.25 ir_r2_k3_s2_e6_c24_se0.25 ir_r2_k5_s2_e6_c40_se0.25 "
    "ir_r3_k3_s2_e6_c80_se0.25 ir_r3_k5_s1_e6_c112_se0.25 ir_r4_k5_s2_e6_c192_se0.25 "
    "ir_r1_k3_s1_e6_c320_se0.25"
)


def test_block_strings_of_timm_and_tensorflow(tmp_path):
    file, nested = tmp_path / "b0.txt", tmp_path / "b0.json"
    file.write_text(TIMM.replace(" ", "\n") + "\n")
    nested.write_text(json.dumps([[string] for string in TIMM.split()]))
    tensorflow = ",".join(to_tf(B0))
    for spec in (TIMM, TIMM.replace(" ", ","), tensorflow, str(file), str(nested)):
        assert load_architecture(spec, tmp_path) == B0
    b1 = load_architecture(TIMM, tmp_path, Shape(depth=1.1, pixels=240))
    assert cost(b1).params == 7_794_184  # EfficientNet-B1's
    wide = load_architecture(str(file), tmp_path, Shape(width=1.1, depth=1.2, head=1408))
    assert cost(wide).params == 9_109_994  # EfficientNet-B2's


@pytest.mark.parametrize(
    ("spec", "shape", "says"),
    [
        ("r1_k3_s11_e1_i32_o16,r2_k3_s22_e6_i24_o24", {}, "has i24, but the block before it"),
        ("ir_r1_k3.5_s2_e6_c24", {}, "mixed kernels"),
        ("uir_r1_a0_k3_s2_e6_c24", {}, "has type 'uir'"),
        ("r1_k3_s11_e1_i32_o16", {"width": 2.0}, "--width multiplies timm's block strings"),
        ("efficientnet_b0", {"pixels": 192}, "--pixels is for block strings"),
        ('["ds_r1_k3_s1_e1_c16", 3]', {}, "holds no block strings"),
    ],
)
def test_block_strings_that_say_no_network(spec, shape, says, tmp_path):
    with pytest.raises(UserError, match=re.escape(says)):
        load_architecture(spec, tmp_path, Shape(**shape))


def test_what_cannot_be_loaded_is_answered_in_a_sentence(tmp_path):
    for name in ("young", "cut", "lost", "audit", "pictures", "family"):
        (tmp_path / name).mkdir()
    record = {"experiment": {"kind": "search"}, "sessions": [], "command": "nas search --name y"}
    (tmp_path / "young" / "run.json").write_text(json.dumps(record))
    record = {"experiment": {"kind": "train"}, "sessions": [{"interrupted": True, "command": "a"}]}
    (tmp_path / "cut" / "run.json").write_text(json.dumps(record))
    record["sessions"].append({"interrupted": False, "command": "nas train b"})
    (tmp_path / "lost" / "run.json").write_text(json.dumps(record))
    record["experiment"]["kind"] = "audit"
    (tmp_path / "audit" / "run.json").write_text(json.dumps(record))
    (tmp_path / "family" / "family.json").write_text(json.dumps({"networks": [{"name": "b1"}]}))
    (tmp_path / "none").mkdir()
    (tmp_path / "none" / "family.json").write_text(json.dumps({"networks": [1, 2]}))
    (tmp_path / "text.json").write_text("hello")
    (tmp_path / "other.json").write_text('{"architecture": {"stages": [{"op": "mbconv"}]}}')
    for spec, says in {
        "young": "no best.json yet: the search was cut off or is under way; its command goes on "
        "with it: nas search --name y",
        "cut": "no best.json yet: the training was cut off",
        "lost": "no best.json any more: its last session ended; its command writes it again: nas",
        "audit": "is of the kind audit, which leaves no network",
        "pictures": "is no run: expected one with best.json",
        "": "'' is no network, run or file",
        "family": "holds several networks: take one of b1, as ",
        "family:b2": "holds no network 'b2': take one of b1",
        "none:b1": "family.json holds no network: expected those of `gridsearch family`",
        "text.json": "is no JSON",
        "other.json": "other.json: Stage lacks its field 'channels'",
        "nope": "'nope' is no network, run or file: expected one of efficientnet_b0, ",
    }.items():
        with pytest.raises(UserError) as raised:
            load_architecture(spec, tmp_path)
        assert says in str(raised.value)
