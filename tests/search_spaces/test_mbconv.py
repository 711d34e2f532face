"""The space of any width, depth and resolution: what is in it, and where its samples lie."""

import random

import numpy as np
import pytest

from search_spaces import NETWORKS, Architecture, cost, space
from search_spaces.space import cost_ranges

WHERE = space("mbconv")
B0 = {"width": 1.0, "depth": 1.0, "resolution": 224, "stem": 32, "head": 1280} | {
    f"stage{i}.{field}": getattr(stage, field)
    for i, stage in enumerate(NETWORKS["efficientnet_b0"].stages)
    for field in ("channels", "repeats", "expand", "kernel", "se")
    if (i, field) != (0, "expand")
}


def built(**changes: object) -> Architecture:
    values = {**B0, **{key.replace("_", "."): value for key, value in changes.items()}}
    assert values.keys() == WHERE.choices.keys()
    for name, value in values.items():
        assert value in WHERE.choices[name], (name, value)
    return WHERE.build(values)


@pytest.mark.parametrize(
    ("width", "depth", "pixels", "params", "gmacs"),
    [
        (1.0, 1.0, 224, 5_288_548, 0.385815),
        (1.0, 1.2, 240, 7_794_184, 0.686803),
        (1.1, 1.2, 260, 9_109_994, 0.993562),
        (1.2, 1.4, 300, 12_233_232, 1.827141),
        (1.4, 1.8, 380, 19_341_616, 4.393771),
        (1.6, 2.2, 456, 30_389_784, 10.266385),
        (1.8, 2.6, 528, 43_040_704, 19.067594),
        (2.0, 3.1, 600, 66_347_960, 37.745884),
    ],
)
def test_b0_to_b7_are_in_it(width, depth, pixels, params, gmacs):
    found = cost(built(width=width, depth=depth, resolution=pixels))
    assert (found.params, round(found.macs / 1e9, 6)) == (params, gmacs)


@pytest.mark.parametrize("name", ["mnasnet_a1", "mnasnet_b1", "mobilenet_v2"])
def test_networks_of_other_papers_are_in_it_but_for_activations(name):
    theirs = NETWORKS[name]
    changes = {
        f"stage{i}_{field}": getattr(stage, field)
        for i, stage in enumerate(theirs.stages)
        for field in ("channels", "repeats", "expand", "kernel", "se")
        if (i, field) != (0, "expand")
    }
    assert cost(built(**changes)) == cost(theirs)


def test_the_last_stage_may_be_left_out():
    net = built(stage6_repeats=0)
    assert [stage.channels for stage in net.stages] == [16, 24, 40, 80, 112, 192]
    assert net.stages == NETWORKS["efficientnet_b0"].stages[:-1]


def test_a_narrow_network_keeps_its_head():
    assert [built(width=w).head for w in (0.35, 1.0, 2.0)] == [1280, 1280, 2560]
    assert [built(width=w).stem for w in (0.35, 1.0, 2.0)] == [16, 32, 64]


def test_samples_spread_over_the_budgets():
    rng = random.Random(0)
    macs = np.array([cost(WHERE.build(WHERE.sample(rng))).macs for _ in range(6000)]) / 1e6
    quantiles = np.quantile(macs, (0.05, 0.25, 0.5, 0.75, 0.95))
    assert list(quantiles) == pytest.approx([30, 137, 430, 1350, 5900], rel=0.1)
    for budget in (20, 40, 80, 160, 320, 640, 1280, 2560, 5120, 10240):
        near = ((0.9 * budget < macs) & (macs <= budget)).mean()
        assert near > 0.002, (budget, near)  # of samples; 0.0125 if they were log-uniform


def test_its_ranges_reach_beyond_every_budget():
    spans = cost_ranges(WHERE, samples=101)
    assert spans["flops"].smallest < 10e6
    assert spans["flops"].largest > 40e9
    assert spans["params"].smallest < 1e6


def test_every_option_is_built_in_it():
    assert len(WHERE.choices) == 39
    assert max(WHERE.choices, key=lambda name: len(WHERE.choices[name])) == "resolution"
    assert len(WHERE.choices["resolution"]) == 43
    deep, rng = {**B0, "stage5.repeats": 5}, random.Random(1)
    for name, options in WHERE.choices.items():
        costs = {cost(WHERE.build({**deep, name: option})) for option in options}
        assert len(costs) == len(options), name
        assert all(WHERE.build({**WHERE.sample(rng), name: option}).stages for option in options)
