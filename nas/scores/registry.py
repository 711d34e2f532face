"""Scores by name, and all of them at once for a network."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from search_spaces.architecture import Architecture
from search_spaces.cost import cost
from search_spaces.errors import one_of

if TYPE_CHECKING:
    from nas.scores.batch import Batch

Function = Callable[[Architecture, "Batch", int], float]


@dataclass(frozen=True)
class Score:
    """A number of an untrained network; more is said to be better.

    Attributes:
        title: What it is called in text and tables.
        source: Where it is from.
        load: Gives the function of (architecture, batch, seed); torch loads with it.
        looks: Whether it looks at the batch's images, and not at their size alone.
    """

    title: str
    source: str
    load: Callable[[], Function]
    looks: bool = False


def _naswot() -> Function:
    from nas.scores.naswot import naswot

    return naswot


def _synflow() -> Function:
    from nas.scores.synflow import synflow

    return synflow


def _zico() -> Function:
    from nas.scores.gradients import zico

    return zico


def _zen() -> Function:
    from nas.scores.zen import zen

    return zen


def _gradnorm() -> Function:
    from nas.scores.gradients import gradnorm

    return gradnorm


# A score is one function of a file of this room and one line here.
SCORES: dict[str, Score] = {
    "naswot": Score("NASWOT", "Mellor et al. 2021", _naswot, looks=True),
    "synflow": Score("SynFlow", "Tanaka et al. 2020", _synflow),
    "zico": Score("ZiCo", "Li et al. 2023", _zico, looks=True),
    "zen": Score("Zen-score", "Lin et al. 2021", _zen),
    "gradnorm": Score("gradient norm", "Abdelfattah et al. 2021", _gradnorm, looks=True),
}
# What each of them must beat: exact, and known without building anything.
COSTS: dict[str, Callable[[Architecture], float]] = {
    "macs": lambda architecture: float(cost(architecture).macs),
    "params": lambda architecture: float(cost(architecture).params),
}


def values(
    architecture: Architecture, batch: "Batch", names: Iterable[str] = tuple(SCORES), seed: int = 0
) -> dict[str, float]:
    """Scores of a network by name, on the CPU.

    The same arguments give the same numbers on the same machine; see `docs/scores.md` for what
    they are worth and how long each takes.

    Args:
        architecture: The network; its classes are those of the batch or more.
        batch: Of `nas.scores.batch`; the same for networks that are compared.
        names: Of SCORES and COSTS.
        seed: Of the initial weights.

    Raises:
        UserError: There is no such score.
        NoScore: The network has no such score.
    """
    from nas.training.loop import settings

    found = {}
    for name in names:
        one_of("a score", "name", name, (*SCORES, *COSTS))
        if name in COSTS:
            found[name] = COSTS[name](architecture)
            continue
        import torch

        with settings(1, torch.device("cpu")):
            found[name] = SCORES[name].load()(architecture, batch, seed)
    return found
