"""The table of printed results that stands beside a pick."""

import csv
import dataclasses
from importlib import resources

import pytest

from nas.imagenet.published import TABLE, PublishedNetwork, built_as, published, same, within
from nas.objective import Limit
from search_spaces import NETWORKS, cost

PRINTED = 5000  # timm prints MACs to 0.01M


def test_every_row_is_whole_and_within_what_such_networks_reach():
    lines = resources.files("nas.imagenet").joinpath("data", TABLE).read_text().splitlines()
    header, *rows = csv.reader(lines)
    assert header == [field.name for field in dataclasses.fields(PublishedNetwork)]
    assert len(rows) == len(published()) > 300
    assert all(len(row) == len(header) and all(cell.strip() for cell in row) for row in rows)
    for row in published():
        assert 1e7 < row.macs < 2e11, row
        assert 4e5 < row.params < 1e9, row
        assert 64 <= row.resolution <= 1024, row
        assert 35 < row.top1 < 91, row


def test_rows_are_by_macs_and_none_stands_twice():
    found = published()
    assert [row.macs for row in found] == sorted(row.macs for row in found)
    keys = {(row.network, row.recipe, row.resolution, row.source) for row in found}
    assert len(keys) == len(found)


def test_a_networks_costs_are_the_same_in_every_row():
    costs = {}
    for row in published():
        macs, params = costs.setdefault((row.network, row.resolution), (row.macs, row.params))
        assert row.params == params, row.network
        assert row.macs == pytest.approx(macs, abs=PRINTED), row.network


@pytest.mark.parametrize(
    ("network", "ours"),
    [("efficientnet_b0", "efficientnet_b0"), ("mobilenetv2_100", "mobilenet_v2"),
     ("mnasnet_small", "mnasnet_small"), ("semnasnet_100", "mnasnet_a1")],
)  # fmt: skip
def test_costs_are_those_of_the_networks_that_we_have(network, ours):
    figures = cost(NETWORKS[ours])
    rows = [r for r in published() if r.network == network and r.resolution == 224]
    assert rows
    for row in rows:
        assert row.params == figures.params
        assert row.macs == pytest.approx(figures.macs, abs=PRINTED)


def test_the_papers_own_b0_is_there():
    rows = [row for row in published() if row.macs == cost(NETWORKS["efficientnet_b0"]).macs]
    assert 77.1 in {row.top1 for row in rows}


def test_what_breaks_a_limit_by_its_weights_or_as_our_network_is_left_out():
    """Memory of most rows is known but from below, and a device's word needs the network itself."""
    from nas.devices.registry import device

    def found(*limits, macs=4e8):
        return {row["network"]: row["unchecked"] for row in within(limits, macs)}

    few = Limit("memory", 8e6)
    assert found(few, macs=2e8) == {
        "mobilenet_v1_0.5_224": [], "mobilenetv3_small_050": [], "mnasnet_a1_0.35_128": [],
    }  # fmt: skip
    assert all(4 * row["params"] <= 8e6 for row in within([few], 2e8))
    b0 = NETWORKS["efficientnet_b0"]
    for macs in (4e8, cost(b0).macs):
        for memory, there in ((cost(b0).memory, True), (cost(b0).memory - 1, False)):
            every = found(Limit("flops", macs), Limit("memory", memory))
            assert (every.get("efficientnet_b0") == []) == there
    of = device("zcu102").quantity("latency")
    for seconds, told in ((of.measure(b0), []), (0.999 * of.measure(b0), None)):
        every = found(Limit(of, seconds))
        assert every.pop("efficientnet_b0", None) == told
        assert set(map(tuple, every.values())) == {("latency on zcu102",)}


def test_rows_of_our_networks_are_known_by_their_costs():
    built = {row.network: built_as(row) for row in published()}
    for name in (
        "tf_efficientnet_b0",
        "mobilenet_v3_large_1",
        "resnet50",
        "tinynet_c",
        "mobilenetv2_140",
        "mnasnet_a1_1.4_224",
        "lcnet_050",
    ):
        assert built[name] is not None
    for name in ("efficientnet_es", "resnet50d", "mobilenetv2_110d"):
        assert built[name] is None
    for row in published():
        if (ours := built_as(row)) is not None:
            assert ours.resolution == row.resolution
            assert cost(ours).params == pytest.approx(row.params, rel=2e-3)
            assert cost(ours).macs == pytest.approx(row.macs, rel=1e-2)


@pytest.mark.parametrize(
    ("one", "other", "alike"),
    [("tf_mobilenetv3_small_075", "mobilenet_v3_small_0.75", True),
     ("mobilenetv3_rw", "tf_mobilenetv3_large_100", True),
     ("mnasnet_a1_0.75_224", "semnasnet_075", True),
     ("mobilenet_v1_1.0_128", "mobilenetv1_100", True),
     ("mobilenet_v2_1.4_224", "mnasnet_a1_1.4_224", False),
     ("efficientnet_b0", "efficientnet_lite0", False)],
)  # fmt: skip
def test_one_network_of_two_names_stands_once(one, other, alike):
    rows = {row.network: row for row in published()}
    assert same(rows[one], rows[other]) == same(rows[other], rows[one]) == alike
    shown = [row["network"] for row in within([Limit("flops", 45e6)], 0)]
    assert shown == ["tf_mobilenetv3_small_075", "lcnet_050", "mnasnet_a1_0.75_96"]
