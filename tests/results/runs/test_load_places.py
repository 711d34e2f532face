"""A name leads to a run, whatever else is called so."""

import json

from results.runs.load import load_architecture, run_folder
from search_spaces import NETWORKS, to_json


def test_a_folder_of_images_hides_no_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "flowers" / "train").mkdir(parents=True)
    run = tmp_path / "runs" / "flowers"
    run.mkdir(parents=True)
    b0 = NETWORKS["efficientnet_b0"]
    (run / "best.json").write_text(json.dumps({"architecture": json.loads(to_json(b0))}))
    assert load_architecture("flowers") == b0
    assert run_folder("flowers", tmp_path / "runs") == run
