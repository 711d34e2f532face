"""What networks cost by tables, and which codes build the same one, against the networks."""

import random

import numpy as np
import pytest

from nas.objective import Objective, limits_of
from nas.strategies.codes import codes_of
from nas.strategies.counting.parts import parts_of
from nas.strategies.counting.rows import Rows
from nas.strategies.counting.stacked import stacked_of
from nas.strategies.elites import Elites
from nas.strategies.problem import SpaceProblem
from search_spaces import Architecture, Space, Stage, cost, space


def optional(values):
    """A space with stages at the end that may be left out, of which one's width says more."""
    stages = [Stage("mbconv", values["w"] * 8, 1, values["k"], 2, 3)]
    stages += [Stage("mbconv", 24, n, 3, 1, values["e"]) for n in (values["n"], values["m"]) if n]
    return Architecture(tuple(stages), stem=8 * values["w"], resolution=values["r"])


OPTIONAL = Space(
    "optional",
    {"w": (1, 2), "k": (3, 5), "n": (1, 2), "m": (0, 1, 3), "e": (1, 2), "r": (64, 96)},
    optional,
)


@pytest.mark.parametrize("where", [*map(space, ("mbconv", "efficientnet", "mnasnet")), OPTIONAL])
def test_counts_and_identities_are_those_of_the_networks(where):
    rng = random.Random(3)
    drawn = [where.sample(rng) for _ in range(200)]
    for values in drawn[::2]:  # neighbours, of which some build the same network
        name = rng.choice([*where.choices])
        drawn.append({**values, name: rng.choice(where.choices[name])})
    codes, networks = codes_of(where.choices, drawn), list(map(where.build, drawn))
    stacked = stacked_of(where)
    for at in range(0, 300, 75):  # tables grow between
        part = slice(at, at + 75)
        for one, two in zip(stacked(codes[part]), Rows(where)(codes[part]), strict=True):
            assert np.array_equal(one, two)
    names = stacked.identities(codes)
    assert len(set(names)) == len(set(networks)) == len(set(zip(names, networks, strict=True)))
    assert stacked.networks(codes) == networks
    assert stacked.identities(codes[:0]) == []
    assert [len(part) for part in stacked(codes[:0])] == [0, 0]


def test_a_place_that_depends_on_too_much_gets_no_table():
    choices = {f"c{i}": (3, 5, 7) for i in range(12)}

    def build(values):
        return Architecture((Stage("mbconv", 8 + sum(values.values()), 1),))

    assert stacked_of(Space("all", choices, build)) is None


def test_what_a_table_does_not_know_is_not_proposed_beyond_a_limit():
    """A stage that grows where six choices meet, which changes of one of them don't show."""
    names = [f"c{i}" for i in range(9)]

    def build(values):
        grown = all(values[name] == 7 for name in names[:6])
        stages = [Stage("conv", 64 if grown else 8, 1, 3, 2)]
        return Architecture((*stages, *(Stage("mbconv", 8, 1, values[n]) for n in names)), head=0)

    where = Space("rare", dict.fromkeys(names, (3, 5, 7)), build)
    assert parts_of(where) is not None  # which doesn't know it
    dearest = cost(where.build(dict.fromkeys(names, 7))).macs
    objective = Objective("hard", 0.9 * dearest)
    elites = Elites(SpaceProblem(where, objective, limits_of(objective)), 0)
    codes, networks = elites.propose()
    for _ in range(40):
        elites.tell(codes, networks, np.array([float(code.sum()) for code in codes]))
        codes, networks = elites.propose()
        assert all(cost(one).macs <= objective.target for one in networks)
        assert len(codes) > 0


def test_what_a_table_calls_two_networks_is_not_proposed_twice():
    """Optional stages in the middle move all that follow, which few changes of one choice show."""
    choices = {f"c{i}": tuple(x * (i + 1) for x in (16, 24, 32, 40)) for i in range(4)}
    choices |= {f"n{i}": (0, 1, 2, 3) for i in range(4)} | {f"k{i}": (3, 5) for i in range(4)}

    def build(values):
        stages = []
        for i in range(4):
            stages.append(Stage("mbconv", values[f"c{i}"], 1, 3, 2, 6))
            if values[f"n{i}"]:
                stages.append(Stage("mbconv", values[f"c{i}"], values[f"n{i}"], values[f"k{i}"]))
        return Architecture(tuple(stages))

    where, seen = Space("middle", choices, build), []
    middle = build({name: options[1] for name, options in choices.items()})
    objective = Objective("hard", cost(middle).macs)
    elites = Elites(SpaceProblem(where, objective, limits_of(objective)), 0)
    while len(seen) < 4000:
        codes, networks = elites.propose()
        seen += networks
        elites.tell(codes, networks, np.array([np.log(cost(one).params) for one in networks]))
    assert len(set(seen)) == len(seen)
