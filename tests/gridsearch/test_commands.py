"""The `gridsearch` command end to end."""

import html
import json
import re
import shutil
import sys
import tomllib
from pathlib import Path
from types import ModuleType

import pandas as pd
import processes
import pytest

from gridsearch.commands import networks, present
from gridsearch.commands.compare import _compare_name
from gridsearch.commands.main import cli
from gridsearch.commands.present import _print_pick
from gridsearch.prior.advice import advice, second_rows
from gridsearch.prior.heldout import held
from gridsearch.prior.opinion import opinion_text
from gridsearch.prior.prior import ScalingPrior
from gridsearch.report.charts import named
from gridsearch.report.grid import _beside
from gridsearch.report.words import reason
from nas.commands.runs import row_of
from results.terminal import console, entry
from search_spaces.architecture import from_dict, to_json
from search_spaces.cost import cost
from search_spaces.networks import EFFICIENTNET_B0
from search_spaces.scaling.budget import Recipe, fit_budget
from search_spaces.scaling.coefficients import PAPER
from search_spaces.scaling.rules import RULES


@pytest.fixture
def gridsearch(tmp_path, monkeypatch, capsys):
    """Runs the command in an empty folder: (exit code, standard output, standard error)."""
    monkeypatch.chdir(tmp_path)

    def call(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["gridsearch", *arguments])
        with pytest.raises(SystemExit) as left:
            entry(cli, "gridsearch")
        found = capsys.readouterr()
        return left.value.code, found.out, found.err

    return call


@pytest.fixture
def narrow(monkeypatch):
    """Makes the terminal that a module of commands prints on so many columns wide."""

    def call(module: ModuleType, columns: int) -> None:
        def narrowed():
            out = console()
            out.width = columns
            return out

        monkeypatch.setattr(module, "console", narrowed)

    return call


@pytest.mark.slow
def test_the_grid_at_phi_1_takes_five_seconds_at_most(tmp_path: Path) -> None:
    """Of processor; on a slow or busy machine, twice what importing the usual packages takes."""
    seconds = []
    for i in range(3):
        printed, each = processes.spent(
            "-m", "gridsearch", "run", "--phi", "1", "--name", f"r{i}", cwd=tmp_path
        )
        seconds.append(each)
        if each <= 5:
            break
    if min(seconds) > 5:
        assert min(seconds) <= 2 * processes.spent("-c", "import torch, pandas, optuna")[1]
    for part in ("Tan & Le 2019", "1.15", "not a measurement", "were off by", "real ratio"):
        assert part in printed
    last = printed.split("next: gridsearch ")[1].split()
    assert last[0] == "family"
    family = processes.run("gridsearch", *last, cwd=tmp_path)
    assert family.returncode == 0, family.stderr
    assert "phi7" in family.stdout


@pytest.mark.parametrize("behind", [[2], [3, 4, 5], [1, 7]])
def test_the_budgets_that_the_reason_names_are_shown_on_80_columns(behind, capsys) -> None:
    row = dict.fromkeys(("alpha", "beta", "gamma"), 1.175) | {
        "family": 84.82, "over_paper": 0.28, "over_paper_error": 0.17, "loss": 0.11, "best": 0.02,
        "by_phi": [80.0] * 7, "pick": False,
    }  # fmt: skip
    chosen = {
        "pick": row | {"pick": True}, "highest": row, "paper": row | {"alpha": 1.2},
        "for_phi": [1, 2, 3, 4, 5, 6, 7], "behind": behind, "families": 65, "ended": "a model",
    }  # fmt: skip
    assert [len(part.columns) for part in _beside(chosen)[:2]] == [8, 8]  # a page has room for them
    out = console()
    out.width = 80
    _print_pick(out, chosen, [])
    printed = " ".join(capsys.readouterr().out.split())
    titles = printed.partition(" alpha ")[2].partition(" pick ")[0].split()
    assert {f"{2**phi}x" for phi in behind} <= set(titles)
    measured = chosen | {"highest": row | {"pick": True}, "ended": "the trainings are spent"}
    assert f"At phi {', '.join(map(str, behind))} it is expected below" in reason(measured)
    assert f"below the paper's at phi {', '.join(map(str, behind))}." in printed
    missing = printed.partition("No room in 80 columns for: ")[2].partition(".")[0].split(", ")
    assert {f"{2**phi}x" for phi in chosen["for_phi"]} <= {*titles, *missing}


def test_a_grid_writes_the_file_that_repeats_it(gridsearch) -> None:
    given = ("--phi", "2", "--target-memory", "300MB", "--baseline", "efficientnet_b0")
    code, out, _ = gridsearch("run", *given, "--step", "0.1", "--name", "two", "--json")
    kept = Path("runs/two/run.toml").read_text()
    assert code == 0
    assert kept.splitlines()[0] == "# gridsearch run"
    assert tomllib.loads(kept) == {
        "phi": 2, "target-memory": "300MB", "baseline": "efficientnet_b0", "step": 0.1,
        "name": "two", "json": True,
    }  # fmt: skip
    again = json.loads(gridsearch("run", "--config", "runs/two/run.toml")[1])
    assert {**again, "command": ""} == {**json.loads(out), "command": ""}
    code, _, said = gridsearch("run", "--config", "runs/two/run.toml", "--phi", "1")
    assert code == 2
    assert "holds another experiment (phi 2, not 1)" in said
    Path("mine.toml").write_text("stepp = 1")
    assert "has 'stepp' (did you mean step?)" in gridsearch("run", "--config", "mine.toml")[2]


