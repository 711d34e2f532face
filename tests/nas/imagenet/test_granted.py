"""What promises of picks were worth, as the docs have it and as a search says it."""

import re
from pathlib import Path

import pytest

from nas.imagenet.granted import TABLE, granted, trusted
from nas.objective import Limit, Objective
from nas.report.words import ahead
from nas.search.beside.otherwise import to_build_on
from search_spaces.quantities import QUANTITIES

EVEN = "B0 scaled is as good a choice"
BETTER = {"gain": 0.5, "gain_spread": 0.2}
DOCS = Path(__file__).parents[3] / "docs" / "search.md"


def test_the_table_is_that_of_the_docs() -> None:
    rows = re.findall(r"^\| ([\d.]+[MG]) \|((?:[^|]+\|){4})$", DOCS.read_text(), re.M)
    for one, (target, cells) in zip(TABLE, rows, strict=True):
        told = [float(number) for number in re.findall(r"-?\d+\.\d+", cells)]
        assert QUANTITIES["flops"].parse(target, "T") == one.target
        assert told == list(one[1:])


@pytest.mark.parametrize(
    ("target", "said"),
    [(1.5e9, "So B0 scaled is as good a choice"), (30e6, "So train B0 scaled beside it"),
     (5e6, ""), (30e9, "")],
)  # fmt: skip
def test_a_promise_is_followed_by_what_such_ones_were_worth(target, said) -> None:
    told = granted("imagenet", "mbconv", Objective("hard", target), 1.0)

    def trust(scaled, objective="hard", **own):
        beside = {"scaled_b0": scaled, "granted": told}
        return trusted({"otherwise": beside, "objective": objective, "target": target, **own})

    text = trust(BETTER)
    assert ("at 1.6G, the tested T nearest to this one, eighty" in text) == (target == 1.5e9)
    assert ("at 30M eighty" in text) == (target == 30e6)
    assert said in text
    assert bool(text) == bool(said)
    assert granted("imagenet", "mbconv", Objective("soft", 1.0), target) == told
    assert ("eighty picks of --objective hard by" in trust(BETTER, "soft", macs=1.0)) == bool(said)
    assert not granted("surrogate", "mbconv", Objective("hard", target), 1.0)
    assert not granted("imagenet", "mbconv", Objective("hard", target, caution=1.0), 1.0)
    for gain, shown in ((0.5, text), (0.1, ""), (-0.5, "")):
        beside = {"scaled_b0": {"gain": gain, "gain_spread": 0.2}, "granted": told}
        assert trust(beside["scaled_b0"]) == shown
    ahead_of = ahead({"otherwise": {"scaled_b0": BETTER, "granted": told}})
    assert ahead_of.startswith(": +0.50 ± 0.20 points against EfficientNet-B0 scaled to the same T")
    assert ahead_of.endswith("worth nothing") == (EVEN in said)
    assert ("in a test 2.1 of 3.4 such points were granted" in ahead_of) == (target == 30e6)
    names = [name for name, _ in to_build_on({"otherwise": {**beside, "scaled_b0": BETTER}})]
    assert names == ["the pick", *["EfficientNet-B0 scaled"] * (EVEN in said)]


def test_a_lead_that_no_test_speaks_of_is_told_to_be_that() -> None:
    """The table's searches had T in multiply-adds and no other limits."""
    flops, params = Objective("hard", 2e8), Objective("hard", 4e6, "params")
    assert granted("imagenet", "mbconv", flops, 2e8)
    few = (Limit("params", 2e6),)
    assert granted("imagenet", "mbconv", flops, 2e8, few) is None
    assert granted("imagenet", "mbconv", params, 2e8) is None
    best = {"evaluator": "imagenet", "otherwise": {"scaled_b0": BETTER, "granted": None}}
    text = trusted(best)
    assert text.startswith("How far to trust that: no test speaks of it. Tested were only")
    assert "for a T of 30M to 6.4G multiply-adds without other limits" in text
    assert text.endswith(
        "a third of such a lead and more than all of it. So train B0 scaled beside it."
    )
    lost = [1 - one.granted / one.promised for one in TABLE]
    assert 1 / 3 <= min(lost) < 0.4
    assert max(lost) > 1
    assert ahead(best).endswith("the same T, a lead of a kind that was never tested")
    little = {"otherwise": {"scaled_b0": BETTER | {"gain": 0.1}, "granted": None}}
    images = {"architecture": {"classes": 3}}
    for other in (little, images, {"otherwise": None}, {"evaluator": "surrogate"}):
        assert trusted(best | other) == ""
        assert "never tested" not in ahead(best | other)
