"""Weights of a network: read from a file, checked against the network, written as bytes."""

import io
import pickle
import struct
import zipfile
from argparse import Namespace
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from results.export.inputs import KEY, Inputs, inputs_in
from results.export.names import our_names, padding_of
from search_spaces.architecture import Architecture, to_json
from search_spaces.errors import UserError, check_packages

# What torch.load raises on files that are no weights, random bytes among them.
_BROKEN = (
    OSError, RuntimeError, ValueError, LookupError, EOFError, AssertionError, AttributeError,
    TypeError, struct.error, pickle.PickleError,
)  # fmt: skip
WEIGHTS = "weights.safetensors"  # in the folder of a training
CHANNELS, FIRST = "channels", "first"  # in the metadata of a supernet's weights
# Where training programs put a state_dict; of timm's two the averaged one gave the metric.
_INSIDE = ("state_dict_ema", "state_dict", "model_state_dict", "model")


@dataclass(frozen=True)
class Weights:
    """A state_dict of `builder.build`'s network.

    Attributes:
        state: Name -> tensor.
        origin: A sentence on where they come from.
        inputs: What images they were trained on; None where that is not known.
        padding: That they were trained with, of `Architecture.padding`; None where not known.
        first: They are a supernet's: a smaller network has the first channels of each layer.
    """

    state: Mapping[str, Any]
    origin: str
    inputs: Inputs | None = None
    padding: str | None = None
    first: bool = False


def check_safetensors() -> None:
    """Refuses where safetensors is not installed.

    Raises:
        UserError: It is not.
    """
    check_packages("this", ("safetensors",), "export")


def read_weights(file: Path, architecture: Architecture) -> Weights:
    """A state_dict from a .pt or .safetensors file, under any names (`results.export.names`).

    Raises:
        UserError: The file can't be read or is not this network's.
    """
    given = content_of(file)
    content = our_names(given, architecture, _wanted(architecture))
    state, about = checked(content, architecture, str(file)), metadata(file)
    inputs = inputs_in(about[KEY], str(file)) if KEY in about else None
    origin = about.get("origin") or f"The weights come from `{file}`."
    first = about.get(CHANNELS) == FIRST
    return Weights(state, origin, inputs, padding_of(given), first)


def metadata(file: Path) -> dict[str, str]:
    """What a .safetensors file says beside its tensors; nothing of other files."""
    if file.suffix != ".safetensors":
        return {}
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(file, "pt") as opened:
            about: dict[str, str] = opened.metadata() or {}
            return about
    except (OSError, SafetensorError) as error:
        raise _unreadable(file, error) from None


def content_of(file: Path) -> dict[str, Any]:
    """The state_dict in a file, under the names that it has there.

    Raises:
        UserError: The file can't be read or holds none.
    """
    content = _content(file)
    if isinstance(content, dict):
        inside = [content[key] for key in _INSIDE if isinstance(content.get(key), dict)]
        content = next(iter(inside or _nested(content)), content)
    if not isinstance(content, dict) or not content:
        raise UserError(f"{file} holds no state_dict: expected a mapping of names to tensors")
    return content


def _nested(content: dict[str, Any]) -> list[dict[str, Any]]:
    """The one part of a checkpoint that holds tensors, under whatever name; else none."""
    parts = [
        part
        for part in content.values()
        if isinstance(part, dict) and part and all(hasattr(one, "shape") for one in part.values())
    ]
    return parts if len(parts) == 1 else []


def check_file(file: Path) -> None:
    """Refuses a named pipe and the like, which would be waited for. Raises UserError."""
    if file.exists() and not file.is_file():
        raise UserError(
            f"the weights {file} are no regular file: expected a .pt or .safetensors file"
        )


def _content(file: Path) -> Any:
    import torch

    check_file(file)
    if file.suffix == ".safetensors":
        check_safetensors()
        from safetensors import SafetensorError
        from safetensors.torch import load

        try:
            return load(file.read_bytes())
        except (OSError, SafetensorError) as error:
            raise _unreadable(file, error) from None
    try:
        with torch.serialization.safe_globals([Namespace]):  # timm's options beside the weights
            return torch.load(file, map_location="cpu", weights_only=True)
    except _BROKEN as error:
        raise _unreadable(file, error) from None


