"""The papers' networks against their published figures and strings."""

import random
from dataclasses import replace
from typing import Any

import pytest

from search_spaces import NETWORKS, UserError, cost, network
from search_spaces.interchange import from_tf, from_timm, to_tf, to_timm
from search_spaces.scaling.published import KNOWN, paper_of

# params: torchvision, and Keras for MobileNetV1; MACs: fvcore's conv + linear.
PUBLISHED = {
    "efficientnet_b0": (5_288_548, 385_814_752),
    "efficientnet_lite0": (4_652_008, 385_187_552),
    "mnasnet_a1": (3_887_038, 311_579_072),
    "mnasnet_b1": (4_383_312, 314_415_872),
    "mnasnet_small": (2_030_264, 68_339_184),
    "lcnet": (2_953_800, 155_700_480),
    "mobilenet_v1": (4_231_976, 568_740_352),
    "mobilenet_v2": (3_504_872, 300_774_272),
    "mobilenet_v3_large": (5_483_032, 216_589_760),
    "mobilenet_v3_small": (2_542_856, 56_510_400),
    "resnet_50": (25_557_032, 4_089_184_256),
}

# tensorflow/tpu: efficientnet_builder.py, mnasnet_models.py.
STRINGS = {
    "efficientnet_b0": """
        r1_k3_s11_e1_i32_o16_se0.25 r2_k3_s22_e6_i16_o24_se0.25 r2_k5_s22_e6_i24_o40_se0.25
        r3_k3_s22_e6_i40_o80_se0.25 r3_k5_s11_e6_i80_o112_se0.25 r4_k5_s22_e6_i112_o192_se0.25
        r1_k3_s11_e6_i192_o320_se0.25""",
    "mnasnet_a1": """
        r1_k3_s11_e1_i32_o16_noskip r2_k3_s22_e6_i16_o24 r3_k5_s22_e3_i24_o40_se0.25
        r4_k3_s22_e6_i40_o80 r2_k3_s11_e6_i80_o112_se0.25 r3_k5_s22_e6_i112_o160_se0.25
        r1_k3_s11_e6_i160_o320""",
    "mnasnet_b1": """
        r1_k3_s11_e1_i32_o16_noskip r3_k3_s22_e3_i16_o24 r3_k5_s22_e3_i24_o40
        r3_k5_s22_e6_i40_o80 r2_k3_s11_e6_i80_o96 r4_k5_s22_e6_i96_o192
        r1_k3_s11_e6_i192_o320_noskip""",
    "mnasnet_small": """
        r1_k3_s11_e1_i16_o8 r1_k3_s22_e3_i8_o16 r2_k3_s22_e6_i16_o16 r4_k5_s22_e6_i16_o32_se0.25
        r3_k3_s11_e6_i32_o32_se0.25 r3_k5_s22_e6_i32_o88_se0.25 r1_k3_s11_e6_i88_o144""",
}

# timm: efficientnet.py.
TIMM = {
    "efficientnet_b0": """
        ds_r1_k3_s1_e1_c16_se0.25 ir_r2_k3_s2_e6_c24_se0.25 ir_r2_k5_s2_e6_c40_se0.25
        ir_r3_k3_s2_e6_c80_se0.25 ir_r3_k5_s1_e6_c112_se0.25 ir_r4_k5_s2_e6_c192_se0.25
        ir_r1_k3_s1_e6_c320_se0.25""",
    "mnasnet_a1": """
        ds_r1_k3_s1_e1_c16_noskip ir_r2_k3_s2_e6_c24 ir_r3_k5_s2_e3_c40_se0.25
        ir_r4_k3_s2_e6_c80 ir_r2_k3_s1_e6_c112_se0.25 ir_r3_k5_s2_e6_c160_se0.25
        ir_r1_k3_s1_e6_c320""",
    "mobilenet_v1": "dsa_r1_k3_s1_c64 dsa_r2_k3_s2_c128 dsa_r2_k3_s2_c256 dsa_r6_k3_s2_c512 "
    "dsa_r2_k3_s2_c1024",
}


def rest(name: str) -> dict[str, Any]:
    """The fields of a published network that its block strings don't say."""
    fields = ("stem", "head", "activation", "dropout", "drop_connect")
    return {field: getattr(NETWORKS[name], field) for field in fields}


def test_params_and_macs():
    assert {n: (cost(a).params, cost(a).macs) for n, a in NETWORKS.items()} == PUBLISHED


# timm's results tables, in millions: what scales from B0 by a table.
@pytest.mark.parametrize(
    ("name", "params"),
    [("efficientnet_b3", 12.23), ("efficientnet_lite4", 13.01), ("tinynet_a", 6.19),
     ("tinynet_b", 3.73), ("tinynet_c", 2.46), ("tinynet_d", 2.34), ("tinynet_e", 2.04)],
)  # fmt: skip
def test_networks_scaled_from_b0_have_names_too(name, params):
    assert (network(name).name, round(cost(network(name)).params / 1e6, 2)) == (name, params)


@pytest.mark.parametrize("name", KNOWN)
def test_each_is_printed_somewhere(name):
    assert paper_of(network(name))
    assert paper_of(replace(network(name), stem=24)) is None


def test_names_of_timm_are_known_where_the_network_is():
    assert network("semnasnet_100") is NETWORKS["mnasnet_a1"]
    b3 = network("efficientnet_b3")
    assert network("tf_efficientnet_b3.ap_in1k") == replace(b3, padding="same")
    assert network("efficientnet_b3.ra2_in1k") == b3
    params = {"mobilenetv2_140": 6_108_776, "mobilenetv1_125": 6_270_840,
              "tf_mobilenetv3_small_075": 2_041_872, "semnasnet_075": 2_912_278,
              "mobilenetv3_small_050": 1_593_224, "mobilenet_v2_0.35": 1_677_128}  # fmt: skip
    assert {name: cost(network(name)).params for name in params} == params
    assert cost(network("mobilenetv3_small_050")).macs == 24_188_688
    assert network("mobilenet_v1_0.5_160").resolution == 160
    for none in (
        "mobilenetv2_110d",
        "vgg_0.5",
        "tf_vgg16",
        "mnasnet_000",
        "resnet50.json",
    ):
        with pytest.raises(UserError, match="there is no network"):
            network(none)
    assert network("efficientnet_lite0").padding == network("efficientnet_lite1").padding == "same"


def test_flops_are_two_a_mac():
    assert cost(network("efficientnet_b0")).flops == 771_629_504


def test_an_unknown_network_is_answered_with_the_names():
    with pytest.raises(UserError, match=r"'efficientnet_b9'.*mnasnet_a1.*resnet_50"):
        network("efficientnet_b9")


@pytest.mark.parametrize("name", STRINGS)
def test_tensorflow_strings_in_any_token_order(name):
    strings, rng = STRINGS[name].split(), random.Random(name)
    shuffled = ["_".join(rng.sample(s.split("_"), s.count("_") + 1)) for s in strings]
    assert shuffled != strings
    for written in (strings, shuffled):
        assert from_tf(written, **rest(name)) == NETWORKS[name]
    # MnasNet-small's first string says i16, though its stem has 8 channels.
    assert to_tf(NETWORKS[name]) == [s.replace("e1_i16", "e1_i8") for s in strings]


@pytest.mark.parametrize("name", TIMM)
def test_timm_arch_def(name):
    arch_def = [[string] for string in TIMM[name].split()]
    assert from_timm(arch_def, **rest(name)) == NETWORKS[name]
    assert to_timm(NETWORKS[name]) == arch_def
