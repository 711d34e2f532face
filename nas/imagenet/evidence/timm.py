"""timm's `arch_def` with its multipliers, read into blocks of channels.

Follows huggingface/pytorch-image-models `_efficientnet_builder.py` (Apache-2.0): depth is scaled
by stage and shared out over the stage's strings from the last to the first, channels are rounded
to multiples of 8, SE is relative to a block's input, or to its hidden channels in the
MobileNetV3 class.
"""

import ast
import json
import math
import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from nas.imagenet.joint.network import Block, Network

ACTS = {"silu": "swish", "swish": "swish", "relu": "relu", "relu6": "relu6",
        "hard_swish": "h_swish"}  # fmt: skip
SE_OF_HIDDEN = ("mobilenetv3", "lcnet")  # families whose SE is relative to the hidden channels
SE_ROUNDED = ("mobilenetv3", "lcnet", "fbnetv3")  # and rounded to multiples of 8
AFTER_POOLING = ("mobilenetv3", "lcnet", "fbnetv3", "mobilenetv4_conv")  # num_features after it


class NotExpressible(ValueError):
    """A network that a list of blocks can't hold, in one sentence."""


class _Part(NamedTuple):
    """A decoded block string."""

    kind: str
    repeats: int
    options: dict[str, str]
    flags: frozenset[str]


def divisible(value: float, least: float = 0.9) -> int:
    """The nearest multiple of 8, at least 8, and never below `least` of `value`."""
    rounded = max(8, int(value + 4) // 8 * 8)
    return rounded + 8 if rounded < least * value else rounded


def _least(name: str, family: str) -> float:
    """What rounded channels keep at least, of what they were."""
    if name.startswith("tf_efficientnetv2_b"):
        return 0.0
    return 0.95 if family == "fbnetv3" else 0.9


def _part(text: str) -> _Part:
    kind, *rest = text.split("_")
    options, flags = {}, set()
    for one in rest:
        match = re.fullmatch(r"([a-z]+)(\d[\d.]*)", one)
        if match:
            options[match[1]] = match[2]
        else:
            flags.add(one)
    for word, what in (("cc", "conditional convs"), ("gs", "grouped convs")):
        if word in options:
            raise NotExpressible(f"{text} has {what}, which a list of blocks can't hold")
    if kind not in ("ir", "ds", "dsa", "er", "cn", "uir"):
        raise NotExpressible(f"{text} has blocks of type {kind}, which are not known")
    return _Part(kind, int(options.pop("r", 1)), options, frozenset(flags))


def _deepened(parts: Sequence[_Part], depth: float) -> list[_Part]:
    """A stage's strings with their repeats scaled together."""
    left = sum(one.repeats for one in parts)
    total = math.ceil(round(left * depth, 9))
    scaled: list[_Part] = []
    for one in reversed(parts):
        count = max(1, round(one.repeats / left * total))
        scaled.insert(0, one._replace(repeats=count))
        left, total = left - one.repeats, total - count
    return scaled


class _How(NamedTuple):
    """What a network's strings have in common."""

    family: str
    act: str
    width: float
    least: float


def _se(ratio: float, how: _How, c_in: int, hidden: int) -> int:
    if not ratio:
        return 0
    width = (hidden if how.family in SE_OF_HIDDEN else c_in) * ratio
    return divisible(width, how.least) if how.family in SE_ROUNDED else max(1, round(width))


def _block(part: _Part, c_in: int, c_out: int, stride: int, how: _How) -> Block:
    kernel, e = int(part.options.get("k", 3)), float(part.options.get("e", 1))
    family, act = how.family, "relu" if "nre" in part.flags else how.act
    ratio = float(part.options.get("se", 0))
    if part.kind in ("ds", "dsa"):
        op = "dsconv" if part.kind == "dsa" else "mbconv"
        return Block(op, c_in, c_in, c_out, kernel, stride, _se(ratio, how, c_in, c_in), act)
    if part.kind == "cn":
        return Block("conv", c_in, c_out, c_out, kernel, stride, 0, act)
    fake = (
        divisible(int(part.options["fc"]) * how.width, how.least) if "fc" in part.options else c_in
    )
    hidden = divisible(fake * e)
    op = {"ir": "mbconv", "er": "fused", "uir": f"uib{part.options.get('a', 0)}"}[part.kind]
    return Block(op, c_in, hidden, c_out, kernel, stride, _se(ratio, how, c_in, hidden), act)


def _depths(text: str, stages: int) -> list[float]:
    value = ast.literal_eval(text)
    return list(value) if isinstance(value, tuple) else [float(value)] * stages


def network(row: Mapping[str, str]) -> Network:
    """The network of a row of published_networks.csv.

    Raises:
        NotExpressible: No blocks here say it.
    """
    family, name = row["arch_def_family"], row["name"]
    if not row["arch_def"]:
        raise NotExpressible(f"{name} has no definition")
    for word, what in (("_gc_", "global-context attention"), ("_aa_", "blur pooling"),
                       ("_blur_", "blur pooling")):  # fmt: skip
        if word in f"_{name}".split(".")[0]:
            raise NotExpressible(f"{name} has {what}, which a list of blocks can't hold")
    stages = json.loads(row["arch_def"])
    width, fixed = float(row["width_mult"]), row["fix_first_last"] == "1"
    least = _least(name, family)
    depths = _depths(row["depth_mult"], len(stages))
    act = ACTS[row["default_act"]]
    how = _How(family, act, width, least)
    stem = int(row["stem_size"])
    stem = stem if row["fix_stem"] == "1" else divisible(stem * width, least)
    blocks: list[Block] = []
    c_in = stem
    for i, texts in enumerate(stages):
        keep = fixed and i in (0, len(stages) - 1)
        for part in _deepened([_part(one) for one in texts], 1.0 if keep else depths[i]):
            c_out = divisible(int(part.options["c"]) * width, least)
            for n in range(part.repeats):
                stride = int(part.options.get("s", 1)) if n == 0 else 1
                blocks.append(_block(part, c_in, c_out, stride, how))
                c_in = c_out
    features = int(row["num_features"])
    head, mix = features, 0
    if family in AFTER_POOLING:
        head, mix = 0, features
        last = blocks[-1]
        if last.op == "conv" and last.kernel == 1:
            head = blocks.pop().c_out
    return Network(tuple(blocks), int(row["img_size"]), stem, head, mix, act)
