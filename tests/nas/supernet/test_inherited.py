"""A supernet as an evaluator: what it measures, what it refuses, and a search by it."""

import json
import pickle
import random
import re
from dataclasses import replace

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from safetensors.torch import load_file

import nas
from nas.commands.main import cli
from nas.evaluators import checked, evaluate, evaluator, label_of
from nas.final.classify import classify, image_files, model_of
from nas.parent.parent import count_anew
from nas.parent.start import start_from
from nas.supernet.children import network_of, part_of
from search_spaces import OutOfDomain, UserError
from search_spaces.architecture import from_dict


def nas_(*arguments):
    return CliRunner().invoke(cli, list(map(str, arguments)))


def trained(place, *more):
    return nas_(
        "supernet", "--data", place / "images", "--target-flops", "0.3M", "--near-target",
        "--epochs", 6, "--batch", 12, "--threads", 1, "--runs", place / "runs", "--name", "s",
        "--train-on", "cpu", *more,
    )  # fmt: skip


@pytest.fixture(scope="module")
def done(place):
    return trained(place, "--space", place / "tiny.toml")


@pytest.fixture(scope="module")
def folder(place, done):
    assert done.exit_code == 0, done.output
    return place / "runs" / "s"


@pytest.fixture(scope="module")
def measure(folder):
    return evaluator(f"supernet:{folder}")


def test_the_command_says_how_long_and_what_is_next(place, done, folder):
    assert re.search(r"about \d+ (s|min) on this machine", done.stderr)
    assert "of the smallest: top-1" in done.stdout
    assert f"next: nas search --evaluator supernet:{folder} --target-flops 0.3M" in done.stdout
    again = trained(place, "--space", place / "tiny.toml")
    assert "this training ended before" in again.stdout
    refused = trained(place, "--space", "mnasnet")
    assert refused.exception.exit_code == 2
    assert "can't be shared by one network's weights" in str(refused.exception)


@pytest.mark.parametrize("near", [(), ("--near-target",)])
def test_a_target_that_no_search_can_have_is_refused_before_the_training(place, near):
    given = ("supernet", "--data", place / "images", "--space", place / "tiny.toml", "--name", "no",
             "--runs", place / "none", *near)  # fmt: skip
    refused = nas_(*given, "--target-flops", "1k")
    assert refused.exception.exit_code == 2
    said = "no network of the space 'tiny' has MACs <= 1K: the smallest has "
    assert said in str(refused.exception)
    assert not (place / "none").exists()


def test_a_target_that_limits_nothing_is_told_of_before_the_training(place):
    more = nas_(
        "supernet", "--data", place / "images", "--space", place / "tiny.toml", "--name", "wide",
        "--target-flops", "1T", "--epochs", 0.1, "--runs", place / "runs", "--train-on", "cpu",
    )  # fmt: skip
    said = "note: MACs <= 1T limits nothing: the most that a network of this space has is "
    assert said in more.stderr


def test_it_starts_from_weights_as_a_training_does(place, folder):
    more = trained(place, "--space", place / "tiny.toml", "--weights", folder, "--name", "on",
                   "--epochs", 0.4, "--lr", 1e-9)  # fmt: skip
    assert more.exit_code == 0, more.output
    assert "from the given weights" in more.stderr
    one, other = (load_file(at / "weights.safetensors") for at in (folder, folder.parent / "on"))
    assert all(torch.allclose(one[name], other[name], atol=1e-4)
               for name in one if name.endswith("weight"))  # fmt: skip
    largest = evaluator(f"supernet:{folder}").kept.largest
    assert start_from(folder, largest).young
    assert not start_from(folder.parent / "on", largest).young  # it began from weights itself


def test_what_trains_on_from_it_takes_the_first_channels(measure, folder):
    kept, rng = measure.kept, random.Random(5)
    child = measure.space.build(measure.space.sample(rng))
    start = start_from(folder, child, kept.largest)
    assert not start.anew
    for name, tensor in part_of(child, kept.largest, kept.state).items():
        assert torch.equal(start.state[name], tensor), name


def test_a_network_is_measured_with_its_own_statistics(measure):
    rng = random.Random(1)
    child = measure.space.build(measure.space.sample(rng) | {"resolution": 16})
    kept, images = measure.kept, measure.kept.judge.images
    network = network_of(child, kept.largest, kept.state)

    def seen(pixels):
        x = torch.from_numpy(np.array(pixels)).permute(0, 3, 1, 2).float() / 255
        return (x - 0.5) / 0.25

    count_anew(network, [seen(images.train_x)])  # they are fewer than a batch of 64
    with torch.no_grad():
        wanted = network(seen(images.val_x))
        said = kept.judge.ready(child, kept.largest, kept.state)(seen(images.val_x))
    assert torch.allclose(said, wanted, atol=1e-3)
    right = 100 * float((said.argmax(1).numpy() == images.val_y).mean())
    assert measure(child, 1.0, 0).accuracy == pytest.approx(right, abs=1e-6)
    again = pickle.loads(pickle.dumps(measure))
    assert again(child, 3.0, 9) == measure(child, 1.0, 0)
    assert "training of its own" in label_of(measure)


