"""A file that registers an architecture with timm, and its weights under timm's names.

timm's EfficientNet says most MBConv networks with an `arch_def`, and its MobileNetV3 those with a
layer after the pooling; what they can't say exactly (a stem of stride 1, pooled shortcuts,
bottlenecks, widths that timm would round, SE gates of two kinds) is registered as the stand-alone
torch module. Holds for timm 1.0.
"""

import math
from collections.abc import Mapping
from typing import Any

from results.export.templates import ACTIVATIONS as CLASSES
from search_spaces.architecture import Architecture
from search_spaces.errors import UserError
from search_spaces.interchange import to_timm
from search_spaces.interchange.timm_strings import fitting
from search_spaces.layers import walk

LARGEST_STRIDE = 32  # of the whole network: beyond it timm dilates
IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))  # mean, standard deviation of pixels
_ACTIVATIONS = {"swish": "silu", "relu": "relu", "relu6": "relu6", "hard_swish": "hard_swish"}
_CLASSES = {
    "relu": "nn.ReLU",
    "relu6": "nn.ReLU6",
    "swish": "nn.SiLU",
    "hard_swish": "nn.Hardswish",
}

# Ours -> timm's, by the conv's name and the kind of timm's block.
_BLOCKS = {
    "ir": {"expand": ("conv_pw", "bn1"), "depthwise": ("conv_dw", "bn2"),
           "project": ("conv_pwl", "bn3")},
    "ds": {"depthwise": ("conv_dw", "bn1"), "project": ("conv_pw", "bn2")},
    "dsa": {"depthwise": ("conv_dw", "bn1"), "pointwise": ("conv_pw", "bn2")},
    "er": {"fused": ("conv_exp", "bn1"), "project": ("conv_pwl", "bn2")},
    "cn": {"conv": ("conv", "bn1")},
}  # fmt: skip
_ENDS = {
    "stem.conv.0": "conv_stem", "stem.conv.1": "bn1",
    "head.conv.0": "conv_head", "head.conv.1": "bn2",
    "head.classifier.1": "classifier",
}  # fmt: skip
MIX = "head.mix.0.weight"  # a linear layer here, (out, in), and a 1x1 conv in timm, (out, in, 1, 1)


def refusal(architecture: Architecture) -> str:
    """Why timm's classes can't say the network exactly; empty where one can."""
    a = architecture
    try:
        to_timm(a, how=fitting(a))
    except UserError as error:
        return str(error)
    if a.stem_stride != 2 or a.stem_pool:
        return "timm's stem has stride 2 and no pooling"
    if a.mix and a.stem_kernel != 3:
        return "the stem of timm's MobileNetV3 is a 3x3 conv"
    if any(stage.stride > 2 for stage in a.stages):
        return "timm's blocks have stride 1 or 2"
    if a.stem_stride * math.prod(stage.stride for stage in a.stages) > LARGEST_STRIDE:
        return f"timm dilates convs beyond a stride of {LARGEST_STRIDE}"
    return ""


def timm_names(architecture: Architecture) -> dict[str, str]:
    """Our module names -> those of timm's class.

    Raises:
        UserError: No class of timm can say the network.
    """
    a = architecture
    if why := refusal(a):
        raise UserError(f"timm's EfficientNet can't say this network: {why}")
    kinds = [strings[0].partition("_")[0] for strings in to_timm(a, how=fitting(a))]
    names = dict(_ENDS)
    if a.mix:
        last = f"blocks.{len(a.stages)}.0"
        names |= {"head.conv.0": f"{last}.conv", "head.conv.1": f"{last}.bn1"}
        names["head.mix.0"] = "conv_head"
    for place, block in walk(architecture):
        group, *position = place.split(".")
        if group != "stages":
            continue
        ours = f"{place}.path" if block.residual else place
        theirs = f"blocks.{position[0]}.{position[1]}"
        for conv, (weights, norm) in _BLOCKS[kinds[int(position[0])]].items():
            names[f"{ours}.{conv}.0"] = f"{theirs}.{weights}"
            names[f"{ours}.{conv}.1"] = f"{theirs}.{norm}"
        for conv in ("reduce", "expand"):
            names[f"{ours}.se.{conv}"] = f"{theirs}.se.conv_{conv}"
    return names


