"""The table of printed results that stands beside a pick."""

import csv
import dataclasses
from importlib import resources

import pytest

from nas.imagenet.published import TABLE, PublishedNetwork, published
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
