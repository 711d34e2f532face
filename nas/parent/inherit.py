"""From a trained parent to a child's initial weights.

The first blocks of each stage, the channels of largest weights, the centre of each kernel
(Once-for-all, Cai et al. 2020, sec. 3.2; parameter remapping, Fang et al. 2020, "FNA++"). The
parent itself gets its own weights back, bit for bit; a child that lacks a stage's last blocks
computes what the parent computes without them. A supernet's children take its first channels, as
views of its weights; its largest network takes a parent's channels sorted, so that these are
the ones that matter most.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from nas.parent.channels import Largest, Ranking, Tensors, group_of, last_conv, place
from search_spaces.architecture import Architecture
from search_spaces.errors import UserError
from search_spaces.layers import Block, Layer, walk

NORM = ("weight", "bias", "running_mean", "running_var")  # of batch normalization


@dataclass(frozen=True)
class Inherited:
    """What a child takes over.

    Attributes:
        state: Name -> tensor, of the child's `builder.build`.
        new: Names of layers that begin anew, since the parent has none that fit.
    """

    state: Mapping[str, Any]
    new: tuple[str, ...]


def inherit(
    child: Architecture,
    parent: Architecture,
    state: Tensors,
    ranking: Callable[[Architecture, Tensors], Ranking] = Largest,
) -> Inherited:
    """Takes over what a child can use of its parent's weights.

    Args:
        child: Whose stages are narrower, shorter or of smaller kernels than the parent's; a
            larger kernel is the parent's with zeros around it. Classes may differ.
        parent: The trained network.
        state: Its weights, of `builder.build`; the classifier may be missing.
        ranking: Which channels are taken: those of largest weights, the same `Sorted`, or the
            `First`, as views (of a supernet).

    Raises:
        UserError: The networks have not as many stages.
    """
    if len(child.stages) != len(parent.stages):
        raise UserError(
            f"the network has {len(child.stages)} stages and its parent {len(parent.stages)}: a "
            "network takes weights over from one of as many stages"
        )
    heir = _Heir(state, ranking(parent, state))
    theirs = dict(walk(parent))
    channels = _all(child.in_channels) if child.in_channels == parent.in_channels else None
    for name, block in walk(child):
        channels = heir.take(name, group_of(name), block, theirs.get(name), channels)
    return Inherited(heir.taken, tuple(heir.new))


def _all(count: int) -> slice:
    return slice(0, count)


@dataclass
class _Heir:
    """What is taken so far, block by block."""

    state: Tensors
    ranking: Ranking
    taken: dict[str, Any] = field(default_factory=dict)
    new: list[str] = field(default_factory=list)

    def take(self, name: str, group: str, mine: Block, its: Block | None, channels: Any) -> Any:
        """Takes a block's weights.

        Args:
            name: Of the block.
            group: Whose output it makes: `stem`, a stage's number, `head`.
            mine: The child's.
            its: The parent's; None where it has none.
            channels: Of the block's input, which of the parent's they are; None for none of them.

        Returns:
            The same of its output.
        """
        end = last_conv(mine)
        out = self.ranking.out(group, end.out_channels) if end else None
        if its is None or not _fits(mine, its, self.ranking.bare):
            self.new += [f"{name}.{layer.name}" for layer in mine.layers if _learns(layer)]
            return out
        known = {layer.name: layer for layer in its.path}
        hidden = channels
        for place_in_path, layer in enumerate(mine.path):
            other, after = known.get(layer.name), mine.path[place_in_path + 1 :]
            mine_at, its_at = place(name, mine, layer), place(name, its, layer)
            if layer.kind == "conv":
                chosen = out if layer is end else self._inner(name, its, layer, after, hidden)
                self._conv(mine_at, its_at, layer, hidden, chosen)
                hidden = chosen
            elif layer.kind == "se":
                self._squeeze(mine_at, its_at, layer, hidden, other is not None)
            elif layer.kind == "linear":
                hidden = self._linear(mine_at, its_at, layer, hidden)
        if mine.shortcut is not None and mine.shortcut.kind == "conv":
            at = place(name, mine, mine.shortcut)
            fits = its.shortcut is not None and its.shortcut.kind == "conv"
            self._conv(at, at, mine.shortcut, channels, out if fits else None)
        return out

    def _inner(
        self, name: str, its: Block, layer: Layer, after: tuple[Layer, ...], hidden: Any
    ) -> Any:
        """The channels inside a block: by the weights of the conv that reads them."""
        if layer.groups > 1:
            return hidden
        reader = next(one for one in after if one.kind == "conv" and one.groups == 1)
        return self.ranking.inner(place(name, its, reader), layer.out_channels)

    def _conv(self, mine_at: str, its_at: str, layer: Layer, given: Any, made: Any) -> None:
        """A conv with what normalizes it."""
        weight = self.state.get(f"{its_at}0.weight")
        if weight is None or given is None or made is None:
            self.new.append(mine_at.rstrip("."))
            return
        rows = weight[made] if layer.groups > 1 else weight[made][:, given]
        self.taken[f"{mine_at}0.weight"] = _centred(rows, layer.kernel)
        if layer.norm:
            for part in NORM:
                self.taken[f"{mine_at}1.{part}"] = self.state[f"{its_at}1.{part}"][made]
            count = "1.num_batches_tracked"
            self.taken[mine_at + count] = self.state[its_at + count]
        else:
            self.taken[f"{mine_at}0.bias"] = self.state[f"{its_at}0.bias"][made]

    def _squeeze(self, mine_at: str, its_at: str, layer: Layer, hidden: Any, known: bool) -> None:
        """Squeeze-and-excitation: its squeezed channels by the weights that read them."""
        inner = None
        if known and hidden is not None:
            inner = self.ranking.squeezed(its_at, layer.out_channels)
        if inner is None:
            self.new.append(mine_at.rstrip("."))
            return
        for part, made, given in (("reduce", inner, hidden), ("expand", hidden, inner)):
            weight = self.state[f"{its_at}{part}.weight"][made][:, given]
            self.taken[f"{mine_at}{part}.weight"] = weight
            self.taken[f"{mine_at}{part}.bias"] = self.state[f"{its_at}{part}.bias"][made]

    def _linear(self, mine_at: str, its_at: str, layer: Layer, hidden: Any) -> Any:
        """A linear layer of as many outputs; another number of them begins anew."""
        at = "0." if layer.activation else "1."
        weight = self.state.get(f"{its_at}{at}weight")
        if weight is None or hidden is None or len(weight) != layer.out_channels:
            self.new.append(mine_at.rstrip("."))
            return None
        self.taken[f"{mine_at}{at}weight"] = weight[:, hidden]
        if layer.bias:
            self.taken[f"{mine_at}{at}bias"] = self.state[f"{its_at}{at}bias"]
        return _all(layer.out_channels)


def _fits(mine: Block, its: Block, bare: bool) -> bool:
    """Whether a block's convs are those of the parent's, or those without the expansion."""

    def convs(block: Block) -> list[tuple[str, bool]]:
        return [(one.name, one.groups > 1) for one in block.path if one.kind == "conv"]

    own, theirs = convs(mine), convs(its)
    return own == theirs or (bare and [("expand", False), *own] == theirs)


def _learns(layer: Layer) -> bool:
    return layer.kind in ("conv", "se", "linear")


def _centred(weight: Any, kernel: int) -> Any:
    """(out, in, kernel, kernel): the middle of a kernel, or the kernel with zeros around it."""
    import torch

    here = weight.shape[-1]
    if kernel <= here:
        cut = (here - kernel) // 2
        return weight[..., cut : cut + kernel, cut : cut + kernel]
    around = (kernel - here) // 2
    return torch.nn.functional.pad(weight, (around,) * 4)
