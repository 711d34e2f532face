"""What `nas fit`, `nas train` and `nas classify` refuse: at once, and in a sentence."""

import json
import sys

import pytest
from click.testing import CliRunner

from nas.commands.main import cli
from search_spaces import UserError


@pytest.fixture(scope="module")
def images(tmp_path_factory, coloured):
    folder = tmp_path_factory.mktemp("refused") / "images"
    coloured(folder, 4)
    return folder


def refused(*arguments):
    """The sentence of a command that is refused."""
    error = CliRunner().invoke(cli, [str(one) for one in arguments]).exception
    assert isinstance(error, UserError), error
    return str(error)


HELD = {"kind": "train", "given": {"epochs": 3.0}, "minutes": None, "seed": 0}
SEARCHED = {"kind": "search", "quantity": "flops", "target": 9e6}
REFUSED = [
    ("--epochs 0", "--epochs is 0: expected a number above 0"),
    ("--batch 1", "--batch is 1: expected a whole number of 2 or more"),
    ("--warmup 7 --epochs 5", "--warmup is 7: expected a number from 0 to 5"),
    ("--weight-decay -1", "--weight-decay is -1"),
    ("--crop cut", "--crop is 'cut': expected one of shift"),
    ("--epochs 3 --minutes 3", "give one of them"),
    ("--name a/b", "the run's name is 'a/b': expected letters"),
    ("--name held --epochs 5", "the run held holds another experiment (epochs 3, not 5)"),
]


@pytest.fixture
def runs(tmp_path, monkeypatch):
    """A folder of runs, two of which are taken; images can't be decoded."""
    for name, experiment in (("held", HELD), ("taken-search", SEARCHED)):
        (tmp_path / name).mkdir()
        record = {"experiment": experiment, "sessions": []}
        (tmp_path / name / "run.json").write_text(json.dumps(record))

    def decode(*given):
        raise AssertionError("images were decoded first")

    monkeypatch.setattr("nas.final.plan.load_images", decode)
    return tmp_path


@pytest.mark.parametrize(
    ("options", "words"),
    [
        *REFUSED,
        ("--name taken", "the name taken is taken: the run taken-search holds another"),
        (f"--name {'a' * 196}", "196 letters: expected 193 or fewer"),
        ("--judge known", "--judge is 'known': expected train or imagenet"),
        ("--judge imagenet", "taken at 16 px: take --judge train, or --pixels 96"),
        (
            "--target-params 1K",
            "the smallest has 166.4K (166355); ask for 166.4K, or search a space",
        ),
        ("--target-flops 1K", ", or take smaller images (--pixels)"),
        ("--pixels 1000 --target-flops 1G", "expected 896 px at most where parts are cut out"),
    ],
)
def test_fit_refuses_before_it_decodes(images, runs, options, words):
    given = options.split()
    target = () if "--target-flops" in given else ("--target-flops", "8M")
    assert words in refused("fit", images, *target, "--runs", runs, *given)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ("--target-flops 1K", ", or take another space (`nas spaces`)"),
        ("--target-flops 1M", ", or take --space mbconv, which has some"),
        ("--target-flops 8M --recipe x", "there is no recipe 'x'"),
        ("--target-flops 8M --batch 1", "the batch is 1"),
        ("--target-flops 8M --train-on gpu", "the device is 'gpu' (--train-on)"),
    ],
)
def test_search_refuses_before_it_decodes(images, runs, options, words, monkeypatch):
    monkeypatch.setattr("nas.training.images.load_images", None)
    assert words in refused("search", "--data", images, "--runs", runs, *options.split())


@pytest.mark.parametrize(
    ("options", "words"),
    [
        *REFUSED,
        ("--train-on gpu", "expected auto, cpu"),
        ("--mean 1,2", "are 1,2 and 0.25: expected one number for all channels or 3"),
        ("--weights none.pt", "none.pt, and there is no such file"),
    ],
)
def test_train_refuses_before_it_decodes(images, runs, options, words):
    given = ("train", "mnasnet_small", "--data", images, "--runs", runs, *options.split())
    assert words in refused(*given)


@pytest.mark.parametrize(("given", "epochs"), [({}, 37.5), ({"epochs": 1.0}, 1.0),
                                               ({"epochs": 60.0}, 37.5)])  # fmt: skip
def test_no_training_of_the_search_is_longer_than_the_last_one(tmp_path, given, epochs):
    from nas.final.journey import Asked, Seen, search_plan
    from nas.objective import Limit
    from nas.training.folders import Listing
    from search_spaces.rounding import Size

    asked = Asked(tmp_path, (Limit("flops", 8e6),), given=given)
    seen = Seen(Listing(tmp_path, ("a", "b"), {}), Size(16, 16), "train", "")
    assert search_plan(asked, seen, 2, 64).budget == epochs


def test_another_number_of_images_is_said(tmp_path):
    """The epochs of the search's trainings follow it, and say nothing to a user."""
    from nas.final.journey import check_number
    from nas.objective import Objective
    from nas.search.plan import Plan
    from nas.training.proxy import Proxy

    given = {"objective": Objective("hard", 1e7), "proxy": Proxy(tmp_path), "name": "x-search"}
    record = {"experiment": {"kind": "search", "budget": 25.0}, "sessions": []}
    (tmp_path / "x-search").mkdir()
    (tmp_path / "x-search" / "run.json").write_text(json.dumps(record))
    check_number(Plan(**given, runs=tmp_path, budget=25.0), 96)
    with pytest.raises(UserError, match="x-search began with another number of images than the 95"):
        check_number(Plan(**given, runs=tmp_path, budget=27.3), 95)


def test_a_torchvision_that_does_not_fit_is_said_after_images_that_are_not_there(
    images, runs, monkeypatch
):
    """Its import raises a RuntimeError; timm imports it too."""

    class Broken:
        def find_spec(self, name, *more):
            if name.partition(".")[0] == "torchvision":
                raise RuntimeError("operator torchvision::nms does not exist")

    for name in [*sys.modules]:
        if name.partition(".")[0] in ("torchvision", "timm"):
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(sys, "meta_path", [Broken(), *sys.meta_path])
    commands = (("fit", images, "--target-flops", "8M"),
                ("train", "mnasnet_small", "--data", images),
                ("supernet", "--data", images, "--name", "n"))  # fmt: skip
    for command in commands:
        said = refused(*command, "--runs", runs)
        assert "doesn't fit torch" in said
        assert "torchvision::nms does not exist): install both again, from the same index" in said
        away = [f"{images}-away" if one is images else one for one in command]
        assert "-away is no folder" in refused(*away, "--runs", runs)


@pytest.mark.parametrize(
    ("target", "said"),
    [(8e6, "efficientnet-small"),
     (1e6, "mbconv, since the smallest network of efficientnet-small has 1.223M MACs"),
     (1e12, "mbconv, since the largest network of efficientnet-small has ")],
)  # fmt: skip
def test_fit_says_which_space_it_searches(tmp_path, target, said):
    from nas.commands.images.words import space_text
    from nas.final.journey import Asked, Seen, search_plan
    from nas.objective import Limit
    from nas.training.folders import Listing
    from search_spaces.rounding import Size

    asked = Asked(tmp_path, (Limit("flops", target),))
    seen = Seen(Listing(tmp_path, ("a", "b"), {}), Size(16, 16), "train", "")
    where = search_plan(asked, seen, 2, 64).space
    assert space_text(asked, seen, 2, where, True).startswith(said)
