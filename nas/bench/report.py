"""What plays say: figures with intervals over seeds, a table, a CSV and a plot."""

import dataclasses
import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from nas.bench.play import Play, rewards, volumes
from nas.bench.tasks import Task
from nas.strategies.problem import Floats

LEVEL = 0.95
RESAMPLES = 2000
CHECKPOINTS = (20, 50, 100, 200, 500, 1000, 2000)


@dataclass(frozen=True)
class Row:
    """A strategy after so many evaluations, over `seeds` seeds; intervals are half widths of
    95 % by Student's t.   reward: true, of the pick.   regret: the best known reward less it.
    volume: of the measured front, points.   milliseconds: of one proposal, the median."""

    strategy: str
    evaluations: int
    seeds: int
    reward: float
    reward_interval: float
    regret: float
    regret_interval: float
    volume: float
    volume_interval: float
    milliseconds: float


def fields_of(row: Row) -> dict[str, Any]:
    """A row for JSON and CSV: None for the interval of one seed, and where nothing was timed."""
    found = dataclasses.asdict(row)
    return {k: None if v in (math.inf, -math.inf) or v != v else v for k, v in found.items()}


def interval(values: Floats) -> float:
    """Half the width of the 95 % interval of a mean; infinite for one value."""
    from scipy.stats import t

    n = len(values)
    if n < 2:
        return float("inf")
    return float(t.ppf(0.5 + LEVEL / 2, n - 1) * values.std(ddof=1) / np.sqrt(n))


def grouped(plays: Sequence[Play]) -> dict[str, list[Play]]:
    """Plays by strategy, in the order of first appearance."""
    found: dict[str, list[Play]] = {}
    for one in plays:
        found.setdefault(one.strategy, []).append(one)
    return found


def curves(task: Task, plays: Sequence[Play], evaluations: int) -> Floats:
    """(seeds, evaluations) true rewards of the picks; the last one is held where a play ended."""
    found = [rewards(task, one) for one in plays]
    return np.stack([np.r_[one, np.full(evaluations - len(one), one[-1])] for one in found])


def checkpoints(evaluations: int) -> list[int]:
    return sorted({n for n in CHECKPOINTS if n <= evaluations} | {evaluations})


def rows_of(task: Task, plays: Sequence[Play], evaluations: int) -> list[Row]:
    """A Row for each strategy and checkpoint."""
    at, rows = checkpoints(evaluations), []
    for name, some in grouped(plays).items():
        reward = curves(task, some, evaluations)
        volume = np.stack([volumes(task, one, at) for one in some])
        for i, n in enumerate(at):
            now, last = reward[:, n - 1], max(0, n - 20)
            seconds = np.concatenate([one.rows[last:n, 3] for one in some])
            half = interval(now)
            rows.append(
                Row(name, n, len(some), float(now.mean()), half, task.best - float(now.mean()),
                    half, float(volume[:, i].mean()), interval(volume[:, i]),
                    1e3 * float(np.median(seconds)) if len(seconds) else float("nan"))
            )  # fmt: skip
    return rows


def evaluations_to(curve: Floats, level: float) -> int | None:
    """The first number of evaluations whose mean over seeds is the level or more."""
    reached = np.flatnonzero(curve.mean(0) >= level)
    return int(reached[0]) + 1 if len(reached) else None


def reach(
    task: Task, plays: Sequence[Play], evaluations: int, reference: str
) -> dict[str, tuple[int | None, int | None, int | None]]:
    """For each strategy how many evaluations its mean needs to reach the reference's mean at the
    end, and the 2.5 and 97.5 % quantiles when seeds of both are drawn anew (None: not reached)."""
    groups = grouped(plays)
    if reference not in groups:
        return {}
    all_curves = {name: curves(task, some, evaluations) for name, some in groups.items()}
    goal = all_curves[reference][:, -1]
    rng, found = np.random.default_rng(0), {}
    for name, curve in all_curves.items():
        drawn = []
        for _ in range(RESAMPLES):
            other = goal[rng.integers(len(goal), size=len(goal))].mean()
            again = curve[rng.integers(len(curve), size=len(curve))]
            drawn.append(evaluations_to(again, other) or evaluations + 1)
        low, high = (round(float(q)) for q in np.quantile(drawn, [0.025, 0.975]))
        ends = [None if n > evaluations else n for n in (low, high)]
        found[name] = (evaluations_to(curve, float(goal.mean())), ends[0], ends[1])
    return found


