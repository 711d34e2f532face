"""`nas train` against timm's defaults and against a search's `--retrain`, at equal processor time.

    python benchmarks/final_training.py --data cifar10 --minutes 5 --seeds 3

One network of about 30M multiply-adds at 32 px (drawn from `efficientnet-small`), the same part of
the images, one thread. Each arm is timed on a few steps first, and gets as many epochs as fit into
the same processor time; what it really took is printed beside its top-1.

    train    nas.final: a schedule to 0, averaged weights, crops and mirroring by the length
    timm     timm's transforms, optimizer, schedule and loss, with the defaults of its train script:
             sgd 0.05 (128 images), a part of 8 to 100 % of the area, colour jitter 0.4, label
             smoothing 0.1, cosine; the warm-up of 5 epochs is cut to a fifth of the training, and
             there is no cool-down, or nothing would be left of so short a training
    retrain  what `nas search --retrain` does: the recipe `fast`, constant rate, averaged weights

The decoding of JPEG files is paid by none of them.
"""

import argparse
import random
import statistics
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from nas.final.loop import Hooks, Progress, train
from nas.final.plan import Plan, inputs_for
from nas.final.run import _state, _task
from nas.final.settings import settings_for
from nas.training.evaluator import TrainingEvaluator
from nas.training.images import for_data, load_images
from nas.training.loop import prepare
from nas.training.loop import settings as of_torch
from nas.training.state import stratified
from search_spaces.builder import build
from search_spaces.cost import cost
from search_spaces.spaces import space

CPU = torch.device("cpu")
TIMM_BATCH, TIMM_LR = 128, 0.05


def network_of(data, target):
    """The first network drawn that takes 95 % of the target or more."""
    where = for_data(space("efficientnet-small"), len(data.classes), data.resolution)
    rng = random.Random(0)
    while True:
        drawn = where.build(where.sample(rng))
        if 0.95 * target <= cost(drawn).macs <= target:
            return drawn


class Part:
    """Some of a data set's images, of each class alike, as `ImageData` gives them."""

    def __init__(self, data, train_part, val_part=1.0):
        self.inner, self.fraction = data, train_part
        for split, part in (("train", train_part), ("val", val_part)):
            x, y = getattr(data, f"{split}_x"), getattr(data, f"{split}_y")
            rows = stratified(y, part)
            setattr(self, f"{split}_x", np.array(x[rows]))
            setattr(self, f"{split}_y", np.array(y[rows]))
            setattr(self, split, len(rows))

    def __getattr__(self, name):
        return getattr(self.inner, name)


def ours(network, data, epochs, seed, stop=None, start=None):
    """(top-1, steps of an epoch) of `nas train`; with `stop` only so many steps."""
    inputs = inputs_for(data, network.size, start, None, None, 3, "crop")
    plan = Plan("network", network, Path("."), data, inputs, start=start, seed=seed)
    shorter, fine = min(network.size), start is not None
    settings = settings_for({"epochs": epochs}, data.train, shorter, 3, fine, False)
    with of_torch(1, CPU):
        task, state, progress = _task(plan, settings, CPU), _state(plan, settings, CPU), Progress()
        train(state, progress, task, Hooks(stop=lambda step: step == stop))
    return progress.history[-1]["top1"] if progress.history else None, task.order.steps


