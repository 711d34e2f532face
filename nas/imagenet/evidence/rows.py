"""ImageNet results of other people's networks, read into one list of rows.

Four tables: imagenet_evidence.csv, published_networks.csv (timm), published_scaling.csv (ResNet-50
of the EfficientNet paper; its other rows are in the first) and accel_nasbench_imagenet.csv.
"""

import csv
import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from nas.imagenet.evidence.timm import NotExpressible, divisible, network
from nas.imagenet.joint.network import Block, Network
from search_spaces.networks import RESNET_50

TRAINED, SHARED, PREDICTED = "trained", "shared", "predicted"
B0 = ((16, 1), (24, 2), (40, 2), (80, 2), (112, 1), (192, 2), (320, 1))  # channels, stride

# ResNet-50 in a recipe that other networks had too: without it nothing would tie the level of
# ResNets to that of the others.
PLAIN = {"resnet50.ra_in1k": "timm efficientnet ra_in1k"}
# The first part of a source's or a timm definition's name -> the family it is left out with.
FAMILIES = {
    "accel_nasbench": "accel-nasbench", "anb_": "accel-nasbench",
    "dynas_ofa": "ofa", "ofa_predictor": "ofa",
    "tfslim_mobilenet_v1": "mobilenet-v1", "paddleclas_mobilenet_v1": "mobilenet-v1",
    "effnet_paper_table3_mobilenet_v1": "mobilenet-v1", "mobilenetv1": "mobilenet-v1",
    "tfslim_mobilenet_v2": "mobilenet-v2", "paddleclas_mobilenet_v2": "mobilenet-v2",
    "effnet_paper_table3_mobilenet_v2": "mobilenet-v2", "mobilenetv2": "mobilenet-v2",
    "tfslim_mobilenet_v3": "mobilenet-v3", "dli14": "mobilenet-v3", "mobilenetv3": "mobilenet-v3",
    "tpu_mnasnet": "mnasnet", "mnasnet": "mnasnet",
    "tpu_efficientnet_lite": "efficientnet-lite", "efficientnet_lite": "efficientnet-lite",
    "efficientnetv2": "efficientnet-v2", "efficientnet_edgetpu": "efficientnet-v2",
    "effnet_paper_table2": "efficientnet", "effnet_paper_table7": "efficientnet",
    "pycls": "efficientnet", "efficientnet": "efficientnet",
    "fbnetv3": "fbnet-v3", "lcnet": "lcnet", "mobilenetv4": "mobilenet-v4",
    "resnet": "resnet",
}  # fmt: skip


class Row(NamedTuple):
    """One result.

    Attributes:
        source: Results of one recipe in one table, comparable with one another.
        kind: `trained`, `shared` (weights of a supernet) or `predicted` (by another's model).
        family: What is left out together.
        name: Of the network.
        network: The network.
        top1: Percent.
        top1_sd: Over seeds, NaN where unknown.
        licence: Of the table.
        macs, params: As the table has them, 0 where it doesn't.
    """

    source: str
    kind: str
    family: str
    name: str
    network: Network
    top1: float
    top1_sd: float
    licence: str
    macs: float = 0.0
    params: float = 0.0


def family_of(name: str) -> str:
    """The family of a source or of a timm definition."""
    fitting = [prefix for prefix in FAMILIES if name.startswith(prefix)]
    return FAMILIES[max(fitting, key=len)]


def _lines(path: Path) -> Iterator[dict[str, str]]:
    csv.field_size_limit(1 << 24)
    with open(path, newline="") as file:
        yield from csv.DictReader(file)


def read_evidence(path: Path) -> list[Row]:
    """imagenet_evidence.csv."""
    rows = []
    for line in _lines(path):
        b = json.loads(line["blocks"])
        blocks = tuple(Block(*one) for one in b["blocks"])
        act = "h_swish" if "mobilenet_v3" in line["source"] and b["act"] == "swish" else b["act"]
        if "ofa" in line["source"]:
            act = "h_swish"
        net = Network(blocks, b["res"], b["stem"], b["head"], b.get("mix") or 0, act, b["classes"])
        kind = {"t": TRAINED, "s": SHARED, "P": PREDICTED}[line["weights"][0]]
        sd = float(line["top1_sd"]) if line["top1_sd"] else math.nan
        source = line["source"]
        rows.append(
            Row(source, kind, family_of(source), line["name"], net, float(line["top1"]), sd,
                line["licence"], float(line["macs"]), float(line["params"]))
        )  # fmt: skip
    return rows


