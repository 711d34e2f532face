"""What a score was worth: the recorded table, the figures made of it, and the sentence on them."""

import csv
import importlib.util
import json
import random
from dataclasses import replace
from pathlib import Path

import pytest

from nas.evaluators import evaluate, evaluator, label_of, unit_of
from nas.scores.batch import noise_batch
from nas.scores.judge import IMAGENET, judged
from nas.scores.registry import COSTS, SCORES
from nas.scores.worth import recorded, sentence, verdict
from search_spaces import UserError, cost, space

ROOT = Path(__file__).parents[3]
TABLE = ROOT / "benchmarks" / "data" / "cifar10_trainings.csv"


def small():
    where = space("efficientnet-small")
    return where.build({name: options[0] for name, options in where.choices.items()})


def program():
    """benchmarks/scores.py as a module."""
    spec = importlib.util.spec_from_file_location("scores", ROOT / "benchmarks" / "scores.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_figures_in_the_package_are_those_of_the_recorded_table():
    made = program().worth_of(TABLE)
    held = recorded()
    for name in (*SCORES, *COSTS):
        for key, value in held["tau"][name].items():
            assert made["tau"][name][key] == pytest.approx(value, abs=2e-3), (name, key)
    assert made["networks"] == held["networks"]


def test_the_tables_costs_are_those_of_its_networks():
    where = space("efficientnet-small")
    with TABLE.open(newline="") as lines:
        rows = list(csv.DictReader(lines))
    for row in rows[::7]:
        values = {
            name: next(o for o in options if str(o) == row[name])
            for name, options in where.choices.items()
        }
        assert cost(where.build(values)).macs == int(row["cost"])
    assert json.loads(TABLE.with_suffix(".json").read_text())["recipe"]["space"] == where.name


@pytest.mark.parametrize("name", SCORES)
def test_an_evaluator_says_what_its_score_is_worth(name):
    made = evaluator(name)
    assert unit_of(made) == SCORES[name].title
    assert sentence(name) in label_of(made)
    assert f"{recorded()['tau'][name]['tau']:.2f}" in sentence(name)
    assert f"{recorded()['tau']['macs']['tau']:.2f}" in sentence(name)


def test_the_verdict_is_in_favour_of_a_score_only_where_the_table_is_sure():
    assert "better than they do." in verdict({"gain_low": 0.01, "gain_high": 0.3})
    assert "as far as" in verdict({"gain_low": -0.1, "gain_high": 0.3})
    assert "worse" in verdict({"gain_low": -0.3, "gain_high": -0.1})


def test_what_was_known_of_trained_networks_is_judged_with_the_prediction_for_their_twins():
    where = space("efficientnet-small")
    networks = [replace(where.build(where.sample(random.Random(n))), resolution=16)
                for n in range(3)]  # fmt: skip
    found = judged({one: float(cost(one).macs) for one in networks},
                   lambda one: noise_batch(one.size, images=8))  # fmt: skip
    assert {one.name for one in found} == {*SCORES, *COSTS, IMAGENET}
    by_name = {one.name: one.ranked.tau for one in found}
    assert by_name["macs"] == found[0].ranked.tau == 1
    assert judged(dict.fromkeys(networks[:2], 1.0), noise_batch) == []


def test_a_score_looks_at_the_images_of_a_folder(tmp_path, monkeypatch, coloured):
    monkeypatch.setenv("COMPOUND_NAS_CACHE", str(tmp_path / "cache"))
    coloured(tmp_path / "images", 8)
    seen, noise = evaluator(f"gradnorm:{tmp_path / 'images'}"), evaluator("gradnorm")
    network = small()
    first = evaluate(seen, network, 1, 0)
    assert first.error is None
    assert first.measurement != evaluate(noise, network, 1, 0).measurement
    assert str(tmp_path / "images") in label_of(seen)


def test_a_folder_that_can_not_be_used_is_refused_at_once(tmp_path):
    with pytest.raises(UserError, match="nowhere"):
        evaluator(f"naswot:{tmp_path / 'nowhere'}")
    with pytest.raises(UserError, match="looks at no images"):
        evaluator(f"zen:{tmp_path}")


def test_a_score_may_be_above_a_hundred_and_an_accuracy_not():
    class Raw:
        unit = "raw score"

        def __call__(self, architecture, budget, seed):
            return seed

    assert evaluate(Raw(), small(), 1, 1634).error is None
    assert "expected 0 or more" in evaluate(Raw(), small(), 1, -1).error
