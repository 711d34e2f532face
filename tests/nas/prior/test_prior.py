"""What is known beforehand: how much it says is learned, and a search says what it was."""

import json
import random

import numpy as np
import pytest
from scipy.linalg import null_space
from scipy.stats import multivariate_normal, multivariate_t

import nas
from nas.evaluators import Measurement, Outcome
from nas.objective import Objective
from nas.prior.asked import chosen, sentence
from nas.prior.known import PRIORS, of_networks
from nas.prior.mix import NOTHING, RATE, SHAPE, WIDTHS, Mix
from nas.search.ask import Search
from nas.strategies.predictor import PredictorSampler
from nas.strategies.registry import Strategy
from search_spaces import UserError, space

HARD = Objective("hard", 30e6)
SMALL = space("efficientnet-small")


def data(n, k=2, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, k))
    return x, x @ [0.5, -0.3][:k] + rng.normal(size=n)


def believed(log_evidence):
    """The belief that widths' log evidences give, by the rule of Bayes."""
    priors = [NOTHING, *[(1 - NOTHING) / len(WIDTHS)] * len(WIDTHS)]
    found = np.exp(np.array(log_evidence) - max(log_evidence)) * priors
    return 1 - found[0] / found.sum()


def test_the_belief_is_that_of_the_evidence():
    x, z = data(12)
    covs = [np.eye(12) + width**2 * x @ x.T for width in (0.0, *WIDTHS)]
    logs = [multivariate_normal(np.zeros(12), cov).logpdf(z) for cov in covs]
    assert Mix.white(x, z).belief == pytest.approx(believed(logs), abs=1e-9)
    basis = null_space(np.ones((1, 12)))  # the mean is free
    logs = [
        multivariate_t(np.zeros(11), RATE / SHAPE * basis.T @ cov @ basis, 2 * SHAPE).logpdf(
            basis.T @ z
        )
        for cov in covs
    ]
    assert Mix.of(x, z).belief == pytest.approx(believed(logs), abs=1e-9)


@pytest.mark.parametrize("sign", [1, -1])
def test_the_weight_has_the_sign_of_the_evidence(sign):
    x, z = data(300, 1)
    mix = Mix.of(sign * x, z)
    slope = np.polyfit(sign * x[:, 0], z, 1)[0]
    assert mix.weights[0] == pytest.approx(slope, rel=0.15)
    assert sign * mix.weights[0] > 0.3
    assert mix.belief > 0.99


def test_noise_loses_its_say():
    rng = np.random.default_rng(0)
    mixes = {
        n: [Mix.of(rng.normal(size=(n, 1)), rng.normal(size=n)) for _ in range(200)]
        for n in (2, 20, 200)
    }
    assert {mix.belief for mix in mixes[2]} == {1 - NOTHING}
    trusted = {n: np.mean([mix.trusted for mix in some]) for n, some in mixes.items()}
    assert trusted[200] < trusted[20] < 0.25
    assert np.mean([abs(mix.worth().weights[0]) for mix in mixes[20]]) < 0.1


def searched(prior, accuracy, wanted, first=8):
    """The networks that the predictor asks for, in order."""
    how = Strategy(lambda s, p: PredictorSampler(s, p, first=first, prior=prior), informed=True)
    made, found = Search(SMALL, HARD, how, wanted=wanted), []
    while (job := made.ask()) is not None:
        found.append(job.architecture)
        made.tell(job, Outcome(Measurement(accuracy(job.architecture)), None, 0.0))
    return found


def odd(network):
    """A number of a network that no choice or cost explains in a line."""
    kernels = sum(stage.kernel * i for i, stage in enumerate(network.stages))
    return float(np.sin(7.0 * network.blocks + kernels))


@pytest.mark.parametrize("sign", [1, -1])
def test_a_prior_is_followed_whichever_way_round_it_is(sign):
    prior = of_networks(("odd",), lambda some: np.array([[sign * odd(one)] for one in some]))
    found = {
        known: np.mean([odd(one) for one in searched(p, lambda n: 40 + 3 * odd(n), 16)[8:]])
        for known, p in (("prior", prior), ("none", None))
    }
    assert found["prior"] > found["none"] + 0.3


def test_numbers_that_take_long_are_asked_of_few():
    asked = []

    def slow(networks):
        asked.append(len(networks))
        return np.array([[np.nan if one.blocks % 5 == 0 else odd(one)] for one in networks])

    found = searched(of_networks(("slow",), slow, few=True), lambda n: 40 + 3 * odd(n), 10)
    assert len(set(found)) == 10
    assert sum(asked) <= 12 + 10 * (1 + 8)  # standardised on 12, each proposal among 8
    assert max(asked) <= 12


def wanted(asked="imagenet", takes=True, dear=True, folder=None):
    return chosen(asked, takes, "tpe", lambda: dear, folder)


def test_a_prior_that_means_nothing_is_refused(tmp_path):
    with pytest.raises(UserError, match="strategy 'tpe' takes none: give --strategy predictor"):
        wanted(takes=False, folder=tmp_path)
    with pytest.raises(
        UserError, match="nothing is saved by knowing them beforehand: give --data DIR"
    ):
        wanted(dear=False, folder=tmp_path)
    with pytest.raises(UserError, match=r"'imagenets' \(did you mean imagenet"):
        nas.find(30e6, prior="imagenets", runs=tmp_path)
    assert wanted("none", takes=False, dear=False, folder=tmp_path) == "none"
    assert wanted("auto", takes=False, folder=tmp_path) == "none"
    assert wanted("scores", folder=tmp_path) == "scores"


def blocks(architecture, budget, seed):
    return 40.0 + architecture.blocks


@pytest.mark.slow
def test_a_run_says_what_its_prior_was_and_goes_on_with_it(tmp_path):
    def found(trials, prior, name="whole"):
        return nas.find(
            30e6, space="efficientnet-small", evaluator=blocks, strategy="predictor",
            trials=trials, prior=prior, runs=tmp_path, name=name,
        )  # fmt: skip

    whole = found(22, "imagenet")
    assert whole.best["prior"]["name"] == "imagenet"
    text = sentence(whole.best["prior"])
    assert text.startswith("The prior was imagenet")
    assert "ImageNet prediction" in text
    found(20, "imagenet", "parts")
    parts = found(22, "auto", "parts")  # the run's own
    assert [t.architecture for t in parts.trials] == [t.architecture for t in whole.trials]
    assert json.loads((tmp_path / "parts" / "run.json").read_text())["experiment"]["prior"] == (
        "imagenet"
    )
    with pytest.raises(UserError, match="prior"):
        found(23, "none", "parts")


def test_a_prior_without_a_say_is_called_so():
    none = {"name": "scores", "belief": 0.2, "points": {"SynFlow": 0.0, "NASWOT": 0.0}}
    assert "in the end it had no say" in sentence(none)
    assert "SynFlow -0.40, NASWOT +0.00" in sentence(
        none | {"points": {"SynFlow": -0.4, "NASWOT": 0.0}}
    )


def test_the_scores_of_a_network_are_finite():
    known, network = PRIORS["scores"](), SMALL.build(SMALL.sample(random.Random(0)))

    class One:
        def networks(self, codes):
            return [network] * len(codes)

    numbers = known.of(One(), np.zeros((3, 1), int))
    assert numbers.shape == (3, 2)
    assert np.isfinite(numbers).all()
