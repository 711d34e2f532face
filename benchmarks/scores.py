"""What are training-free scores worth? A recorded table of trainings, and each score's tau on it.

    python benchmarks/scores.py record TABLE.csv IMAGES [--networks 40] [--seeds 2]
        [--subset 0.1] [--epochs 3]
    python benchmarks/scores.py score TABLE.csv IMAGES
    python benchmarks/scores.py report TABLE.csv [--write]

`record` draws random networks of `efficientnet-small` within 30M multiply-adds and trains them one
after the other, on one thread: all with the first seed, then all with the second. A row is on disk
as soon as its training ends, and the same command goes on where it was stopped; more networks or
seeds may be asked for later. Beside TABLE.csv stands TABLE.json with the recipe, which must stay
the same. The CSV has a column for each choice, `cost` (multiply-adds) and `accuracy`, so that
`nas bench --table TABLE.csv --choices 'stage*'` reads it too.

`score` adds what the scores say of these networks, with two seeds, on images of IMAGES and on
noise, to TABLE.scores.csv; it goes on in the same way, and needs no training.

`report` prints Kendall's tau of each score, of the ImageNet prediction, of the costs and of the
number of blocks with the mean accuracy, and what a perfect score could have: with the interval of
networks drawn anew, what it has over MACs, its partial tau given MACs, the points that its best
quarter of the networks has over all, its tau with the number of blocks and with itself of another
seed, and processor seconds of a network. `--write` puts it into the package.
"""

import argparse
import csv
import json
import platform
import statistics
import time
from collections import defaultdict
from pathlib import Path

import numpy as np
import torch

from nas.evaluators import evaluate
from nas.imagenet.evaluator import ImagenetEvaluator
from nas.objective import Limit
from nas.scores.batch import image_batch, noise_batch
from nas.scores.rank import ranked, tau
from nas.scores.registry import COSTS, SCORES, values
from nas.scores.twin import twin
from nas.search.audit import draw
from nas.training.evaluator import LOOP, TrainingEvaluator
from nas.training.images import ImageData, for_data
from nas.training.proxy import Proxy
from search_spaces import Architecture, cost, space
from search_spaces.space import Space

TARGET, SPACE, DRAW = 30e6, "efficientnet-small", 0
MEASURED = ("accuracy", "cost", "network", "seed", "seconds")
SCORED = ("network", "seed", "score", "seen", "value", "seconds")
WORTH = Path(__file__).parent.parent / "nas" / "scores" / "data" / "worth.json"


def recipe_of(given: argparse.Namespace, images: ImageData) -> dict:
    """What makes two tables the same experiment."""
    return {
        "space": SPACE, "most_macs": TARGET, "draw_seed": DRAW, "recipe": "fast", "batch": 64,
        "subset": given.subset, "epochs": given.epochs, "pixels": images.size.label,
        "images": "CIFAR-10 as an image folder", "digest": images.digest,
        "train_images": images.train, "val_images": images.val, "loop": LOOP,
    }  # fmt: skip


def check_recipe(file: Path, recipe: dict) -> None:
    """Writes the recipe beside the table, or sees that the table has the same."""
    machine = {"torch": torch.__version__, "python": platform.python_version(), "threads": 1,
               "cpu": torch.backends.cpu.get_cpu_capability()}  # fmt: skip
    if file.exists():
        held = json.loads(file.read_text())["recipe"]
        if held != recipe:
            raise SystemExit(f"{file} was recorded by another recipe: {held}, now {recipe}")
        return
    file.write_text(json.dumps({"recipe": recipe, "machine": machine}, indent=1) + "\n")


def rows_of(table: Path) -> list[dict[str, str]]:
    """The rows of a table; none where there is no file."""
    if not table.exists():
        return []
    with table.open(newline="") as lines:
        return list(csv.DictReader(lines))


def append(table: Path, fields: list[str], row: dict) -> None:
    """Adds a row; a new table gets its header first."""
    new = not table.exists()
    with table.open("a", newline="") as lines:
        writer = csv.DictWriter(lines, fields, lineterminator="\n")
        if new:
            writer.writeheader()
        writer.writerow(row)


