"""Is the pick better than B0 scaled to T, by evidence that did not choose it?

    python benchmarks/budgets.py --data DIR [--targets 30M,60M,...] [--seeds 5] [--splits 2]
    python benchmarks/budgets.py --data DIR --targets 308.7M,385.9M --against efficientnet_b0
    python benchmarks/budgets.py --data DIR --networks RUN ... [--against efficientnet_b0]

Sources of evidence are split in two halves; a model fitted on one half searches the space
`mbconv` for each T as `nas search` does, and a model fitted on the other half judges its pick
against EfficientNet-B0 scaled to T by the paper's coefficients, or against one network for every T
(--against); then the halves change places. With --networks the halves judge what is given, the
picks of searches by the whole evidence, each against B0 scaled to its T, and choose nothing.
DIR holds the tables of `python -m nas.imagenet.evidence.fit`.
"""

import argparse
import dataclasses
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from search_quality import generations

from nas.evaluators import against
from nas.imagenet.evaluator import ImagenetEvaluator
from nas.imagenet.evidence.fit import BASE, data_of, fit
from nas.imagenet.evidence.rows import read
from nas.imagenet.joint.architectures import numbers_of
from nas.imagenet.joint.domain import Ranges
from nas.imagenet.joint.model import Joint
from nas.objective import CAUTION, Objective
from nas.search.beside.scaled import scaled_b0
from results.runs.load import load_architecture
from search_spaces import Architecture, cost
from search_spaces.quantities import QUANTITIES

TARGETS = "30M,60M,100M,200M,400M,800M,1.6G,3.2G,6.4G"


# Large tables of one kind stand in different halves: what one half knows best the other judges.
APART = (("accel", "anb"), ("dynas", "ofa"))


def halves(sources: Sequence[str], splits: int) -> list[set[str]]:
    """One half of the sources for each split, drawn at random but for those of APART."""
    names, drawn = sorted(set(sources)), []
    for seed in range(splits):
        order = np.random.default_rng(seed).permutation(names).tolist()
        half = {name for name in order[: len(names) // 2] if not name.startswith(sum(APART, ()))}
        drawn.append(half | {name for name in names if name.startswith(APART[0])})
    return drawn


def gain(model: Joint, network: Architecture, other: Architecture) -> float:
    """Points that a network is predicted above another."""
    means = model.means(numbers_of([network, other]))
    return float(means[0] - means[1])


def pick(
    model: Joint, target: float, trials: int, seed: int, caution: float = CAUTION
) -> Architecture:
    """What the default search finds, without its store."""
    objective = Objective("hard", target, caution=caution)
    measure = against(ImagenetEvaluator(model=model), scaled_b0(objective))
    parts = generations(measure, objective, seed, trials)
    return objective.pick([trial for part in parts for trial in part]).architecture


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--targets", default=TARGETS)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--splits", type=int, default=2)
    parser.add_argument("--trials", type=int, default=5000)
    parser.add_argument(
        "--caution", type=float, default=CAUTION, help="spreads taken off a prediction"
    )
    parser.add_argument("--against", help="a network, in place of B0 scaled to T")
    parser.add_argument("--networks", nargs="+", help="to judge, each beside --against")
    given = parser.parse_args()
    rows = read(given.data)
    data, sources = data_of(rows), np.array([row.source for row in rows])
    base = next(n for n, row in enumerate(rows) if row.source == BASE)
    reference = data.numbers.take(np.array([base]))
    pairs = []
    ranges = Ranges.of(data.numbers, data.kind)  # what is refused is no matter of choosing
    for half in halves(sources.tolist(), given.splits):
        inside = np.isin(sources, sorted(half))
        models = [
            dataclasses.replace(
                fit(data.take(np.flatnonzero(part)), reference, rows[base].top1), ranges=ranges
            )
            for part in (inside, ~inside)
        ]
        pairs += [(models[0], models[1]), (models[1], models[0])]
        print(f"one half: {', '.join(sorted(half))}", flush=True)
    if given.networks:
        judged([judge for _, judge in pairs], given.networks, given.against)
        return
    print(
        f"{'T':>6} {'of T':>6} {'promised':>9} {'granted: median':>16} {'least':>6} {'most':>6} s"
    )
    for text in given.targets.split(","):
        target, begun = QUANTITIES["flops"].parse(text, "--targets"), time.perf_counter()
        alone = given.against and load_architecture(given.against)
        other = alone or scaled_b0(Objective("hard", target))
        used, promised, granted = [], [], []
        for chooser, judge in pairs:
            for seed in range(given.seeds):
                network = pick(chooser, target, given.trials, seed, given.caution)
                used.append(cost(network).macs / target)
                promised.append(gain(chooser, network, other))
                granted.append(gain(judge, network, other))
        figures = (np.median(used), np.median(promised), np.median(granted), *span(granted))
        numbers = "".join(f"{figure:9.2f}" for figure in figures)
        print(f"{text:>9}{numbers}{time.perf_counter() - begun:9.0f}", flush=True)


def judged(judges: Sequence[Joint], names: Sequence[str], against: str | None) -> None:
    """Prints what the halves grant the networks over one, or over B0 scaled to each run's T."""
    print(f"points above {against or 'B0 scaled'} by each half of the evidence")
    print(f"{'':>24} {'MACs':>7} {'median':>7} {'least':>6} {'most':>6} each")
    for name in names:
        network, other = load_architecture(name), load_architecture(against or f"{name}:beside")
        gains = [gain(judge, network, other) for judge in judges]
        numbers = "".join(f"{figure:7.2f}" for figure in (np.median(gains), *span(gains), *gains))
        print(f"{name:>24} {cost(network).macs / cost(other).macs:6.3f}x{numbers}", flush=True)


def span(values: Sequence[float]) -> tuple[float, float]:
    """The least and the most."""
    return min(values), max(values)


if __name__ == "__main__":
    main()
