"""Reports of runs as they are left: whole, broken off, failed, unknown; and where they go."""

import importlib.util
import itertools
import json
import re
import shutil
from html import unescape

import pytest

pytest.importorskip("plotly")
pytest.importorskip("jinja2")
pytest.importorskip("sklearn")

import numpy as np
import pandas as pd
from sklearn.tree import DecisionTreeRegressor

from gridsearch.report.pages import report_of as grid_report
from nas.commands.main import cli
from nas.objective import Limit
from nas.report.charts import importances
from nas.report.findings import findings_of
from nas.report.importance import _of_tree
from nas.report.sections import report_of
from nas.search.run import find
from results.report.charts import axis, thin
from results.report.page import html, write_report
from results.report.record import Folder, gpu_hours, open_folder
from results.runs.folder import masked
from search_spaces import NETWORKS
from search_spaces.errors import RunFailure, UserError
from search_spaces.quantities import DEVICE_QUANTITIES, QUANTITIES, Quantity, on_device

EVIL = "<img src=x onerror=alert(1)></script><b>"


def evaluate(architecture, budget, seed):
    if architecture.blocks % 7 == 0:
        raise RuntimeError(EVIL)
    return 40 + min(architecture.blocks, 16) / 2  # several are equal, as on few images


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A finished run with failures; tests take copies of it."""
    runs = tmp_path_factory.mktemp("runs")
    find(400e6, evaluator=evaluate, trials=60, runs=runs, name="toy", command="nas search <&>")
    return runs / "toy"


@pytest.fixture
def run(whole, tmp_path):
    return shutil.copytree(whole, tmp_path / "toy")


def page_of(folder):
    return report_of(open_folder(str(folder), folder.parent))


def words(page):
    """The page's text, without styles, programs and charts."""
    text = re.sub(r"<(style|script)\b.*?</\1>", " ", html(page), flags=re.DOTALL)
    return re.sub(r"<[^>]*>", " ", text)


def edit(path, **changes):
    content = json.loads(path.read_text())
    content["experiment"] |= changes
    path.write_text(json.dumps(content))


def test_a_whole_run_gives_the_answer_first(run):
    best = json.loads((run / "best.json").read_text())
    equal = pd.read_csv(run / "trials.csv").query(f"accuracy == {best['accuracy']}")
    assert len(equal) > 1
    assert best["macs"] == equal["macs"].min()  # the cheapest, so that it is on its front
    assert best["id"] in set(pd.read_csv(run / "front.csv")["id"])
    said = words(page_of(run))
    assert said.index(best["id"]) < said.index("The front")
    assert QUANTITIES["flops"].format(best["macs"]) in said
    assert "evaluations failed" in said
    for heading in ("Which choices matter", "stage by stage", "What it cost", "run it again"):
        assert heading in said


def test_texts_from_files_are_escaped(run):
    made = html(page_of(run))
    assert EVIL not in made
    assert "&lt;img src=x onerror=alert(1)&gt;" in made  # in the table of errors
    assert "nas search &lt;&amp;&gt;" in made
    specs = re.findall(r'<script type="application/json"[^>]*>(.*?)</script>', made, re.DOTALL)
    assert len(specs) >= 4
    whole = [json.loads(spec) for spec in specs]  # none was ended early
    assert sum("data" in spec for spec in whole) >= 4
    assert "&lt;img" in "".join(specs)  # plotly's labels take tags


def test_runs_that_are_not_whole_say_so(run):
    picked = json.loads((run / "best.json").read_text())["number"]
    (run / "best.json").unlink()
    record = json.loads((run / "run.json").read_text())
    found = findings_of(Folder(run, record | {"sessions": []}))
    assert (found.provisional, found.pick_number) == (True, picked)
    said = words(report_of(Folder(run, record | {"sessions": []})))
    assert "best so far" in said
    assert "it goes on, or it was killed" in said
    journal = (run / "trials.journal").read_bytes()
    (run / "trials.journal").write_bytes(journal[:-40])  # a line cut short
    assert "59 evaluations" in words(page_of(run))
    assert (run / "trials.journal").read_bytes() == journal[:-40]  # and left as it was
    (run / "trials.journal").unlink()
    assert "60 evaluations" in words(page_of(run))  # of trials.csv
    for left in ("trials.csv", "trials.parquet"):
        (run / left).unlink()
    assert "No network has been evaluated yet" in words(page_of(run))


