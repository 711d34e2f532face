"""The `gridsearch` command. Only click is imported until a command is called."""

from typing import NoReturn

from nas.commands.help.early import imported
from nas.commands.help.table import Commands, Entry
from results.terminal import entry

# A command is a function in a file beside this one and one entry here.
TABLE = {
    "Scale a network": {
        "run": Entry(
            "gridsearch.commands.scale",
            "Choose how depth, width and resolution grow together, for a network of yours.",
            (
                "gridsearch run --phi 1",
                "gridsearch run --phi 1 --baseline runs/mbconv-400M",
                "gridsearch run --phi 1 --baseline runs/mine --data IMAGES",
            ),
        ),
        "family": Entry(
            "gridsearch.commands.scale",
            "Write the larger networks as JSON, CSV, a torch module, timm and TensorFlow strings.",
            (
                "gridsearch family --coefficients runs/grid-efficientnet_b0-phi1",
                "gridsearch family --preset released",
                "gridsearch family --budgets 400M,1G,4G",
            ),
        ),
    },
    "Compare and look": {
        "compare": Entry(
            "gridsearch.commands.scale",
            "Compare scaling depth, width or resolution alone with scaling all three.",
            ("gridsearch compare", "gridsearch compare --baseline resnet_50 --ratios 2,4"),
        ),
        "report": Entry(
            "gridsearch.commands.report",
            "Make an HTML page of a grid, a family or a comparison.",
            ("gridsearch report grid-efficientnet_b0-phi1 --open",),
        ),
    },
}

cli = Commands(
    "Scale a network in depth, width and resolution together, at the costs it really reaches.",
    TABLE,
    ("gridsearch run --phi 1", "gridsearch family --preset released", "gridsearch COMMAND --help"),
)


def main() -> NoReturn:
    """Runs `gridsearch` and leaves the process."""
    imported()
    entry(cli, "gridsearch")


if __name__ == "__main__":
    main()