def test_the_files_of_a_run(gridsearch) -> None:
    code, out, _ = gridsearch("run", "--phi", "2", "--name", "two", "--json")
    found = json.loads(out)
    assert code == 0
    assert found == json.loads(Path("runs/two/coefficients.json").read_text())
    points = pd.read_csv("runs/two/points.csv")
    assert len(points) == found["points"] == len(pd.read_parquet("runs/two/points.parquet"))
    assert ((points["ratio"] / 4 - 1).abs() <= 0.05).all()
    families = pd.read_csv("runs/two/families.csv")
    pick = families[families["pick"]].iloc[0]
    assert len(families) == found["families"] > 50
    assert families["family"].is_monotonic_decreasing
    paper = found["paper"]
    assert pick["over_paper"] == found["pick"]["family"] - paper["family"] > 0.1
    assert found["for_phi"] == [1, 2, 3, 4, 5, 6, 7]
    assert all(a >= b for a, b in zip(found["pick"]["by_phi"], paper["by_phi"], strict=True))
    assert 3.6 < paper["ratio"] <= 4  # solved for the budget, as all others
    assert found["prior_error"]["above"] > 0.5
    best = json.loads(Path("runs/two/best.json").read_text())
    assert cost(from_dict(best["architecture"])).macs == pick["macs"]
    again = gridsearch("run", "--phi", "2", "--name", "two", "--json")
    assert json.loads(again[1]) == found
    code, out, _ = gridsearch("family", "--coefficients", "runs/two", "--budgets", "1G", "--json")
    assert code == 0
    assert json.loads(out)["networks"][0]["macs"] <= 1e9


def test_a_baseline_of_ones_own_and_an_evaluator_of_ones_own(gridsearch, tmp_path) -> None:
    Path("mine.json").write_text(to_json(EFFICIENTNET_B0, name=False))
    Path("toy_grid.py").write_text(
        "from search_spaces import cost\n"
        "def noisy(architecture, budget, seed):\n"
        "    return 70 + cost(architecture).params / 1e7 + (seed % 3) / 10\n"
        "def broken(architecture, budget, seed):\n"
        "    raise RuntimeError('no camera')\n"
    )
    given = ("run", "--baseline", "mine.json", "--name", "m")
    code, out, _ = gridsearch(*given, "--evaluator", "toy_grid:noisy", "--replicates", "2")
    assert code == 0
    assert "the trainings are spent (2 a point)" in " ".join(out.split())
    code, _, err = gridsearch(
        *given[:-1], "o", "--evaluator", "toy_grid:noisy", "--replicates", "1"
    )
    assert (code, err.count("\n")) == (2, 1)
    assert "--replicates 3" in err
    code, _, err = gridsearch(*given[:-1], "b", "--evaluator", "toy_grid:broken")
    assert (code, err.count("\n")) == (1, 1)
    assert "no camera" in err


