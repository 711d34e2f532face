"""The grid: nothing outside the window is ever evaluated, and the window is never empty."""

import math
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gridsearch.api import find
from gridsearch.grid import grid
from gridsearch.grid.combinations import MOST, combinations
from gridsearch.grid.conclude import Result
from gridsearch.grid.grid import ENOUGH, Question, build_grid
from gridsearch.grid.plan import Plan
from gridsearch.grid.run import evaluate_points, run
from gridsearch.prior.evaluators import evaluator
from nas.evaluators import Measurement
from nas.imagenet.evaluator import ImagenetEvaluator
from nas.workers.executor import LocalExecutor
from results.runs.records import Trial
from search_spaces.architecture import Architecture
from search_spaces.cost import cost
from search_spaces.errors import UserError
from search_spaces.networks import EFFICIENTNET_B0
from search_spaces.scaling.published import network
from search_spaces.scaling.rules import Multipliers, scale

PAPERS = ("efficientnet_b0", "mobilenet_v1", "mobilenet_v2", "resnet_50")
SEEN: list[Architecture] = []


def recorder(architecture: Architecture, budget: float, seed: int) -> Measurement:
    """An evaluator that writes down what it is given."""
    SEEN.append(architecture)
    return Measurement(70 + architecture.blocks / 100 + seed / 1000, 0.1)


class Kept:
    """A store that keeps nothing: the property is about what is evaluated."""

    def append(self, trial: Trial, macs: float) -> None:
        assert trial.cost.macs == macs


@settings(max_examples=12, deadline=None)
@given(
    name=st.sampled_from([*PAPERS, "mnasnet_small"]),
    phi=st.floats(-3, 8).filter(lambda phi: abs(phi) > 0.05),
    step=st.floats(0.05, 0.5),
    tolerance=st.floats(0, 0.2),
    window=st.floats(1e-3, 0.3),
    rounding=st.sampled_from([None, 8, 32]),
    limited=st.booleans(),
)
def test_no_point_outside_the_window_is_ever_evaluated(
    name, phi, step, tolerance, window, rounding, limited
) -> None:
    base = network(name)
    memory = 2.0**phi * cost(base).memory if limited else None
    question = Question(base, phi, step, tolerance, window, memory, None, rounding)
    SEEN.clear()
    plan = Plan(question, name, replicates=1)
    try:
        grid = build_grid(question)
    except UserError as error:
        said = ("nearest reaches", "smaller --step", "target memory")
        assert any(part in str(error) for part in said)  # noqa: PT017
        return
    result = Result(plan, Path(), grid, recorder, [])
    evaluate_points(result, Kept(), LocalExecutor(recorder))
    assert {p.architecture for p in result.grid.points} == set(SEEN)
    assert len(SEEN) == len(set(SEEN))
    for architecture in SEEN:
        ratio = cost(architecture).macs / cost(base).macs
        assert abs(ratio / 2**phi - 1) <= window
        assert memory is None or cost(architecture).memory <= memory
    for point in result.grid.points:
        c = point.coefficients
        assert min(c.alpha, c.beta, c.gamma) >= 1
        assert point.moved or abs(c.product - 2) <= tolerance + 1e-6
        if not point.moved:
            assert question.network(c) == point.architecture


@pytest.mark.parametrize("rounding", [None, 32])
@pytest.mark.parametrize("phi", [-1, 0.5, 1, 2, 7])
@pytest.mark.parametrize("name", PAPERS)
def test_the_window_holds(name: str, phi: float, rounding: int | None) -> None:
    found = build_grid(Question(network(name), phi=phi, round_resolution=rounding))
    assert len(found.points) >= ENOUGH
    assert all(abs(point.ratio / 2**phi - 1) <= 0.05 for point in found.points)
    if rounding:
        assert all(point.architecture.resolution % rounding == 0 for point in found.points)


def test_the_papers_grid_mostly_breaks_its_own_budget() -> None:
    listed, outside = combinations(0.05, 0.1)
    question = Question(EFFICIENTNET_B0)
    ratios = [question.ratio_of(question.network(c)) for c in listed]
    inside = [ratio for ratio in ratios if abs(ratio / 2 - 1) <= 0.05]
    assert len(listed) + outside == 23 * 9 * 9
    assert len(inside) <= 0.06 * len(ratios)
    assert max(ratios) > 3.3


def test_removed_points_add_up_and_what_was_done_is_said() -> None:
    question = Question(EFFICIENTNET_B0)
    listed = grid.networks(question, 0.05, MOST)
    plain = grid._attempt(question, 0.05, listed, move=False)
    assert sum(plain.removed.values()) + len(plain.points) == 23 * 9 * 9
    found = build_grid(Question(EFFICIENTNET_B0))
    assert "resolution" in found.notes[0]
    assert sum(point.moved for point in found.points) > 0
    assert len({point.architecture for point in found.points}) == len(found.points)