def timm_state(architecture: Architecture, state: Mapping[str, Any]) -> dict[str, Any]:
    """Our state_dict under the names of the network that `source` registers."""
    if refusal(architecture):
        return dict(state)
    names = timm_names(architecture)
    state = {k: v[..., None, None] if k == MIX else v for k, v in state.items()}
    parts = ((key.rpartition("."), value) for key, value in state.items())
    return {f"{names[module]}.{leaf}": value for (module, _, leaf), value in parts}


_TOP = '''"""{name} for timm 1.0. Written by compound-nas.

    import {module}                                      # registers it
    net = timm.create_model("{model}")
{trained}
    python -c "import {module}, runpy; runpy.run_path('train.py', run_name='__main__')" \\
        --model {model} {size} --drop {dropout:g} --drop-path {drop_connect:g} ...
"""
'''
_TRAINED = """    net = timm.create_model("{model}", pretrained=True)  # {file} beside this file
"""

_CFG = """
default_cfgs = generate_default_cfgs(
    {{
        "{model}": {{
            {weights}"num_classes": {classes},
            "input_size": {shape},
            "crop_pct": 0.875,
            "interpolation": "bicubic",
            "mean": {mean},
            "std": {std},
            "first_conv": {first},
            "classifier": "{classifier}",
        }}
    }}
)
"""

_BUILDER = '''
from functools import partial
{path}
from timm.models import build_model_with_cfg, generate_default_cfgs, register_model
from timm.models._efficientnet_blocks import SqueezeExcite
from timm.models._efficientnet_builder import (
    decode_arch_def,
    resolve_act_layer,
    resolve_bn_args,{rounding}
)
from timm.models.{file_of_class} import {class_name}
from torch import nn

ARCH_DEF = [
{arch_def}
]
{cfg}

@register_model
def {model}(pretrained=False, **kwargs):
    """{pixels} px, {macs:,} multiply-adds, {params:,} parameters."""
    kwargs.setdefault("drop_rate", {dropout!r})
    kwargs.setdefault("drop_path_rate", {drop_connect!r})
    bn = {{"eps": 1e-3, "momentum": 0.01, **resolve_bn_args(kwargs)}}
    return build_model_with_cfg(
        {class_name},
        "{model}",
        pretrained,
        feature_cfg={{"feature_cls": "getter"}},
        block_args=decode_arch_def(ARCH_DEF),
        stem_size={stem},
        {ends},
        fix_stem=True,
        se_layer=partial(SqueezeExcite{gate}),
        round_chs_fn=int,  # ARCH_DEF has the very channels: nothing is rounded
        act_layer=resolve_act_layer(kwargs, "{activation}"),
        norm_layer=kwargs.pop("norm_layer", None) or partial(nn.BatchNorm2d, **bn),
        **kwargs,
    )
'''

_MODULE = '''
{path}
from timm.models import build_model_with_cfg, generate_default_cfgs, register_model
from torch import nn

from {name} import BN, Network

{cfg}

class Timm(Network):
    """The stand-alone network with what timm asks of one ({why})."""

    def __init__(self, num_classes={classes}, in_chans={inputs}, drop_rate={dropout!r}, **kwargs):
        drop_path = kwargs.pop("drop_path_rate", {drop_connect!r})
        bn = {{"eps": kwargs.pop("bn_eps", None), "momentum": kwargs.pop("bn_momentum", None)}}
        if kwargs.pop("global_pool", "avg") != "avg" or kwargs:
            raise ValueError(f"{model} takes the average and no {{', '.join(kwargs)}}")
        super().__init__(num_classes, drop_rate, {drop}inputs=in_chans)
        for layer in self.modules():
            if isinstance(layer, nn.BatchNorm2d):
                layer.eps = bn["eps"] or BN["eps"]
                layer.momentum = bn["momentum"] or BN["momentum"]
        self.num_classes, self.in_chans, self.drop_rate = num_classes, in_chans, drop_rate
        self.num_features = self.head_hidden_size = self.features

    def get_classifier(self):
        return self.head.classifier[1]

    def reset_classifier(self, num_classes, global_pool=None):
        self.num_classes = num_classes
        old = self.head.classifier[1].weight
        new = nn.Linear(self.features, num_classes) if num_classes else nn.Identity()
        self.head.classifier[1] = new.to(old.device, old.dtype)

    def set_grad_checkpointing(self, enable=True):
        if enable:
            raise ValueError("{model} has no gradient checkpointing")

    def forward_features(self, x):
        return self.stages(self.stem(x))

    def forward_head(self, x, pre_logits=False):
        for name, layer in self.head.named_children():
            if not (pre_logits and name == "classifier"):
                x = layer(x)
        return x


@register_model
def {model}(pretrained=False, **kwargs):
    """{pixels} px, {macs:,} multiply-adds, {params:,} parameters."""
    return build_model_with_cfg(Timm, "{model}", pretrained, **kwargs)
'''


