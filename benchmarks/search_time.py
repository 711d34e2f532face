"""What `nas search` takes, as multiples of `python -c "import torch, pandas, optuna"` beside it.

    python benchmarks/search_time.py [--runs 3] [--trials 2500,5000,100000]

Whole processes in empty folders, each after a run of the imports: seconds of wall clock and of
processor (of the process that counts the pick again too), the largest memory of the search's own
process, the journal's bytes a network, and the parts of run.json.
"""

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

IMPORTS = [sys.executable, "-c", "import torch, pandas, optuna"]


def timed(command: list[str], folder: str) -> tuple[float, float, float]:
    """Seconds of wall clock and of processor, and the largest memory in MB."""
    before, begun = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    process = subprocess.Popen(
        command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    most = 0.0
    while process.poll() is None:
        try:
            status = Path(f"/proc/{process.pid}/status").read_text()
            lines = (line for line in status.splitlines() if line.startswith("VmHWM"))
            most = max([most, *(float(line.split()[1]) / 1e3 for line in lines)])
        except OSError:  # it ended meanwhile, or this is no Linux
            pass
        time.sleep(0.05)
    whole, after = time.perf_counter() - begun, resource.getrusage(resource.RUSAGE_CHILDREN)
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    assert process.returncode == 0, command
    return whole, spent, most


def one(trials: int, arguments: list[str]) -> dict[str, float]:
    """The figures of one search, and of the imports before it."""
    with tempfile.TemporaryDirectory() as folder:
        wall, processor, _ = timed(IMPORTS, folder)
        command = [sys.executable, "-m", "nas", "search", *arguments, "--trials", str(trials)]
        whole, spent, memory = timed(command, folder)
        (record,) = Path(folder).glob("runs/*/run.json")
        session = json.loads(record.read_text())["sessions"][0]
        journal = (record.parent / "trials.journal").stat().st_size
    return {
        "imports, s": wall, "whole, s": whole, "multiple": whole / wall,
        "of processor": spent / processor, "MB": memory, "bytes a network": journal / trials,
        **session["seconds"],
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--trials", default="2500,5000,100000")
    parser.add_argument("arguments", nargs="*", default=["--target-flops", "400M"])
    given = parser.parse_args()
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} before; median (min to max)")
    for trials in map(int, given.trials.split(",")):
        runs = [one(trials, given.arguments) for _ in range(given.runs)]
        print(f"nas search {' '.join(given.arguments)} --trials {trials}: {len(runs)} runs")
        for part in runs[0]:
            values = [run[part] for run in runs]
            middle, low, high = statistics.median(values), min(values), max(values)
            print(f"  {part:16} {middle:9.2f} ({low:.2f} to {high:.2f})", flush=True)


if __name__ == "__main__":
    main()
