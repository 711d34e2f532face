"""What networks would reach on ImageNet: prediction, spread, nearest evidence, costs."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from nas.imagenet.joint.architectures import taken_as
from nas.imagenet.joint.domain import notes, refuse
from nas.imagenet.joint.load import load
from nas.imagenet.joint.model import Joint
from search_spaces.architecture import Architecture
from search_spaces.cost import cost

if TYPE_CHECKING:
    import pandas as pd

NEAREST = 3  # published networks that are named beside a prediction


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
    numbers = refuse(networks, model.ranges)
    means, spreads = model.predict(numbers)
    places, distances = model.nearest(numbers, NEAREST)
    return [
        _row(network, float(mean), float(spread))
        | {
            "nearest": _named(model, places[i].tolist(), distances[i].tolist()),
            "notes": [*taken_as(network), *notes(numbers.take(np.array([i])), model.ranges)],
        }
        for i, (network, mean, spread) in enumerate(zip(networks, means, spreads, strict=True))
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


def predict(
    networks: Sequence[Architecture | str] | Architecture | str,
    runs: str | Path = "runs",
    path: str | Path | None = None,
) -> "pd.DataFrame":
    """What networks would reach on ImageNet: `nas predict` from Python.

    >>> predict(["efficientnet_b0", "mobilenet_v2"])[["name", "top1", "spread"]]

    Args:
        networks: One or many; architectures, or what names one, as in `nas show`.
        runs: The folder of runs, for names of runs.
        path: As in `rows`.

    Returns:
        A row a network with the columns of `rows`.

    Raises:
        OutOfDomain: As `rows`.
        UserError: As `rows`, and for a name that names no network.
    """
    import pandas as pd

    from results.runs.load import load_architecture

    listed = [networks] if isinstance(networks, Architecture | str) else list(networks)
    architectures = [
        load_architecture(network, Path(runs)) if isinstance(network, str) else network
        for network in listed
    ]
    return pd.DataFrame(rows(architectures, path))
