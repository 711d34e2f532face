"""Which measurements of a grid are due: after the first of each point where they change the choice.

That may be at a point, or at another network of the families at the grid's phi. A round is BATCH
measurements, chosen by what was measured before it and nothing else. So runs with any number of
workers, and runs that were cut off, measure the same.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from gridsearch.grid.judge import Judge
from gridsearch.grid.plan import Plan
from gridsearch.grid.rungs import missing
from nas.jobs import Job
from results.runs.records import Trial
from search_spaces.architecture import Architecture

BATCH = 4

Key = tuple[Architecture, int]


class Rounds:
    """The measurements of a grid, round by round.

    Args:
        plan: Its budgets, replicates and tolerance.
        judge: Knows what would change the choice; None where every point is measured alike.
        points: The grid's networks, each once.
    """

    def __init__(self, plan: Plan, judge: Judge | None, points: Sequence[Architecture]) -> None:
        self._plan, self._judge, self._points = plan, judge, points
        self._known: dict[tuple[Any, ...], tuple[Key, ...]] = {}  # rounds, by what led to them

    def missing(self, trials: Sequence[Trial], running: Sequence[Job]) -> list[Job]:
        """As `gridsearch.grid.rungs.missing`, and then the further rounds."""
        due = missing(self._plan, self._points, trials, running)
        if due or self._judge is None or not self._judge.points or not self._plan.further:
            return due
        able = set(self._judge.measurable)
        done = {(one.architecture, one.seed): one for one in trials
                if one.budget == self._plan.budget and one.architecture in able}  # fmt: skip
        begun = {(job.architecture, job.seed) for job in running}
        counted = [(one, seed) for seed in range(self._plan.first) for one in self._points]
        known: list[Trial | Job] = [*trials, *running]
        number = 1 + max((each.number for each in known), default=-1)
        while all(key in done for key in counted):
            due_keys = self._next(counted, [done[key] for key in counted])
            if not due_keys:
                return []
            new = [key for key in due_keys if key not in done and key not in begun]
            if new:
                # Others may have been measured by an earlier version, or for other phis.
                room = self._plan.wanted * len(self._points) - len(done) - len(begun)
                new = new[: max(0, room)]
                return [Job(number + i, {}, *key, self._plan.budget) for i, key in enumerate(new)]
            counted += due_keys
        return []

    def _next(self, counted: list[Key], trials: list[Trial]) -> tuple[Key, ...]:
        """The next round after these; none where the choice is good enough, or all is spent."""
        led = (*counted, *(trial.accuracy for trial in trials))
        if led not in self._known:
            self._known[led] = self._planned(counted, trials)
        return self._known[led]

    def _planned(self, counted: list[Key], trials: list[Trial]) -> tuple[Key, ...]:
        left = self._plan.wanted * len(self._points) - len(counted)
        if left <= 0 or self._judge is None or self.enough(trials):
            return ()
        seeds = Counter(network for network, _ in counted)
        keys = []
        for network in self._judge.next(trials, BATCH)[:left]:
            keys.append((network, seeds[network]))
            seeds[network] += 1
        return tuple(keys)

    def enough(self, trials: Sequence[Trial]) -> bool:
        """Whether the pick is expected to lose no more than the tolerance."""
        if self._judge is None or not any(trial.accuracy is not None for trial in trials):
            return False
        return self._judge.choice(trials).loss <= self._plan.tolerance


def beside(judge: Judge, trials: Sequence[Trial]) -> str | None:
    """What went to other networks than the grid's points; None where nothing did."""
    others = set(judge.others)
    went = [trial.architecture for trial in trials if trial.architecture in others]
    if not went:
        return None
    several = len(set(went)) > 1
    who = f"{len(set(went))} networks" if several else "a network"
    return (
        f"{len(went)} of the {len(trials)} measurements went to {who} of the families at phi "
        f"{judge.question.phi:g} that {'are no points' if several else 'is no point'}, where they "
        "tell more: trials.csv has them"
    )


def ended(plan: Plan, judge: Judge, loss: float, measured: bool) -> str:
    """Why nothing more was measured, in words.

    Args:
        plan: What was searched.
        judge: Of its families.
        loss: What the pick is expected to lose, points.
        measured: Whether the pick's network at the question's phi was measured itself.
    """
    if not judge.points:
        return "a model judged; nothing was measured"
    if loss <= plan.tolerance:
        text = f"the pick is expected to lose {loss:.2f} points, no more than the tolerance"
    else:
        text = (
            f"the trainings are spent ({plan.wanted} a point); the pick is expected to lose "
            f"{loss:.2f} points, more than the tolerance of {plan.tolerance:g}"
        )
    if measured:
        return text
    return (
        f"{text}. Its network at phi {plan.question.phi:g} was not measured itself: what is said "
        "of it is expected from those that were"
    )
