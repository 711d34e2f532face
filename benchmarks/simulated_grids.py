"""Grids of trainings, simulated: what each rule loses, and where further trainings are worth most.

    python benchmarks/simulated_grids.py [--grids 2000] [--for-phi 1..3] [--noise 0.2,0.6]

EfficientNet-B0's grid at phi 1 is "trained" on 2,000 kinds of images. Each has a law of its own
(the package's with random parts, powers and k), a random field that is rougher than the one
believed, and for each network a part of its own; a training is off by 0.2 to 0.6 points (--noise),
each point has 2 to 5 of them. What counts is the family at 2x to 8x (--for-phi 1: networks of 2x
alone): the true mean top-1 of the best family less that of the family that a rule takes. The rules:
the one that the package had (a t test at 5 % on the pooled deviation with Bonferroni's correction,
then the fewest MACs), the highest mean, and the package's, with even trainings and with as many
that go where they change the choice, to points or to other networks of the families at phi 1.
±: the standard error of a mean. About 3 minutes of one core.
"""

import argparse
import math
from collections import Counter
from collections.abc import Sequence

import numpy as np
from scipy.special import stdtrit

from gridsearch.grid.belief import ELSEWHERE, Floats
from gridsearch.grid.families import family, phis_of
from gridsearch.grid.grid import Question, build_grid
from gridsearch.grid.judge import Judge, judge
from gridsearch.grid.rounds import BATCH
from gridsearch.prior.prior import Expected
from results.runs.records import Trial
from search_spaces.architecture import Architecture
from search_spaces.cost import cost
from search_spaces.networks import EFFICIENTNET_B0

ERROR = 25.0  # of the baseline, percent
OWN = 0.006  # of log error, a network's own part
FIELD = 0.03  # of log error at a log distance of 1, where variances grow with the distance
REPLICATES = (2, 3, 4, 5)


class World:
    """The truth about one kind of images."""

    def __init__(
        self,
        expected: Expected,
        networks: Sequence[Architecture],
        seed: int,
        noise: Sequence[float],
    ) -> None:
        rng = np.random.default_rng(seed)
        logs = expected.logs(networks)
        law = expected.law
        known = law.jacobian(logs, expected.macs, expected.known)
        drop = expected.drop(logs) + known @ (np.array(ELSEWHERE) * rng.standard_normal(9))
        lengths = np.linalg.norm(logs, axis=1)
        apart = np.linalg.norm(logs[:, None] - logs[None], axis=2)
        field = FIELD**2 * (lengths[:, None] + lengths[None] - apart) / 2
        scales, axes = np.linalg.eigh(field)
        root = (axes * np.sqrt(np.maximum(0, scales))) @ axes.T  # whatever the axes' signs
        drop += root @ rng.standard_normal(len(networks))
        drop += OWN * rng.standard_normal(len(networks))
        self.top1 = dict(zip(networks, 100 - ERROR * np.exp(-drop), strict=True))
        self.noise, self._seed = rng.uniform(*noise), seed

    def trained(self, place: int, network: Architecture, seed: int) -> Trial:
        """A training."""
        rng = np.random.default_rng([self._seed, place, seed])
        return Trial(0, {}, network, self.top1[network] + self.noise * rng.normal(), seed=seed)


def old_rule(trials: Sequence[Trial], points: Sequence[Architecture]) -> int:
    """The cheapest of the points that a t test can't tell from the best."""
    values = [[t.accuracy for t in trials if t.architecture == one] for one in points]
    means = np.array([np.mean(each) for each in values])
    freedom = sum(len(each) - 1 for each in values)
    pooled = math.sqrt(sum(np.var(each) * len(each) for each in values) / freedom)
    quantile = stdtrit(freedom, 1 - 0.05 / (len(points) - 1))
    tied = np.flatnonzero(means.max() - means <= quantile * pooled * math.sqrt(2 / len(values[0])))
    costs = [(cost(one).macs, cost(one).params) for one in points]
    least = min(costs[i][0] for i in tied)
    cheap = [i for i in tied if costs[i][0] <= 1.01 * least]
    return int(min(cheap, key=lambda i: (costs[i][1], costs[i][0])))


def adaptive(world: World, by: Judge, first: Sequence[Trial], total: int) -> list[Trial]:
    """As many trainings, those beyond the first two of each point where the judge wants them."""
    trials = list(first)
    counts = Counter(dict.fromkeys(by.points, 2))
    while len(trials) < total:
        for network in by.next(trials, BATCH)[: total - len(trials)]:
            trials.append(world.trained(by.measurable.index(network), network, counts[network]))
            counts[network] += 1
    return trials


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--grids", type=int, default=2000)
    parser.add_argument("--for-phi", default="1..3")
    parser.add_argument("--noise", default="0.2,0.6")
    given = parser.parse_args()
    noise = [float(part) for part in given.noise.split(",")]
    grids, phis = given.grids, phis_of(given.for_phi, 1.0)
    question = Question(EFFICIENTNET_B0)
    grid = build_grid(question)
    expected = Expected.of(EFFICIENTNET_B0)
    by = judge(grid, lambda architecture, budget, seed: 0.0, phis)
    of_point = [by.places.get(family(question, p.coefficients, phis).members) for p in grid.points]
    able = [i for i, place in enumerate(of_point) if place is not None]
    members = [member for each in by.families for member in each.members]
    networks = list(dict.fromkeys([*members, *by.measurable]))
    lost: dict[tuple[str, int], list[float]] = {}
    for n in range(grids):
        world, replicates = World(expected, networks, n, noise), REPLICATES[n % len(REPLICATES)]
        truth = np.array([np.mean([world.top1[m] for m in f.members]) for f in by.families])
        even = [world.trained(i, network, seed) for seed in range(replicates)
                for i, network in enumerate(by.points)]  # fmt: skip
        means = [np.mean([t.accuracy for t in even if t.architecture == by.points[i]])
                 for i in able]  # fmt: skip
        shown = [by.points[i] for i in able]
        old = of_point[able[old_rule([t for t in even if t.architecture in shown], shown)]]
        more = adaptive(world, by, even[: 2 * len(by.points)], len(even))
        taken = {
            "old": old,
            "highest mean": of_point[able[int(np.argmax(means))]],
            "the paper's": 0,
            "new, even trainings": by.choice(even).pick,
            "new, trainings where they count": by.choice(more).pick,
        }
        for rule, place in taken.items():
            lost.setdefault((rule, replicates), []).append(float(truth.max() - truth[place]))
        if n == 0:
            print(f"{len(by.points)} points, {len(by.families)} families", flush=True)
    show(lost)


def show(lost: dict[tuple[str, int], list[float]]) -> None:
    print("| rule | " + " | ".join(f"{n} trainings a point" for n in REPLICATES) + " | all |")
    print("|" + "---|" * (len(REPLICATES) + 2))
    for rule in dict.fromkeys(rule for rule, _ in lost):
        cells = [np.array(lost.get((rule, n), [math.nan])) for n in REPLICATES]
        print(f"| {rule} | " + " | ".join(map(said, [*cells, np.concatenate(cells)])) + " |")
    fewer = [n for n in REPLICATES if n > 2]
    gained = np.concatenate([
        np.array(lost["new, even trainings", n])
        - np.array(lost["new, trainings where they count", n]) for n in fewer
    ])  # fmt: skip
    print(f"\nof more than 2 trainings a point, even less where they count: {said(gained)}")


def said(values: Floats) -> str:
    return f"{values.mean():.3f} ± {values.std() / math.sqrt(len(values)):.3f}"


if __name__ == "__main__":
    main()