def test_family_and_compare(gridsearch) -> None:
    code, out, _ = gridsearch("family", "--phi", "0,1,b8,l2")
    assert code == 0
    assert "480.3M" in out
    code, out, _ = gridsearch("family", "--baseline", "resnet_50", "--phi", "-1,1", "--name", "r")
    assert code == 0
    assert "phi_minus_1" in out
    arguments = ("--baseline", "mobilenet_v1", "--ratios", "2", "--name", "c")
    code, out, _ = gridsearch("compare", *arguments)
    assert code == 0
    assert "not a measurement" in out
    assert Path("runs/c/compare.png").read_bytes()[:4] == b"\x89PNG"
    assert len(pd.read_csv("runs/c/compare.csv")) == 5


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            ["run", "--baseline", "efficientnet_b0", "--baseline", "lcnet"],
            "--baseline is given 2 times, as efficientnet_b0 and lcnet: expected once",
        ),
        (("run", "--phi", "nan"), "phi is nan: expected a number from -8 to 10"),
        (("run", "--phi", "20"), "from -8 to 10"),
        (("run", "--show", "-3"), "--show is -3, which is out of range"),
        (("run", "--phi", "10"), "the paper's coefficients, which others are compared with, don't"),
        (("run", "--phi", "two"), "--phi is 'two', which is no number"),
        (("run", "--baseline", "vgg16"), "expected one of efficientnet_b0"),
        (("run", "--baseline", "bad.json"), "no architecture"),
        (("run", "--baseline", "tiny.json"), "--evaluator module:name"),
        (("run", "--window", "nan"), "the window is nan"),
        (("run", "--window", "wide"), "--window is 'wide'"),
        (("run", "--window", "0.0001", "--step", "0.4"), "widen --window to"),
        (("run", "--product-tolerance", "0", "--step", "0.3"), "a larger --product-tolerance"),
        (("run", "--target-memory", "1kB"), "the smallest that meets the other rules needs"),
        (("run", "--target-memory", "much"), "as 64MiB"),
        (
            ("run", "--step", "0.01"),
            "more than 20,000 combinations with a product within 0.1 of 2:",
        ),
        (("run", "--step", "0.01"), "take --step 0.02"),
        (("run", "--replicates", "0"), "expected 1 or more"),
        (("run", "--tolerance", "nan"), "expected points of top-1"),
        (("run", "--for-phi", "0..7"), "none of them 0, as 1..7"),
        (("run", "--rule", "vgg"), "expected one of efficientnet"),
        (("run", "--evaluator", "prio"), "no evaluator 'prio'"),
        (("run", "--name", "../up"), "letters"),
        (("family", "--coefficients", "1.2,0.5,1"), "beta is 0.5"),
        (("family", "--coefficients", "none.json"), "can't be read: expected three numbers"),
        (
            ("family", "--coefficients", "half.json"),
            "half.json can't be used, since its alpha is 0",
        ),
        (("compare", "--coefficients", "half.json"), "half.json can't be used, since its alpha is"),
        (("family", "--coefficients", "bad.json"), "bad.json has nothing for alpha: expected a n"),
        (("family", "--coefficients", "1.2,1.1"), "alpha,beta,gamma, as 1.2,1.1,1.15, or the"),
        (("family", "--coefficients", "a,b,c"), "alpha,beta,gamma, as 1.2,1.1,1.15, or the"),
        (("compare", "--coefficients", "1," * 300), "expected three numbers alpha,beta,gamma"),
        (("family", "--preset", "released", "--budgets", "1G"), "fixed table"),
        (("family", "--preset", "released", "--baseline", "resnet_50"), "--preset formula"),
        (("family", "--phi", "9"), "no released EfficientNet"),
        (("family", "--phi", "-2..1"), "no released EfficientNet '-2'"),
        (("family", "--phi", "0.5"), "a whole phi from 0 to 8 (--preset formula takes others)"),
        (("family", "--phi", "3..1"), "range of phi is '3..1': expected two whole numbers from -8"),
        (("family", "--phi", "b8,1..300"), "the range of phi is '1..300'"),
        (("family", "--coefficients", "."), "has no coefficients.json: expected that of a fin"),
        (("family", "--phi", ""), "--phi is an empty text: expected a value"),
        (("family", "--preset", "formula", "--phi", "3..1"), "to 10, the smaller first, as 0..7"),
        (("family", "--preset", "formula", "--phi", "0,0.5..2"), "range of phi is '0.5..2'"),
        (("family", "--preset", "formula", "--phi", "b1"), "expected numbers, as 0..7 or -1,0.5,2"),
        (("family", "--budgets", "400M", "--phi", "1..3"), "--phi is 1..3 with --budgets 400M"),
        (("family", "--budgets", "400M", "--phi", "0..7"), "give one of them"),
        (("family", "--budgets", "100T"), "the budget of 100T MACs is out of reach"),
        (("family", "--budgets", "1k"), "out of reach"),
        (("family", "--budgets", "some"), "expected a number with a unit"),
        (("compare", "--ratios", "0.5"), "as 2,4,8"),
        (("compare", "--evaluator", "foo"), "no evaluator 'foo': expected one of prior, imagenet"),
        (("run", "--evaluator", "priro"), "'priro' (did you mean prior?)"),
        (("rum",), "no command 'rum' (did you mean run?): expected one of run, family"),
        (("show",), "no command 'show': expected one of run, family"),
        (("run", "--rule", "mobilnet_v2"), "(did you mean mobilenet_v2?)"),
    ],
)
def test_bad_input_is_one_sentence_and_exit_code_2(gridsearch, arguments, said) -> None:
    Path("bad.json").write_text("{}")
    Path("half.json").write_text('{"alpha": 0.5, "beta": 1.1, "gamma": 1.1}')
    tiny = json.loads(to_json(EFFICIENTNET_B0))
    Path("tiny.json").write_text(json.dumps({**tiny, "classes": 10}))
    code, out, err = gridsearch(*arguments)
    assert (code, out) == (2, "")
    assert said in " ".join(err.split())
    assert "Traceback" not in err
    assert not list(Path("runs").glob("*/trials.journal"))


def test_a_network_asked_for_twice_is_in_the_family_once(gridsearch) -> None:
    for phi, names in (("1,1,b1", ["b1"]), ("0..1,b1,l2,0", ["b0", "b1", "l2"])):
        code, out, _ = gridsearch("family", "--phi", phi, "--json")
        assert code == 0
        assert [network["name"] for network in json.loads(out)["networks"]] == names


