"""Block strings of TensorFlow and timm: meaning, errors, round trips."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from random_networks import architectures

from search_spaces import NETWORKS, Architecture, Stage, UserError, cost
from search_spaces.interchange import from_tf, from_timm, to_tf, to_timm

NO_WORD = r"no (TensorFlow|timm) block string"


def rest(net: Architecture) -> dict[str, object]:
    fields = {key: getattr(net, key) for key in net.__dataclass_fields__}
    return {key: value for key, value in fields.items() if key not in ("stages", "id")}


@given(architectures(("mbconv", "fused"), ("identity", "none"), plain=True))
def test_tensorflow_round_trip(net):
    assert from_tf(to_tf(net), **rest(net)) == net


@given(
    architectures(("mbconv", "fused", "dsconv", "conv"), ("identity", "none"), plain=True),
    st.sampled_from(("input", "expanded")),
)
def test_timm_round_trip(net, se_from):
    try:
        arch_def = to_timm(net, se_from)
    except UserError:  # dsa has no skip, cn no SE
        assert any(
            (s.op == "dsconv" and s.skip == "identity") or (s.op == "conv" and s.se)
            for s in net.stages
        )
        return
    back = from_timm(arch_def, se_from, **rest(net))
    assert back == net
    assert cost(back) == cost(net)


def test_timm_e1_is_ds_and_never_ir():
    mbconv1 = Architecture((Stage("mbconv", 16, expand=1),))
    assert to_timm(mbconv1) == [["ds_r1_k3_s1_e1_c16"]]
    with pytest.raises(UserError, match=r"ir block with e1.*use ds"):
        from_timm([["ir_r1_k3_s1_e1_c16"]])


def test_timm_se_is_relative_to_the_input_or_to_the_expanded_width():
    string = "ir_r1_k5_s2_e3_c40_se0.25"
    assert from_timm([[string]], "input").stages[0].se == 0.25
    wide = from_timm([[string]], "expanded")
    assert wide.stages[0].se == 0.75
    assert to_timm(wide, "expanded") == [[string]]
    assert to_timm(wide) == [["ir_r1_k5_s2_e3_c40_se0.75"]]


def test_an_se_ratio_keeps_all_its_digits():
    # six digits of 0.25 / 3 come back as 0.2499999, and 5 squeezed channels of 24 for 6
    net = Architecture((Stage("mbconv", 24, expand=3, se=0.25),), stem=24)
    assert cost(from_timm(to_timm(net, "expanded"), "expanded", stem=24)) == cost(net)
    for expand in range(2, 13):  # 0.83 / 6 * 6 is not 0.83 in floating point
        stages = tuple(Stage("mbconv", 8, expand=expand, se=i / 100) for i in range(1, 101))
        net = Architecture(stages, stem=8)
        assert from_timm(to_timm(net, "expanded"), "expanded", stem=8) == net


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
    assert from_timm([["ds_k3_c8_nre"], ["ir_k3_e6_c8_nre"]]).activation == "relu"
    with pytest.raises(UserError, match="different activations"):
        from_timm([["ds_k3_c8_nre"], ["ir_k3_e6_c8"]])


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
        lambda: to_timm(NETWORKS["resnet_50"]),
        lambda: to_timm(Architecture((Stage("mbconv", 8, skip="pool"),))),
        lambda: to_timm(Architecture((Stage("conv", 8, se=0.25),))),
    ],
)
def test_what_has_no_string_is_refused(call):
    with pytest.raises(UserError, match=NO_WORD):
        call()
