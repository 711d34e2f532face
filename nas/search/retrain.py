"""Training the best of a proxy again, longer and from scratch: what the proxy's word is worth."""

import math
from collections.abc import Iterable

from nas.evaluators import Outcome
from nas.jobs import Job, strange
from nas.search.drive import Around, Proposer
from nas.strategies.registry import derive_seed
from results.runs.records import Trial
from search_spaces.architecture import Architecture
from search_spaces.errors import UserError


def check_longer(budget: float, largest: float) -> None:
    """Refuses a budget of retraining that is not above the search's largest.

    Raises:
        UserError: It is not.
    """
    if not largest < budget < math.inf:
        raise UserError(
            f"retrain_budget is {budget:g}: expected more than the budget of the search, "
            f"{largest:g}"
        )


def comparable(trials: Iterable[Trial]) -> list[Trial]:
    """The trials that were given the largest budget any finished with.

    Accuracies of different budgets don't compare.
    """
    done = [trial for trial in trials if trial.accuracy is not None]
    most = max((trial.budget for trial in done), default=0.0)
    return [trial for trial in done if trial.budget == most]


def longest(trials: Iterable[Trial]) -> dict[Architecture, Trial]:
    """Of each network that was measured the trial of largest budget."""
    latest: dict[Architecture, Trial] = {}
    for trial in trials:
        held = latest.get(trial.architecture)
        if trial.accuracy is not None and (held is None or trial.budget > held.budget):
            latest[trial.architecture] = trial
    return latest


class Retrain(Around):
    """A search whose best networks are trained again, with a larger budget and seeds of their own.

    Args:
        inner: The search; its best are asked for when it has nothing more to ask for.
        count: How many of them.
        budget: Of the trainings.
        largest: The search's largest budget.
        seed: Of the trainings' seeds.
        known: The trials so far, of all budgets.

    Raises:
        UserError: The budget is not above every budget of the search.
    """

    def __init__(
        self,
        inner: Proposer,
        count: int,
        budget: float,
        largest: float,
        seed: int,
        known: Iterable[Trial] = (),
    ) -> None:
        check_longer(budget, largest)
        super().__init__(inner)
        self._count, self._budget, self._seed = count, budget, seed
        self._trials = list(known)
        self._running = 0
        retrained = [trial for trial in self._trials if trial.budget == budget]
        self._begun = {trial.architecture for trial in retrained}
        for trial in retrained:
            inner.reserve(trial.number)

    def ask(self) -> Job | None:
        """The search's next job; after its last one, the best networks not yet begun."""
        job = self._inner.ask()
        if job is not None:
            self._running += 1
            return job
        if self._running:
            return None
        for trial in self._best():
            if trial.architecture not in self._begun:
                self._begun.add(trial.architecture)
                number = self.reserve()
                seed = derive_seed(self._seed, number, 2)
                return Job(number, trial.values, trial.architecture, seed, self._budget)
        return None

    def _best(self) -> list[Trial]:
        """The best of the longest rung; where it holds too few, those of the rungs below."""
        objective = self.objective
        searched = longest(t for t in self._trials if t.budget < self._budget)
        able = [trial for trial in searched.values() if objective.allows(trial)]
        able.sort(key=lambda t: (t.budget, objective.merit(t)), reverse=True)
        return able[: self._count]

    def adopt(self, job: Job) -> bool:
        """Takes up a job that an earlier session was cut off from, if it is wanted."""
        if job.budget == self._budget:
            if all(trial.architecture != job.architecture for trial in self._trials):
                raise strange(job, "its network was not evaluated for less before")
            self._begun.add(job.architecture)
            self.reserve(job.number)
            return True
        wanted = self._inner.adopt(job)
        self._running += wanted
        return wanted

    def tell(self, job: Job, outcome: Outcome) -> Trial:
        """The finished trial; only the search's own are told to the search."""
        if job.budget == self._budget:
            trial = job.finished(outcome)
        else:
            self._running -= 1
            trial = self._inner.tell(job, outcome)
        self._trials.append(trial)
        return trial


def agreement(trials: Iterable[Trial], budget: float) -> tuple[list[tuple[Trial, Trial]], float]:
    """How the search's accuracies agree with those after retraining.

    Returns:
        (proxy, retrained) for each network retrained with `budget`, and Kendall's tau of the two
        accuracies; NaN for fewer than 2.
    """
    from scipy.stats import kendalltau

    known = [trial for trial in trials if trial.accuracy is not None]
    proxies = longest(trial for trial in known if trial.budget < budget)
    pairs = [
        (proxies[trial.architecture], trial)
        for trial in known
        if trial.budget == budget and trial.architecture in proxies
    ]
    if len(pairs) < 2:
        return pairs, float("nan")
    tau = kendalltau([a.accuracy for a, _ in pairs], [b.accuracy for _, b in pairs]).statistic
    return pairs, float(tau)