def test_runs_of_compare_are_named_by_what_differs_from_the_defaults(gridsearch) -> None:
    Path("toy_compare.py").write_text("def found(architecture, budget, seed):\n    return 70\n")
    base = ("--baseline", "mobilenet_v1")
    runs = [
        (("--ratios", "2"), "2x"),
        (("--ratios", "2,2x,2.0", *base), "2x"),
        (("--ratios", "2", "--coefficients", "1.2,1.1,1.15", "--evaluator", "prior"), "2x"),
        (("--ratios", "2", "--coefficients", "1.3,1.1,1.1"), "2x-1.3_1.1_1.1"),
        (("--ratios", "2", "--coefficients", "1.3,1.1,1.10001"), "2x-1.3_1.1_1.10001"),
        (("--ratios", "2", "--evaluator", "toy_compare:found"), "2x-toy_compare_found"),
    ]
    for arguments, name in runs:
        code, out, err = gridsearch("compare", *base, *arguments, "--no-plots", "--json")
        assert code == 0, err
        assert Path(f"runs/compare-mobilenet_v1-{name}/compare.json").exists()
        assert len(json.loads(out)["networks"]) == 5
    assert len(list(Path("runs").iterdir())) == 4
    code, _, err = gridsearch("compare", *base, "--ratios", "2", "--evaluator", "foo")
    assert (code, "no evaluator 'foo'" in err) == (2, True)


def test_the_name_of_a_comparison_with_the_defaults() -> None:
    asked = {"ratios": [2.0, 4.0, 8.0], "coefficients": [1.2, 1.1, 1.15], "evaluator": "prior"}
    assert _compare_name([], asked) == "compare-2_4_8x"


@pytest.mark.parametrize("said", ["no camera", "the accuracy is nan"])
def test_a_comparison_whose_evaluator_fails_says_so_in_one_sentence(gridsearch, said) -> None:
    mended = "def found(architecture, budget, seed):\n    return 70\n"
    broken = "raise RuntimeError('no camera')" if said == "no camera" else "return float('nan')"
    toy = f"toy_{said.split()[-1]}"  # one name a case: a module stands for one file
    arguments = ("compare", "--baseline", "resnet_50", "--no-plots", "--evaluator", f"{toy}:found")
    for source, wanted in ((mended.replace("return 70", broken), 1), (mended, 0)):
        sys.modules.pop(toy, None)
        Path(f"{toy}.py").write_text(source + "#" * wanted)  # another size: no stale bytecode
        code, _, err = gridsearch(*arguments)
        assert (code, err.count("\n")) == (wanted, wanted)
        assert (said in err) == bool(wanted)


def test_a_run_of_another_experiment_is_refused(gridsearch) -> None:
    assert gridsearch("family", "--name", "mine")[0] == 0
    for command in (("family", "--phi", "1"), ("run",), ("compare", "--no-plots")):
        code, _, err = gridsearch(*command, "--name", "mine")
        assert code == 2
        assert "another experiment" in err


def test_help_comes_at_once() -> None:
    assert processes.help_comes_at_once("gridsearch", "run")


def test_a_report_of_a_grid_names_its_damaged_file(gridsearch) -> None:
    pytest.importorskip("plotly")
    assert gridsearch("run", "--name", "small")[0] == 0
    place = Path("runs/small/coefficients.json")
    place.write_text(json.dumps({**json.loads(place.read_text()), "alpha": 0.5}))
    code, _, err = gridsearch("report", "small")
    assert code == 2
    assert f"{place} can't be used, since its alpha is 0.5: expected a number from 1 to 4" in err
    assert "given again, writes it anew: gridsearch run --name small" in " ".join(err.split())


def test_a_family_is_rounded_as_its_grid_was_and_of_its_sizes(gridsearch) -> None:
    given = ("--phi", "-1", "--round-resolution", "32", "--name", "small")
    assert gridsearch("run", *given)[0] == 0
    code, out, _ = gridsearch("family", "--coefficients", "runs/small", "--json")
    members = json.loads(out)["networks"]
    assert code == 0
    assert [member["phi"] for member in members] == [-3, -2, -1, 0]
    assert all(int(member["resolution"]) % 32 == 0 for member in members)


def test_of_a_published_baseline_gains_are_compared_and_not_two_recipes_levels(gridsearch) -> None:
    given = ("family", "--baseline", "resnet_50", "--phi", "0..1")
    out = " ".join(gridsearch(*given)[1].split())
    assert "resnet_50 starts from its 76 % in: EfficientNet paper" in out
    assert "in which it gives the baseline 78.8 %; the law starts from the 76.0 %" in out
    rows = json.loads(gridsearch(*given, "--json")[1])
    gain = rows["networks"][1]["top1"] - 76
    other = rows["imagenet"][1] - rows["baseline_top1"]["imagenet"]
    wanted = f"baseline: phi1 {gain:+.1f} by the law, {other:+.1f} by `nas predict`. Where"
    assert wanted in out
    out = " ".join(gridsearch("family", "--phi", "0..7", "--preset", "formula")[1].split())
    assert "compare gains over the baseline" not in out
    assert "efficientnet_b0 starts from its 77.1 % in" in out


