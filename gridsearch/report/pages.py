"""The reports of a family and of a comparison, and which page a folder has."""

from collections.abc import Mapping, Sequence
from typing import Any

from gridsearch.prior.opinion import opinion_text
from gridsearch.report.charts import methods_chart
from gridsearch.report.grid import grid_page, released
from gridsearch.report.words import over_text
from nas.report.damage import check_networks
from results.report.family import family_parts, rows
from results.report.network import network_section
from results.report.page import Code, Page, Part, Section, Table, Text
from results.report.record import Folder, again, content
from results.runs.folder import masked
from results.runs.load import architecture_of, mending
from results.terminal import percent
from search_spaces.errors import UserError
from search_spaces.quantities import QUANTITIES


def report_of(folder: Folder) -> Page:
    """The page of a run of `gridsearch run`, `family` or `compare`.

    Raises:
        UserError: The run is of another kind, or a file of it can't be read.
    """
    pages = {"gridsearch": grid_page, "family": family_page, "compare": compare_page}
    if folder.kind not in pages:
        raise UserError(
            f"{folder.path} is a run of kind {folder.kind}: "
            + (
                f"take nas report {folder.path}"
                if folder.kind == "search"
                else f"expected one of {', '.join(pages)}"
            )
        )
    return pages[folder.kind](folder)


def _written(folder: Folder, name: str) -> dict[str, Any]:
    """What a run's command wrote: the networks' figures."""
    try:
        check_networks(folder.path, name, needed=True)
        written = content(folder.path / name)
    except UserError as error:
        raise UserError(mending(folder.record, error)) from None
    return written or {}


def family_page(folder: Folder) -> Page:
    """The family's curve beside the published one, its table, its largest network."""
    family = _written(folder, "family.json")
    networks = rows(family)
    if not networks:
        why = UserError(f"{folder.path / 'family.json'} holds no networks with their figures")
        raise UserError(mending(folder.record, why))
    parts: list[Part] = family_parts(networks, str(family.get("label", "")), "family", released())
    parts += _doubts(family, networks)
    parts.append(Code("the command that made it", masked(str(family.get("command")))))
    first, last = networks[0], networks[-1]
    sections = [Section("family", "Family", str(family.get("title", "The family")), parts)]
    if "architecture" in last:
        network = architecture_of(last["architecture"], "family.json")
        sections.append(network_section(network, f"{last['name']}, stage by stage"))
    sections.append(again(folder))
    macs = QUANTITIES["flops"]
    lead = (
        f"{len(networks)} networks from {macs.format(first['macs'])} to "
        f"{macs.format(last['macs'])} MACs: {family.get('title', '')}."
    )
    name = folder.path.resolve().name
    badges = [(f"{len(networks)} networks", ""), (str(family.get("preset")), "")]
    return Page("compound-nas · gridsearch family", name, lead, badges, sections)


def _doubts(family: Mapping[str, Any], networks: Sequence[Mapping[str, Any]]) -> list[Part]:
    """The family beside the paper's, a second opinion, and where the law says too much."""
    parts: list[Part] = []
    beside = [one for one in networks if one.get("over_paper") is not None]  # none in old files
    if beside:
        cells = [
            (
                str(one["name"]),
                percent(one["top1"], one["top1_error"]),
                f"{one['top1_paper']:.2f}",
                over_text(one["over_paper"], one["over_paper_error"]),
            )
            for one in beside
        ]
        title = "Beside the network that the paper's coefficients give within the same MACs"
        parts.append(Table(title, ("network", "top-1 %", "paper's top-1 %", "over paper's"), cells))
    if "imagenet" in family and (text := opinion_text(family)):
        parts.append(Text(text))
    notes = [f"{one['name']}: {note}." for one in networks for note in one.get("notes") or []]
    return [*parts, *(Text(note, "note") for note in notes)]


def compare_page(folder: Folder) -> Page:
    """A chart and a table for each baseline."""
    comparison = _written(folder, "compare.json")
    networks: Sequence[Mapping[str, Any]] = comparison["networks"]
    sections = []
    for i, base in enumerate(dict.fromkeys(str(network["baseline"]) for network in networks)):
        own = [network for network in networks if network["baseline"] == base]
        parts: list[Part] = []
        if all(network["top1"] is not None for network in own):
            parts.append(methods_chart(f"compare-{i}", base, own))
        parts.append(_methods_table(base, own))
        sections.append(Section(f"compare{i}", base, f"{base}: depth, width, resolution, all",
                                parts))  # fmt: skip
    label = str(comparison.get("label") or "Top-1 is what the evaluator returned.")
    alone = comparison.get("alone")  # none in old files, as what is outside
    texts = [label, *([str(alone)] if alone else []), *comparison.get("notes", []),
             *(f"{note}." for note in comparison.get("outside", []))]  # fmt: skip
    about = Section("about", "About", "What the numbers are", list(map(Text, texts)))
    name = folder.path.resolve().name
    lead = "Networks scaled in depth, width or resolution alone, and in all three, at equal MACs."
    pages = [*sections, about, again(folder)]
    badges = [(f"{len(networks)} networks", ""), (f"evaluator {comparison.get('evaluator')}", "")]
    return Page("compound-nas · gridsearch compare", name, lead, badges, pages)


def _methods_table(base: str, own: Sequence[Mapping[str, Any]]) -> Table:
    cells = [
        (
            str(network["method"]),
            f"{network['ratio']:.3f}",
            *(f"{network[key]:.4g}" for key in ("depth", "width")),
            str(network["resolution"]),
            *(of.format(network[of.column]) for of in QUANTITIES.values()),
            percent(network["top1"], network["top1_error"]),
        )
        for network in own
    ]
    columns = ("method", "ratio", "depth", "width", "px", "MACs", "params", "memory", "top-1 %")
    return Table(f"{base} and its scaled networks", columns, cells)
