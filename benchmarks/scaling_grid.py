"""What MACs the points of the paper's grid really reach, and what the held window leaves.

    python benchmarks/scaling_grid.py

Step 0.05, product within 0.1 of 2, window 5 %, resolution to the pixel. About 3 s on one core.
Points at which a stage would be deeper than any may be have no network, and are left out.
"""

import statistics
import time

from gridsearch.family.compare import BASELINES
from gridsearch.grid.combinations import MOST, combinations
from gridsearch.grid.grid import Question, build_grid, networks
from search_spaces.scaling.published import network

PHIS = (-1.0, 0.5, 1.0, 2.0, 4.0, 7.0)


def main() -> None:
    listed, _ = combinations(0.05, 0.1)
    print(f"{len(listed)} points with a product within 0.1 of 2\n")
    print("| baseline | phi | real ratio / 2^phi: least, median, most | in window | held points "
          "| of these moved | step | their ratio / 2^phi | seconds |")  # fmt: skip
    print("|---|---|---|---|---|---|---|---|---|")
    for name in BASELINES:
        for phi in PHIS:
            question = Question(network(name), phi=phi)
            points, _ = networks(question, 0.05, MOST)
            ratios = [point.ratio / question.ratio for point in points]
            inside = sum(abs(ratio - 1) <= 0.05 for ratio in ratios)
            begun = time.perf_counter()
            grid = build_grid(question)
            seconds = time.perf_counter() - begun
            held = [point.ratio / question.ratio for point in grid.points]
            moved = sum(point.moved for point in grid.points)
            print(
                f"| {name} | {phi:g} | {min(ratios):.2f}, {statistics.median(ratios):.2f}, "
                f"{max(ratios):.2f} | {inside} | {len(held)} | {moved} | {grid.step:g} "
                f"| {min(held):.3f} to {max(held):.3f} | {seconds:.2f} |"
            )


if __name__ == "__main__":
    main()
