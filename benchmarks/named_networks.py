"""What `nas predict` says of the networks that have names, beside what is printed of them.

    python benchmarks/named_networks.py

Of each network of `search_spaces.scaling.published` that stands in the package's table of printed
results, at its own resolution: the prediction for EfficientNet's recipe, and the printed top-1 of
each recipe. Most of these results are evidence that the model was fitted to, each source with a
level of its own; so this shows what levels of other recipes are, and how far a prediction is from
them, and not how good the model is on what it hasn't seen. Takes two seconds.
"""

from nas.imagenet.predict import predict
from nas.imagenet.published import published
from search_spaces import cost, network
from search_spaces.scaling.published import ALIASES, KNOWN
from search_spaces.stages import MACS

NEAR = 0.002  # relative, of counts that are printed rounded


def near(one: float, two: float) -> bool:
    return abs(one / two - 1) <= NEAR


def main() -> None:
    print("| network | MACs | by `nas predict` | printed, recipe by recipe |\n|---|---|---|---|")
    for name in (name for name in KNOWN if name not in ALIASES):
        one = network(name)
        own = cost(one)
        rows = [
            row for row in published()
            if row.resolution == one.resolution
            and near(row.params, own.params) and near(row.macs, own.macs)
        ]  # fmt: skip
        if not rows:
            continue
        (said,) = predict(one).to_dict("records")
        printed = {f"{row.top1:.1f} ({row.recipe})": row.top1 for row in rows}
        listed = ", ".join(sorted(printed, key=printed.__getitem__))
        mean = f"{said['top1']:.1f} ± {said['spread']:.1f}"
        print(f"| {name} | {MACS.format(own.macs)} | {mean} | {listed} |")


if __name__ == "__main__":
    main()
