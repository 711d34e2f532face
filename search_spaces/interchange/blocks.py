"""Networks block by block, every width in channels, as tables of evidence list them."""

import itertools
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from search_spaces.architecture import Architecture, Stage
from search_spaces.errors import UserError
from search_spaces.layers import hidden_channels, squeezed

OPS = ("mbconv", "dsconv", "fused", "conv")
RATIO = 0.25  # of SE: what most networks have


class Block(NamedTuple):
    """One block. Widths are channels; what is not listed is as in `Stage`.

    Attributes:
        c_in: Of its input.
        hidden: After the expansion.
        channels: Of its output.
        se: Squeezed width, 0 for none.
        activation: None for the network's.
        expands: An mbconv has an expansion conv.
    """

    op: str
    c_in: int
    hidden: int
    channels: int
    kernel: int
    stride: int
    se: int = 0
    activation: str | None = None
    skip: str = "identity"
    expands: bool = False
    gate: str = "sigmoid"
    se_activation: str | None = None

    @property
    def scaled(self) -> int:
        """Channels that its SE scales."""
        return self.channels if self.op == "conv" else self.hidden


SE = tuple[str, float]  # `Stage.se_from` and `Stage.se`


def stage_of(
    blocks: Sequence[Block],
    expands: Sequence[int | float] = (),
    squeezes: Sequence[SE] = (),
) -> Stage | None:
    """The stage that is exactly these blocks; None where one can't be.

    Args:
        blocks: In order, at least one.
        expands: Expansions to try before those of the blocks' own numbers.
        squeezes: SE ratios to try before those of the blocks' own numbers.
    """
    first = blocks[0]
    alike = first._replace(c_in=0, hidden=0, se=0, stride=1)
    for before, block in itertools.pairwise(blocks):
        same = block._replace(c_in=0, hidden=0, se=0) == alike
        if not same or block.c_in != before.channels:
            return None
    expand = _expand(blocks, expands)
    squeeze = _squeeze(blocks, squeezes)
    if expand is None or squeeze is None:
        return None
    return Stage(
        first.op, first.channels, len(blocks), first.kernel, first.stride, expand,
        squeeze[1], first.skip, first.activation, squeeze[0], first.se_activation, first.gate,
        first.expands and expand == 1,
    )  # fmt: skip


def _expand(blocks: Sequence[Block], given: Sequence[int | float]) -> int | float | None:
    if blocks[0].op not in ("mbconv", "fused"):
        return 1
    own = (block.hidden / block.c_in for block in blocks[:2])
    for expand in (*given, *own):
        whole = int(expand) if float(expand).is_integer() else expand
        exact = all(hidden_channels(block.c_in, whole) == block.hidden for block in blocks)
        if exact and (blocks[0].op == "fused" or blocks[0].expands or whole == 1):
            return whole
    return None


def _squeeze(blocks: Sequence[Block], given: Sequence[SE]) -> SE | None:
    if not any(block.se for block in blocks):
        return "input", 0.0
    usual: list[SE] = [("input", RATIO), ("expanded", RATIO)]
    for block in blocks[:2]:
        usual += [("input", block.se / block.c_in), ("expanded", block.se / block.scaled)]
        usual += [("channels", block.se)]
    for se_from, se in (*given, *usual):
        if not (0 < se <= 8 or se_from == "channels"):
            continue
        stage = Stage("conv", 1, se=se, se_from=se_from)
        if all(squeezed(stage, block.c_in, block.scaled) == block.se for block in blocks):
            return se_from, se
    return None


def stages_of(blocks: Iterable[Block]) -> tuple[Stage, ...]:
    """As few stages as blocks in order allow."""
    stages: list[Stage] = []
    group: list[Block] = []
    for block in blocks:
        joined = stage_of([*group, block]) if group else None
        if joined is not None:
            group.append(block)
            stages[-1] = joined
            continue
        group, alone = [block], stage_of([block])
        if alone is None:
            raise UserError(f"no stage says the block {list(block[:8])}")
        stages.append(alone)
    return tuple(stages)


def _numbers(entry: Any) -> Block:
    """A block from `[op, in, hidden, out, kernel, stride, SE width, activation]`."""
    if not isinstance(entry, Sequence) or len(entry) != 8 or entry[0] not in OPS:
        raise UserError(
            f"the block {entry!r} is not one of [op, channels in, hidden, out, kernel, stride, SE "
            f"width, activation] with an op of {', '.join(OPS)}"
        )
    op, c_in, hidden, channels, kernel, stride, se, activation = entry
    skip = "none" if op == "dsconv" else "identity"
    expands = op == "mbconv" and hidden != c_in
    return Block(op, c_in, hidden, channels, kernel, stride, se, activation, skip, expands)


def from_blocks(network: Mapping[str, Any], **fields: Any) -> Architecture:
    """The architecture of a network given block by block.

    Args:
        network: `res` (pixels), `stem` and `head` (channels), `act`, `blocks` (each `[op,
            channels in, hidden, out, kernel, stride, SE width, activation]`), and maybe `mix`
            (channels of a layer after the pooling, without a bias), `classes` (1000) and `name`.
            A skip is where stride is 1 and in = out; an mbconv has an expansion conv where hidden
            differs from in.
        fields: Other fields of `Architecture`, as dropout.

    Raises:
        UserError: Something is missing, a block is none, or its input is not the output before.
    """
    lacks = [key for key in ("res", "stem", "head", "act", "blocks") if key not in network]
    if lacks:
        raise UserError(f"the network lacks {lacks[0]!r}: expected res, stem, head, act, blocks")
    blocks = [_numbers(entry) for entry in network["blocks"]]
    c_in = network["stem"]
    for block in blocks:
        if block.c_in != c_in:
            raise UserError(
                f"the block {list(block[:8])} has {block.c_in} channels in, but {c_in} come before"
            )
        c_in = block.channels
    whole = {
        "stem": network["stem"], "head": network["head"], "resolution": network["res"],
        "activation": network["act"], "mix": network.get("mix") or 0, "mix_bias": False,
        "classes": network.get("classes", 1000), "name": network.get("name", ""),
    }  # fmt: skip
    return Architecture(stages_of(blocks), **{**whole, **fields})
