"""Block strings of TensorFlow and timm: meaning, errors, round trips."""

import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from random_networks import architectures

from search_spaces import NETWORKS, Architecture, Stage, UserError, cost
from search_spaces.interchange import STYLES, from_tf, from_timm, to_tf, to_timm
from search_spaces.layers import Block, walk
from search_spaces.stages import rows

NO_WORD = re.compile(r"no (TensorFlow|timm) block string|timm (rounds|squeezes)|timm's SE has")


def rest(net: Architecture) -> dict[str, object]:
    fields = {key: getattr(net, key) for key in net.__dataclass_fields__}
    return {key: value for key, value in fields.items() if key not in ("stages", "id")}


@given(architectures(("mbconv", "fused"), ("identity", "none"), plain=True))
def test_tensorflow_round_trip(net):
    assert from_tf(to_tf(net), **rest(net)) == net


def eightfold(net: Architecture) -> Architecture:
    """The network with widths that timm doesn't round."""
    stages = tuple(replace(stage, channels=8 * stage.channels) for stage in net.stages)
    return replace(net, stages=stages, stem=8 * net.stem)


@given(
    architectures(("mbconv", "fused", "dsconv", "conv"), ("identity", "none")),
    st.sampled_from(list(STYLES)),
)
def test_timm_round_trip(net, how):
    net = eightfold(net)
    net = replace(net, mix=net.mix if STYLES[how].mix else 0, mix_bias=STYLES[how].mix_bias)
    try:
        arch_def = to_timm(net, how=how)
    except UserError:
        with pytest.raises(UserError, match=NO_WORD):
            to_timm(net, how=how)
        return
    fields = {key: value for key, value in rest(net).items() if key != "mix_bias"}
    back = from_timm(arch_def, how=how, **fields)
    assert cost(back) == cost(net)
    for ours, theirs in zip(walk(net), walk(back), strict=True):
        assert act_of(net, ours) == act_of(back, theirs)


def act_of(net: Architecture, named: tuple[str, Block]) -> tuple[object, ...]:
    """What a block does besides its shapes, whatever its stage is."""
    block, act = named[1], named[1].act or net.activation
    layers = [(x.gate, x.inner or act, x.activation) for x in block.layers if x.kind != "linear"]
    return block._replace(path=(), act=act), tuple(layers)


def test_timm_e1_is_ds_and_ir_keeps_its_expansion_conv():
    mbconv1 = Architecture((Stage("mbconv", 16, expand=1),))
    assert to_timm(mbconv1) == [["ds_r1_k3_s1_e1_c16"]]
    kept = from_timm([["ir_r1_k3_s1_e1_c16"]])
    assert kept.stages == (Stage("mbconv", 16, keep_expansion=True),)
    assert to_timm(kept) == [["ir_r1_k3_s1_e1_c16"]]
    assert cost(kept).params == cost(mbconv1).params + 32 * 32 + 2 * 32
    shown = [rows(network)[1].operator for network in (mbconv1, kept)]
    assert shown == ["mbconv e1 k3x3", "mbconv e1 k1x1+k3x3"]


def test_timm_se_is_relative_to_the_input_or_to_the_expanded_width():
    string = "ir_r1_k5_s2_e3_c40_se0.25"
    assert from_timm([[string]], "input").stages[0].se == 0.25
    wide = from_timm([[string]], "expanded")
    assert wide.stages[0].se == 0.75
    assert to_timm(wide, "expanded") == [[string]]
    assert to_timm(wide) == [["ir_r1_k5_s2_e3_c40_se0.75"]]


@pytest.mark.parametrize("expand", range(2, 13))
def test_any_squeezed_width_is_said_in_either_unit(expand):
    # 0.83 / 6 * 6 is not 0.83 in floating point, and six digits of 0.25 / 3 lose a channel
    for width in range(1, 25):
        net = Architecture((Stage("mbconv", 8, 1, expand=expand, se=width / 8 + 1e-9),), stem=8)
        for unit in ("input", "expanded"):
            assert cost(from_timm(to_timm(net, unit), unit, stem=8)) == cost(net)


@pytest.mark.parametrize(
    ("string", "stage"),
    [
        ("ir_r2_k3_s2_e4_c24_noskip", Stage("mbconv", 24, 2, 3, 2, 4, skip="none")),
        ("er_r1_k3_s2_e4_c24", Stage("fused", 24, 1, 3, 2, 4)),
        ("cn_r1_k3_s1_c24", Stage("conv", 24, skip="none")),
        ("cn_r2_k3_s1_c24_skip", Stage("conv", 24, 2)),
    ],
)
def test_timm_kinds(string, stage):
    assert from_timm([string]).stages == (stage,)
    assert to_timm(Architecture((stage,))) == [[string]]


