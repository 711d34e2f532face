"""How far exported files are from the network they were exported from.

    python benchmarks/export_parity.py [NETWORK ...] [--seeds 3] [--to torch,timm,onnx] [--csv FILE]

NETWORK: as in `nas export`; default: the papers' networks. Weights are random, and so are the
scales and statistics of batch normalization, so that every one of them matters; the classifier is
scaled until logits have a standard deviation of 1. Largest difference of two images' logits at the
network's resolution, largest and smallest over the seeds, and seconds of processor to make and
check the file. Formats whose libraries are missing are left out; for timm see docs/export.md.
"""

import argparse
import csv
import importlib.util
import os
import statistics
import time
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import torch
from torch import nn

from results.export.request import Request
from results.export.source import Source, load_source
from results.export.to_onnx import NEEDS, images, shape_of
from results.export.weights import Weights
from results.export.write import FORMATS, IMAGES
from search_spaces.builder import build
from search_spaces.networks import NETWORKS

REQUIRED = {"torch": ("torch",), "timm": ("timm",), "onnx": NEEDS}


def shaken(source: Source, seed: int) -> dict[str, torch.Tensor]:
    """A state_dict in which batch normalization matters and logits are about 1."""
    network = build(source.architecture, seed=seed)
    generator = torch.Generator().manual_seed(seed)
    for layer in network.modules():
        if isinstance(layer, nn.BatchNorm2d):
            layer.running_mean.normal_(0, 0.1, generator=generator)
            layer.running_var.uniform_(0.5, 1.5, generator=generator)
            with torch.no_grad():
                layer.weight.uniform_(0.5, 1.5, generator=generator)
                layer.bias.normal_(0, 0.1, generator=generator)
    with torch.no_grad():
        logits = network.eval()(images(IMAGES, shape_of(source.architecture)))
        network.head.classifier[1].weight.div_(logits.std())
    return network.state_dict()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("networks", nargs="*", default=list(NETWORKS), metavar="NETWORK")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--to", default="torch,timm,onnx")
    parser.add_argument("--csv", type=Path, metavar="FILE")
    given = parser.parse_args()
    torch.set_num_threads(1)
    formats = [
        name for name in given.to.split(",") if all(map(importlib.util.find_spec, REQUIRED[name]))
    ]
    rows = []
    print(f"torch {torch.__version__}; {given.seeds} seeds")
    for spec in given.networks:
        source = load_source(spec)
        for name in formats:
            parities, seconds = [], []
            for seed in range(given.seeds):
                weights = Weights(shaken(source, seed), "Random.")
                request = Request(source, (name,), weights)
                start = time.process_time()
                parity = FORMATS[name](request).parity
                seconds.append(time.process_time() - start)
                assert parity is not None
                parities.append(parity)
            differences = [parity.difference for parity in parities]
            row = {
                "network": source.name, "pixels": source.architecture.size.label, "format": name,
                "smallest": min(differences), "largest": max(differences),
                "logits": max(parity.largest for parity in parities),
                "seconds": statistics.median(seconds),
            }  # fmt: skip
            rows.append(row)
            print(
                f"{row['network']:24} {row['pixels']:4} px {name:6} {row['smallest']:.1e} to "
                f"{row['largest']:.1e} of logits up to {row['logits']:.1f}; {row['seconds']:.1f} s"
            )
    if given.csv:
        with given.csv.open("w", newline="") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)


if __name__ == "__main__":
    main()
