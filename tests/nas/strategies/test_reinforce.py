"""The controller: its probabilities, its learning, and that it is rebuilt from the trials."""

import numpy as np
import pytest
import torch

from nas.bench.play import Player, play, strategy_of
from nas.bench.tasks import recipe, synthetic_task
from nas.strategies.controller import Controller, Settings

NONE = np.zeros((0, 2), np.int64), np.zeros(0)


def test_probabilities_are_those_that_it_draws_with():
    controller = Controller((2, 3), Settings(hidden=8), 0)
    every = np.array([(a, b) for a in range(2) for b in range(3)])
    controller.learn(every, np.arange(6.0), NONE)
    with torch.no_grad():
        expected = controller._logs(torch.from_numpy(every))[0].exp().numpy()
    drawn = controller.draw(20000, np.random.RandomState(0))
    shares = [(drawn == one).all(1).mean() for one in every]
    assert expected.sum() == pytest.approx(1, abs=1e-5)
    assert shares == pytest.approx(expected.tolist(), abs=0.015)


def test_it_learns_what_pays_and_shuns_what_is_not_allowed():
    controller = Controller((2, 2), Settings(hidden=8), 0)
    rng = np.random.RandomState(0)
    outside = np.array([[0, 1]] * 10), np.full(10, 0.5)
    for _ in range(25):
        codes = controller.draw(20, rng)
        controller.learn(codes, 10.0 + codes[:, 1] + 0.1 * rng.standard_normal(20), outside)
    drawn = controller.draw(400, rng)
    assert (drawn == [1, 1]).all(1).mean() > 0.6
    assert (drawn == [0, 1]).all(1).mean() < 0.2


def test_the_moving_baseline_is_taken_off():
    """Equal rewards far from zero teach nothing but entropy: probabilities stay even."""
    controller = Controller((2, 2), Settings(hidden=8), 0)
    rng = np.random.RandomState(0)
    for _ in range(10):
        controller.learn(controller.draw(20, rng), np.full(20, 70.0), NONE)
    assert controller.draw(4000, rng).mean(0) == pytest.approx([0.5, 0.5], abs=0.1)


def test_a_sampler_that_is_told_all_at_once_proposes_the_same():
    task = synthetic_task(recipe("synthetic:6,0.1,0.1,1"))
    first = Player(task, strategy_of("reinforce"), 0)
    for _ in range(50):
        first.tell(*first.ask())
    again = Player(task, strategy_of("reinforce"), 0)
    for trial in first._study.trials:
        again._study.add_trial(trial)
    again._seen, again._number = set(first._seen), first._number
    assert again.ask()[1].tolist() == first.ask()[1].tolist()


@pytest.mark.slow
def test_it_beats_random_search():
    task = synthetic_task(recipe("synthetic:14,0.1,0.2,5"))
    late = {
        name: np.mean([play(task, name, seed, 220).rows[-40:, 1].mean() for seed in (0, 1)])
        for name in ("reinforce", "random")
    }
    assert late["reinforce"] > late["random"] + 1.5
