"""A job: a network to evaluate, before it has become a finished trial."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from nas.evaluators import Outcome
from results.runs.records import NO_NOTES, Trial
from search_spaces.architecture import Architecture
from search_spaces.errors import UserError

TRIES = 3  # of a job whose worker died


@dataclass(frozen=True)
class Job:
    """A network to evaluate.

    Attributes:
        number: Its place among all proposals.
        values: The space's choices.
        architecture: What they build.
        seed: For the evaluator.
        budget: What is spent on it, in the evaluator's unit.
    """

    number: int
    values: Mapping[str, Any]
    architecture: Architecture
    seed: int
    budget: float = 1.0

    def finished(self, outcome: Outcome, notes: Mapping[str, Any] | None = None) -> Trial:
        """The trial that the job and its outcome make."""
        measured = outcome.measurement
        return Trial(
            number=self.number,
            values=self.values,
            architecture=self.architecture,
            accuracy=None if measured is None else measured.accuracy,
            spread=None if measured is None else measured.spread,
            error=outcome.error,
            budget=self.budget,
            seed=self.seed,
            seconds=outcome.seconds,
            notes=notes or NO_NOTES,
        )


def strange(job: Job, why: str) -> UserError:
    """What to say of an open job of an earlier session that is none of this run."""
    return UserError(
        f"the open job {job.number} in the run's pending.json can't be taken up: {why}; delete the "
        "file, and the run's open jobs are forgotten"
    )


def say_again(job: Job) -> None:
    """Says on standard error that a job's worker died, and that it is tried again."""
    print(
        f"note: the worker of trial {job.number} died (memory?): the trial is tried again",
        file=sys.stderr,
    )


def died(what: str) -> Outcome:
    """The outcome of a job whose worker died each time."""
    return Outcome(None, f"its {what} died {TRIES} times (memory?)", 0.0)