def test_a_familys_report_has_what_the_command_warns_of(gridsearch) -> None:
    given = (
        "family",
        "--coefficients",
        "1.1,1.25,1.05",
        "--baseline",
        "resnet_50",
        "--name",
        "wide",
    )
    printed = " ".join(gridsearch(*given)[1].split())
    assert gridsearch("report", "wide")[0] == 0
    page = Path("runs/wide/report.html").read_text()
    for said in (", after rounding, is outside what the law was fitted to", "A second opinion:"):
        assert said in printed
        assert said in page
    assert "Beside the network that" in page


def test_coefficients_for_one_size_are_said_to_say_little_of_others(gridsearch) -> None:
    said = "which says little of other sizes"
    assert said in " ".join(gridsearch("run", "--phi", "1", "--for-phi", "1")[1].split())
    assert said not in " ".join(gridsearch("run", "--phi", "1", "--name", "all")[1].split())


def test_a_memory_holds_at_one_phi_and_what_it_forbids_is_not_the_best(gridsearch, narrow) -> None:
    narrow(present, 80)
    given = ("run", "--target-memory", "40MB", "--for-phi", "1", "--name", "m")
    code, out, _ = gridsearch(*given)
    found = json.loads(gridsearch(*given, "--json")[1])
    assert gridsearch("report", "m")[0] == 0
    page, out = html.unescape(Path("runs/m/report.html").read_text()), " ".join(out.split())
    assert code == 0
    assert (found["paper"]["best"], found["paper"]["loss"]) == (None, None)
    families = pd.read_csv("runs/m/families.csv")
    assert families["best"].sum() == pytest.approx(1)
    assert 0 < found["pick"]["memory"] <= 40e6 < found["paper"]["memory"]
    at = found["paper_fits_at"]
    needs = [cost(fit_budget(Recipe(EFFICIENTNET_B0, PAPER), 385_814_752 * 2**phi)[1]).memory
             for phi in (at, at + 0.05)]  # fmt: skip
    assert needs[0] <= 40e6 < needs[1]
    assert f"The paper's coefficients meet it at phi {at:g}." in out
    reason = "The paper's network at phi 1 needs more memory than the target, so that its family"
    alone = "The target of 40 MB holds at phi 1 alone: larger networks of a family may need more."
    count = f"{len(families)} families of {found['points']} points: equal ones count once, and the"
    for said in (reason, alone, count, "Each budget is counted as spent whole", "combinations not"):
        assert said in out
        assert said in page
    assert " memory mean top-1 " in out
    assert "No room in 80 columns for: px, MACs, params," in out
    assert f"{len(pd.read_csv('runs/m/trials.csv'))} networks</li>" in page


def test_a_small_phi_is_told_from_the_family_that_decides(gridsearch) -> None:
    given = ("run", "--phi", "0.3", "--step", "0.1")
    out = " ".join(gridsearch(*given)[1].split())
    assert "and not by their networks at phi 0.3, of which many may be the same: --for-phi" in out
    out = " ".join(gridsearch(*given, "--for-phi", "0.3")[1].split())
    assert "All coefficients round to the same networks as the paper's at these budgets" in out
    assert "note:" not in out


def test_the_labels_of_a_grids_chart_have_all_digits_of_the_step() -> None:
    point = {"alpha": 1.1875, "beta": 1.025, "gamma": 1.3}
    assert named(point, 1.0) == "depth x1.1875 · width x1.025 · px x1.3"


def test_phi_is_the_last_column_that_a_narrow_terminal_leaves_out(gridsearch, narrow) -> None:
    given = ("family", "--coefficients", "1.2,1.15,1.1", "--budgets", "400M,1G", "--name", "f")
    assert "depth, width: times the baseline's, before rounding." in gridsearch(*given)[1]
    narrow(networks, 60)
    titles = [line.split() for line in gridsearch(*given)[1].splitlines() if "network " in line]
    assert titles[0][:3] == ["network", "phi", "px"]


def test_a_grid_sets_a_second_opinion_beside_the_laws() -> None:
    chosen = {"for_phi": [1.0, 2.0, 3.0], "pick": {"over_paper": 0.2},
              "imagenet": [[79.0, 80.0, None], [78.9, 80.3, None]]}  # fmt: skip
    assert second_rows(chosen) == [
        {"": "pick", "2x": "79.00", "4x": "80.00", "8x": "-"},
        {"": "paper's", "2x": "78.90", "4x": "80.30", "8x": "-"},
    ]
    assert "the better one at 4x (by 0.30): where that matters train both." in advice(chosen)
    near = {**chosen, "imagenet": [[79.001, 80.0, 81.0], [79.049, 80.06, 81.001]]}
    said = "at 4x (by 0.06): where that matters train both. At 2x, 8x the two are within 0.05"
    assert said in advice(near)
    assert advice({**chosen, "paper": {"best": None}}) == ""  # which can't be taken
    assert advice({**chosen, "pick": {"over_paper": -0.2}}) == ""  # of an earlier version
    old = {"for_phi": [1.0], "pick": {"over_paper": 0.2}}
    assert (second_rows(old), advice(old)) == ([], "")


