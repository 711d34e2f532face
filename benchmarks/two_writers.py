"""Two searches of one name at once, in one journal, in one SQLite file, or in another database.

    python benchmarks/two_writers.py [--trials 200] [--repeats 5] [--storage URL ...]

Two `nas search` are started together, in one folder of runs for the journal, and in two folders of
their own for databases. One must end well, and the other say in a sentence why it must wait (or,
if it came when the first had ended, find everything done). Then the second is started again, with
half as many trials more. Every number must stand once, and none be missing. Exit code 1 otherwise.
"""

import argparse
import re
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from pathlib import Path

from results.report.record import open_folder, stored

WHY = re.compile(
    r"nas: (another process writes this run: process \d+ on \S+, since .+; wait for it"
    r"|the run \S+ is in use by another process: wait for it), or choose another --name\n"
)


def search(name: str, runs: Path, storage: str | None, trials: int) -> subprocess.Popen[str]:
    more = ["--storage", storage] if storage else []
    given = ["--target-flops", "400M", "--space", "efficientnet", "--evaluator", "surrogate"]
    given += ["--strategy", "random", "--trials", trials, "--name", name, "--runs", runs]
    return subprocess.Popen(
        [sys.executable, "-m", "nas", "search", *map(str, given), *more],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def numbers(name: str, runs: Path, storage: str | None) -> list[int]:
    return sorted(trial.number for trial in stored(open_folder(name, runs, storage))[0])


def contest(kind: str, folder: Path, trials: int) -> tuple[bool, float]:
    """Whether one was told to wait, and seconds until both had ended. Raises AssertionError."""
    name = f"q{uuid.uuid4().hex[:8]}"
    places = [folder / "a", folder / "a" if kind == "journal" else folder / "b"]
    storage = None if kind == "journal" else kind
    begun = time.perf_counter()
    both = [search(name, place, storage, trials) for place in places]
    said = [one.communicate() for one in both]
    seconds = time.perf_counter() - begun
    codes = [one.returncode for one in both]
    assert sorted(codes) in ([0, 0], [0, 2]), (codes, said)
    for code, (_, words) in zip(codes, said, strict=True):
        assert code == 0 or WHY.fullmatch(words), words
    first = places[codes.index(0)]
    assert numbers(name, first, storage) == list(range(trials))
    again = search(name, places[codes.index(2)] if 2 in codes else first, storage, trials * 3 // 2)
    _, words = again.communicate()
    assert again.returncode == 0, words
    assert numbers(name, first, storage) == list(range(trials * 3 // 2))
    return 2 in codes, seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--trials", type=int, default=200)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--storage", action="append", default=[], metavar="URL")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        for kind in ("journal", f"sqlite:///{folder}/x.db", *given.storage):
            done = [contest(kind, folder, given.trials) for _ in range(given.repeats)]
            waits, seconds = sum(told for told, _ in done), [each for _, each in done]
            print(
                f"{kind.partition(':')[0]:10}  {given.repeats} x 2 searches of {given.trials}: "
                f"none lost, none twice; {waits} x one was told why it must wait; both ended after "
                f"{statistics.median(seconds):.1f} s ({min(seconds):.1f} to {max(seconds):.1f})",
                flush=True,
            )


if __name__ == "__main__":
    main()
