"""How long reports take and how large they are: of a search and of a grid.

    python benchmarks/report_time.py [--repeats 5] [--trials 2500]

A search with the embedded surrogate and a grid are run once in an empty folder; then the reports
are written again and again, each by a process of its own. Median (smallest to largest).
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path


def command(folder: str, module: str, *arguments: str) -> float:
    """Seconds of one command in the folder."""
    begun = time.perf_counter()
    subprocess.run(
        [sys.executable, "-m", module, *arguments], cwd=folder, check=True,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    return time.perf_counter() - begun


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--trials", type=int, default=2500)
    given = parser.parse_args()
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} before")
    reports = (("nas.commands.main", "search"), ("gridsearch.commands.main", "grid"))
    with tempfile.TemporaryDirectory() as folder:
        trials = str(given.trials)
        command(folder, "nas.commands.main", "search", "--target-flops", "400M", "--trials", trials,
                "--name", "search")  # fmt: skip
        command(folder, "gridsearch.commands.main", "run", "--phi", "1", "--name", "grid")
        for module, name in reports:
            took = [command(folder, module, "report", name) for _ in range(given.repeats)]
            size = (Path(folder) / "runs" / name / "report.html").stat().st_size
            print(
                f"{name}: {statistics.median(took):.1f} s ({min(took):.1f} to {max(took):.1f}), "
                f"{size / 1e6:.1f} MB"
            )


if __name__ == "__main__":
    main()
