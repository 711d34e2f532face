"""What does a prior save, and what does it cost where it is noise? Games of `predictor` with each.

    python benchmarks/priors.py KEPT.csv [--seeds 20] [--tasks synthetic,surrogate,recorded]

Synthetic tables (`nas bench`), 60 trainings a game, each seed with a prior of its own: `right`
correlates with the true accuracy of random networks by 0.7 (its error is smooth: of single choices
and pairs of them), `reversed` by -0.7, `noise` is such an error alone, and `own noise` a number of
each network alone. The surrogate's table (EfficientNet-B0's skeleton, T = 400M; a quarter of the
seeds) has the ImageNet prediction as its prior; both are fitted to Accel-NASBench, so this is more
than it can be on one's own images. The recorded table is `benchmarks/data/cifar10_trainings.csv`
(networks trained for 3 epochs with two seeds, whose mean counts as the truth), with their
ImageNet predictions and recorded scores. Games are kept in KEPT.csv; the same command goes on.
"""

import argparse
import csv
import functools
from collections.abc import Callable
from pathlib import Path

import numpy as np

from nas.bench.play import Play, Player, rewards
from nas.bench.report import interval
from nas.bench.tables import read_task
from nas.bench.tasks import Task, recipe, surrogate_task, synthetic_task
from nas.objective import Objective
from nas.prior.known import PRIORS, SCORED, Prior
from nas.strategies.codes import Codes, Floats, values_of
from nas.strategies.predictor import PredictorSampler
from nas.strategies.registry import Strategy
from search_spaces.spaces import space

DATA = Path(__file__).parent / "data" / "cifar10_trainings.csv"
SYNTHETIC = ("synthetic:16,0.3,0.3,2", "synthetic:24,0.1,0.3,3")
LENGTH, CORRELATION = 60, 0.7
Feature = Callable[[Codes], Floats]


def smooth(sizes: list[int], seed: int) -> Feature:
    """A random function of single choices and as many pairs of them."""
    rng = np.random.default_rng((7, seed))
    main = [rng.normal(0, 1, size) for size in sizes]
    pairs = [rng.choice(len(sizes), 2, replace=False) for _ in sizes]
    joint = [rng.normal(0, 1, (sizes[a], sizes[b])) for a, b in pairs]

    def of(codes: Codes) -> Floats:
        found = sum(gains[codes[:, i]] for i, gains in enumerate(main))
        both = zip(pairs, joint, strict=True)
        return np.asarray(found + sum(g[codes[:, a], codes[:, b]] for (a, b), g in both))

    return of


def own(choices: int, seed: int) -> Feature:
    """Normal numbers, another one for each network."""
    turns = np.random.default_rng((8, seed)).uniform(1e3, 1e4, (2, choices))

    def of(codes: Codes) -> Floats:
        one, other = np.abs(np.sin(codes @ turns.T)).T * 1e4 % 1
        return np.sqrt(-2 * np.log(1 - one)) * np.cos(2 * np.pi * other)

    return of


def standard(task: Task, of: Feature) -> Feature:
    """The same of mean 0 and spread 1 among random networks."""
    values = of(task.inner.random(2000, np.random.RandomState(5))[0])
    return lambda codes: (of(codes) - values.mean()) / values.std()


def made_up(task: Task, kind: str, seed: int) -> Prior:
    """A prior of a synthetic table."""
    sizes = [len(options) for options in task.problem.choices.values()]
    error = standard(task, smooth(sizes, seed))
    if kind == "own noise":
        error = own(len(sizes), seed)
    truth = standard(task, task.truth)
    share = {"right": CORRELATION, "reversed": -CORRELATION}.get(kind, 0.0)
    rest = (1 - share**2) ** 0.5
    return Prior(
        (kind,), lambda problem, codes: (share * truth(codes) + rest * error(codes))[:, None]
    )


def recorded(task: Task, kind: str, seed: int) -> Prior:
    """What is known of the recorded table's networks."""
    if kind == "noise":
        return made_up(task, kind, seed)
    if kind == "imagenet":
        where = space("efficientnet-small")

        class Built:
            def networks(self, codes: Codes) -> list:
                choices = task.problem.choices
                return [where.build({**fixed, **values_of(choices, row)}) for row in codes]

        fixed = {n: o[0] for n, o in where.choices.items() if n not in task.problem.choices}
        of = PRIORS["imagenet"]().of
        return Prior((kind,), lambda problem, codes: of(Built(), codes))
    with DATA.open(newline="") as lines:
        names, values = list(task.problem.choices), {}
        for row in csv.DictReader(lines):
            values[row["network"]] = tuple(float(row[name]) for name in names)
    found: dict[tuple, list[float]] = {code: [] for code in values.values()}
    with DATA.with_suffix(".scores.csv").open(newline="") as lines:
        rows = [r for r in csv.DictReader(lines) if r["seen"] != "images" and r["seed"] == "0"]
    for score in SCORED:
        for row in rows:
            if row["score"] == score:
                found[values[row["network"]]].append(float(row["value"]))

    def of_table(problem: object, codes: Codes) -> Floats:
        chosen = [values_of(task.problem.choices, code) for code in codes]
        return np.array([found[tuple(float(v) for v in one.values())] for one in chosen])

    return Prior(SCORED, of_table, few=True, hopeful=False)


