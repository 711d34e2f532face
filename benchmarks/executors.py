"""How many trainings each executor finishes in the same time, and what it costs a trial.

    python benchmarks/executors.py IMAGES [--trials 12] [--repeats 3] [--cheap 100]

Trainings: one network of `efficientnet-small` within 15M MACs with as many seeds as trials, one
epoch of 5 % of the images, by `local` (one process, one thread), `pool` and `ray` with one worker a
core, started and warmed up before the clock. Cost: trials that compute nothing, seconds each.
"""

import argparse
import os
import statistics
import time
from pathlib import Path

from nas.evaluators import Evaluator
from nas.jobs import Job
from nas.objective import Limit, Objective
from nas.search.audit import draw, left
from nas.search.drive import drive
from nas.search.rounds import Rounds
from nas.training.images import for_data
from nas.training.proxy import Proxy
from nas.workers.executor import Executor, Resources, executor
from search_spaces import space

OBJECTIVE = Objective("hard", 30e6)


class Nowhere:
    def append(self, trial: object, cost: float) -> None:
        """A benchmark's trials are not kept."""


def nothing(architecture: object, budget: float, seed: int) -> float:
    return 50.0


def seconds(made: Executor, jobs: list[Job]) -> float:
    begun = time.perf_counter()
    finished: list = []
    drive(Rounds(OBJECTIVE, lambda done, running: left(jobs, done, running)), made, Nowhere(),
          finished)  # fmt: skip
    assert len(finished) == len(jobs)
    assert not any(trial.error for trial in finished), finished[0].error
    return time.perf_counter() - begun


def measure(evaluator: Evaluator, jobs: list[Job], repeats: int) -> dict[str, list[float]]:
    """Seconds of all jobs by executor, each `repeats` times in turn."""
    made = {n: executor(n, evaluator, Resources(os.cpu_count())) for n in ("local", "pool", "ray")}
    try:
        for one in made.values():
            seconds(one, jobs[:2])  # start the workers
        rows = [{n: seconds(one, jobs) for n, one in made.items()} for _ in range(repeats)]
    finally:
        for one in made.values():
            one.close()
    return {name: [row[name] for row in rows] for name in made}


def span(values: list[float]) -> str:
    return f"{statistics.median(values):.3g} ({min(values):.3g} to {max(values):.3g})"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("images", type=Path)
    parser.add_argument("--trials", type=int, default=12)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--cheap", type=int, default=100)
    given = parser.parse_args()
    proxy = Proxy(given.images, subset=0.05)
    images = proxy.images()
    where = for_data(space("efficientnet-small"), len(images.classes), 32)

    (chosen,) = draw(where, [Limit("flops", 15e6)], 1, 0)

    def jobs(count: int) -> list[Job]:
        return [Job(i, chosen, where.build(chosen), i) for i in range(count)]

    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} before")
    evaluator = proxy.evaluator(images, None, keep=False)
    found = measure(evaluator, jobs(given.trials), given.repeats)
    for name, values in found.items():
        ratio = [a / b for a, b in zip(found["local"], values, strict=True)]
        each = [value / given.trials for value in values]
        print(f"training  {name:6} {span(each)} s a trial, {span(ratio)} times local's trials")
    for name, values in measure(nothing, jobs(given.cheap), given.repeats).items():
        each = [1000 * value / given.cheap for value in values]
        print(f"no work   {name:6} {span(each)} ms a trial")


if __name__ == "__main__":
    main()
