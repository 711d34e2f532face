"""What an architecture is on paper: canonical JSON, identity, and what is refused."""

import json
import pickle
from dataclasses import replace

import numpy as np
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


def test_later_fields_make_another_network_and_are_written():
    of_stage = (
        {}, {"expand": 2.5}, {"activation": "relu"}, {"se_from": "expanded"},
        {"se": 9, "se_from": "channels"}, {"se_activation": "relu"}, {"gate": "hard_sigmoid"},
        {"expand": 1}, {"expand": 1, "keep_expansion": True},
    )  # fmt: skip
    nets = [replace(B0, stages=(replace(B0.stages[1], **fields),)) for fields in of_stage]
    of_network = {"mix": 64}, {"mix": 64, "mix_bias": False}, {"activation": "hard_swish"}
    nets += [replace(B0, **fields) for fields in of_network]
    assert [from_json(to_json(net)) for net in nets] == nets
    assert len({net.id for net in [B0, *nets]}) == 1 + len(nets)


def test_later_fields_are_not_written_where_they_say_nothing():
    stage = Stage("mbconv", 24, 2, expand=6.0, se=0, activation="silu", gate="hard_sigmoid",
                  se_from="expanded", se_activation="relu", keep_expansion=True)  # fmt: skip
    plain = Architecture((Stage("mbconv", 24, 2, expand=6),))
    net = Architecture((stage,), mix_bias=False)
    assert (net, to_json(net)) == (plain, to_json(plain))
    assert type(net.stages[0].expand) is int
    inner = Stage("mbconv", 24, se=0.25, activation="relu", se_activation="relu")
    assert Architecture((inner,)).stages[0].se_activation is None
    assert Architecture((inner,), activation="relu").stages[0] == Stage("mbconv", 24, se=0.25)


@pytest.mark.parametrize("name", ["silu", "swish"])
def test_swish_has_two_names_on_reading(name):
    assert from_json(json.dumps(edited(activation=name))) == B0


@pytest.mark.parametrize("name", ["h_swish", "hard_swish", "hardswish"])
def test_hard_swish_has_names_on_reading(name):
    assert from_json(json.dumps(with_stage(activation=name))).stages[0].activation == "hard_swish"


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
        (edited(resolution=[96, 0]), "Architecture.resolution is [96, 0]"),
        (edited(resolution=[96, 96, 3]), "Architecture.resolution is [96, 96, 3]"),
        (edited(resolution="96 px"), "Architecture.resolution is '96 px'"),
        (edited(in_channels=0), "Architecture.in_channels is 0"),
        (edited(stem_kernel=4), "stem_kernel is 4: expected an odd number"),
        (edited(stem_pool="no"), "stem_pool is 'no'"),
        (edited(activation="gelu"), "'gelu' (did you mean relu?): expected one of swish, relu"),
        (edited(dropout=1), "dropout is 1: expected a number from 0 to below 1"),
        (edited(drop_connect=float("nan")), "drop_connect is nan"),
        (edited(name=5), "name is 5"),
        (with_stage(se=float("nan")), "Stage.se is nan"),
        (with_stage(se="0.25"), "Stage.se is '0.25'"),
        (with_stage(se=None), "Stage.se is None"),
        (with_stage(se=True), "Stage.se is True: expected a ratio"),
        (with_stage(kernel=4), "Stage.kernel is 4: expected an odd number"),
        (with_stage(channels=16.0), "Stage.channels is 16.0"),
        (with_stage(repeats=True), "Stage.repeats is True"),
        (with_stage(op="mbconv6"), "'mbconv6' (did you mean mbconv?): expected one of mbconv, "),
        (with_stage(skip="maybe"), "'maybe': expected one of identity, none, pool"),
        (with_stage(expand=0), "Stage.expand is 0: expected a number above 0"),
        (with_stage(expand=float("nan")), "Stage.expand is nan"),
        (with_stage(expand=True), "Stage.expand is True"),
        (with_stage(expand="6"), "Stage.expand is '6'"),
        (with_stage(op="bottleneck", expand=1.5), "Stage.expand is 1.5: expected a whole number"),
        (with_stage(activation="mish"), "Stage.activation is 'mish': expected one of swish, "),
        (with_stage(se_activation=3), "Stage.se_activation is 3"),
        (with_stage(se_from="output"), "expected one of input, expanded, channels"),
        (with_stage(se=4.5, se_from="channels"), "Stage.se is 4.5: expected a whole number"),
        (with_stage(gate="tanh"), "expected one of sigmoid, hard_sigmoid"),
        (with_stage(keep_expansion=1), "Stage.keep_expansion is 1: expected true or false"),
        (edited(mix=-1), "Architecture.mix is -1"),
        (edited(mix_bias=0), "Architecture.mix_bias is 0"),
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
    with pytest.raises(UserError, match="expected a tuple of stages"):
        Architecture((1,))