def tasks(wanted: list[str]) -> list[tuple[Task, tuple[str, ...], Callable, int, int]]:
    """Tasks with their priors, how these are made, trainings a game, and seeds: one in so many."""
    every: list[tuple[Task, tuple[str, ...], Callable, int, int]] = []
    if "synthetic" in wanted:
        kinds = ("none", "noise", "own noise", "right", "reversed")
        for name in SYNTHETIC:
            every.append((synthetic_task(recipe(name)), kinds, made_up, LENGTH, 1))
    if "surrogate" in wanted:
        where = surrogate_task(Objective("hard", 400e6, caution=0.0), space("efficientnet"))
        prior = functools.cache(PRIORS["imagenet"])
        every.append((where, ("none", "imagenet"), lambda *_: prior(), LENGTH, 4))
    if "recorded" in wanted:
        table = read_task(DATA, target=30e6, choices=("stage*",))
        every.append((table, ("none", "imagenet", "scores", "noise"), recorded, 20, 1))
    return every


def game(task: Task, kind: str, make: Callable, seed: int, length: int) -> Floats:
    """The true reward of the pick after each training."""
    prior = None if kind == "none" else make(task, kind, seed)
    strategy = Strategy(lambda s, p: PredictorSampler(s, p, prior=prior), informed=True)
    player, rows = Player(task, strategy, seed), []
    while len(rows) < length and (asked := player.ask()) is not None:
        rows.append((*player.tell(*asked), 0.0))
    return rewards(task, Play(kind, seed, np.array(rows)))


def needed(regret: Floats, goal: float) -> int:
    """The first training after which the mean regret of games (seeds, n) is the goal or less."""
    reached = np.flatnonzero(regret.mean(0) <= goal + 1e-12)
    return int(reached[0]) + 1 if len(reached) else regret.shape[1] + 1


def needs(regret: Floats, today: Floats, at: int) -> str:
    """Trainings for today's mean regret after `at`, and 95 % when seeds are drawn anew."""
    rng, drawn = np.random.default_rng(0), []
    for _ in range(1000):
        rows = rng.integers(len(today), size=len(today))
        drawn.append(needed(regret[rows], today[rows, at - 1].mean()))
    low, high = np.quantile(drawn, [0.025, 0.975]).round().astype(int)
    found, most = needed(regret, today[:, at - 1].mean()), regret.shape[1]
    last, end = (str(n) if n <= most else "more" for n in (found, high))
    return f"{last} ({low} to {end})"


def report(task: Task, games: dict[str, Floats]) -> None:
    """The table of a task, in Markdown."""
    length = next(iter(games.values())).shape[1]
    at = [n for n in (10, 20, 30, 50) if n <= length] if length >= LENGTH else [5, 8, 12, 16]
    goals = [n for n in (20, 50) if n in at] or [12]
    print(f"\n{task.name}, {len(games['none'])} seeds\n")
    heads = ["prior", *map(str, at), *(f"as none after {n}, trainings" for n in goals)]
    heads += [f"less none's at {at[-1]}"]
    print("| " + " | ".join(heads) + " |\n" + "|---" * len(heads) + "|")
    for kind, regret in games.items():
        cells = [f"{regret[:, n - 1].mean():.2f} ± {interval(regret[:, n - 1]):.2f}" for n in at]
        cells += [needs(regret, games["none"], n) for n in goals]
        gap = (regret - games["none"])[:, at[-1] - 1]
        cells += ["" if kind == "none" else f"{gap.mean():+.2f} ± {interval(gap):.2f}"]
        print("| " + " | ".join([f"`{kind}`", *cells]) + " |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kept", type=Path)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--tasks", default="synthetic,surrogate,recorded")
    given = parser.parse_args()
    held: dict[tuple[str, str, int], Floats] = {}
    if given.kept.exists():
        for row in csv.reader(given.kept.read_text().splitlines()):
            held[row[0], row[1], int(row[2])] = np.array(row[3:], float)
    for task, kinds, make, length, every in tasks(given.tasks.split(",")):
        for seed in range(-(-given.seeds // every)):
            for kind in kinds:
                if (task.name, kind, seed) in held:
                    continue
                played = held[task.name, kind, seed] = game(task, kind, make, seed, length)
                with given.kept.open("a", newline="") as lines:
                    csv.writer(lines, lineterminator="\n").writerow(
                        [task.name, kind, seed, *(f"{v:.6g}" for v in played)]
                    )
        seeds = range(-(-given.seeds // every))
        regrets = {k: task.best - np.stack([held[task.name, k, s] for s in seeds]) for k in kinds}
        report(task, regrets)


if __name__ == "__main__":
    main()
