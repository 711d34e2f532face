"""How long the README's first page takes: search, grid, family, report, export.

    python benchmarks/chain.py [--repeats 3]

The commands are read from README.md (the block after `<!-- the chain -->`) and run one by one in an
empty folder, each as a process of its own. Seconds by the clock: median (smallest to largest).
"""

import argparse
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parent.parent


def commands() -> list[str]:
    """The chain's lines in the README, without their comments."""
    text = (ROOT / "README.md").read_text()
    block = re.search(r"<!-- the chain -->\n```bash\n(.*?)```", text, re.DOTALL)
    assert block is not None, "the README has no chain"
    lines = block[1].replace("\\\n", " ").splitlines()
    return [line.partition(" #")[0].strip() for line in lines]


def once() -> list[float]:
    """Seconds of each command."""
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    took = []
    with tempfile.TemporaryDirectory() as folder:
        for command in commands():
            begun = time.perf_counter()
            subprocess.run(
                ["bash", "-c", command], cwd=folder, check=True, env={**os.environ, "PATH": path},
                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            )  # fmt: skip
            took.append(time.perf_counter() - begun)
    return took


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=3)
    given = parser.parse_args()
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} before")
    rows = [once() for _ in range(given.repeats)]
    for command, times in zip(
        [*commands(), "all"], [*zip(*rows, strict=True), [sum(row) for row in rows]], strict=True
    ):
        middle, low, high = statistics.median(times), min(times), max(times)
        print(f"{middle:6.1f} ({low:.1f} to {high:.1f})  {command}")


if __name__ == "__main__":
    main()
