"""A grid of trainings decided by the old rule and by the package's: whose pick trains better?

    python benchmarks/trained_grid.py IMAGES [--subset 0.5] [--epochs 3] [--fresh 5]

Trains the points of a grid at phi 1 for a small baseline of 16 px on one's own images, as
`gridsearch run --data` does, with the check at phi 2. From the same trainings the rule that the
package had before (the cheapest of the points that a t test can't tell from the best), the highest
mean and the package's rule take their coefficients. Then the networks of each rule and of the
paper's 1.2, 1.1, 1.15 are trained with fresh seeds, which decided nothing: the largest of each
family within 2x and 4x the baseline's MACs. Printed: top-1 of each, and its difference to the
package's pick with the 95 % interval of paired seeds. What was trained is kept in RUNS; the same
command goes on.
"""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from scipy.special import stdtrit
from simulated_grids import old_rule

from gridsearch.grid import training
from gridsearch.grid.conclude import Result
from gridsearch.grid.families import family
from gridsearch.grid.grid import Question
from gridsearch.grid.plan import Plan
from gridsearch.grid.run import run
from nas.training.proxy import Proxy
from nas.workers.executor import Resources
from search_spaces import Architecture, Stage, cost
from search_spaces.scaling.coefficients import PAPER, Coefficients

BASELINE = Architecture(
    (
        Stage("mbconv", 16, 1, 3, 1, 1), Stage("mbconv", 24, 2, 3, 2, 4, se=0.25),
        Stage("mbconv", 40, 2, 3, 2, 4, se=0.25), Stage("mbconv", 64, 2, 3, 1, 4, se=0.25),
    ),
    stem=16, head=160, stem_stride=1, resolution=16, name="small16",
)  # fmt: skip
FIRST = 1000  # of the fresh seeds
PHIS = (1.0, 2.0)


def taken(result: Result) -> dict[str, Coefficients]:
    """The coefficients that each rule takes from the same trainings."""
    assert result.choice is not None
    assert result.judge is not None
    points = {point.architecture: point.coefficients for point in result.grid.points}
    networks, first = list(points), [trial for trial in result.trials if trial.seed < 2]
    means = [np.mean([t.accuracy for t in first if t.architecture == one]) for one in networks]
    return {
        "package": result.judge.families[result.choice.pick].coefficients,
        "old": points[networks[old_rule(first, networks)]],
        "highest mean": points[networks[int(np.argmax(means))]],
        "paper": PAPER,
    }


def trained(
    proxy: Proxy, network: Architecture, epochs: float, seeds: Sequence[int], kept: Path
) -> list[float]:
    """Top-1 of a network by each seed; what `kept` holds isn't trained again."""
    held = json.loads(kept.read_text()) if kept.exists() else {}
    found = []
    for seed in seeds:
        name = f"{network.id} {epochs:g} {seed}"
        if name not in held:
            measure = proxy.evaluator(training.load(proxy, [network]), None, keep=False)
            held[name] = measure(network, epochs, seed).accuracy
            kept.write_text(json.dumps(held, indent=1))
        found.append(held[name])
    return found


def interval(differences: Sequence[float]) -> str:
    """The mean of paired differences with its 95 % interval."""
    n = len(differences)
    half = stdtrit(n - 1, 0.975) * np.std(differences, ddof=1) / np.sqrt(n)
    return f"{np.mean(differences):+.2f} ± {half:.2f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("images", type=Path)
    parser.add_argument("--subset", type=float, default=0.3)
    parser.add_argument("--epochs", type=float, default=4)
    parser.add_argument("--replicates", type=int, default=2)
    parser.add_argument("--fresh", type=int, default=5)
    parser.add_argument("--step", type=float, default=0.2)
    parser.add_argument("--workers", type=int)
    parser.add_argument("--runs", type=Path, default=Path("runs"))
    given = parser.parse_args()
    proxy = Proxy(given.images, subset=given.subset)
    question = Question(training.fitted(BASELINE, proxy), step=given.step, window=0.1)
    plan = Plan(
        question, "small16", replicates=given.replicates, for_phis=(1, 2, 3), check_phi=2,
        proxy=proxy, budget=given.epochs, executor="pool" if given.workers != 1 else "local",
        resources=Resources(given.workers), runs=given.runs, name="trained-grid",
    )  # fmt: skip
    result = run(plan, show=lambda trial, n: print(f"{n}: {trial.accuracy}", flush=True))
    print(f"{len(result.grid.points)} points, {len(result.trials)} trainings; {result.check}")
    rules = taken(result)
    kept, seeds = result.folder / "fresh.json", range(FIRST, FIRST + given.fresh)
    for phi in PHIS:
        scores = {}
        for rule, coefficients in rules.items():
            network = family(question, coefficients, (phi,)).members[0]
            scores[rule] = trained(proxy, network, given.epochs, seeds, kept)
            behind = np.subtract(scores[rule], scores["package"]).tolist()
            c, blocks = coefficients, sum(stage.repeats for stage in network.stages)
            print(
                f"phi {phi:g} {rule:13} {c.alpha:.3g}, {c.beta:.3g}, {c.gamma:.3g}: {network.size} "
                f"px, {blocks} blocks, {cost(network).macs / 1e6:.2f}M MACs: "
                f"{np.mean(scores[rule]):.2f}, less the package's {interval(behind)}",
                flush=True,
            )


if __name__ == "__main__":
    main()
