"""What an architecture is on paper: canonical JSON, identity, and what is refused."""

import json
import pickle
from dataclasses import replace

import pytest
from hypothesis import given
from random_networks import architectures

from search_spaces import NETWORKS, Architecture, Stage, UserError, from_json, to_json
from search_spaces.architecture import to_dict

B0 = NETWORKS["efficientnet_b0"]


@given(architectures())
def test_json_round_trip(net):
    for indent in (None, 2):
        back = from_json(to_json(net, indent=indent))
        assert (back, back.name, back.id) == (net, net.name, net.id)
    assert pickle.loads(pickle.dumps(net)) == net


def test_the_id_never_changes():
    assert B0.id == "a70580d9fb19"  # results name architectures by it


def test_the_id_leaves_the_name_out_and_nothing_else():
    assert replace(B0, name="other").id == B0.id
    changes = {"stem": 40, "head": 0, "resolution": 240, "classes": 10, "activation": "relu"}
    changes |= {"dropout": 0.3, "drop_connect": 0.0, "stem_kernel": 5, "stem_stride": 1}
    changes |= {"stem_pool": True, "stages": B0.stages[:-1]}
    assert {"name", *changes} == set(to_dict(B0)) - {"format"}
    assert len({replace(B0, **{key: value}).id for key, value in changes.items()} | {B0.id}) == 12


def test_numbers_that_are_equal_give_one_id():
    whole = replace(B0, dropout=0, stages=(Stage("conv", 8, se=1),))
    assert whole.id == replace(whole, dropout=0.0, stages=(Stage("conv", 8, se=1.0),)).id


def edited(**changes):
    return to_dict(B0) | changes


def with_stage(**changes):
    return edited(stages=[to_dict(B0)["stages"][0] | changes])


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        (edited(width=2), "no field 'width'"),
        (with_stage(width=2), "Stage has no field 'width'"),
        (edited(stages=[{"op": "mbconv"}]), "lacks its field 'channels'"),
        ({"stem": 32}, "list 'stages'"),
        (edited(stages=[]), "Architecture.stages"),
        (edited(stages=[3]), "a Stage is 3"),
        (edited(format=2), "format 2, this version reads format 1"),
        (edited(resolution=0), "Architecture.resolution is 0"),
        (edited(stem_kernel=4), "stem_kernel is 4: expected an odd number"),
        (edited(stem_pool="no"), "stem_pool is 'no'"),
        (edited(activation="gelu"), "'gelu': expected one of swish, relu, relu6"),
        (edited(dropout=1), "dropout is 1: expected a number from 0 to below 1"),
        (edited(drop_connect=float("nan")), "drop_connect is nan"),
        (edited(name=5), "name is 5"),
        (with_stage(se=float("nan")), "Stage.se is nan"),
        (with_stage(se="0.25"), "Stage.se is '0.25'"),
        (with_stage(se=None), "Stage.se is None"),
        (with_stage(kernel=4), "Stage.kernel is 4: expected an odd number"),
        (with_stage(channels=16.0), "Stage.channels is 16.0"),
        (with_stage(repeats=True), "Stage.repeats is True"),
        (with_stage(op="mbconv6"), "'mbconv6': expected one of mbconv, "),
        (with_stage(skip="maybe"), "'maybe': expected one of identity, none, pool"),
        (with_stage(op="conv", expand=6), "a conv stage has expand 1"),
        (with_stage(op="bottleneck", channels=16, expand=3), "multiple of its expand, 3"),
        ([1], "no architecture"),
    ],
)
def test_wrong_json_is_refused_by_the_field_at_fault(fields, says):
    with pytest.raises(UserError) as raised:
        from_json(json.dumps(fields))
    assert says in str(raised.value)


def test_what_is_no_json_is_refused():
    with pytest.raises(UserError, match="no JSON"):
        from_json("{")


def test_stages_are_stages():
    with pytest.raises(UserError, match="expected a tuple of Stage"):
        Architecture((1,))
