"""The released family: networks that were published as scaled ones."""

from collections.abc import Sequence

from gridsearch.family.family import Member, predicted
from search_spaces.architecture import Architecture
from search_spaces.cost import cost
from search_spaces.scaling.published import RELEASED, baseline, multipliers, preset_name, released


def released_family(names: Sequence[str | int]) -> list[Member]:
    """The released networks of these names or numbers, each once, predicted from its own baseline.

    Raises:
        UserError: There is no such network.
    """
    members = []
    for name in dict.fromkeys(map(preset_name, names)):
        preset, network = RELEASED[name], released(name)
        ratio = cost(network).macs / cost(baseline(preset)).macs
        members.append(Member(name, network, multipliers(preset), ratio))
    judged: dict[str, Member] = {}
    for base in released_baselines(members):
        own = [member for member in members if baseline(RELEASED[member.name]) == base]
        judged |= {member.name: member for member in predicted(own, base)}
    return [judged[member.name] for member in members]


def released_baselines(members: Sequence[Member]) -> list[Architecture]:
    """What a released family's networks are scaled from, in their order."""
    return list(dict.fromkeys(baseline(RELEASED[member.name]) for member in members))


def released_title(members: Sequence[Member]) -> str:
    """What a released family's networks are called together."""
    if not any(RELEASED[member.name].rule == "tinynet" for member in members):
        return "the released EfficientNets"
    bases = (base.name for base in released_baselines(members))
    return f"published networks scaled from {' and '.join(bases)}"
