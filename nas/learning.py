"""Whether anything is learned at all.

By trainings: more than naming the most frequent class always. By a search: something of each option
of its choices.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

from nas.evaluators import Evaluator
from nas.watch import Poll, Show, begin
from results.runs.records import Trial
from results.terminal import tell
from search_spaces.architecture import Architecture

if TYPE_CHECKING:
    from nas.training.evaluator import TrainingEvaluator

PLENTY = 5  # networks for each option of a choice, after which one that none has is worth a word
FIRST = 6  # trainings that have learned nothing, after which a search says so

SHORT = "so short a training ranks nothing; train longer (--epochs)"
# Of weights that are held.
HELD = "these weights rank nothing; train the supernet longer (nas supernet --epochs)"


def chance_of(trains: Evaluator, network: Architecture) -> float:
    """Percent of the network's validation images that are of the most frequent class.

    Args:
        trains: An evaluator that trains, or holds weights.
        network: Of a resolution that it has images of.
    """
    return cast("TrainingEvaluator", trains).images_of(network).majority


def nothing_learned(who: str, chance: float, mend: str = SHORT) -> str:
    """What is said where no network is `above` chance; `who` begins it, as `no network`."""
    return (
        f"{who} is surely better than naming the most frequent class always ({chance:.1f} %): "
        f"{mend}, on more images, or see that the folders' names are the classes"
    )


def above(trials: Sequence[Trial], chance: float) -> bool:
    """Whether some training is surely, by two spreads, above `chance` percent."""
    return any((one.accuracy or 0.0) - 2 * (one.spread or 0.0) > chance for one in trials)


class Unlearned:
    """A `Show` that says so early, and once, where none of the first trainings learned anything.

    Args:
        show: It is told all that this one is.
        trains: The evaluator.
        known: Trials of earlier sessions; where there are, they were spoken of.
    """

    def __init__(self, show: Show, trains: Evaluator, known: Sequence[Trial]) -> None:
        self._show, self._trains = show, trains
        self._first: list[Trial] | None = None if known else []

    def __call__(self, trial: Trial, finished: int) -> None:
        """Takes a finished trial, and how many there are."""
        self._show(trial, finished)
        if self._first is None:
            return
        self._first += [trial] * (trial.accuracy is not None)
        chance = chance_of(self._trains, trial.architecture)
        if above(self._first, chance):
            self._first = None
        elif len(self._first) == FIRST:
            self._first = None
            none = nothing_learned(f"none of the first {FIRST} networks", chance)
            tell(f"note: {none}. Ctrl-C ends the search here.")

    def phase(self, name: str, poll: Poll | None, finished: int) -> None:
        """As `nas.watch.Watches.phase`."""
        begin(self._show, name, poll, finished)


def unlearned(trials: Sequence[Trial], choices: Mapping[str, tuple[Any, ...]]) -> list[str]:
    """Sentences on the options of which nothing is known: all with it failed, or none has it."""
    failed, absent = [], []
    good = sum(trial.accuracy is not None for trial in trials)
    for name, options in choices.items():
        for option in options if len(options) > 1 else ():
            having = [trial for trial in trials if trial.values.get(name) == option]
            if having and all(trial.accuracy is None for trial in having):
                failed.append(f"{name} {option} ({len(having)})")
            elif not having and good >= PLENTY * len(options):
                absent.append(f"{name} {option}")
    sentences = {
        "all networks with one of these failed": failed,
        "no network has one of these, since none is within the limits or --trials are few": absent,
    }
    return [
        f"{said}, so nothing is known of them: {_some(which)}"
        for said, which in sentences.items()
        if which
    ]


def _some(names: Sequence[str], most: int = 4) -> str:
    more = len(names) - most
    return ", ".join(names[:most]) + (f" and {more} others" if more > 0 else "")
