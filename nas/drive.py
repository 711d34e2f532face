"""The loop of a search: ask, evaluate, store, tell."""

from collections.abc import Callable

from nas.executors import Executor
from nas.search import Exhausted, Search
from results.records import Trial
from results.store import Store
from search_spaces.errors import RunFailure

FAILURES = 10  # a run whose first this many trials all fail stops


def drive(
    search: Search,
    executor: Executor,
    store: Store,
    trials: list[Trial],
    wanted: int,
    show: Callable[[Trial], None] = lambda trial: None,
) -> str | None:
    """Evaluates until `trials` holds `wanted` finished ones; gives why it stopped before, if so.

    trials: those finished before; grows by each new one once that is on disk.
    Raises RunFailure where the store can't be written or the first trials all fail.
    """
    in_flight, exhausted = 0, None
    while len(trials) < wanted:
        while exhausted is None and in_flight < executor.width and len(trials) + in_flight < wanted:
            try:
                executor.submit(search.ask())
                in_flight += 1
            except Exhausted as reason:
                exhausted = str(reason)
        if not in_flight:
            break
        job, outcome = executor.next()
        in_flight -= 1
        trial = search.tell(job, outcome)
        store.append(trial, search.objective.cost(trial.cost))
        trials.append(trial)
        show(trial)
        if len(trials) >= FAILURES and all(one.error for one in trials):
            raise RunFailure(
                f"the first {len(trials)} trials all failed, the last with {trial.error!r}: "
                "nothing can be found this way; mend the evaluator and choose another --name"
            )
    return exhausted
