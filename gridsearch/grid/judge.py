"""Judges the families of a grid: by a model alone, or by what was measured of its points."""

import contextlib
import functools
import math
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gridsearch.grid.belief import Belief, belief, noise_of, predicted, roughness_of
from gridsearch.grid.choice import Choice, Values, choose, telling, values
from gridsearch.grid.combinations import combinations
from gridsearch.grid.families import Family, families, family, papers_fits, slopes
from gridsearch.grid.grid import Grid, Question
from gridsearch.prior.field import ROUGH
from gridsearch.prior.prior import Expected
from nas.evaluators import Evaluator, Predicts, checked, predictor_of
from results.runs.records import Trial
from search_spaces.architecture import Architecture
from search_spaces.errors import OutOfDomain, UserError
from search_spaces.scaling.coefficients import Coefficients

FINEST = 0.025  # step whose combinations are judged by what was measured of others

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Judge:
    """What is known of a grid's families before anything is measured.

    Attributes:
        question: The grid's.
        phis: Whose budgets count; those that the evaluator does not cover are left out.
        families: What is judged, the paper's first.
        points: The grid's networks, each of which is measured.
        before: Belief of the families' members, family by family, then of the points and others.
        ratios: (families, phis) MACs / 2**phi times the baseline's.
        slopes: (phis,) what log MACs save of log error.
        notes: What could not be judged.
        others: The families' networks at the question's phi that are no points, which may be
            measured too.
    """

    question: Question
    phis: tuple[float, ...]
    families: tuple[Family, ...]
    points: tuple[Architecture, ...]
    before: Belief
    ratios: Floats
    slopes: Floats
    notes: tuple[str, ...] = ()
    others: tuple[Architecture, ...] = ()

    def choice(self, trials: Sequence[Trial]) -> Choice:
        """The choice after these measurements, all with one budget.

        Raises:
            UserError: They were made once each and state no spread.
        """
        guard = papers_fits(self.question)
        after, strict = self.after(trials), not self.points
        return choose(after, self.ratios, self.slopes, self.phis, guard=guard, strict=strict)

    def after(self, trials: Sequence[Trial]) -> Belief:
        """What is believed after these measurements."""
        return self.learned(trials)[0]

    def learned(self, trials: Sequence[Trial]) -> tuple[Belief, float]:
        """The belief after these measurements, and one's standard deviation in log error."""
        values, stated = defaultdict(list), []
        for trial in sorted(trials, key=lambda trial: trial.seed):
            if trial.accuracy is not None and trial.architecture in self._places:
                error = max(0.05, 100 - trial.accuracy)
                values[trial.architecture].append(-math.log(error))
                stated.append(None if trial.spread is None else trial.spread / error)
        if not values:
            return self.before, math.inf
        noise = noise_of(list(values.values()), stated)
        if noise is None:
            raise UserError(
                "each point was measured once and the evaluator states no spread, so that nobody "
                "knows how much a number is worth: ask for --replicates 3 (the measurements are "
                "kept)"
            )
        at = [self._places[network] for network in values]
        means = np.array([np.mean(each) for each in values.values()])
        variances = np.array([noise**2 / len(each) for each in values.values()])
        return self.before.given(at, means, variances), noise

    @property
    def measurable(self) -> tuple[Architecture, ...]:
        """The points, and then the others."""
        return self.points + self.others

    @functools.cached_property
    def places(self) -> dict[tuple[Architecture, ...], int]:
        """Of each family by its networks."""
        return {one.members: i for i, one in enumerate(self.families)}

    @functools.cached_property
    def _places(self) -> dict[Architecture, int]:
        first = self.ratios.size
        return {network: first + i for i, network in enumerate(self.measurable)}

    def next(self, trials: Sequence[Trial], count: int) -> list[Architecture]:
        """The points and others whose measurement is expected to improve the choice most.

        Each is chosen as if those before it had been measured (Frazier et al. 2009's knowledge
        gradient). A network of which a measurement failed is not measured again.

        Args:
            trials: So far.
            count: Of measurements; a network may come more than once.
        """
        after, noise = self.learned(trials)
        found = values(after, self.ratios, 0, self.slopes)
        able = slice(0 if papers_fits(self.question) else 1, None)  # the paper's is the first
        failed = {trial.architecture for trial in trials if trial.error}
        fails = np.array([network in failed for network in self.measurable])
        found = Values(found.by_phi[able], found.weights[able])
        places = telling(found, after.covariance, self.ratios.size, noise, fails, count)
        return [self.measurable[i] for i in places]


