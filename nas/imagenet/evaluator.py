"""The ImageNet model as an evaluator: networks of any width, depth and resolution."""

from collections.abc import Sequence

import numpy as np

from nas.imagenet.found import found_in
from nas.imagenet.joint.architectures import taken_as
from nas.imagenet.joint.blocks import Floats
from nas.imagenet.joint.domain import MACS as AXIS_OF_MACS
from nas.imagenet.joint.domain import notes, refuse
from nas.imagenet.joint.doubt import doubt, usual
from nas.imagenet.joint.load import load
from nas.imagenet.joint.model import Joint
from nas.imagenet.joint.numbers import Numbers
from nas.measurement import Measurement
from search_spaces.architecture import Architecture
from search_spaces.cost import cost
from search_spaces.space import Space, Values
from search_spaces.stages import MACS

LEAST = 0.05  # points of doubt that are worth telling
RECIPE = (
    "Top-1 is predicted: for EfficientNet's full training recipe, in which B0 reaches 77.1 on "
    "ImageNet"
)


class ImagenetEvaluator:
    """Predicts top-1 of EfficientNet's full recipe; budget and seed change nothing.

    Args:
        path: Of a file of `python -m nas.imagenet.evidence.fit`; None for the embedded one.
        reference: Spreads are of the difference to this network and grow with what sets a network
            apart from it; None for the spread against a training of the network itself.
        model: The model itself, in place of a path.
        alike: Networks whose proportions are as usual as those of a scaled B0.

    Raises:
        UserError: The file can't be read or used.
        OutOfDomain: No evidence speaks of the reference.
    """

    def __init__(
        self,
        path: str | None = None,
        reference: Architecture | None = None,
        model: Joint | None = None,
        alike: Sequence[Architecture] = (),
    ) -> None:
        self._model = load(path) if model is None else model
        self._reference = None if reference is None else self._numbers([reference])
        self._named = "" if reference is None else reference.name
        self._takes = "" if reference is None else MACS.format(cost(reference).macs)
        self._usual = usual(alike) if alike else None

    @property
    def label(self) -> str:
        """What its numbers are."""
        if self._reference is None:
            return f"{RECIPE}. ± is one standard deviation of its error against a training."
        if self._usual is None:
            to, like = f"{self._named} ({self._takes} MACs)", "a scaled B0"
        else:
            to, like = self._named, "that network scaled"
        odd = self._usual is None and bool(doubt(self._reference)[0] > LEAST)
        return (
            f"{RECIPE}. ± is one standard deviation of how far the difference to {to} may be off; "
            f"it grows with what sets a network apart from {like}."
            + " That network's own proportions are unusual, so a lead over it is less sure."
            * odd
        )

    def against(
        self, reference: Architecture, alike: Sequence[Architecture] = ()
    ) -> "ImagenetEvaluator":
        """The same, with spreads of the difference to one network.

        Args:
            reference: The network.
            alike: Networks in its own proportions; without any, B0's are what is usual.

        Raises:
            OutOfDomain: No evidence speaks of it.
        """
        return ImagenetEvaluator(reference=reference, model=self._model, alike=alike)

    def check(self, architecture: Architecture) -> None:
        """Refuses a network that no evidence speaks of.

        Raises:
            OutOfDomain: It is one.
        """
        self._numbers([architecture])

    def predict(self, architectures: Sequence[Architecture]) -> tuple[Floats, Floats]:
        """Means in percent and spreads in points, (n,) each.

        Raises:
            OutOfDomain: No evidence speaks of a network.
        """
        if not len(architectures):
            return np.zeros(0), np.zeros(0)
        of = self._numbers(architectures)
        if self._reference is None:
            return self._model.predict(of)
        gained, spread = self._difference(of, self._reference)
        return self._model.means(self._reference)[0] + gained, spread

    def difference_error(self, one: Architecture, two: Architecture) -> float:
        """Points that the difference between two networks can be off, one standard deviation.

        Raises:
            OutOfDomain: no evidence speaks of one of them.
        """
        own, other = self._numbers([one]), self._numbers([two])
        spread = float(self._difference(own, other)[1][0])
        return float(np.hypot(spread, doubt(other, self._usual)[0])) if spread else 0.0

    def notes(self, architecture: Architecture) -> list[str]:
        """Where the evidence on the network is thin.

        Raises:
            OutOfDomain: There is none.
        """
        known = notes(architecture, self._numbers([architecture]), self._model.ranges)
        return [*taken_as(architecture), *known]

    def found(self, space: Space) -> Sequence[Values]:
        """Networks of a space that long searches by the embedded model have found."""
        return found_in(space) if self._model is load() else ()

    @property
    def evidence(self) -> tuple[float, float]:
        """Least and most multiply-adds of the networks that it was fitted to."""
        least, most = np.exp(self._model.ranges.every[:, AXIS_OF_MACS]).tolist()
        return least, most

    def __call__(self, architecture: Architecture, budget: float, seed: int) -> Measurement:
        """Predicts a network.

        Raises:
            OutOfDomain: No evidence speaks of it.
        """
        mean, spread = self.predict([architecture])
        return Measurement(float(mean[0]), float(spread[0]))

    def _numbers(self, architectures: Sequence[Architecture]) -> Numbers:
        return refuse(architectures, self._model.ranges)

    def _difference(self, of: Numbers, reference: Numbers) -> tuple[Floats, Floats]:
        """Points gained over a reference (n,), and one standard deviation of their error.

        It is 0 for the reference itself, and without the doubt of the reference's own proportions:
        that is the same for all, and would hide by which of them a network is surer.
        """
        gained, spread = self._model.difference(of, reference, trainings=0)
        whole = np.hypot(spread, doubt(of, self._usual))
        return gained, np.where(of.same(reference), 0.0, whole)
