"""What a search space is: named choices, and a function from one value each to a network."""

import functools
import math
import operator
import random
from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

from search_spaces.architecture import Architecture
from search_spaces.errors import UserError, plain
from search_spaces.quantities import QUANTITIES, Quantity

Value = int | float | str | bool
Values = Mapping[str, Value]
Build = Callable[[Values], Architecture]


class Options:
    """The options of named choices, and where each stands; shared by what was chosen of them.

    Args:
        choices: As a `Space`'s.
    """

    def __init__(self, choices: Mapping[str, Iterable[Value]]) -> None:
        self.choices = {name: tuple(options) for name, options in choices.items()}
        self.place = {name: place for place, name in enumerate(self.choices)}
        self._at = [{o: i for i, o in enumerate(options)} for options in self.choices.values()]
        self.lists = tuple(self.choices.values())

    def code(self, values: Values) -> list[int]:
        """The position of each choice's option.

        Raises:
            KeyError: A value is none of its choice's options.
        """
        return list(map(operator.getitem, self._at, map(values.__getitem__, self.choices)))


class Chosen(Mapping[str, Value]):
    """One option for each choice, in a byte or two each: a hundred thousand fit in memory.

    Args:
        options: Of the choices.
        code: The position of each choice's option.
    """

    __slots__ = ("code", "options")

    def __init__(self, options: Options, code: Iterable[int]) -> None:
        positions = list(code)
        wide = max(positions, default=0) > 255
        self.options = options
        self.code: Sequence[int] = array("H", positions) if wide else bytes(positions)

    @property
    def plain(self) -> dict[str, Value]:
        """The same as a dictionary."""
        chosen = map(operator.getitem, self.options.lists, self.code)
        return dict(zip(self.options.choices, chosen, strict=True))

    def __getitem__(self, name: str) -> Value:
        place = self.options.place[name]
        return self.options.lists[place][self.code[place]]

    def __iter__(self) -> Iterator[str]:
        return iter(self.options.choices)

    def __len__(self) -> int:
        return len(self.code)

    def __repr__(self) -> str:
        return repr(self.plain)

    def __reduce__(self) -> tuple[Any, ...]:
        return dict, (self.plain,)


@dataclass(frozen=True)
class Space:
    """A search space.

    >>> Space("two", {"k": (3, 5)}, lambda v: Architecture((Stage("conv", 8, 1, v["k"]),)))

    Attributes:
        name: For people and files.
        choices: For each name its options in order, at least one; whole numbers, numbers, texts.
        build: One option for each name -> `Architecture`; pure and quick (a search calls it
            thousands of times).
        description: A sentence for people.
        known: Gives values of networks that people have, where there are any: a search that takes
            many networks at once begins among them.
    """

    name: str
    choices: Mapping[str, tuple[Value, ...]]
    build: Build = field(repr=False, compare=False)
    description: str = ""
    known: Callable[[], Iterable[Values]] | None = field(default=None, repr=False, compare=False)

    def __post_init__(self) -> None:
        choices = {}
        for name, options in self.choices.items():
            if isinstance(options, str) or not isinstance(options, list | tuple):
                raise UserError(f"choice {name!r} is {options!r}: expected a list of options")
            options = plain(options)
            if not options or not all(isinstance(option, int | float | str) for option in options):
                raise UserError(
                    f"choice {name!r} has options {list(options)!r}: expected one or more "
                    "numbers or texts"
                )
            choices[name] = tuple(dict.fromkeys(options))
        if not choices:
            raise UserError(f"space {self.name!r} has no choices: expected at least one")
        object.__setattr__(self, "choices", MappingProxyType(choices))

    @property
    def size(self) -> int:
        """How many combinations of options there are."""
        return math.prod(len(options) for options in self.choices.values())

    def sample(self, rng: random.Random) -> dict[str, Value]:
        """One option for each choice, uniformly: what `rng.choice` gives for each in turn."""
        drawn, bits = {}, rng.getrandbits
        for name, options, count, width in self._counted:
            at = bits(width)
            while at >= count:
                at = bits(width)
            drawn[name] = options[at]
        return drawn

    @functools.cached_property
    def _counted(self) -> list[tuple[str, tuple[Value, ...], int, int]]:
        """Each choice with its options, how many they are, and the bits that count has."""
        every = self.choices.items()
        return [
            (name, options, n, n.bit_length()) for name, options in every if (n := len(options))
        ]


WORK = 60_000  # stages of networks that are built at once; a wide space is looked at coarsely
NAMED = 60  # choices at most that a message has the options of
AGREED = 2  # descents that end alike, after which no other is made
Penalty = Callable[[Sequence[Architecture]], Sequence[float]]


