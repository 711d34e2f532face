"""Families, budgets, the comparison, and their files."""

import csv
import dataclasses
import importlib.util
import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gridsearch.family.compare import BASELINES, METHODS, compare, parse_ratios
from gridsearch.family.family import (
    budget_family,
    formula_family,
    parse_budgets,
    parse_phis,
    solved_family,
)
from gridsearch.family.files import write_family
from gridsearch.family.released import released_family
from gridsearch.family.strings import interchange
from gridsearch.prior.heldout import alone, held
from gridsearch.prior.prior import ScalingPrior
from search_spaces.architecture import from_dict
from search_spaces.cost import cost
from search_spaces.errors import UserError
from search_spaces.interchange import from_tf, from_timm
from search_spaces.interchange.timm_strings import fitting
from search_spaces.networks import EFFICIENTNET_B0, MOBILENET_V2, NETWORKS, RESNET_50
from search_spaces.scaling.budget import Recipe, fit_budget
from search_spaces.scaling.coefficients import PAPER, Coefficients
from search_spaces.scaling.published import network, released
from search_spaces.scaling.rules import RULES


def load(path: Path):
    spec = importlib.util.spec_from_file_location("family_of_the_test", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_a_family_as_files(tmp_path: Path) -> None:
    members = released_family(["0", "b1", 3])
    content = write_family(tmp_path, members, {"title": "three"})
    assert json.loads(json.dumps(content)) == json.loads((tmp_path / "family.json").read_text())
    with (tmp_path / "family.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["name"] for row in rows] == ["b0", "b1", "b3"]
    assert [int(row["params"]) for row in rows] == [5288548, 7794184, 12233232]
    assert float(rows[2]["top1"]) == pytest.approx(81.6, abs=1)
    assert 0.3 < float(rows[2]["top1_error"]) < 1
    module = load(tmp_path / "family.py")
    net = module.b1(seed=0)
    assert sum(parameter.numel() for parameter in net.parameters()) == 7794184
    b3 = content["networks"][2]
    assert from_dict(b3["architecture"]) == released("b3")


def test_tf_and_timm_strings_read_back_as_the_same_network() -> None:
    b2 = released("b2")
    strings = interchange(b2)
    fields = {"head": b2.head, "resolution": b2.resolution, "dropout": b2.dropout}
    assert from_tf(strings["tf"], **fields) == b2
    assert from_timm(strings["timm"]["arch_def"], stem=b2.stem, **fields) == b2
    assert (strings["timm"]["stem_size"], strings["timm"]["num_features"]) == (32, 1408)
    assert strings["timm"]["class"] == "EfficientNet"
    assert "se_layer" not in strings["timm"]
    assert interchange(RESNET_50) == {"tf": None, "timm": None}


def test_a_mobilenet_v3_has_strings_of_timms_class_and_gates() -> None:
    arch_def = [
        ["ds_r1_k3_s1_c16_nre"],
        ["ir_r2_k3_s2_e4_c24_se0.25_nre"],
        ["ir_r2_k5_s2_e2.5_c40_se0.25"],
        ["cn_r1_k1_s1_c240"],
    ]
    fields = {"stem": 16, "activation": "hard_swish", "resolution": 64}
    net = from_timm(arch_def, how="mobilenetv3", **fields)
    strings = interchange(net)["timm"]
    assert from_timm(strings["arch_def"], how=fitting(net), **fields) == net
    told = {key: strings[key] for key in ("class", "num_features", "head_bias", "act_layer")}
    assert told == {"class": "MobileNetV3", "num_features": 1280, "head_bias": True,
                    "act_layer": "hard_swish"}  # fmt: skip
    assert strings["se_layer"] == {"gate_layer": "hard_sigmoid", "force_act_layer": "relu",
                                   "rd_round_fn": "round_channels"}  # fmt: skip


def test_a_formula_family_is_the_papers_formula() -> None:
    recipe = Recipe(EFFICIENTNET_B0, PAPER)
    family = formula_family(recipe, parse_phis("-1..2,0.5"))
    assert [member.name for member in family] == ["phi_minus_1", "phi0", "phi1", "phi2", "phi0_5"]
    assert family[1].architecture == EFFICIENTNET_B0
    assert family[2].multipliers.depth == pytest.approx(1.2)
    assert family[3].architecture.resolution == 296
    assert all(member.paper is None for member in family)
    other = formula_family(Recipe(EFFICIENTNET_B0, Coefficients(2, 1, 1)), [2])
    beside = other[0].paper
    assert beside.over < 0  # depth alone saturates
    assert beside.over == pytest.approx(other[0].prediction.accuracy - beside.top1)
    assert 0.97 < cost(beside.architecture).macs / cost(other[0].architecture).macs <= 1


@settings(max_examples=25)
@given(
    name=st.sampled_from(sorted(NETWORKS)),
    ratio=st.floats(0.2, 100),
    rounding=st.sampled_from([None, 8, 32]),
)
def test_a_budget_is_never_exceeded_and_mostly_spent(name, ratio, rounding) -> None:
    recipe = Recipe(network(name), PAPER, None, rounding)
    budget = ratio * cost(network(name)).macs
    _, found = fit_budget(recipe, budget)
    assert cost(found).macs <= budget
    assert cost(found).macs >= (0.9 if rounding is None and ratio > 1 else 0.6) * budget


def test_a_solved_family_spends_what_each_phi_stands_for() -> None:
    family = solved_family(Recipe(EFFICIENTNET_B0, Coefficients(1.2, 1.15, 1.1)), [0, 1, 3, 7])
    assert [member.name for member in family] == ["phi0", "phi1", "phi3", "phi7"]
    assert family[0].architecture == EFFICIENTNET_B0
    assert all(0.9 * 2**m.phi < m.ratio <= 2**m.phi for m in family)
    assert all(m.paper.over >= 0 for m in family[1:])


def test_budgets_as_people_write_them() -> None:
    budgets = parse_budgets("400M,1G,2x", EFFICIENTNET_B0)
    assert budgets == [400e6, 1e9, 2 * 385_814_752]
    members = budget_family(Recipe(EFFICIENTNET_B0, PAPER), budgets)
    assert [member.name for member in members] == ["macs400m", "macs1g", "macs771_6m"]
    assert all(0.95 < cost(m.architecture).macs / m.budget <= 1 for m in members)
    with pytest.raises(UserError, match="out of reach"):
        fit_budget(Recipe(EFFICIENTNET_B0, PAPER), 1e6)
    with pytest.raises(UserError, match=r"as 0\.\.7"):
        parse_phis("one")
    with pytest.raises(UserError, match=r"of 100T MACs is out of reach: .* 7\.652M to 270\.1G"):
        fit_budget(Recipe(EFFICIENTNET_B0, PAPER), 100e12)


def test_the_networks_of_large_budgets_have_names_that_python_takes() -> None:
    members = budget_family(Recipe(released("b7"), PAPER), [12.3e12, 999e9])
    assert [member.name for member in members] == ["macs12_3t", "macs999g"]


@pytest.mark.parametrize("phi", ["1", True, float("nan"), float("inf"), 11])
def test_a_formula_of_a_bad_phi(phi) -> None:
    with pytest.raises(UserError, match=f"phi is {phi!r}: expected a number from -8 to 10"):
        formula_family(Recipe(EFFICIENTNET_B0, PAPER), [phi])


def test_the_comparison_is_at_equal_real_macs_and_compound_wins_at_eightfold() -> None:
    found = compare([network(name) for name in BASELINES], [2, 8], PAPER)
    assert len(found) == 4 * (1 + 2 * len(METHODS))
    for one in found:
        assert one.ratio == pytest.approx(one.target, rel=0.035)
    for name in BASELINES:
        at_8 = {o.method: o.measured.accuracy for o in found if (o.baseline, o.target) == (name, 8)}
        assert max(at_8, key=at_8.get) == "compound"
    with pytest.raises(UserError, match="2,4,8"):
        parse_ratios("2,nan")


def test_a_held_out_networks_single_dimensions_are_listed_with_their_errors() -> None:
    found = {(one.network, one.dimension): one for one in alone(held())}
    depth, width = found["efficientnet_b0", "depth"], found["mobilenet_v2", "width"]
    assert depth.times == (4.0,)
    assert depth.off[0] == pytest.approx(1.77, abs=0.05)  # docs/scaling.md
    assert len(width.times) == len(width.off) == 6
    assert list(width.times) == sorted(width.times)
    assert ("mobilenet_v1", "depth") not in found


def test_an_unknown_baseline_has_kin_by_every_rule() -> None:
    small = dataclasses.replace(EFFICIENTNET_B0, resolution=32)
    for rule in RULES:
        assert ScalingPrior(small, rule).error > 20


def test_mobilenet_v2_keeps_its_head_when_it_shrinks() -> None:
    small = formula_family(Recipe(MOBILENET_V2, PAPER), [-2])[0]
    assert small.architecture.head == 1280
