"""timm's arch_def, both ways, exactly as timm 1.0 builds it.

Stages of strings `TYPE_r_k_s_e_c[_se][_noskip][_nACT]`: `ir` inverted residual, `ds`
depthwise-separable with a linear end, `dsa` the same with an activation and no skip
(MobileNetV1), `er` fused, `cn` plain conv (timm, _efficientnet_builder.py). What the strings
leave open is a `Style`.
"""

import dataclasses
import math
from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

from search_spaces.architecture import Architecture, Stage
from search_spaces.errors import UserError, whole
from search_spaces.interchange.blocks import SE, Block, stage_of, stages_of
from search_spaces.interchange.timm_styles import (
    Style,
    divisible,
    multiplier,
    style,
    style_of,
)
from search_spaces.interchange.tokens import tokens_of, whole_of

ACTIVATIONS = {"re": "relu", "r6": "relu6", "sw": "swish", "hs": "hard_swish"}
OPS = {"ir": "mbconv", "ds": "mbconv", "dsa": "dsconv", "er": "fused", "cn": "conv"}
FLAGS = ("noskip", "skip", *(f"n{key}" for key in ACTIVATIONS))
# Tokens of what no block here has.
BEYOND = {
    "gs": "grouped convs", "cc": "conditional convs", "d": "a space-to-depth conv",
    "a": "a conv before the expansion", "p": "a projection that is no 1x1 conv",
    "h": "attention", "v": "attention",
}  # fmt: skip

ArchDef = Sequence[Sequence[str] | str]


@dataclasses.dataclass(frozen=True)
class _String:
    """A block string's numbers: repeats before any multiplier, and what `expand` multiplies.

    The latter is `force`, in channels, 0 for the block's input.
    """

    text: str
    kind: str
    repeats: int
    kernel: int
    stride: int
    expand: float
    channels: int
    se: float
    force: int
    activation: str | None
    skip: str


def _string(text: str) -> _String:
    kind, _, rest = text.partition("_")
    if kind not in OPS:
        raise UserError(
            f"timm block string {text!r} has type {kind!r}: expected {', '.join(OPS)}; universal "
            "blocks and attention have no stage here"
        )
    rest = "_".join(token for token in rest.split("_") if token not in ("a1", "p1"))
    for token in rest.split("_"):
        key = token.rstrip("0123456789.")
        if key in BEYOND and token != key:
            raise UserError(
                f"timm block string {text!r} has {token}, {BEYOND[key]}, which no stage here has"
            )
        if key == "k" and token.count(".") > 0 and "." in token.lstrip("k"):
            raise UserError(
                f"timm block string {text!r} has {token}, mixed kernels, which no stage here has: "
                "expected a whole number"
            )
    tokens = tokens_of(rest, "r|k|s|e|c|se|fc", FLAGS)
    named = [name for key, name in ACTIVATIONS.items() if f"n{key}" in tokens]
    skips = "skip" in tokens if kind == "cn" else kind != "dsa" and "noskip" not in tokens
    return _String(
        text, kind, whole_of(tokens, "r", text, 1), whole_of(tokens, "k", text),
        whole_of(tokens, "s", text, 1), float(tokens.get("e", 1)) if kind in ("ir", "er") else 1.0,
        whole_of(tokens, "c", text), float(tokens.get("se", 0)) if kind != "cn" else 0.0,
        whole_of(tokens, "fc", text, 0), named[0] if named else None,
        "identity" if skips else "none",
    )  # fmt: skip


def _repeats(repeats: Sequence[int], depth: float, trunc: str) -> list[int]:
    """Repeats after a depth multiplier, as timm's _scale_stage_depth gives them.

    The group's sum is multiplied and shared out, the first string last.
    """
    left, total = sum(repeats), sum(repeats)
    scaled = max(1, round(total * depth)) if trunc == "round" else math.ceil(total * depth)
    shares = []
    for times in reversed(repeats):
        shares.append(max(1, round(times / left * scaled)))
        left, scaled = left - times, scaled - shares[-1]
    return shares[::-1]


def _stages(
    string: _String, repeats: int, c_in: int, channels: int, force: int, how: Style
) -> tuple[Stage, ...]:
    """What timm builds of one string: one stage if its numbers say it, else as few as do."""
    whole("Stage", "repeats", repeats, 1)
    blocks: list[Block] = []
    for i in range(repeats):
        hidden = c_in
        if string.kind in ("ir", "er"):
            hidden = divisible((force or c_in) * string.expand)
        se = how.squeezed(hidden, string.expand, string.se) if string.se else 0
        blocks.append(Block(
            OPS[string.kind], c_in, hidden, channels, string.kernel,
            string.stride if i == 0 else 1, se, string.activation, string.skip,
            string.kind == "ir", how.gate if se else "sigmoid", how.se_activation if se else None,
        ))  # fmt: skip
        c_in = channels
    one = stage_of(blocks, (string.expand,), _ratios(string, how))
    return stages_of(blocks) if one is None else (one,)


def _ratios(string: _String, how: Style) -> list[SE]:
    """SE as the string says it, in the units of `Stage.se_from`."""
    factor = string.expand if how.se_from == "expanded" else 1.0
    # 0.25 / 6 * 6 is 0.25 again: a ratio a hair lower would lose a squeezed channel.
    of_input = float(Fraction(string.se * factor).limit_denominator(10**6))
    of_expanded = string.se if how.se_from == "expanded" else string.se / string.expand
    ratios = [("input", of_input), ("expanded", of_expanded)]
    return ratios[::-1] if how.se_divisor > 1 else ratios


