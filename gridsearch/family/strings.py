"""Networks in the words of TensorFlow and of timm."""

import contextlib
from typing import Any

from search_spaces.architecture import Architecture
from search_spaces.errors import UserError
from search_spaces.interchange import to_tf, to_timm
from search_spaces.interchange.timm_strings import fitting


def interchange(architecture: Architecture) -> dict[str, Any]:
    """A network in the words of TensorFlow and of timm.

    Returns:
        `tf`: block strings. `timm`: the class, and what it takes: `decode_arch_def(arch_def)` gives
        block_args, nothing is to be rounded again (fix_stem, round_chs_fn=int), and `se_layer` is
        what SqueezeExcite takes, where it isn't its defaults. None where one has no words.
    """
    strings: dict[str, Any] = {"tf": None, "timm": None}
    with contextlib.suppress(UserError):
        strings["tf"] = to_tf(architecture)
    with contextlib.suppress(UserError):
        strings["timm"] = _timm(architecture)
    return strings


def _timm(a: Architecture) -> dict[str, Any]:
    """The class of timm and what it takes. Raises UserError where it has no words."""
    how = fitting(a)
    se = {"gate_layer": how.gate} if how.gate != "sigmoid" else {}
    se |= {"force_act_layer": how.se_activation} if how.se_activation else {}
    se |= {"rd_round_fn": "round_channels"} if how.se_divisor > 1 else {}
    ends: dict[str, Any] = {"class": "EfficientNet", "num_features": a.head}
    if a.mix:
        ends = {"class": "MobileNetV3", "num_features": a.mix, "head_bias": a.mix_bias}
        ends |= {"se_from_exp": False}
    return {
        **ends,
        "arch_def": to_timm(a, how=how),
        "stem_size": a.stem,
        "fix_stem": True,
        "act_layer": {"swish": "silu"}.get(a.activation, a.activation),
        **({"se_layer": se} if se else {}),
        "drop_rate": a.dropout,
        "drop_path_rate": a.drop_connect,
        "img_size": a.resolution,
        **({"in_chans": a.in_channels} if a.in_channels != 3 else {}),
    }
