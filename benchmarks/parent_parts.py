"""What a trained network loses where one stage gets fewer blocks, less expansion, fewer channels.

    python benchmarks/parent_parts.py IMAGES WORK

The parent is that of benchmarks/fastnas.py (EfficientNet-Lite0 at 96 px, trained on with 2,000
images), kept in WORK. Each child has one field of one stage made smaller, inherits the rest
(`nas.parent`), has its batch normalization counted anew on 512 training images, no training, and
is measured on the images that choose. Printed: its share of the parent's multiply-adds, its top-1.
"""

import argparse
from dataclasses import replace
from pathlib import Path

from fastnas import begun, folders, parent_network, parent_of_images
from final_training import CPU
from fine_tuning import SIZE

from nas.final.plan import decoded_size
from nas.parent.parent import count_anew, fit_stem
from nas.parent.start import IMAGENET, start_from
from nas.training.augment import MEAN, SPREAD
from nas.training.images import load_images
from nas.training.loop import count_correct, prepare, some_batches
from nas.training.loop import settings as of_torch
from nas.training.optimizers import optimizer_for
from nas.training.recipes import TUNE
from nas.training.state import Pixels, State
from search_spaces.architecture import from_json
from search_spaces.cost import cost


def inherited(child, parent, weights, data):
    """Top-1 of a child without training."""
    made = begun(child, start_from(weights, child, parent))
    fit_stem(made, IMAGENET, MEAN / 255, SPREAD / 255)
    made = prepare(made, CPU)
    count_anew(made.eval(), some_batches(Pixels(data.train_x, data.train_y, CPU), 64))
    state = State(made, optimizer_for(made, TUNE), averaged=False)
    return 100 * count_correct(state, Pixels(data.val_x, data.val_y, CPU), 250) / data.val


def children(parent):
    """(what is less, child), one field of one stage at a time, and the expansion of all."""
    whole = parent.stages
    for part in (2 / 3, 1 / 2):
        less = [replace(s, expand=max(1, s.expand * part)) for s in whole]
        yield f"all stages, expansion x{part:.2f}", replace(parent, stages=tuple(less))
    for place, stage in enumerate(whole):
        fields = {
            "expand": [stage.expand * part for part in (2 / 3, 1 / 2, 1 / 3) if stage.expand > 1],
            "channels": [stage.channels * 3 // 4, stage.channels // 2],
            "repeats": range(1, stage.repeats),
            "kernel": range(3, stage.kernel, 2),
        }
        for field, values in fields.items():
            for value in values:
                less = [*whole[:place], replace(stage, **{field: value}), *whole[place + 1 :]]
                said = f"stage {place}, {field} {getattr(stage, field):g} -> {value:g}"
                yield said, replace(parent, stages=tuple(less))


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("images", type=Path)
    parser.add_argument("work", type=Path)
    parser.add_argument("--parent-epochs", type=float, default=6.0)
    given = parser.parse_args()
    images, tests = folders(given.images, given.work)
    data, test = (load_images(folder, decoded_size(SIZE, None)) for folder in (images, tests))
    with of_torch(1, CPU):
        network = parent_network(len(data.classes))
        weights = parent_of_images(given, network, data, test)
        parent = from_json((given.work / "parent.json").read_text())
        macs = cost(parent).macs
        print(f"the parent, {macs / 1e6:.1f}M: {inherited(parent, parent, weights, data):.1f} %")
        for said, child in children(parent):
            top1 = inherited(child, parent, weights, data)
            print(f"{said}: {cost(child).macs / macs:.3f}, {top1:.1f} %", flush=True)


if __name__ == "__main__":
    main()