def _unreadable(file: Path, error: Exception) -> UserError:
    """The sentence on a file that a library refused, whose own words are for programmers."""
    if isinstance(error, OSError) and error.strerror:
        why = error.strerror
    elif file.suffix != ".safetensors" and zipfile.is_zipfile(file):
        why = "it holds other objects than tensors: save net.state_dict() instead of the network"
    else:
        why = "it is no file of weights, or not all of one"
    return UserError(
        f"the weights {file} can't be read, since {why}: expected a state_dict in .pt, as "
        "torch.save writes it, or in .safetensors"
    )


def _wanted(architecture: Architecture) -> dict[str, Any]:
    """The network's own state_dict, without memory."""
    import torch

    from search_spaces.builder import build

    with torch.device("meta"):
        return dict(build(architecture).state_dict())


def checked(state: Any, architecture: Architecture, place: str) -> dict[str, Any]:
    """The tensors, contiguous float32 and counts, if they are this network's and finite.

    Args:
        state: Name -> tensor.
        architecture: The network.
        place: Names them in messages.

    Raises:
        UserError: They are not; the first tensor at fault is named.
    """
    import torch

    wanted, tensors = _wanted(architecture), {}
    for name, shape in ((name, tensor.shape) for name, tensor in wanted.items()):
        given = state.get(name)
        if not isinstance(given, torch.Tensor) or given.shape != shape:
            has = tuple(given.shape) if isinstance(given, torch.Tensor) else "nothing"
            fits = has != "nothing" and has[1:] == tuple(shape[1:]) and "classifier" in name
            raise UserError(
                f"{place} is of another network: {name} has shape {tuple(shape)} here and {has} "
                "there" + (f": give --classes {has[0]} if that is its number" if fits else "")
            )
        if kind := _unusual(given, wanted[name].is_floating_point()):
            raise UserError(
                f"{place} holds {name} as {kind}: expected plain numbers of the kind float32, "
                "float16 or bfloat16, as net.state_dict() has them"
            )
        given = given.detach().to("cpu", wanted[name].dtype).contiguous()
        if not given.isfinite().all():
            raise UserError(f"{place} has numbers in {name} that are not finite: train it again")
        tensors[name] = given
    if unknown := sorted(set(state) - set(wanted)):
        raise UserError(f"{place} is of another network: this one has no {unknown[0]}")
    return tensors


def _unusual(tensor: Any, floats: bool) -> str | None:
    """How a tensor is kept, where its numbers can't be taken over as they are."""
    import torch

    if tensor.is_meta:
        return "a shape without numbers"
    if tensor.is_quantized or tensor.layout != torch.strided:
        return "quantized numbers" if tensor.is_quantized else "a sparse tensor"
    if tensor.is_complex() or (floats and not tensor.is_floating_point()):
        return f"numbers of the kind {str(tensor.dtype).removeprefix('torch.')}"
    return None


def with_epsilon(state: Mapping[str, Any], epsilon: float) -> dict[str, Any]:
    """Weights of another epsilon of batch normalization, changed so that ours gives the same.

    Of a channel of variance v and weight w, v becomes v + epsilon - EPSILON, or 0 where that is
    less, and then w what the lower variance asks for.

    Args:
        state: As in `Weights`.
        epsilon: That it was trained with.
    """
    from search_spaces.builder import EPSILON

    made = dict(state)
    for name in (name for name in state if name.endswith(".running_var")):
        of = f"{name.removesuffix('running_var')}weight"
        whole = state[name].double() + epsilon
        variance = (whole - EPSILON).clamp(min=0)
        made[name] = variance.to(state[name].dtype)
        times = ((variance + EPSILON) / whole).sqrt()
        made[of] = (state[of].double() * times).to(state[of].dtype)
    return made


def pt_bytes(state: Mapping[str, Any]) -> bytes:
    """A state_dict as torch.load(..., weights_only=True) reads it."""
    import torch

    content = io.BytesIO()
    torch.save(dict(state), content)
    return content.getvalue()


def safetensors_bytes(
    state: Mapping[str, Any],
    architecture: Architecture,
    origin: str,
    inputs: Inputs | None = None,
    first: bool = False,
) -> bytes:
    """A state_dict as safetensors, with the architecture and its inputs in the metadata.

    Args:
        state: Name -> tensor.
        architecture: The network.
        origin: As in `Weights`.
        inputs: As there.
        first: As there.

    Raises:
        UserError: safetensors is not installed.
    """
    check_safetensors()
    from safetensors.torch import save

    about = {"format": "pt", "architecture": to_json(architecture), "origin": origin}
    about |= {CHANNELS: FIRST} if first else {}
    return save(dict(state), about | ({} if inputs is None else {KEY: inputs.text()}))
