"""The search by generations: limits, seeds, continuing, exhaustion, the optimum by brute force."""

import functools
import itertools
import math

import numpy as np
import pytest

from nas.evaluators import Measurement, Outcome
from nas.objective import Objective, limits_of
from nas.search.generations import Generations
from nas.strategies.climbing.climbers import between
from nas.strategies.climbing.climbs import Aim, Ground, Peak, climb
from nas.strategies.climbing.nearby import RIDGE, At, Niches, Slopes
from nas.strategies.codes import moved, moves_of
from nas.strategies.inner import Inner
from nas.strategies.problem import Facts, SpaceProblem
from nas.workers.predicting import PredictingExecutor, changed
from search_spaces.architecture import Architecture, Stage
from search_spaces.cost import cost
from search_spaces.errors import OutOfDomain
from search_spaces.space import Space
from search_spaces.spaces import space


def network(values):
    stages = (
        Stage("conv", values["width"]),
        Stage("mbconv", values["width"] + 8, values["depth"], values["kernel"], 2, 4, values["se"]),
        Stage("mbconv", values["last"], 1, values["kernel"], 2, values["expand"]),
    )
    return Architecture(stages, stem=8, head=64, resolution=values["pixels"], classes=10)


SPACE = Space(
    "toy",
    {
        "width": (8, 16, 24, 32), "depth": (1, 2, 3), "kernel": (3, 5), "se": (0.0, 0.25),
        "last": (32, 48, 64), "expand": (2, 4, 6), "pixels": (32, 48, 64),
    },
    network,
)  # fmt: skip
TARGET = 6e6


class Model:
    """A rough surface, so that greedy steps alone don't climb it."""

    def predict(self, networks):
        means = [60 + 3 * math.log(cost(a).macs / 1e6) + 2 * math.sin(a.stages[1].channels)
                 + (int(a.id[:4], 16) % 97) / 200 for a in networks]  # fmt: skip
        return np.array(means), np.full(len(means), 0.2)

    def __call__(self, architecture, budget, seed):
        mean, spread = self.predict([architecture])
        return Measurement(mean[0], spread[0])


def search(wanted, known=(), seed=0, space=SPACE, limits=()):
    return Generations(space, Objective("hard", TARGET), limits, seed, known, wanted)


def finish(asked, model=None, together=tuple):
    """Drives a search to its end, as the loop of a run does."""
    model = model or Model()
    executor, trials = PredictingExecutor(model, model, together), []
    while True:
        running = 0
        while (job := asked.ask()) is not None:
            executor.submit(job)
            running += 1
        if not running:
            return trials
        trials += [asked.tell(*executor.next()) for _ in range(running)]


@functools.cache
def uninterrupted(wanted):
    return finish(search(wanted))


def test_networks_are_new_and_within_the_limits():
    trials = finish(search(300))
    assert [trial.number for trial in trials] == list(range(300))
    assert len({trial.architecture for trial in trials}) == 300
    assert max(trial.cost.macs for trial in trials) <= TARGET


@pytest.mark.parametrize("stored", [0, 1, 31, 32, 33, 100, 299])
def test_continuing_equals_not_stopping(stored):
    whole = uninterrupted(300)
    again = finish(search(300, whole[:stored]))
    assert [t.values for t in whole[:stored] + again] == [t.values for t in whole]


@pytest.mark.parametrize("stored", [0, 100, 300])
def test_more_are_wanted_later(stored):
    before = uninterrupted(300)[:stored]
    longer = finish(search(420, before))
    assert [t.values for t in before + longer] == [t.values for t in uninterrupted(420)]


def test_seeds_differ():
    first, second = (finish(search(40, seed=seed)) for seed in (0, 1))
    assert {t.architecture for t in first} != {t.architecture for t in second}


