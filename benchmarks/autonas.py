"""What NVIDIA's ModelOpt makes elastic of the largest network of a space of ours.

    pip install nvidia-modelopt==0.47.0     # beside the package, which doesn't need it
    python benchmarks/autonas.py --space efficientnet-small

AutoNAS converts the network with channels of half and of all, kernels of 3 besides its own, and any
depth from 1. Drop-connect is left out, whose code it can't trace, and channels are divided by 8
in batch normalization too, where its default is 32. Printed: the choices that it finds, by kind of
layer, and how many the space has.
"""

import argparse
from collections import Counter
from dataclasses import replace

from nas.supernet.hull import hull
from search_spaces import space
from search_spaces.builder import build

CONFIG = {
    "nn.Conv2d": {"*": {"channels_ratio": (0.5, 1.0), "channel_divisor": 8, "kernel_size": (3,)}},
    "nn.BatchNorm2d": {"*": {"features_ratio": (0.5, 1.0), "feature_divisor": 8}},
    "nn.Sequential": {"*": {"min_depth": 1}},
}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--space", default="efficientnet-small")
    given = parser.parse_args()
    import modelopt
    import modelopt.torch.nas as mtn
    from modelopt.torch.nas.search_space import SearchSpace

    where = space(given.space)
    network = build(replace(hull(where).largest, drop_connect=0.0), seed=0)
    found = SearchSpace(mtn.convert(network, mode=[("autonas", CONFIG)]))
    kinds = Counter()
    for name, choice in found.named_hparams(configurable=True):
        *_, layer, field = [part for part in name.split(".") if not part.isdigit()]
        kinds[f"{layer} {field}"] += 1
        print(name, list(choice.choices))
    print(f"ModelOpt {modelopt.__version__}: {dict(kinds)}")
    theirs = Counter(name.rpartition(".")[2] for name in where.choices)
    print(f"{given.space}: {dict(theirs)}, in each block of a stage the same")


if __name__ == "__main__":
    main()
