"""Networks that people have: published figures, and every row of the recorded tables."""

import csv
import json
from collections import Counter
from dataclasses import replace

import pytest

from search_spaces import NETWORKS, Architecture, Stage, UserError, cost
from search_spaces.interchange import from_blocks, from_timm, from_timm_row

B0 = """ds_r1_k3_s1_e1_c16_se0.25 ir_r2_k3_s2_e6_c24_se0.25 ir_r2_k5_s2_e6_c40_se0.25
    ir_r3_k3_s2_e6_c80_se0.25 ir_r3_k5_s1_e6_c112_se0.25 ir_r4_k5_s2_e6_c192_se0.25
    ir_r1_k3_s1_e6_c320_se0.25"""
V3_LARGE = [
    ["ds_r1_k3_s1_e1_c16_nre"],
    ["ir_r1_k3_s2_e4_c24_nre", "ir_r1_k3_s1_e3_c24_nre"],
    ["ir_r3_k5_s2_e3_c40_se0.25_nre"],
    ["ir_r1_k3_s2_e6_c80", "ir_r1_k3_s1_e2.5_c80", "ir_r2_k3_s1_e2.3_c80"],
    ["ir_r2_k3_s1_e6_c112_se0.25"],
    ["ir_r3_k5_s2_e6_c160_se0.25"],
    ["cn_r1_k1_s1_c960"],
]
V2_S = """cn_r2_k3_s1_e1_c24_skip er_r4_k3_s2_e4_c48 er_r4_k3_s2_e4_c64 ir_r6_k3_s2_e4_c128_se0.25
    ir_r9_k3_s1_e6_c160_se0.25 ir_r15_k3_s2_e6_c256_se0.25"""
FBNET_B = [
    ["ds_r2_k3_s1_e1_c16"],
    ["ir_r1_k5_s2_e4_c24", "ir_r3_k5_s1_e2_c24"],
    ["ir_r1_k5_s2_e5_c40_se0.25", "ir_r4_k5_s1_e3_c40_se0.25"],
    ["ir_r1_k5_s2_e5_c72", "ir_r4_k3_s1_e3_c72"],
    ["ir_r1_k3_s1_e5_c120_se0.25", "ir_r5_k5_s1_e3_c120_se0.25"],
    ["ir_r1_k3_s2_e6_c184_se0.25", "ir_r5_k5_s1_e4_c184_se0.25", "ir_r1_k5_s1_e6_c224_se0.25"],
    ["cn_r1_k1_s1_c1344"],
]
V3_SMALL = [
    ["ds_r1_k3_s2_e1_c16_se0.25_nre"],
    ["ir_r1_k3_s2_e4.5_c24_nre", "ir_r1_k3_s1_e3.67_c24_nre"],
    ["ir_r1_k5_s2_e4_c40_se0.25", "ir_r2_k5_s1_e6_c40_se0.25"],
    ["ir_r2_k5_s1_e3_c48_se0.25"],
    ["ir_r3_k5_s2_e6_c96_se0.25"],
    ["cn_r1_k1_s1_c576"],
]
LCNET = """dsa_r1_k3_s1_c32 dsa_r2_k3_s2_c64 dsa_r2_k3_s2_c128 dsa_r1_k3_s2_c256 dsa_r5_k5_s1_c256
    dsa_r2_k5_s2_c512_se0.25"""
EDGE = """er_r1_k3_s1_e4_c24_fc24_noskip er_r2_k3_s2_e8_c32 er_r4_k3_s2_e8_c48 ir_r5_k5_s2_e8_c96
    ir_r4_k5_s1_e8_c144 ir_r2_k5_s2_e8_c192"""
V3 = {"how": "mobilenetv3", "stem": 16, "activation": "hard_swish"}


# timm's results tables: parameters and multiply-adds.
@pytest.mark.parametrize(
    ("arch_def", "fields", "params", "macs"),
    [
        (V3_LARGE, V3, 5_483_032, 0.21659),
        (V3_LARGE, V3 | {"width": 0.75}, 3_993_528, 0.15456),
        (V3_LARGE, V3 | {"width": 1.5, "depth": 1.2, "resolution": 320}, 14_622_320, 1.57360),
        (B0, {"width": 2.0, "depth": 3.1, "features": 2560, "resolution": 600}, 66_347_960,
         37.74588),
        (B0.replace("_se0.25", ""), {"activation": "relu6"}, 4_652_008, 0.38519),  # Lite0
        (B0.replace("_se0.25", ""), {
            "width": 1.2, "depth": 1.4, "fix_first_last": True, "fix_stem": True,
            "resolution": 300}, 8_197_096, 1.60755),  # Lite3
        (V2_S, {"stem": 24, "resolution": 384}, 21_458_488, 8.36562),
        (FBNET_B, {"how": "fbnetv3", "stem": 16, "features": 1984, "resolution": 256}, 8_598_464,
         0.53063),
        (LCNET, V3 | {"how": "lcnet", "width": 0.5}, 1_880_856, 0.04473),
        (EDGE, {"activation": "relu"}, 5_438_392, 1.78873),
    ],
)  # fmt: skip
def test_published_figures(arch_def, fields, params, macs):
    arch_def = arch_def.split() if isinstance(arch_def, str) else arch_def
    found = cost(from_timm(arch_def, **fields))
    assert (found.params, round(found.macs / 1e9, 5)) == (params, macs)


