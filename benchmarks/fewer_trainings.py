"""Do 12 trainings with a prior find what 30 find without one? Whole searches on one's own images.

    python benchmarks/fewer_trainings.py IMAGES [--target 15M] [--seeds 3] [--prior imagenet]

For each seed `nas search --data` runs twice, on one thread and with one worker: with `--prior none`
for 30 trainings, and with the prior for 12. The third arm is what the first would have picked after
its first 12. Each pick is then trained by `nas train` with the same settings. Everything is on
`--train` images of each class of IMAGES, the first by name, and validated on `--val` of each. Runs
are kept in `--folder`: the same command goes on where it was stopped.

Printed: each pick with its multiply-adds, its top-1 in the search and after the final training, the
processor minutes of the search, and the differences seed by seed with their 95 % interval
(Student's t).
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
from pathlib import Path

from scipy import stats
from supernet import part_of

from nas.final.files import read_scores


def nas(given: argparse.Namespace, *words: object) -> None:
    """Runs one command on one thread."""
    command = [sys.executable, "-m", "nas", *map(str, words), "--runs", str(given.folder)]
    subprocess.run(command, check=True, env={**os.environ, "OMP_NUM_THREADS": "1"},
                   stdout=subprocess.DEVNULL)  # fmt: skip


def picked(given: argparse.Namespace, seed: int, prior: str, trials: int) -> dict:
    """What a search picks after so many trainings; a search of more goes on from one of fewer."""
    kept = given.folder / "picks" / f"{prior}-{trials}-{seed}.json"
    if not kept.exists():
        name = f"{prior}-{seed}"
        nas(given, "search", "--data", given.folder / "images", "--target-flops", given.target,
            "--pixels", 32, "--executor", "local", "--train-on", "cpu", "--epochs", given.epochs,
            "--trials", trials, "--prior", prior, "--seed", seed, "--name", name)  # fmt: skip
        kept.parent.mkdir(exist_ok=True)
        best = json.loads((given.folder / name / "best.json").read_text())
        kept.write_text(json.dumps(best, indent=1) + "\n")
    return json.loads(kept.read_text())


def final(given: argparse.Namespace, seed: int, pick: dict) -> float:
    """Top-1 of the pick after the training that all picks get; a pick of two arms is trained once.

    Its seed is none of the searches'.
    """
    network = given.folder / "picks" / f"{pick['id']}.architecture.json"
    network.write_text(json.dumps(pick["architecture"]) + "\n")
    name = f"final-{pick['id']}-{seed}"
    nas(given, "train", network, "--data", given.folder / "images", "--pixels", 32, "--train-on",
        "cpu", "--threads", 1, "--epochs", given.final_epochs, "--seed", 100 + seed,
        "--name", name)  # fmt: skip
    return float(read_scores(given.folder / name)["top1"])


def spread(values: list[float]) -> str:
    """Mean and half the 95 % interval."""
    half = stats.t.ppf(0.975, len(values) - 1) * statistics.stdev(values) / len(values) ** 0.5
    return f"{statistics.fmean(values):+.2f} ± {half:.2f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("images", type=Path)
    parser.add_argument("--target", default="15M")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--prior", default="imagenet")
    parser.add_argument("--epochs", type=float, default=2.0)
    parser.add_argument("--final-epochs", type=float, default=12.0)
    parser.add_argument("--few", type=int, default=12)
    parser.add_argument("--many", type=int, default=30)
    parser.add_argument("--train", type=int, default=200)
    parser.add_argument("--val", type=int, default=100)
    parser.add_argument("--folder", type=Path, default=Path("runs/fewer-trainings"))
    given = parser.parse_args()
    if not (given.folder / "images").exists():
        part_of(given.images, given.folder / "images", {"train": given.train, "val": given.val})
    arms = [(given.prior, given.few), ("none", given.few), ("none", given.many)]
    tops: dict[tuple[str, int], list[float]] = {arm: [] for arm in arms}
    for seed in range(given.seeds):
        for arm in arms:
            pick = picked(given, seed, *arm)
            tops[arm].append(final(given, seed, pick))
            print(f"seed {seed} {arm[0]:8} {arm[1]} trainings: {pick['id']} "
                  f"{pick['macs'] / 1e6:.2f}M, {pick['accuracy']:.2f} % in the search, "
                  f"{tops[arm][-1]:.2f} % trained", flush=True)  # fmt: skip
    first = tops[arms[0]]
    for arm, found in tops.items():
        less = [a - b for a, b in zip(first, found, strict=True)]
        beside = "" if arm == arms[0] else f"; the first less this one {spread(less)}"
        print(f"{arm[0]:8} {arm[1]} trainings: {statistics.fmean(found):.2f} ± "
              f"{statistics.stdev(found):.2f} %{beside}")  # fmt: skip


if __name__ == "__main__":
    main()
