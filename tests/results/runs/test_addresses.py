"""Networks of a run by address."""

import json
from dataclasses import replace

import pytest

from results.runs.load import load_architecture
from results.runs.records import Trial
from results.runs.store import Store
from search_spaces import UserError, cost
from search_spaces.architecture import to_dict
from search_spaces.networks import NETWORKS

B0 = NETWORKS["efficientnet_b0"]
FRONT = [replace(B0, resolution=px) for px in (96, 128, 160, 224)]


def described(network, accuracy):
    return {"id": network.id, "accuracy": accuracy, "macs": cost(network).macs,
            "architecture": to_dict(network)}  # fmt: skip


@pytest.fixture
def runs(tmp_path):
    folder = tmp_path / "a"
    folder.mkdir()
    rows = [described(network, 60.0 + i) for i, network in enumerate(FRONT)]
    (folder / "front.json").write_text(json.dumps(rows))
    (folder / "best.json").write_text(json.dumps({**rows[3], "other": rows[1]}))
    return tmp_path


def test_every_network_of_the_front_has_an_address(runs):
    for which, network in (("pick", FRONT[3]), ("other", FRONT[1]), ("@150M", FRONT[1]),
                           ("@1G", FRONT[3]), *((n.id, n) for n in FRONT),
                           (FRONT[2].id[:6], FRONT[2])):  # fmt: skip
        assert load_architecture(f"a:{which}", runs) == network
        assert load_architecture(f"{runs}/a:{which}") == network


def test_within_a_budget_it_is_chosen_with_the_caution_of_the_pick(runs):
    rows = [described(network, 60.0 + i) | {"spread": float(i)} for i, network in enumerate(FRONT)]
    (runs / "a" / "front.json").write_text(json.dumps(rows))
    for caution, network in ((0.0, FRONT[3]), (2.0, FRONT[0])):
        (runs / "a" / "best.json").write_text(json.dumps({**rows[3], "caution": caution}))
        assert load_architecture("a:@1G", runs) == network


def test_what_is_off_the_front_has_an_address_too(runs, tmp_path):
    """The pick, what stands beside it, and whatever the run evaluated."""
    off, beside, tried = (replace(B0, resolution=px) for px in (97, 98, 99))
    best = {**described(off, 60.0), "otherwise": {"scaled_b0": {"architecture": to_dict(beside)}}}
    (runs / "a/best.json").write_text(json.dumps(best))
    assert load_architecture(f"a:{off.id}", runs) == off
    assert load_architecture("a:beside", runs) == beside
    with pytest.raises(UserError, match=f"no network .* is called '{tried.id}'"):
        load_architecture(f"a:{tried.id}", runs)
    store = Store(runs / "a/trials.journal", {}, {"k": (3, 5)})
    for number, network in enumerate((tried, FRONT[0], tried)):
        store.append(Trial(number, {"k": 3}, network, 50.0), cost=1.0)
    store.close()
    assert load_architecture(f"a:{tried.id[:8]}", runs) == tried
    assert load_architecture(f"a:{FRONT[0].id[:8]}", runs) == FRONT[0]
    (runs / "a/best.json").write_text(json.dumps({**best, "otherwise": {"absent": "It's far."}}))
    with pytest.raises(
        UserError, match=r"has no such network: expected another, as a:pick\. It's far$"
    ):
        load_architecture("a:beside", runs)
    with pytest.raises(UserError, match="expected pick, other, @300M for"):
        load_architecture("a:zz", runs)


@pytest.mark.parametrize(
    ("which", "said"),
    [("zz", "no network .* is called 'zz'"), ("@1M", "the smallest takes"), ("@", "a:@"),
     ("", "no network"), ("0" * 12, "an id of front.csv")],
)  # fmt: skip
def test_other_addresses_are_answered_with_what_would_do(runs, which, said):
    with pytest.raises(UserError, match=said):
        load_architecture(f"a:{which}", runs)


def test_a_front_that_is_missing_or_damaged_is_named(runs):
    place = runs / "a/front.json"
    for text in ("[]", "{}", '[{"id": 3}]', "nothing"):
        place.write_text(text)
        with pytest.raises(UserError, match=r"front\.json"):
            load_architecture(f"a:{FRONT[0].id}", runs)
    place.unlink()
    with pytest.raises(UserError, match="run its command again"):
        load_architecture(f"a:{FRONT[0].id}", runs)
    assert load_architecture("a:pick", runs) == FRONT[3]


def test_a_training_has_no_front_and_names_its_search(runs):
    (runs / "t").mkdir()
    record = {"experiment": {"kind": "train"}, "sessions": []}
    (runs / "t" / "run.json").write_text(json.dumps(record))
    (runs / "t" / "best.json").write_text(json.dumps(described(B0, 60.0)))
    with pytest.raises(UserError, match=r"^t is a training, of one network: take t:pick, or a run"):
        load_architecture("t:@3M", runs)
    (runs / "a").rename(runs / "t-search")
    with pytest.raises(UserError, match=r"^t is a training, of one network: take t-search:@3M$"):
        load_architecture("t:@3M", runs)
    assert load_architecture("t:pick", runs) == B0


def test_a_budget_that_is_none_is_named_whole(runs):
    with pytest.raises(UserError, match=r"^the budget of a:@-5M is '-5M': expected a finite"):
        load_architecture("a:@-5M", runs)
