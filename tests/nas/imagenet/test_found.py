"""Networks that searches by the embedded model begin with."""

import hashlib
import importlib.resources
import json

import numpy as np
import pytest

from nas.evaluators import against
from nas.imagenet.evaluator import ImagenetEvaluator
from nas.imagenet.found import FILE, found_in
from nas.imagenet.joint.load import EMBEDDED, load
from nas.objective import Objective, limits_of
from nas.search.beside.scaled import reference_of
from nas.search.generations import Generations, found_by
from nas.search.long import main, targets
from nas.strategies.beginning import beginning
from nas.strategies.codes import codes_of
from nas.strategies.problem import SpaceProblem
from results.runs.files import write_json
from search_spaces import cost, space

WHERE = space("mbconv")
DATA = importlib.resources.files("nas.imagenet") / "data"
HELD = json.loads((DATA / FILE).read_text())
MODEL = ImagenetEvaluator()


def test_they_are_of_this_model_and_this_space():
    """After another fit, or a change of the space: `python -m nas.search.long --out FILE`."""
    assert HELD["model"] == hashlib.sha256((DATA / EMBEDDED).read_bytes()).hexdigest()
    assert HELD["choices"] == list(WHERE.choices)
    assert [row["target"] for row in HELD["networks"]] == targets()
    assert len(found_in(WHERE)) == len(targets())


@pytest.mark.parametrize("row", HELD["networks"][::6], ids=lambda row: f"{row['target']:.3g}")
def test_each_takes_its_t_and_is_worth_what_is_held(row):
    asked = Objective("hard", row["target"])
    network = WHERE.build(dict(zip(HELD["choices"], row["values"], strict=True)))
    assert 0.97 * asked.target < cost(network).macs <= asked.target
    judge = against(MODEL, *reference_of(WHERE, asked, (), MODEL))
    mean, spread = judge.predict([network])
    assert mean[0] - asked.caution * spread[0] == pytest.approx(row["merit"], abs=1e-6)


def test_only_searches_of_that_space_by_that_model_begin_with_them():
    assert found_by(MODEL, WHERE) == found_in(WHERE)
    assert found_by(MODEL, space("efficientnet")) == ()
    assert found_by(ImagenetEvaluator(model=load().__class__(**vars(load()))), WHERE) == ()
    assert found_by(lambda network, budget, seed: 50.0, WHERE) == ()


def test_the_first_generation_has_the_nearest_some_of_every_cost_and_what_is_beside_larger_ones():
    asked, starts = Objective("hard", 1e8), found_by(MODEL, WHERE)
    codes = codes_of(WHERE.choices, starts)
    limits = limits_of(asked)
    problem = SpaceProblem(WHERE, asked, limits)
    near, every, brought, *people = beginning(problem, codes, 32)
    costs = [cost(one).macs for one in map(WHERE.build, starts)]
    within = [at for at, macs in enumerate(costs) if macs <= 1e8]
    assert near.tolist() == codes[within[::-1][:4]].tolist()
    assert [codes.tolist().index(code) for code in every.tolist()][-1] < 6
    assert len(every) <= 8
    over = codes[within[-1] + 1 :][:2]
    away = (brought[:, None] != over).sum(2).min(1)
    assert (len(brought), away.tolist()) == (4, [1] * 4)
    assert problem.facts(brought).cost.min() > 0.99e8
    whole = np.vstack([near, every, brought, *people])
    assert len(whole) <= 32
    assert problem.facts(whole).allowed.all()
    search = Generations(WHERE, asked, (), 0, starts=starts)
    assert search.ask() is not None
    assert set(search.networks).issuperset(problem.networks(whole))
    assert [len(part) for part in beginning(problem, codes[:0], 32)] == [0, 16, 8]


def test_long_searches_better_what_they_begin_with_and_write_over_nothing(tmp_path, capsys):
    """Merits are this model's, whatever a file says."""
    out, begin, near = tmp_path / "out.json", tmp_path / "begin.json", (2.95e8, 3e8)
    rows = [row for row in HELD["networks"] if near[0] < row["target"] < near[1]]
    write_json(begin, {**HELD, "how": "so", "networks": [{**row, "merit": 99.0} for row in rows]})
    given = ["--out", str(out), "--least", "295M", "--most", "300M", "--trials", "1000"]
    assert main([*given, "--begin", str(begin)]) == 0
    made = json.loads(out.read_text())
    assert made["how"] == "so; 1 x 1,000 networks with seed 0"
    assert rows[0]["merit"] - 1e-6 <= made["networks"][0]["merit"] < 99
    for wrong, said in (
        (given, "is there already: expected the name of a new file"),
        (["--out", str(tmp_path / "b"), "--least", "1", "--most", "2"], "no T lies between"),
        (["--out", str(tmp_path / "b"), "--begin", str(tmp_path / "c")], "No such file"),
    ):
        assert main(wrong) == 2
        assert said in capsys.readouterr().err
    for odd in (
        [1],
        {"a": 1},
        {**HELD, "space": "mnasnet"},
        {**HELD, "networks": [{}]},
        {**HELD, "networks": [{**rows[0], "values": rows[0]["values"][1:]}]},
        {**HELD, "networks": [{**rows[0], "values": [0.77, *rows[0]["values"][1:]]}]},
    ):
        write_json(begin, odd)
        assert main(["--out", str(tmp_path / "b"), "--begin", str(begin)]) == 2
        assert "expected" in capsys.readouterr().err
    assert not (tmp_path / "b").exists()


def test_what_is_said_of_how_is_what_was_done(tmp_path, monkeypatch):
    """Stopped in the second of four searches, the file tells of one."""
    values, left = found_in(WHERE)[0], [1, 0]

    def one(*asked):
        if not left.pop(0):
            raise KeyboardInterrupt
        return values

    monkeypatch.setattr("nas.search.long.best", one)
    assert main(["--out", str(tmp_path / "out.json"), "--most", "20M"]) == 130
    made = json.loads((tmp_path / "out.json").read_text())
    assert (made["how"], len(made["networks"])) == ("1 x 100,000 networks with seed 0", 1)


def test_ctrl_c_in_a_long_search_is_one_sentence(tmp_path, capsys, monkeypatch):
    def stopped(*asked):
        raise KeyboardInterrupt

    monkeypatch.setattr("nas.search.long.best", stopped)
    assert main(["--out", str(tmp_path / "out.json")]) == 130
    assert capsys.readouterr().err.strip() == "python -m nas.search.long: interrupted"