def test_a_grid_explains_levels_as_a_family_does() -> None:
    chosen = {"for_phi": [1.0, 2.0], "pick": {"over_paper": 0.2}, "law": [[77.8, 79.0], [0.6, 0.7]],
              "imagenet": [[80.2, None], [80.3, 81.5]],
              "baseline_top1": {"law": 76.0, "imagenet": 78.8}}  # fmt: skip
    assert advice(chosen).endswith(
        "in which it gives the baseline 78.8 %; the law starts from the 76.0 % that are printed. "
        "That is another recipe, or `nas predict` errs, as it does by 1 to 3 points between kinds "
        "of networks. So compare gains over the baseline: the pick's are +1.8 at 2x and +3.0 at 4x "
        "by the law, and +1.4 at 2x by `nas predict`. Where the two differ, expect something "
        "between them."
    )
    alike = {**chosen, "baseline_top1": {"law": 78.5, "imagenet": 78.8}}
    assert "At 2x `nas predict` is farther from the law than its ±: expect" in advice(alike)
    assert "another recipe" not in advice(alike)
    near = {**alike, "imagenet": [[78.3, 79.6], [78.0, 79.0]]}
    assert advice(near) == ""
    unable = {**alike, "paper": {"best": None}}
    assert advice(unable).startswith("At 2x `nas predict` is farther")


def test_a_pick_for_small_sizes_that_only_the_law_has_ahead_says_so(gridsearch) -> None:
    given = ("run", "--phi", "-2", "--step", "0.1", "--name", "s")
    out = " ".join(gridsearch(*given)[1].split())
    found = json.loads(gridsearch(*given, "--json")[1])
    assert gridsearch("report", "s")[0] == 0
    page = " ".join(html.unescape(Path("runs/s/report.html").read_text()).split())
    pick, paper = found["imagenet"]
    pick, paper = ([round(top1, 2) for top1 in each] for each in (pick, paper))  # as printed
    mean = sum(paper) / 3 - sum(pick) / 3
    assert found["pick"]["over_paper"] > 0.5 < mean + 0.5
    assert f"better one at 0.125x (by {paper[0] - pick[0]:.2f})" in out
    said = f"has the pick {mean:.2f} points below the paper's family on the average, the law"
    assert said in out
    assert "By the law the pick has the highest expected mean" in out
    lead = page.partition("over the paper's by the law. ")[2]
    assert lead.startswith(f"`nas predict` has the pick {mean:.2f} points below")


def test_the_budgets_that_the_advice_names_outlast_others(capsys) -> None:
    row = dict.fromkeys(("alpha", "beta", "gamma"), 1.175) | {
        "family": 84.82, "over_paper": 0.28, "over_paper_error": 0.17, "loss": 0.11, "best": 0.02,
        "by_phi": [80.0] * 7, "pick": False,
    }  # fmt: skip
    paper = [80.0] * 7
    chosen = {
        "pick": row | {"pick": True}, "highest": row | {"pick": True}, "paper": row | {"alpha": 1},
        "for_phi": [1, 2, 3, 4, 5, 6, 7], "behind": [], "families": 65, "ended": "a model",
        "imagenet": [[80.1, 79.8, 79.7, 80.0, 80.2, 80.2, 80.2], paper],
    }  # fmt: skip
    out = console()
    out.width = 80
    _print_pick(out, chosen, [])
    printed = " ".join(capsys.readouterr().out.split())
    titles = printed.partition(" alpha ")[2].partition(" pick ")[0].split()
    assert "better one at 4x (by 0.20), 8x (by 0.30): where" in printed
    assert "At 16x the two are within" in printed
    assert {"4x", "8x", "16x"} <= set(titles)
    assert "over" in titles


def test_each_released_network_is_predicted_from_its_own_baseline(gridsearch) -> None:
    tops = []
    for phi in ("b4,lite0,lite2,tinynet_a", "lite2,lite0,b4"):
        made = json.loads(gridsearch("family", "--phi", phi, "--json")[1])
        tops.append({one["name"]: (one["top1"], one["top1_error"]) for one in made["networks"]})
        assert "efficientnet_b0 starts from its 77.1 % in: EfficientNet paper" in made["label"]
        assert "efficientnet_lite0 starts from its 75.1 % in: tensorflow/tpu" in made["label"]
    assert tops[1] == {name: tops[0][name] for name in tops[1]}
    assert tops[0]["lite0"] == (75.1, 0)
    assert tops[0]["tinynet_a"][0] > 76.5
    assert made["title"] == "the released EfficientNets"
    made = json.loads(gridsearch("family", "--phi", "lite0,lite1", "--json")[1])
    assert "efficientnet_b0" not in made["label"]
    made = json.loads(gridsearch("family", "--phi", "tinynet_a,b1", "--json")[1])
    assert made["title"] == "published networks scaled from efficientnet_b0"


