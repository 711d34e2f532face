"""One contract for every evaluator: what it says of itself agrees with what it does."""

import dataclasses
import pickle
import random
from dataclasses import dataclass

import numpy as np
import pytest

from gridsearch.prior.evaluators import EVALUATORS as OF_BASELINES
from gridsearch.prior.prior import ScalingPrior
from nas import evaluators
from nas.evaluators import (
    EVALUATORS,
    Measurement,
    checked,
    device_of,
    difference_of,
    evaluate,
    evaluator,
    label_of,
    predictor_of,
    unit_of,
)
from nas.imagenet.surrogate import SurrogateEvaluator
from nas.scores.registry import SCORES
from search_spaces import NETWORKS, OutOfDomain, UserError, space
from search_spaces.scaling.coefficients import Multipliers
from search_spaces.scaling.rules import scale

B0 = NETWORKS["efficientnet_b0"]


class Toy:
    """A user's own, with all that it may have."""

    label = "top-1 is a toy."
    where = "cuda:1"

    def check(self, architecture):
        if architecture.resolution != 224:
            raise OutOfDomain(f"{architecture.resolution} px: expected 224")

    def predict(self, architectures):
        for one in architectures:
            self.check(one)
        return (
            np.array([40.0 + one.blocks for one in architectures], float),
            np.full(len(architectures), 0.5),
        )

    def __call__(self, architecture, budget, seed):
        self.check(architecture)
        return Measurement(40.0 + architecture.blocks, 0.5)

    def difference_error(self, one, two):
        return 0.0 if one == two else 0.7


def plain(architecture, budget, seed):
    """The least that an evaluator is."""
    return 40.0 + architecture.blocks


@dataclass
class Case:
    """An evaluator, networks that it covers, networks that it does not, its cheapest budget."""

    evaluator: object
    inside: list
    outside: list
    budget: float = 1.0


def drawn(name, count):
    where, rng = space(name), random.Random(0)
    return [where.build(where.sample(rng)) for _ in range(count)]


def surrogate(request):
    outside = [NETWORKS["resnet_50"], *drawn("mnasnet", 2)]
    return Case(SurrogateEvaluator(), [B0, *drawn("efficientnet", 7)], outside)


def imagenet(request):
    """Of any width, depth and resolution near those of its evidence."""
    scaled = [scale(B0, Multipliers(d, w, r)) for d, w, r in ((1.2, 1.1, 1.15), (2, 1, 1))]
    outside = [dataclasses.replace(B0, resolution=16)]
    return Case(EVALUATORS["imagenet"](), [B0, *scaled, *drawn("mnasnet", 3)], outside)


def prior(request):
    scaled = [scale(B0, Multipliers(d, w, r)) for d, w, r in ((1.2, 1.1, 1.15), (2, 1, 1))]
    return Case(ScalingPrior(B0), [B0, *scaled], [NETWORKS["resnet_50"]])


def training(request):
    from nas.training.images import for_data
    from nas.training.proxy import Proxy

    folder = request.getfixturevalue("tmp_path_factory").mktemp("data")
    request.getfixturevalue("monkeypatch").setenv("COMPOUND_NAS_CACHE", str(folder / "cache"))
    request.getfixturevalue("coloured")(folder / "images", 8)
    proxy = Proxy(folder / "images", pixels=16, batch=8, device="cpu")
    where = for_data(space("efficientnet-small"), 3, 16)
    smallest = where.build({name: options[0] for name, options in where.choices.items()})
    measure = proxy.evaluator(proxy.images(), None, keep=False)
    return Case(measure, [smallest], [B0], 0.5)


def supernet(request):
    """A tiny one, whose space is the smallest network with and without SE in a stage."""
    from click.testing import CliRunner

    from nas.commands.main import cli

    folder = request.getfixturevalue("tmp_path_factory").mktemp("data")
    request.getfixturevalue("monkeypatch").setenv("COMPOUND_NAS_CACHE", str(folder / "cache"))
    request.getfixturevalue("coloured")(folder / "images", 8)
    (folder / "tiny.toml").write_text("[[stages]]\nchannels = 8\nse = [0.0, 0.25]\n")
    options = {"space": folder / "tiny.toml", "data": folder / "images", "pixels": 16, "epochs": 1,
               "batch": 8, "runs": folder, "name": "s", "train-on": "cpu"}  # fmt: skip
    told = [text for name, value in options.items() for text in (f"--{name}", str(value))]
    CliRunner().invoke(cli, ["supernet", *told], catch_exceptions=False)
    measure = evaluator(f"supernet:{folder / 's'}")
    largest = measure.kept.largest
    wider = dataclasses.replace(largest.stages[0], channels=16)
    outside = [B0, dataclasses.replace(largest, stages=(wider,))]
    return Case(measure, [largest], outside)


