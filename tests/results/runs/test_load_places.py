"""A name leads to a run, whatever else is called so."""

import json
from dataclasses import replace

import pytest

from results.runs.load import load_architecture, load_space, run_folder
from search_spaces import NETWORKS, to_json
from search_spaces.errors import UserError
from search_spaces.spaces import inside


def test_a_folder_of_images_hides_no_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "flowers" / "train").mkdir(parents=True)
    run = tmp_path / "runs" / "flowers"
    run.mkdir(parents=True)
    b0 = NETWORKS["efficientnet_b0"]
    (run / "best.json").write_text(json.dumps({"architecture": json.loads(to_json(b0))}))
    assert load_architecture("flowers") == b0
    assert run_folder("flowers", tmp_path / "runs") == run


def test_a_space_is_inside_whatever_names_a_network(tmp_path):
    lite = replace(NETWORKS["efficientnet_lite0"], resolution=96)
    file, run = tmp_path / "lite.json", tmp_path / "runs" / "mine"
    run.mkdir(parents=True)
    file.write_text(to_json(lite))
    (run / "best.json").write_text(json.dumps({"architecture": json.loads(to_json(lite))}))
    for name in (str(file), str(run), "mine"):
        where = load_space(f"inside:{name}", tmp_path / "runs")
        assert where.choices == inside(lite).choices
        assert where.build(where.known()[0]).resolution == 96
    with pytest.raises(UserError, match="'none' is no network, run or file"):
        load_space("inside:none", tmp_path / "runs")
