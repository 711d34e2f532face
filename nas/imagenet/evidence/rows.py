"""ImageNet results of other people's networks, read into one list of rows.

Four tables: imagenet_evidence.csv, published_networks.csv (timm), published_scaling.csv (ResNet-50
of the EfficientNet paper; its other rows are in the first) and accel_nasbench_imagenet.csv.
"""

import csv
import json
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from nas.imagenet.evidence.timm import NotExpressible, network
from nas.imagenet.joint.domain import PREDICTED, SHARED, TRAINED
from nas.imagenet.joint.network import Block, Network
from search_spaces.errors import UserError
from search_spaces.networks import RESNET_50
from search_spaces.rounding import round_channels, round_repeats, se_width

T = TypeVar("T")
Line = dict[str, Any]  # a table's line by columns

TABLES = ("imagenet_evidence.csv", "published_networks.csv", "published_scaling.csv",
          "accel_nasbench_imagenet.csv")  # fmt: skip
B0 = ((16, 1), (24, 2), (40, 2), (80, 2), (112, 1), (192, 2), (320, 1))  # channels, stride

# ResNet-50 in a recipe that other networks had too: without it nothing would tie the level of
# ResNets to that of the others.
PLAIN = {"resnet50.ra_in1k": "timm efficientnet ra_in1k"}
# Tags of timm that name another recipe in each family.
GENERAL = ("in1k", "lamb_in1k", "ra2_in1k", "ra_in1k")
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
        macs: Multiply-adds as the table has them, 0 where it doesn't.
        params: Parameters as the table has them, 0 where it doesn't.
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
    if not fitting:
        raise UserError(f"{name!r} is of no family in {__name__}.FAMILIES: add it there")
    return FAMILIES[max(fitting, key=len)]


def _read(path: Path, columns: Sequence[str], make: Callable[[Line], T]) -> list[T]:
    """What is made of each line of a table.

    Args:
        path: Of the table.
        columns: That are needed.
        make: Of a line.

    Raises:
        UserError: The file or a column is missing, or a line has a value that can't be.
    """
    csv.field_size_limit(1 << 24)
    try:
        with path.open(newline="") as file:
            lines = csv.DictReader(file)
            lacking = [name for name in columns if name not in (lines.fieldnames or ())]
            if lacking:
                raise UserError(f"{path} lacks columns: expected {', '.join(lacking)} besides")
            return [_made(path, number, line, make) for number, line in enumerate(lines, 1)]
    except OSError as error:
        raise UserError(
            f"can't read {path} ({error.strerror}): expected a folder of {', '.join(TABLES)}"
        ) from None
    except UnicodeDecodeError:
        raise UserError(f"{path} is no text: expected a table of comma-separated values") from None


def _made(path: Path, number: int, line: Line, make: Callable[[Line], T]) -> T:
    try:
        return make(line)
    except (ValueError, KeyError, TypeError, IndexError) as error:
        raise UserError(f"row {number} of {path} can't be read: {error}") from None


def read_evidence(path: Path) -> list[Row]:
    """imagenet_evidence.csv. Raises UserError."""
    columns = (
        "source",
        "name",
        "licence",
        "weights",
        "top1",
        "top1_sd",
        "macs",
        "params",
        "blocks",
    )
    return _read(path, columns, _evidence)


def _evidence(line: Line) -> Row:
    given, source = json.loads(line["blocks"]), line["source"]
    network = Network(
        tuple(Block(*fields) for fields in given["blocks"]),
        given["res"], given["stem"], given["head"], given.get("mix") or 0, given["classes"],
    )  # fmt: skip
    kind = {"t": TRAINED, "s": SHARED, "P": PREDICTED}[line["weights"][0]]
    deviation = float(line["top1_sd"]) if line["top1_sd"] else math.nan
    return Row(
        source, kind, family_of(source), line["name"], network, float(line["top1"]), deviation,
        line["licence"], float(line["macs"]), float(line["params"]),
    )  # fmt: skip


def read_networks(path: Path) -> tuple[list[Row], list[str]]:
    """published_networks.csv, and why the rest can't be expressed. Raises UserError.

    A network is taken at the smallest of its test sizes, which is nearest to its training size.
    """
    columns = (
        "name", "base_model", "arch_def_family", "recipe_tag", "top1", "img_size", "exact_params",
        "exact_gmacs_at_img_size", "width_mult", "depth_mult", "depth_trunc", "fix_first_last",
        "stem_size", "fix_stem", "num_features", "default_act", "arch_def",
    )  # fmt: skip
    smallest: dict[str, Line] = {}
    for line in _read(path, columns, lambda line: line | {"img_size": int(line["img_size"])}):
        name = line["name"]
        if name not in smallest or line["img_size"] < smallest[name]["img_size"]:
            smallest[name] = line
    rows, faults = [], []
    for line in smallest.values():
        try:
            rows.append(_published(line))
        except NotExpressible as fault:
            faults.append(str(fault))
    return rows, faults