def test_it_finds_the_best_network_of_all():
    every = [network(dict(zip(SPACE.choices, values, strict=True)))
             for values in itertools.product(*SPACE.choices.values())]  # fmt: skip
    allowed = {a: a for a in every if cost(a).macs <= TARGET}
    best = max(float(Model().predict([a])[0][0]) for a in allowed)
    for seed in range(4):
        trials = finish(search(450, seed=seed))
        assert max(t.accuracy for t in trials) == pytest.approx(best)


def test_mutants_are_brought_back_to_what_their_mothers_cost():
    objective, rng = Objective("hard", 4e8), np.random.RandomState(0)
    problem = SpaceProblem(space("mbconv"), objective, limits_of(objective))
    inner = Inner(problem)
    codes, facts = inner.random(600, rng)
    slopes = Slopes.fitted(codes, facts.cost, facts.cost, inner.sizes)
    mothers, width = codes[:200], [*problem.choices].index("width")
    mutants = mothers.copy()
    mutants[:, width] = np.where(mothers[:, width] > 1, mothers[:, width] - 2, 2)
    found = slopes.balanced(mutants, mothers, rng)
    assert (found[:, width] == mutants[:, width]).all()
    assert (np.abs(found - mutants) <= 1).all()
    off, before = (
        np.median(np.abs(np.log(problem.facts(some).cost / facts.cost[:200])))
        for some in (found, mutants)
    )
    assert off < before / 2


def test_a_space_that_is_used_up_ends_the_search_and_says_so():
    choices = {key: options[:2] for key, options in SPACE.choices.items()}
    small = search(10_000, space=Space("small", choices, network))
    trials = finish(small)
    every = [network(dict(zip(choices, values, strict=True)))
             for values in itertools.product(*choices.values())]  # fmt: skip
    assert len(trials) == len({a for a in every if cost(a).macs <= TARGET})
    assert f"no more than {len(trials)} networks" in small.stopped


def test_what_the_model_refuses_fails_alone():
    class Some(Model):
        def predict(self, networks):
            if any(a.stages[1].kernel == 5 for a in networks):
                raise OutOfDomain("kernel 5")
            return super().predict(networks)

    trials = finish(search(120), Some())
    failed = [trial for trial in trials if trial.error]
    assert {trial.architecture.stages[1].kernel for trial in failed} == {5}
    assert 0 < len(failed) < 60  # and the search turns away from them


def test_stored_means_or_spreads_that_differ_are_another_models(capsys):
    class Other(Model):
        def __init__(self, more, wide):
            self.more, self.wide = more, wide

        def predict(self, networks):
            means, spreads = super().predict(networks)
            return means + self.more, spreads * self.wide

    trials = finish(search(3))
    told = [changed(one, trials, "a") for one in (Model(), Other(0.1, 1.0), Other(0.0, 1.1))]
    assert told == [False, True, True]
    assert capsys.readouterr().err.count("by another version of the model: it stays") == 2


def test_it_begins_among_networks_that_people_have():
    """The dearest within T first; none that is not within it, and none twice."""
    rows = [dict(zip(SPACE.choices, values, strict=True))
            for values in itertools.product(*SPACE.choices.values())][::5]  # fmt: skip
    begun = Space("toy", SPACE.choices, network, known=lambda: rows)
    first = {trial.architecture for trial in finish(search(32, space=begun))}
    within = [one for one in map(network, rows) if cost(one).macs <= TARGET]
    by_cost = sorted(within, key=lambda one: cost(one).macs)
    assert {*by_cost[-16:]} <= first
    assert len(first) == 32
    assert len(first & {*by_cost[:-16]}) >= 8  # and some of every cost
    assert max(cost(one).macs for one in first) <= TARGET
    none = Space("toy", SPACE.choices, network, known=lambda: [r for r in rows if cost(
        network(r)).macs > TARGET])  # fmt: skip
    assert [t.values for t in finish(search(64, space=none))] == [
        t.values for t in finish(search(64))
    ]


