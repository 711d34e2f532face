"""An executor for evaluators that are models: what was submitted is predicted in one call."""

import time
from collections import deque
from collections.abc import Callable, Sequence

from nas.evaluators import Evaluator, Measurement, Outcome, Predicts, evaluate, predictor_of
from nas.jobs import Job
from nas.watch import Running
from results.runs.records import Trial
from results.terminal import tell
from search_spaces.architecture import Architecture
from search_spaces.errors import OutOfDomain

ALIKE = 1e-3  # points that a prediction, or its spread, may differ from what was stored of it


def changed(evaluator: Evaluator, trials: Sequence[Trial], run: str) -> bool:
    """Whether the stored predictions of a run are another model's, which is said.

    Args:
        evaluator: That of the run now.
        trials: Stored.
        run: Its name.
    """
    stored = next((trial for trial in trials if trial.accuracy is not None), None)
    if stored is None or predictor_of(evaluator) is None:
        return False
    now = evaluate(evaluator, stored.architecture, stored.budget, stored.seed).measurement
    if now is None:
        return False
    spreads = (now.spread, stored.spread)
    off = 0.0 if None in spreads else abs((now.spread or 0.0) - (stored.spread or 0.0))
    if max(off, abs(now.accuracy - (stored.accuracy or 0.0))) <= ALIKE:
        return False
    tell(
        f"note: what {run} holds was predicted by another version of the model: it stays as it is, "
        "and what is new is predicted by this one; another --name begins anew"
    )
    return True


class PredictingExecutor:
    """Predicts all waiting jobs at once when the first of their outcomes is asked for.

    Args:
        model: Predicts many networks at once.
        evaluator: The same object, asked network by network where the model refuses some of them.
        together: Gives networks that are predicted along, a generation's: what a model says of a
            network may hang by a hair on those beside it, and a search that was cut off and
            continued is to hear the same.
    """

    width = 512

    def __init__(
        self,
        model: Predicts,
        evaluator: Evaluator,
        together: Callable[[], Sequence[Architecture]] = tuple,
    ) -> None:
        self._model, self._evaluator, self._together = model, evaluator, together
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
            networks = self._batch(jobs)
            means, spreads = self._model.predict(networks)
        except OutOfDomain:
            return [evaluate(self._evaluator, j.architecture, j.budget, j.seed) for j in jobs]
        each = (time.perf_counter() - start) / max(1, len(networks))
        rows = range(len(jobs))
        if len(networks) > len(jobs):
            place = {network: at for at, network in enumerate(networks)}
            rows = [place[job.architecture] for job in jobs]  # type: ignore[assignment]
        return [
            Outcome(Measurement(float(means[at]), float(spreads[at])), None, each) for at in rows
        ]

    def _batch(self, jobs: list[Job]) -> list[Architecture]:
        """The jobs' networks, or all of the generation that they are of."""
        own = [job.architecture for job in jobs]
        whole = list(self._together())
        return whole if len(whole) > len(own) and set(own) <= set(whole) else own

    def running(self) -> Sequence[Running]:
        """None: a generation takes no time."""
        return []

    def close(self) -> None:
        """Nothing was started."""
