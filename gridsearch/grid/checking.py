"""One network of the pick's family, measured to check what is said of networks beyond the grid.

It decides nothing: it tells whether the law's shape, tied to the points, holds on these images.
"""

import math
from collections.abc import Sequence
from typing import Any

from gridsearch.grid.conclude import Result
from nas.evaluators import Evaluator
from nas.jobs import Job
from nas.objective import Objective
from nas.search.rounds import Rounds
from nas.search.run import Decoded
from results.runs.records import Trial
from search_spaces.architecture import Architecture


def network_of(result: Result) -> Architecture:
    """The pick's network at the phi that is checked."""
    at = _place(result)
    assert result.judge is not None
    assert result.choice is not None
    return result.judge.families[result.choice.pick].members[at]


def _place(result: Result) -> int:
    assert result.judge is not None
    assert result.plan.check_phi is not None
    return result.judge.phis.index(result.plan.check_phi)


def due(result: Result, trials: Sequence[Trial], running: Sequence[Job]) -> list[Job]:
    """The measurements of that network that lack."""
    network, budget = network_of(result), result.plan.budget
    known: list[Trial | Job] = [*trials, *running]
    begun = {each.seed for each in known if (each.architecture, each.budget) == (network, budget)}
    number = 1 + max((each.number for each in known), default=-1)
    lacking = [seed for seed in range(result.plan.wanted) if seed not in begun]
    return [Job(number + i, {}, network, seed, budget) for i, seed in enumerate(lacking)]


def rounds(result: Result, objective: Objective) -> Rounds:
    """Who asks for them."""
    return Rounds(objective, lambda trials, jobs: due(result, trials, jobs), result.trials)


def measurer(result: Result, decoded: Decoded | None) -> Evaluator:
    """Who measures it: the grid's evaluator, or a trainer with images at its resolution.

    Raises:
        UserError: The images can't be decoded so large, or the disk has no room.
        RunFailure: The disk.
    """
    plan = result.plan
    if plan.proxy is None:
        return result.evaluator
    from gridsearch.grid import training

    images = training.load(plan.proxy, [*result.networks, network_of(result)], decoded)
    return plan.proxy.evaluator(images, None, keep=False)


def outcome(result: Result) -> dict[str, Any] | None:
    """What was expected of the network, and what was measured, as plain JSON values.

    Accuracies are in percent, errors one standard deviation; None where nothing was measured.
    """
    assert result.judge is not None
    assert result.choice is not None
    network, budget = network_of(result), result.plan.budget
    own = [one for one in result.trials if (one.architecture, one.budget) == (network, budget)]
    seen = [one.accuracy for one in own if one.accuracy is not None]
    if not seen:
        return None
    longest = [trial for trial in result.trials if trial.budget == budget]
    after, noise = result.judge.learned(longest)
    at = result.choice.pick * len(result.judge.phis) + _place(result)
    error = float(after.errors[at])
    spread = error * math.sqrt(float(after.covariance[at, at]))
    mean = math.fsum(seen) / len(seen)
    return {
        "phi": result.plan.check_phi,
        "expected": 100 - error,
        "expected_error": spread,
        "measured": mean,
        "measured_error": error * noise / math.sqrt(len(seen)),
        "replicates": len(seen),
    }
