"""How well `nas predict` does on tables of other people's that its evidence does not hold.

    python benchmarks/unseen_tables.py [--model FILE.npz]

Some seconds of one core, and no other data: the tables are those of
`gridsearch/prior/data/published_scaling.csv` that the model was not fitted to, and
`benchmarks/data/printed_elsewhere.csv` (imgclsmob's trainings of networks that others searched).
Each is one recipe, whose level is taken off: what is judged are differences within a table, in its
own points. Beside the model stands a line through the table's own log errors and log MACs, which
nobody has before the networks are trained.
"""

import argparse
import csv
import math
from pathlib import Path

import numpy as np
from imagenet_families import Table, by_share, drawn, errors, middle, order, rmse, within

from gridsearch.prior.printed import published
from nas.imagenet.evidence.data import data_of
from nas.imagenet.evidence.rows import Row
from nas.imagenet.joint.architectures import network_of
from nas.imagenet.joint.load import load
from search_spaces.architecture import Architecture
from search_spaces.cost import cost
from search_spaces.interchange.timm import from_timm

SEARCHED = Path(__file__).parent / "data" / "printed_elsewhere.csv"
# Of published_scaling.csv, what the model was not fitted to.
UNSEEN = ("mobilenet_v3_large paddleclas", "mobilenet_v3_small paddleclas", "lcnet paddleclas",
          "mobilenet_v1 gluoncv", "mobilenet_v1 imgclsmob", "mobilenet_v2 dli14")  # fmt: skip


def searched() -> list[tuple[str, str, Architecture, float]]:
    """(table, name, network, top-1) of networks that were searched; their params are as printed."""
    found = []
    with SEARCHED.open(newline="") as file:
        for line in csv.DictReader(file):
            blocks = [[text] for text in line["blocks"].split()]
            ends = {"stem": int(line["stem"]), "head": int(line["head"]), "mix": 0}
            built = from_timm(blocks, activation=line["activation"], **ends)
            assert cost(built).params == int(line["params"]), line["name"]
            found.append((line["table"], line["name"], built, float(line["top1"])))
    return found


def scaled() -> list[tuple[str, str, Architecture, float]]:
    """The same of scaled networks."""
    rows = [row for row in published() if row.recipe in UNSEEN]
    return [
        (row.recipe, f"{row.network} at {row.ratio:.2f} x", row.architecture, row.top1)
        for row in rows
    ]


class Unseen(Table):
    """The rows of such tables, as those of the evidence are."""

    def __init__(self) -> None:
        self.rows = [
            Row(table, "trained", table, name, network_of(one), top1, math.nan, "")
            for table, name, one, top1 in (*scaled(), *searched())
        ]
        self.data = data_of(self.rows)
        self.numbers = self.data.numbers
        self.source = self.family = np.array([row.source for row in self.rows])
        self.top1 = np.array([row.top1 for row in self.rows])
        self.gain = -np.log(100 - self.top1)
        self.macs = self.numbers.macs


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, help="instead of the package's")
    model, table = load(parser.parse_args().model), Unseen()
    print("| table | networks | printed top-1 | tau | RMSE | RMSE of its own line of MACs | "
          "within 1, 2 ± |")  # fmt: skip
    print("|---" * 7 + "|")
    factors = (model.spread.posterior, model.spread.doubt)
    ratios, worst, pairs = [], [], []
    for name in dict.fromkeys(table.source.tolist()):
        at = np.flatnonzero(table.source == name)
        gain, top1, macs = model.gains(table.of(at)).mean(0), table.top1[at], table.macs[at]
        line = np.polyfit(np.log(macs), table.gain[at], 1)[0] * np.log(macs)
        found = order(gain, top1, macs)
        ratios.append(errors(model, table, at, middle(table, at)).ratio(factors))
        pairs.append(drawn(model, table, at, 0))
        one, two = within(ratios[-1])
        print(f"| {name} | {len(at)} | {top1.min():.1f} to {top1.max():.1f} | {found.tau:.2f} | "
              f"{found.rmse:.2f} | {rmse(line, top1):.2f} | {one:.0%}, {two:.0%} |")  # fmt: skip
        off = 100 - np.exp(-(gain + np.mean(table.gain[at] - gain))) - top1
        worst += [(abs(d), table.rows[n].name, d) for n, d in zip(at, off, strict=True)]
    one, two = within(np.concatenate(ratios))
    print(f"\nof all {len(table.rows)}: {one:.0%} within 1, {two:.0%} within 2 ±")
    print(*by_share(pairs, factors), sep="\n")
    far = [f"{name} ({off:+.1f})" for _, name, off in sorted(worst)[:-7:-1]]
    print(f"farthest off within their tables: {', '.join(far)}")


if __name__ == "__main__":
    main()