def judge(
    grid: Grid,
    evaluator: Evaluator | None,
    phis: Sequence[float],
    expected: Expected | None = None,
    able: Callable[[Architecture], bool] | None = None,
) -> Judge:
    """Who judges a grid's families.

    A model judges by its own predictions; of anything else only measurements of the points count,
    on top of what the law says of scaling anywhere.

    Args:
        grid: Its points.
        evaluator: Of the points; None where they are trained.
        phis: Whose budgets count.
        expected: The law's; None for the one on all rows.
        able: Whether a network that is no point can be measured; None asks the evaluator.

    Raises:
        UserError: A budget is out of reach, or the model covers no budget.
    """
    question = grid.question
    expected = expected or Expected.of(question.baseline)
    listed = [point.coefficients for point in grid.points]
    model = None if evaluator is None else predictor_of(evaluator)
    notes: list[str] = []
    if model is None:  # what was measured speaks of other coefficients too
        listed += _light(question)
    found = families(question, listed, phis)
    if evaluator is not None and model is not None:
        found, phis, notes = _covered(evaluator, found, phis)
    if len(found) == 1 and not papers_fits(question):
        raise UserError(
            f"no family that meets the target memory can be judged at phi {_said(phis)}: ask for "
            "more memory, or for another --for-phi"
        )
    if not min(phis) <= question.phi <= max(phis):
        notes.append(
            f"families are judged at phi {_said(phis)}, and not by their networks at phi "
            f"{question.phi:g}, of which many may be the same: --for-phi {question.phi:g} judges "
            "those"
        )
    members = [network for one in found for network in one.members]
    points = () if model is not None else tuple(dict.fromkeys(p.architecture for p in grid.points))
    able = able or (lambda network: evaluator is None or _covers(evaluator, network))
    others = tuple(filter(able, _others(question, found, phis, points))) if points else ()
    before = (
        belief(expected, [*members, *points, *others])
        if model is None
        else predicted(model, expected, members, _roughness(model, expected, found))
    )
    ratios = np.array(
        [
            [question.ratio_of(one) / 2.0**phi for one, phi in zip(each.members, phis, strict=True)]
            for each in found
        ]
    )
    how = slopes(expected, phis)
    return Judge(question, tuple(phis), found, points, before, ratios, how, tuple(notes), others)


def _light(question: Question) -> list[Coefficients]:
    """The combinations of the grid's step that have a network at its phi which meets the memory.

    Of a finer step than FINEST there would be more than can be judged together.
    """
    kept = []
    for coefficients in combinations(max(question.step, FINEST), question.tolerance)[0]:
        with contextlib.suppress(UserError):
            network = family(question, coefficients, (question.phi,)).members[0]
            kept += [coefficients] if question.meets_memory(network) else []
    return kept


def _others(
    question: Question,
    found: Sequence[Family],
    phis: Sequence[float],
    points: Sequence[Architecture],
) -> Iterator[Architecture]:
    """The families' networks at the question's phi within window and memory that are no points.

    None that is one of another phi too, by which the pick may be checked.
    """
    left = set(points)
    for phi, members in zip(phis, zip(*(one.members for one in found), strict=True), strict=True):
        left |= set(members) if phi != question.phi else set()
    for each in found:
        with contextlib.suppress(UserError):
            network = family(question, each.coefficients, (question.phi,)).members[0]
            held = question.meets_window(question.ratio_of(network))
            if network not in left and held and question.meets_memory(network):
                left.add(network)
                yield network


def _said(phis: Sequence[float]) -> str:
    return ", ".join(f"{phi:g}" for phi in phis)


def _covered(
    evaluator: Evaluator, found: Sequence[Family], phis: Sequence[float]
) -> tuple[tuple[Family, ...], list[float], list[str]]:
    """The families and phis that a model speaks of, and what it does not.

    Phis count at which it covers the paper's network, and families that it covers at all of these.

    Raises:
        UserError: There are none.
    """
    covers = functools.cache(functools.partial(_covers, evaluator))
    known = [covers(network) for network in found[0].members]
    kept = [phi for phi, ok in zip(phis, known, strict=True) if ok]
    if not kept:
        raise UserError(
            f"the evaluator covers none of the networks at phi {_said(phis)}: take another "
            "--for-phi or --evaluator"
        )
    short = [
        Family(one.coefficients, tuple(m for m, ok in zip(one.members, known, strict=True) if ok))
        for one in found
    ]
    judged = tuple(one for one in short if all(map(covers, one.members)))
    notes = []
    if len(kept) < len(phis):
        left = _said([phi for phi, ok in zip(phis, known, strict=True) if not ok])
        notes.append(f"not judged at phi {left}: the evaluator does not cover networks so large")
    if len(judged) < len(found):
        count = len(found) - len(judged)
        notes.append(f"{count} families are left out: the evaluator does not cover all of them")
    return judged, kept, notes


def _covers(evaluator: Evaluator, network: Architecture) -> bool:
    try:
        checked(evaluator, network)
    except OutOfDomain:
        return False
    return True


def _roughness(model: Predicts, expected: Expected, found: Sequence[Family]) -> float:
    """How rough the field around a model is near the paper's family, where the best ones are."""
    pairs = [
        (one, two)
        for each in found[1:]
        for one, two in zip(each.members, found[0].members, strict=True)
        if one != two
    ]
    if not pairs:
        return ROUGH
    left, right = (expected.logs(networks) for networks in zip(*pairs, strict=True))
    near = np.argsort(((left - right) ** 2).sum(1), kind="stable")
    return roughness_of(model, expected, [pairs[i] for i in near])
