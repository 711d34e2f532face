"""A whole comparison: its folder, the plays that are kept there, and what is made of them."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from nas.bench.play import COLUMNS, Play, play
from nas.bench.report import Standing, fields_of, plot, reach, rows_of
from nas.bench.tasks import Task
from results.runs.files import write_atomically
from results.runs.folder import run_name, run_path
from results.runs.session import session, timed
from search_spaces.errors import UserError, said

PLAYS = "plays"


@dataclass
class Comparison:
    """rows: of all strategies and checkpoints.   reached: as `bench_report.reach`."""

    folder: Path
    rows: list[Standing] = field(default_factory=list)
    reached: Mapping[str, Any] = field(default_factory=dict)
    interrupted: bool = False


def run_bench(
    task: Task,
    strategies: Sequence[str],
    evaluations: int,
    seeds: int,
    reference: str,
    name: str,
    runs: Path = Path("runs"),
    show: Callable[[str], None] = lambda text: None,
    count: Callable[[int], None] = lambda done: None,
    command: str = "",
) -> Comparison:
    """Plays what is not yet kept in runs/NAME, seed by seed, and writes bench.csv and bench.png.

    Ctrl-C ends it with the plays that are finished.   show: called with a line a play.
    count: called with the evaluations done so far.   command: what the user typed.
    Raises UserError, RunFailure.
    """
    strategies, folder = _distinct(strategies), run_path(name, runs)
    comparison = Comparison(folder)
    with session(folder, _experiment(task, evaluations), command) as opened:
        (folder / PLAYS).mkdir(exist_ok=True)
        plays: list[Play] = []
        with opened.interruptible(), timed(opened.seconds, "plays"):
            for seed in range(seeds):
                for spec in strategies:
                    before = len(plays) * evaluations

                    def counted(done: int, before: int = before) -> None:
                        count(before + done)

                    plays.append(kept(task, spec, seed, evaluations, folder, show, counted))
                    count(before + evaluations)
        comparison.interrupted = opened.interrupted
        plays.sort(key=lambda play: strategies.index(play.strategy))
        if plays:
            _conclude(task, comparison, plays, _made(plays, evaluations, show), reference)
        opened.facts |= {"plays": len(plays), "seeds": seeds}
    return comparison


def _distinct(strategies: Sequence[str]) -> Sequence[str]:
    """The same. Raises UserError where one comes twice, whose seeds would count twice."""
    twice = [spec for spec in strategies if strategies.count(spec) > 1]
    if twice:
        raise UserError(
            f"the strategy {twice[0]!r} is named {strategies.count(twice[0])} times: name it once"
        )
    return strategies


def _experiment(task: Task, evaluations: int) -> dict[str, Any]:
    """What makes two comparisons the same; strategies and seeds may grow."""
    return {
        "kind": "bench",
        "task": task.name,
        "objective": task.objective.name,
        "target": task.objective.target,
        "evaluations": evaluations,
        "best": task.best,
        "fingerprint": _fingerprint(task),
        **task.source,
    }


def _fingerprint(task: Task) -> float:
    """Tells tables of one name apart."""
    codes, facts = task.inner.random(64, np.random.RandomState(3))
    return float(task.truth(codes).sum() + np.log(facts.cost).sum())


def kept(
    task: Task,
    spec: str,
    seed: int,
    evaluations: int,
    folder: Path,
    show: Callable[[str], None] = lambda text: None,
    count: Callable[[int], None] = lambda done: None,
) -> Play:
    """The play from its file, or played now and written."""
    path = folder / PLAYS / f"{run_name((spec, f'seed{seed}'))}.csv"
    if path.exists():
        return _read(path, spec, seed)
    begun = time.perf_counter()
    done = play(task, spec, seed, evaluations, count)
    if not len(done.rows):
        raise UserError(f"the strategy {spec!r} proposed nothing that is allowed in {task.name}")
    lines = [",".join(COLUMNS), *(",".join(f"{v:.10g}" for v in row) for row in done.rows)]
    write_atomically(path, "\n".join(lines) + "\n")
    show(
        f"{spec}, seed {seed}: {len(done.rows)} evaluations in {time.perf_counter() - begun:.1f} s"
    )
    return _read(path, spec, seed)


def _read(path: Path, spec: str, seed: int) -> Play:
    try:
        rows = np.loadtxt(path, delimiter=",", skiprows=1, ndmin=2)
        if rows.shape[1] != len(COLUMNS):
            raise ValueError(f"it has {rows.shape[1]} columns")
    except (OSError, ValueError) as error:
        raise UserError(
            f"{path} can't be read ({said(error)}): delete it to play it again"
        ) from None
    return Play(spec, seed, rows)


def _made(plays: Sequence[Play], evaluations: int, show: Callable[[str], None]) -> int:
    """How many evaluations there are figures of: fewer than wanted where all networks are known."""
    made = max(len(play.rows) for play in plays)
    if made < evaluations:
        show(f"all {made} allowed networks are known after {made} of {evaluations} evaluations")
    return made


def _conclude(
    task: Task, found: Comparison, plays: Sequence[Play], evaluations: int, reference: str
) -> None:
    """Fills in what was found, and writes bench.csv and bench.png."""
    import pandas as pd

    found.rows = rows_of(task, plays, evaluations)
    found.reached = reach(task, plays, evaluations, reference)
    frame = pd.DataFrame([fields_of(row) for row in found.rows])
    write_atomically(found.folder / "bench.csv", frame.to_csv(index=False))
    plot(found.folder / "bench.png", task, plays, evaluations)