def test_an_executor_keeps_the_order_and_shares_the_time():
    asked = search(10)
    executor, model = PredictingExecutor(Model(), Model()), Model()
    jobs = [asked.ask() for _ in range(10)]
    for job in jobs:
        executor.submit(job)
    done = [executor.next() for _ in jobs]
    assert [job for job, _ in done] == jobs
    for job, outcome in done:
        assert isinstance(outcome, Outcome)
        assert outcome.measurement == model(job.architecture, 1.0, 0)


def test_it_stops_when_nothing_gets_better_and_says_so():
    class Flat(Model):
        def predict(self, networks):
            return np.full(len(networks), 70.0), np.full(len(networks), 0.2)

    def patient(known=()):
        return Generations(SPACE, Objective("hard", TARGET), (), 0, known, patience=100)

    first = patient()
    trials = finish(first, Flat())
    assert "brought nothing better" in first.stopped
    assert 100 < len(trials) < 1000
    again = patient(trials)
    assert finish(again, Flat()) == []
    assert again.stopped == first.stopped


def test_each_niche_has_one_elite():
    objective = Objective("hard", 1e8)
    problem = SpaceProblem(space("mbconv"), objective, limits_of(objective))
    inner = Inner(problem)
    codes, facts = inner.random(600, np.random.RandomState(0))
    niches = Niches(codes, facts.cost, inner.sizes)
    names = [*problem.choices]
    assert [names[at] for at in niches.scales] == ["width", "depth", "resolution"]
    elites = codes[niches.elites(codes)]
    scales = [tuple(code) for code in elites[:, niches.scales]]
    assert len(set(scales)) == len(scales) == 64
    assert len(set(niches.keys(elites))) == 64
    # Two neighbours of the 43 resolutions share a niche, of the 14 widths each has its own.
    row = np.repeat(codes[:1], 4, 0)
    row[:, names.index("resolution")] = [2, 3, 4, 2]
    row[:, names.index("width")] = [2, 2, 2, 3]
    one, same, next_, wider = niches.keys(row)
    assert one == same
    assert len({one, next_, wider}) == 3


class Plain:
    """A problem of whole numbers, of which any up to a sum of costs are allowed."""

    def __init__(self, sizes, price, most):
        self.sizes, self.price, self.most = np.array(sizes), np.array(price), most

    def facts(self, codes):
        cost = np.exp((codes * self.price).sum(1))
        return Facts(np.zeros((len(codes), 0)), cost, cost <= self.most)

    def changes(self, code, moves):
        return moves

    def identities(self, codes):
        return [tuple(code) for code in codes.tolist()]


def climbed(ground, aim, worth, starts):
    """Drives a climb; its peak, and what it asked for."""
    climbing, asked = climb(ground, aim, starts), []
    codes = next(climbing)
    while True:
        merit = worth(codes)
        ground.told.tell(codes, merit)
        asked.append(codes)
        try:
            codes = climbing.send(merit)
        except StopIteration as end:
            return end.value, np.vstack(asked)


@pytest.mark.parametrize("seed", range(6))
def test_a_climb_reaches_the_best_of_a_knapsack(seed):
    """Merits and costs that add up, against brute force; nothing above the cap is asked for."""
    rng = np.random.RandomState(seed)
    sizes = [4, 3, 4, 3, 4]
    every = np.array(list(itertools.product(*map(range, sizes))))
    price, gain = rng.uniform(0.05, 0.4, 5), rng.uniform(0.5, 2.0, 5)

    def worth(codes):
        return (codes * gain).sum(1)

    cap = float(np.exp(0.5 * (price * (np.array(sizes) - 1)).sum()))
    problem = Plain(sizes, price, np.inf)
    within = problem.facts(every).cost <= cap
    peak, asked = climbed(Ground(problem, problem.sizes), Aim(None, cap), worth, every[:1])
    assert peak.at.merit == pytest.approx(worth(every[within]).max(), abs=0.15)
    assert problem.facts(asked).cost.max() <= cap
    # slopes around it are what one change brings there
    moves = moves_of(peak.at.code, problem.sizes)
    gains = peak.slopes.gains(peak.at.code, moves)
    known = np.isfinite(gains[:, 0])
    exact = worth(moved(peak.at.code, moves)) - peak.at.merit
    assert known.sum() > 5
    assert gains[known, 0] == pytest.approx(exact[known])


