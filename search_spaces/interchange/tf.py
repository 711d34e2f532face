"""Block strings of TensorFlow's EfficientNet and MnasNet, both ways.

`r1_k3_s11_e1_i32_o16_se0.25[_noskip]`, tokens in any order; `f1` is a fused MBConv
(tensorflow/tpu, efficientnet_builder.py).
"""

from collections.abc import Iterable
from typing import Any

from search_spaces.architecture import Architecture, Stage
from search_spaces.errors import UserError
from search_spaces.interchange.tokens import number_text, tokens_of, whole_of


def _beyond(stage: Stage) -> str:
    """What of a stage TensorFlow's strings have no token for; empty where they have all."""
    if not isinstance(stage.expand, int):
        return f"expand {stage.expand:g}"
    if stage.keep_expansion:
        return "an expansion conv at expand 1"
    if stage.activation:
        return f"an activation of its own, {stage.activation}"
    if stage.se_from != "input":
        return f"SE from its {stage.se_from}"
    if stage.gate != "sigmoid" or stage.se_activation:
        return f"the SE gate {stage.gate} and activation {stage.se_activation or 'its own'}"
    return ""


def to_tf(architecture: Architecture) -> list[str]:
    """One TensorFlow block string for each stage.

    Raises:
        UserError: A stage has none, or the network has a layer after the pooling.
    """
    if architecture.mix:
        raise UserError(
            f"a layer of {architecture.mix} channels after the pooling has no TensorFlow block "
            "string: expected mix 0"
        )
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
        if why := _beyond(stage):
            raise UserError(f"a stage with {why} has no TensorFlow block string")
        parts = [f"r{stage.repeats}", f"k{stage.kernel}", f"s{stage.stride}{stage.stride}"]
        parts += [f"e{stage.expand}", f"i{c_in}", f"o{stage.channels}"]
        parts += [f"se{number_text(stage.se)}"] if stage.se else []
        parts += ["f1"] if stage.op == "fused" else []
        parts += ["noskip"] if stage.skip == "none" else []
        strings.append("_".join(parts))
        c_in = stage.channels
    return strings


def _stage(tokens: dict[str, Any], string: str) -> Stage:
    strides = str(tokens.get("s", ""))
    if len(strides) != 2 or strides[0] != strides[1]:
        raise UserError(
            f"block string {string!r} has stride {strides!r}: expected two equal digits, as s22"
        )
    return Stage(
        op="fused" if whole_of(tokens, "f", string, 0) else "mbconv",
        channels=whole_of(tokens, "o", string),
        repeats=whole_of(tokens, "r", string),
        kernel=whole_of(tokens, "k", string),
        stride=int(strides[0]),
        expand=whole_of(tokens, "e", string),
        se=float(tokens.get("se", 0)),
        skip="none" if "noskip" in tokens else "identity",
    )


def from_tf(strings: Iterable[str], **network: Any) -> Architecture:
    """The architecture of TensorFlow block strings.

    The stem's width is the first string's input, or `stem` where that input has no effect: the
    published MnasNet-small has a stem of 8 and `r1_k3_s11_e1_i16_o8`.

    Args:
        strings: One for each stage, at least one.
        network: Other fields of `Architecture`.

    Raises:
        UserError: A string can't be read, or its input is not the output of the one before.
    """
    stages: list[Stage] = []
    stem = c_in = None
    for string in strings:
        tokens = tokens_of(string, "r|k|s|e|i|o|se|f", ("noskip",))
        i = whole_of(tokens, "i", string)
        if stem is None:
            stem = i
        elif i != c_in:
            raise UserError(
                f"block string {string!r} has i{i}, but the block before it gives {c_in} channels"
            )
        stages.append(_stage(tokens, string))
        c_in = stages[-1].channels
    if stem is None:
        raise UserError("there are no block strings: expected one or more")
    unused = stages[0].expand == 1 and not stages[0].se
    if network.setdefault("stem", stem) != stem and not unused:
        raise UserError(f"stem is {network['stem']}, but the first block string has i{stem}")
    return Architecture(tuple(stages), **network)
