"""A family of networks: the released one, a formula's, or one network for each budget."""

import contextlib
import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from gridsearch.family.presets import RELEASED, baseline, multipliers, preset_name, released
from gridsearch.prior.prior import ScalingPrior
from nas.evaluators import Measurement
from search_spaces.architecture import Architecture, to_dict
from search_spaces.cost import cost
from search_spaces.errors import OutOfDomain, UserError
from search_spaces.interchange import to_tf, to_timm
from search_spaces.interchange.timm_strings import fitting
from search_spaces.quantities import QUANTITIES
from search_spaces.scaling.budget import Recipe, fit_budget
from search_spaces.scaling.coefficients import PAPER, PHI_RANGE, check_phi
from search_spaces.scaling.rules import Multipliers, round_pixels, rule_name

_MACS = QUANTITIES["flops"]


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
        paper: Predicted top-1 of the paper's alpha, beta, gamma within the same MACs.
    """

    name: str
    architecture: Architecture
    multipliers: Multipliers
    ratio: float
    phi: float | None = None
    budget: float | None = None
    prediction: Measurement | None = None
    paper: float | None = None


def released_family(names: Sequence[str | int]) -> list[Member]:
    """The released networks of these names or numbers, each once.

    Raises:
        UserError: There is no such network.
    """
    members = []
    for name in dict.fromkeys(map(preset_name, names)):
        preset, network = RELEASED[name], released(name)
        ratio = cost(network).macs / cost(baseline(preset)).macs
        members.append(Member(name, network, multipliers(preset), ratio))
    return predicted(members, baseline(RELEASED[members[0].name]))


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
        pixels = network.resolution / recipe.baseline.resolution
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
        recipe: With coefficients other than the paper's, what the paper's would give within the
            same MACs is predicted too.
    """
    try:
        prior = ScalingPrior(base, recipe.rule if recipe else None)
    except OutOfDomain:
        return list(members)
    paper = dataclasses.replace(recipe, coefficients=PAPER) if recipe else None
    judged = []
    for member in members:
        beside = None
        if recipe and paper and recipe != paper and member.phi != 0:
            with contextlib.suppress(UserError):  # beyond the paper's phi
                network = fit_budget(paper, cost(member.architecture).macs)[1]
                beside = prior(network, 1.0, 0).accuracy
        guess = prior(member.architecture, 1.0, 0)
        judged.append(dataclasses.replace(member, prediction=guess, paper=beside))
    return judged


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
        if part.strip().lower().endswith("x"):
            times = _MACS.parse(part.strip()[:-1], "--budgets")
            budgets.append(times * cost(base).macs)
        else:
            budgets.append(_MACS.parse(part, "--budgets"))
    return budgets


def interchange(architecture: Architecture) -> dict[str, Any]:
    """A network in the words of TensorFlow and of timm.

    Returns:
        `tf`: block strings. `timm`: the class, and what it takes: `decode_arch_def(arch_def)` gives
        block_args, nothing is to be rounded again (fix_stem, round_chs_fn=int), and `se_layer` is
        what SqueezeExcite takes, where it isn't its defaults. None where one has no words.
    """
    strings: dict[str, Any] = {"tf": None, "timm": None}
    with contextlib.suppress(UserError):
        strings["tf"] = to_tf(architecture)
    with contextlib.suppress(UserError):
        strings["timm"] = _timm(architecture)
    return strings


def _timm(a: Architecture) -> dict[str, Any]:
    """The class of timm and what it takes. Raises UserError where it has no words."""
    how = fitting(a)
    se = {"gate_layer": how.gate} if how.gate != "sigmoid" else {}
    se |= {"force_act_layer": how.se_activation} if how.se_activation else {}
    se |= {"rd_round_fn": "round_channels"} if how.se_divisor > 1 else {}
    ends: dict[str, Any] = {"class": "EfficientNet", "num_features": a.head}
    if a.mix:
        ends = {"class": "MobileNetV3", "num_features": a.mix, "head_bias": a.mix_bias}
        ends |= {"se_from_exp": False}
    return {
        **ends,
        "arch_def": to_timm(a, how=how),
        "stem_size": a.stem,
        "fix_stem": True,
        "act_layer": {"swish": "silu"}.get(a.activation, a.activation),
        **({"se_layer": se} if se else {}),
        "drop_rate": a.dropout,
        "drop_path_rate": a.drop_connect,
        "img_size": a.resolution,
    }


def row(member: Member) -> dict[str, Any]:
    """A member's figures, as the CSV has them.

    `memory` is peak bytes at batch 1 in float32; `top1` is predicted, in percent, with
    `top1_error`, the RMSE of predicted gains of networks never fitted; `top1_paper` is predicted
    for the paper's coefficients within the same MACs.
    """
    a, figures, m = member.architecture, cost(member.architecture), member.multipliers
    guess = member.prediction
    return {
        "name": member.name,
        "phi": member.phi,
        "budget": member.budget,
        "depth": m.depth,
        "width": m.width,
        "resolution_multiplier": m.resolution,
        "resolution": a.resolution,
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
        "top1_paper": member.paper,
        "id": a.id,
    }


def full(member: Member) -> dict[str, Any]:
    """The row with the architecture and its interchange strings, as the JSON has them."""
    a = member.architecture
    return {**row(member), **interchange(a), "architecture": to_dict(a)}


def check_recipe(recipe: Recipe) -> Recipe:
    """The recipe itself.

    Raises:
        UserError: The rule or the rounding is unknown.
    """
    rule_name(recipe.baseline, recipe.rule)
    round_pixels(recipe.baseline.resolution, recipe.round_resolution)
    return recipe
