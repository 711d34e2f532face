"""What the pick is compared with: B0 scaled to T, and networks that are published."""

import dataclasses
import math
import re

import numpy as np
import pytest

from nas.evaluators import Measurement
from nas.imagenet.evaluator import ImagenetEvaluator
from nas.imagenet.published import NEAR, PublishedNetwork, nearest_below, published, same
from nas.objective import Limit, Objective, broken
from nas.report.words import verdict
from nas.search.beside.otherwise import binding, compared, otherwise, to_build_on
from nas.search.beside.scaled import absent, reference_of, scaled_b0, sharpened
from search_spaces import NETWORKS, OutOfDomain, cost, space
from search_spaces.architecture import from_dict
from search_spaces.scaling.budget import Recipe
from search_spaces.scaling.coefficients import PAPER
from search_spaces.stages import MACS, PARAMS

B0 = NETWORKS["efficientnet_b0"]
SMALL = NETWORKS["mnasnet_small"]


@pytest.mark.parametrize("target", [2e7, 1e8, 385_814_751, 385_814_752, 8e8, 6.4e9, 1.5e10])
def test_b0_scaled_is_within_t_and_a_pixel_more_is_not(target):
    network = scaled_b0(Objective("hard", target))
    more = dataclasses.replace(network, resolution=network.resolution + 1)
    assert cost(network).macs <= target < cost(more).macs
    assert 0.95 * target < cost(network).macs
    if target == cost(B0).macs:
        assert dataclasses.replace(network, name=B0.name) == B0


@pytest.mark.parametrize(("quantity", "target"), [("params", 3e6), ("memory", 6e7)])
def test_b0_scaled_to_another_quantity_is_the_largest_phi_within_t(quantity, target):
    objective, recipe = Objective("hard", target, quantity), Recipe(B0, PAPER)
    network = scaled_b0(objective)
    below = [
        phi for phi in np.linspace(-8, 10, 200) if objective.cost(recipe.network(phi)) <= target
    ]
    assert objective.cost(recipe.network(max(below))) <= objective.cost(network) <= target


@pytest.mark.parametrize("pixels", [32, (48, 96)])
@pytest.mark.parametrize("target", [1e7, 2.1e7, 2.5e7, 3e7, 2e8])
def test_at_given_pixels_width_fills_what_depth_leaves(target, pixels):
    """Phi alone ended at 21.05M of 30M at 32 px: a little more deepens several stages at once."""
    alike = dataclasses.replace(B0, resolution=pixels, classes=3)
    network = scaled_b0(Objective("hard", target), (), alike)
    assert (network.resolution, network.classes) == (pixels, 3)
    assert 0.95 * target < cost(network).macs <= target
    few = (Limit("params", 0.6 * cost(network).params),)
    assert not broken(scaled_b0(Objective("hard", target), few, alike), few)


@pytest.mark.parametrize("factor", [1e-3, 1.5])
def test_where_b0_cannot_be_scaled_to_t_there_is_none(factor):
    """Out of reach, or on a device that knows B0's own skeleton only."""
    from nas.devices.registry import device

    of = device("zcu102").quantity("latency")
    asked = Objective("hard", factor * of.measure(B0), of)
    assert scaled_b0(asked) is None
    assert absent(asked) == (
        "the latency on zcu102 of networks of its widths and pixels is not known"
    )
    found = otherwise(SMALL, Objective("hard", 5e6), (), lambda a, b, s: 50.0, lambda a: {})
    why = (
        "No EfficientNet-B0 scaled to the same T stands beside the pick: the smallest that it is "
        "scaled to has 7.652M MACs."
    )
    none = {"scaled_b0": None, "published": [], "unchecked": []}
    assert found == {"absent": why, "notes": [why], **none}
    assert absent(Objective("hard", 5e12)) == "the largest that it is scaled to has 270.1G MACs"
    few = (Limit("params", 1e5), Limit(of, 1e-3))
    assert re.fullmatch(r".* smallest .* has [\d.]+K params", absent(Objective("hard", 1e8), few))


