"""The page of a search's report, section by section: the answer first."""

from collections import Counter
from typing import Any

from nas.objective import Limit
from nas.report import trained
from nas.report.answer import answer, lead
from nas.report.charts import importance_parts, optional, progress_chart
from nas.report.findings import Findings, findings_of
from nas.report.front import front_section
from results.report.family import families_of, family_parts
from results.report.network import network_section
from results.report.page import Page, Part, Section, Table, Text
from results.report.record import Folder, again, costs
from results.runs.load import TRAINED
from results.terminal import accuracy_text
from search_spaces.errors import UserError


def report_of(folder: Folder) -> Page:
    """The page of a search, or of a final training.

    Raises:
        UserError: The run is another command's, or can't be read.
    """
    if folder.kind in TRAINED:
        return trained.page(folder)
    return page(findings_of(folder))


def page(findings: Findings) -> Page:
    """The whole report, the answer first."""
    frame, folder = findings.frame, findings.folder
    failed = int(frame["error"].notna().sum())
    seconds = float(frame["seconds"].fillna(0).sum())
    sections = [
        answer(findings),
        front_section(findings),
        _progress(findings),
        Section("choices", "Choices", "Which choices matter", importance_parts(findings)),
        *_network(findings),
        *_family(findings),
        costs(folder, len(frame), failed, seconds),
        *_failures(findings),
        again(folder),
    ]
    of = findings.quantity
    sign = ">=" if of.inverse else "<="
    badges = [(f"T: {of.title} {sign} {of.format(findings.target)}", "")]
    badges += [(text, "") for text in _limits(folder.experiment.get("limits"))]
    keys = ("space", "strategy", "evaluator")
    badges += [(f"{key} {folder.experiment.get(key, '?')}", "") for key in keys]
    badges += [(f"{len(frame):,} evaluations", "")]
    badges += [(f"{failed:,} failed", "warning")] if failed else []
    name = folder.path.resolve().name
    return Page("compound-nas · nas search", name, lead(findings), badges, sections)


def _limits(limits: Any) -> list[str]:
    texts = []
    for key, at_most in limits.items() if isinstance(limits, dict) else ():
        try:
            texts.append(str(Limit(key, at_most)))
        except (UserError, TypeError):
            texts.append(f"{key} {at_most}")
    return texts


def _progress(findings: Findings) -> Section:
    drawn = progress_chart(findings) if findings.objective is not None else None
    parts: list[Part] = [drawn] if drawn else [Text("There is no reward to show yet.")]
    again_trained = (findings.best or {}).get("retrained")
    if again_trained:
        rows = [(str(trial["id"]), accuracy_text(optional(trial["proxy"]), None),
                 accuracy_text(optional(trial["retrained"]), None))
                for trial in again_trained]  # fmt: skip
        columns = ("network", "proxy top-1 %", "retrained top-1 %")
        parts.append(Table("The best, trained again from scratch and longer", columns, rows))
        tau = optional((findings.best or {}).get("tau"))
        if tau is not None:
            text = f"Kendall's tau of proxy and retrained, {len(rows)} networks: {tau:.2f}"
            parts.append(Text(text, "note"))
    return Section("progress", "Progress", "Progress against evaluations", parts)


def _network(findings: Findings) -> list[Section]:
    if findings.pick is None:
        return []
    what = "best so far" if findings.provisional else "pick"
    return [network_section(findings.pick, f"The {what}, stage by stage")]


def _family(findings: Findings) -> list[Section]:
    """The families of the pick that stand beside the run.

    Their accuracies are another evaluator's, so they have a chart of their own.
    """
    if findings.pick is None or findings.provisional:
        return []
    sections = []
    for i, content in enumerate(
        families_of(findings.pick.id, findings.folder.path.resolve().parent)
    ):
        parts = family_parts(content["networks"], str(content.get("label", "")), f"family-{i}")
        short = "Family" if not i else f"Family {i + 1}"
        title = f"The family: {content.get('title', 'scaled')}"
        sections.append(Section(f"family{i}", short, title, parts))
    return sections


def _failures(findings: Findings) -> list[Section]:
    errors = findings.frame["error"].dropna().astype(str)
    if not len(errors):
        return []
    rows = [(text[:300], f"{n:,}") for text, n in Counter(errors).most_common(12)]
    table = Table("Errors, the most frequent first", ("error", "evaluations"), rows)
    return [Section("failures", "Failures", "What failed", [table])]
