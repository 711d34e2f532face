"""From the options of `gridsearch compare` to its results and folder."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from gridsearch.commands.family import coefficients_of
from gridsearch.commands.options import CompareAsked
from gridsearch.family.alone import outside, promised
from gridsearch.family.compare import BASELINES, Scaled, compare, parse_ratios
from gridsearch.family.compare import row as compare_row
from gridsearch.family.files import table
from gridsearch.prior.evaluators import evaluator as evaluator_of
from gridsearch.prior.prior import ScalingPrior, label
from nas.commands.options import Kept
from nas.evaluators import Evaluator
from results.runs.files import write_atomically, write_json
from results.runs.folder import run_name, run_path
from results.runs.load import load_architecture
from results.runs.session import session
from search_spaces.architecture import Architecture
from search_spaces.scaling.coefficients import PAPER, Coefficients

PRIOR = "prior"  # the default of --evaluator


def compare_of(command: str, asked: CompareAsked, kept: Kept) -> tuple[dict[str, Any], list[str]]:
    """Makes and writes the comparison; gives what compare.json holds, and the files."""
    numbers, _ = coefficients_of(asked.coefficients)
    targets, evaluator = parse_ratios(asked.ratios), asked.evaluator
    given = [load_architecture(named, kept.runs) for named in asked.baselines or BASELINES]
    measures = {network: evaluator_of(evaluator, network) for network in given}  # each network once
    compared = {
        "kind": "compare",
        "baselines": [network.id for network in measures],
        "ratios": targets,
        "coefficients": [numbers.alpha, numbers.beta, numbers.gamma],
        "evaluator": evaluator,
    }
    own = list(measures) if asked.baselines else []
    folder = run_path(kept.name or _compare_name(own, compared), kept.runs)
    with session(folder, compared, command):
        notes: list[str] = []
        scaled = compare(list(measures), targets, numbers, measures.__getitem__, notes.append)
        rows = [compare_row(network) for network in scaled]
        priors = {base.name or base.id: measure for base, measure in measures.items()
                  if isinstance(measure, ScalingPrior)}  # fmt: skip
        content = {
            **compared,
            "label": label(list(priors.values())) if priors else None,
            "command": command,
            "notes": notes,
            "outside": outside(scaled, priors) if priors else [],
            "alone": promised(scaled, priors),
            "networks": rows,
        }
        write_json(folder / "compare.json", content)
        write_atomically(folder / "compare.csv", table(rows))
        files = ["compare.json", "compare.csv"]
        if asked.plots:
            caption = "a prior, not a measurement" if evaluator == PRIOR else evaluator
            files += _plotted(folder, scaled, measures, caption)
    return content, [str(folder / file) for file in files]


def _compare_name(baselines: Sequence[Architecture], asked: Mapping[str, Any]) -> str:
    """From the ratios and what differs from the defaults; baselines: none for the paper's."""
    parts = ["compare", *(network.name or network.id for network in baselines)]
    parts.append(",".join(f"{ratio:.12g}" for ratio in asked["ratios"]) + "x")
    if Coefficients(*asked["coefficients"]) != PAPER:
        parts.append("_".join(f"{value:.12g}" for value in asked["coefficients"]))
    parts += [asked["evaluator"]] if asked["evaluator"] != PRIOR else []
    return run_name(parts)


def _plotted(
    folder: Path,
    scaled: Sequence[Scaled],
    measures: Mapping[Architecture, Evaluator],
    caption: str,
) -> list[str]:
    """Draws the figures; gives their files."""
    from gridsearch.family.plots import plot_methods, plot_widths

    files = ["compare.png"]
    plot_methods(folder / files[0], scaled, caption)
    for base, measure in measures.items():
        files.append(f"widths-{base.name or base.id}.png")
        plot_widths(folder / files[-1], base, measure, caption)
    return files
