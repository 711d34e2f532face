"""Block strings of TensorFlow's EfficientNet and MnasNet, and timm's arch_def, both ways.

TensorFlow: `r1_k3_s11_e1_i32_o16_se0.25[_noskip]`, tokens in any order; `f1` is a fused MBConv
(tensorflow/tpu, efficientnet_builder.py). timm: stages of strings
`TYPE_r_k_s_e_c[_se][_noskip]` (timm, _efficientnet_builder.py); `ir` inverted residual, `ds`
depthwise-separable with a linear end, `dsa` the same with an activation and no skip
(MobileNetV1), `er` fused, `cn` plain conv.
"""

import dataclasses
import re
from collections.abc import Iterable, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Any

from search_spaces.architecture import Architecture, Stage
from search_spaces.errors import UserError

TIMM_ACTIVATIONS = {"re": "relu", "r6": "relu6", "sw": "swish"}


def _number(value: float) -> str:
    """All digits that the float needs, without an exponent."""
    return f"{Decimal(repr(value)).normalize():f}"


def to_tf(architecture: Architecture) -> list[str]:
    """One TensorFlow block string for each stage. Raises UserError where none can say it."""
    strings, c_in = [], architecture.stem
    for stage in architecture.stages:
        if stage.stride > 9:
            raise UserError(
                f"a stage of stride {stage.stride} has no TensorFlow block string: strides are "
                "two digits there, as s22"
            )
        if stage.op not in ("mbconv", "fused") or stage.skip == "pool":
            raise UserError(
                f"a {stage.op} stage with skip {stage.skip} has no TensorFlow block string: "
                "only mbconv and fused stages with skip identity or none do"
            )
        parts = [f"r{stage.repeats}", f"k{stage.kernel}", f"s{stage.stride}{stage.stride}"]
        parts += [f"e{stage.expand}", f"i{c_in}", f"o{stage.channels}"]
        parts += [f"se{_number(stage.se)}"] if stage.se else []
        parts += ["f1"] if stage.op == "fused" else []
        parts += ["noskip"] if stage.skip == "none" else []
        strings.append("_".join(parts))
        c_in = stage.channels
    return strings


def _tokens(string: str, keys: str, flags: Sequence[str]) -> dict[str, Any]:
    """`k3_noskip` -> {"k": "3", "noskip": True}. Raises UserError that names the token."""
    found: dict[str, Any] = {}
    for token in string.strip().split("_"):
        match = re.fullmatch(rf"({keys})(\d+(?:\.\d+)?)", token)
        if token in flags:
            found[token] = True
        elif match and match[1] not in found:
            found[match[1]] = match[2]
        else:
            raise UserError(
                f"block string {string!r} has the token {token!r}: expected each of "
                f"{keys.replace('|', ', ')} once with its number, or {', '.join(flags)}"
            )
    return found


def _int(tokens: dict[str, Any], key: str, string: str, default: int | None = None) -> int:
    value = tokens.get(key, default)
    if value is None:
        raise UserError(f"block string {string!r} lacks {key!r}")
    try:
        return int(value)
    except ValueError:
        raise UserError(
            f"block string {string!r} has {key}{value}: expected a whole number"
        ) from None


def from_tf(strings: Iterable[str], **network: Any) -> Architecture:
    """The architecture of TensorFlow block strings; `network`: the other Architecture fields.

    The stem's width is the first string's input, or `stem` where that input has no effect: the
    published MnasNet-small has a stem of 8 and `r1_k3_s11_e1_i16_o8`. Raises UserError, also
    where a string's input is not the output of the one before.
    """
    stages: list[Stage] = []
    stem = c_in = None
    for string in strings:
        tokens = _tokens(string, "r|k|s|e|i|o|se|f", ("noskip",))
        strides = str(tokens.get("s", ""))
        if len(strides) != 2 or strides[0] != strides[1]:
            raise UserError(
                f"block string {string!r} has stride {strides!r}: expected two equal digits, as s22"
            )
        i = _int(tokens, "i", string)
        if stem is None:
            stem = i
        elif i != c_in:
            raise UserError(
                f"block string {string!r} has i{i}, but the block before it gives {c_in} channels"
            )
        c_in = _int(tokens, "o", string)
        stages.append(
            Stage(
                op="fused" if _int(tokens, "f", string, 0) else "mbconv",
                channels=c_in,
                repeats=_int(tokens, "r", string),
                kernel=_int(tokens, "k", string),
                stride=int(strides[0]),
                expand=_int(tokens, "e", string),
                se=float(tokens.get("se", 0)),
                skip="none" if "noskip" in tokens else "identity",
            )
        )
    if stem is None:
        raise UserError("there are no block strings: expected one or more")
    unused = stages[0].expand == 1 and not stages[0].se
    if network.setdefault("stem", stem) != stem and not unused:
        raise UserError(f"stem is {network['stem']}, but the first block string has i{stem}")
    return Architecture(tuple(stages), **network)