def with_timm(network, data, epochs, seed, stop=None):
    """Top-1 of a training with timm's parts and its train script's defaults."""
    from timm.data import create_transform
    from timm.loss import LabelSmoothingCrossEntropy
    from timm.optim import create_optimizer_v2
    from timm.scheduler import create_scheduler_v2

    torch.manual_seed(seed)
    random.seed(seed)
    mean, deviation = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
    change = create_transform(32, is_training=True, color_jitter=0.4, mean=mean, std=deviation)
    steps = data.train // TIMM_BATCH
    with of_torch(1, CPU):
        torch.manual_seed(seed)
        net = prepare(build(replace(network, dropout=0.0, drop_connect=0.0), seed=seed,
                            bn_momentum=0.1), CPU)  # fmt: skip
        optimizer = create_optimizer_v2(net, "sgd", TIMM_LR, 2e-5, 0.9)
        schedule, length = create_scheduler_v2(
            optimizer, "cosine", num_epochs=max(1, round(epochs)),
            warmup_epochs=min(5, round(epochs) // 5), warmup_lr=1e-5,
        )  # fmt: skip
        loss, order, net = LabelSmoothingCrossEntropy(0.1), np.random.default_rng(seed), net.train()
        done = 0
        for epoch in range(length):
            rows = order.permutation(data.train)[: steps * TIMM_BATCH]
            for batch in rows.reshape(steps, TIMM_BATCH):
                images = [change(Image.fromarray(data.train_x[i])) for i in batch]
                x = torch.stack(images).contiguous(memory_format=torch.channels_last)
                optimizer.zero_grad()
                loss(net(x), torch.from_numpy(data.train_y[batch])).backward()
                optimizer.step()
                done += 1
                if done == stop:
                    return None, steps
            schedule.step(epoch + 1)
        net.eval()
        right = 0
        with torch.inference_mode():
            for start in range(0, data.val, 250):
                x = (
                    torch.from_numpy(data.val_x[start : start + 250].copy()).permute(0, 3, 1, 2)
                    / 255
                )
                x = (x - torch.tensor(mean).view(3, 1, 1)) / torch.tensor(deviation).view(3, 1, 1)
                right += int((net(x).argmax(1).numpy() == data.val_y[start : start + 250]).sum())
    return 100 * right / data.val, steps


def retrained(network, data, epochs, seed, stop=None):
    """Top-1 of what `--retrain` does."""
    measure = TrainingEvaluator(data.inner, batch=64, subset=data.fraction)
    steps = data.train // 64
    return measure(network, stop / steps if stop else epochs, seed).accuracy, steps


ARMS = {"train": ours, "timm": with_timm, "retrain": retrained}


def epochs_of(network, data, arms, minutes):
    """Epochs of each arm in so many minutes of processor; the least of three timings counts."""
    seconds = {name: [] for name in arms}
    for _ in range(3):  # in turns, since the machine may be busy for a while
        for name in arms:
            spent = []
            for steps in (3, 15):
                begun = time.process_time()
                ARMS[name](network, data, 30.0, 99, stop=steps)
                spent.append(time.process_time() - begun)
            seconds[name].append((spent[1] - spent[0]) / 12)
    epochs = {}
    for name in arms:
        _, steps = ARMS[name](network, data, 30.0, 99, stop=1)
        epochs[name] = max(1.0, round(60 * minutes / (min(seconds[name]) * steps), 2))
        print(
            f"{name}: {1000 * min(seconds[name]):.0f} ms a step, {epochs[name]:g} epochs",
            flush=True,
        )
    return epochs


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--target", type=float, default=30e6)
    parser.add_argument("--subset", type=float, default=0.25)
    parser.add_argument("--minutes", type=float, default=5.0)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--arms", default=",".join(ARMS))
    given = parser.parse_args()
    whole = load_images(given.data, 32)
    data = Part(whole, given.subset)
    network = network_of(whole, given.target)
    print(
        f"{cost(network).macs / 1e6:.1f}M multiply-adds, {data.train} images, {data.val} validate"
    )
    found = {name: [] for name in given.arms.split(",")}
    epochs = epochs_of(network, data, list(found), given.minutes)
    for seed in range(given.first_seed, given.first_seed + given.seeds):
        for name, arm in ARMS.items():
            if name not in found:
                continue
            begun = time.process_time()
            top1, _ = arm(network, data, epochs[name], seed)
            spent = (time.process_time() - begun) / 60
            found[name].append((top1, spent))
            print(f"seed {seed} {name}: {top1:.2f} % in {spent:.2f} min of processor", flush=True)
    for name, rows in found.items():
        tops, spent = zip(*rows, strict=True)
        sd = statistics.stdev(tops) if len(tops) > 1 else float("nan")
        print(
            f"{name:8} {statistics.mean(tops):.2f} ± {sd:.2f} %  {statistics.mean(spent):.2f} min  "
            f"{epochs[name]:g} epochs"
        )


if __name__ == "__main__":
    main()