def test_timm_activation_tokens():
    everywhere = from_timm([["ds_k3_c8_nre"], ["ir_k3_e6_c8_nre"]])
    assert everywhere.activation == "relu"
    assert [stage.activation for stage in everywhere.stages] == [None, None]
    parts = from_timm([["ds_k3_c8_nre"], ["ir_k3_e6_c8"]], activation="hard_swish")
    assert [stage.activation for stage in parts.stages] == ["relu", None]
    assert to_timm(parts) == [["ds_r1_k3_s1_e1_c8_nre"], ["ir_r1_k3_s1_e6_c8"]]


@pytest.mark.parametrize(
    ("string", "says"),
    [
        ("uir_r1_a3_k5_s2_e4_c96", "type 'uir'"),
        ("ir_r1_k3_s1_e6_c112_cc4", "cc4, conditional convs"),
        ("er_r1_k3_s1_e4_gs64_c64", "gs64, grouped convs"),
        ("ir_r1_k3.5_s1_e6_c24", "k3.5, mixed kernels"),
        ("ir_r1_k3.5.7_s1_e6_c24", "k3.5.7, mixed kernels"),
        ("ir_r1_k3_p3_s1_e6_c24", "p3, a projection that is no 1x1 conv"),
        ("ir_r1_k3_s1_e6_c24_x2", "token 'x2'"),
        ("ir_r1_k3_s1_e6", "lacks 'c'"),
        ("ir_r0_k3_s1_e6_c24", "has r0: expected a number above 0"),
        ("ir_r1_k3_s1_e0.0_c24_se0.25", "has e0.0: expected a number above 0"),
        ("ir_r1000000000_k3_s1_e1_c16", "Stage.repeats is 1000000000: expected a whole number"),
        (f"ir_r{'9' * 30}_k3_s1_e1_c16", "to 1,024"),
    ],
)
def test_what_no_stage_here_has_is_refused_in_a_sentence(string, says):
    with pytest.raises(UserError, match=re.escape(says)):
        from_timm([string])


def test_wrong_multipliers_and_styles_are_refused():
    string = "ir_r1_k3_s1_e6_c24"
    with pytest.raises(UserError, match="2 depth multipliers for 1 groups"):
        from_timm([string], depth=(1.0, 2.0))
    with pytest.raises(UserError, match="expected ceil or round"):
        from_timm([string], depth_trunc="floor")
    with pytest.raises(UserError, match=r"'resnet'.*mobilenetv3"):
        from_timm([string], how="resnet")
    with pytest.raises(UserError, match=r"Style\.se_from is 'output'"):
        from_timm([string], "output")


@pytest.mark.parametrize(
    ("strings", "says"),
    [
        (["r1_k3_s12_e1_i32_o16"], "stride '12'"),
        (["r1_k3_s11_e1_o16"], "lacks 'i'"),
        (["r1_k3_s11_e1_i32_o16_k5"], "token 'k5'"),
        (["r1_k3_s11_e1_i32_o16_x2"], "token 'x2'"),
        (["r1_k3.5_s11_e1_i32_o16"], "k3.5"),
        (["r1_k3_s11_e1_i32_o16", "r1_k3_s11_e1_i24_o16"], "i24, but .* 16"),
        (["r1_k4_s11_e1_i32_o16"], "odd"),
        ([], "no block strings"),
    ],
)
def test_wrong_tensorflow_strings_are_refused_by_what_is_wrong(strings, says):
    with pytest.raises(UserError, match=says):
        from_tf(strings)


def test_a_stem_that_the_first_string_contradicts_is_refused():
    with pytest.raises(UserError, match=r"stem is 8, .* i32"):
        from_tf(["r1_k3_s11_e6_i32_o16"], stem=8)


@pytest.mark.parametrize(
    "call",
    [
        lambda: to_tf(NETWORKS["resnet_50"]),
        lambda: to_tf(NETWORKS["mobilenet_v1"]),
        lambda: to_tf(Architecture((Stage("mbconv", 8, skip="pool"),))),
        lambda: to_tf(Architecture((Stage("mbconv", 8),), mix=16)),
        lambda: to_tf(Architecture((Stage("mbconv", 8, expand=2.5),))),
        lambda: to_tf(Architecture((Stage("mbconv", 8, keep_expansion=True),))),
        lambda: to_tf(Architecture((Stage("mbconv", 8, activation="relu"),))),
        lambda: to_tf(Architecture((Stage("mbconv", 8, se=0.25, se_from="expanded"),))),
        lambda: to_tf(Architecture((Stage("mbconv", 8, se=0.25, gate="hard_sigmoid"),))),
        lambda: to_timm(Architecture((Stage("mbconv", 8),), mix=16)),
        lambda: to_timm(NETWORKS["resnet_50"]),
        lambda: to_timm(Architecture((Stage("mbconv", 8, skip="pool"),))),
        lambda: to_timm(Architecture((Stage("conv", 8, se=0.25),))),
    ],
)
def test_what_has_no_string_is_refused(call):
    with pytest.raises(UserError, match=NO_WORD):
        call()
