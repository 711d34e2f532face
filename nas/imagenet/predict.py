"""What networks would reach on ImageNet: prediction, spread, nearest evidence, costs."""

import dataclasses
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from nas.arguments import with_arguments
from nas.imagenet.joint.architectures import taken_as
from nas.imagenet.joint.domain import notes, refuse
from nas.imagenet.joint.load import load
from nas.imagenet.joint.model import Joint
from search_spaces.architecture import Architecture
from search_spaces.cost import cost
from search_spaces.errors import OutOfDomain, UserError, check_place

if TYPE_CHECKING:
    import pandas as pd

NEAREST = 3  # published networks that are named beside a prediction
CLASSES = 1000  # of ImageNet
ADDRESS = re.compile(r"[^{}\s]{1,80}:[^{}\s]{1,80}")  # RUN:WHICH
SHORT = 24  # letters that name a network, as a run does and block strings don't
COLUMNS = (
    "name", "id", "top1", "spread", "macs", "params", "memory", "resolution", "nearest", "notes",
)  # fmt: skip


def rows(networks: Sequence[Architecture], path: str | Path | None = None) -> list[dict[str, Any]]:
    """A row a network, as plain JSON values.

    Args:
        networks: Any number of them.
        path: Of a file of `python -m nas.imagenet.evidence.fit`; None for the embedded model.

    Returns:
        name, id; top1 in percent under EfficientNet's full recipe, and its spread, one standard
        deviation of the error against a training; macs, params, memory in bytes, resolution;
        nearest: the published networks that are most alike, each with its source, printed top-1 and
        how far it is (points that the two could differ by beforehand); notes: where the evidence is
        thin.

    Raises:
        OutOfDomain: No evidence speaks of one of them.
        UserError: The file can't be used.
    """
    if not networks:
        return []
    model = load(path)
    numbers = refuse([_of_imagenet(network) for network in networks], model.ranges)
    means, spreads = model.predict(numbers)
    places, distances = model.nearest(numbers, NEAREST)
    return [
        _row(network, float(mean), float(spread))
        | {
            "nearest": _named(model, places[i].tolist(), distances[i].tolist()),
            "notes": [
                *_classes_of(network),
                *taken_as(network),
                *notes(network, numbers.take(np.array([i])), model.ranges),
            ],
        }
        for i, (network, mean, spread) in enumerate(zip(networks, means, spreads, strict=True))
    ]


def attempted(networks: Sequence[Architecture]) -> list[dict[str, Any]]:
    """A row for each network as `rows` has it; where it is refused name, id, and why as error."""
    try:
        return rows(networks)
    except OutOfDomain as error:
        if len(networks) == 1:
            (network,) = networks
            return [{"name": network.name, "id": network.id, "error": str(error)}]
        return [row for network in networks for row in attempted([network])]


def _of_imagenet(network: Architecture) -> Architecture:
    """The network with as many outputs as ImageNet has classes."""
    if network.classes == CLASSES:
        return network
    return dataclasses.replace(network, classes=CLASSES, name=network.name or network.id)


def _classes_of(network: Architecture) -> list[str]:
    """What is said of a network that is judged with other outputs than its own."""
    if network.classes == CLASSES:
        return []
    return [
        f"The network has {network.classes:,} classes and its costs are its own; the prediction is "
        f"for the same network with ImageNet's {CLASSES:,}."
    ]


def _row(network: Architecture, top1: float, spread: float) -> dict[str, Any]:
    """What it is, its prediction and its costs."""
    figures = cost(network)
    return {
        "name": network.name,
        "id": network.id,
        "top1": top1,
        "spread": spread,
        "macs": figures.macs,
        "params": figures.params,
        "memory": figures.memory,
        "resolution": network.size.label,
    }


def _named(model: Joint, places: list[int], distances: list[float]) -> list[dict[str, Any]]:
    """The known networks at these places, with their distances."""
    return [
        {
            "network": model.known[at].name,
            "source": model.known[at].source,
            "top1": model.known[at].top1,
            "distance": round(distance, 2),
        }
        for at, distance in zip(places, distances, strict=True)
    ]


@with_arguments
def predict(
    *networks: Any,
    runs: str | Path = "runs",
    path: str | Path | None = None,
) -> "pd.DataFrame":
    """What networks would reach on ImageNet: `nas predict` from Python.

    >>> predict("efficientnet_b0", "mobilenet_v2")[["name", "top1", "spread"]]

    Args:
        networks: Any number, or lists of them: architectures, what names one, as in `nas show`, or
            results of `nas.find` and `nas.train`.
        runs: The folder of runs, for names of runs.
        path: As in `rows`.

    Returns:
        A row a network with the columns of `rows`. A network without a name has that of the run, or
        what it was given as, if that is short.

    Raises:
        OutOfDomain: As `rows`.
        UserError: As `rows`, and for what is no network or names none.
    """
    import pandas as pd

    check_place("runs", runs, "a folder")
    if path is not None:
        check_place("path", path, "a file")
    listed = [network for given in networks for network in _networks(given, Path(runs))]
    return pd.DataFrame(rows(listed, path), columns=list(COLUMNS))


def called(network: Architecture, given: str) -> Architecture:
    """The network with a name: its own, else what it was given as, if that is short.

    Those of a run or a family, `RUN:WHICH`, are called so: their own names are many runs'.
    """
    address = ADDRESS.fullmatch(given)
    typed = given if address or len(given) <= SHORT else ""
    return dataclasses.replace(network, name=typed if address else network.name or typed)


def _networks(given: Any, runs: Path, within: bool = False) -> Iterator[Architecture]:
    """The network of an argument, or those of a list of them."""
    from results.runs.load import load_architecture

    network = getattr(given, "architecture", given)  # of a result of `find`, or of a family
    named = getattr(given, "folder", given)
    if isinstance(network, Architecture):
        yield called(network, Path(named).name if isinstance(named, str | Path) else "")
    elif isinstance(named, str | Path):
        yield called(load_architecture(str(named), runs), str(named))
    elif isinstance(given, Mapping) or hasattr(given, "columns"):  # whose names are no networks
        raise UserError(
            f"a {type(given).__name__} is no list of networks: expected one, as list(networks)"
        )
    elif isinstance(given, Iterable) and not isinstance(given, bytes) and not within:
        for one in given:
            yield from _networks(one, runs, within=True)
    else:
        raise UserError(
            f"{given!r:.60} is no network: expected architectures, names, runs, files, or results "
            "of nas.find or nas.train"
        )