def read_networks(path: Path) -> tuple[list[Row], list[str]]:
    """published_networks.csv, and why the rest can't be expressed.

    A network is taken at the smallest of its test sizes, which is nearest to its training size. A
    recipe's tag means the same within one definition's family only.
    """
    best: dict[str, dict[str, str]] = {}
    for line in _lines(path):
        name = line["name"]
        if name not in best or int(line["img_size"]) < int(best[name]["img_size"]):
            best[name] = line
    rows, faults = [], []
    for line in best.values():
        try:
            net = _resnet(1, 1, int(line["img_size"])) if line["name"] in PLAIN else network(line)
        except NotExpressible as fault:
            faults.append(str(fault))
            continue
        family = family_of(line["arch_def_family"])
        source = PLAIN.get(line["name"], f"timm {line['recipe_tag']}")
        if line["name"] not in PLAIN and line["recipe_tag"] in (
            "in1k",
            "lamb_in1k",
            "ra2_in1k",
            "ra_in1k",
        ):
            source = f"timm {family} {line['recipe_tag']}"
        macs = float(line["exact_gmacs_at_img_size"] or 0) * 1e9
        params = float(line["exact_params"] or 0)
        rows.append(Row(source, TRAINED, family, line["name"], net, float(line["top1"]), math.nan,
                        "Apache-2.0", macs, params))  # fmt: skip
    return rows, faults


def _resnet(depth: float, width: float, res: int) -> Network:
    blocks: list[Block] = []
    c_in = stem = divisible(64 * width)
    for stage in RESNET_50.stages:
        hidden = divisible(stage.channels / stage.expand * width)
        for n in range(math.ceil(round(stage.repeats * depth, 9))):
            stride = stage.stride if n == 0 else 1
            c_out = hidden * stage.expand
            blocks.append(Block("bottleneck", c_in, hidden, c_out, 3, stride, 0, "relu"))
            c_in = c_out
    return Network(tuple(blocks), res, stem, 0, 0, "relu", 1000, 7, 2, True)


def read_scaling(path: Path) -> list[Row]:
    """ResNet-50's rows of published_scaling.csv."""
    rows = []
    for line in _lines(path):
        if line["network"] == "resnet_50" and line["depth_multiplier"]:
            d, w = float(line["depth_multiplier"]), float(line["width_multiplier"])
            net = _resnet(d, w, int(line["resolution_px"]))
            name = f"resnet_50 d{d:g} w{w:g} r{net.res}"
            rows.append(Row("effnet_paper_table3_resnet_50", TRAINED, "resnet", name, net,
                            float(line["top1_percent"]), math.nan, "facts"))  # fmt: skip
    return rows


def b0_skeleton(codes: list[tuple[int, int, int, int]], res: int = 224) -> Network:
    """A network of B0's skeleton from (e, k, l, se) of its seven stages."""
    blocks, c_in = [], 32
    for (channels, stride), (e, k, repeats, se) in zip(B0, codes, strict=True):
        for n in range(repeats):
            width = max(1, int(c_in * 0.25)) if se else 0
            s = stride if n == 0 else 1
            blocks.append(Block("mbconv", c_in, c_in * e, channels, k, s, width, "swish"))
            c_in = channels
    return Network(tuple(blocks), res)


def read_accel(path: Path) -> list[Row]:
    """accel_nasbench_imagenet.csv."""
    rows = []
    for line in _lines(path):
        codes = [
            tuple(int(line[f"block{i}_{part}"]) for part in ("e", "k", "l", "se")) for i in range(7)
        ]
        net = b0_skeleton(codes)  # type: ignore[arg-type]
        rows.append(Row("accel_nasbench", TRAINED, "accel-nasbench", line["id"], net,
                        float(line["top1"]), math.nan, "Apache-2.0", 0.0,
                        1e6 * float(line["params_m"])))  # fmt: skip
    return rows


def read(folder: str | Path) -> list[Row]:
    """All rows of the four tables."""
    at = Path(folder)
    rows = read_evidence(at / "imagenet_evidence.csv")
    rows += read_networks(at / "published_networks.csv")[0]
    rows += read_scaling(at / "published_scaling.csv")
    return rows + read_accel(at / "accel_nasbench_imagenet.csv")
