"""Other tools as strategies: what each is asked and told, and what is said where it is missing."""

import importlib.util

import numpy as np
import optuna
import pytest

from nas.bench import peers
from nas.bench.play import play
from nas.bench.tasks import recipe, synthetic_task
from nas.strategies.registry import strategy
from search_spaces import UserError

TASK = synthetic_task(recipe("synthetic:6,0.2,0.4,3"))
PEERS = [peers.SMAC, peers.SyneTuneCQR, peers.Nevergrad, peers.Ax]
CHOICES = {"width": (16, 24, 32), "op": ("a", "b"), "one": (5,)}
KINDS = {n: optuna.distributions.CategoricalDistribution(o) for n, o in CHOICES.items()}


class Recorder(peers.Peer):
    """Proposes the first options and writes down what it hears."""

    def _open(self, choices, seed):
        self.heard = [("open", dict(choices))]
        self.drawn = []

    def _ask(self):
        self.drawn.append(np.random.random())
        return f"proposal {len(self.drawn)}", {"width": 0, "op": 0}

    def _tell(self, name, places, loss):
        self.heard.append((name, places, loss))

    def _fail(self, name):
        self.heard.append((name, "failed"))


def studied(sampler, direction="maximize", trials=()):
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(direction=direction, sampler=sampler)
    for values, value in trials:
        done = optuna.trial.create_trial(params=values, distributions=dict(KINDS), value=value)
        study.add_trial(done)
    return study


def test_a_tool_hears_every_trial_once_with_a_loss():
    sampler = Recorder(seed=1)
    study = studied(sampler)
    first = study.ask(KINDS)  # no choices are known yet
    study.tell(first, 60.0)
    places = {name: CHOICES[name].index(first.params[name]) for name in ("width", "op")}
    second = study.ask(KINDS)
    assert second.params == {"width": 16, "op": "a", "one": 5}
    study.tell(second, 70.0)
    third = study.ask(KINDS)
    study.tell(third, state=optuna.trial.TrialState.FAIL)
    study.enqueue_trial({"width": 32, "op": "b", "one": 5})
    study.tell(study.ask(KINDS), 50.0)
    running = study.ask(KINDS)
    study.ask(KINDS)
    assert sampler.heard == [
        ("open", {"width": (16, 24, 32), "op": ("a", "b")}),
        (None, places, -60.0),
        ("proposal 1", {"width": 0, "op": 0}, -70.0),
        ("proposal 2", "failed"),
        (None, {"width": 2, "op": 1}, -50.0),
    ]
    study.tell(running, 1.0)
    study.ask(KINDS)
    assert sampler.heard[-1] == ("proposal 3", {"width": 0, "op": 0}, -1.0)
    assert len(sampler.heard) == 6


def test_a_continued_search_tells_a_new_tool_what_is_known():
    sampler = Recorder(seed=1)
    known = [({"width": 24, "op": "b", "one": 5}, 3.0), ({"width": 16, "op": "b", "one": 5}, 2.0)]
    studied(sampler, "minimize", known).ask(KINDS)
    assert sampler.heard[1:] == [
        (None, {"width": 1, "op": 1}, 3.0),
        (None, {"width": 0, "op": 1}, 2.0),
    ]


def test_what_tools_draw_from_the_global_state_follows_the_seed_and_leaves_no_trace():
    known = [({"width": 24, "op": "b", "one": 5}, 3.0)]
    drawn = []
    for seed in (1, 1, 2):
        sampler = Recorder(seed=seed)
        np.random.seed(seed + 40)
        state = np.random.get_state()[1].copy()
        studied(sampler, trials=known).ask(KINDS)
        assert (np.random.get_state()[1] == state).all()
        drawn += sampler.drawn
    assert drawn[0] == drawn[1] != drawn[2]


def test_two_rewards_and_ranges_are_refused_in_a_sentence():
    study = optuna.create_study(directions=["maximize", "minimize"], sampler=Recorder())
    with pytest.raises(UserError, match="strategy Recorder is told one reward: leave @front out"):
        study.ask(KINDS)
    ranged = {"x": optuna.distributions.FloatDistribution(0, 1)}
    with pytest.raises(UserError, match="expected a choice"):
        studied(Recorder()).ask(ranged)


@pytest.mark.parametrize("peer", PEERS)
def test_a_missing_library_is_named_with_its_extra(peer, monkeypatch):
    monkeypatch.setattr("search_spaces.errors.find_spec", lambda name: None)
    with pytest.raises(UserError) as caught:
        strategy(f"nas.bench.peers:{peer.__name__}")
    assert str(caught.value) == (
        f"the strategy {peer.__name__} needs {', '.join(peer.packages)}, which is not installed: "
        "run pip install -e '.[peers]' in your checkout of compound-nas"
    )


def test_a_library_that_does_not_import_is_named_with_its_extra():
    class Broken(Recorder):
        def _open(self, choices, seed):
            raise ImportError("No module named 'inner'")

    known = [({"width": 24, "op": "b", "one": 5}, 3.0)]
    with pytest.raises(UserError, match=r"Broken doesn't import .*'inner'.*\.\[peers\]"):
        studied(Broken(), trials=known).ask(KINDS)


@pytest.mark.slow
@pytest.mark.parametrize("peer", PEERS)
def test_an_installed_tool_repeats_itself_and_keeps_the_limit(peer, monkeypatch):
    missing = [name for name in peer.packages if importlib.util.find_spec(name) is None]
    if missing:
        pytest.skip(f"{', '.join(missing)} is not installed: extra peers")
    monkeypatch.setattr(peers, "PLANNED", 20)  # models begin early
    spec = f"nas.bench.peers:{peer.__name__}"
    first, again, other = (play(TASK, spec, seed, 12).rows[:, :3] for seed in (1, 1, 2))
    assert (first == again).all()
    assert (first != other).any()
    assert len(np.unique(first, axis=0)) == 12
    assert (first[:, 2] <= TASK.objective.target).all()
