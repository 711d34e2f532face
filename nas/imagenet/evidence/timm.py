"""Rows of timm's networks, read into lists of blocks.

What the package's own reader of block strings has no stage for is read here: the universal blocks
of MobileNetV4 (Qin et al. 2024, arXiv 2404.10518), as timm 1.0 builds them.
"""

import json
import re
from collections.abc import Mapping, Sequence

from nas.imagenet.joint.architectures import network_of
from nas.imagenet.joint.network import Block, Network
from search_spaces.errors import UserError
from search_spaces.interchange.timm import from_timm_row
from search_spaces.interchange.timm_styles import divisible, multiplier

UNIVERSAL = "mobilenetv4_conv"  # the family whose definitions hold universal blocks
# Parts of a name that say what no block string does.
BEYOND = {"aa": "blur pooling", "blur": "blur pooling", "gc": "global-context attention"}
OPS = {"cn": "conv", "er": "fused"}


class NotExpressible(ValueError):
    """A network that a list of blocks can't hold, in one sentence."""


def network(row: Mapping[str, str]) -> Network:
    """The network of a row of published_networks.csv, at its img_size.

    Raises:
        NotExpressible: A list of blocks can't hold it.
    """
    if not row["arch_def"]:
        raise NotExpressible(f"{row['name']} has no definition")
    definition = json.loads(row["arch_def"])
    if row["arch_def_family"] == UNIVERSAL:
        return _headed(_universal(row, definition))
    try:
        return _headed(network_of(from_timm_row(row, definition)))
    except UserError as error:
        raise NotExpressible(f"{row['name']}: {error}") from None


def _headed(network: Network) -> Network:
    """A last 1x1 conv before a layer after the pooling is the head, as in most networks."""
    *blocks, last = network.blocks
    if network.head or not network.mix or (last.op, last.kernel) != ("conv", 1):
        return network
    return network._replace(blocks=tuple(blocks), head=last.c_out)


def _universal(row: Mapping[str, str], definition: Sequence[Sequence[str]]) -> Network:
    """A convolutional MobileNetV4: its features are of a layer after the pooling."""
    for part in row["base_model"].split("_"):
        if part in BEYOND:
            raise NotExpressible(f"{row['name']} has {BEYOND[part]}, which no block has")
    width = multiplier(row, "width_mult")
    assert isinstance(width, float), "one width for all"
    act, stem = row["default_act"], int(row["stem_size"])
    if row["fix_stem"] != "1":
        stem = divisible(stem * width)
    blocks: list[Block] = []
    for text in (text for group in definition for text in group):
        blocks += _blocks(text, blocks[-1].c_out if blocks else stem, width, act)
    return Network(tuple(blocks), int(row["img_size"]), stem, 0, int(row["num_features"]))


def _blocks(text: str, c_in: int, width: float, act: str) -> list[Block]:
    """The blocks of a string like `uir_r2_a5_k3_s1_e4_c96`."""
    kind, *tokens = text.split("_")
    matches = [re.fullmatch(r"([a-z]+)(\d[\d.]*)", token) for token in tokens]
    if kind not in ("uir", *OPS) or None in matches:
        raise NotExpressible(f"{text} is no string of a universal block, a fused one or a conv")
    numbers = {match[1]: float(match[2]) for match in matches if match}
    op = OPS.get(kind, f"uib{numbers.get('a', 0):g}")
    c_out, kernel = divisible(numbers["c"] * width), int(numbers["k"])
    blocks = []
    for n in range(int(numbers.get("r", 1))):
        hidden = c_out if op == "conv" else divisible(c_in * numbers.get("e", 1))
        stride = int(numbers.get("s", 1)) if n == 0 else 1
        blocks.append(Block(op, c_in, hidden, c_out, kernel, stride, 0, act))
        c_in = c_out
    return blocks
