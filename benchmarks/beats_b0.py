"""Does the pick beat EfficientNet-B0 on a surrogate that did not choose it?

    python benchmarks/beats_b0.py TABLE.csv [--splits 3] [--seeds 10] [--caution 1]

For each random split of the table (docs/surrogate.md says where it comes from) into two halves,
one surrogate is fitted on each. A search with one of them, at T = B0's 385,814,752 MACs and
otherwise the defaults of `nas search`, picks a network; the other, which saw none of the
chooser's rows, judges: its prediction for the pick minus its prediction for B0, in points of
top-1. Both directions. `own` is what the chooser itself promises.
"""

import argparse
import statistics
import tempfile
from pathlib import Path

from nas.imagenet.fit import fit, write
from nas.imagenet.model import Surrogate
from nas.imagenet.table import half, read_table
from nas.search.run import find
from search_spaces import NETWORKS, cost

B0 = NETWORKS["efficientnet_b0"]


def gain(judge: Surrogate, architecture: object) -> float:
    """Points of top-1 above B0."""
    mean, _ = judge.predict([architecture, B0])
    return float(mean[0] - mean[1])


def picks(chooser: Surrogate, judge: Surrogate, seeds: int, caution: float) -> list[tuple]:
    """(judged gain, own gain, MACs) of the pick for each seed."""
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "chooser.npz"
        write(chooser, path)
        for seed in range(seeds):
            result = find(
                cost(B0).macs, evaluator=f"surrogate:{path}", seed=seed, caution=caution,
                runs=Path(folder),
            )  # fmt: skip
            pick = result.pick.architecture
            assert cost(pick).macs <= cost(B0).macs
            rows.append((gain(judge, pick), gain(chooser, pick), cost(pick).macs))
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("table")
    parser.add_argument("--splits", type=int, default=3)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--caution", type=float, default=1.0)
    given = parser.parse_args()
    table = read_table(given.table)
    print("split chooser  judged gain: min  median  max   own gain: median   largest MACs")
    every = []
    for split in range(given.splits):
        halves = {
            name: fit(half(table, name, split), seed=split, columns=["top1"])
            for name in ("half0", "half1")
        }
        for name, other in (("half0", "half1"), ("half1", "half0")):
            rows = picks(halves[name], halves[other], given.seeds, given.caution)
            judged, own, macs = zip(*rows, strict=True)
            every += judged
            print(
                f"{split:5} {name:8} {min(judged):16.2f} {statistics.median(judged):7.2f} "
                f"{max(judged):5.2f} {statistics.median(own):18.2f} {max(macs):14,}",
                flush=True,
            )
    short = sum(one < 0.5 for one in every)
    print(
        f"{len(every)} picks: min {min(every):.2f}, median {statistics.median(every):.2f}, "
        f"{short} below 0.5 points"
    )


if __name__ == "__main__":
    main()
