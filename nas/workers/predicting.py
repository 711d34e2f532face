"""An executor for evaluators that are models: what was submitted is predicted in one call."""

import time
from collections import deque

from nas.evaluators import Evaluator, Measurement, Outcome, Predicts, evaluate
from nas.jobs import Job
from search_spaces.errors import OutOfDomain


class PredictingExecutor:
    """Predicts all waiting jobs at once when the first of their outcomes is asked for.

    Args:
        model: Predicts many networks at once.
        evaluator: The same object, asked network by network where the model refuses some of them.
    """

    width = 512

    def __init__(self, model: Predicts, evaluator: Evaluator) -> None:
        self._model, self._evaluator = model, evaluator
        self._waiting: list[Job] = []
        self._ready: deque[tuple[Job, Outcome]] = deque()

    def submit(self, job: Job) -> None:
        """Takes a job."""
        self._waiting.append(job)

    def next(self) -> tuple[Job, Outcome]:
        """A finished job, in the order in which they were submitted."""
        if not self._ready:
            jobs, self._waiting = self._waiting, []
            self._ready.extend(zip(jobs, self._predicted(jobs), strict=True))
        return self._ready.popleft()

    def _predicted(self, jobs: list[Job]) -> list[Outcome]:
        start = time.perf_counter()
        try:
            means, spreads = self._model.predict([job.architecture for job in jobs])
        except OutOfDomain:
            return [evaluate(self._evaluator, j.architecture, j.budget, j.seed) for j in jobs]
        each = (time.perf_counter() - start) / max(1, len(jobs))
        return [
            Outcome(Measurement(float(mean), float(spread)), None, each)
            for mean, spread in zip(means, spreads, strict=True)
        ]

    def close(self) -> None:
        """Nothing was started."""
