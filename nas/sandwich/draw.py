"""Which children learn in a step, besides the largest and the smallest."""

import math
import random
from collections.abc import Iterable
from dataclasses import dataclass

from nas.objective import Limit
from nas.training.loop import entropy
from search_spaces.architecture import Architecture
from search_spaces.space import Space

BETWEEN = 2  # random children of a step (Yu & Huang 2019)
NEAR = 16  # of which the nearest to a budget is taken


@dataclass(frozen=True)
class Draw:
    """Draws children, the same for the same step.

    Attributes:
        space: Whose networks they are.
        near: A budget near which they are drawn; None draws uniformly over the choices.
        seed: Of the training.
    """

    space: Space
    near: Limit | None
    seed: int

    def __call__(self, step: int) -> list[Architecture]:
        """The random children of a step.

        Near a budget T each is, of NEAR drawn, that whose logarithm of cost / T is nearest to 0.
        AttentiveNAS (Wang et al. 2021, sec. 3) draws a cost first and then networks of it.

        Args:
            step: Of the training, from 0.
        """
        rng = random.Random(entropy(self.seed, step, 5))
        return [self._one(rng) for _ in range(BETWEEN)]

    def _one(self, rng: random.Random) -> Architecture:
        if self.near is None:
            return self.space.build(self.space.sample(rng))
        drawn = [self.space.build(self.space.sample(rng)) for _ in range(NEAR)]
        return nearest(drawn, self.near)


def nearest(networks: Iterable[Architecture], limit: Limit) -> Architecture:
    """The network whose cost is nearest to a limit's, as a ratio."""
    of = limit.of_quantity
    return min(networks, key=lambda network: abs(math.log(of.measure(network) / limit.at_most)))