def _groups(
    arch_def: ArchDef, depth: float | Sequence[float], trunc: str, fix_first_last: bool
) -> list[list[tuple[_String, int]]]:
    """Strings with their repeats, group by group."""
    parsed = [[_string(s) for s in ([g] if isinstance(g, str) else g)] for g in arch_def]
    if not any(parsed):
        raise UserError("there are no block strings: expected one or more")
    depths = list(depth) if isinstance(depth, Sequence) else [depth] * len(parsed)
    if len(depths) != len(parsed):
        raise UserError(
            f"there are {len(depths)} depth multipliers for {len(parsed)} groups of strings"
        )
    if not all(factor > 0 for factor in depths):
        raise UserError(f"the depth multiplier is {depth}: expected a number above 0")
    if trunc not in ("ceil", "round"):
        raise UserError(f"depth_trunc is {trunc!r}: expected ceil or round")
    if fix_first_last:
        depths[0] = depths[-1] = 1.0
    return [
        list(zip(group, _repeats([s.repeats for s in group], times, trunc), strict=True))
        for group, times in zip(parsed, depths, strict=True)
    ]


def from_timm(
    arch_def: ArchDef,
    se_from: str | None = None,
    how: str | Style = "efficientnet",
    *,
    width: float = 1.0,
    depth: float | Sequence[float] = 1.0,
    depth_trunc: str = "ceil",
    fix_first_last: bool = False,
    fix_stem: bool = False,
    features: int | None = None,
    **network: Any,
) -> Architecture:
    """The architecture that timm builds from an arch_def.

    Args:
        arch_def: Groups of block strings, or block strings.
        se_from: `input` or `expanded`; None takes the style's.
        how: A style or its name in STYLES.
        width: Multiplies the stem and the strings' channels, which are rounded to 8 unless it
            is 1.
        depth: Multiplies repeats, one number or one for each group.
        depth_trunc: `ceil` or `round`.
        fix_first_last: The first and last group keep their repeats.
        fix_stem: The stem keeps its channels.
        features: timm's num_features, of the head conv or, in a style with `mix`, of the layer
            after the pooling. It is not multiplied.
        network: Other fields of `Architecture`. A token `nre`, `nr6`, `nsw` or `nhs` is the
            stage's activation; in every string it is the network's where none is given.

    Raises:
        UserError: A string can't be read, or has what no stage here has.
    """
    how = style(how)
    if se_from is not None:
        how = dataclasses.replace(how, se_from=se_from)
    if not width > 0:
        raise UserError(f"the width multiplier is {width}: expected a number above 0")
    groups = _groups(arch_def, depth, depth_trunc, fix_first_last)
    network.setdefault("stem", 32)
    if not fix_stem:
        network["stem"] = _widened(network["stem"], width, how)
    everywhere = {string.activation for group in groups for string, _ in group}
    if len(everywhere) == 1 and None not in everywhere:
        network.setdefault("activation", everywhere.pop())
    stages = _all_stages(groups, network["stem"], width, how)
    return Architecture(**_headed(stages, features, how, network))


def _widened(channels: int, width: float, how: Style) -> int:
    if width == 1 or not channels:
        return channels
    return divisible(channels * width, limit=how.round_limit)


def _all_stages(
    groups: list[list[tuple[_String, int]]], c_in: int, width: float, how: Style
) -> list[Stage]:
    stages: list[Stage] = []
    for group in groups:
        for i, (string, repeats) in enumerate(group):
            once = string if i == 0 else dataclasses.replace(string, stride=1)
            out, force = (_widened(n, width, how) for n in (string.channels, string.force))
            stages += _stages(once, repeats, c_in, out, force, how)
            c_in = out
    return stages


def _headed(
    stages: list[Stage], features: int | None, how: Style, network: dict[str, Any]
) -> dict[str, Any]:
    """The fields of the whole. A last 1x1 conv before a layer after the pooling is the head."""
    if features is not None and not how.mix:
        network.setdefault("head", features)
    if how.mix:
        last = stages[-1]
        is_head = dataclasses.replace(last, channels=1) == Stage("conv", 1, kernel=1, skip="none")
        if "head" not in network:
            network["head"] = last.channels if is_head and len(stages) > 1 else 0
            stages = stages[:-1] if network["head"] else stages
        network.setdefault("mix", 1280 if features is None else features)
        network.setdefault("mix_bias", how.mix_bias)
    return {**network, "stages": tuple(stages)}


def from_timm_row(row: Mapping[str, str], arch_def: ArchDef) -> Architecture:
    """The network of a row of a table of timm's models, at its img_size.

    Args:
        row: base_model, img_size, width_mult, depth_mult, depth_trunc, fix_first_last, stem_size,
            fix_stem, num_features, default_act, as texts.
        arch_def: Of the row, read from its JSON.

    Raises:
        UserError: As `from_timm`.
    """
    if row["base_model"].startswith("gc_"):
        raise UserError(
            f"{row['base_model']} has global context in place of SE, which no stage has"
        )
    width = multiplier(row, "width_mult")
    assert isinstance(width, float), "one width for all"
    return from_timm(
        arch_def,
        how=style_of(row["base_model"]),
        width=width,
        depth=multiplier(row, "depth_mult"),
        depth_trunc=row["depth_trunc"],
        fix_first_last=row["fix_first_last"] == "1",
        fix_stem=row["fix_stem"] == "1",
        features=int(row["num_features"]),
        stem=int(row["stem_size"]),
        resolution=int(row["img_size"]),
        activation=row["default_act"],
        name=row["base_model"],
    )
