"""The predictor: exact costs, a calibrated model, proposals that are allowed, new and apart."""

import random

import numpy as np
import optuna
import pytest
from optuna.distributions import CategoricalDistribution
from optuna.trial import TrialState

from nas.bench.play import play, rewards
from nas.bench.tasks import recipe, synthetic_task
from nas.evaluators import Measurement, Outcome
from nas.imagenet.process import Growing, Process, fit
from nas.objective import Limit, Objective, broken, limits_of
from nas.search.ask import Search
from nas.strategies.codes import positions, values_of
from nas.strategies.counting.parts import parts_of
from nas.strategies.inner import Inner
from nas.strategies.plain import Coder, PlainProblem
from nas.strategies.predictor import PredictorSampler
from nas.strategies.problem import SpaceProblem
from nas.strategies.registry import STRATEGIES
from nas.strategies.scores import Modelled, Warp, hypervolume_score
from results.runs.front import front, hypervolume
from search_spaces import Architecture, Space, Stage, cost, space

HARD = Objective("hard", 400e6)


def uneven(values):
    """A space whose networks differ in their number of stages."""
    return Architecture(tuple(Stage("mbconv", 16, 1, values["k"]) for _ in range(values["n"])))


UNEVEN = Space("uneven", {"n": (1, 2, 3), "k": (3, 5)}, uneven)


@pytest.mark.parametrize(
    "where", [*map(space, ("efficientnet", "efficientnet-wide", "mnasnet")), UNEVEN]
)
def test_costs_and_limits_of_many_networks_are_exact(where):
    rng = random.Random(5)
    drawn = [where.sample(rng) for _ in range(300)]
    codes = np.array([positions(where.choices, one) for one in drawn])
    limits = (*limits_of(HARD), Limit("memory", 40e6))
    facts = SpaceProblem(where, HARD, limits).facts(codes)
    exact = [where.build(one) for one in drawn]
    assert facts.cost.tolist() == [cost(one).macs for one in exact]
    assert facts.allowed.tolist() == [not broken(one, limits) for one in exact]
    assert np.isfinite(facts.numbers).all()
    assert (parts_of(where) is None) == (where is UNEVEN)
    assert values_of(where.choices, codes[0]) == drawn[0]


def data(n, noise=0.3, seed=0):
    task = synthetic_task(recipe("synthetic:14,0.15,0.3,7"))
    codes, facts = task.inner.random(n, np.random.RandomState(seed))
    rng = np.random.default_rng(seed)
    return task.inner.encode(codes, facts), task.truth(codes) + noise * rng.normal(size=n)


def test_the_spread_is_right_on_networks_that_were_not_seen():
    x, y = data(120)
    held, truth = data(400, 0.0, 1)
    warp = Warp.of(y, log=False)
    z = warp(y)
    mean, spread = Process(fit(x, z), x).predict(held, z)
    error = np.abs(warp.back(mean) - truth) / (spread * warp.scale)
    assert 0.55 < np.mean(error < 1) < 0.85
    assert np.mean(error < 2) > 0.88
    assert np.corrcoef(mean, truth)[0, 1] > 0.8


def test_paths_have_the_posteriors_mean_and_spread():
    x, y = data(60)
    process = Process(fit(x, Warp.of(y)(y)), x)
    z, held = Warp.of(y)(y), data(30, 0.0, 2)[0]
    mean, spread = process.predict(held, z)
    drawn = np.array([process.path(z, np.random.RandomState(i))(held) for i in range(400)])
    assert np.abs(drawn.mean(0) - mean).max() < 0.25 * spread.max()
    assert np.median(drawn.std(0) / spread) == pytest.approx(1, abs=0.15)
    assert process.path(z, np.random.RandomState(0), 0.0)(held) == pytest.approx(mean, abs=1e-6)
    assert process.mean(z[:50]) == pytest.approx(process.predict(x, z[:50])[0], abs=1e-6)


def test_rows_added_one_by_one_are_the_process_of_all():
    x, y = data(80)
    z = Warp.of(y)(y)
    growing = Growing(20)
    some = z[: growing.milestone(60)]
    growing.on(x[:60], some)
    other = np.vstack([x[:50], x[70:]])  # ten came and went
    found = growing.on(other, some).predict(x[60:70], z[:50])
    whole = Process(growing.on(other, some).kernel, other).predict(x[60:70], z[:50])
    assert np.allclose(found, whole)
    assert [growing.milestone(n) for n in (2, 20, 24, 25, 40)] == [2, 20, 20, 25, 38]


