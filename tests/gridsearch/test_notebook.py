"""The chain in a notebook: frames, and what cells show."""

import re
from html.parser import HTMLParser
from xml.etree import ElementTree

import pytest

import gridsearch
import nas
from search_spaces import NETWORKS, UserError, cost
from search_spaces.stages import drawing, rows


@pytest.fixture(scope="module")
def chain(tmp_path_factory):
    runs = tmp_path_factory.mktemp("runs")
    found = nas.find(300e6, trials=60, runs=runs)
    grid = gridsearch.find(found.architecture, phi=1, runs=runs)
    return found, grid, gridsearch.family_from(grid, phis=range(3))


class Tags(HTMLParser):
    """Checks that tags are closed in order, and counts them."""

    def __init__(self, text):
        super().__init__()
        self.open, self.count = [], {}
        self.feed(text)
        assert not self.open

    def handle_starttag(self, tag, attrs):
        self.open.append(tag)
        self.count[tag] = self.count.get(tag, 0) + 1

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def test_frames_hold_what_was_found(chain):
    found, grid, family = chain
    assert len(found.frame) == 60
    assert set(found.front_frame["id"]) <= set(found.frame["id"])
    assert found.front_frame["macs"].is_monotonic_increasing
    assert found.architecture.id == found.best["id"]
    assert grid.frame["pick"].sum() == 1
    assert grid.frame.loc[grid.frame["pick"], "alpha"].item() == grid.coefficients["alpha"]
    assert family["phi0"] == found.architecture
    assert family.frame["macs"].tolist() == [cost(one.architecture).macs for one in family]
    with pytest.raises(UserError, match="no 'b7': expected one of phi0, phi1, phi2"):
        family["b7"]


def test_a_grid_takes_a_search_and_a_family_a_grid(chain):
    found, grid, _ = chain
    again = gridsearch.find(found, runs=str(grid.folder.parent))
    assert (again.folder, again.new) == (grid.folder, 0)
    for other in (found, found.architecture, None):
        with pytest.raises(UserError, match=r"expected the result of gridsearch\.find"):
            gridsearch.family_from(other)
    for phis in (3, "0..3", []):
        with pytest.raises(UserError, match=r"phis is .*: expected some numbers, as range\(8\)"):
            gridsearch.family_from(grid, phis=phis)
    with pytest.raises(UserError, match="phi is 'a'"):
        gridsearch.family_from(grid, phis=["a"])


def test_cells_show_tables_and_pictures(chain):
    found, grid, family = chain
    shown = Tags(found._repr_html_()).count
    assert shown["table"] == 1
    assert shown["svg"] == 2
    assert shown["use"] > 60  # a dot of each trial
    assert "EfficientNet-B0" in found._repr_html_()
    assert Tags(found.architecture._repr_html_()).count["tr"] == 1 + 9
    assert len(grid.frame) <= Tags(grid._repr_html_()).count["tr"]
    assert Tags(family._repr_html_()).count["tr"] == 1 + 3


@pytest.mark.parametrize("name", NETWORKS)
def test_a_drawing_has_a_bar_a_block_as_wide_as_its_macs(name):
    network = NETWORKS[name]
    root = ElementTree.fromstring(drawing(network))
    spaces = "{http://www.w3.org/2000/svg}"
    groups = root.findall(f"{spaces}g")
    bars = [[float(bar.get("width")) for bar in g.findall(f"{spaces}rect")] for g in groups]
    listed = rows(network)
    assert sum(map(len, bars)) == network.blocks + 2
    assert sum(row.cost.macs for row in listed) == cost(network).macs
    widest = max(range(len(bars)), key=lambda n: sum(bars[n]))
    assert listed[widest].cost.macs == max(row.cost.macs for row in listed)
    right = float(root.get("viewBox").split()[2])
    ends = [float(bar.get("x")) + float(bar.get("width")) for bar in root.iter(f"{spaces}rect")]
    assert max(ends) <= right
    titles = " ".join(title.text for title in root.iter(f"{spaces}title"))
    assert len(re.findall(r"MACs \(", titles)) == len(listed)
