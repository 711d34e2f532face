"""A journal's brief lines, read quickly and read whole."""

import dataclasses
import json
import random

import pytest

from results.runs.lines import Lines
from results.runs.records import Trial
from search_spaces.architecture import Architecture, Stage
from search_spaces.space import Chosen, Options
from search_spaces.spaces import space

MBCONV = space("mbconv")
LINES = Lines(MBCONV.choices)


def trial(number, **fields):
    rng = random.Random(number)
    options = Options(MBCONV.choices)
    chosen = Chosen(options, options.code(MBCONV.sample(rng)))
    whole = Trial(number, chosen, MBCONV.build(chosen), 70 + number / 3, 0.1, seed=2**40)
    return dataclasses.replace(whole, **fields)


def text(one, lines=LINES):
    values = None if one.accuracy is None else [one.accuracy, 3.5 + one.number]
    return lines.brief(one, values)


MISLEADING = ',"values":{ },"network":{ },"stages":[[ ]]}}'
ODD = [
    trial(1), trial(2, accuracy=None, spread=None, error=MISLEADING), trial(3, budget=5.0),
    trial(4, architecture=Architecture((Stage("mbconv", 8, activation="relu"),), name=MISLEADING)),
]  # fmt: skip


@pytest.mark.parametrize("one", [*ODD, *map(trial, range(5, 40))])
def test_read_quickly_is_what_json_says(one):
    line = text(one)
    assert line == json.dumps(json.loads(line), separators=(",", ":")) + "\n"
    read, amount = LINES.quickly(line)
    again = LINES.trial(json.loads(line))
    assert read == again == one
    assert amount == (None if one.accuracy is None else 3.5 + one.number)
    assert read.architecture.id == one.architecture.id
    fields = [field.name for field in dataclasses.fields(Architecture)]
    assert [getattr(read.architecture, f) for f in fields] == [
        getattr(one.architecture, f) for f in fields
    ]


def test_other_lines_are_left_to_json():
    line = text(trial(1))
    whole = json.dumps(LINES.whole(trial(1), [71.0, 4.5])) + "\n"
    spaced = json.dumps(json.loads(line)) + "\n"
    other = line.replace('"study_id":0', '"study_id":1')
    unknown = line.replace('"width":', '"breadth":')
    torn = line[: len(line) // 2] + "\n"
    for text_of in (whole, spaced, other, unknown, torn, "{}\n", "\n"):
        assert LINES.quickly(text_of) is None
    assert Lines().quickly(line) is None  # where choices are not known
    commas = Options({"a": ("x,y", "z")})
    kept = Lines(commas.choices)
    assert kept.quickly(text(trial(1, values=Chosen(commas, [0])), kept)) is None
