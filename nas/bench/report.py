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
from nas.strategies.codes import Floats

LEVEL = 0.95  # of intervals
RESAMPLES = 2000  # draws of seeds, for the interval of `reach`
CHECKPOINTS = (20, 50, 100, 200, 500, 1000, 2000)


@dataclass(frozen=True)
class Standing:
    """A strategy after so many evaluations; intervals are half widths of 95 % by Student's t.

    Attributes:
        strategy: As it was asked for.
        evaluations: So many.
        seeds: That were played.
        reward: The mean true reward of the pick.
        reward_interval: Its interval.
        regret: The best known reward less it.
        regret_interval: Its interval.
        volume: Of the measured front, points.
        volume_interval: Its interval.
        milliseconds: Of one proposal, the median.
    """

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


def fields_of(row: Standing) -> dict[str, Any]:
    """A row for JSON and CSV: None for the interval of one seed, and where nothing was timed."""
    figures = dataclasses.asdict(row)
    return {k: None if v in (math.inf, -math.inf) or v != v else v for k, v in figures.items()}


def interval(values: Floats) -> float:
    """Half the width of the 95 % interval of a mean; infinite for one value."""
    from scipy.stats import t

    n = len(values)
    if n < 2:
        return float("inf")
    return float(t.ppf(0.5 + LEVEL / 2, n - 1) * values.std(ddof=1) / np.sqrt(n))


def grouped(plays: Sequence[Play]) -> dict[str, list[Play]]:
    """Plays by strategy, in the order of first appearance."""
    groups: dict[str, list[Play]] = {}
    for played in plays:
        groups.setdefault(played.strategy, []).append(played)
    return groups


def curves(task: Task, plays: Sequence[Play], evaluations: int) -> Floats:
    """The true rewards of the picks (seeds, evaluations); the last is held where a play ended."""
    paths = [rewards(task, played) for played in plays]
    return np.stack([np.r_[path, np.full(evaluations - len(path), path[-1])] for path in paths])


def checkpoints(evaluations: int) -> list[int]:
    """The numbers of evaluations that are shown, the last one among them."""
    return sorted({n for n in CHECKPOINTS if n <= evaluations} | {evaluations})


def rows_of(task: Task, plays: Sequence[Play], evaluations: int) -> list[Standing]:
    """The standing of each strategy at each checkpoint."""
    at, rows = checkpoints(evaluations), []
    for name, some in grouped(plays).items():
        reward = curves(task, some, evaluations)
        volume = np.stack([volumes(task, played, at) for played in some])
        for i, n in enumerate(at):
            now, last = reward[:, n - 1], max(0, n - 20)
            seconds = np.concatenate([played.rows[last:n, 3] for played in some])
            half = interval(now)
            rows.append(
                Standing(name, n, len(some), float(now.mean()), half, task.best - float(now.mean()),
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
    """How many evaluations each strategy needs for what the reference has at the end.

    Args:
        task: What was played.
        plays: Of all strategies.
        evaluations: Of each play.
        reference: A strategy.

    Returns:
        By strategy the evaluations until its mean reaches the reference's last mean, and their
        2.5 and 97.5 % quantiles when seeds of both are drawn anew; None: not reached. Empty where
        the reference was not played.
    """
    groups = grouped(plays)
    if reference not in groups:
        return {}
    all_curves = {name: curves(task, some, evaluations) for name, some in groups.items()}
    goal = all_curves[reference][:, -1]
    rng, reached = np.random.default_rng(0), {}
    for name, curve in all_curves.items():
        drawn = []
        for _ in range(RESAMPLES):
            other = goal[rng.integers(len(goal), size=len(goal))].mean()
            again = curve[rng.integers(len(curve), size=len(curve))]
            drawn.append(evaluations_to(again, other) or evaluations + 1)
        low, high = (round(float(q)) for q in np.quantile(drawn, [0.025, 0.975]))
        ends = [None if n > evaluations else n for n in (low, high)]
        reached[name] = (evaluations_to(curve, float(goal.mean())), ends[0], ends[1])
    return reached


def differences(
    task: Task, plays: Sequence[Play], evaluations: int, of: str
) -> dict[str, tuple[float, float, float, float]]:
    """How much higher a strategy ends than each other, seed by seed.

    Args:
        task: What was played.
        plays: Of all strategies.
        evaluations: Of each play.
        of: The strategy.

    Returns:
        By the other's name: reward and its half interval, hypervolume and its half interval.
    """
    groups = {n: {p.seed: p for p in some} for n, some in grouped(plays).items()}
    gaps = {}
    for name, some in groups.items():
        both = sorted(set(some) & set(groups[of]))
        if name == of or len(both) < 2:
            continue
        pair = ([groups[of][s] for s in both], [some[s] for s in both])
        ends = [curves(task, side, evaluations)[:, -1] for side in pair]
        areas = [np.array([volumes(task, p, [evaluations])[0] for p in side]) for side in pair]
        reward, area = ends[0] - ends[1], areas[0] - areas[1]
        gaps[name] = (
            float(reward.mean()), interval(reward), float(area.mean()), interval(area)
        )  # fmt: skip
    return gaps


def plot(path: Path, task: Task, plays: Sequence[Play], evaluations: int) -> None:
    """Writes a PNG: regret and hypervolume against evaluations, with 95 % bands."""
    from matplotlib.figure import Figure

    from results.runs.files import write_atomically

    figure = Figure(figsize=(10, 4), layout="constrained", dpi=120)
    left, right = figure.subplots(1, 2)
    at = np.unique(np.linspace(min(5, evaluations), evaluations, 40).astype(int))
    for name, some in grouped(plays).items():
        regret = task.best - curves(task, some, evaluations)[:, at - 1]
        volume = np.stack([volumes(task, played, at.tolist()) for played in some])
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


def print_report(rows: Sequence[Standing], reached: Mapping[str, Any], reference: str) -> None:
    """Prints the table, and how soon each strategy reaches the reference."""
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
