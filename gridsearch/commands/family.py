"""From the options of `gridsearch family` to its results and folder."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from os.path import exists
from pathlib import Path
from typing import Any

from gridsearch.commands.options import FamilyAsked, Rounded
from gridsearch.family.family import (
    Member,
    budget_family,
    check_recipe,
    formula_family,
    parse_budgets,
    parse_phis,
    solved_family,
)
from gridsearch.family.files import FILES, write_family
from gridsearch.family.released import released_baselines, released_family, released_title
from gridsearch.grid.families import sizes_for
from gridsearch.prior.opinion import second_opinion
from gridsearch.prior.prior import ScalingPrior, label
from nas.commands.options import Kept
from nas.report.damage import ended
from results.runs.files import read_json
from results.runs.folder import RECORD, read_record, run_name, run_path
from results.runs.load import architecture_of, coefficients_in, load_architecture, mending
from results.runs.session import session
from search_spaces.architecture import Architecture
from search_spaces.errors import UserError
from search_spaces.networks import EFFICIENTNET_B0
from search_spaces.scaling.budget import Recipe
from search_spaces.scaling.coefficients import PAPER, Coefficients, triple
from search_spaces.scaling.rules import rule_name

HOW = {
    "formula": "by the formula alpha**phi (--preset formula)",
    "solved": "each to 2**phi times its MACs (--preset solved)",
}


def coefficients_of(text: str | None) -> tuple[Coefficients, Mapping[str, Any]]:
    """The coefficients that an option names, and the file they stand in, if any.

    Args:
        text: A file, a run's folder, `1.2,1.1,1.15`, or None, which is the paper's.

    Raises:
        UserError: It is none of these.
    """
    if text is None:
        return PAPER, {}
    try:
        values = [float(part) for part in text.split(",")]
    except ValueError:
        values = []
    if len(values) == 3:
        return Coefficients(*values), {}
    if not exists(text):  # Path's raises for what is too long for a name
        raise UserError(
            f"--coefficients {text!r} can't be read: expected three numbers alpha,beta,gamma, as "
            "1.2,1.1,1.15, or the coefficients.json or the folder of a `gridsearch run`"
        )
    path = Path(text)
    file = path / "coefficients.json" if path.is_dir() else path
    if not file.exists():
        record = read_record(path) if (path / RECORD).is_file() else {"experiment": {}}
        if record["experiment"].get("kind") == "gridsearch" and ended(record):
            raise UserError(mending(record, UserError(f"{path} has no {file.name} any more")))
        raise UserError(
            f"the folder {text} has no coefficients.json: expected that of a finished `gridsearch "
            "run`; a search's network is scaled by --baseline"
        )
    content = read_json(file)
    try:
        return coefficients_in(content, str(file)), content
    except UserError as error:
        raise UserError(
            f"{error}; take the coefficients.json of `gridsearch run`, whose command, given again, "
            "writes it anew, or three numbers, as 1.2,1.1,1.15"
        ) from None


@dataclass(frozen=True)
class Made:
    """A family, and what family.json says of it.

    Attributes:
        members: The networks.
        base: The baseline.
        rule: Its scaling rule, None for its own.
        asked: What makes two families the same.
        title: Of the family.
        label: What the predictions are.
    """

    members: Sequence[Member]
    base: Architecture
    rule: str | None
    asked: Mapping[str, Any]
    title: str
    label: str


def family_of(
    command: str, asked: FamilyAsked, rounded: Rounded, kept: Kept
) -> tuple[dict[str, Any], Path]:
    """Makes and writes the family.

    Returns:
        What family.json holds, and the folder.

    Raises:
        UserError: The arguments or the folder.
    """
    numbers, content = coefficients_of(asked.coefficients)
    phis = _phis(asked.phi, asked.budgets, content.get("for_phi"))
    base = _family_baseline(asked, content, kept.runs)
    preset = asked.preset
    if preset is None:
        given = (asked.coefficients, asked.budgets, rounded.rule, rounded.pixels)
        plain = all(option is None for option in given)
        named = base == EFFICIENTNET_B0 and base.name == EFFICIENTNET_B0.name
        preset = "released" if plain and named else "formula"
        if "for_phi" in content and asked.budgets is None:
            preset = "solved"  # as the grid judged them
    if preset == "released":
        _refuse_beside_released(base, asked, rounded)
        members = released_family(_released_names(phis))
        bases = released_baselines(members)
        made = Made(
            members, bases[0], None, {"preset": preset, "phi": phis}, released_title(members),
            label([ScalingPrior(one) for one in bases]),
        )  # fmt: skip
    else:
        judged = content if asked.baseline is None else {}
        rule = rounded.rule or judged.get("rule")
        pixels = rounded.pixels or judged.get("round_resolution")
        rule = None if rule == rule_name(base) else rule
        recipe = check_recipe(Recipe(base, numbers, rule, pixels))
        made = _scaled(recipe, phis, asked.budgets, preset)
    folder = run_path(kept.name or _family_name(base, made.asked), kept.runs)
    networks = [member.architecture for member in made.members]
    about = {"title": made.title, "label": made.label, "files": list(FILES), "command": command,
             **second_opinion(made.base, networks, made.rule)}  # fmt: skip
    with session(folder, {"kind": "family", **made.asked}, command):
        written = write_family(folder, made.members, {**about, **made.asked})
    return written, folder


def _scaled(recipe: Recipe, phis: str, budgets: str | None, preset: str) -> Made:
    """The family of coefficients: at phis of the formula, solved for them, or within budgets."""
    base, numbers = recipe.baseline, recipe.coefficients
    if budgets is not None:
        members = budget_family(recipe, parse_budgets(budgets, base))
    else:
        make = solved_family if preset == "solved" else formula_family
        members = make(recipe, parse_phis(phis))
    asked = {
        "preset": preset,
        "phi": None if budgets else phis,
        "budgets": budgets,
        "baseline": base.id,
        "coefficients": [numbers.alpha, numbers.beta, numbers.gamma],
        "rule": recipe.rule,
        "round_resolution": recipe.round_resolution,
    }
    how = "to these budgets" if budgets else HOW[preset]
    title = f"{base.name or base.id} scaled with {triple(vars(numbers))}, {how}"
    predicted = members[0].prediction is not None
    said = ScalingPrior(base, recipe.rule).label if predicted else ""
    return Made(members, base, recipe.rule, asked, title, said)


def _phis(phi: str | None, budgets: str | None, judged: Any) -> str:
    if phi is not None and budgets is not None:
        raise UserError(
            f"--phi is {phi} with --budgets {budgets}, which finds the phi of each budget: give "
            "one of them"
        )
    sizes = sizes_for(judged)
    return f"{sizes[0]}..{sizes[-1]}" if phi is None else phi


def _family_baseline(asked: FamilyAsked, content: Mapping[str, Any], runs: Path) -> Architecture:
    if asked.baseline is not None:
        return load_architecture(asked.baseline, runs)
    if not content:
        return EFFICIENTNET_B0
    place = f"the coefficients.json of --coefficients {asked.coefficients}"
    if "baseline" in content:
        return architecture_of(content["baseline"], f"baseline in {place}")
    raise UserError(
        f"{place} has no baseline, as the one of a `gridsearch run` has, whose command, given "
        "again, writes it anew: say with --baseline which network is scaled"
    )


def _refuse_beside_released(base: Architecture, asked: FamilyAsked, rounded: Rounded) -> None:
    if base != EFFICIENTNET_B0:
        raise UserError(
            "--preset released is a table of EfficientNets, made from efficientnet_b0: take "
            "--preset formula for another baseline"
        )
    given = {
        "--coefficients": asked.coefficients,
        "--budgets": asked.budgets,
        "--rule": rounded.rule,
        "--round-resolution": rounded.pixels,
    }
    for option, value in given.items():
        if value is not None:
            raise UserError(
                f"{option} is {value} with --preset released, which is a fixed table: take "
                "--preset formula, or leave it out"
            )


def _released_names(text: str) -> list[str]:
    """`0..3,l2` part by part. Raises UserError for a range that is none."""
    names: list[str] = []
    for part in text.split(","):
        try:
            names += [f"{phi:g}" for phi in parse_phis(part)]
        except UserError:
            if ".." in part:
                raise
            names.append(part.strip())
    return names


def _family_name(base: Architecture, asked: Mapping[str, Any]) -> str:
    parts = ["family", base.name or base.id, asked["preset"]]
    if asked["preset"] != "released":
        parts.append("_".join(f"{value:.5g}" for value in asked["coefficients"]))
        parts += [asked["rule"]] if asked["rule"] else []
        parts += [f"round{asked['round_resolution']}"] if asked["round_resolution"] else []
    parts.append(f"budgets{asked['budgets']}" if asked.get("budgets") else f"phi{asked['phi']}")
    return run_name(parts)