@pytest.mark.parametrize("worth", [lambda cost: np.minimum(1.0, 2.0 / cost), None])
def test_a_model_is_made_of_few_trials_the_best_and_the_newest_among_them(worth):
    rng = np.random.RandomState(0)
    y, cost, modelled = rng.normal(70, 2, 3007), rng.uniform(1, 4, 3010), Modelled()
    assert np.array_equal(modelled(y[:500], cost, worth, 503), np.arange(503))
    rows = modelled(y, cost, worth, 3010)
    assert len(set(rows)) == len(rows) == 410  # of the last three nothing is known yet
    assert set(range(3000, 3010)) <= set(rows)
    assert np.array_equal(rows[:400], modelled(y[:3099], cost, worth, 3010)[:400])
    if worth is not None:
        assert set(np.argsort(-y[:3000] * worth(cost[:3000]))[:200]) <= set(rows)
    else:
        assert set(front(y[:3000], cost[:3000])) <= set(rows)
        strips = np.searchsorted(np.quantile(cost[:3000], np.arange(1, 20) / 20), cost[:3000])
        top = [np.flatnonzero(strips == s)[y[:3000][strips == s].argmax()] for s in range(20)]
        assert set(top) <= set(rows)


def test_trials_that_ended_are_read_once_and_as_if_each_were_read_anew():
    where = {"a": (1, 2, 3), "b": (4, 5)}
    options = {name: CategoricalDistribution(o) for name, o in where.items()}
    problem = PlainProblem(options)
    coder, study, rng = Coder(problem), optuna.create_study(), random.Random(0)
    open_trials = []
    for step in range(60):
        open_trials.append(study.ask(options))
        if len(open_trials) > 3:  # they end in another order than they began
            ended = open_trials.pop(rng.randrange(4))
            if step % 7 == 0:
                ended.set_user_attr("error", "broke")
            state = TrialState.FAIL if step % 7 < 2 else TrialState.COMPLETE
            study.tell(ended, None if step % 7 < 2 else step, state=state)
        found, anew = (c.every(study, open_trials[-1].number) for c in (coder, Coder(problem)))
        assert all(np.array_equal(a, b) for a, b in zip(found[:3], anew[:3], strict=True))
        assert len(found[1]) == len(found[0]) + len(open_trials) - 1
        assert len(found[3]) == len(anew[3])
    other = optuna.create_study()
    other.add_trial(
        optuna.trial.create_trial(params={"a": 3, "b": 4}, distributions=options, value=1.0)
    )
    assert coder.every(other, 1)[1].tolist() == [[2, 0]]


def test_the_added_hypervolume_is_that_of_brute_force():
    rng = np.random.default_rng(0)
    a, c = rng.random(20), rng.random(20)
    new_a, new_c = rng.random(50), rng.random(50)
    added = hypervolume_score(a, c, 1.0)(new_a, new_c)
    reference = (a.min(), 1.0)
    before = hypervolume(a, c, reference)
    for one_a, one_c, found in zip(new_a, new_c, added, strict=True):
        exact = hypervolume(np.r_[a, one_a], np.r_[c, one_c], reference) - before
        assert max(found, 0.0) == pytest.approx(exact, abs=1e-9)
        assert (found > 0) == (exact > 1e-12)


@pytest.mark.slow
@pytest.mark.parametrize(("strategy", "target"), [("predictor", 55e6), ("predictor-front", 400e6)])
def test_nothing_proposed_is_ever_refused(strategy, target):
    where, objective = space("mnasnet"), Objective("hard", 4 * target)
    made = Search(where, objective, STRATEGIES[strategy], (Limit("params", 4e6),), wanted=45)
    while (job := made.ask()) is not None:
        made.tell(job, Outcome(Measurement(40.0 + job.architecture.blocks), None, 0.0))
    assert not made.refusals
    assert not made.stopped


