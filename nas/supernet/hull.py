"""The network whose weights a whole space shares: the largest in every field of every stage.

Its networks have the first of its channels, blocks and squeezed channels, and the middle of its
kernels, so a space can be shared where its networks differ in nothing else.
"""

import functools
import hashlib
import json
import math
import random
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from search_spaces.architecture import Architecture, Stage
from search_spaces.errors import OutOfDomain, UserError
from search_spaces.rounding import Size
from search_spaces.space import Space, descend, fixed

SAMPLES = 200  # random networks that are looked at besides those of each option
TRIED = 16  # of them, for which it is seen that the hull has all of their weights
LARGER = ("channels", "repeats", "kernel", "expand", "se")  # of a stage: what may differ
ALIKE = ("op", "stride", "skip", "activation")  # what may not
OF_SE = ("se_from", "se_activation", "gate")  # nor these, where there is SE
ENDS_LARGER = ("stem", "stem_kernel", "head")
ENDS_ALIKE = (
    "stem_stride", "stem_pool", "activation", "mix", "mix_bias", "in_channels", "classes",
    "padding",
)  # fmt: skip


@dataclass(frozen=True)
class Hull:
    """The two ends of a space.

    Attributes:
        largest: Whose weights are shared; the largest in every field, whether or not the space
            itself holds it.
        smallest: A network of the space that is small in every field.
    """

    largest: Architecture
    smallest: Architecture


def hull(space: Space) -> Hull:
    """The ends of a space whose networks can share one network's weights.

    Args:
        space: Its options are looked at one by one around its smallest and its largest network,
            and in random networks besides.

    Raises:
        UserError: They can't; what they differ in is named.
    """
    start = {name: options[0] for name, options in space.choices.items()}
    ends = [descend(space, functools.partial(_sizes, sign), start)[0] for sign in (1, -1)]
    rng = random.Random(0)
    drawn = [space.build(space.sample(rng)) for _ in range(SAMPLES)]
    seen = {space.build(values): None for end in ends for values in _around(space, end)}
    every = list(dict.fromkeys([*seen, *drawn]))
    whole = replace(_largest(space, every), name="")
    found = Hull(whole, space.build(ends[0]))
    for network in (found.smallest, *drawn[:TRIED]):
        _check_held(space, whole, network)
    return found


def with_fields(ends: Hull, fields: Mapping[str, Any]) -> Hull:
    """The ends of the space with fields of every network's architecture set."""
    return Hull(replace(ends.largest, **fields), replace(ends.smallest, **fields))


def fitted(space: Space, largest: Architecture, pixels: int | tuple[int, int] | None) -> Space:
    """A space for the images that its largest network is for.

    Args:
        space: Any.
        largest: Whose classes, channels and padding all its networks get.
        pixels: The resolution of all of them; None leaves the space's own.
    """
    names = ("classes", "in_channels", "padding")
    fields = {name: getattr(largest, name) for name in names}
    return fixed(space, fields if pixels is None else fields | {"resolution": pixels})


def digest(space: Space) -> str:
    """12 hex digits of a space's choices."""
    choices = {name: list(options) for name, options in space.choices.items()}
    return hashlib.sha256(json.dumps(choices).encode()).hexdigest()[:12]


def outside(largest: Architecture, network: Architecture) -> str:
    """What a network has that is not within the largest; empty where it is.

    Args:
        largest: Whose weights are shared.
        network: That would take its part of them.
    """
    for field in ENDS_ALIKE:
        own, its = getattr(network, field), getattr(largest, field)
        if own != its:
            return f"its {field} is {own}, and the supernet's {its}"
    for field in ENDS_LARGER:
        own, its = getattr(network, field), getattr(largest, field)
        if own > its or bool(own) != bool(its):
            return f"its {field} is {own}, and the supernet has {its}"
    if any(own > its for own, its in zip(network.size, largest.size, strict=True)):
        return f"it is for {network.size} px, and the supernet for {largest.size} px"
    if len(network.stages) != len(largest.stages):
        return f"it has {len(network.stages)} stages, and the supernet {len(largest.stages)}"
    for i, (mine, its_stage) in enumerate(zip(network.stages, largest.stages, strict=True)):
        if said := _outside(mine, its_stage):
            return f"its stage {i} has {said}"
    return ""


def check_inside(largest: Architecture, network: Architecture) -> None:
    """Refuses a network that is not within the largest.

    Raises:
        OutOfDomain: It is not.
    """
    if said := outside(largest, network):
        raise OutOfDomain(f"the network is not inside the supernet: {said}")


