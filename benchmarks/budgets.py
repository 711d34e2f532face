"""Is the pick better than B0 scaled to T, by evidence that did not choose it?

    python benchmarks/budgets.py --data DIR [--targets 30M,60M,...] [--seeds 5] [--splits 2]

Families of evidence are split in two halves; a model fitted on one half searches the space
`mbconv` for each T as `nas search` does, and a model fitted on the other half judges its pick
against EfficientNet-B0 scaled to T by the paper's coefficients; then the halves change places.
DIR holds the tables of `python -m nas.imagenet.evidence.fit`.
"""

import argparse
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from nas.evaluators import Measurement
from nas.imagenet.evidence.fit import BASE, data_of, fit
from nas.imagenet.evidence.rows import read
from nas.imagenet.joint.architectures import numbers_of
from nas.imagenet.joint.model import Joint
from nas.objective import Objective
from nas.search.generations import Generations
from nas.search.otherwise import scaled_b0
from nas.workers.predicting import PredictingExecutor
from search_spaces import cost, space
from search_spaces.quantities import QUANTITIES

TARGETS = "30M,60M,100M,200M,400M,800M,1.6G,3.2G,6.4G"


class Model:
    """A fitted model as a search's evaluator."""

    def __init__(self, joint: Joint) -> None:
        self.joint = joint

    def predict(self, networks):
        return self.joint.predict(numbers_of(networks))

    def __call__(self, architecture, budget, seed):
        mean, spread = self.predict([architecture])
        return Measurement(float(mean[0]), float(spread[0]))

    def gain(self, one, two) -> float:
        """Points that the first is predicted above the second."""
        means = self.joint.means(numbers_of([one, two]))
        return float(means[0] - means[1])


def halves(families: Sequence[str], splits: int) -> list[set[str]]:
    """Halves of the families, drawn so that B0's skeleton and OFA's space are in different ones."""
    names, drawn = sorted(set(families)), []
    for seed in range(splits):
        order = np.random.default_rng(seed).permutation(names)
        half = set(order[: len(names) // 2].tolist()) - {"accel-nasbench", "ofa"}
        drawn.append(half | {"accel-nasbench"})
    return drawn


def pick(model: Model, target: float, trials: int, seed: int):
    """What the default search finds, without its store."""
    objective = Objective("hard", target)
    search = Generations(space("mbconv"), objective, seed=seed, wanted=trials)
    executor, finished = PredictingExecutor(model, model), []
    while True:
        running = 0
        while (job := search.ask()) is not None:
            executor.submit(job)
            running += 1
        if not running:
            return objective.pick(finished).architecture
        finished += [search.tell(*executor.next()) for _ in range(running)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--targets", default=TARGETS)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--splits", type=int, default=2)
    parser.add_argument("--trials", type=int, default=5000)
    given = parser.parse_args()
    rows = read(given.data)
    data, families = data_of(rows), np.array([row.family for row in rows])
    base = next(n for n, row in enumerate(rows) if row.source == BASE)
    reference = data.numbers.take(np.array([base]))
    pairs = []
    for half in halves(families.tolist(), given.splits):
        inside = np.isin(families, sorted(half))
        models = [
            Model(fit(data.take(np.flatnonzero(part)), reference, rows[base].top1))
            for part in (inside, ~inside)
        ]
        pairs += [(models[0], models[1]), (models[1], models[0])]
        print(f"one half: {', '.join(sorted(half))}", flush=True)
    print(
        f"{'T':>6} {'of T':>6} {'promised':>9} {'granted: median':>16} {'least':>6} {'most':>6} s"
    )
    for text in given.targets.split(","):
        target, begun = QUANTITIES["flops"].parse(text, "--targets"), time.perf_counter()
        other = scaled_b0(Objective("hard", target))
        used, promised, granted = [], [], []
        for chooser, judge in pairs:
            for seed in range(given.seeds):
                network = pick(chooser, target, given.trials, seed)
                used.append(cost(network).macs / target)
                promised.append(chooser.gain(network, other))
                granted.append(judge.gain(network, other))
        print(
            f"{text:>6} {np.median(used):6.3f} {np.median(promised):9.2f} "
            f"{np.median(granted):16.2f} {min(granted):6.2f} {max(granted):6.2f} "
            f"{time.perf_counter() - begun:.0f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
