"""The scaler and the released table against published figures."""

import csv
import dataclasses
import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from search_spaces.architecture import Architecture, Stage
from search_spaces.cost import cost
from search_spaces.errors import UserError
from search_spaces.interchange import from_timm_row
from search_spaces.layers import hidden_channels
from search_spaces.networks import (
    EFFICIENTNET_B0,
    MNASNET_A1,
    MOBILENET_V1,
    MOBILENET_V2,
    NETWORKS,
    RESNET_50,
)
from search_spaces.scaling.budget import Recipe, dropout_at, fit_budget
from search_spaces.scaling.coefficients import PAPER, Coefficients
from search_spaces.scaling.macs import Ladder
from search_spaces.scaling.published import RELEASED, network, released
from search_spaces.scaling.rules import RULES, Multipliers, rule_name, scale

# Params as in torchvision (B0..B7) and timm (B8, L2, lite); MACs of conv and linear layers.
PUBLISHED = {
    "b0": (5_288_548, 0.385814752),
    "b1": (7_794_184, 0.686803),
    "b2": (9_109_994, 0.993562),
    "b3": (12_233_232, 1.827141),
    "b4": (19_341_616, 4.393771),
    "b5": (30_389_784, 10.266385),
    "b6": (43_040_704, 19.067594),
    "b7": (66_347_960, 37.745884),
    "b8": (87_413_142, 62.597462),
    "l2": (480_309_308, 475.70),
    "lite0": (4_652_008, None),
    "lite4": (13_006_568, None),
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_released_networks_have_their_published_params_and_macs(name: str) -> None:
    params, macs = PUBLISHED[name]
    figures = cost(released(name))
    assert figures.params == params
    if macs is not None:
        digits = len(f"{macs}".split(".")[1])
        assert round(figures.macs / 1e9, digits) == pytest.approx(macs, abs=0.5 * 10**-digits)


def test_released_takes_a_phi_and_names_what_there_is() -> None:
    assert released(3) == released("efficientnet-b3") == released("B3")
    assert released("b7").dropout == 0.5
    for name in ("b9", "-1", -1, "_b1", "efficientnet--1", 0.5, ""):
        with pytest.raises(UserError, match=f"EfficientNet {name!r}.*: expected one of b0, b1"):
            released(name)
    assert set(PUBLISHED) <= set(RELEASED)


@pytest.mark.parametrize(
    ("name", "multipliers", "macs"),
    [
        ("mobilenet_v1", (1, 2, 1), 2.216),
        ("mobilenet_v1", (1, 1, 2), 2.272),
        ("mobilenet_v2", (4, 1, 1), 1.220),
        ("mobilenet_v2", (1, 2, 1), 1.137),
        ("mobilenet_v2", (1, 1, 2), 1.199),
        ("resnet_50", (4, 1, 1), 14.571),
        ("resnet_50", (1, 2, 1), 16.117),
        ("resnet_50", (1, 1, 2), 16.351),
    ],
)
def test_the_other_baselines_reach_the_papers_macs(name, multipliers, macs) -> None:
    scaled = scale(network(name), Multipliers(*multipliers))
    assert round(cost(scaled).macs / 1e9, 3) == macs


@pytest.mark.parametrize(
    ("baseline", "width", "params"),
    [  # printed by tensorflow/models slim/nets/mobilenet and by timm
        (MOBILENET_V2, 1.4, 6_108_776),
        (MOBILENET_V2, 0.75, 2_636_424),
        (MOBILENET_V2, 0.35, 1_677_128),
        (MOBILENET_V1, 0.25, 470_072),
        (MNASNET_A1, 0.75, 2_912_278),
    ],
)
def test_published_width_multipliers(baseline, width, params) -> None:
    assert cost(scale(baseline, Multipliers(width=width))).params == params


@pytest.mark.shared_data
def test_a_layer_after_the_pooling_keeps_its_width_below_one(shared) -> None:
    """timm's MobileNetV3 and LCNet: widths of 0.5 and 0.75 from the definition of 1."""
    exact = set()
    for row in csv.DictReader((shared / "published_networks.csv").open()):
        name, width = row["base_model"], row["width_mult"]
        if "075" not in name and name != "lcnet_050":
            continue
        arch_def = json.loads(row["arch_def"])
        once = from_timm_row({**row, "width_mult": "1.0"}, arch_def)
        figures = cost(scale(once, Multipliers(width=float(width))))
        assert str(figures.params) == row["exact_params"], name
        assert f"{figures.macs / 1e9:.5f}" == row["exact_gmacs_at_img_size"], name
        exact.add(name)
    v3 = {f"tf_mobilenetv3_{size}_075" for size in ("large", "small")}
    assert exact == v3 | {"lcnet_050", "lcnet_075", "mobilenetv3_small_075", "semnasnet_075"}


V3_LIKE = Architecture(
    (
        Stage("mbconv", 16, se=6, se_from="channels"),
        Stage("mbconv", 24, 2, stride=2, expand=2.5),
        Stage("mbconv", 40, 3, stride=2, expand=3.67, se=24, se_from="channels"),
    ),
    stem=16, head=240, mix=320, resolution=32,
)  # fmt: skip


@pytest.mark.parametrize("width", [0.5, 0.6, 1.3, 2.0])
def test_width_scales_mix_and_squeezed_channels_and_keeps_hidden_ones_multiples_of_8(width) -> None:
    assert rule_name(V3_LIKE) == "mobilenet_v3"
    scaled = scale(V3_LIKE, Multipliers(width=width))
    assert scaled.mix == {1.3: 416, 2.0: 640}.get(width, 320)
    assert scale(V3_LIKE, Multipliers(width=width), "lite").mix == 320
    assert scale(V3_LIKE, Multipliers(width=0.5), "efficientnet").mix == 160
    assert scaled.stages[2].se == {0.5: 16, 0.6: 16, 1.3: 32, 2.0: 48}[width]
    assert scaled.stages[0].se == {2.0: 16}.get(width, 8)
    for stage in scaled.stages[1:]:
        assert hidden_channels(stage.channels, stage.expand) % 8 == 0
        assert stage.expand == pytest.approx(3.67 if stage.se else 2.5, rel=0.2)


def test_a_width_of_one_changes_no_channels() -> None:
    odd = dataclasses.replace(
        V3_LIKE, stages=(*V3_LIKE.stages, Stage("bottleneck", 44, expand=4)), stem=12, head=100
    )
    assert scale(odd, Multipliers()) == odd
    taller = scale(odd, Multipliers(depth=2, resolution=2))
    kept = [dataclasses.replace(stage, repeats=2 * stage.repeats) for stage in odd.stages]
    kept[1] = dataclasses.replace(kept[1], expand=taller.stages[1].expand)
    kept[2] = dataclasses.replace(kept[2], expand=taller.stages[2].expand)
    assert taller == dataclasses.replace(odd, stages=tuple(kept), resolution=64)


def test_the_rule_is_that_of_the_network_unless_given() -> None:
    names = {name: rule_name(one) for name, one in NETWORKS.items()}
    assert names["resnet_50"] == "resnet"
    assert names["mobilenet_v1"] == "mobilenet_v1"
    assert names["mobilenet_v2"] == "mobilenet_v2"
    assert names["mnasnet_a1"] == "mnasnet"
    assert rule_name(released("b1")) == "efficientnet"
    lite = scale(EFFICIENTNET_B0, Multipliers(2, 2, 1), "lite")
    assert (lite.stem, lite.head) == (32, 1280)
    assert [stage.repeats for stage in lite.stages] == [1, 4, 4, 6, 6, 8, 1]
    with pytest.raises(UserError, match="expected one of efficientnet, lite"):
        rule_name(EFFICIENTNET_B0, "vgg")


def test_resolution_rounding_and_dropout() -> None:
    up = PAPER.at(1)
    assert scale(EFFICIENTNET_B0, up).resolution == 258  # 257.6
    assert scale(EFFICIENTNET_B0, up, round_resolution=8).resolution == 256
    assert scale(EFFICIENTNET_B0, up, round_resolution=32).resolution == 256
    with pytest.raises(UserError, match="none, 8 or 32"):
        scale(EFFICIENTNET_B0, up, round_resolution=7)
    rates = [dropout_at(EFFICIENTNET_B0, phi) for phi in (-2, 0, 7, 10)]
    assert rates == [0.2, 0.2, 0.5, 0.5]
    assert dropout_at(RESNET_50, 7) == 0
    assert scale(EFFICIENTNET_B0, up).drop_connect == 0.2


@given(
    st.sampled_from(sorted(NETWORKS)),
    st.sampled_from(sorted(RULES)),
    st.floats(0.3, 4),
    st.floats(0.3, 4),
    st.floats(0.3, 4),
)
def test_macs_never_fall_as_a_multiplier_grows(name, rule, depth, width, resolution) -> None:
    low = scale(network(name), Multipliers(depth, width, resolution), rule)
    for more in ((1.1, 1, 1), (1, 1.1, 1), (1, 1, 1.1)):
        grown = Multipliers(depth * more[0], width * more[1], resolution * more[2])
        assert cost(scale(network(name), grown, rule)).macs >= cost(low).macs
    same = scale(network(name), Multipliers(), rule)
    assert same == network(name)


@pytest.mark.parametrize("bad", [math.nan, math.inf, 0, -1, "2", True, 1e9])
def test_bad_numbers_are_one_sentence(bad) -> None:
    with pytest.raises(UserError, match="expected a number"):
        Multipliers(width=bad)
    with pytest.raises(UserError, match="expected a number"):
        PAPER.at(bad if bad not in (0, -1, True) else 11)
    with pytest.raises(UserError, match="expected a number"):
        Coefficients(1.2, bad if bad is not True else 0.5, 1.0)


FRACTIONS = Architecture(
    (Stage("mbconv", 16, 1, 3, 2, 3, 24, se_from="channels"), Stage("mbconv", 40, 2, 5, 2, 2.5)),
    stem=16, head=0, mix=96, mix_bias=True, resolution=96,
)  # fmt: skip
WIDE = dataclasses.replace(FRACTIONS, resolution=(48, 80), in_channels=4)


def test_both_sides_are_multiplied_and_rounded() -> None:
    up = Multipliers(resolution=1.15)
    assert scale(WIDE, up).resolution == (55, 92)
    assert scale(WIDE, up, round_resolution=32).resolution == (64, 96)
    assert scale(dataclasses.replace(WIDE, resolution=(48, 50)), up, None, 32).resolution == 64


@pytest.mark.parametrize("rounding", [None, 8])
def test_a_budget_keeps_the_shape_of_the_images(rounding) -> None:
    budget = 5 * cost(WIDE).macs
    _, grown = fit_budget(Recipe(WIDE, PAPER, None, rounding), budget)
    assert 0.85 * budget < cost(grown).macs <= budget
    height, width = grown.size
    assert abs(width - height * 80 / 48) <= (rounding or 1)
    assert height % (rounding or 1) == width % (rounding or 1) == 0


@pytest.mark.parametrize(("pixels", "share"), [(64, 0.98), (96, 0.96), (224, 0.99)])
def test_a_budget_is_spent_where_one_more_pixel_costs_much(pixels: int, share: float) -> None:
    recipe = Recipe(
        dataclasses.replace(MOBILENET_V2, resolution=pixels), Coefficients(1.175, 1.2, 1.075)
    )
    budget = 2 * cost(recipe.baseline).macs
    assert share * budget < cost(fit_budget(recipe, budget)[1]).macs <= budget


@given(
    base=st.sampled_from([*NETWORKS.values(), FRACTIONS, WIDE]),
    rule=st.sampled_from([None, "lite", "mobilenet_v1"]),
    depth=st.floats(0.2, 5),
    width=st.floats(0.2, 5),
    resolution=st.floats(0.2, 5),
)
def test_macs_of_a_shape_are_those_of_the_network_that_is_built(
    base, rule, depth, width, resolution
) -> None:
    rule = None if base.stages[0].op == "bottleneck" else rule
    network = scale(base, Multipliers(depth, width, resolution), rule)
    assert Ladder(base, rule).shape(depth, width).macs(network.size) == cost(network).macs