def differences(
    task: Task, plays: Sequence[Play], evaluations: int, of: str
) -> dict[str, tuple[float, float, float, float]]:
    """How much higher strategy `of` ends than each other, seed by seed: reward and its half
    interval, hypervolume and its half interval."""
    groups = {n: {p.seed: p for p in some} for n, some in grouped(plays).items()}
    found = {}
    for name, some in groups.items():
        both = sorted(set(some) & set(groups[of]))
        if name == of or len(both) < 2:
            continue
        pair = ([groups[of][s] for s in both], [some[s] for s in both])
        ends = [curves(task, one, evaluations)[:, -1] for one in pair]
        areas = [np.array([volumes(task, p, [evaluations])[0] for p in one]) for one in pair]
        reward, area = ends[0] - ends[1], areas[0] - areas[1]
        found[name] = (
            float(reward.mean()), interval(reward), float(area.mean()), interval(area)
        )  # fmt: skip
    return found


def plot(path: Path, task: Task, plays: Sequence[Play], evaluations: int) -> None:
    """Regret and hypervolume against evaluations, with 95 % bands, as a PNG."""
    from matplotlib.figure import Figure

    from results.runs.folder import write_atomically

    figure = Figure(figsize=(10, 4), layout="constrained", dpi=120)
    left, right = figure.subplots(1, 2)
    at = np.unique(np.linspace(min(5, evaluations), evaluations, 40).astype(int))
    for name, some in grouped(plays).items():
        regret = task.best - curves(task, some, evaluations)[:, at - 1]
        volume = np.stack([volumes(task, one, at.tolist()) for one in some])
        for axis, values in ((left, regret), (right, volume)):
            mean, half = values.mean(0), np.array([interval(column) for column in values.T])
            axis.plot(at, mean, label=f"{name} ({len(some)})")
            if len(some) > 1:
                axis.fill_between(at, mean - half, mean + half, alpha=0.15)
    left.set_ylabel("regret of the pick, points")
    right.set_ylabel("hypervolume, points")
    for axis in (left, right):
        axis.set_xlabel("evaluations")
    if any((line.get_ydata() > 0).any() for line in left.get_lines()):
        left.set_yscale("log")
    left.legend(fontsize=7)
    figure.suptitle(f"{task.name}, T = {task.objective.target:g}; strategy (seeds)", fontsize=9)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    write_atomically(path, buffer.getvalue())


def _number(value: float, digits: int) -> str:
    return f"{value:z.{digits}f}" if math.isfinite(value) else "-"


def _with(mean: float, half: float) -> str:
    """A mean with half of its interval, which one seed has not."""
    return _number(mean, 2) + (f" ± {half:.2f}" if math.isfinite(half) else "")


def print_report(rows: Sequence[Row], reached: Mapping[str, Any], reference: str) -> None:
    """The table on the screen."""
    from results.terminal import console, table

    at = list(dict.fromkeys(row.evaluations for row in rows))
    shown = table("strategy", "seeds", *(f"at {n}" for n in at), "hypervolume", "ms")
    for name in dict.fromkeys(row.strategy for row in rows):
        own = [row for row in rows if row.strategy == name]
        cells = [_with(row.regret, row.regret_interval) for row in own]
        volume = _with(own[-1].volume, own[-1].volume_interval)
        short = name.rpartition(":")[2]
        shown.add_row(short, str(own[0].seeds), *cells, volume, _number(own[-1].milliseconds, 1))
    console().print("regret of the pick (points) after evaluations; ± half of the 95 % interval;")
    console().print(f"hypervolume after {at[-1]} (points); ms of one proposal there")
    console().print(shown)
    for name, (n, low, high) in reached.items():
        if name != reference and n is not None:
            ends = f"{low or 'more'} to {high or 'more'}"
            console().print(
                f"{name} reaches what {reference} has at the end after {n} evaluations ({ends})"
            )