def test_what_one_would_otherwise_take_is_within_all_limits():
    """With `soft` the pick may be above T, so what counts is what the pick takes."""
    limits = (Limit("params", 3e6), Limit("memory", 9e6))
    base = scaled_b0(Objective("hard", 4e8), limits)
    assert not broken(base, limits)
    assert cost(base).params > 0.9 * 3e6 or cost(base).memory > 0.9 * 9e6
    narrow = (Limit("params", 4e6), Limit("memory", 20 * 2**20))  # phi alone ends at 208.6M, 180 px
    assert cost(scaled_b0(Objective("hard", 3e8), narrow)).macs == 217_819_328
    figures = lambda network: {"macs": cost(network).macs}  # noqa: E731
    found = otherwise(SMALL, Objective("hard", 4e8), limits, Comparing(), figures)
    assert found["scaled_b0"]["to"] == "the same T and limits"
    assert found["unchecked"] == ["memory"]
    assert found["published"]
    assert all(row["params"] <= 3e6 and row["macs"] <= 4e8 for row in found["published"])
    found = otherwise(B0, Objective("hard", 6e6, "params"), (), Comparing(), figures)
    assert all(0.6 * 6e6 <= row["params"] <= 6e6 for row in found["published"])
    found = otherwise(B0, Objective("soft", 3e7), (), Comparing(), figures)["scaled_b0"]
    assert found["macs"] == cost(B0).macs
    assert found["to"] == "the pick's 385.8M MACs"


