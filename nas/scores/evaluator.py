"""A training-free score as an evaluator: a search without training."""

from dataclasses import dataclass, replace
from pathlib import Path

from nas.measurement import Measurement
from nas.scores.registry import SCORES, values
from nas.scores.worth import sentence
from search_spaces.architecture import Architecture
from search_spaces.errors import UserError, one_of

TRIALS = 300  # networks of a search by a score where none are asked for: a second each


@dataclass(frozen=True)
class ScoreEvaluator:
    """Gives a score in place of an accuracy; the budget changes nothing.

    All networks see the same batch; the seed is of the initial weights.

    Attributes:
        name: Of SCORES.
        images: An image folder, whose training images the score looks at at the network's own size,
            with as many classes as there are folders; None takes noise.

    Raises:
        UserError: There is no such score, it looks at no images, or the folder can't be used.
    """

    name: str
    images: str | None = None

    def __post_init__(self) -> None:
        one_of("the evaluator", "name", self.name, tuple(SCORES))
        if self.images is None:
            return
        if not SCORES[self.name].looks:
            raise UserError(
                f"{SCORES[self.name].title} looks at no images, and the evaluator is given "
                f"{self.images!r}: leave the folder out, as {self.name}"
            )
        from nas.training.folders import splits_of

        splits_of(Path(self.images), 0)

    @property
    def unit(self) -> str:
        """What its number is called in tables."""
        return SCORES[self.name].title

    @property
    def label(self) -> str:
        """What its numbers are, and what they are worth."""
        score = SCORES[self.name]
        seen = "normal noise" if self.images is None else f"images of {self.images}"
        looked = f", looking at {seen}" if score.looks else ""
        return (
            f"{score.title} ({score.source}) is a score of the untrained network{looked}; it is no "
            f"accuracy and only ranks. {sentence(self.name, self.images is not None)}"
        )

    def __call__(self, architecture: Architecture, budget: float, seed: int) -> Measurement:
        """The score of a network.

        Raises:
            NoScore: It has none.
        """
        from nas.scores.batch import folder_batch, noise_batch

        size, channels = architecture.size, architecture.in_channels
        if self.images is None:
            batch = noise_batch(size, channels, architecture.classes)
        else:
            batch = folder_batch(Path(self.images), size, channels)
            architecture = replace(architecture, classes=batch.classes)
        return Measurement(values(architecture, batch, (self.name,), seed)[self.name])
