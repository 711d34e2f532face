"""What many networks cost at once is what each costs alone; ids are of the canonical JSON."""

import dataclasses
import hashlib
import random

from hypothesis import given
from hypothesis import strategies as st
from random_networks import architectures

from search_spaces import NETWORKS, SPACES, Stage, cost
from search_spaces.architecture import to_json
from search_spaces.costs import costs, remember
from search_spaces.spaces import space


@given(st.lists(architectures(), min_size=1, max_size=6))
def test_columns_are_the_costs_of_each(networks):
    assert costs(networks).columns.tolist() == [list(cost(one)) for one in networks]


def test_columns_of_papers_and_spaces():
    rng = random.Random(0)
    spaces = [space(name) for name in SPACES]
    networks = [*NETWORKS.values(), *(s.build(s.sample(rng)) for s in spaces for _ in range(40))]
    assert costs(networks).columns.tolist() == [list(cost(one)) for one in networks]
    assert costs([]).columns.shape == (0, 4)


def test_remembered_costs_are_of_that_network_alone():
    one = NETWORKS["mobilenet_v2"]
    twin = dataclasses.replace(one)
    before = cost(twin)
    remember([twin])
    assert cost(twin) == before
    assert cost(dataclasses.replace(twin, resolution=96)) != before


@given(architectures())
def test_an_id_is_of_the_canonical_json(net):
    assert net.id == hashlib.sha256(to_json(net, name=False).encode()).hexdigest()[:12]
    assert dataclasses.replace(net, stages=(*net.stages, Stage("conv", 7))).id != net.id