def test_what_is_printed_of_a_network_stands_beside_what_the_law_says(gridsearch, narrow) -> None:
    out = " ".join(gridsearch("family", "--phi", "4,5,b8", "--name", "p")[1].split())
    assert " top-1 % printed " in out
    assert "± 0.66 82.90 " in out
    assert "printed: what was published of this very network" in out
    found = pd.read_csv("runs/p/family.csv")
    assert found["printed"].tolist()[:2] == [82.9, 83.6]
    assert found["printed"].isna()[2]
    narrow(networks, 80)  # it is what can be checked, so others go before it
    out = " ".join(gridsearch("family", "--phi", "4,5", "--name", "q")[1].split())
    assert "for: dropout, memory" in out
    assert "% printed b4" in out
    assert "printed" not in gridsearch("family", "--preset", "formula", "--phi", "1..2")[1]


def test_a_comparison_says_what_promises_of_one_dimension_were_worth(gridsearch) -> None:
    given = ("compare", "--baseline", "efficientnet_b0", "--baseline", "resnet_50", "--no-plots",
             "--name", "c")  # fmt: skip
    out = " ".join(gridsearch(*given)[1].split())
    assert gridsearch("report", "c")[0] == 0
    page = " ".join(html.unescape(Path("runs/c/report.html").read_text()).split())
    found = json.loads(gridsearch(*given, "--json")[1])
    top1 = {(one["method"], one["target_ratio"]): one["top1"] for one in found["networks"]
            if one["baseline"] == "efficientnet_b0"}  # fmt: skip
    over = top1["depth", 2.0] - top1["compound", 2.0]
    row = next(one for one in held() if one.rows[0].network == "efficientnet_b0")
    deep = next(float(off) for one, off in zip(row.rows, row.off, strict=True)
                if one.logs[0] and not any(one.logs[1:]))  # fmt: skip
    said = [
        f"efficientnet_b0's depth alone at 2x (by {over:.2f} ± ",
        f"efficientnet_b0 {deep:+.1f} at 4 times the depth",
        "What is ahead by less than such errors is no finding.",
        "efficientnet_b0 scaled to 8x by depth: 7.81 times the baseline's depth, after rounding",
        "resnet_50 starts from its 76 % in: EfficientNet paper",
    ]
    assert over > 0
    assert deep > 1.5
    for text in said:
        assert text in out
        assert text in page
    assert "mobilenet_v2" not in out


def test_every_rule_is_in_the_help(gridsearch) -> None:
    for command in ("run", "family"):
        out = " ".join(gridsearch(command, "--help")[1].split())
        assert f"{', '.join(RULES)}. Default: as fits the baseline" in out


def test_what_a_second_opinion_does_not_reach_to_is_named() -> None:
    rows = [{"name": f"phi{i}", "top1": 70.0 + i, "top1_error": 0.1, "ratio": 2**i}
            for i in range(4)]  # fmt: skip
    first = {"law": 70.0, "imagenet": 70.1}
    content = {"networks": rows, "imagenet": [70.1, 70.5, None, None], "baseline_top1": first}
    said = opinion_text(content)
    assert "says phi0 70.1, phi1 70.5 %. Its evidence does not reach to phi2, phi3." in said
    assert opinion_text({**content, "imagenet": [70.1, 71.05, None, None]}) == ""


def test_a_family_of_one_network_says_so(gridsearch) -> None:
    out = " ".join(gridsearch("family", "--coefficients", "1,1,1", "--phi", "0..2")[1].split())
    assert "phi0, phi1, phi2 are one network, apart from dropout" in out
    assert "second opinion" not in out
    assert "are one network" not in gridsearch("family", "--phi", "0..2")[1]


def test_a_comparison_leaves_out_what_is_larger_than_any_network(gridsearch) -> None:
    given = ("compare", "--baseline", "resnet_50", "--ratios", "2,256", "--name", "c")
    code, out, _ = gridsearch(*given)
    assert code == 0
    assert "note: resnet_50 scaled to 256x by depth is left out: Stage.repeats is" in out
    found = pd.read_csv("runs/c/compare.csv")
    assert len(found) == 1 + 4 + 3
    assert Path("runs/c/compare.png").is_file()
    assert gridsearch("report", "c")[0] == 0
    assert "to 256x by depth is left out" in Path("runs/c/report.html").read_text()
    code, out, _ = gridsearch(*given[:3], "--ratios", "140", "--no-plots", "--json")
    assert code == 0
    assert json.loads(out)["notes"] == []  # looked for beyond the limit, found below it