@pytest.mark.parametrize("name", ["resnet_50", "mobilenet_v1"])
def test_the_imagenet_model_holds_networks_against_their_own_baseline(name: str) -> None:
    base = network(name)
    model = evaluator("imagenet", base)
    one, two = (
        scale(base, Multipliers(d, w, r)) for d, w, r in ((1.2, 1.1, 1.15), (1.44, 1.21, 1))
    )
    assert model.difference_error(one, two) < 1.5
    assert model.difference_error(one, two) < ImagenetEvaluator().difference_error(one, two)


def test_target_memory_is_a_second_limit() -> None:
    free = build_grid(Question(EFFICIENTNET_B0))
    memories = sorted(cost(point.architecture).memory for point in free.points)
    held = build_grid(Question(EFFICIENTNET_B0, memory=memories[8]))
    assert max(cost(point.architecture).memory for point in held.points) <= memories[8]
    assert held.removed["memory"] > 0
    with pytest.raises(UserError, match=rf"needs .*\({memories[0]} bytes\)"):
        build_grid(Question(EFFICIENTNET_B0, memory=memories[0] / 4))


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"phi": math.nan}, "phi is nan: expected a number from -8 to 10"),
        ({"phi": 11}, "phi is 11"),
        ({"phi": 0}, "the baseline itself"),
        ({"phi": "1"}, "phi is '1': expected a number"),
        ({"phi": True}, "phi is True"),
        ({"phi": -math.inf}, "phi is -inf"),
        ({"step": 0}, "expected a number from 0.01 to 0.5"),
        ({"step": math.nan}, "the step is nan"),
        ({"step": "0.05"}, "the step is '0.05': expected a number"),
        ({"step": math.inf}, "the step is inf"),
        ({"tolerance": True}, "the tolerance of the product is True"),
        ({"tolerance": math.nan}, "the tolerance of the product is nan"),
        ({"window": 0}, "the window is 0"),
        ({"window": math.nan}, "the window is nan"),
        ({"window": "0.1"}, "the window is '0.1'"),
        ({"memory": "64MiB"}, "the target memory is '64MiB': expected bytes above 0, as 64e6"),
        ({"memory": math.inf}, "expected bytes above 0"),
        ({"memory": True}, "expected bytes above 0"),
        ({"memory": math.nan}, "expected bytes above 0"),
        ({"rule": "vgg"}, "no rule 'vgg'"),
        ({"round_resolution": 7}, "expected none, 8 or 32"),
    ],
)
def test_bad_questions(fields, said) -> None:
    with pytest.raises(UserError, match=said):
        Question(EFFICIENTNET_B0, **fields)


@pytest.mark.parametrize("bad", [7, None, ["efficientnet_b0"], b"b0.json"])
def test_what_is_no_network_is_refused_in_one_sentence(bad, tmp_path: Path) -> None:
    kind = type(bad).__name__
    with pytest.raises(UserError, match=f"baseline is of type {kind}, which holds no architecture"):
        find(bad, runs=tmp_path)
    assert not list(tmp_path.iterdir())


def test_empty_grids_say_what_would_work() -> None:
    with pytest.raises(UserError, match="smaller --step or a larger --product-tolerance"):
        build_grid(Question(EFFICIENTNET_B0, step=0.3, tolerance=0.0))
    narrow = Question(EFFICIENTNET_B0, window=1e-4, step=0.4, tolerance=0.05)
    with pytest.raises(UserError, match=r"widen --window to [\d.]+ or more"):
        build_grid(narrow)


def test_a_run_continues_with_more_replicates(tmp_path: Path) -> None:
    SEEN.clear()
    question = Question(EFFICIENTNET_B0)
    plan = Plan(question, "b0", f"{__name__}:recorder", 1, name="r", runs=tmp_path)
    first = run(plan)
    again = run(Plan(question, "b0", f"{__name__}:recorder", 3, name="r", runs=tmp_path))
    assert again.new == 2 * first.new == 2 * len(first.grid.points)
    assert len(again.trials) == 3 * len(first.grid.points)
    assert min(one.n for one in again.estimates if one) == 2
    assert run(plan).new == 0
    other = Plan(Question(EFFICIENTNET_B0, phi=2), "b0", name="r", runs=tmp_path)
    with pytest.raises(UserError, match="another experiment"):
        run(other)


@pytest.mark.parametrize("rounding", [None, 32])
def test_a_grid_of_images_that_are_not_square_keeps_their_shape(rounding):
    wide = replace(network("mnasnet_small"), resolution=(96, 160), in_channels=1)
    found = build_grid(Question(wide, round_resolution=rounding))
    assert len(found.points) >= 5
    for point in found.points:
        size = point.architecture.size
        assert abs(found.question.ratio_of(point.architecture) / 2 - 1) <= 0.05
        assert abs(size.width - size.height * 160 / 96) <= (rounding or 1)
        assert point.architecture.in_channels == 1
