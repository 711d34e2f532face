"""What a search says of its pick: what it is picked for, what it takes, who is above it."""

import re
from types import SimpleNamespace

import pytest

import nas
from nas.commands import progress
from nas.commands.present.result import print_result
from nas.evaluators import Measurement
from nas.objective import Objective
from nas.report.words import above_pick, beyond, leaving, published_title, roles, taking
from results.report.record import open_folder
from results.runs.files import write_json
from search_spaces import NETWORKS, cost
from search_spaces.quantities import DEVICE_QUANTITIES, QUANTITIES

T = 6e7


def deeper(architecture, budget, seed):
    """The cheaper the surer, and accuracy that grows with cost, so that `soft` exceeds T."""
    macs = cost(architecture).macs
    return Measurement(min(99.0, 40 * (macs / T) ** 0.3), 1.0 + macs / T)


def searched(tmp_path, objective, evaluator=deeper):
    return nas.find(
        T, objective=objective, evaluator=evaluator, trials=80, runs=tmp_path, name=objective
    )


def shown(found, capsys):
    print_result(found)
    return " ".join(capsys.readouterr().out.split())


def page_of(found):
    for library in ("plotly", "jinja2", "sklearn"):
        pytest.importorskip(library)
    from nas.report.sections import report_of
    from results.report.page import html

    made = html(report_of(open_folder(str(found.folder), found.folder.parent)))
    return " ".join(re.sub(r"<[^>]*>", " ", made).replace("&#39;", "'").split())


def test_soft_says_how_many_times_t_its_pick_takes_and_what_b0_is_scaled_to(tmp_path, capsys):
    found = searched(tmp_path, "soft")
    times = found.best["macs"] / T
    assert times > 1.1
    said, page = shown(found, capsys), page_of(found)
    for text in (said, page):
        assert text.count(f"The pick takes {times:.3g} times T, as --objective soft allows") == 1
        assert "The default, --objective hard, stays within T." in text
        assert "leave accuracy" not in text
    assert "B0 scaled to the pick " in said
    other = found.best["other"]
    times, points = (other["macs"] / found.best["macs"], found.best["accuracy"] - other["accuracy"])
    for text in (said, page):
        assert (
            "It is what the default, --objective hard, would pick, and has "
            f"{times:.2g} times the pick's MACs and {points:.2f} points less top-1."
        ) in text
    own = QUANTITIES["flops"].format(found.best["macs"])
    assert f"EfficientNet-B0 scaled to the pick's {own} MACs" in page
    assert "EfficientNet-B0 scaled to T" not in page


def test_hard_says_what_each_pick_is_picked_for_among_which(tmp_path, capsys):
    found = searched(tmp_path, "hard")
    other = {"id": "another", "macs": found.best["macs"] / 4, "accuracy": 20.5}
    found.best["other"] |= other
    write_json(found.folder / "best.json", found.best)
    said, page = shown(found, capsys), page_of(found)
    points = found.best["accuracy"] - 20.5
    for text in (said, page):
        assert "soft counts half the cost as much as 5 % of the accuracy" in text
        assert f"it has 0.25 times the pick's MACs and {points:.2f} points less top-1." in text
    assert "pick: of the networks within T the one of the highest top-1 less 2 times its ±" in said
    assert "the best by --objective soft of the networks within T, the only ones evaluated" in said
    assert "The pick takes" not in said
    assert "highest top-1 less 2 times its ± within T" in page
    assert "within T or not" not in said + page


def test_the_page_s_headline_is_of_b0_scaled_and_has_b0_only_as_it_is(tmp_path):
    """B0 as it is takes 6 times T: a difference to it would say nothing of the search."""
    found = searched(tmp_path, "hard", "imagenet")
    scaled, page = found.best["otherwise"]["scaled_b0"], page_of(found)
    _, _, headline = page.partition(" MACs: ")
    assert headline.startswith(
        f"{scaled['gain']:+.2f} ± {scaled['gain_spread']:.2f} points against EfficientNet-B0 "
        "scaled to the same T"
    )
    assert re.search(
        r"\. EfficientNet-B0 as it is, over in MACs, has 77\.10 ± [\d.]+ % top-1 at 385\.8M MACs\.",
        page,
    )
    assert page.count("points against") == 1
    assert "EfficientNet-B0 scaled to T</td>" in found._repr_html_()


@pytest.mark.parametrize("share", [0.5, 1e-9])
def test_networks_of_the_front_beyond_the_evidence_are_told(share, tmp_path, capsys):
    class Fitted:
        evidence = (share * T, 1e12)

        def __call__(self, architecture, budget, seed):
            return deeper(architecture, budget, seed)

    found = searched(tmp_path, "hard", Fitted())
    note = "Networks of the front below 30M multiply-adds are beyond all evidence"
    assert min(trial.cost.macs for trial in found.front) < 0.5 * T < found.best["macs"]
    assert (note in shown(found, capsys), note in page_of(found)) == (share == 0.5,) * 2