def record(given: argparse.Namespace) -> None:
    """Trains what the table lacks."""
    table, data = given.table, Proxy(given.images, 32).images()
    check_recipe(table.with_suffix(".json"), recipe_of(given, data))
    where = for_data(space(SPACE), len(data.classes), data.resolution, data.channels)
    drawn = draw(where, [Limit("flops", TARGET)], given.networks, DRAW)
    done = {(int(row["network"]), int(row["seed"])) for row in rows_of(table)}
    measure = TrainingEvaluator(data, subset=given.subset, keep=False)
    fields = [*where.choices, *MEASURED]
    for seed in range(given.seeds):  # all networks once, then again
        for network, chosen in enumerate(drawn):
            if (network, seed) not in done:
                row = trained(measure, where, chosen, given.epochs, seed)
                append(table, fields, {**chosen, **row, "network": network, "seed": seed})
                print(network, seed, row, flush=True)


def trained(
    measure: TrainingEvaluator, where: Space, chosen: dict, epochs: float, seed: int
) -> dict[str, object]:
    """The measured columns of one training."""
    architecture = where.build(chosen)
    outcome = evaluate(measure, architecture, epochs, seed)
    if outcome.measurement is None:
        raise SystemExit(outcome.error)
    return {
        "accuracy": round(outcome.measurement.accuracy, 2), "cost": cost(architecture).macs,
        "seconds": round(outcome.seconds, 1),
    }  # fmt: skip


def networks_of(table: Path) -> dict[int, tuple[Architecture, list[float]]]:
    """Each network of the table with its accuracies, seed by seed."""
    where, found = space(SPACE), {}
    for row in sorted(rows_of(table), key=lambda row: (int(row["network"]), int(row["seed"]))):
        chosen = {
            name: next(option for option in options if str(option) == row[name])
            for name, options in where.choices.items()
        }
        held = found.setdefault(int(row["network"]), (where.build(chosen), []))
        held[1].append(float(row["accuracy"]))
    return found


def score(given: argparse.Namespace) -> None:
    """Adds the scores that the table of scores lacks."""
    file = given.table.with_suffix(".scores.csv")
    data = Proxy(given.images, 32).images()
    batches = {"images": image_batch(data), "noise": noise_batch(data.size)}
    done = {(row["network"], row["seed"], row["score"], row["seen"]) for row in rows_of(file)}
    for number, (architecture, _) in networks_of(given.table).items():
        for seed in range(2):
            for name, one in SCORES.items():
                for seen in batches if one.looks else ("nothing",):
                    key = (str(number), str(seed), name, seen)
                    if key in done:
                        continue
                    begun = time.process_time()
                    batch = batches.get(seen, batches["noise"])
                    value = values(architecture, batch, [name], seed)[name]
                    taken = round(time.process_time() - begun, 2)
                    append(file, list(SCORED), dict(zip(SCORED, (*key, value, taken), strict=True)))


def scores_of(table: Path, numbers: list[int]) -> tuple[dict[str, np.ndarray], dict[str, float]]:
    """By score the values (seeds, networks), and the median processor seconds of a network."""
    found: dict[str, dict[tuple[int, int], float]] = defaultdict(dict)
    seconds: dict[str, list[float]] = defaultdict(list)
    for row in rows_of(table.with_suffix(".scores.csv")):
        name = row["score"] + (" on images" if row["seen"] == "images" else "")
        found[name][int(row["seed"]), int(row["network"])] = float(row["value"])
        seconds[name].append(float(row["seconds"]))
    made = {
        name: np.array([[held[seed, number] for number in numbers] for seed in range(2)])
        for name, held in found.items()
    }
    return made, {name: statistics.median(taken) for name, taken in seconds.items()}


def seed_noise(accuracies: list[list[float]]) -> float:
    """Standard deviation between seeds of one network, in points, pooled."""
    return statistics.fmean(statistics.variance(own) for own in accuracies if len(own) > 1) ** 0.5


def ceiling(accuracies: list[list[float]], draws: int = 400) -> float:
    """The tau that the networks' true accuracies would have with the measured means.

    Args:
        accuracies: By network and seed; variances of networks and of seeds are taken from them.
        draws: Of tables with these variances, normal.
    """
    noise = seed_noise(accuracies) / np.array([len(own) for own in accuracies]) ** 0.5
    means = np.array([statistics.fmean(own) for own in accuracies])
    true = max(0.0, means.var(ddof=1) - (noise**2).mean()) ** 0.5
    rng = np.random.default_rng(0)
    drawn = rng.normal(size=(2, draws, len(means)))
    return statistics.fmean(
        tau(a * true, a * true + b * noise) for a, b in zip(*drawn, strict=True)
    )


