"""A family of networks: the released one, a formula's, or one network for each budget."""

import contextlib
import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from gridsearch.family.strings import interchange
from gridsearch.prior.prior import ScalingPrior
from nas.evaluators import Measurement
from search_spaces.architecture import Architecture, to_dict
from search_spaces.cost import cost
from search_spaces.errors import OutOfDomain, UserError
from search_spaces.quantities import QUANTITIES
from search_spaces.scaling.budget import Recipe, fit_budget
from search_spaces.scaling.coefficients import PAPER, PHI_RANGE, check_phi
from search_spaces.scaling.rules import Multipliers, round_pixels, rule_name

_MACS = QUANTITIES["flops"]


@dataclass(frozen=True)
class Beside:
    """The paper's network within the same MACs.

    Attributes:
        architecture: The network.
        multipliers: Nominal, before rounding.
        top1: Predicted, percent.
        over: Predicted top-1 of the family's network above it, points.
        error: One standard deviation of `over`.
    """

    architecture: Architecture
    multipliers: Multipliers
    top1: float
    over: float
    error: float


@dataclass(frozen=True)
class Member:
    """A network of a family.

    Attributes:
        name: A Python name.
        architecture: The network.
        multipliers: Nominal, before rounding.
        ratio: MACs / the baseline's.
        phi: None where the network follows none.
        budget: MACs asked for, if any.
        prediction: The prior's, where it covers the baseline.
        printed: Top-1 of this very network in the published table that the baseline's is from.
        paper: What the paper's alpha, beta, gamma give within the same MACs.
        notes: Where the prediction is outside what it was fitted to.
    """

    name: str
    architecture: Architecture
    multipliers: Multipliers
    ratio: float
    phi: float | None = None
    budget: float | None = None
    prediction: Measurement | None = None
    printed: float | None = None
    paper: Beside | None = None
    notes: tuple[str, ...] = ()


def formula_family(recipe: Recipe, phis: Sequence[float]) -> list[Member]:
    """The networks at these phis, each once.

    Raises:
        UserError: A phi is out of range.
    """
    members = []
    for phi in dict.fromkeys(map(check_phi, phis)):
        name = phi_name(phi)
        network = recipe.network(phi, name)
        ratio = cost(network).macs / cost(recipe.baseline).macs
        members.append(Member(name, network, recipe.coefficients.at(phi), ratio, phi))
    return predicted(members, recipe.baseline, recipe)


def phi_name(phi: float) -> str:
    """A Python name: phi3, phi0_5, phi_minus_1."""
    return ("phi_minus_" if phi < 0 else "phi") + f"{abs(phi):g}".replace(".", "_")


def solved_family(recipe: Recipe, phis: Sequence[float]) -> list[Member]:
    """For each phi the largest network within 2**phi times the baseline's MACs, each once.

    Raises:
        UserError: A phi is out of range, or its budget out of reach.
    """
    members = []
    base = recipe.baseline
    for phi in dict.fromkeys(map(check_phi, phis)):
        name = phi_name(phi)
        at, network = (0.0, base) if phi == 0 else fit_budget(recipe, 2.0**phi * cost(base).macs)
        nominal = recipe.coefficients.at(at)
        nominal = dataclasses.replace(nominal, resolution=network.size.over(base.size))
        network = dataclasses.replace(network, name=name)
        ratio = cost(network).macs / cost(base).macs
        members.append(Member(name, network, nominal, ratio, phi))
    return predicted(members, base, recipe)


def budget_family(recipe: Recipe, budgets: Sequence[float]) -> list[Member]:
    """For each budget of MACs the largest network that does not exceed it.

    Raises:
        UserError: A budget is out of reach.
    """
    members: list[Member] = []
    for budget in dict.fromkeys(budgets):
        phi, network = fit_budget(recipe, budget)
        name = "macs" + _MACS.format(budget).lower().replace(".", "_")
        name += f"_{len(members)}" if name in (m.name for m in members) else ""
        network = dataclasses.replace(network, name=name)
        scaled = recipe.coefficients.at(phi)
        pixels = network.size.over(recipe.baseline.size)
        members.append(
            Member(
                name,
                network,
                dataclasses.replace(scaled, resolution=pixels),
                cost(network).macs / cost(recipe.baseline).macs,
                phi,
                budget,
            )
        )
    return predicted(members, recipe.baseline, recipe)


