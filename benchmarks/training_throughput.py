"""Images/s of the training evaluator against a plain loop, on the same networks in one run.

    python benchmarks/training_throughput.py FOLDER [--repeats 5] [--networks 2] [--images 640]

FOLDER: train/CLASS/*.jpg, as in docs/training.md. Two cores are used, by either way:
  plain      a DataLoader that decodes the JPEGs with Pillow in every epoch, one network at a time
             with two torch threads, networks and activations as the builder makes them, SGD, no
             averaging; with 0 and with 2 loader processes
  evaluator  nas.training.loop on the decoded cache, two processes with one thread each
A rate is images over wall clock after one batch to warm up; the ways take turns in each repeat,
so that a busy machine slows them alike. Given are the median, and the smallest and largest.
"""

import argparse
import multiprocessing
import os
import random
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from nas.training import loop as training
from nas.training.augment import augment, normalize
from nas.training.evaluator import TrainingEvaluator
from nas.training.images import ImageData, for_data, load_images
from nas.training.recipes import FAST
from nas.training.state import Pixels, State
from search_spaces import Architecture, cost, space
from search_spaces.builder import build

BATCH = 64
TARGET = 30e6  # multiply-adds


class Jpegs(torch.utils.data.Dataset[tuple[Tensor, int]]):
    """What a plain loop reads: one file after the other."""

    def __init__(self, folder: str) -> None:
        root = Path(folder) / "train"
        self.classes = sorted(p.name for p in root.iterdir())
        self.files = [(p, i) for i, c in enumerate(self.classes) for p in (root / c).iterdir()]

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        path, label = self.files[index]
        with Image.open(path) as image:
            pixels = np.asarray(image.convert("RGB"), np.float32)
        x = torch.from_numpy(pixels).permute(2, 0, 1).sub(127.5).div(64)
        side = x.shape[-1]
        x = nn.functional.pad(x[None], (4, 4, 4, 4), "reflect")[0]
        top, left = random.randrange(9), random.randrange(9)
        x = x[:, top : top + side, left : left + side]
        return (x.flip(2) if random.random() < 0.5 else x), label


