"""Does a supernet rank networks as trainings alone do? And what does it take?

    python benchmarks/supernet.py benchmarks/data/cifar10_trainings.csv IMAGES --minutes 16

A supernet of `efficientnet-small` is trained for so many minutes on one thread by `nas supernet`
with children near 30M multiply-adds, on `--train` images of each class of IMAGES, the first by
name, and measured on `--val` images of each. Then each network of the recorded table
(benchmarks/scores.py) is measured with its part of the weights. Printed: top-1 of the largest and
the smallest along the training, processor seconds of both parts, the top-1 that networks inherit,
and Kendall's tau between that and the table's mean accuracies, with the interval of networks drawn
anew, beside the tau of multiply-adds; and what one training of the table says of another.
"""

import argparse
import os
import resource
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path

from scores import networks_of, rows_of, seed_noise

from nas.evaluators import evaluator
from nas.final.files import read_history
from nas.scores.rank import ranked, tau
from search_spaces import cost


def part_of(images, folder, each):
    """So many images of each class, the first by name."""
    for split, count in each.items():
        for place in sorted((images / split).iterdir()):
            target = folder / split / place.name
            target.mkdir(parents=True, exist_ok=True)
            for file in sorted(place.iterdir())[:count]:
                shutil.copy2(file, target / file.name)


def unseen_of(images, folder, train, seen, test):
    """Some training images, and as `val` those behind the first `seen` of each class."""
    if not folder.exists():
        part_of(images, folder, {"train": train, "val": seen + test})
        for place in (folder / "val").iterdir():
            for file in sorted(place.iterdir())[:seen]:
                file.unlink()
    return folder


def trained(given, data):
    """Processor seconds of the training; it goes on where it was stopped."""
    command = [
        sys.executable, "-m", "nas", "supernet", "--data", str(data), "--pixels", "32",
        "--target-flops", "30M", "--near-target", "--minutes", str(given.minutes), "--batch",
        str(given.batch), "--threads", "1", "--train-on", "cpu", "--runs", str(given.folder),
        "--name", "supernet",
    ]  # fmt: skip
    subprocess.run(command, check=True, env={**os.environ, "OMP_NUM_THREADS": "1"})
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def words(name, one):
    return (
        f"{name:20} tau {one.tau:5.2f} ({one.low:.2f} to {one.high:.2f}), over MACs "
        f"{one.gain:5.2f} ({one.gain_low:.2f} to {one.gain_high:.2f})"
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("table", type=Path)
    parser.add_argument("images", type=Path)
    parser.add_argument("--minutes", type=float, default=16.0)
    parser.add_argument("--train", type=int, default=500)
    parser.add_argument("--val", type=int, default=100)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--folder", type=Path, default=Path("runs/supernet-benchmark"))
    given = parser.parse_args()
    data = given.folder / "images"
    if not data.exists():
        part_of(given.images, data, {"train": given.train, "val": given.val})
    seconds = trained(given, data)
    run = given.folder / "supernet"
    for row in read_history(run):
        print(f"step {row['step']:.0f}: largest {row['top1']:.1f} %, smallest "
              f"{row['smallest']:.1f} %")  # fmt: skip
    measure = evaluator(f"supernet:{run}")
    networks = networks_of(given.table)
    begun, inherited = time.process_time(), []
    for architecture, _ in networks.values():
        inherited.append(measure(architecture, 1.0, 0).accuracy)
    each = (time.process_time() - begun) / len(inherited)
    accuracies = [own for _, own in networks.values()]
    means = [statistics.fmean(own) for own in accuracies]
    macs = [cost(architecture).macs for architecture, _ in networks.values()]
    short = statistics.median(float(row["seconds"]) for row in rows_of(given.table))
    print(f"{len(means)} networks of the table: {min(means):.1f} to {max(means):.1f} %, seed noise "
          f"{seed_noise(accuracies):.2f} points, {short:.0f} s each (median)")  # fmt: skip
    twice = [own for own in accuracies if len(own) > 1]
    print(f"tau of one seed with the other, of the {len(twice)} trained twice: "
          f"{tau(*zip(*twice, strict=True)):.2f}")  # fmt: skip
    print(
        f"the supernet: {seconds:.0f} processor seconds, then {each:.1f} a network; inherited "
        f"top-1 {min(inherited):.1f} to {max(inherited):.1f} % of {10 * given.val:,} images"
    )
    print(words("supernet", ranked(inherited, means, macs)))
    print(words("multiply-adds", ranked(macs, means, macs)))
    print(f"tau of the supernet with multiply-adds {tau(inherited, macs):.2f}")


if __name__ == "__main__":
    main()
