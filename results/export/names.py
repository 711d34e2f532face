"""Names of weights as training programs write them, turned into our own."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from results.export.to_timm import MIX, refusal, timm_names
from search_spaces.architecture import Architecture

# What wraps a network while it is trained: DataParallel, torch.compile, Lightning, an average.
WRAPPERS = ("module.", "_orig_mod.", "model.", "network.", "net.", "backbone.", "ema.")
# What programs count beside the weights: averaging, thop's operations.
COUNTERS = ("n_averaged", "total_ops", "total_params")
COUNTED = "num_batches_tracked"
# The order of EfficientNet-PyTorch's layers, whose names do not give it.
_ORDER = (
    "_conv_stem", "_bn", "_blocks", "_expand_conv", "_bn0", "_depthwise_conv", "_bn1",
    "_se_reduce", "_se_expand", "_project_conv", "_bn2", "_conv_head", "_fc",
)  # fmt: skip
Named = Mapping[str, Any]
Modules = dict[str, dict[str, Any]]


def padding_of(content: Named) -> str | None:
    """The padding that weights were trained with, where their names say it; else None.

    EfficientNet-PyTorch and its kin hold TensorFlow's weights, and pad as it does.
    """
    return "same" if any("_depthwise_conv" in str(name) for name in content) else None


def our_names(content: Named, architecture: Architecture, wanted: Named) -> dict[str, Any]:
    """A state_dict under our names.

    Names are taken as ours, else as timm's; else the layers' order and shapes decide, in the
    file's order, in that of numbers in the names, and in that of EfficientNet-PyTorch's layers.

    Args:
        content: Name -> tensor, whatever wraps the names.
        architecture: The network.
        wanted: Our own state_dict of it; only its names and shapes are looked at.

    Returns:
        Name -> tensor; under the given names where none of this fits. Counts of batches that are
        missing are 0.
    """
    state = _unwrapped(content)
    if not any(key in wanted for key in state):
        state = _timms(state, architecture) or _by_order(state, wanted) or state
    for name, tensor in wanted.items():
        if name.endswith(COUNTED) and name not in state:
            state[name] = tensor.new_zeros((), device="cpu")
    return state


def _unwrapped(content: Named) -> dict[str, Any]:
    """Without counters and without what all names begin with."""
    state = {str(k): v for k, v in content.items() if str(k).rpartition(".")[2] not in COUNTERS}
    while True:
        wrapper = next((w for w in WRAPPERS if all(key.startswith(w) for key in state)), None)
        if not state or wrapper is None:
            return state
        state = {key.removeprefix(wrapper): value for key, value in state.items()}


def _timms(state: Named, architecture: Architecture) -> dict[str, Any] | None:
    if refusal(architecture):
        return None
    ours = {theirs: mine for mine, theirs in timm_names(architecture).items()}
    parts = [(key.rpartition("."), value) for key, value in state.items()]
    if not all(module in ours for (module, _, _), _ in parts):
        return None
    named = {f"{ours[module]}.{leaf}": value for (module, _, leaf), value in parts}
    if MIX in named:
        named[MIX] = named[MIX].flatten(1)
    return named


def _modules(state: Named) -> Modules:
    """Layer -> its tensors, in the order of first appearance."""
    modules: Modules = {}
    for key, value in state.items():
        module, _, leaf = key.rpartition(".")
        if leaf != COUNTED:
            modules.setdefault(module, {})[leaf] = value
    return modules


def _by_numbers(module: str) -> list[Any]:
    return [(0, int(p), "") if p.isdecimal() else (1, 0, p) for p in re.split(r"[.]", module)]


def _by_layers(module: str) -> list[Any]:
    def place(part: str) -> int:
        return _ORDER.index(part) if part in _ORDER else len(_ORDER)

    top, *rest = module.split(".")
    # The first batch normalization follows the stem, the second the head conv.
    outer = {"_bn0": 1, "_bn1": len(_ORDER) - 1.5}.get(top, place(top))
    return [outer, *(int(p) if p.isdecimal() else place(p) for p in rest)]


def _by_order(state: Named, wanted: Named) -> dict[str, Any] | None:
    """By the layers' order and shapes; None where no order fits."""
    theirs, ours = _modules(state), _modules(wanted)
    orders: Sequence[Callable[[str], Any] | None] = (None, _by_numbers, _by_layers)
    for order in orders:
        names = list(theirs) if order is None else sorted(theirs, key=order)
        pairs = list(zip(names, ours, strict=False))
        if len(theirs) == len(ours) and all(_fits(theirs[n], ours[m]) for n, m in pairs):
            return {
                f"{mine}.{leaf}": tensor.reshape(ours[mine][leaf].shape)
                for name, mine in pairs
                for leaf, tensor in theirs[name].items()
            }
    return None


def _fits(given: Named, wanted: Named) -> bool:
    """Whether two layers have the same tensors; a 1x1 conv is a linear layer."""
    shapes = [
        {leaf: [n for n in getattr(one[leaf], "shape", ()) if n != 1] for leaf in one}
        for one in (given, wanted)
    ]
    return shapes[0] == shapes[1]
