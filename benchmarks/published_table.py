"""Makes nas/imagenet/data/published.csv of the recorded tables.

    python benchmarks/published_table.py --data DIR [--out nas/imagenet/data/published.csv]

DIR holds published_networks.csv (timm's results with definitions) and imagenet_evidence.csv.
"""

import argparse
from pathlib import Path

import pandas as pd
from scaling_prior import TINY

from search_spaces import cost, network

# Sources of the evidence table that printed networks which people take: (its name, a prefix).
PRINTED = {
    "tfslim_mobilenet_v1": ("TensorFlow models", "mobilenet_"),
    "tfslim_mobilenet_v2": ("TensorFlow models", "mobilenet_"),
    "tfslim_mobilenet_v3": ("TensorFlow models", "mobilenet_"),
    "tpu_mnasnet_a1": ("TensorFlow TPU", "mnasnet_a1_"),
    "tpu_efficientnet_lite": ("TensorFlow TPU", "efficientnet_"),
}
# Tan & Le 2019, table 2: pixels, multiply-adds and parameters of the released networks, top-1.
PAPER = (
    ("b0", 224, 385_814_752, 5_288_548, 77.1),
    ("b1", 240, 686_803_000, 7_794_184, 79.1),
    ("b2", 260, 993_562_000, 9_109_994, 80.1),
    ("b3", 300, 1_827_141_000, 12_233_232, 81.6),
    ("b4", 380, 4_393_771_000, 19_341_616, 82.9),
    ("b5", 456, 10_266_385_000, 30_389_784, 83.6),
    ("b6", 528, 19_067_594_000, 43_040_704, 84.0),
    ("b7", 600, 37_745_884_000, 66_347_960, 84.3),
)
COLUMNS = ["network", "recipe", "resolution", "macs", "params", "top1", "source"]


def rows(folder: Path) -> list[tuple[object, ...]]:
    """A row a printed result: timm's exact counts where its definition gives them."""
    timm = pd.read_csv(folder / "published_networks.csv")
    timm = timm[timm["arch_def_family"] != "efficientnet_condconv"]  # weights for each image
    macs = timm["exact_gmacs_at_img_size"].fillna(timm["gmacs"])
    params = timm["exact_params"].fillna(1e6 * timm["params_M"])
    made: list[tuple[object, ...]] = [
        (row.base_model, row.recipe_tag, row.img_size, round(1e9 * m, -4), int(p), row.top1, "timm")
        for row, m, p in zip(timm.itertuples(), macs, params, strict=True)
    ]
    for row in pd.read_csv(folder / "imagenet_evidence.csv").itertuples():
        if row.source in PRINTED:
            source, prefix = PRINTED[row.source]
            name = prefix + row.name.removeprefix("mnas_")
            made.append((name, row.recipe, row.resolution, row.macs, row.params, row.top1, source))
    tiny = []
    for name, top1 in TINY.items():
        own = network(f"tinynet_{name}")
        tiny.append((name, own.resolution, cost(own).macs, cost(own).params, top1))
    papers = (
        ("efficientnet", PAPER, "EfficientNet's, with AutoAugment", "Tan & Le 2019, table 2"),
        ("tinynet", tiny, "like EfficientNet's", "Han et al. 2020"),
    )
    return made + [
        (f"{family}_{name}", recipe, px, macs, params, top1, source)
        for family, networks, recipe, source in papers
        for name, px, macs, params, top1 in networks
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=Path("nas/imagenet/data/published.csv"))
    given = parser.parse_args()
    table = pd.DataFrame(rows(given.data), columns=COLUMNS).drop_duplicates()
    table["macs"] = table["macs"].astype(int)
    table = table.sort_values(["macs", "top1", "network"])
    table.to_csv(given.out, index=False, lineterminator="\n")
    print(f"{len(table)} results written to {given.out}")


if __name__ == "__main__":
    main()
