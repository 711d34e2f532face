"""An architecture as timm's arch_def, where timm 1.0 builds exactly it."""

from dataclasses import replace

from search_spaces.architecture import Architecture, Stage
from search_spaces.errors import UserError
from search_spaces.interchange.timm import ACTIVATIONS
from search_spaces.interchange.timm_styles import Style, divisible, style
from search_spaces.interchange.tokens import number_text
from search_spaces.layers import hidden_channels, squeezed, stage_inputs

DIVISOR = 8  # timm rounds hidden channels to multiples of it
_TOKENS = {name: key for key, name in ACTIVATIONS.items()}


def _kind(stage: Stage) -> str:
    if stage.op == "mbconv":
        return "ir" if stage.expand != 1 or stage.keep_expansion else "ds"
    if stage.op == "dsconv" and stage.skip == "none":
        return "dsa"
    return {"fused": "er", "conv": "cn"}.get(stage.op, "")


def _inputs(stage: Stage, c_in: int) -> list[int]:
    """The channels that its blocks take: those of the first, and of the others."""
    return [c_in] if stage.repeats == 1 else [c_in, stage.channels]


def _check_hidden(stage: Stage, c_in: int) -> None:
    for channels in _inputs(stage, c_in):
        hidden = hidden_channels(channels, stage.expand)
        if divisible(channels * stage.expand, DIVISOR) != hidden:
            raise UserError(f"timm rounds {hidden} hidden channels to a multiple of {DIVISOR}")


def _se(stage: Stage, c_in: int, how: Style, kind: str) -> float:
    """The number after `se`, in the style's unit. Raises UserError."""
    expand = stage.expand if kind in ("ir", "er") else 1
    blocks = []
    for channels in _inputs(stage, c_in):
        hidden = channels if kind in ("ds", "dsa") else hidden_channels(channels, stage.expand)
        blocks.append((channels, hidden, squeezed(stage, channels, hidden)))
    factor = expand if how.se_from == "input" else 1  # from a ratio to the expanded channels
    tried = [0.25, *(width / hidden * factor for _, hidden, width in blocks)]
    if stage.se_from == "input":
        tried.insert(0, stage.se * factor / expand)
    elif stage.se_from == "expanded":
        tried.insert(0, stage.se * factor)
    for number in tried:
        if all(how.squeezed(hidden, expand, number) == width for _, hidden, width in blocks):
            return number
    _, hidden, width = blocks[0]
    taken = how.squeezed(hidden, expand, tried[0])
    raise UserError(f"timm squeezes {hidden} channels to {taken} and not to {width}")


def _check_gate(stage: Stage, how: Style, activation: str) -> None:
    own = stage.activation or activation
    ours = stage.gate, stage.se_activation or own
    theirs = how.gate, how.se_activation or own
    if ours != theirs:
        raise UserError(
            f"timm's SE has {' and '.join(theirs)} in this style, not {' and '.join(ours)}"
        )


def _text(stage: Stage, c_in: int, how: Style, activation: str) -> str:
    kind = _kind(stage)
    if not kind or stage.skip == "pool" or (kind == "cn" and stage.se):
        raise UserError(
            f"a {stage.op} stage with skip {stage.skip} and se {stage.se:g} has no timm "
            "block string"
        )
    if kind in ("ir", "er"):
        _check_hidden(stage, c_in)
    parts = [kind, f"r{stage.repeats}", f"k{stage.kernel}", f"s{stage.stride}"]
    parts += [f"e{number_text(stage.expand)}"] if kind in ("ir", "er", "ds") else []
    parts += [f"c{stage.channels}"]
    if stage.se:
        _check_gate(stage, how, activation)
        parts.append(f"se{number_text(_se(stage, c_in, how, kind))}")
    if kind == "cn" and stage.skip == "identity":
        parts.append("skip")
    if kind in ("ir", "er", "ds") and stage.skip == "none":
        parts.append("noskip")
    if stage.activation:
        parts.append(f"n{_TOKENS[stage.activation]}")
    return "_".join(parts)


def to_timm(
    architecture: Architecture, se_from: str | None = None, how: str | Style = "efficientnet"
) -> list[list[str]]:
    """An architecture as timm's arch_def, a group of one string for each stage.

    Args:
        architecture: What timm is to build. Its channels are the strings': give timm
            `round_chs_fn=int`, or a stem and channels that are multiples of 8.
        se_from: `input` or `expanded`; None takes the style's.
        how: A style or its name in STYLES, of timm's class and what its function passes on.

    Returns:
        Groups of strings. A head conv before a layer after the pooling is the last, a `cn`.

    Raises:
        UserError: timm has no word for a stage, or builds another width of it.
    """
    how = style(how) if se_from is None else replace(style(how), se_from=se_from)
    a = architecture
    if bool(a.mix) != how.mix or (a.mix and a.mix_bias != how.mix_bias):
        bias = {True: "a bias", False: "no bias"}
        wanted = f"one with {bias[how.mix_bias]}" if how.mix else "none"
        raise UserError(
            f"a layer of {a.mix} channels with {bias[a.mix_bias]} after the pooling has no timm "
            f"block string in this style, which has {wanted}"
        )
    arch_def = [[_text(stage, c_in, how, a.activation)] for stage, c_in, _ in stage_inputs(a)]
    return [*arch_def, [f"cn_r1_k1_s1_c{a.head}"]] if a.mix and a.head else arch_def


def fitting(architecture: Architecture) -> Style:
    """The style that says an architecture, if one does: its heads, gates and SE widths."""
    gated = [stage for stage in architecture.stages if stage.se]
    rounded = any(stage.se_from == "expanded" for stage in gated)
    # A stage whose own activation is SE's says None: another one names it.
    inner = next((stage.se_activation for stage in gated if stage.se_activation), None)
    return Style(
        se_divisor=DIVISOR if rounded else 1,
        se_activation=inner,
        gate=gated[0].gate if gated else "sigmoid",
        mix=architecture.mix > 0,
        mix_bias=architecture.mix_bias,
    )
