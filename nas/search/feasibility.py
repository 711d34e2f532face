"""What a space can offer within limits, before anything is searched."""

import contextlib
import dataclasses
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from nas.objective import Limit, Objective, feasible_values
from search_spaces.architecture import Architecture
from search_spaces.errors import OutOfDomain, UserError
from search_spaces.quantities import Quantity
from search_spaces.space import Range, Space, Values, cost_ranges, drawn_at_most
from search_spaces.spaces import SPACES
from search_spaces.spaces import space as space_named

SAMPLES = 2000


@dataclass(frozen=True)
class LimitShare:
    """One target or limit, and how much of a space is within.

    Attributes:
        quantity: What is limited.
        at_most: The limit, in the quantity's base unit.
        span: The space's smallest, median and largest.
        share: Of random networks within it, 0 to 1.
    """

    quantity: Quantity
    at_most: float
    span: Range
    share: float


@dataclass(frozen=True)
class Feasibility:
    """What a space offers within limits.

    Attributes:
        space: Its name.
        rows: By target and limit.
        share: Of random networks that meet all, 0 to 1.
        samples: How many were drawn.
    """

    space: str
    rows: tuple[LimitShare, ...]
    share: float
    samples: int

    def plain(self) -> dict[str, Any]:
        """Plain JSON values, each quantity in its column's unit."""
        rows = []
        for row in self.rows:
            span = dataclasses.asdict(row.span).items()
            numbers = {key: row.quantity.number(value) for key, value in span}
            if row.quantity.inverse:
                numbers["smallest"], numbers["largest"] = numbers["largest"], numbers["smallest"]
            column, limit = row.quantity.column, row.quantity.number(row.at_most)
            rows.append({"quantity": column, "target": limit, **numbers, "share": row.share})
        return {"space": self.space, "rows": rows, "share": self.share, "samples": self.samples}


def feasibility(space: Space, objective: Objective, limits: Sequence[Limit] = ()) -> Feasibility:
    """The space's range of each quantity that is limited, and how much of it is within.

    The same random networks whenever it is asked. Whether any network meets all limits is
    `feasible_values`' to say.

    Raises:
        OutOfDomain: A device does not cover the space.
    """
    every = [Limit(objective.quantity, objective.target), *limits]
    rng = random.Random(0)
    count = min(SAMPLES, drawn_at_most(space))
    drawn = [space.build(space.sample(rng)) for _ in range(count)]
    quantities = {limit.of_quantity.key: limit.of_quantity for limit in every}
    spans = cost_ranges(space, quantities.values())
    within = [True] * count
    rows = []
    for limit in every:
        of = limit.of_quantity
        met = [value <= limit.at_most for value in of.measure_many(drawn)]
        within = [a and b for a, b in zip(within, met, strict=True)]
        rows.append(LimitShare(of, limit.at_most, spans[of.key], sum(met) / count))
    return Feasibility(space.name, tuple(rows), sum(within) / count, count)


def check_domain(covers: Callable[[Architecture], Any], where: Space, name: str) -> None:
    """Refuses a space of which networks are refused with OutOfDomain.

    Args:
        covers: Called with networks of the space.
        where: The space.
        name: Of what refuses, for messages.

    Raises:
        UserError: One is.
    """
    rng = random.Random(0)
    for _ in range(20):
        try:
            covers(where.build(where.sample(rng)))
        except OutOfDomain as error:
            raise UserError(f"the space {where.name!r} and {name} don't fit: {error}") from None


def reached(space: Space, limits: Sequence[Limit], images: bool) -> Values:
    """Some network's values that meet all limits.

    Args:
        space: Where they are from.
        limits: What they meet.
        images: Whether the space is of the images' size and classes.

    Raises:
        UserError: None meets them; one of our spaces that has some is named, if there is one.
        OutOfDomain: A device does not cover the space.
    """
    try:
        return feasible_values(space, limits)
    except OutOfDomain:
        raise
    except UserError:
        like = space.build(space.sample(random.Random(0))) if images else None
        name = next((name for name in SPACES if _has(name, limits, like)), None)
        if name is None:
            raise
    return feasible_values(space, limits, otherwise=f"take --space {name}, which has some")


def _has(name: str, limits: Sequence[Limit], like: Architecture | None) -> bool:
    """Whether the space of this name has a network within limits, for images as another takes."""
    where = space_named(name)
    if like is not None:
        from nas.training.images import for_data

        where = for_data(where, like.classes, like.resolution, like.in_channels)
    with contextlib.suppress(UserError):
        return bool(feasible_values(where, limits))
    return False