def test_what_is_outside_or_no_supernet_is_refused(measure, folder, tmp_path):
    kept = measure.kept
    with pytest.raises(OutOfDomain, match="not inside the supernet: its classes is 10"):
        checked(measure, replace(kept.largest, classes=10))
    assert "stage 0 has kernel 9" in str(
        evaluate(
            measure,
            replace(
                kept.largest,
                stages=(replace(kept.largest.stages[0], kernel=9), kept.largest.stages[1]),
            ),
            1.0,
            0,
        ).error
    )
    for text, said in (("supernet", "expected supernet:RUN"), ("supernet:no", "there is no run")):
        with pytest.raises(UserError, match=said):
            evaluator(text)
    other = tmp_path / "other"
    other.mkdir()
    record = json.loads((folder / "run.json").read_text())
    record["experiment"] |= {"kind": "search", "choices": {}}
    (other / "run.json").write_text(json.dumps(record))
    with pytest.raises(UserError, match="of the kind search"):
        evaluator(f"supernet:{other}")


def test_a_space_that_changed_is_named(measure):
    changed = replace(measure.kept, experiment={**measure.kept.experiment, "choices": "0"})
    with pytest.raises(UserError, match="has other choices than when the supernet"):
        _ = changed.space


@pytest.mark.slow
def test_a_search_by_it_ends_in_a_pick_with_weights(measure, folder, place):
    arguments = (
        "search", "--evaluator", f"supernet:{folder}", "--target-flops", "0.3M", "--trials", 6,
        "--executor", "local", "--runs", place / "runs", "--name", "found",
    )  # fmt: skip
    done = nas_(*arguments)
    assert done.exit_code == 0, done.output
    found = place / "runs" / "found"
    best = json.loads((found / "best.json").read_text())
    pick = from_dict(best["architecture"])
    tune = f"nas train {found} --data {place / 'images'} --weights {folder} --pixels {pick.size}"
    assert tune in done.stdout
    assert pick.classes == 3
    weights = load_file(found / "weights.safetensors")
    kept = measure.kept
    wanted = kept.judge.ready(pick, kept.largest, kept.state).state_dict()
    assert all(torch.equal(weights[name], tensor) for name, tensor in wanted.items())
    # as it is: the pick names classes without more training
    model, inputs = model_of(str(found), place / "runs")
    rows = classify(model, inputs, image_files([place / "images" / "val"]))
    right = [row["answers"][0]["class"] in row["image"] for row in rows]
    assert 100 * np.mean(right) == pytest.approx(best["accuracy"], abs=100 / len(rows))
    # and trained on, from the first channels; the search goes on by the same command
    tuned = nas_(*tune.split()[1:], "--epochs", 1, "--runs", place / "runs", "--name", "tuned")
    assert tuned.exit_code == 0, tuned.output
    assert json.loads((place / "runs" / "tuned" / "best.json").read_text())["id"] == pick.id
    more = nas_(*arguments[:6], 8, *arguments[7:])
    assert more.exit_code == 0, more.output
    other = ("--space", "efficientnet-small", "--target-flops", "30M", "--runs", place / "runs")
    given = nas_("search", *other, "--evaluator", f"supernet:{folder}", "--name", "other")
    assert "don't fit" in str(given.exception)


def test_from_python_the_space_is_its_own_too(folder, place):
    found = nas.find(0.3e6, evaluator=f"supernet:{folder}", trials=3, name="py", executor="local",
                     runs=place / "runs")  # fmt: skip
    assert found.architecture.classes == 3
    assert (found.folder / "weights.safetensors").is_file()


def test_an_audit_holds_it_against_trainings(folder, place):
    audited = nas_(
        "audit", "--evaluator", f"supernet:{folder}", "--space", place / "tiny.toml", "--data",
        place / "images", "--pixels", 16, "--target-flops", "2M", "--networks", 3, "--seeds", 1,
        "--epochs", "1,2", "--batch", 12, "--executor", "local", "--runs", place / "runs",
        "--name", "audited", "--train-on", "cpu",
    )  # fmt: skip
    assert audited.exit_code == 0, audited.output
    known = json.loads((place / "runs" / "audited" / "audit.json").read_text())["known"]
    assert -1 <= known[f"supernet:{folder}"]["tau"] <= 1