def predicted(
    members: Sequence[Member], base: Architecture, recipe: Recipe | None = None
) -> list[Member]:
    """The members with the prior's predictions, where it covers the baseline.

    Args:
        members: Of one family.
        base: The baseline.
        recipe: With coefficients other than the paper's, the paper's network within the same MACs
            stands beside each.
    """
    try:
        prior = ScalingPrior(base, recipe.rule if recipe else None)
    except OutOfDomain:
        return list(members)
    judged = []
    for member in members:
        network = member.architecture
        guess, notes = prior(network, 1.0, 0), tuple(prior.notes(network))
        beside = None
        if recipe and recipe.coefficients != PAPER and member.phi != 0:
            with contextlib.suppress(UserError):  # beyond the paper's phi
                beside = _beside(prior, dataclasses.replace(recipe, coefficients=PAPER), network)
        found = dataclasses.replace(member, prediction=guess, paper=beside, notes=notes)
        judged.append(dataclasses.replace(found, printed=prior.printed(network)))
    return judged


def _beside(prior: ScalingPrior, paper: Recipe, network: Architecture) -> Beside:
    """The paper's network within a network's MACs. Raises UserError where they are out of reach."""
    at, other = fit_budget(paper, cost(network).macs)
    pixels = other.size.over(paper.baseline.size)
    (top1, own), _ = prior.predict([other, network])
    return Beside(
        other,
        dataclasses.replace(PAPER.at(at), resolution=pixels),
        float(top1),
        float(own - top1),
        prior.difference_error(other, network),
    )


def parse_phis(text: str) -> list[float]:
    """`0..7`, `3` or `-1,0.5,2` as numbers.

    Raises:
        UserError: They are none.
    """
    phis: list[float] = []
    for part in text.split(","):
        if ".." in part:
            phis += _rising(part)
            continue
        try:
            phis.append(float(part))
        except ValueError:
            raise UserError(f"phi is {text!r}: expected numbers, as 0..7 or -1,0.5,2") from None
    return phis


def _rising(text: str) -> list[float]:
    """The whole numbers of `0..7`. Raises UserError."""
    first, _, last = text.partition("..")
    low, high = PHI_RANGE
    try:
        start, end = int(first), int(last)
        if not low <= start <= end <= high:
            raise ValueError
    except ValueError:
        raise UserError(
            f"the range of phi is {text.strip()!r}: expected two whole numbers from {low:g} to "
            f"{high:g}, the smaller first, as 0..7"
        ) from None
    return [float(phi) for phi in range(start, end + 1)]


def parse_budgets(text: str, base: Architecture) -> list[float]:
    """`400M,1G,4G`, or multiples of the baseline's MACs, `2x,4x`, as MACs.

    Raises:
        UserError: They are none.
    """
    budgets = []
    for part in text.split(","):
        if part.strip().lower()[1:].endswith("x"):
            times = _MACS.parse(part.strip()[:-1], "--budgets")
            budgets.append(times * cost(base).macs)
        else:
            budgets.append(_MACS.parse(part, "--budgets"))
    return budgets


def row(member: Member) -> dict[str, Any]:
    """A member's figures, as the CSV has them.

    `memory` is peak bytes at batch 1 in float32; `top1` is predicted, in percent, with
    `top1_error`, one standard deviation of it; `printed` is what was published of this very
    network, in the table that the baseline's is from; the paper's network is that of the paper's
    coefficients within the same MACs, and `over_paper` what the family's is predicted above it.
    """
    paper = member.paper
    a, figures, m = member.architecture, cost(member.architecture), member.multipliers
    guess = member.prediction
    return {
        "name": member.name,
        "phi": member.phi,
        "budget": member.budget,
        "depth": m.depth,
        "width": m.width,
        "resolution_multiplier": m.resolution,
        "resolution": a.size.label,
        "dropout": a.dropout,
        "drop_connect": a.drop_connect,
        "blocks": a.blocks,
        "macs": figures.macs,
        "ratio": member.ratio,
        "params": figures.params,
        "activations": figures.activations,
        "memory": figures.memory,
        "top1": None if guess is None else guess.accuracy,
        "top1_error": None if guess is None else guess.spread,
        "printed": member.printed,
        "top1_paper": None if paper is None else paper.top1,
        "over_paper": None if paper is None else paper.over,
        "over_paper_error": None if paper is None else paper.error,
        "paper_depth": None if paper is None else paper.multipliers.depth,
        "paper_width": None if paper is None else paper.multipliers.width,
        "paper_resolution": None if paper is None else paper.architecture.size.label,
        "paper_macs": None if paper is None else cost(paper.architecture).macs,
        "id": a.id,
    }


def full(member: Member) -> dict[str, Any]:
    """The row with the architecture and its interchange strings, as the JSON has them."""
    a = member.architecture
    strings = interchange(a)
    return {**row(member), "notes": list(member.notes), **strings, "architecture": to_dict(a)}


def check_recipe(recipe: Recipe) -> Recipe:
    """The recipe itself.

    Raises:
        UserError: The rule or the rounding is unknown.
    """
    rule_name(recipe.baseline, recipe.rule)
    round_pixels(recipe.baseline.size.height, recipe.round_resolution)
    return recipe
