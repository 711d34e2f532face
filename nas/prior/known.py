"""What a search that trains may know of networks beforehand, by name."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from nas.prior.mix import Floats
from search_spaces.architecture import Architecture

Codes = NDArray[np.int64]
DRAWN, FEW = 256, 12  # random networks that standardise the numbers; FEW where these take long
SCORED = ("synflow", "naswot")  # 0.1 and 1 s a network; the others order networks as synflow does


class Networks(Protocol):
    """What knows the networks of codes: a `SpaceProblem`."""

    def networks(self, codes: Codes) -> list[Architecture]:
        """The networks of codes (n, choices)."""
        ...


@dataclass(frozen=True)
class Prior:
    """Numbers of networks, known before any training; how much they say is learned.

    Attributes:
        names: What they are called, k of them.
        of: (problem, codes (n, choices)) -> (n, k); not finite where a network has none.
        few: They take long, and are only asked for of networks among which a proposal chooses.
        hopeful: More counts as better until trainings say otherwise.
        check: Raises OutOfDomain for a network that it has no numbers of.
    """

    names: tuple[str, ...]
    of: Callable[[Any, Codes], Floats]
    few: bool = False
    hopeful: bool = True
    check: Callable[[Architecture], None] = lambda network: None


class Candidates(Protocol):
    """What draws random networks: an `Inner`."""

    @property
    def problem(self) -> Any:
        """What is known of its networks."""

    def random(self, n: int, rng: np.random.RandomState) -> tuple[Codes, Any]:
        """Codes (n, choices) of networks within the limits, and their facts."""
        ...


class Numbers:
    """A prior's numbers, standardised on random networks of the first candidates it is given."""

    def __init__(self, prior: Prior) -> None:
        self.prior = prior
        self._standard: tuple[Floats, Floats] | None = None

    def __call__(self, inner: Candidates, codes: Codes) -> Floats:
        """(n, k) of codes (n, choices); 0 where a network has none."""
        if self._standard is None:
            drawn, rng = FEW if self.prior.few else DRAWN, np.random.RandomState(1)
            found = self.prior.of(inner.problem, inner.random(drawn, rng)[0])
            having = np.isfinite(found)
            count = np.maximum(having.sum(0), 1)
            centre = np.where(having, found, 0.0).sum(0) / count
            apart = np.where(having, found - centre, 0.0)
            self._standard = centre, np.maximum(np.sqrt((apart**2).sum(0) / count), 1e-9)
        numbers = (self.prior.of(inner.problem, codes) - self._standard[0]) / self._standard[1]
        return np.where(np.isfinite(numbers), numbers, 0.0)


def of_networks(
    names: tuple[str, ...],
    numbers: Callable[[Sequence[Architecture]], Floats],
    few: bool = False,
    check: Callable[[Architecture], None] = lambda network: None,
) -> Prior:
    """A prior whose numbers (n, k) are a function of n networks; each is asked for once."""
    known: dict[Architecture, Floats] = {}

    def of(problem: Networks, codes: Codes) -> Floats:
        listed = problem.networks(codes)
        new = [one for one in dict.fromkeys(listed) if one not in known]
        if new:
            known.update(zip(new, numbers(new), strict=True))
        return np.array([known[one] for one in listed]).reshape(-1, len(names))

    return Prior(names, of, few, hopeful=not few, check=check)


def _imagenet() -> Prior:
    from nas.imagenet.evaluator import ImagenetEvaluator
    from nas.scores.twin import twin

    model = ImagenetEvaluator()

    def numbers(networks: Sequence[Architecture]) -> Floats:
        return np.asarray(model.predict([twin(one) for one in networks])[0])[:, None]

    return of_networks(
        ("ImageNet prediction",), numbers, check=lambda network: model.check(twin(network))
    )


def _scores() -> Prior:
    from nas.scores.registry import SCORES

    titles = tuple(SCORES[name].title for name in SCORED)
    return of_networks(titles, lambda networks: np.array([_scored(one) for one in networks]), True)


def _scored(network: Architecture) -> list[float]:
    """The scores of a network, on noise."""
    from nas.scores.batch import noise_batch
    from nas.scores.registry import values

    batch = noise_batch(network.size, network.in_channels, network.classes)
    found = []
    for name in SCORED:
        try:
            found.append(values(network, batch, (name,))[name])
        except ArithmeticError:  # NoScore: it has none
            found.append(np.nan)
    return found


# A prior is one function and one line here.
PRIORS: dict[str, Callable[[], Prior]] = {"imagenet": _imagenet, "scores": _scores}
