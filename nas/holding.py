"""Evaluators that hold trained weights of a whole space's networks, as a supernet does.

A search asks for more of one, and only here: the space to search where none is named, any other
space fitted to its images, where these are, and the pick's weights.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from nas.evaluators import Evaluator, evaluator
from search_spaces.architecture import Architecture
from search_spaces.space import Space

if TYPE_CHECKING:
    from nas.training.images import ImageData

HOLDERS = ("supernet",)  # of `nas.evaluators.EVALUATORS`


@runtime_checkable
class Holds(Protocol):
    """Has the weights of a whole space's networks, trained on some images."""

    @property
    def space(self) -> Space:
        """Of the networks."""

    @property
    def data(self) -> Path:
        """Where the images are."""

    @property
    def fit(self) -> str:
        """How images of another shape become inputs: `crop` or `letterbox`."""

    def images_of(self, architecture: Architecture) -> "ImageData":
        """The images that a network is measured on."""

    def fitted(self, space: Space) -> Space:
        """Another space, of networks for the same images.

        Args:
            space: Whose classes, channels and pixels may be others.
        """

    def keep(self, architecture: Architecture, folder: Path) -> str:
        """Writes a network's weights.

        Args:
            architecture: The network.
            folder: Of a run whose pick it is.

        Returns:
            A command that trains it on from them.
        """


def holder_of(named: str | Evaluator) -> Holds | None:
    """The evaluator where it holds weights, else None.

    Args:
        named: As `nas.evaluators.evaluator` takes it, or the evaluator itself.

    Raises:
        UserError: It is one that can't be used.
    """
    if isinstance(named, str):
        if named.partition(":")[0] not in HOLDERS:
            return None
        named = evaluator(named)
    return named if isinstance(named, Holds) else None
