"""The options of `gridsearch`, group by group."""

from dataclasses import dataclass
from typing import Annotated

import click

from nas.commands.options import Group, once
from search_spaces.scaling.rules import RULES

BASELINE = once(
    "--baseline", default=("efficientnet_b0",), show_default=True, metavar="NAME|FILE|RUN",
    help="The network to scale: a published one, a JSON file, or a run of nas search.",
)  # fmt: skip
RULE = click.option(
    "--rule", metavar="NAME",
    help=f"How widths and depths are rounded: {', '.join(RULES)}. Default: as fits the baseline.",
)  # fmt: skip
ROUND = click.option(
    "--round-resolution", type=click.Choice(["none", "8", "32"]), default="none",
    show_default=True, help="Round resolutions to a multiple of so many pixels.",
)  # fmt: skip
COEFFICIENTS = once(
    "--coefficients", metavar="FILE|A,B,G",
    help="How depth, width and resolution grow: a `gridsearch run`, its coefficients.json, or "
    "alpha,beta,gamma, as 1.2,1.1,1.15. Default: those, the paper's.",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Rounded(Group):
    """How scaled numbers are rounded; rule: None for the one that fits the baseline."""

    title = "Rounding"
    rule: Annotated[str | None, RULE]
    round_resolution: Annotated[str, ROUND]

    @property
    def pixels(self) -> int | None:
        """What resolutions are multiples of, None for any."""
        return None if self.round_resolution == "none" else int(self.round_resolution)


@dataclass(frozen=True, kw_only=True)
class GridAsked(Group):
    """Which points a grid has."""

    title = "What is scaled"
    phi: Annotated[float, click.option(
        "--phi", default=1.0, show_default=True, metavar="PHI",
        help="How far to scale: the multiply-adds (MACs) become 2**phi times the baseline's, so "
        "that 1 doubles them. From -8 to 10, as far as the baseline's rounding lets the paper's "
        "coefficients reach: EfficientNet-B0 from -5.6 to 9.4.",
    )]  # fmt: skip
    baseline: Annotated[str, BASELINE]
    step: Annotated[float, click.option(
        "--step", default=0.05, show_default=True, metavar="STEP",
        help="Distance between neighbouring values of alpha, beta and gamma, from 0.02 with the "
        "default --product-tolerance. Without data half steps are tried too, and quarters of "
        "0.035 or more: so a finer step need not find better ones.",
    )]  # fmt: skip
    tolerance: Annotated[float, click.option(
        "--product-tolerance", "tolerance", default=0.1, show_default=True, metavar="D",
        help="Take combinations whose alpha * beta**2 * gamma**2 is 2, give or take D.",
    )]  # fmt: skip
    window: Annotated[str, click.option(
        "--window", default="0.05", show_default=True, metavar="FRACTION|off",
        help="Leave out networks whose real MACs are farther than this part from 2**phi times the "
        "baseline's: rounding moves them. off keeps all.",
    )]  # fmt: skip
    for_phi: Annotated[str | None, click.option(
        "--for-phi", metavar="PHIS",
        help="Judge coefficients by the networks that they give at these phis, as 1..7; 1 alone is "
        "the paper's procedure. Default: 1..7, or -3..-1 where --phi is below 0.",
    )]  # fmt: skip
    target_memory: Annotated[str | None, once(
        "--target-memory", metavar="BYTES",
        help="Leave out coefficients whose network at --phi needs more memory for weights and "
        "activations, as 64MiB (float32, one image at a time). Larger networks of a family are not "
        "held to it.",
    )]  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Measured(Group):
    """How a grid's points are measured, and how sure is sure enough; None takes the default."""

    title = "How it is judged"
    replicates: Annotated[int | None, click.option(
        "--replicates", type=int, metavar="N", help="Measure each point so often on the average: "
        "twice at first, then where it may change the choice, at points or at other networks of "
        "the families at --phi. Default: 3, or 1 where a model predicts.",
    )]  # fmt: skip
    evaluator: Annotated[str | None, click.option(
        "--evaluator", metavar="EVALUATOR", help="Who says how good a network is: prior (a law "
        "fitted to published results), imagenet, or module:name of your own. Default: prior; with "
        "--data networks are trained.",
    )]  # fmt: skip
    loss: Annotated[float, click.option(
        "--tolerance", "loss", default=0.1, show_default=True, metavar="POINTS",
        help="Stop measuring when the pick is expected to be within so many points of the best.",
    )]  # fmt: skip
    check_phi: Annotated[float | None, click.option(
        "--check-phi", type=float, metavar="PHI",
        help="Measure the pick's network at this phi too, as 2, to check what was expected of it.",
    )]  # fmt: skip
    most: Annotated[int, click.option(
        "--show", "most", type=click.IntRange(1), default=12, show_default=True, metavar="N",
        help="Print so many rows; the CSV file has all.",
    )]  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class FamilyAsked(Group):
    """Which networks a family has."""

    title = "Which networks"
    baseline: Annotated[str | None, once(
        "--baseline", metavar="NAME|FILE|RUN",
        help="The network to scale. Default: the one that --coefficients were chosen for, else "
        "efficientnet_b0.",
    )]  # fmt: skip
    coefficients: Annotated[str | None, COEFFICIENTS]
    preset: Annotated[str | None, click.option(
        "--preset", type=click.Choice(["released", "formula", "solved"]),
        help="released: the EfficientNets as they were published. formula: what alpha**phi, "
        "beta**phi and gamma**phi give. solved: the largest network within 2**phi times the "
        "baseline's MACs. Default: released for EfficientNet-B0 without --coefficients and "
        "--budgets, solved for the coefficients of a run, else formula.",
    )]  # fmt: skip
    phi: Annotated[str | None, click.option(
        "--phi", metavar="PHIS", help="Which sizes, as 0..7 or 0.5,1,2; of the released ones also "
        "by name, as b8 or l2. Default: 0..7, or -3..0 of coefficients that were chosen for "
        "smaller networks. Not together with --budgets.",
    )]  # fmt: skip
    budgets: Annotated[str | None, click.option(
        "--budgets", metavar="MACS",
        help="Make the largest network within each of these instead, as 400M,1G,4G or 2x,4x.",
    )]  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class CompareAsked(Group):
    """What a comparison scales, how far, and by what it is judged."""

    title = "What is compared"
    baselines: Annotated[tuple[str, ...], click.option(
        "--baseline", "baselines", multiple=True, metavar="NAME|FILE|RUN",
        help="A network to scale; give it several times for several. Default: the paper's four.",
    )]  # fmt: skip
    ratios: Annotated[str, click.option(
        "--ratios", default="2,4,8", show_default=True,
        help="Scale to so many times the baseline's MACs.",
    )]  # fmt: skip
    coefficients: Annotated[str | None, COEFFICIENTS]
    evaluator: Annotated[str, click.option(
        "--evaluator", default="prior", show_default=True,
        metavar="EVALUATOR", help="Who says how good a network is: prior (a law fitted to "
        "published results), imagenet, or module:name of your own.",
    )]  # fmt: skip
    plots: Annotated[bool, click.option(
        "--plots/--no-plots", default=True, show_default=True, help="Draw the paper's figures too.",
    )]  # fmt: skip