def lines_of(journal, count):
    return b"".join(journal.read_bytes().splitlines(keepends=True)[:count])


def test_what_the_page_warns_of_is_said_on_the_terminal_too(run, capsys):
    def said(*more):
        cli.main(["report", str(run), *more], standalone_mode=False)
        out, err = capsys.readouterr()
        page = unescape((run / "report.html").read_text())
        notes = re.findall(r"^note: (.*)$", err, re.MULTILINE)
        assert all(note in page for note in notes)
        return json.loads(out)["notes"] if more else notes

    (failures,) = said()
    assert "evaluations failed" in failures
    journal = run / "trials.journal"
    journal.write_bytes(lines_of(journal, 43))
    short, _ = said()
    assert "trials.journal holds 40 of the 60 trials that a session left: put it back" in short
    journal.write_bytes(b"")
    empty, _ = said("--json")
    assert "holds 0 of the 60 trials that a session left" in empty
    assert "those of trials.csv, without their networks: a click on a point of the front" in empty
    best = json.loads((run / "best.json").read_text())
    (run / "best.json").write_text(json.dumps(best | {"otherwise": 3}))
    assert "best.json has 3 for otherwise: expected an object or null" in said()[0]
    (run / "trials.csv").write_text("x")
    with pytest.raises(UserError, match=r"holds 0 of the 60 .*trials\.csv is no table as a run"):
        said()


@pytest.mark.parametrize("trials", [1, 3])
def test_a_few_trials(tmp_path, trials):
    find(400e6, evaluator=lambda a, b, s: 50.0, trials=trials, runs=tmp_path, name="few")
    said = words(page_of(tmp_path / "few"))
    assert "too few to tell" in said
    assert f"{trials} evaluations" in said


def test_a_run_of_failures_only(tmp_path):
    def broken(architecture, budget, seed):
        raise RuntimeError("no camera")

    with pytest.raises(RunFailure):
        find(400e6, evaluator=broken, trials=20, runs=tmp_path, name="broken")
    said = words(page_of(tmp_path / "broken"))
    assert "Every evaluation failed" in said
    assert "no camera" in said
    assert "This run has no pick" in said


def test_what_this_version_does_not_know(run):
    edit(run / "run.json", quantity="joules:watch", objective="golden")
    best = json.loads((run / "best.json").read_text())
    (run / "best.json").write_text(json.dumps({"architecture": best["architecture"]}))
    said = words(page_of(run))
    assert "does not know the quantity" in said
    assert "does not know the objective" in said
    assert "joules:watch" in said
    assert "has no id, accuracy, macs, params, memory: it is damaged or of another version" in said


def test_a_devices_throughput(tmp_path):
    kind = DEVICE_QUANTITIES["throughput"]
    camera = on_device(
        kind, "camera", lambda nets: ([n.blocks / 2000 for n in nets], [1e-4] * len(nets))
    )
    target = Limit(camera, 1 / 120)
    find(
        target=target,
        evaluator=lambda a, b, s: 50.0 + a.blocks,
        trials=30,
        runs=tmp_path,
        name="fps",
    )
    said = words(page_of(tmp_path / "fps"))
    assert "throughput on camera &gt;= 120/s" in said
    best = json.loads((tmp_path / "fps" / "best.json").read_text())
    assert camera.format(camera.base(best[camera.column])) in said


def test_kinds_are_told_apart(run, tmp_path):
    with pytest.raises(UserError, match="take nas report"):
        grid_report(open_folder(str(run), tmp_path))
    edit(run / "run.json", kind="gridsearch")
    with pytest.raises(UserError, match="take gridsearch report"):
        page_of(run)
    with pytest.raises(UserError, match="as toy"):
        open_folder("nothing", tmp_path)


def test_only_an_earlier_report_is_replaced(run):
    page, mine = page_of(run), run / "mine.html"
    assert write_report(page, run / "report.html") == write_report(page, run / "report.html")
    mine.write_text("<html>my own</html>")
    with pytest.raises(UserError, match="it is kept"):
        write_report(page, mine)
    assert mine.read_text() == "<html>my own</html>"
    with pytest.raises(UserError, match="does not exist"):
        write_report(page, run / "no" / "report.html")