def _outside(mine: Stage, its: Stage) -> str:
    alike = (*ALIKE, *OF_SE) if mine.se else ALIKE
    for field in alike:
        own, other = getattr(mine, field), getattr(its, field)
        if own != other:
            return f"{field} {own}, and the supernet's {other}"
    for field in LARGER:
        own, other = getattr(mine, field), getattr(its, field)
        if own > other and not (field == "expand" and mine.op == "bottleneck"):
            return f"{field} {own}, and the supernet's {other}"
    return ""


def _sizes(sign: int, networks: Sequence[Architecture]) -> list[float]:
    """How large networks are in all their fields together, times the sign."""
    return [sign * _size(network) for network in networks]


def _size(network: Architecture) -> float:
    fields = [network.stem, network.stem_kernel, network.head + 1, network.size.area]
    for stage in network.stages:
        wide = 1 / stage.expand if stage.op == "bottleneck" else stage.expand
        fields += [stage.channels, stage.repeats, stage.kernel, wide, 1 + stage.se]  # type: ignore[list-item]
    return sum(map(math.log, fields))


def _around(space: Space, values: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """A network, and those that differ from it in one choice."""
    yield values
    for name, options in space.choices.items():
        for option in options:
            yield {**values, name: option}


def _largest(space: Space, networks: Sequence[Architecture]) -> Architecture:
    """The largest in every field of networks that are otherwise alike. Raises UserError."""
    refuse = functools.partial(_refused, space)
    stages = {len(network.stages) for network in networks}
    if len(stages) > 1:
        raise refuse(f"its networks have {_or(stages)} stages", "keep every stage (repeats 1 up)")
    first = networks[0]
    for field in ENDS_ALIKE:
        _alike({getattr(n, field) for n in networks}, "its networks have", field, refuse)
    heads = {bool(network.head) for network in networks}
    if len(heads) > 1:
        raise refuse("some of its networks have a head conv and some none", "keep to one of them")
    sizes = [network.size for network in networks]
    size = Size(max(s.height for s in sizes), max(s.width for s in sizes))
    made = tuple(
        _widest(i, [n.stages[i] for n in networks], refuse) for i in range(len(first.stages))
    )
    ends = {field: max(getattr(n, field) for n in networks) for field in ENDS_LARGER}
    return replace(first, stages=made, resolution=size.plain, **ends)


def _widest(i: int, stages: Sequence[Stage], refuse: Callable[[str, str], UserError]) -> Stage:
    """The largest in every field of a stage's options."""
    where = f"stage{i} has"
    for field in ALIKE:
        _alike({getattr(stage, field) for stage in stages}, where, field, refuse)
    squeezing = [stage for stage in stages if stage.se]
    for field in OF_SE:
        _alike({getattr(stage, field) for stage in squeezing}, where, field, refuse)
    fields = {field: max(getattr(stage, field) for stage in stages) for field in LARGER}
    if stages[0].op == "bottleneck":  # there it divides
        fields["expand"] = min(stage.expand for stage in stages)
    fields |= {field: getattr(squeezing[0], field) for field in OF_SE if squeezing}
    return replace(stages[0], **fields)


def _alike(
    found: set[Any], where: str, field: str, refuse: Callable[[str, str], UserError]
) -> None:
    if len(found) > 1:
        raise refuse(f"{where} {field} {_or(found)}", f"keep {field} to one of them")


def _or(found: Iterable[Any]) -> str:
    return " or ".join(sorted(map(str, found)))


def _refused(space: Space, what: str, mend: str) -> UserError:
    return UserError(
        f"the space {space.name!r} can't be shared by one network's weights: {what}; {mend}, or "
        "take another space"
    )


def _check_held(space: Space, whole: Architecture, network: Architecture) -> None:
    """Refuses a space of which the largest lacks weights of some network.

    Raises:
        UserError: It does, as a projection where the largest has none, or an expansion.
    """
    from nas.parent.channels import First
    from nas.parent.inherit import inherit

    new = inherit(network, whole, _shapes(whole), First).new
    if new:
        raise _refused(
            space, f"its largest network has no {new[0]}, which others have",
            "give the stage's expansions and channels so that all or none have it",
        )  # fmt: skip


@functools.lru_cache(maxsize=4)
def _shapes(whole: Architecture) -> dict[str, Any]:
    """The state of a network without memory."""
    import torch

    from search_spaces.builder import build

    with torch.device("meta"):
        return dict(build(whole).state_dict())