def test_a_climb_ends_where_another_one_was_and_where_all_fail():
    problem = Plain([3, 3], [0.1, 0.1], np.inf)
    ground, aim, start = Ground(problem, problem.sizes), Aim(None, 10.0), np.zeros((1, 2), np.int64)
    first, _ = climbed(ground, aim, lambda codes: -((codes.sum(1) - 2.0) ** 2), start)
    assert first.at.merit == 0
    again, asked = climbed(ground, aim, lambda codes: -((codes.sum(1) - 2.0) ** 2), start)
    assert (again, len(asked)) == (None, 1)
    ground = Ground(problem, problem.sizes)
    failed, _ = climbed(ground, aim, lambda codes: np.full(len(codes), -np.inf), start)
    assert failed is None


def test_between_two_peaks_the_best_expected_come_first():
    sizes, rng = np.array([2] * 6), np.random.RandomState(0)
    gain = np.array([1.0, -2.0, 0.5, -0.25, 3.0, -1.0])
    peaks = []
    for code in (np.zeros(6, np.int64), np.ones(6, np.int64)):
        moves = moves_of(code, sizes)
        brings = (moved(code, moves) - code) @ gain
        slopes = Slopes.around(code, moves, np.stack([brings, 0 * brings], 1), sizes)
        peaks.append(Peak(At(code, float(code @ gain), 1.0), slopes))
    ranked = between(*peaks, rng)
    assert len(ranked) == 2**6 - 2
    assert (np.diff(ranked @ gain) <= 1e-9).all()
    assert ranked[0].tolist() == [1, 0, 1, 0, 1, 0]


def test_slopes_are_those_of_ridge_regression_on_the_options():
    from sklearn.linear_model import Ridge

    rng = np.random.RandomState(0)
    sizes = np.array([3, 4, 2, 5])
    for count in (8, 60):  # fewer rows than options, and more
        codes = (rng.random_sample((count, 4)) * sizes).astype(np.int64)
        codes[:, 1] = 2  # a choice that is the same in all, as in one niche
        codes[:, 3] %= 3  # and options that none has
        merit, cost_ = rng.normal(size=count), np.exp(rng.normal(size=count))
        told = np.concatenate(
            [np.eye(n)[column] for n, column in zip(sizes, codes.T, strict=True)], 1
        )
        values = np.stack([merit, np.log(cost_)], 1)
        scale = values.std(0)
        line = Ridge(alpha=RIDGE).fit(told, (values - values.mean(0)) / scale)
        slopes = Slopes.fitted(codes, merit, cost_, sizes).values
        assert slopes == pytest.approx(line.coef_.T * scale, abs=1e-9)


def test_a_change_that_means_nothing_is_no_step():
    problem = SpaceProblem(space("mbconv"), Objective("hard", 4e8), ())
    rng, sizes = np.random.RandomState(3), [len(o) for o in problem.choices.values()]
    for code in (rng.random_sample((4, len(sizes))) * sizes).astype(np.int64):
        rows = moved(code, moves_of(code, np.array(sizes)))
        own = problem.architecture(code)
        exact = [problem.architecture(row) != own for row in rows]
        assert 0 < sum(exact) < len(exact)  # another depth rounds some repeats alike
        kept = moves_of(code, np.array(sizes))[:, exact]
        assert problem.changes(code, moves_of(code, np.array(sizes))).tolist() == kept.tolist()
