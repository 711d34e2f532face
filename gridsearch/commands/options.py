"""The options of `gridsearch`, group by group."""

from dataclasses import dataclass
from typing import Annotated

import click

from nas.commands.options import Group, once

BASELINE = click.option(
    "--baseline", default="efficientnet_b0", show_default=True, metavar="NAME|FILE|RUN",
    help="A network of the papers, a JSON file, or a run of nas search.",
)  # fmt: skip
RULE = click.option(
    "--rule", metavar="NAME",
    help="Rounding: efficientnet, lite, mnasnet, mobilenet_v1, mobilenet_v2, resnet. "
    "Default: the one that fits the baseline.",
)  # fmt: skip
ROUND = click.option(
    "--round-resolution", type=click.Choice(["none", "8", "32"]), default="none",
    show_default=True, help="Multiple of pixels that resolutions are rounded to.",
)  # fmt: skip
COEFFICIENTS = click.option(
    "--coefficients", metavar="FILE|A,B,G",
    help="The coefficients.json of a run, or alpha,beta,gamma. Default: the paper's.",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Rounded(Group):
    """How scaled numbers are rounded; rule: None for the one that fits the baseline."""

    rule: Annotated[str | None, RULE]
    round_resolution: Annotated[str, ROUND]

    @property
    def pixels(self) -> int | None:
        """What resolutions are multiples of, None for any."""
        return None if self.round_resolution == "none" else int(self.round_resolution)


@dataclass(frozen=True, kw_only=True)
class GridAsked(Group):
    """Which points a grid has."""

    phi: Annotated[float, click.option(
        "--phi", default=1.0, show_default=True, help="MACs grow by 2**phi; -8 to 10.",
    )]  # fmt: skip
    baseline: Annotated[str, BASELINE]
    step: Annotated[float, click.option(
        "--step", default=0.05, show_default=True, help="Of alpha, beta and gamma.",
    )]  # fmt: skip
    tolerance: Annotated[float, click.option(
        "--product-tolerance", "tolerance", default=0.1, show_default=True,
        help="On alpha * beta**2 * gamma**2 around 2.",
    )]  # fmt: skip
    window: Annotated[str, click.option(
        "--window", default="0.05", show_default=True, metavar="FRACTION|off",
        help="On the MACs really reached around 2**phi; points outside are never evaluated.",
    )]  # fmt: skip
    for_phi: Annotated[str | None, click.option(
        "--for-phi", metavar="PHIS",
        help="The networks that the coefficients are for: those within 2**phi times the MACs, as "
        "1..7 or 1 (the paper's procedure). Default: 1..7; -3..-1 where --phi is below 0.",
    )]  # fmt: skip
    target_memory: Annotated[str | None, once(
        "--target-memory", metavar="BYTES",
        help="Hard limit on weights and live activations at batch 1: 64MiB.",
    )]  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Measured(Group):
    """How a grid's points are measured, and how sure is sure enough; None takes the default."""

    replicates: Annotated[int | None, click.option(
        "--replicates", type=int, help="Measurements for each point on the average: 2 of each, the "
        "others where they change the choice. Default: 1 of a model, else 3.",
    )]  # fmt: skip
    evaluator: Annotated[str | None, click.option(
        "--evaluator", help="prior (published results), imagenet, or module:name of your own. "
        "Default: prior; --data trains instead.",
    )]  # fmt: skip
    loss: Annotated[float, click.option(
        "--tolerance", "loss", default=0.1, show_default=True,
        help="Nothing more is measured where the pick is expected to lose no more points.",
    )]  # fmt: skip
    check_phi: Annotated[float | None, click.option(
        "--check-phi", type=float, metavar="PHI",
        help="Measure the pick's network at this phi too, as 2, to check what is said of it.",
    )]  # fmt: skip
    most: Annotated[int, click.option(
        "--show", "most", default=24, show_default=True,
        help="Points to print; the CSV has all.",
    )]  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class FamilyAsked(Group):
    """Which networks a family has."""

    baseline: Annotated[str | None, click.option(
        "--baseline", metavar="NAME|FILE|RUN",
        help="Default: that of --coefficients, else efficientnet_b0.",
    )]  # fmt: skip
    coefficients: Annotated[str | None, COEFFICIENTS]
    preset: Annotated[str | None, click.option(
        "--preset", type=click.Choice(["released", "formula", "solved"]),
        help="released: the published EfficientNets, a table. formula: alpha**phi. solved: the "
        "largest network within 2**phi times the MACs. Default: released for EfficientNet-B0 "
        "without --coefficients and --budgets, solved for the coefficients of a grid, else "
        "formula.",
    )]  # fmt: skip
    phi: Annotated[str | None, click.option(
        "--phi", help="0..7, or 0.5,1,2; released: b8, l2 too. Default: 0..7; not with --budgets.",
    )]  # fmt: skip
    budgets: Annotated[str | None, click.option(
        "--budgets", metavar="MACS",
        help="400M,1G,4G or 2x,4x: the largest network within each.",
    )]  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class CompareAsked(Group):
    """What a comparison scales, how far, and by what it is judged."""

    baselines: Annotated[tuple[str, ...], click.option(
        "--baseline", "baselines", multiple=True, metavar="NAME|FILE|RUN",
        help="May be given several times. Default: the paper's four.",
    )]  # fmt: skip
    ratios: Annotated[str, click.option(
        "--ratios", default="2,4,8", show_default=True,
        help="Budgets, in multiples of the baseline's MACs.",
    )]  # fmt: skip
    coefficients: Annotated[str | None, COEFFICIENTS]
    evaluator: Annotated[str, click.option(
        "--evaluator", default="prior", show_default=True,
        help="prior (published results), or module:name of your own.",
    )]  # fmt: skip
    plots: Annotated[bool, click.option("--plots/--no-plots", default=True, show_default=True)]
