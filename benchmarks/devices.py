"""For each embedded device: a baseline for it, against EfficientNet-B0, by a disjoint judge.

    python benchmarks/devices.py TABLE.csv [--splits 2] [--trials 1500]

For each random split of the table (docs/surrogate.md says where it comes from) into two halves,
surrogates of top-1 and of the device are fitted on each half. One half chooses, with `nas
search`'s defaults: the pick within a target that half of the space misses (its median), the pick
within what B0 takes, and the fastest network that is not below B0's top-1 (bisection of the
target). The other half, which saw none of the chooser's rows, judges both top-1 and speed.
Printed: the median (smallest, largest) over splits and directions; speed is B0's time divided by
the network's, points are top-1 less B0's.
"""

import argparse
import statistics
import tempfile
from pathlib import Path

from nas.devices.registry import DEVICES, surrogate_quantity
from nas.imagenet.fit import fit, write
from nas.imagenet.model import Surrogate
from nas.imagenet.table import half, read_table
from nas.objective import Limit
from nas.search.run import find
from search_spaces import NETWORKS
from search_spaces.quantities import DEVICE_QUANTITIES
from search_spaces.space import cost_ranges
from search_spaces.spaces import space

B0 = NETWORKS["efficientnet_b0"]
SPACE = space("efficientnet")
STEPS = 5  # of the bisection


class Side:
    """One half's surrogate, as a chooser and as a judge."""

    def __init__(self, surrogate: Surrogate, folder: Path, trials: int) -> None:
        self.surrogate, self.trials, self.runs = surrogate, trials, folder
        self.path = folder / "surrogate.npz"
        write(surrogate, self.path)

    def cautious(self, architecture: object) -> float:
        mean, spread = self.surrogate.predict_one(architecture)
        return mean - spread

    def pick(self, quantity: object, target: float) -> object:
        name = f"{quantity.key.replace(':', '-')}-{target:.6g}"
        return find(
            target=Limit(quantity, target), evaluator=f"surrogate:{self.path}",
            trials=self.trials, runs=self.runs, name=name,
        ).pick.architecture  # fmt: skip

    def fastest(self, quantity: object, wanted: float, low: float) -> object:
        """The fastest network found whose cautious top-1 is at least `wanted`; low: the least
        that any network takes."""
        high, best = quantity.measure(B0), None
        for _ in range(STEPS):
            target = (low * high) ** 0.5
            picked = self.pick(quantity, target)
            if self.cautious(picked) >= wanted:
                best, high = picked, quantity.measure(picked)
            else:
                low = target
        return best or B0

    def judge(self, quantity: object, architecture: object) -> tuple[float, float]:
        """(B0's time / the network's, points of top-1 above B0)."""
        mean, _ = self.surrogate.predict([architecture, B0])
        took, took_b0 = quantity.measure_many([architecture, B0])
        return took_b0 / took, float(mean[0] - mean[1])


def text(values: list[float], form: str) -> str:
    middle, low, high = statistics.median(values), min(values), max(values)
    return f"{middle:{form}} ({low:{form}} to {high:{form}})"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("table")
    parser.add_argument("--splits", type=int, default=2)
    parser.add_argument("--trials", type=int, default=1500)
    given = parser.parse_args()
    table = read_table(given.table)
    found: dict[tuple[str, str], dict[str, list[float]]] = {}
    for split in range(given.splits):
        with tempfile.TemporaryDirectory() as folder:
            sides = []
            for name in ("half0", "half1"):
                (Path(folder) / name).mkdir()
                fitted = fit(half(table, name, split), seed=split)
                sides.append(Side(fitted, Path(folder) / name, given.trials))
            for chooser, judge in (sides, sides[::-1]):
                compare(chooser, judge, found)
        print(f"split {split} done", flush=True)
    print("| device | quantity | T, half of the space misses it | speed | points "
          "| equal speed: speed | points | equal top-1: speed | points |")  # fmt: skip
    print("|---|---|---|---|---|---|---|---|---|")
    for (name, kind), rows in found.items():
        of = DEVICE_QUANTITIES[kind]
        cells = [of.format(statistics.median(rows["target"]))]
        for part in ("median", "equal speed", "equal top-1"):
            cells += [text(rows[f"{part}, speed"], ".2f"), text(rows[f"{part}, points"], "+.2f")]
        print(f"| {name} | {kind} | {' | '.join(cells)} |")


def compare(chooser: Side, judge: Side, found: dict) -> None:
    """Every device's three networks, chosen by one half and judged by the other."""
    for name in DEVICES:
        for kind, of in DEVICE_QUANTITIES.items():
            if f"{name}_{of.column}" not in chooser.surrogate.columns:
                continue
            own, other = (surrogate_quantity(s.surrogate, name, kind) for s in (chooser, judge))
            span = cost_ranges(SPACE, [own])[own.key]
            target = span.median
            picks = {
                "median": chooser.pick(own, target),
                "equal speed": chooser.pick(own, own.measure(B0)),
                "equal top-1": chooser.fastest(own, chooser.cautious(B0), span.smallest),
            }
            rows = found.setdefault((name, kind), {})
            rows.setdefault("target", []).append(target)
            for part, architecture in picks.items():
                speed, points = judge.judge(other, architecture)
                rows.setdefault(f"{part}, speed", []).append(speed)
                rows.setdefault(f"{part}, points", []).append(points)
            print(name, kind, {k: round(v[-1], 3) for k, v in rows.items()}, flush=True)


if __name__ == "__main__":
    main()
