"""Stored trials whose fields are not what they must be: refused where they are read."""

import json
import re

import optuna
import pytest

from results.runs import journal
from results.runs.database import content_of
from results.runs.records import Trial
from results.runs.store import Store
from search_spaces import Architecture, Stage, UserError

CHOICES = {"c": (8, 16)}


@pytest.fixture(params=["brief", "whole"])
def path(request, tmp_path):
    """A journal of two trials, and what its last line holds."""
    file = tmp_path / "trials.journal"
    store = Store(file, {"seed": 0}, CHOICES)
    for number in range(2):
        network = Architecture((Stage("mbconv", 8),))
        trial = Trial(number, {"c": 8}, network, 70.5, 0.1, budget=2.0, seed=3, seconds=1.5)
        store.append(trial, 1e6, soon=request.param == "brief")
    store.flush()
    return file


def damage(path, field, value):
    """Sets a field of the last line: an attribute, or where there is none, one of the line's."""
    *before, last = path.read_text().splitlines()
    line = json.loads(last)
    own = line["user_attrs"]
    if field == "accuracy" and "stages" in own:  # it stands once
        line["values"][0] = value
    else:
        (own if field in own and field != "values" else line)[field] = value
    after = json.dumps(line, separators=(",", ":"))
    path.write_text("\n".join([*before, after]) + "\n")


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("seconds", [1], "a list for seconds: expected a number of 0 or more"),
        ("seconds", "x", "'x' for seconds: expected a number"),
        ("seconds", 10**40, "10+... for seconds: expected a number of 0 or more .whole ones"),
        ("seconds", float("nan"), "nan for seconds: expected a number"),
        ("budget", 10**400, "10+... for budget: expected a number"),
        ("budget", -1, "-1 for budget: expected a number of 0 or more"),
        ("budget", True, "True for budget: expected a number"),
        ("number", None, "nothing for number: expected a whole number of 0 or more"),
        ("number", -1, "-1 for number: expected a whole number"),
        ("number", 1.0, "1.0 for number: expected a whole number"),
        ("accuracy", "x", "'x' for accuracy: expected a number of 0 or more"),
        ("spread", "x", "'x' for spread: expected a number"),
        ("seed", "x", "'x' for seed: expected a whole number"),
        ("seed", 10**400, "10+... for seed: expected a whole number"),
        ("values", ["x", 1e6], "(a list for values|'x' for accuracy): expected"),
        ("values", [70.5, "x"], "'x' for its cost in values: expected a number"),
        ("values", None, "(nothing for values|1 for state): expected"),
        ("state", 77, "77 for state: expected 1, since it has an accuracy"),
        ("datetime_complete", "yesterday", "'yesterday' for datetime_complete: expected a time"),
        ("user_attrs", [], "it is not as this program writes trials"),
    ],
)  # fmt: skip
def test_a_damaged_field_is_named_with_its_line(path, field, value, said):
    damage(path, field, value)
    held = path.read_bytes()
    wanted = rf"line 5 of {re.escape(str(path))} can't be used: .*{said}.*; put it back as it was"
    with pytest.raises(UserError, match=wanted):
        journal.read(path, CHOICES)
    with pytest.raises(UserError, match=wanted):
        Store(path, {"seed": 0}, CHOICES)
    assert path.read_bytes() == held


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("}", "]", "it is no JSON, or holds a text that is none .Expecting"),
        ('"number"', '"number', "it is no JSON"),
        (r"\"choices\":", r"\"choices\"", "it is no JSON, or holds a text that is none"),
        ('"number":0', '"number":' + "9" * 5000, "it is not as this program writes trials"),
        ('"user_attrs"', '"user_attrx"', "it is not as this program writes trials"),
        ('"c":8', '"c":9', "it is not as this program writes trials"),
        ('"c"', '"\xff"', "it is not as this program writes trials"),
    ],
)  # fmt: skip
def test_a_line_that_is_broken_anywhere_is_named(path, before, after, said):
    lines = path.read_bytes().splitlines()
    whole = rb"\"choices\"" in lines[3]
    if whole and before == '"c":8':
        before, after = '"params":{"c":0', '"params":{"d":0'
    if not whole and before.startswith("\\"):
        pytest.skip("a brief line holds no text of JSON")
    assert before.encode() in lines[3]
    lines[3] = lines[3].replace(before.encode(), after.encode("latin1"))
    path.write_bytes(b"\n".join(lines) + b"\n")
    wanted = rf"^line 4 of {re.escape(str(path))} can't be used: {said}"
    with pytest.raises(UserError, match=wanted):
        journal.read(path, CHOICES)
    with pytest.raises(UserError, match=wanted):
        Store(path, {"seed": 0}, CHOICES)


def test_an_error_is_a_text(path):
    damage(path, "state", 3)
    damage(path, "values", None)
    for name, value in (("accuracy", None), ("error", 10**40)):
        *before, last = path.read_text().splitlines()
        line = json.loads(last)
        line["user_attrs"] |= {name: value} if name == "error" or "stages" not in last else {}
        path.write_text("\n".join([*before, json.dumps(line)]) + "\n")
    with pytest.raises(UserError, match=r"10+\.\.\. for error: expected a text or null"):
        journal.read(path, CHOICES)


def test_a_line_that_optuna_cannot_read_either_is_told_in_a_sentence(path):
    with path.open("a") as file:
        file.write('{"op_code":99,"worker_id":"x"}\n')
    with pytest.raises(UserError, match=r"^\S*trials.journal can't be used: it is not as"):
        journal.read(path, CHOICES)


def test_a_damaged_row_of_a_database_is_named(tmp_path):
    url = f"sqlite:///{tmp_path}/trials.db"
    store = Store(url, {"seed": 0}, CHOICES, "compound-nas/a")
    store.append(Trial(0, {"c": 8}, Architecture((Stage("conv", 8),)), 70.5, seconds=1.5), 1e6)
    store.close()
    study = optuna.load_study(study_name="compound-nas/a", storage=url)
    told = study.get_trials()[0]
    told.user_attrs["seconds"] = "x"
    study.get_trials = lambda deepcopy: [told]
    with pytest.raises(UserError, match=r"row 0 of the study compound-nas/a .*'x' for seconds"):
        content_of(study)