def test_pixels_are_free_where_more_than_multiply_adds_is_limited():
    """As far as T and the limits go, against brute force; and they are usual for a search then."""
    asked, limits = Objective("hard", 2e9), (Limit("params", 3e6),)
    model, where = ImagenetEvaluator(), space("mbconv")
    reference, alike = reference_of(where, asked, limits, model)
    own = model.against(reference, alike)
    assert "to EfficientNet-B0 scaled to T and the limits" in own.label
    pick, figures = dataclasses.replace(SMALL, resolution=448), lambda one: {"macs": cost(one).macs}
    found = otherwise(pick, asked, limits, own, figures)["scaled_b0"]
    base, tied = from_dict(found["architecture"]), scaled_b0(asked, limits)
    assert base == dataclasses.replace(reference, name=base.name)
    assert cost(tied).macs < 0.5 * found["macs"]
    assert not broken(base, [Limit("flops", 2e9), *limits])
    recipe, all_of_them = Recipe(B0, PAPER), []
    for phi in np.arange(-8, 10, 0.5).tolist():
        network = recipe.network(phi)
        for pixels in range(network.size.height // 2 * 2, 801, 2):
            one = dataclasses.replace(network, resolution=pixels)
            if cost(one).macs > 2e9 or cost(one).params > 3e6:
                break
            all_of_them.append(one)
    assert found["accuracy"] == pytest.approx(model.predict(all_of_them)[0].max(), abs=0.02)
    # At its own pixels, and at more or fewer, what is as wide and as deep isn't doubted.
    for pixels in (base.size.height, 448, 300):
        of = dataclasses.replace(base, resolution=pixels, dropout=0.0)
        (far,), (near,) = (each.predict([of])[1] for each in (model.against(scaled_b0(asked)), own))
        assert near < 1 < far
    # Multiply-adds that nobody limits free none in a search, and beside a pick those that it takes.
    assert sharpened(Objective("hard", 3e6, "params"), (), model) == (
        scaled_b0(Objective("hard", 3e6, "params")),
        [],
    )
    free, _ = sharpened(Objective("hard", 3e6, "params"), (), model, most=5e8)
    assert 4e8 < cost(free).macs <= 5e8
    pick = dataclasses.replace(free, resolution=320)
    for name, to in (
        ("hard", "the same T and at most the pick's {}"),
        ("soft", "the pick's {} and at most {}"),
    ):
        found = otherwise(pick, Objective(name, 3e6, "params"), (), model, figures)["scaled_b0"]
        counts = (
            f"{PARAMS.format(cost(pick).params)} params",
            f"{MACS.format(cost(pick).macs)} MACs",
        )
        assert found["to"] == to.format(*counts[name == "hard" :])
    # A further limit takes none away, and the order of two limits changes nothing.
    far, few = Limit("memory", 1e9), Objective("hard", 3e6, "params")
    assert sharpened(few, (far,), model, most=5e8)[0] == free
    one, other = (Limit("params", 3e6), 5e8), (Limit("flops", 5e8), 3e6)
    both = [
        sharpened(Objective("hard", own, of), (limit,), model)[0]
        for (limit, own), of in ((one, "flops"), (other, "params"))
    ]
    assert both == [free, free]
    # Where no B0 keeps the limits, spreads are of the difference to one that breaks them.
    none, _ = reference_of(where, Objective("hard", 5e9), (Limit("params", 7e5),), model)
    assert none.name == "EfficientNet-B0 scaled to T alone, beyond the other limits"
    alone = otherwise(pick, asked, (), own, figures)["scaled_b0"]
    assert from_dict(alone["architecture"]) == scaled_b0(asked)


def test_a_limit_that_makes_no_difference_is_none():
    """What B0 scaled keeps, and the pick takes no half of; else every one may."""
    asked, far, near = Objective("hard", 4e8), Limit("params", 1e8), Limit("params", 8e6)
    assert binding(B0, asked, ()) == []
    assert binding(B0, asked, (far,)) == []
    assert binding(B0, asked, (far, near)) == [near]
    few = Limit("params", 5e6)  # B0 scaled to T has more
    assert binding(SMALL, asked, (few,)) == [few]


def test_inside_a_network_spreads_are_of_the_difference_to_that_one_made_smaller():
    """And a search inside ResNet-50 isn't held against B0, of which it has nothing."""
    resnet, target = NETWORKS["resnet_50"], Objective("hard", 3e9)
    where = space("inside:resnet_50")
    reference, alike = reference_of(where, target, (), ImagenetEvaluator())
    assert 0.9 * 3e9 < cost(reference).macs <= 3e9
    assert reference.resolution == resnet.resolution
    assert alike[-1] == resnet
    own = ImagenetEvaluator().against(reference, alike)
    _, spreads = own.predict([reference, resnet, alike[-3]])
    assert spreads[0] == 0
    assert 0 < spreads.max() < 2
    assert "resnet_50 scaled to T" in own.label
    _, spreads = ImagenetEvaluator().against(scaled_b0(target)).predict([resnet])
    assert spreads[0] > 5
    asked = (space("mbconv"), target, (), ImagenetEvaluator())
    assert reference_of(*asked) == (scaled_b0(target), [])
    for far, end in ((Objective("hard", 5e6), "smallest"), (Objective("hard", 1e12), "largest")):
        assert scaled_b0(far) is None
        reference, _ = reference_of(space("mbconv"), far, (), ImagenetEvaluator())
        assert reference.name == f"the {end} EfficientNet-B0"
        assert abs(math.log(cost(reference).macs / far.target)) < 3
    least = reference_of(space("mbconv"), Objective("hard", 5e6), (), ImagenetEvaluator())
    tiny = ImagenetEvaluator().against(least[0])
    assert "the difference to the smallest EfficientNet-B0 (7.652M MACs)" in tiny.label


@pytest.mark.parametrize("budget", [1e7, 1.2e7, 3e7, 1e8, 385_814_752, 4e8, 2.5e9, 1.5e10, 1e12])
def test_published_networks_are_the_best_within_t(budget):
    found = nearest_below({"macs": budget})
    below = [row for row in published() if row.macs <= budget]
    near = [row for row in below if row.macs >= NEAR * budget]
    best = {max(row.top1 for row in near if same(row, one)) for one in near}
    assert all(row.macs <= budget for row in found)
    if near:
        assert [row.top1 for row in found] == sorted(best, reverse=True)[:3]
    else:
        assert [row.macs for row in found] == sorted(row.macs for row in below)[-1:]
    assert not any(same(one, two) for i, one in enumerate(found) for two in found[:i])


def test_a_network_published_twice_is_named_once_with_its_better_result():
    def row(network, macs, top1):
        return PublishedNetwork(network, "r", 224, macs, 1, top1, "s")

    again = row("else", 80, 71.5)  # of the same costs
    assert nearest_below({"macs": 100}, rows=[again, row("a", 80, 72.0)])[1:] == []
    rows = [row("a", 70, 71.0), row("a", 80, 72.0), row("b", 90, 70.0), row("c", 101, 90.0)]
    assert nearest_below({"macs": 100}, rows=rows) == [rows[1], rows[2]]
    assert nearest_below({"macs": 100}, "macs", 1, rows) == [rows[1]]
    assert nearest_below({"macs": 1000}, rows=rows) == [rows[3]]
    assert nearest_below({"macs": 60}, rows=rows) == []


class Model:
    def predict(self, networks):
        if any(network.resolution != 224 for network in networks):
            raise OutOfDomain("expected 224 px")
        return np.array([50.0 + network.blocks for network in networks]), np.array([3.0, 4.0])

    def __call__(self, architecture, budget, seed):
        return Measurement(50.0 + architecture.blocks, 3.0)


class Comparing(Model):
    def difference_error(self, one, two):
        return 0.5


def test_a_model_compares_and_what_is_none_says_nothing():
    gain = SMALL.blocks - B0.blocks
    nothing = dict.fromkeys(("accuracy", "spread", "gain", "gain_spread"))
    figures = {"accuracy": 50.0 + B0.blocks, "spread": 4.0, "gain": gain}
    assert compared(SMALL, B0, Model()) == figures | {"gain_spread": 5.0}
    assert compared(SMALL, B0, Comparing()) == figures | {"gain_spread": 0.5}
    assert compared(SMALL, B0, lambda a, b, s: 50.0) == nothing
    assert compared(SMALL, dataclasses.replace(B0, resolution=96), Model()) == nothing


def test_the_verdict_is_one_sentence_of_three():
    better = verdict({"gain": 0.51, "gain_spread": 0.5})
    assert better == (
        "The pick is predicted 0.51 ± 0.50 points above EfficientNet-B0 scaled to the same T."
    )
    same = verdict({"gain": 0.0, "gain_spread": 0.0})
    assert same == "The pick is EfficientNet-B0 scaled to the same T."
    dearer = verdict({"gain": 6.0, "gain_spread": 0.5, "to": "the same T", "times": 4.08})
    assert dearer.endswith("scaled to the same T, with 4.1 times its multiply-adds.")
    worse = verdict({"gain": -17.9, "gain_spread": 3.5, "to": "the same T and limits"})
    assert worse == (
        "The pick is predicted 17.90 ± 3.50 points below EfficientNet-B0 scaled to the same T and "
        "limits: that network is the better choice."
    )
    less = {"gain": -0.25, "gain_spread": 0.5}
    assert verdict(less) == (
        "The pick is predicted 0.25 ± 0.50 points below EfficientNet-B0 scaled to the same T, "
        "which is within the error: that network is the better choice by what is predicted, and "
        "well known."
    )
    for gain, first in ((-0.25, 1), (0.25, 0)):
        offered = to_build_on({"otherwise": {"scaled_b0": less | {"gain": gain}}})
        assert offered[first] == ("the pick", "")
    for gain, text in ((0.5, "(+0.50 ± 0.50 points)"), (-0.004, "(+0.00 ± 0.50 points)")):
        said = verdict({"gain": gain, "gain_spread": 0.5})
        assert said.startswith("The pick is not better than EfficientNet-B0 scaled to the same T ")
        assert text in said
        assert said.count(".") == 3  # two of numbers, one of the sentence
    for unknown in ({}, {"gain": None, "gain_spread": None}, {"gain": 1.0, "gain_spread": None}):
        assert verdict(unknown) == ""
