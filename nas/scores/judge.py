"""What scores, costs and the ImageNet prediction are worth on networks that were trained."""

import contextlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

from nas.scores.rank import Ranked, ranked
from nas.scores.registry import COSTS, SCORES, values
from search_spaces.architecture import Architecture
from search_spaces.errors import OutOfDomain

if TYPE_CHECKING:
    from nas.scores.batch import Batch

FEWEST = 3  # networks that a tau is told of
IMAGENET = "imagenet"  # the prediction for the networks' twins
TITLES = {
    "macs": "multiply-adds", "params": "parameters", IMAGENET: "ImageNet prediction",
    **{name: score.title for name, score in SCORES.items()},
}  # fmt: skip


@dataclass(frozen=True)
class Judged:
    """How well something known before any training ranks networks that were trained.

    Attributes:
        name: Of SCORES or COSTS, IMAGENET, or that of an evaluator.
        networks: How many.
        ranked: Its Kendall's tau with their accuracies, and what it gains over multiply-adds.
    """

    name: str
    networks: int
    ranked: Ranked


def numbers(
    architectures: Iterable[Architecture],
    batch_of: Callable[[Architecture], "Batch"],
    seed: int = 0,
) -> dict[str, list[float]]:
    """All that is known of networks before they are trained, network by network.

    Args:
        architectures: The networks.
        batch_of: Gives what scores look at, the same for networks of one size.
        seed: Of initial weights.

    Returns:
        By name; without those that a network has no number of.
    """
    found: dict[str, list[float]] = {name: [] for name in TITLES}
    listed = list(architectures)
    for architecture in listed:
        batch = batch_of(architecture)
        for name in (*COSTS, *SCORES):
            with contextlib.suppress(ArithmeticError):  # NoScore: it has none
                own = values(architecture, batch, (name,), seed)
                found[name].append(own[name])
    with contextlib.suppress(OutOfDomain):
        from nas.imagenet.evaluator import ImagenetEvaluator
        from nas.scores.twin import twin

        found[IMAGENET] = list(ImagenetEvaluator().predict([twin(one) for one in listed])[0])
    return {name: own for name, own in found.items() if len(own) == len(listed)}


def judged(
    accuracies: Mapping[Architecture, float],
    batch_of: Callable[[Architecture], "Batch"],
    also: Mapping[str, Callable[[Architecture], float]] = MappingProxyType({}),
) -> list[Judged]:
    """What is known beforehand, the best first; nothing of fewer than FEWEST networks.

    Args:
        accuracies: Of networks that were trained, in percent.
        batch_of: As in `numbers`.
        also: What else says a number of a network, by name.
    """
    if len(accuracies) < FEWEST:
        return []
    known, reached = numbers(accuracies, batch_of), list(accuracies.values())
    known |= {name: [of(one) for one in accuracies] for name, of in also.items()}
    found = [
        Judged(name, len(reached), ranked(own, reached, known["macs"]))
        for name, own in known.items()
    ]
    return sorted(found, key=lambda one: -one.ranked.tau)
