"""How long strategies take to propose, and how well the predictor's spread is calibrated.

    python benchmarks/strategies.py [--trials 1000,5000] [--batch 32] [--only-time]
        [--strategies predictor,tpe,..]

A search of B0's skeleton within 400M MACs continues from random trials that the surrogate
measured with the noise of one training; then networks are asked for one by one, each told before
the next, and in batches that are told together. Regret and hypervolume are `nas bench`'s.
"""

import argparse
import time

import numpy as np

from nas.bench.play import strategy_of
from nas.bench.tasks import Recipe, surrogate_task, synthetic_task
from nas.evaluators import Measurement, Outcome
from nas.imagenet.process import Process, fit
from nas.objective import Objective
from nas.search.ask import Search
from nas.strategies.codes import positions
from nas.strategies.scores import Warp
from results.runs.records import Trial
from search_spaces.spaces import space

HARD = Objective("hard", 400e6, caution=0.0)


def asked(search: Search, n: int, measure: object) -> tuple[float, float, list[float]]:
    """Processor seconds of n asks together, of the slowest, and each; all are told afterwards."""
    each, jobs = [], []
    for _ in range(n):
        begun = time.process_time()
        jobs.append(search.ask())
        each.append(time.process_time() - begun)
    for job in jobs:
        accuracy = measure(job.architecture, job.seed, job.values)  # type: ignore[operator]
        search.tell(job, Outcome(Measurement(accuracy), None, 0.0))
    return sum(each), max(each), each


def timing(names: list[str], trials: int, batch: int) -> None:
    where = space("efficientnet")
    task = surrogate_task(HARD, where)

    def measure(architecture: object, seed: int, values: object) -> float:
        return task.measured(positions(where.choices, values), seed)  # type: ignore[arg-type]

    codes, _ = task.inner.random(trials, np.random.RandomState(0))
    known = []
    for n, code in enumerate(codes):
        built = task.problem.architecture(code)  # type: ignore[attr-defined]
        values = {k: o[int(i)] for (k, o), i in zip(where.choices.items(), code, strict=True)}
        known.append(Trial(n, values, built, task.measured(code, n)))
    print(f"after {trials} trials: processor ms a proposal, one by one and in batches of {batch}")
    print(
        f"{'strategy':18} {'first':>8} {'median':>8} {'slowest':>8} {'batch, s':>9} {'slowest':>8}"
    )
    for name in names:
        search = Search(where, HARD, strategy_of(name), known=known)
        first = asked(search, 1, measure)[0]
        each = [asked(search, 1, measure)[0] for _ in range(40)]
        batches = [asked(search, batch, measure)[0] for _ in range(6)]
        figures = (1e3 * first, 1e3 * np.median(each), 1e3 * max(each))
        print(f"{name:18} " + " ".join(f"{f:8.1f}" for f in figures), end=" ")
        print(f"{np.median(batches):9.2f} {max(batches):8.2f}", flush=True)


def calibration() -> None:
    print("share of errors within 1 and 2 spreads, and correlation, on 1,000 networks not seen:")
    tasks = [surrogate_task(HARD, space("efficientnet"))]
    tasks += [synthetic_task(Recipe(*one)) for one in ((10, 0.1, 0.2, 1), (30, 0.25, 0.6, 4))]
    for task in tasks:
        for n in (30, 100, 300):
            shares = []
            for seed in range(5):
                codes, facts = task.inner.random(n + 1000, np.random.RandomState(seed))
                x, truth = task.inner.encode(codes, facts), task.truth(codes)
                y = np.array([task.measured(code, seed) for code in codes[:n]])
                warp = Warp.of(y)
                z = warp(y)
                mean, spread = Process(fit(x[:n], z), x[:n]).predict(x[n:], z)
                ends = warp.back(mean + spread) - warp.back(mean - spread)
                error = np.abs(warp.back(mean) - truth[n:]) / (ends / 2)
                r = np.corrcoef(mean, truth[n:])[0, 1]
                shares.append(((error < 1).mean(), (error < 2).mean(), r))
            print(
                f"{task.name:28} {n:4} trials: " + " ".join(f"{s:.2f}" for s in np.mean(shares, 0))
            )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", default="1000")
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--strategies", default="predictor,predictor-front,reinforce,tpe")
    parser.add_argument("--only-time", action="store_true", help="leave out the calibration")
    given = parser.parse_args()
    for trials in map(int, given.trials.split(",")):
        timing(given.strategies.split(","), trials, given.batch)
    if not given.only_time:
        calibration()


if __name__ == "__main__":
    main()
