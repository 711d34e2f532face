"""Asynchronous successive halving by promotion (Li et al. 2020, ASHA), for several objectives.

Optuna's `report` and `should_prune` refuse several objectives, so halving asks here instead: a
network that is among the best 1/eta of its rung is asked for again with a larger budget, before
any new one. A trainer with checkpoints goes on from where the smaller budget ended.
"""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from nas.evaluators import Outcome
from nas.jobs import Job, strange
from nas.objective import Objective
from nas.search.drive import Around
from results.runs.front import fronts
from results.runs.records import Trial
from search_spaces.architecture import Architecture
from search_spaces.errors import UserError, meant

if TYPE_CHECKING:
    from nas.search.ask import Search


class Halving(Around):
    """A search whose networks start at the smallest of `budgets` and rise by promotion.

    The sampler learns from the first rung alone, where all results compare.

    Args:
        search: Proposes new networks.
        budgets: Of the rungs, ascending.
        eta: The best 1/eta of a rung rises.
        ranking: `reward`, or `front`, non-dominated sorting of cautious accuracy and cost.
        known: The trials so far, of all rungs.

    Raises:
        UserError: There is no such ranking.
    """

    def __init__(
        self,
        search: "Search",
        budgets: Sequence[float],
        eta: int,
        ranking: str = "reward",
        known: Iterable[Trial] = (),
    ) -> None:
        check_ranking(ranking)
        super().__init__(search)
        self._budgets, self._eta = tuple(budgets), eta
        self._rank = RANKINGS[ranking]
        self._rungs: list[dict[Architecture, Trial]] = [{} for _ in self._budgets]
        self._promoted: list[set[Architecture]] = [set() for _ in self._budgets]
        self._next = 0
        for trial in known:
            self._keep(trial)

    def _rung(self, budget: float) -> int:
        return min(range(len(self._budgets)), key=lambda i: abs(self._budgets[i] - budget))

    def _keep(self, trial: Trial) -> None:
        rung = self._rung(trial.budget)
        self._rungs[rung][trial.architecture] = trial
        if rung:
            self._promoted[rung - 1].add(trial.architecture)
        self._inner.reserve(trial.number)

    def ask(self) -> Job | None:
        """A promotion where one is due, highest rung first; else a new network, or None."""
        for rung in reversed(range(len(self._budgets) - 1)):
            here = [t for t in self._rungs[rung].values() if t.accuracy is not None]
            best = self._rank(here, self.objective)[: len(self._rungs[rung]) // self._eta]
            for trial in best:
                if trial.architecture not in self._promoted[rung]:
                    return self._promote(trial, rung)
        return self._inner.ask()

    def _promote(self, trial: Trial, rung: int) -> Job:
        self._promoted[rung].add(trial.architecture)
        budget = self._budgets[rung + 1]
        number = self._inner.reserve()
        return Job(number, trial.values, trial.architecture, trial.seed, budget)

    def adopt(self, job: Job) -> bool:
        """Takes up a job that an earlier session was cut off from, if it is wanted."""
        rung = self._rung(job.budget)
        if rung == 0:
            return self._inner.adopt(job)
        if job.architecture not in self._rungs[rung - 1]:
            raise strange(job, "its network was not evaluated for less before")
        self._promoted[rung - 1].add(job.architecture)
        self._inner.reserve(job.number)
        return True

    def tell(self, job: Job, outcome: Outcome) -> Trial:
        """The finished trial; only the first rung's is told to the sampler."""
        first = self._rung(job.budget) == 0
        trial = self._inner.tell(job, outcome) if first else job.finished(outcome)
        self._keep(trial)
        return trial


def by_reward(trials: Sequence[Trial], objective: Objective) -> list[Trial]:
    """Best reward first, of equal ones the cheapest."""
    return sorted(trials, key=objective.merit, reverse=True)


def by_front(trials: Sequence[Trial], objective: Objective) -> list[Trial]:
    """Front by front (Deb et al. 2002), within one as `by_reward`."""
    cautious = [objective.cautious(trial) or 0.0 for trial in trials]
    ranks = fronts(cautious, [objective.cost(trial.architecture) for trial in trials])
    merits = [objective.merit(trial) for trial in trials]
    order = sorted(range(len(trials)), key=lambda i: (-ranks[i], merits[i]), reverse=True)
    return [trials[i] for i in order]


# A ranking is one function and one line here.
RANKINGS = {"reward": by_reward, "front": by_front}


def check_ranking(name: str) -> None:
    """Refuses a name that no ranking has.

    Raises:
        UserError: It is one.
    """
    if name not in RANKINGS:
        raise UserError(
            f"there is no ranking {name!r}{meant(name, RANKINGS)}: expected one of "
            f"{', '.join(RANKINGS)}"
        )