def _timm_kind(stage: Stage) -> str:
    if stage.op == "mbconv":
        return "ds" if stage.expand == 1 else "ir"
    if stage.op == "dsconv" and stage.skip == "none":
        return "dsa"
    return {"fused": "er", "conv": "cn"}.get(stage.op, "")


def to_timm(architecture: Architecture, se_from: str = "input") -> list[list[str]]:
    """timm's arch_def. Raises UserError where it has no word for a stage.

    se_from: what timm's network class takes the SE ratio of: `input`, the block's input
    channels (timm's EfficientNet), or `expanded` (timm's MobileNetV3).
    """
    arch_def = []
    for stage in architecture.stages:
        kind = _timm_kind(stage)
        if not kind or stage.skip == "pool" or (kind == "cn" and stage.se):
            raise UserError(
                f"a {stage.op} stage with skip {stage.skip} and se {stage.se:g} has no timm "
                "block string"
            )
        parts = [kind, f"r{stage.repeats}", f"k{stage.kernel}", f"s{stage.stride}"]
        parts += [f"e{stage.expand}"] if kind in ("ir", "er", "ds") else []
        parts += [f"c{stage.channels}"]
        if stage.se:
            parts.append(f"se{_number(stage.se / _se_divisor(stage, se_from))}")
        if kind == "cn" and stage.skip == "identity":
            parts.append("skip")
        if kind in ("ir", "er", "ds") and stage.skip == "none":
            parts.append("noskip")
        arch_def.append(["_".join(parts)])
    return arch_def


def _se_divisor(stage: Stage, se_from: str) -> int:
    if se_from not in ("input", "expanded"):
        raise UserError(f"se_from is {se_from!r}: expected input or expanded")
    return stage.expand if se_from == "expanded" else 1


def from_timm(
    arch_def: Sequence[Sequence[str] | str], se_from: str = "input", **network: Any
) -> Architecture:
    """The architecture of timm's arch_def; `network`: the other Architecture fields.

    se_from: as in `to_timm`. A token `nre`, `nr6` or `nsw` in every string sets the activation.
    Raises UserError.
    """
    stages: list[Stage] = []
    activations = set()
    for string in (s for group in arch_def for s in ([group] if isinstance(group, str) else group)):
        kind, _, rest = string.partition("_")
        if kind not in ("ir", "ds", "dsa", "er", "cn"):
            raise UserError(
                f"timm block string {string!r} has type {kind!r}: expected ir, ds, dsa, er or cn"
            )
        flags = ("noskip", "skip", *(f"n{key}" for key in TIMM_ACTIVATIONS))
        tokens = _tokens(rest, "r|k|s|e|c|se", flags)
        named = [name for key, name in TIMM_ACTIVATIONS.items() if f"n{key}" in tokens]
        activations.add(named[0] if named else None)
        stages.append(_timm_stage(kind, tokens, string, se_from))
    if len(activations) > 1:
        raise UserError("the timm block strings name different activations: expected one for all")
    for activation in activations - {None}:
        network.setdefault("activation", activation)
    return Architecture(tuple(stages), **network)


def _timm_stage(kind: str, tokens: dict[str, Any], string: str, se_from: str) -> Stage:
    op = {"ir": "mbconv", "ds": "mbconv", "dsa": "dsconv", "er": "fused", "cn": "conv"}[kind]
    expand = _int(tokens, "e", string, 1)
    if kind == "ir" and expand == 1:
        raise UserError(
            f"timm block string {string!r} is an ir block with e1, which keeps a 1x1 expansion "
            "conv that mbconv1 has not: use ds for a block without it"
        )
    skips = kind in ("ir", "ds", "er") and "noskip" not in tokens
    stage = Stage(
        op=op,
        channels=_int(tokens, "c", string),
        repeats=_int(tokens, "r", string, 1),
        kernel=_int(tokens, "k", string),
        stride=_int(tokens, "s", string, 1),
        expand=expand if kind in ("ir", "er") else 1,
        se=float(tokens.get("se", 0)),
        skip="identity" if skips or (kind == "cn" and "skip" in tokens) else "none",
    )
    divisor = _se_divisor(stage, se_from)
    # 0.25 / 6 * 6 is 0.25 again: a ratio a hair lower would lose a squeezed channel.
    ratio = float(Fraction(stage.se * divisor).limit_denominator(10**6))
    return dataclasses.replace(stage, se=stage.se if divisor == 1 else ratio)
