"""How quick the cost model is, alone and beside fvcore, on random networks of every space.

    python benchmarks/cost_speed.py [--repeats 5]

For each space: the seconds to cost 100,000 networks of which none was costed before (caches
emptied, networks built beforehand), and how many times quicker one network is costed than fvcore
counts it, both warm. One thread; processor time, so that a busy machine counts less. Median
(smallest to largest) of the repeats.
"""

import argparse
import os
import platform
import random
import statistics
import time

os.environ.setdefault("OMP_NUM_THREADS", "1")

import torch

from search_spaces import SPACES, Architecture, cost, space
from search_spaces.builder import fvcore_macs
from search_spaces.cost import stage_cost

NETWORKS = 100_000
COUNTED = 5  # networks that fvcore counts in each repeat


def shown(values: list[float], form: str) -> str:
    middle, low, high = statistics.median(values), min(values), max(values)
    return f"{middle:{form}} ({low:{form}} to {high:{form}})"


def seconds_for(nets: list[Architecture]) -> float:
    stage_cost.cache_clear()
    start = time.process_time()
    for net in nets:
        cost(net)
    return time.process_time() - start


def ratio(nets: list[Architecture]) -> float:
    """fvcore's seconds for the networks over ours, each having seen them before."""
    start = time.process_time()
    for net in nets:
        assert fvcore_macs(net) == cost(net).macs
    slow = time.process_time() - start
    start = time.process_time()
    for _ in range(2000):
        for net in nets:
            cost(net)
    return slow / ((time.process_time() - start) / 2000)


def main(repeats: int) -> None:
    torch.set_num_threads(1)
    print(f"Python {platform.python_version()}, {platform.machine()}, {os.cpu_count()} cores")
    print(f"{'space':<18} {'s for 100,000':<24} times quicker than fvcore")
    for name in SPACES:
        where, rng, totals, ratios = space(name), random.Random(0), [], []
        fvcore_macs(where.build(where.sample(rng)))  # imports
        for _ in range(repeats):
            nets = [where.build(where.sample(rng)) for _ in range(NETWORKS)]
            totals.append(seconds_for(nets))
            ratios.append(ratio(nets[:COUNTED]))
        print(f"{name:<18} {shown(totals, '.2f'):<24} {shown(ratios, ',.0f')}", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=5)
    main(parser.parse_args().repeats)
