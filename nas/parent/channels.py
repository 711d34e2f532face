"""Which of a parent's channels its children keep: those whose weights are largest, or the first.

Of a network that was trained alone (`Largest`) a channel is judged by the sum of the absolute
weights that make it or read it, as Once-for-all sorts channels (Cai et al. 2020, sec. 3.2). What a
block adds to its input has the input's channels, so stages that are joined by a shortcut are judged
together. A supernet is trained with children that have its first channels (`First`), so one that
starts from such a network gets its channels in the order of their worth (`Sorted`).
"""

from collections.abc import Mapping
from typing import Any, Protocol

from search_spaces.architecture import Architecture
from search_spaces.layers import Block, Layer, walk

Tensors = Mapping[str, Any]  # name -> tensor
BATCH_NORM = 1e-3  # its epsilon, of `builder.build`


def place(name: str, block: Block, layer: Layer) -> str:
    """The prefix of a layer's tensors in the state of `builder.build`'s network, with its dot.

    Args:
        name: Of the block, as `layers.walk` gives it.
        block: Of which it is a layer; `block.shortcut` too.
        layer: Of the block.
    """
    if layer is block.shortcut:
        return f"{name}.shortcut."
    return f"{name}.path.{layer.name}." if block.residual else f"{name}.{layer.name}."


def made(state: Tensors, prefix: str) -> Any:
    """(channels,): how much a conv puts into each channel, with its batch normalization folded."""
    weight = state[f"{prefix}0.weight"]
    score = weight.abs().flatten(1).sum(1)
    if f"{prefix}1.weight" in state:
        deviation = (state[f"{prefix}1.running_var"] + BATCH_NORM).sqrt()
        score = score * (state[f"{prefix}1.weight"] / deviation).abs()
    return score


def read(state: Tensors, prefix: str) -> Any:
    """(channels,): how much a conv takes from each channel of its input."""
    return state[f"{prefix}0.weight"].abs().sum((0, 2, 3))


def top(count: int, score: Any, by_worth: bool = False) -> Any:
    """(count,): the channels of highest score; None if there are fewer.

    Args:
        count: How many.
        score: (channels,), what each is worth.
        by_worth: The highest first, and not in the order that they have.
    """
    if count > len(score):
        return None
    ranked = score.argsort(descending=True, stable=True)[:count]
    return ranked if by_worth else ranked.sort().values


class Ranking(Protocol):
    """Which channels a child keeps: an index of each; None if there are fewer.

    Attributes:
        bare: Whether a block without an expansion may take over a block's that has one.
    """

    bare: bool

    def out(self, group: str, count: int) -> Any:
        """Of what a stage, `stem` or `head` puts out."""

    def inner(self, reader: str, count: int) -> Any:
        """Inside a block; `reader` is the prefix of the conv that reads them."""

    def squeezed(self, se: str, count: int) -> Any:
        """Inside squeeze-and-excitation, of this prefix."""


class Largest:
    """The channels of largest weights."""

    bare = False  # what an expansion made is not what went into it
    by_worth = False  # they stay in their order

    def __init__(self, parent: Architecture, state: Tensors) -> None:
        self._state, self._worth = state, scores(parent, state)

    def out(self, group: str, count: int) -> Any:
        """See `Ranking`."""
        if group not in self._worth:
            return None
        return top(count, self._worth[group], self.by_worth)

    def inner(self, reader: str, count: int) -> Any:
        """See `Ranking`."""
        return top(count, read(self._state, reader), self.by_worth)

    def squeezed(self, se: str, count: int) -> Any:
        """See `Ranking`."""
        score = self._state[f"{se}expand.weight"].abs().sum((0, 2, 3))
        return top(count, score, self.by_worth)


class Sorted(Largest):
    """The channels of largest weights, those first: the whole network computes what it did."""

    by_worth = True


class First:
    """The first channels, as slices: what is taken with them are views."""

    bare = True  # it was trained so

    def __init__(self, parent: Architecture, state: Tensors) -> None:
        self._state, self._out = state, {}
        for name, block in walk(parent):
            layer = last_conv(block)
            if layer is not None:
                self._out[group_of(name)] = layer.out_channels

    def out(self, group: str, count: int) -> Any:
        """See `Ranking`."""
        return first(count, self._out.get(group, 0))

    def inner(self, reader: str, count: int) -> Any:
        """See `Ranking`."""
        return first(count, self._state[f"{reader}0.weight"].shape[1])

    def squeezed(self, se: str, count: int) -> Any:
        """See `Ranking`."""
        return first(count, self._state[f"{se}expand.weight"].shape[1])


def first(count: int, of: int) -> slice | None:
    """The first channels; None if there are fewer."""
    return slice(0, count) if count <= of else None


def group_of(name: str) -> str:
    """`stem`, a stage's number or `head`, of a block's name."""
    return name.split(".")[1] if name.startswith("stages.") else name


def last_conv(block: Block) -> Layer | None:
    """The layer that makes a block's output; None in the head."""
    convs = [layer for layer in block.path if layer.kind == "conv"]
    return convs[-1] if convs else None


def scores(parent: Architecture, state: Tensors) -> dict[str, Any]:
    """For `stem`, each stage's number and `head`: (channels,), what its output's are worth.

    Args:
        parent: The network.
        state: Its weights.
    """
    worth: dict[str, Any] = {}
    joined: dict[str, str] = {}  # a stage -> the one before, where a shortcut joins them
    before = "stem"
    for name, block in walk(parent):
        group = group_of(name)
        layer = last_conv(block)
        if layer is None:
            continue
        score = made(state, place(name, block, layer))
        first = group != before
        if first and block.residual and (block.shortcut is None or block.shortcut.kind != "conv"):
            joined[group] = before
        worth[group] = worth[group] + score if group in worth else score
        before = group
    return _together(worth, joined)


def _together(worth: dict[str, Any], joined: dict[str, str]) -> dict[str, Any]:
    """The sum over joined groups, for each of them."""
    roots = {group: group for group in worth}
    for group in worth:  # in order, so the one before is settled
        if group in joined:
            roots[group] = roots[joined[group]]
    sums: dict[str, Any] = {}
    for group, score in worth.items():
        root = roots[group]
        sums[root] = sums[root] + score if root in sums else score
    return {group: sums[root] for group, root in roots.items()}
