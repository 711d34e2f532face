"""The embedded surrogate as an evaluator: networks of EfficientNet-B0's skeleton."""

from collections.abc import Sequence

from nas.imagenet.domain import Floats
from nas.imagenet.model import Surrogate
from nas.measurement import Measurement
from search_spaces.architecture import Architecture


class SurrogateEvaluator:
    """The ImageNet surrogate as an evaluator; budget and seed change nothing.

    Args:
        path: Of a file of `python -m nas.imagenet.fit`; None for the embedded one.
    """

    label = (
        "Top-1 is predicted by the ImageNet surrogate: for a short training recipe, as learned "
        "from networks built like EfficientNet-B0 that were trained once each."
    )

    def __init__(self, path: str | None = None) -> None:
        self._surrogate = Surrogate.load(path)

    def check(self, architecture: Architecture) -> None:
        """Refuses a network that the surrogate does not cover.

        Raises:
            OutOfDomain: It is one.
        """
        self._surrogate.domain.row(architecture)

    def predict(self, architectures: Sequence[Architecture]) -> tuple[Floats, Floats]:
        """Means in percent and spreads in points, (n,) each.

        Raises:
            OutOfDomain: The surrogate does not cover a network.
        """
        return self._surrogate.predict(architectures)

    def __call__(self, architecture: Architecture, budget: float, seed: int) -> Measurement:
        """Predicts a network."""
        return Measurement(*self._surrogate.predict_one(architecture))
