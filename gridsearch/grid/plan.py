"""What a grid search is asked to do, and what makes two runs the same experiment."""

import math
from dataclasses import dataclass
from typing import Any

from gridsearch.grid.families import usual_phis
from gridsearch.grid.grid import Question
from gridsearch.prior.evaluators import default_replicates
from nas.search.execution import Execution
from results.runs.folder import run_name
from search_spaces.errors import UserError, check_is, plain
from search_spaces.scaling.coefficients import check_phi
from search_spaces.scaling.rules import rule_name

MODELS = ("prior", "imagenet", "surrogate")  # whose points depend on the phis that they are for
TRAIN = "train"  # the evaluator's name in files, where points are trained
FEWEST = 2  # points that reach the last rung: one alone is compared with nothing
FIRST = 2  # measurements of each point before further ones go where they change the choice
TOLERANCE = 0.1  # points of expected loss that are good enough


def _number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


@dataclass(frozen=True)
class Plan(Execution):
    """A grid search.

    The phis that the family is for, the tolerance, the replicates, name, runs, storage, command,
    executor and resources do not make another experiment of measured points.
    The proxy's pixels are not used, since a network takes its own.

    Attributes:
        question: Its baseline must have the data's classes (`training.fitted`).
        baseline: As the user named it, for messages.
        evaluator: By name; the proxy's training where there is one.
        replicates: Measurements in all / points; None takes the evaluator's. Each point has FIRST
            of them, with seeds 0, 1, ...; the further ones go where they change the choice.
        for_phis: The family is judged by its networks at 2**phi times the baseline's MACs.
        tolerance: Nothing more is measured where the pick is expected to lose no more, points.
        check_phi: One of `judged` but the question's, whose network of the pick's family is
            measured besides; None for none.

    Raises:
        UserError: A field can't be.
    """

    question: Question
    baseline: str
    evaluator: str = "prior"
    replicates: int | None = None
    for_phis: tuple[float, ...] = ()
    tolerance: float = TOLERANCE
    check_phi: float | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        check_is("question", self.question, Question, "a Question, as Question(network, phi=1)")
        check_is("evaluator", self.evaluator, str, "a name, or module:name of your own")
        if self.replicates is not None and self.replicates < 1:
            raise UserError(f"replicates is {self.replicates!r}: expected 1 or more, as 3")
        phis = plain(self.for_phis)
        if not isinstance(phis, tuple | list) or not all(map(_number, phis)) or 0 in phis:
            raise UserError(f"for_phis is {phis!r:.60}: expected numbers but 0, as (1, 2, 3)")
        object.__setattr__(self, "for_phis", tuple(map(check_phi, phis)))
        if self.proxy and self.wanted < 2:
            raise UserError(
                "replicates is 1: one training of each point does not show how much the seed "
                "does; expected 2 or more, as 3"
            )
        if not 0 <= self.tolerance <= 100:
            raise UserError(
                f"the tolerance is {self.tolerance!r}: expected points of top-1, as {TOLERANCE:g}"
            )
        if self.check_phi is not None:
            self._check_checked(self.check_phi)
        if self.eta and self.measure == "prior":
            raise UserError("halving needs budgets, which the prior does not have: train with data")

    def _check_checked(self, phi: float) -> None:
        if self.measure in MODELS:
            raise UserError(
                f"--check-phi is {phi:g} with the evaluator {self.measure}, which measures "
                "nothing: give --data DIR or --evaluator module:name"
            )
        others = [one for one in self.judged if one != self.question.phi]
        if phi not in others:
            judged = ", ".join(f"{one:g}" for one in others) or "which --for-phi says"
            raise UserError(
                f"--check-phi is {phi:g}: expected one of the phis that the family is judged at "
                f"beyond the grid's own, {judged}"
            )

    @property
    def measure(self) -> str:
        """The evaluator's name: `train`, or what was given."""
        return TRAIN if self.proxy else self.evaluator

    @property
    def wanted(self) -> int:
        """Measurements in all / points."""
        return self.replicates or default_replicates(self.measure)

    @property
    def judged(self) -> tuple[float, ...]:
        """The phis whose budgets count."""
        return self.for_phis or usual_phis(self.question.phi)

    @property
    def first(self) -> int:
        """Measurements of each point before any is measured further."""
        return self.wanted if self.eta else min(FIRST, self.wanted)

    @property
    def further(self) -> bool:
        """Whether any measurements go where they change the choice."""
        return self.wanted > self.first

    def sizes(self, points: int) -> tuple[int, ...]:
        """How many points each rung measures."""
        sizes = [points]
        for _ in self.budgets[1:]:
            sizes.append(kept(sizes[-1], self.eta))
        return tuple(sizes)

    def evaluations(self, points: int) -> int:
        """Measurements in all at most, of a grid of so many points."""
        checked = 0 if self.check_phi is None else self.wanted
        return checked + self.wanted * sum(self.sizes(points))

    def experiment(self, training: dict[str, Any] | None = None) -> dict[str, Any]:
        """What makes two runs the same experiment; replicates may grow.

        Args:
            training: The proxy's identity (`training.identity`).
        """
        q = self.question
        halving = {"halving": self.eta, "budgets": list(self.budgets)}
        return {
            "kind": "gridsearch",
            "baseline": q.baseline.id,
            "phi": q.phi,
            "step": q.step,
            "tolerance": q.tolerance,
            "window": q.window,
            "memory": q.memory,
            "rule": rule_name(q.baseline, q.rule),
            "round_resolution": q.round_resolution,
            "evaluator": self.measure,
            **(
                {"for_phi": list(self.for_phis)} if self.for_phis and self.measure in MODELS else {}
            ),
            **({"budget": self.budget} if self.budget != 1 or training else {}),
            **(halving if self.eta else {}),
            **({"training": training} if training else {}),
        }

    def run_name(self) -> str:
        """The name given, or one from what differs from the defaults."""
        if self.name is not None:
            return self.name
        q, default = self.question, Question(self.question.baseline)
        parts = ["grid", q.baseline.name or q.baseline.id, f"phi{q.phi:g}"]
        parts += [f"window{'off' if q.window is None else f'{q.window:g}'}"] * (
            q.window != default.window
        )
        for key in ("step", "tolerance", "memory", "rule", "round_resolution"):
            value = getattr(q, key)
            if value != getattr(default, key):
                text = value if isinstance(value, str) else f"{value:.12g}"
                parts.append(f"{key.split('_')[0]}{text}")
        if self.for_phis:
            parts.append("for" + ",".join(f"{phi:g}" for phi in self.for_phis))
        parts += self.trained
        parts += [self.evaluator] if self.proxy is None and self.evaluator != "prior" else []
        return run_name(parts)


def kept(points: int, eta: int) -> int:
    """How many of a rung's points go on: 1 / eta, rounded up, and not fewer than FEWEST."""
    return max(-(-points // eta), min(points, FEWEST))