@pytest.mark.parametrize(
    ("field", "value"),
    [("repeats", 10**9), ("channels", 10**12), ("kernel", 257), ("resolution", 10**6),
     ("classes", 10**40), ("stem", 1 << 17), ("stages", 2000)],
)  # fmt: skip
def test_a_number_that_no_network_has_is_refused_before_it_fills_the_memory(field, value):
    stage, network, repeated = {"op": "conv", "channels": 8}, {}, 1
    if field == "stages":
        repeated = value
    else:
        (stage if field in ("repeats", "channels", "kernel") else network)[field] = value
    with pytest.raises(UserError, match="expected") as raised:
        Architecture((Stage(**stage),) * repeated, **network)
    assert len(str(raised.value)) < 150


def test_a_network_larger_than_any_memory_is_not_built():
    from search_spaces.builder import build

    wide = Architecture((Stage("conv", 1 << 16, repeats=1000),))
    with pytest.raises(UserError, match="GB for one image, with its weights: expected 64 GB"):
        build(wide)


def test_a_square_of_colour_is_written_as_ever_and_others_by_both_sides() -> None:
    square = Architecture((Stage("conv", 8),), resolution=(96, 96))
    assert square == Architecture((Stage("conv", 8),), resolution=96)
    assert "in_channels" not in to_dict(square)
    assert '"resolution":96,' in to_json(square)
    wide = Architecture((Stage("conv", 8),), resolution="96x160", in_channels=1)
    assert wide == from_json(to_json(wide))
    assert '"resolution":[96,160],' in to_json(wide)
    assert '"in_channels":1,' in to_json(wide)
    assert (f"{wide.resolution} px", wide.size) == ("96x160 px", (96, 160))
    assert len({wide.id, square.id, replace(wide, resolution=(160, 96)).id}) == 3
    assert hash(wide) == hash(from_json(to_json(wide)))


def test_numbers_of_numpy_make_the_same_network():
    of_numpy = Stage("mbconv", np.int64(24), np.int8(2), np.uint8(5), 2, np.float32(4), np.array(1))
    stage = Stage("mbconv", 24, 2, 5, 2, 4, 1.0)
    given = {"stem": 16, "head": 128, "resolution": 96, "classes": 10}
    net = Architecture((of_numpy,), dropout=np.float32(0.5),
                       **{name: np.array(value) for name, value in given.items()})  # fmt: skip
    plain = Architecture((stage,), dropout=0.5, **given)
    assert (net, net.id, to_json(net)) == (plain, plain.id, to_json(plain))
    assert {type(net.stem), type(net.stages[0].channels), type(net.stages[0].expand)} == {int}
    for bad in (24.0, np.float64(24), np.bool_(True), np.array([24]), np.clongdouble(24), "24"):
        with pytest.raises(UserError, match=r"Stage\.channels is .*: expected a whole number"):
            Stage("mbconv", bad)
