"""What the time of `nas search --target-flops 400M` goes to, from process start to printed result.

    python benchmarks/search_time.py [--runs 5]

Whole processes, wall clock, each in an empty folder; the parts are those of run.json, and
`start` is what is left: the interpreter, imports, and printing.
"""

import argparse
import itertools
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path


def one(arguments: list[str]) -> dict[str, float]:
    """Seconds of one run in an empty folder, by part."""
    with tempfile.TemporaryDirectory() as folder:
        begun = time.perf_counter()
        subprocess.run(
            [sys.executable, "-m", "nas", "search", *arguments],
            cwd=folder, check=True, capture_output=True,
        )  # fmt: skip
        whole = time.perf_counter() - begun
        (record,) = Path(folder).glob("runs/*/run.json")
        session = json.loads(record.read_text())["sessions"][0]
        parts: dict[str, float] = session["seconds"]
    return {
        "whole": whole, "start": whole - sum(parts.values()), **parts, "trials": session["new"]
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("arguments", nargs="*", default=["--target-flops", "400M"])
    given = parser.parse_args()
    runs = [one(given.arguments) for _ in range(given.runs)]
    print(f"nas search {' '.join(given.arguments)}: {len(runs)} runs, {os.cpu_count()} cores")
    print(f"{'part':10} {'median':>8} {'min':>8} {'max':>8}")
    for part in runs[0]:
        values = [run[part] for run in runs]
        figures = (statistics.median(values), min(values), max(values))
        print(f"{part:10} " + " ".join(f"{value:8.2f}" for value in figures))
    start = [time.perf_counter()]
    for _ in range(10):
        subprocess.run([sys.executable, "-m", "nas", "--help"], check=True, capture_output=True)
        start.append(time.perf_counter())
    each = [b - a for a, b in itertools.pairwise(start)]
    print(f"nas --help: median {statistics.median(each):.3f} s, max {max(each):.3f} s of 10")


if __name__ == "__main__":
    main()
