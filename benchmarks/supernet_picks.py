"""Is the pick of a supernet, trained on, better than the pick of a search that trains alone?

    python benchmarks/supernet.py benchmarks/data/cifar10_trainings.csv IMAGES --minutes 33
    python benchmarks/supernet_picks.py benchmarks/data/cifar10_trainings.csv IMAGES

For each seed three picks below the same target are trained by `nas train` with the same images,
epochs and settings, on one thread, and tested on `--test` images of each class that no arm saw:

    supernet   of `nas search --evaluator supernet:RUN`, trained on from its part of the weights
    alone      the best of `--many` networks of the recorded table, drawn with the seed, by one
               training each: what a search by random draws picks after so many trainings
    largest    the one of most multiply-adds of these, which needs no search

Printed: each pick, minutes of both searches by the clock (of the table's trainings as recorded),
the test's top-1, and the differences seed by seed with their 95 % interval (Student's t). Runs are
kept in `--folder`: the same command goes on where it was stopped.
"""

import argparse
import json
import random
import statistics
import time
from pathlib import Path

from fewer_trainings import nas, spread
from scores import networks_of, rows_of
from supernet import unseen_of

from nas.final.files import read_scores
from search_spaces.architecture import to_json
from search_spaces.cost import cost

CHOOSE = 100  # images of each class that choose, the first by name


def test_folder(given: argparse.Namespace) -> Path:
    """The images that the supernet has learned, and others to test."""
    return unseen_of(given.images, given.folder / "test", given.train, CHOOSE, given.test)


def of_supernet(given: argparse.Namespace, seed: int) -> tuple[str, list[object], float]:
    """The search's name, what its training begins with, and minutes of the search."""
    name, begun = f"pick-{seed}", time.monotonic()
    if not (given.folder / name / "best.json").exists():
        nas(given, "search", "--evaluator", f"supernet:{given.folder / 'supernet'}", "--name", name,
            "--target-flops", given.target, "--trials", given.trials, "--seed", seed,
            "--workers", 1)  # fmt: skip
    return name, ["--weights", "supernet"], (time.monotonic() - begun) / 60


def of_table(given: argparse.Namespace, seed: int) -> tuple[dict[str, Path], float]:
    """The files of the table's two picks, and the minutes of its trainings."""
    networks = networks_of(given.table)
    drawn = random.Random(seed).sample(sorted(networks), given.many)
    tops = {number: networks[number][1][seed % 2] for number in drawn}
    picks = {
        "alone": max(drawn, key=tops.__getitem__),
        "largest": max(drawn, key=lambda number: cost(networks[number][0]).macs),
    }
    files = {}
    for arm, number in picks.items():
        files[arm] = given.folder / f"{arm}-{seed}.architecture.json"
        files[arm].write_text(to_json(networks[number][0]) + "\n")
    seconds = sum(
        float(row["seconds"]) for row in rows_of(given.table)
        if int(row["network"]) in drawn and int(row["seed"]) == seed % 2
    )  # fmt: skip
    return files, seconds / 60


def final(given: argparse.Namespace, name: str, network: object, seed: int, *words: object):
    """Multiply-adds, and top-1 of the test after the training that all picks get."""
    if not (given.folder / name / "scores.json").exists():
        nas(given, "train", network, "--data", test_folder(given), "--pixels", 32, "--train-on",
            "cpu", "--threads", 1, "--epochs", given.epochs, "--seed", 100 + seed, "--name", name,
            *words)  # fmt: skip
    return float(read_scores(given.folder / name)["top1"])


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("table", type=Path)
    parser.add_argument("images", type=Path)
    parser.add_argument("--target", default="30M")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--trials", type=int, default=60)
    parser.add_argument("--many", type=int, default=30)
    parser.add_argument("--epochs", type=float, default=6.0)
    parser.add_argument("--train", type=int, default=500)
    parser.add_argument("--test", type=int, default=400)
    parser.add_argument("--folder", type=Path, default=Path("runs/supernet-benchmark"))
    given = parser.parse_args()
    tops: dict[str, list[float]] = {"supernet": [], "alone": [], "largest": []}
    for seed in range(given.seeds):
        name, words, minutes = of_supernet(given, seed)
        best = json.loads((given.folder / name / "best.json").read_text())
        print(f"seed {seed} supernet: {best['macs'] / 1e6:.1f}M, {best['accuracy']:.1f} % with "
              f"inherited weights; {minutes:.1f} min after the supernet", flush=True)  # fmt: skip
        files, minutes = of_table(given, seed)
        print(f"seed {seed} alone: {minutes:.1f} min for {given.many} trainings", flush=True)
        begins = {"supernet": (name, words), **{arm: (file, []) for arm, file in files.items()}}
        for arm, (network, more) in begins.items():
            tops[arm].append(final(given, f"final-{arm}-{seed}", network, seed, *more))
            print(f"seed {seed} {arm}: {tops[arm][-1]:.2f} % of the test", flush=True)
    for arm, found in tops.items():
        less = [a - b for a, b in zip(tops["supernet"], found, strict=True)]
        beside = "" if arm == "supernet" else f"; the supernet's less this one {spread(less)}"
        print(f"{arm:9} {statistics.fmean(found):.2f} ± {statistics.stdev(found):.2f} %{beside}")


if __name__ == "__main__":
    main()