def _published(line: Line) -> Row:
    """A row of timm's table. Raises NotExpressible."""
    name, tag = line["name"], line["recipe_tag"]
    blocks = resnet(1, 1, line["img_size"]) if name in PLAIN else network(line)
    family = family_of(line["arch_def_family"])
    source = PLAIN.get(name) or f"timm {f'{family} ' if tag in GENERAL else ''}{tag}"
    macs, params = float(line["exact_gmacs_at_img_size"] or 0), float(line["exact_params"] or 0)
    return Row(
        source, TRAINED, family, name, blocks, float(line["top1"]), math.nan, "Apache-2.0",
        1e9 * macs, params,
    )  # fmt: skip


def resnet(depth: float, width: float, resolution: int) -> Network:
    """ResNet-50 with its stages' blocks and all its channels multiplied."""
    blocks: list[Block] = []
    c_in = stem = round_channels(64 * width)
    for stage in RESNET_50.stages:
        expand = int(stage.expand)
        hidden = round_channels(stage.channels // expand * width)
        for n in range(round_repeats(stage.repeats * depth)):
            stride = stage.stride if n == 0 else 1
            c_out = hidden * expand
            blocks.append(Block("bottleneck", c_in, hidden, c_out, 3, stride, 0, "relu"))
            c_in = c_out
    return Network(tuple(blocks), resolution, stem, 0, 0, 1000, 7, 2, True)


def read_scaling(path: Path) -> list[Row]:
    """ResNet-50's rows of published_scaling.csv. Raises UserError."""
    columns = (
        "network", "depth_multiplier", "width_multiplier", "resolution_px", "top1_percent"
    )  # fmt: skip
    return [row for row in _read(path, columns, _scaled) if row is not None]


def _scaled(line: Line) -> Row | None:
    if line["network"] != "resnet_50" or not line["depth_multiplier"]:
        return None
    depth, width = float(line["depth_multiplier"]), float(line["width_multiplier"])
    network = resnet(depth, width, int(line["resolution_px"]))
    name = f"resnet_50 d{depth:g} w{width:g} r{network.resolution}"
    return Row(
        "effnet_paper_table3_resnet_50", TRAINED, "resnet", name, network,
        float(line["top1_percent"]), math.nan, "facts",
    )  # fmt: skip


def b0_skeleton(codes: Sequence[Sequence[int]], resolution: int = 224) -> Network:
    """A network of B0's skeleton from (e, k, l, se) of its seven stages."""
    blocks: list[Block] = []
    c_in = 32
    for (channels, stride), (expand, kernel, repeats, se) in zip(B0, codes, strict=True):
        for n in range(repeats):
            width, down = se_width(c_in, 0.25) if se else 0, stride if n == 0 else 1
            blocks.append(
                Block("mbconv", c_in, c_in * expand, channels, kernel, down, width, "swish")
            )
            c_in = channels
    return Network(tuple(blocks), resolution)


def read_accel(path: Path) -> list[Row]:
    """accel_nasbench_imagenet.csv. Raises UserError."""
    fields = [[f"block{i}_{part}" for part in ("e", "k", "l", "se")] for i in range(len(B0))]

    def row(line: Line) -> Row:
        network = b0_skeleton([[int(line[name]) for name in stage] for stage in fields])
        return Row(
            "accel_nasbench", TRAINED, "accel-nasbench", line["id"], network, float(line["top1"]),
            math.nan, "Apache-2.0", 0.0, 1e6 * float(line["params_m"]),
        )  # fmt: skip

    choices = [name for stage in fields for name in stage]
    return _read(path, ("id", *choices, "top1", "params_m"), row)


def read(folder: str | Path) -> list[Row]:
    """All rows of the four tables.

    Raises:
        UserError: The folder, a table or a column is missing, or a line can't be read.
    """
    evidence, networks, scaling, accel = (Path(folder) / name for name in TABLES)
    return [
        *read_evidence(evidence), *read_networks(networks)[0], *read_scaling(scaling),
        *read_accel(accel),
    ]  # fmt: skip