def test_on_a_narrow_terminal_t_stays(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("results.terminal.USUAL", 50)
    said = shown(searched(tmp_path, "hard"), capsys)
    assert re.search(r"T = 60M MACs network MACs top-1 % pick", said)
    assert "No room in 50 columns for: params, memory." in said


def test_a_network_that_both_objectives_pick_has_one_row(tmp_path, capsys):
    found = searched(tmp_path, "hard", lambda architecture, budget, seed: 50.0)
    assert found.best["other"]["id"] == found.best["id"]
    said, page = shown(found, capsys), page_of(found)
    assert "other pick" not in said
    assert "of the highest top-1; --objective soft picks the same of these." in said
    assert "pick (highest top-1 within T, and by the other objective)" in page
    assert "other (" not in page


def test_what_is_taken_of_t_is_told_where_it_is_another_cost():
    of = QUANTITIES["flops"]
    best = {"objective": "soft", "target": 1e8, "macs": 98e6}
    assert taking(best, of) == ""
    assert taking({**best, "macs": 50e6}, of).startswith("The pick takes 0.5 of T, as")
    assert taking({**best, "macs": 50e6, "objective": "hard"}, of) == ""
    assert taking({**best, "macs": 312e6}, of).startswith("The pick takes 3.12 times T, as")
    for spread, what in ((None, "top-1"), (0.3, "(top-1 less 2 times its ±)")):
        said = taking({**best, "macs": 50e6, "caution": 2.0, "spread": spread}, of)
        assert f"its reward, {what} * (cost / T) ** -0.07 (MnasNet" in said
    limits = {"params": 5e6, "latency:x": 1e-3}
    figures = {"macs": 9e7, "params": 6e6}
    assert beyond({**best, "quantity": "flops", "limits": limits}, figures) == ["params"]
    assert beyond(best, {"macs": 2e8}) == ["MACs"]


@pytest.mark.parametrize(
    ("tops", "said"),
    [
        ((67.9, 67.6, 67.5), "All 3 are above the pick's 66.84 %, by other recipes"),
        ((67.9, 60.0), "a is above"),
        ((67.9, 67.0, 60.0), "a and b are above"),
        ((67.9, 67.0), "Both are above"),
        ((67.9,), "It is above"),
        ((66.0,), ""),
        ((), ""),
    ],
)
def test_published_networks_above_the_pick_are_told(tops, said):
    rows = [{"network": name, "top1": top} for name, top in zip("abc", tops, strict=False)]
    best = {"accuracy": 66.84, "otherwise": {"published": rows}, "evaluator": "imagenet"}
    text = above_pick(best)
    assert text.startswith(said)
    assert bool(text) == bool(said)
    assert ("nas predict" in text) == bool(said)
    assert "nas predict" not in above_pick({**best, "evaluator": "surrogate"})
    assert above_pick({**best, "unit": "NASWOT"}) == ""


def test_of_a_network_that_may_break_a_limit_it_is_said_and_nothing_else():
    rows = [{"network": name, "top1": 70.0, "unchecked": []} for name in "abc"]
    beside = {"published": rows, "unchecked": []}
    best = {"accuracy": 66.8, "otherwise": beside, "quantity": "memory", "limits": {"params": 1}}
    few = "Published networks of no more multiply-adds than the pick"
    assert published_title(best) == f"{few}, within T and the limits"
    assert above_pick(best).startswith("All 3 are above")
    rows[1]["unchecked"] = beside["unchecked"] = ["memory"]
    assert published_title(best) == (
        f"{few}, within T and the limits as far as known (memory not known of b)"
    )
    assert above_pick(best).startswith("a and c are above")
    for row in rows:
        row["unchecked"] = ["memory"]
    assert published_title({**best, "limits": {}}) == f"{few} (memory not known)"
    assert above_pick(best) == ""
    assert published_title({**best, "quantity": "flops"}) == (
        "Published networks within T and the limits as far as known (memory not known)"
    )


def test_of_images_a_second_it_is_said_how_many_the_pick_does():
    of = DEVICE_QUANTITIES["throughput"]
    best = {"objective": "hard", "target": 1 / 300, "images_per_s": 428.0, "limits": {"flops": 3e8}}
    assert leaving(best, of) == (
        "The pick does 428/s where 300/s were asked for: within the other limits this search found "
        "nothing better nearer to T."
    )
    assert leaving({**best, "images_per_s": 310.0}, of) == ""
    assert leaving({**best, "objective": "soft"}, of) == ""
    assert taking({**best, "objective": "soft"}, of).startswith(
        "The pick does 428/s where 300/s were asked for, as --objective soft allows"
    )
    best = {"objective": "hard", "target": 1e8, "macs": 7e7}
    assert leaving(best, QUANTITIES["flops"]) == (
        "The pick takes only 70% of T: `nas spaces` says how far the space reaches."
    )


def test_a_score_has_its_own_name():
    best = {"objective": "hard", "unit": "NASWOT", "caution": 2.0, "spread": 1.0, "other": None}
    assert (
        roles(best, QUANTITIES["flops"])
        == "pick: of the networks within T the one of the highest NASWOT."
    )


def test_the_best_so_far_has_the_spread_that_it_is_judged_with(monkeypatch, capsys):
    monkeypatch.setattr(progress, "EVERY", 0.0)
    network = NETWORKS["efficientnet_b0"]
    with progress.progress(2, Objective("hard", 4e8)) as show:
        for number, (accuracy, spread) in enumerate([(66.84, 0.25), (67.04, 0.5)]):
            found = {"number": number, "accuracy": accuracy, "spread": spread}
            show(SimpleNamespace(**found, architecture=network), number + 1)
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 2
    assert all("best 66.84 ± 0.25 % at 385.8M" in line for line in said)