def descend(
    space: Space, penalty: Penalty, start: Values, enough: float = -math.inf
) -> tuple[dict[str, Value], float]:
    """Descent from a network: its changes of least `penalty` together, until none helps.

    Exact where each choice moves the cost in one direction whatever the others are, as width,
    depth, kernel, expansion, SE and resolution do. In a space of very many choices many of them
    are moved to their ends at once.

    Args:
        space: Where it goes.
        penalty: Of many networks at once; pure.
        start: Where it begins.
        enough: The penalty at which it ends.

    Returns:
        Values, and their penalty.
    """
    best, least = dict(start), float(penalty([space.build(start)])[0])
    moves = _moves(space, len(space.build(start).stages))
    while least > enough:
        tried = [move for move in moves if any(best[name] != to for name, to in move.items())]
        found = penalty([space.build({**best, **move}) for move in tried])
        order = sorted((value, at) for at, value in enumerate(found) if value < least)
        if not order:
            break
        together: dict[str, Value] = {}
        for _, at in order:  # of each choice the best option
            together = {**tried[at], **together}
        value, one = order[0]
        whole = float(penalty([space.build({**best, **together})])[0])
        best |= together if whole < value else tried[one]
        least = min(whole, value)
    return best, least


def _moves(space: Space, stages: int) -> list[dict[str, Value]]:
    """Each option of each choice; of very many choices the ends of some hundreds of blocks."""
    count = sum(len(options) for options in space.choices.values())
    if count * stages <= WORK:
        return [{name: to} for name, options in space.choices.items() for to in options]
    names = list(space.choices)
    size = max(1, math.ceil(2 * len(names) * stages / WORK))
    blocks = [names[at : at + size] for at in range(0, len(names), size)]
    ends = [{name: space.choices[name][end] for name in b} for b in blocks for end in (0, -1)]
    return ends


@dataclass(frozen=True)
class Range:
    """The span of one quantity over a space."""

    smallest: float
    median: float
    largest: float


def cost_ranges(
    space: Space,
    quantities: Iterable[Quantity] = QUANTITIES.values(),
    samples: int = 1001,
    seed: int = 0,
) -> dict[str, Range]:
    """For each quantity, by its key, its smallest, median and largest value in the space.

    The ends come from coordinate descent from several starts, the median from random samples.

    Raises:
        OutOfDomain: A device does not cover the space.
    """
    rng = random.Random(seed)
    starts = [space.sample(rng) for _ in range(8)]
    samples = min(samples, drawn_at_most(space))
    sampled = [space.build(space.sample(rng)) for _ in range(samples)]
    ranges = {}
    for quantity in quantities:
        many = quantity.measure_many
        low = _end(space, many, starts)
        high = -_end(space, lambda nets, m=many: [-value for value in m(nets)], starts)  # type: ignore[misc]
        ranges[quantity.key] = Range(low, sorted(many(sampled))[samples // 2], high)
    return ranges


def drawn_at_most(space: Space) -> int:
    """How many random networks are looked at: fewer of hundreds of stages."""
    stages = len(space.build({name: options[0] for name, options in space.choices.items()}).stages)
    return max(101, 4 * WORK // stages)


def _end(space: Space, penalty: Penalty, starts: Sequence[Values]) -> float:
    """The least penalty that descents find, of which the first may agree."""
    found: list[float] = []
    for start in starts:
        found.append(descend(space, penalty, start)[1])
        if found.count(min(found)) >= AGREED:
            break
    return min(found)


def check(space: Space, samples: int = 20) -> Space:
    """The space itself, after every option was built once, and `samples` networks besides.

    Raises:
        UserError: A combination can't be built; it is named.
    """
    rng = random.Random(0)
    longest = max(len(options) for options in space.choices.values())
    for i in range(longest + samples):
        values: dict[str, Any] = space.sample(rng)
        values |= {name: options[i] for name, options in space.choices.items() if i < len(options)}
        try:
            built = space.build(values)
        except Exception as error:
            some = dict(list(values.items())[:NAMED])
            more = f" and {len(values) - NAMED:,} more" if len(values) > NAMED else ""
            raise UserError(f"space {space.name!r} can't build {some}{more}: {error}") from error
        if not isinstance(built, Architecture):
            raise UserError(
                f"space {space.name!r} builds {type(built).__name__}: expected Architecture"
            )
    return space


def fixed(space: Space, fields: Mapping[str, Any]) -> Space:
    """The space with fields of every network's architecture set; a choice of one is dropped.

    Args:
        space: Any.
        fields: Values by the names of `Architecture`'s fields.
    """
    names = [name for name in fields if name in space.choices]
    first = {name: space.choices[name][0] for name in names}
    choices = {name: options for name, options in space.choices.items() if name not in first}

    def build(values: Values) -> Architecture:
        return replace(space.build({**first, **values}), **fields)

    return Space(space.name, choices, build, space.description)
