"""From what a user types to an architecture."""

import json

import pytest

from results.runs.load import load_architecture
from search_spaces import NETWORKS, UserError, to_json
from search_spaces.architecture import to_dict

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


def test_what_cannot_be_loaded_is_answered_in_a_sentence(tmp_path):
    for name in ("young", "pictures", "family"):
        (tmp_path / name).mkdir()
    (tmp_path / "young" / "run.json").write_text("{}")
    (tmp_path / "family" / "family.json").write_text(json.dumps({"networks": [{"name": "b1"}]}))
    (tmp_path / "text.json").write_text("hello")
    (tmp_path / "other.json").write_text('{"architecture": {"stages": [{"op": "mbconv"}]}}')
    for spec, says in {
        "young": "has no best.json yet",
        "pictures": "is no run: expected one with best.json",
        "": "'' is no network, run or file",
        "family": "holds several networks: take one of b1, as ",
        "family:b2": "holds no network 'b2': take one of b1",
        "text.json": "is no JSON",
        "other.json": "other.json: Stage lacks its field 'channels'",
        "nope": "'nope' is no network, run or file: expected one of efficientnet_b0, ",
    }.items():
        with pytest.raises(UserError) as raised:
            load_architecture(spec, tmp_path)
        assert says in str(raised.value)