@pytest.mark.slow
def test_parallel_proposals_do_not_collapse_and_do_not_depend_on_the_order_of_ends():
    def batches(order):
        made = Search(space("efficientnet"), HARD, STRATEGIES["predictor"], seed=2)
        for _ in range(4):
            jobs = [made.ask() for _ in range(12)]
            for at in order:
                accuracy = 40.0 + jobs[at].architecture.blocks
                made.tell(jobs[at], Outcome(Measurement(accuracy), None, 0.0))
        return jobs

    jobs = batches(range(12))
    assert len({job.architecture for job in jobs}) == 12
    values = np.array([list(job.values.values()) for job in jobs])
    apart = (values[:, None] != values[None]).sum(2)[np.triu_indices(12, 1)]
    assert np.median(apart) >= 3
    assert batches([*reversed(range(12))]) == jobs


@pytest.mark.slow
def test_it_needs_fewer_evaluations_than_evolution_on_a_table_it_was_not_tuned_on():
    task = synthetic_task(recipe("synthetic:18,0.1,0.2,99"))
    found = {
        name: np.mean([rewards(task, play(task, name, seed, 70))[-1] for seed in (0, 1, 2)])
        for name in ("predictor", "evolution")
    }
    assert task.best - found["predictor"] < 0.6 * (task.best - found["evolution"])


@pytest.mark.slow
def test_networks_like_those_whose_training_ended_in_an_error_are_avoided():
    def shares(breaks):
        made = Search(space("efficientnet"), HARD, STRATEGIES["predictor"], wanted=45)
        hits = []
        while (job := made.ask()) is not None:
            hits.append(job.architecture.stages[1].kernel == 5)
            fails = hits[-1] and breaks
            told = Measurement(40.0 + job.architecture.blocks + 4 * hits[-1])
            made.tell(job, Outcome(None if fails else told, "it broke" * fails or None, 0.0))
        return np.mean(hits[25:])

    assert shares(breaks=False) > 0.8
    assert shares(breaks=True) < 0.3


def test_random_networks_within_tight_limits():
    objective = Objective("hard", 53e6)
    inner = Inner(SpaceProblem(space("efficientnet"), objective, limits_of(objective)))
    codes, facts = inner.random(64, np.random.RandomState(0))
    assert facts.allowed.all()
    assert len(np.unique(codes, axis=0)) > 5


def test_random_networks_of_very_many_choices_are_built_few_times():
    built = []

    def build(values):
        built.append(1)
        return Architecture(tuple(Stage("mbconv", 8, values[f"c{i}"]) for i in range(400)))

    where = Space("many", {f"c{i}": (1, 2, 3, 4) for i in range(400)}, build)
    cheapest = where.build(dict.fromkeys(where.choices, 1))
    objective = Objective("hard", 1.3 * cost(cheapest).macs)
    limits = limits_of(objective)
    inner = Inner(SpaceProblem(where, objective, limits, dict.fromkeys(where.choices, 1)))
    built.clear()
    codes, facts = inner.random(8, np.random.RandomState(0))
    assert facts.allowed.all()
    assert len(built) <= 8 * (2 + np.ceil(np.log2(400)))
    values = [values_of(where.choices, code) for code in codes]
    spare = [name for name, value in values[0].items() if value > 1]
    assert 0 < len(spare) < 200  # turned to the anchor, and no further than it must be
    assert facts.cost.min() > 0.98 * objective.target


@pytest.mark.parametrize("share", [0.0, 0.05, 0.3])
def test_failed_trainings_do_not_set_the_scale(share):
    rng = np.random.default_rng(0)
    healthy = rng.normal(72, 2, 200)
    values = np.where(rng.random(200) < share, 10 + rng.random(200), healthy)
    warp = Warp.of(values)
    np.testing.assert_allclose(warp.back(warp(values)), values, rtol=1e-9)
    assert (np.diff(warp(np.sort(values))) >= 0).all()
    assert warp.ceiling - values.max() < 10  # 16 where failures set it
    assert warp(healthy).std() > 0.2  # of 1: what the failures leave


def test_minus_infinity_is_a_very_low_value():
    def proposals(low):
        where = space("efficientnet")
        problem = SpaceProblem(where, HARD, limits_of(HARD))
        study = optuna.create_study(direction="maximize", sampler=PredictorSampler(0, problem))
        distributions = {n: CategoricalDistribution(o) for n, o in where.choices.items()}
        for n in range(28):
            trial = study.ask(distributions)
            blocks = where.build(trial.params).blocks
            study.tell(trial, low if n in (5, 11) else 40.0 + blocks)
        return [trial.params for trial in study.get_trials()[-6:]]

    assert proposals(float("-inf")) == proposals(-1e12)
