"""Does a search that trains on one's own images beat the median random network of equal cost?

    python benchmarks/training_search.py IMAGES [--executor pool] [--trials 12] [--epochs 2]
        [--subset 0.1] [--retrain-epochs 6] [--random 5] [--seed 0]

Runs `nas search --data IMAGES --target-flops 30M` with halving, and retrains its best two from
scratch. Then draws random networks of the same space whose MACs are within 10 % of the pick's, and
trains each from scratch in the same way, with the same epochs. Prints the pick's top-1 against
theirs, and the time of each part. One search, one training of each network: the spread between
seeds is what `nas audit` measures, and is not in these numbers.
"""

import argparse
import os
import statistics
import tempfile
import time
from pathlib import Path

from nas.jobs import Job
from nas.objective import Limit, Objective
from nas.search.audit import draw, left
from nas.search.drive import drive
from nas.search.plan import Plan
from nas.search.rounds import Rounds
from nas.search.run import prepare, run
from nas.training.images import for_data
from nas.training.proxy import Proxy
from nas.workers.executor import Resources, executing
from search_spaces import cost, space

TARGET = 30e6


def rivals(plan: Plan, macs: int, count: int) -> list[Job]:
    """Trainings of random networks whose MACs are within 10 % of `macs`."""
    images = plan.proxy.images()
    where = for_data(space(plan.space), len(images.classes), images.resolution)
    near, tried = [], 0
    while len(near) < count:
        tried += 40
        drawn = draw(where, [Limit("flops", 1.1 * macs)], tried, plan.seed + 1)
        near = [v for v in drawn if cost(where.build(v)).macs >= 0.9 * macs][:count]
    return [
        Job(i, values, where.build(values), 1000 + i, plan.retrain_budget)
        for i, values in enumerate(near)
    ]


class Nowhere:
    def append(self, trial: object, cost: float) -> None:
        """A benchmark's rivals are not kept."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("images", type=Path)
    parser.add_argument("--executor", default="pool")
    parser.add_argument("--trials", type=int, default=12)
    parser.add_argument("--epochs", type=float, default=2)
    parser.add_argument("--subset", type=float, default=0.1)
    parser.add_argument("--retrain-epochs", type=float, default=6)
    parser.add_argument("--random", type=int, default=5)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        plan = Plan(
            Objective("hard", TARGET), space="efficientnet-small", strategy="tpe",
            trials=given.trials, seed=given.seed, budget=given.epochs, eta=2, retrain=2,
            retrain_budget=given.retrain_epochs, proxy=Proxy(given.images, subset=given.subset),
            executor=given.executor, resources=Resources(os.cpu_count()), runs=Path(folder),
        )  # fmt: skip
        plan.proxy.images()  # decode before the clock starts
        begun = time.perf_counter()
        result = run(plan)
        searched = time.perf_counter() - begun
        pick = result.pick
        jobs = rivals(plan, pick.cost.macs, given.random)
        others: list = []
        with executing(plan.executor, prepare(plan).evaluator, plan.resources) as hands:
            asked = Rounds(plan.objective, lambda done, running: left(jobs, done, running), others)
            drive(asked, hands, Nowhere(), others)
    accuracy = sorted(trial.accuracy for trial in others if trial.accuracy is not None)
    macs = [trial.cost.macs / 1e6 for trial in others]
    median = statistics.median(accuracy)
    print(
        f"{given.executor}, {os.cpu_count()} cores; {len(result.trials)} trials in {searched:.0f} s"
    )
    print(f"pick: {pick.cost.macs / 1e6:.1f}M MACs, {pick.accuracy:.2f} % (+- {pick.spread:.2f})")
    print(
        f"{len(accuracy)} random of {min(macs):.1f}M to {max(macs):.1f}M: "
        + ", ".join(f"{one:.2f}" for one in accuracy)
        + f"; median {median:.2f}"
    )
    print(f"the pick is {pick.accuracy - median:+.2f} points from the median")


if __name__ == "__main__":
    main()
