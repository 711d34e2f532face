"""What counting batch normalization anew does for a short training's number.

    python benchmarks/counted_anew.py IMAGES [--networks 40] [--seed 1] [--epochs 3]

The networks of the recorded table (benchmarks/scores.py), trained as there. Each is measured twice
after its one training: with the averages of batch normalization that were kept along the way, and
with those counted anew on eight batches of training images, as a search measures it. Printed:
both top-1, their means, and Kendall's tau of each with the table's other trainings.
"""

import argparse
import csv
import statistics
from pathlib import Path
from unittest import mock

import torch
from scores import DRAW, SPACE, TARGET

from nas.objective import Limit
from nas.parent.parent import count_anew
from nas.scores.rank import tau
from nas.search.audit import draw
from nas.training.evaluator import EVAL_BATCH, TrainingEvaluator
from nas.training.images import for_data
from nas.training.loop import count_correct
from nas.training.optimizers import optimizer_for
from nas.training.proxy import Proxy
from nas.training.recipes import FAST
from nas.training.state import Pixels, State
from search_spaces.spaces import space

TABLE = Path(__file__).parent / "data" / "cifar10_trainings.csv"


def measured(measure, network, epochs, seed, data):
    """Top-1 as the averages are, and counted anew."""
    before = []

    def note_and_count(made, batches):
        state = State(made, optimizer_for(made, FAST), averaged=False)
        val = Pixels(data.val_x, data.val_y, torch.device("cpu"))
        before.append(100 * count_correct(state, val, EVAL_BATCH) / data.val)
        count_anew(made, batches)

    with mock.patch("nas.training.evaluator.count_anew", note_and_count):
        after = measure(network, epochs, seed).accuracy
    return before[0], after


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("images", type=Path)
    parser.add_argument("--networks", type=int, default=40)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--epochs", type=float, default=3.0)
    given = parser.parse_args()
    data = Proxy(given.images, 32).images()
    where = for_data(space(SPACE), len(data.classes), data.resolution, data.channels)
    measure = TrainingEvaluator(data, subset=0.1, keep=False)
    with TABLE.open(newline="") as lines:
        others = {
            int(row["network"]): float(row["accuracy"])
            for row in csv.DictReader(lines)
            if int(row["seed"]) != given.seed
        }
    rows = []
    for number, chosen in enumerate(draw(where, [Limit("flops", TARGET)], given.networks, DRAW)):
        rows.append(measured(measure, where.build(chosen), given.epochs, given.seed, data))
        print(f"{number}: {rows[-1][0]:.2f} as it was, {rows[-1][1]:.2f} counted anew", flush=True)
    for name, column in zip(("as it was", "counted anew"), zip(*rows, strict=True), strict=True):
        both = [(top1, others[k]) for k, top1 in enumerate(column) if k in others]
        print(
            f"{name}: {statistics.mean(column):.2f} %, from {min(column):.2f} to "
            f"{max(column):.2f}; tau with another seed {tau(*zip(*both, strict=True)):.2f}"
        )


if __name__ == "__main__":
    main()