def test_a_predicted_grid_makes_lost_networks_again_and_the_answer_stays(gridsearch) -> None:
    gridsearch("run", "--phi", "1", "--name", "g")
    journal, answer = Path("runs/g/trials.journal"), Path("runs/g/coefficients.json").read_text()
    kept = journal.read_bytes()
    lines = kept.splitlines(keepends=True)
    journal.write_bytes(b"".join(lines[: len(lines) // 2]))
    error = " ".join(gridsearch("report", "g")[2].split())
    assert re.search(r"note: runs/g/trials.journal holds \d+ of the \d+ trials", error)
    assert "the run's command, given again, makes what is missing again" in error
    code, _, error = gridsearch("run", "--phi", "1", "--name", "g")
    assert code == 0
    assert "what is missing is made again" in " ".join(error.split())
    assert "the answer is the same as before" in " ".join(error.split())
    now = json.loads(Path("runs/g/coefficients.json").read_text())
    assert now["pick"] == json.loads(answer)["pick"]
    assert not Path("runs/g/before").exists()
    Path("runs/g/coefficients.json").write_text(answer.replace('"alpha": 1.', '"alpha": 2.', 1))
    journal.write_bytes(b"".join(lines[: len(lines) // 2]))
    gridsearch("run", "--phi", "1", "--name", "g")
    assert (Path("runs/g/before") / "coefficients.json").is_file()


def test_damaged_files_of_a_grid_are_named_and_its_command_writes_them_anew(gridsearch) -> None:
    given = ("run", "--phi", "1", "--name", "g")
    gridsearch(*given)
    whole, folder = Path("whole"), Path("runs/g")
    shutil.copytree(folder, whole)
    names = ("coefficients.json", "best.json", "points.csv", "families.csv", "trials.csv")
    rubbish = [(name, "x", "is no table as a run writes it: it has no co") for name in names[2:]]
    short = "\n".join((whole / "points.csv").read_text().splitlines()[:-1])
    for name, text, why in (*((name, None, f"has no {name} any more") for name in names), *rubbish,
                            ("points.csv", short, "points.csv holds")):  # fmt: skip
        shutil.copytree(whole, folder, dirs_exist_ok=True)
        (folder / name).unlink() if text is None else (folder / name).write_text(text)
        row = row_of(folder)
        assert row["state"] == "damaged"
        assert why in row["why"]
        assert "; the run's command, given again, writes it anew: gridsearch " in row["why"]
        if text != "x":
            continue
        assert f"note: {row['why'][:60]}" in gridsearch("report", "g")[2]
        page = html.unescape((folder / "report.html").read_text())
        assert row["why"] in page
    (folder / "coefficients.json").unlink()
    assert "has no coefficients.json any more; the run's" in gridsearch("report", "g", "--json")[1]
    _, _, error = gridsearch("family", "--coefficients", "runs/g")
    assert "has no coefficients.json any more; the run's command" in " ".join(error.split())
    gridsearch(*given)
    assert row_of(folder)["state"] == "ended"


def test_a_choice_that_is_not_whole_is_refused_with_its_file(gridsearch) -> None:
    gridsearch("run", "--phi", "1", "--name", "g")
    place = Path("runs/g/coefficients.json")
    choice = json.loads(place.read_text())
    for name, value, why in (("pick", 7, "has 7 for pick"), ("pick", None, "has nothing for pick"),
                             ("baseline", None, "has nothing for baseline"),
                             ("paper", {}, "paper in runs/g/coefficients.json has nothing for alp"),
                             ):  # fmt: skip
        place.write_text(
            json.dumps({k: v for k, v in (choice | {name: value}).items() if v is not None})
        )
        code, _, error = gridsearch("report", "g")
        assert code == 2
        assert why in " ".join(error.split())
        assert "KeyError" not in error
        assert row_of(place.parent)["state"] == "damaged"
    place.write_text('{"alpha": 1.2, "beta": 1.1, "gamma": 1.15}')
    code, _, error = gridsearch("family", "--coefficients", "runs/g")
    assert code == 2
    assert "coefficients.json of --coefficients runs/g has no baseline" in " ".join(error.split())
    given = ("family", "--coefficients", "runs/g", "--baseline", "mnasnet_a1", "--name", "f")
    assert gridsearch(*given)[0] == 0
    for text in (None, '{"networks": []}'):
        file = Path("runs/f/family.json")
        file.unlink() if text is None else file.write_text(text)
        row = row_of(Path("runs/f"))
        assert row["state"] == "damaged"
        assert row["why"] in " ".join(gridsearch("report", "f")[2].split())
        gridsearch(*given)
        assert row_of(Path("runs/f"))["state"] == "ended"


def test_what_another_version_of_the_law_said_is_kept_and_told(gridsearch, monkeypatch) -> None:
    gridsearch("run", "--phi", "1", "--name", "g")
    before = Path("runs/g/coefficients.json").read_text()
    error = gridsearch("run", "--phi", "1", "--name", "g")[2]
    assert "another version" not in error
    monkeypatch.setattr(ScalingPrior, "error", property(lambda prior: 30.0))
    error = " ".join(gridsearch("run", "--phi", "1", "--name", "g")[2].split())
    assert "what g holds was predicted by another version of the model: it stays" in error
    assert (Path("runs/g/before") / "coefficients.json").read_text() == before
