"""From a budget to a family, in Python: search, alpha beta gamma, B0..B7, files to take away.

python examples/chain.py [MULTIPLY-ADDS]
"""

import sys
from pathlib import Path

import gridsearch
import nas
from results.export.request import Request
from results.export.source import load_source
from results.export.write import export


def main(budget: float) -> None:
    found = nas.find(budget, trials=600, name="example")
    print(f"baseline: {found.architecture.id}, {found.pick.cost.macs / 1e6:.0f}M multiply-adds")
    front = found.front_frame[["macs", "params", "accuracy", "spread"]]
    print(front.iloc[:: max(1, len(front) // 10)].to_string(index=False))

    grid = gridsearch.find(found, phi=1, name="example-grid")
    alpha, beta, gamma = (grid.coefficients[key] for key in ("alpha", "beta", "gamma"))
    print(f"alpha {alpha:.3g}, beta {beta:.3g}, gamma {gamma:.3g}")

    family = gridsearch.family_from(grid, phis=(0, 1, 2, 3))
    print(family.frame[["name", "macs", "params", "resolution", "top1"]].to_string(index=False))

    source = load_source(str(found.folder))
    written = export(Request(source, ("torch",)), Path("example-export"), force=True)
    print(f"written: {', '.join(written.files)} in {written.folder}")


if __name__ == "__main__":
    main(float(sys.argv[1]) if len(sys.argv) > 1 else 400e6)
