"""What is asked of a supernet's training, fitted to the images."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from nas.final.plan import Plan
from nas.objective import Limit
from nas.sandwich.draw import Draw
from nas.supernet.evaluator import KIND
from nas.supernet.hull import Hull, digest
from search_spaces.rounding import size_of
from search_spaces.space import Space

if TYPE_CHECKING:
    from nas.final.loop import Step
    from nas.final.task import Task
    from nas.training.state import State


@dataclass(frozen=True)
class Shared:
    """A space whose networks share weights.

    Attributes:
        named: As the user named it, so that it can be made again.
        space: It, of the images' classes and channels.
        ends: Its largest and its smallest network.
        pixels: The resolution that all its networks were given; None where they have the space's.
        near: A budget near which children are drawn; None draws uniformly.
    """

    named: str
    space: Space
    ends: Hull
    pixels: int | tuple[int, int] | None = None
    near: Limit | None = None

    @property
    def identity(self) -> dict[str, Any]:
        """What makes two of them the same, as plain JSON values."""
        near = None if self.near is None else [self.near.of_quantity.key, self.near.at_most]
        return {
            "space": self.named,
            "choices": digest(self.space),
            "pixels": None if self.pixels is None else size_of(self.pixels).label,
            "near": near,
        }


@dataclass(frozen=True, kw_only=True)
class Supernet(Plan):
    """The training of a supernet; `architecture` is the space's largest network.

    Attributes:
        of: The space.
    """

    of: Shared
    kind: ClassVar[str] = KIND
    shared: ClassVar[bool] = True

    @property
    def experiment(self) -> dict[str, Any]:
        """What makes two trainings the same, as plain JSON values."""
        return {**super().experiment, **self.of.identity}

    def step(self, state: "State", task: "Task") -> "Step":
        """The sandwich rule's; see `Plan.step`."""
        from nas.sandwich.step import Sandwich

        drawn = Draw(self.of.space, self.of.near, self.seed)
        return Sandwich(state, task, self.of.ends, drawn)