def plain(folder: str, net: Architecture, images: int, loaders: int) -> float:
    """Images/s of the plain loop with two threads."""
    torch.set_num_threads(2)
    network = build(net, seed=0)
    optimizer = torch.optim.SGD(network.parameters(), 0.05, 0.9, nesterov=True)
    batches = iter(
        torch.utils.data.DataLoader(
            Jpegs(folder), BATCH, shuffle=True, num_workers=loaders, drop_last=True,
            persistent_workers=False,
        )
    )  # fmt: skip
    start = 0.0
    for step in range(images // BATCH + 1):
        x, y = next(batches)
        loss = nn.functional.cross_entropy(network(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        loss.item()
        if step == 0:
            start = time.perf_counter()
    return images // BATCH * BATCH / (time.perf_counter() - start)


def ours(data: ImageData, net: Architecture, images: int) -> tuple[float, float]:
    """When the evaluator's loop began and ended, by the wall clock; one thread."""
    device = torch.device("cpu")
    with training.settings(1, device):
        state, pixels, task = ready(data, net)
        training.train(state, pixels, task, 1)
        start = time.time()
        training.train(state, pixels, task, 1 + images // BATCH)
        return start, time.time()


def ready(data: ImageData, net: Architecture) -> tuple[State, Pixels, training.Task]:
    """A fresh training, as the evaluator makes it."""
    state = TrainingEvaluator(data, FAST, BATCH)._fresh(net, 0)
    pixels = Pixels(data.train_x, data.train_y, torch.device("cpu"))
    return state, pixels, training.Task(FAST, BATCH, 0)


def without(choice: str, data: ImageData, net: Architecture, images: int) -> float:
    """Images a second of processor time, one thread, with one choice undone."""
    if choice == "memory given back to the system":
        training.keep_freed_memory = lambda: None
    if choice == "torch's depthwise convs":
        training.speed_up = lambda network: None
    with training.settings(1, torch.device("cpu")):
        state, pixels, task = ready(data, net)
        if choice == "contiguous in place of channels last":
            state.network.to(memory_format=torch.contiguous_format)
            normal = training.normalize
            training.normalize = lambda x: normal(x).contiguous()
        if choice == "activations in place":
            for module in state.network.modules():
                if isinstance(module, nn.SiLU):
                    module.inplace = True
        if choice == "bfloat16 autocast":
            state.autocast, state.dtype = True, torch.bfloat16
        training.train(state, pixels, task, 1)
        start = time.process_time()
        training.train(state, pixels, task, 1 + images // BATCH)
        return images // BATCH * BATCH / (time.process_time() - start)


CHOICES = (
    "as the evaluator trains",
    "contiguous in place of channels last",
    "memory given back to the system",
    "activations in place",
    "torch's depthwise convs",
    "bfloat16 autocast",
)


def choices(data: ImageData, net: Architecture, given: argparse.Namespace) -> None:
    print("one core, images a second of processor time, one choice undone at a time")
    rates: dict[str, list[float]] = {choice: [] for choice in CHOICES}
    for _ in range(given.repeats):
        for choice in CHOICES:
            rates[choice].append(in_a_process(without, choice, data, net, given.images // 2))
    for choice, values in rates.items():
        row(choice, values)


def in_a_process(function: Callable[..., float], *arguments: object) -> float:
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        return pool.submit(function, *arguments).result()


def pair(pool: ProcessPoolExecutor, data: ImageData, net: Architecture, images: int) -> float:
    """Images/s of two processes at work at once."""
    spans = [job.result() for job in [pool.submit(ours, data, net, images) for _ in range(2)]]
    done = 2 * (images // BATCH * BATCH)
    return done / (max(end for _, end in spans) - min(start for start, _ in spans))


def row(name: str, values: list[float], unit: str = "images/s") -> None:
    low, middle, high = min(values), statistics.median(values), max(values)
    print(f"  {name:44} {middle:8.1f}  ({low:.1f} to {high:.1f}) {unit}", flush=True)


def throughput(
    folder: str, data: ImageData, nets: list[Architecture], given: argparse.Namespace
) -> None:
    rates: dict[str, list[float]] = {
        "plain, 0 loaders": [],
        "plain, 2 loaders": [],
        "evaluator": [],
    }
    ratios = []
    with ProcessPoolExecutor(2, multiprocessing.get_context("spawn")) as pool:
        for net in nets:
            pair(pool, data, net, BATCH)
        for _ in range(given.repeats):
            for net in nets:
                for loaders in (0, 2):
                    rate = in_a_process(plain, folder, net, given.images, loaders)
                    rates[f"plain, {loaders} loaders"].append(rate)
                rates["evaluator"].append(pair(pool, data, net, given.images))
                best = max(rates[name][-1] for name in rates if name != "evaluator")
                ratios.append(rates["evaluator"][-1] / best)
    print("training, two cores")
    for name, values in rates.items():
        row(name, values)
    row("evaluator / the better plain loop", ratios, "times")


def decoding(folder: str, data: ImageData, resolution: int, repeats: int) -> None:
    """The cache against decoding in every epoch: seconds for 2,000 images of an epoch."""
    torch.set_num_threads(1)
    some = torch.utils.data.Subset(Jpegs(folder), range(0, data.train, max(1, data.train // 2000)))
    pixels = Pixels(data.train_x, data.train_y, torch.device("cpu"))
    each, cached, ratios, builds = [], [], [], []
    for repeat in range(repeats):
        start = time.perf_counter()
        for _ in torch.utils.data.DataLoader(some, BATCH):
            pass
        each.append(1e6 * (time.perf_counter() - start) / len(some))
        start = time.perf_counter()
        order = np.random.default_rng(repeat).permutation(len(pixels))[: len(some)]
        for at in range(0, len(order), BATCH):
            x, _ = pixels.take(order[at : at + BATCH])
            normalize(augment(x, True, 0.125, torch.Generator().manual_seed(at)))
        cached.append(1e6 * (time.perf_counter() - start) / len(order))
        ratios.append(each[-1] / cached[-1])
        with tempfile.TemporaryDirectory() as fresh:
            start = time.perf_counter()
            load_images(folder, resolution, fresh)
            builds.append(time.perf_counter() - start)
    print("data, one core: read, augment, normalize")
    row("decoded in every epoch", each, "us an image")
    row("from the cache", cached, "us an image")
    row("ratio", ratios, "times")
    row(f"making the cache, {data.train + data.val} images", builds, "s once")


def parts(data: ImageData, net: Architecture) -> None:
    """Shares of the time of a training step, by torch's profiler; one thread."""
    from torch.profiler import ProfilerActivity, profile

    with training.settings(1, torch.device("cpu")):
        state, pixels, task = ready(data, net)
        training.train(state, pixels, task, 2)
        with profile(activities=[ProfilerActivity.CPU], record_shapes=True) as seen:
            training.train(state, pixels, task, 8)
    shares: dict[str, float] = {}
    for event in seen.key_averages(group_by_input_shape=True):
        kind = _kind(event.key, event.input_shapes)
        shares[kind] = shares.get(kind, 0) + event.self_cpu_time_total
    whole = sum(shares.values())
    print(f"where the time of a step goes, {cost(net).macs / 1e6:.1f}M multiply-adds")
    for kind, time_ in sorted(shares.items(), key=lambda item: -item[1]):
        print(f"  {kind:44} {100 * time_ / whole:7.1f} %")


def _kind(key: str, shapes: list[list[int]]) -> str:
    key = key.removeprefix("aten::")
    if "conv" in key:
        weight = next((s for s in shapes[1:] if len(s) == 4 and s[-1] == s[-2] and s[-1] < 8), [])
        depthwise = any(len(s) == 4 and s[1] == 1 and s[-2] > 1 for s in shapes[1:])
        which = "depthwise convs" if depthwise else "other convs" if weight else "convs"
        return f"{which}, {'backward' if 'backward' in key else 'forward'}"
    if "batch_norm" in key:
        return "batch normalization"
    if "silu" in key or "sigmoid" in key:
        return "activations"
    if "_foreach" in key or "lerp" in key:
        return "optimizer, average, clipping"
    if key in ("index", "reflect") or key.startswith("rand"):
        return "augmentation"
    return "the rest (residuals, SE products, copies)"


def networks(data: ImageData, wanted: int) -> Iterator[Architecture]:
    """Random networks of the small space within 20 % of TARGET."""
    where = for_data(space("efficientnet-small"), len(data.classes), data.resolution)
    rng = random.Random(0)
    while wanted:
        net = where.build(where.sample(rng))
        if abs(cost(net).macs / TARGET - 1) < 0.2:
            wanted -= 1
            yield net


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--networks", type=int, default=2)
    parser.add_argument("--images", type=int, default=640)
    parser.add_argument("--resolution", type=int, default=32)
    given = parser.parse_args()
    data = load_images(given.folder, given.resolution)
    nets = list(networks(data, given.networks))
    macs = ", ".join(f"{cost(net).macs / 1e6:.1f}M" for net in nets)
    print(f"networks of {macs} multiply-adds at {given.resolution} px, batch {BATCH}")
    print(f"torch {torch.__version__}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    throughput(given.folder, data, nets, given)
    decoding(given.folder, data, given.resolution, given.repeats)
    choices(data, nets[-1], given)
    parts(data, nets[-1])
    print(f"load {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