def imagenet(channels: int) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """ImageNet's mean and standard deviation of pixels, averaged where images are not RGB."""
    if channels == 3:
        return IMAGENET
    mean, deviation = (round(sum(numbers) / 3, 3) for numbers in IMAGENET)
    return (mean,) * channels, (deviation,) * channels


def _builder_words(a: Architecture) -> dict[str, str]:
    """What the builder's text says of timm's class and of SE."""
    how = fitting(a)
    gate = f', gate_layer="{how.gate}"' if how.gate != "sigmoid" else ""
    gate += f", force_act_layer={CLASSES[how.se_activation]}" if how.se_activation else ""
    gate += ", rd_round_fn=round_channels" if how.se_divisor > 1 else ""
    ends = f"stem_kernel_size={a.stem_kernel},\n        num_features={a.head}"
    if a.mix:
        ends = f"num_features={a.mix},\n        head_bias={a.mix_bias},\n        se_from_exp=False"
    ends += ',\n        pad_type="same"' if a.padding == "same" else ""
    return {
        "class_name": "MobileNetV3" if a.mix else "EfficientNet",
        "file_of_class": "mobilenetv3" if a.mix else "efficientnet",
        "ends": ends,
        "gate": gate,
        "rounding": "\n    round_channels," if how.se_divisor > 1 else "",
        "arch_def": "\n".join(f'    ["{group[0]}"],' for group in to_timm(a, how=how)),
    }


def source(
    architecture: Architecture,
    name: str,
    weights: str = "",
    pixels: tuple[tuple[float, ...], tuple[float, ...]] | None = None,
) -> str:
    """The text of `timm_NAME.py`, which registers `nas_NAME`.

    Args:
        architecture: The network.
        name: Of the stand-alone module, an identifier.
        weights: A file beside it, of `timm_state`; empty for none.
        pixels: Mean and standard deviation of the input's, of 0 to 1; None for ImageNet's.
    """
    from search_spaces.cost import cost

    a, figures, why = architecture, cost(architecture), refusal(architecture)
    mean, deviation = pixels or imagenet(a.in_channels)
    plain = isinstance(a.resolution, int) and a.in_channels == 3
    first = "stem.conv.0" if why else "conv_stem"
    words: dict[str, Any] = {
        "name": name, "module": f"timm_{name}", "model": f"nas_{name}", "file": weights,
        "pixels": a.size, "classes": a.classes, "inputs": a.in_channels,
        "shape": (a.in_channels, *a.size),
        "size": f"--img-size {a.size}" if plain else "--input-size {} {} {}".format(
            a.in_channels, *a.size), "dropout": float(a.dropout),
        "drop_connect": float(a.drop_connect), "macs": figures.macs, "params": figures.params,
        "stem": a.stem, **({} if why else _builder_words(a)),
        "activation": _ACTIVATIONS[a.activation], "why": why, "mean": mean, "std": deviation,
        # of 3 channels timm makes others; what has others itself is to be left as it is
        "first": f'"{first}"' if a.in_channels == 3 else None,
        "classifier": "head.classifier.1" if why else "classifier",
        "weights": f'"file": str(Path(__file__).with_name("{weights}")),\n            '
        if weights else "",
        "path": "from pathlib import Path\n" if weights else "",
        "drop": "drop_path, " if any(block.residual for _, block in walk(a)) else "",
    }  # fmt: skip
    words["trained"] = _TRAINED.format(**words) if weights else ""
    words["cfg"] = _CFG.format(**words)
    return (_TOP + (_MODULE if why else _BUILDER)).format(**words)