def partial(one: np.ndarray, accuracy: np.ndarray, given: np.ndarray) -> float:
    """Kendall's partial tau: of what `given` does not say already."""
    with_it, both, other = tau(one, accuracy), tau(one, given), tau(accuracy, given)
    return (with_it - both * other) / max(1e-9, ((1 - both**2) * (1 - other**2)) ** 0.5)


def quarter(one: np.ndarray, accuracy: np.ndarray) -> float:
    """Points that the quarter of highest score has over all networks, on the average."""
    best = np.argsort(-one, kind="stable")[: max(1, len(one) // 4)]
    return float(accuracy[best].mean() - accuracy.mean())


def worth_of(table: Path) -> dict:
    """What the package holds of the table, and a little more."""
    networks = networks_of(table)
    architectures = [architecture for architecture, _ in networks.values()]
    accuracies = [accuracies for _, accuracies in networks.values()]
    mean, twice = np.array([*map(statistics.fmean, accuracies)]), [a for a in accuracies if a[1:]]
    scores, seconds = scores_of(table, list(networks))
    costs = {name: np.array([[of(a) for a in architectures]]) for name, of in COSTS.items()}
    costs["blocks"] = np.array([[one.blocks for one in architectures]], float)
    twins = [twin(one) for one in architectures]  # of 32 px there is no evidence
    imagenet = {"imagenet": ImagenetEvaluator().predict(twins)[0][None]}
    held = json.loads(table.with_suffix(".json").read_text())["recipe"]
    taus = {}
    for name, each in {**scores, **imagenet, **costs}.items():
        three = (each[0], mean, costs["macs"][0])
        taus[name] = {
            **{k: round(v, 3) for k, v in ranked(*three)._asdict().items()},
            "seconds": seconds.get(name, 0.0),
            "given_macs": round(partial(*three), 3),
            "quarter": round(quarter(each[0], mean), 2),
            "depth": round(tau(each[0], costs["blocks"][0]), 3),
            "again": round(tau(each[0], each[-1]), 3),
        }
    return {
        "table": f"{len(mean)} random networks of {held['space']} within "
        f"{held['most_macs'] / 1e6:g}M multiply-adds, trained for {held['epochs']:g} epochs of "
        f"{100 * held['subset']:g} % of CIFAR-10, {len(twice)} of them twice,",
        "networks": len(mean),
        "accuracy": [round(float(v), 2) for v in (mean.min(), np.median(mean), mean.max())],
        "seed_noise": round(seed_noise(accuracies), 2),
        "noise": round(tau(*zip(*twice, strict=True)), 3),
        "ceiling": round(ceiling(accuracies), 3),
        "tau": taus,
    }


def report(given: argparse.Namespace) -> None:
    """Prints what the table says."""
    made = worth_of(given.table)
    print(made["table"])
    low, middle, high = made["accuracy"]
    print(f"mean accuracy {low} to {high} %, median {middle}; seed noise {made['seed_noise']}")
    print(f"tau of one seed with the other {made['noise']:.2f}; of true accuracies with the means "
          f"of all seeds {made['ceiling']:.2f}")  # fmt: skip
    print("score                  tau (95 %)             over MACs              given MACs  "
          "best quarter  with blocks  its own seeds  s")  # fmt: skip
    for name, one in sorted(made["tau"].items(), key=lambda item: -item[1]["tau"]):
        print(
            f"{name:20} {one['tau']:6.2f} ({one['low']:5.2f} to {one['high']:5.2f}) "
            f"{one['gain']:6.2f} ({one['gain_low']:5.2f} to {one['gain_high']:5.2f}) "
            f"{one['given_macs']:10.2f} {one['quarter']:13.2f} {one['depth']:12.2f} "
            f"{one['again']:13.2f} "
            f"{one['seconds']:8.2f}"
        )
    if given.write:
        WORTH.write_text(json.dumps(made, indent=1) + "\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=("record", "score", "report"))
    parser.add_argument("table", type=Path)
    parser.add_argument("images", type=Path, nargs="?")
    parser.add_argument("--networks", type=int, default=40)
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--subset", type=float, default=0.1)
    parser.add_argument("--epochs", type=float, default=3.0)
    parser.add_argument("--write", action="store_true")
    given = parser.parse_args()
    {"record": record, "score": score, "report": report}[given.what](given)


if __name__ == "__main__":
    main()
