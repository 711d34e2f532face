"""Weights that a training starts from: under any names, with a new classifier where classes differ.

The stem's conv is fitted to the images' channels: one channel takes the sum of the given ones, as
timm has it.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from nas.parent.channels import First, Largest, Sorted
from nas.parent.inherit import inherit
from results.export.inputs import Inputs
from results.export.weights import WEIGHTS, check_file, content_of, read_weights
from results.runs.folder import RECORD, read_record
from results.runs.load import BEST, without_network
from search_spaces.architecture import Architecture
from search_spaces.errors import UserError

IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))  # of weights that don't say their own
CLASSIFIER = "classifier"  # in the names of the last linear layer


@dataclass(frozen=True)
class Start:
    """Weights for a network.

    Attributes:
        state: Name -> tensor, of `builder.build`'s network; without the classifier where `new`.
        new: Whether the classifier is a new one.
        digest: 12 hex digits of the file's SHA-256.
        inputs: What the weights were trained on, where the file says.
        padding: That they were trained with, where their names say it.
        anew: Layers that begin anew since the parent has none that fit.
        young: They are of a supernet that began from nothing: each part of it has learned little,
            and learns on at the rate of a training from nothing (docs/supernet.md).
    """

    state: Mapping[str, Any]
    new: bool
    digest: str
    inputs: Inputs | None
    padding: str | None = None
    anew: tuple[str, ...] = ()
    young: bool = False


def start_from(
    place: Path,
    architecture: Architecture,
    parent: Architecture | None = None,
    shared: bool = False,
) -> Start:
    """Reads weights for a network that may have other classes.

    Args:
        place: A file, or the folder of a training.
        architecture: The network that is to be trained.
        parent: The larger network that the weights are of, where it is another one: what can be
            used of them is taken over (`nas.parent.inherit`).
        shared: The network's first channels are to serve smaller ones: of weights that were not
            trained so, the channels of largest weights come first.

    Raises:
        UserError: The file can't be read, or is of another network.
    """
    file = place / WEIGHTS if place.is_dir() else place
    if (place / RECORD).is_file() and not file.exists():
        raise _without_weights(place)
    check_file(file)
    try:
        digest = hashlib.sha256(file.read_bytes()).hexdigest()[:12]
    except OSError as error:
        raise UserError(
            f"the weights {file} can't be read ({error.strerror}): expected a .pt or .safetensors "
            "file, or the folder of a finished training"
        ) from None
    refused: UserError | None = None
    owner = architecture if parent is None else parent
    for classes in _classes(content_of(file), replace(owner, classes=architecture.classes)):
        channels = architecture.in_channels
        for given in dict.fromkeys((channels, 3)):
            theirs = replace(owner, classes=classes, in_channels=given)
            try:
                weights = read_weights(file, theirs)
            except UserError as error:
                refused = refused or error
                continue
            state, new = dict(weights.state), classes != architecture.classes
            if new:
                for name in [name for name in state if CLASSIFIER in name]:
                    del state[name]
            _fit_stem(state, given, channels)
            anew: tuple[str, ...] = ()
            if parent is not None or (shared and not weights.first):
                owns = replace(theirs, in_channels=channels)
                ranking = First if weights.first else Sorted if shared else Largest
                found = inherit(architecture, owns, state, ranking)
                state, anew = dict(found.state), found.new
            young = weights.first and _from_nothing(file.parent)
            return Start(state, new, digest, weights.inputs, weights.padding, anew, young)
    assert refused is not None
    raise refused


def _from_nothing(run: Path) -> bool:
    """Whether a run is a training that began without weights. Raises UserError: damaged."""
    if not (run / RECORD).is_file():
        return False
    return read_record(run)["experiment"].get("weights", "") is None


def _without_weights(run: Path) -> UserError:
    """Why a run can't be started from, and what makes it one that can."""
    if not (run / BEST).is_file():
        return without_network(run)
    return UserError(
        f"the run {run} has no {WEIGHTS} to start from: expected a run of nas train that ended, as "
        f"nas train {run} --data IMAGES makes one of its network"
    )


def _classes(content: Mapping[str, Any], architecture: Architecture) -> list[int]:
    """Numbers of classes that the file may be for, the network's own first."""
    features = architecture.mix or architecture.head or architecture.stages[-1].channels
    found = [architecture.classes]
    for tensor in reversed(list(content.values())):
        shape = tuple(getattr(tensor, "shape", ()))
        if len(shape) in (2, 4) and shape[1] == features and set(shape[2:]) <= {1}:
            found.append(int(shape[0]))
    return list(dict.fromkeys(found))


def _fit_stem(state: dict[str, Any], given: int, wanted: int) -> None:
    if given == wanted:
        return
    name = next(name for name, tensor in state.items() if tensor.ndim == 4)
    stem = state[name]
    # One channel of grey equals three like it; more than three repeat them at the same sum.
    summed = stem.sum(1, keepdim=True)
    state[name] = summed if wanted == 1 else summed.expand(-1, wanted, -1, -1) / wanted


def calm_classifier(network: Any, new: bool) -> None:
    """Gives the last layer of a built network smaller initial weights.

    EfficientNet's U(-1/sqrt(out), 1/sqrt(out)) is meant for a thousand classes; of ten it is ten
    times as wide, and a training begins with unlearning it.

    Args:
        network: Made by `builder.build`.
        new: Whether it is to follow layers that are trained already: then it begins at 0, as
            in Big Transfer (Kolesnikov et al. 2020).
    """
    import torch

    last = [layer for layer in network.modules() if isinstance(layer, torch.nn.Linear)][-1]
    with torch.no_grad():
        last.weight.mul_(0.0 if new else min(1.0, last.out_features / last.in_features) ** 0.5)


def load_start(network: Any, start: Start) -> None:
    """Puts the weights into a network made by `builder.build`; a new classifier stays as it is."""
    missing, unknown = network.load_state_dict(dict(start.state), strict=False)
    assert not unknown, unknown
    begun = (CLASSIFIER, *start.anew)
    assert all(any(part in name for part in begun) for name in missing), missing
