"""How good the default search is: beside samplers given as long, and beside a far longer search.

    python benchmarks/search_quality.py [--seeds 10] [--targets 100M,400M,1.6G]
        [--beside nsga2,tpe] [--caution 2]
    python benchmarks/search_quality.py --long 1000000 --minutes 10 --seeds 6 --targets 400M

Each seed's default search (`evolution` by generations, 50,000 networks or fewer where nothing gets
better) is timed on the processor's clock, without storing; the others propose one network at a
time for as long. `pick` is the highest cautious prediction within T, `mean` that network's
prediction. `area` is the front's: points of cautious accuracy above 60, averaged over costs up to
T. With --long the picks are held against one search of so many networks, or of so many minutes.
"""

import argparse
import statistics
import time
from collections.abc import Iterator

import numpy as np

from nas.commands.search import PATIENCE
from nas.evaluators import Evaluator, Outcome, against, evaluator
from nas.objective import Objective
from nas.search.ask import Search
from nas.search.beside.scaled import reference_of
from nas.search.generations import found_by
from nas.search.long import searched
from nas.search.plan import Plan
from nas.strategies.registry import strategy
from results.runs.front import hypervolume
from results.runs.records import Trial
from search_spaces.spaces import space
from search_spaces.stages import MACS

FLOOR = 60.0


def judge(objective: Objective) -> Evaluator:
    """What `nas search` asks: spreads are of the difference to EfficientNet-B0 scaled to T."""
    model = evaluator("imagenet")
    return against(model, *reference_of(space("mbconv"), objective, (), model))


def generations(
    model: Evaluator, objective: Objective, seed: int, wanted: int, patience: int = 0
) -> Iterator[list[Trial]]:
    """The trials of a search of `mbconv`, a generation at a time, without its store."""
    where = space("mbconv")
    starts = found_by(model, where)
    yield from searched(where, model, objective, seed, wanted, starts, patience)


def one_by_one(name: str, target: float, seed: int, seconds: float, caution: float) -> list[Trial]:
    """The trials of a sampler within seconds of processor."""
    objective = Objective("hard", target, caution=caution)
    model = judge(objective)
    search = Search(space("mbconv"), objective, strategy(name), seed=seed)
    begun, trials = time.process_time(), []
    while time.process_time() - begun < seconds and (job := search.ask()) is not None:
        measured = model(job.architecture, job.budget, job.seed)
        trials.append(search.tell(job, Outcome(measured, None, 0.0)))
    return trials


def figures(trials: list[Trial], target: float, caution: float) -> dict[str, float]:
    objective = Objective("hard", target, caution=caution)
    merit = np.array([objective.cautious(trial) or 0.0 for trial in trials])
    cost = np.array([MACS.measure(trial.architecture) for trial in trials])
    merit[cost > target] = 0.0
    best = int(merit.argmax())
    area = hypervolume(merit, cost, (FLOOR, target * (1 + 1e-9))) / target
    return {"networks": len(trials), "pick": merit[best], "mean": trials[best].accuracy or 0.0,
            "area": area}  # fmt: skip


def told(name: str, rows: list[dict[str, float]]) -> None:
    parts = []
    for key in rows[0]:
        values = [row[key] for row in rows]
        spread = statistics.stdev(values) if len(values) > 1 else 0.0
        digits = 0 if key in ("networks", "seconds") else 3
        parts.append(
            f"{key} {statistics.mean(values):,.{digits}f} (sd {spread:,.{digits}f}, "
            f"{min(values):,.{digits}f} to {max(values):,.{digits}f})"
        )
    print(f"  {name:10} " + "; ".join(parts), flush=True)


def beside(given: argparse.Namespace, target: float, names: list[str]) -> list[float]:
    """Prints the figures of all searches for one target; the default's picks."""
    rows: dict[str, list[dict[str, float]]] = {name: [] for name in ["evolution", *names]}
    objective = Objective("hard", target, caution=given.caution)
    model = judge(objective)
    for seed in range(given.seeds):
        begun = time.process_time()
        parts = generations(model, objective, seed, given.trials, PATIENCE)
        found = [trial for part in parts for trial in part]
        seconds = time.process_time() - begun
        rows["evolution"].append(figures(found, target, given.caution) | {"seconds": seconds})
        for name in names:
            found = one_by_one(name, target, seed, seconds, given.caution)
            rows[name].append(figures(found, target, given.caution) | {"seconds": seconds})
    for name, each in rows.items():
        told(name, each)
    return [row["pick"] for row in rows["evolution"]]


def longest(given: argparse.Namespace, target: float) -> float:
    """The best cautious prediction of one long search, told as it goes."""
    begun, best, count, shown = time.monotonic(), 0.0, 0, 0
    objective = Objective("hard", target, caution=given.caution)
    for part in generations(judge(objective), objective, 1000, given.long):
        merit = [
            objective.cautious(t) or 0.0 for t in part if MACS.measure(t.architecture) <= target
        ]
        best, count = max([best, *merit]), count + len(part)
        if count >= 2 * shown:
            shown = count
            print(f"  the long search: {best:.4f} after {count:,}", flush=True)
        if time.monotonic() - begun > 60 * given.minutes:
            break
    print(f"  the long search: {best:.4f} after {count:,}", flush=True)
    return best


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--targets", default="100M,400M,1.6G")
    parser.add_argument("--beside", default="nsga2,tpe")
    parser.add_argument("--caution", type=float, default=2.0)
    parser.add_argument("--trials", type=int, default=Plan.trials)
    parser.add_argument("--long", type=int, default=0)
    parser.add_argument("--minutes", type=float, default=10.0)
    given = parser.parse_args()
    for text in given.targets.split(","):
        target = MACS.parse(text, "--targets")
        print(f"T = {text}, {given.seeds} seeds, caution {given.caution:g}", flush=True)
        names = [] if given.long else [name for name in given.beside.split(",") if name]
        picks = beside(given, target, names)
        if given.long:
            best = longest(given, target)
            print("  short of it, by seed: " + ", ".join(f"{best - pick:.3f}" for pick in picks))


if __name__ == "__main__":
    main()