def score(name):
    """A training-free one; a small network, since it runs it."""
    where = space("efficientnet-small")
    smallest = where.build({name: options[0] for name, options in where.choices.items()})
    return Case(EVALUATORS[name](), [dataclasses.replace(smallest, resolution=16)], [])


CASES = {
    "surrogate": surrogate,
    **{name: lambda request, name=name: score(name) for name in SCORES},
    "prior": prior,
    "training": training,
    "supernet": supernet,
    "toy": lambda request: Case(Toy(), [B0], [drawn("efficientnet-small", 1)[0]]),
    **({"imagenet": imagenet} if "imagenet" in EVALUATORS else {}),
    "plain": lambda request: Case(plain, [B0], []),
}


@pytest.fixture(params=CASES)
def case(request):
    return CASES[request.param](request)


def test_every_evaluator_of_the_registries_is_held_to_the_contract():
    assert {*EVALUATORS, *OF_BASELINES} <= {*CASES}


def test_it_measures_what_it_covers_and_again_the_same(case):
    for network in case.inside:
        checked(case.evaluator, network)
        first, again = (evaluate(case.evaluator, network, case.budget, 1) for _ in range(2))
        assert first.error is None
        assert first.measurement == again.measurement
        assert first.measurement.accuracy >= 0
        assert unit_of(case.evaluator) or first.measurement.accuracy <= 100


def test_check_refuses_what_measuring_refuses(case):
    for network in case.outside:
        with pytest.raises(OutOfDomain):
            checked(case.evaluator, network)
        with pytest.raises(OutOfDomain):
            case.evaluator(network, case.budget, 0)


def test_predictions_are_what_it_measures(case):
    model = predictor_of(case.evaluator)
    if model is None:
        pytest.skip("it is no model")
    means, spreads = model.predict(case.inside)
    assert means.shape == spreads.shape == (len(case.inside),)
    for network, mean, spread in zip(case.inside, means, spreads, strict=True):
        for budget, seed in ((1.0, 0), (3.0, 5)):
            one = evaluate(model, network, budget, seed).measurement
            assert (one.accuracy, one.spread) == pytest.approx((mean, spread), abs=1e-3)
    assert [len(values) for values in model.predict([])] == [0, 0]
    for network in case.outside:
        with pytest.raises(OutOfDomain):
            model.predict([*case.inside, network])


def test_differences_have_an_error(case):
    error = difference_of(case.evaluator)
    if error is None:
        pytest.skip("it does not know")
    one, *others = case.inside
    assert error(one, one) == pytest.approx(0, abs=1e-4)
    assert all(error(one, two) > 1e-3 for two in others)


def test_what_it_says_of_itself_is_of_the_kind_that_is_shown(case):
    label = label_of(case.evaluator)
    assert label is None or (label == label.strip() and label.endswith("."))
    assert device_of(case.evaluator).partition(":")[0] in ("cpu", "cuda")


def test_it_goes_to_a_worker(case):
    there = pickle.loads(pickle.dumps(case.evaluator))
    one = case.inside[0]
    assert (
        evaluate(there, one, case.budget, 1).measurement
        == evaluate(case.evaluator, one, case.budget, 1).measurement
    )


def test_who_has_what():
    having = {
        "surrogate": (SurrogateEvaluator(), True, True, False, "cpu"),
        "prior": (ScalingPrior(B0), True, True, True, "cpu"),
        "toy": (Toy(), True, True, True, "cuda:1"),
        "plain": (plain, False, False, False, "cpu"),
    }
    for name, (one, predicts, labelled, compares, where) in having.items():
        assert (predictor_of(one) is not None) == predicts, name
        assert (label_of(one) is not None) == labelled, name
        assert (difference_of(one) is not None) == compares, name
        assert device_of(one) == where, name


def test_one_class_and_one_line_make_an_evaluator(monkeypatch):
    class Named(Toy):
        def __init__(self, text=None):
            self.text = text

    monkeypatch.setitem(EVALUATORS, "named", Named)
    assert evaluator("named").text is None
    assert evaluator("named:FILE.npz").text == "FILE.npz"
    with pytest.raises(UserError, match="named, surrogate:FILE"):
        evaluator("nope")


def test_capabilities_are_asked_for_in_one_place():
    """Nobody looks for a method by its name in a string."""
    from pathlib import Path

    root = Path(evaluators.__file__).parent.parent
    names = ("check", "predict", "label", "difference_error", "where", "surrogate", "held_out")
    asked = {
        f"{path.relative_to(root)}: {name}"
        for package in ("nas", "gridsearch", "results")
        for path in (root / package).rglob("*.py")
        for name in names
        if any(f'{how}, "{name}"' in path.read_text() for how in ("evaluator", "measure"))
    }
    assert asked == set()