def test_mobilenet_v3_large_reads_as_its_paper_writes_it():
    net = from_timm(V3_LARGE, **V3)
    assert (net.stem, net.head, net.mix, net.mix_bias) == (16, 960, 1280, True)
    assert [stage.activation for stage in net.stages] == ["relu"] * 4 + [None] * 5
    fifth = Stage("mbconv", 40, 3, 5, 2, 3, 0.25, activation="relu", se_from="expanded",
                  gate="hard_sigmoid")  # fmt: skip
    assert net.stages[3] == fifth
    assert net == replace(NETWORKS["mobilenet_v3_large"], drop_connect=net.drop_connect)


def test_mobilenet_v3_small_reads_as_its_paper_writes_it():
    net = from_timm(V3_SMALL, **V3, features=1024, drop_connect=0.0)
    assert net == NETWORKS["mobilenet_v3_small"]


TINY = {"res": 32, "stem": 16, "head": 0, "act": "relu", "blocks": [
    ["mbconv", 16, 16, 16, 3, 1, 4, "relu"], ["mbconv", 16, 40, 24, 3, 2, 0, "h_swish"],
    ["mbconv", 24, 60, 24, 3, 1, 0, "h_swish"], ["mbconv", 24, 72, 24, 3, 1, 18, "h_swish"],
]}  # fmt: skip


def test_blocks_become_as_few_stages_as_say_them():
    net = from_blocks(TINY, dropout=0.0)
    assert net == Architecture(
        (
            Stage("mbconv", 16, se=0.25),
            Stage("mbconv", 24, 2, stride=2, expand=2.5, activation="hard_swish"),
            Stage("mbconv", 24, expand=3, se=0.75, activation="hard_swish"),
        ),
        stem=16, head=0, resolution=32, activation="relu", dropout=0.0,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"blocks": [["mbconv", 8, 8, 16, 3, 1, 0, "relu"]]}, "has 8 channels in, but 16 come"),
        ({"blocks": [["mixconv", 16, 8, 16, 3, 1, 0, "relu"]]}, "with an op of mbconv"),
        ({"blocks": [["mbconv", 16, 8, 16, 3, 1]]}, "is not one of"),
        ({"blocks": [["mbconv", 16, 8, 16, 3, 1, 0, "mish"]]}, "'mish': expected one of swish"),
    ],
)
def test_blocks_that_are_none_are_refused(change, says):
    with pytest.raises(UserError, match=says):
        from_blocks(TINY | change)
    with pytest.raises(UserError, match="lacks 'stem'"):
        from_blocks({"res": 32})


@pytest.mark.shared_data
def test_every_row_of_the_evidence_is_exact(shared):
    rows = list(csv.DictReader((shared / "imagenet_evidence.csv").open()))
    assert len(rows) == 3148
    for row in rows:
        found = cost(from_blocks(json.loads(row["blocks"])))
        assert (found.macs, found.params) == (int(row["macs"]), int(row["params"])), row["name"]


@pytest.mark.shared_data
def test_every_definition_of_timm_is_exact_or_refused(shared):
    found = Counter()
    for row in csv.DictReader((shared / "published_networks.csv").open()):
        if not row["arch_def"]:
            found["undefined"] += 1
            continue
        try:
            net = from_timm_row(row, json.loads(row["arch_def"]))
        except UserError:
            found["refused"] += 1
            continue
        whole = cost(net)
        exact = str(whole.params), f"{whole.macs / 1e9:.5f}"
        assert exact == (row["exact_params"], row["exact_gmacs_at_img_size"]), row["name"]
        found["exact"] += 1
    assert found == {"exact": 110, "refused": 27, "undefined": 150}


def test_the_papers_networks_come_back_from_their_blocks():
    for name in ("efficientnet_b0", "mnasnet_b1", "mobilenet_v2"):
        net, blocks = NETWORKS[name], []
        c_in = net.stem
        for stage in net.stages:
            for i in range(stage.repeats):
                blocks.append([
                    "mbconv", c_in, c_in * stage.expand, stage.channels, stage.kernel,
                    1 if i else stage.stride, int(stage.se * c_in), net.activation,
                ])  # fmt: skip
                c_in = stage.channels
        read = from_blocks({"res": 224, "stem": net.stem, "head": net.head,
                            "act": net.activation, "blocks": blocks})  # fmt: skip
        assert cost(read) == cost(net)
