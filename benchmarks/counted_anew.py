"""What counting batch normalization anew does for a short training's number.

    python benchmarks/counted_anew.py IMAGES [--networks 40] [--epochs 3]

The networks of the recorded table (benchmarks/scores.py), trained as there with two seeds. Each
training is measured twice: with the averages of batch normalization that were kept along the way,
and with those counted anew on eight batches of training images, as a search measures it. Printed:
both top-1, what the second has more, and of each way how far two seeds differ (one standard
deviation, points) and Kendall's tau between the orders that they give.
"""

import argparse
from pathlib import Path
from unittest import mock

import numpy as np
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
    parser.add_argument("--epochs", type=float, default=3.0)
    given = parser.parse_args()
    data = Proxy(given.images, 32).images()
    where = for_data(space(SPACE), len(data.classes), data.resolution, data.channels)
    measure = TrainingEvaluator(data, subset=0.1, keep=False)
    drawn = draw(where, [Limit("flops", TARGET)], given.networks, DRAW)
    found = np.zeros((2, 2, len(drawn)))  # (way, seed, network)
    for number, chosen in enumerate(drawn):
        for seed in range(2):
            one = measured(measure, where.build(chosen), given.epochs, seed, data)
            found[:, seed, number] = one
            print(f"{number}, {seed}: {one[0]:.2f} as it was, {one[1]:.2f} anew", flush=True)
    gain = found[1] - found[0]
    print(f"anew {gain.mean():+.2f}, from {gain.min():+.2f} to {gain.max():+.2f}")
    for name, (first, second) in zip(("as it was", "anew"), found, strict=True):
        noise = float(((first - second) ** 2 / 2).mean() ** 0.5)
        print(f"{name}: two seeds differ by {noise:.2f}, tau of theirs {tau(first, second):.2f}")


if __name__ == "__main__":
    main()