def test_the_command_prints_json(run, capsys):
    out = run.parent / "page.html"
    cli.main(["report", str(run), "--out", str(out), "--json"], standalone_mode=False)
    assert json.loads(capsys.readouterr().out)["bytes"] == out.stat().st_size


def test_a_grid_that_was_killed(tmp_path):
    record = {
        "experiment": {"kind": "gridsearch", "phi": 1.0, "evaluator": "prior"},
        "sessions": [],
    }
    said = words(grid_report(Folder(tmp_path, record)))
    assert "it goes on, or it was killed" in said
    assert "no grid to draw yet" in said


def test_the_choice_that_matters_comes_first():
    rows = [(a, b, c) for a in range(3) for b in range(3) for c in range(3) for _ in range(8)]
    frame = pd.DataFrame(rows, columns=["a", "b", "c"])
    frame["reward"] = 10.0 * frame["b"] + 0.01 * frame["c"] + [0.001 * (i % 7) for i in frame.index]
    shares = importances(frame, ["a", "b", "c"])
    assert max(shares, key=shares.get) == "b"
    assert shares["b"] > 0.5
    assert sum(shares.values()) == pytest.approx(1)


def test_shares_are_those_of_the_whole_space_by_brute_force():
    """Of one tree: the variance of each option's mean over all networks of the space."""
    rng, sizes = np.random.default_rng(0), np.array([3, 2, 4])
    codes = np.stack([rng.integers(0, size, 200) for size in sizes], 1)
    values = 2 * codes[:, 0] + codes[:, 1] * codes[:, 2] + rng.standard_normal(200)
    tree = DecisionTreeRegressor(max_depth=6, random_state=0).fit(codes, values)
    every = np.array(list(itertools.product(*map(range, sizes))))
    told = tree.predict(every)
    variances = [np.var([told[every[:, at] == option].mean() for option in range(size)])
                 for at, size in enumerate(sizes)]  # fmt: skip
    assert _of_tree(tree.tree_, sizes) == pytest.approx(np.array(variances) / told.var())


def test_axes_and_thinning():
    assert axis(QUANTITIES["flops"], 4e8).title == "MACs (M)"
    assert axis(QUANTITIES["flops"], 4e8).of(3.9e8) == pytest.approx(390)
    fps = axis(on_device(DEVICE_QUANTITIES["throughput"], "x"), 1 / 900)
    assert fps.of(1 / 450) == pytest.approx(450)
    plain = axis(Quantity("joules", "joules", {}, (("", 1.0),), "", "amount"), 3.0)
    assert (plain.title, plain.of(3.0)) == ("joules", 3.0)
    kept = thin(100_000, 4000)
    assert (kept[0], kept[-1], len(kept)) == (0, 99_999, 4000)
    assert list(thin(3, 4000)) == [0, 1, 2]


def test_a_missing_library_is_one_sentence(run, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "plotly" else 1)
    with pytest.raises(UserError, match=r"plotly, which is not installed.*\[report\]"):
        cli.main(["report", str(run)], standalone_mode=False)
    assert not (run / "report.html").exists()


def test_gpu_hours_are_what_sessions_say(tmp_path):
    def said(*sessions, training=True):
        record = {"experiment": {"training": {}} if training else {}, "sessions": list(sessions)}
        return gpu_hours(Folder(tmp_path, record), 7200)

    quarter, none = {"new": 3, "gpus_per_trial": 0.25}, {"new": 3, "gpus_per_trial": 0.0}
    assert said(quarter, {"new": 0, "gpus_per_trial": None}, quarter).startswith("0.50 (0.25 of")
    assert said(none) == "0"
    assert said(training=False).startswith("0 (nothing")
    assert said({"new": 3}) == said() == "not recorded"
    assert said(quarter, none).endswith("differ in their GPUs")


def test_passwords_are_masked():
    assert (
        masked("--storage postgresql://me:se@cr/et@host/db")
        == "--storage postgresql://me:***@host/db"
    )


@pytest.mark.parametrize("name", sorted(NETWORKS))
def test_every_network_is_drawn(name):
    from results.report.network import network_section

    network = NETWORKS[name]
    assert len(network_section(network, "x").parts[2].rows) == len(network.stages) + 2
