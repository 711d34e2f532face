"""The page of a search's report, section by section: the answer first."""

import dataclasses
import shlex
from collections import Counter
from collections.abc import Mapping
from typing import Any

from nas.objective import Limit
from nas.report.charts import (
    front_chart,
    front_of,
    importance_parts,
    optional,
    progress_chart,
    records,
)
from nas.report.findings import Findings, findings
from results.report.family import families_of, family_parts
from results.report.network import network_section
from results.report.page import Cards, Code, Page, Part, Section, Table, Text
from results.report.record import Folder, again, costs
from results.runs.folder import masked
from results.terminal import accuracy_text
from search_spaces.cost import cost
from search_spaces.errors import UserError
from search_spaces.networks import EFFICIENTNET_B0
from search_spaces.quantities import QUANTITIES

_MACS, _PARAMS, _MEMORY = (QUANTITIES[key] for key in ("flops", "params", "memory"))
_FRONT_ROWS = 40


def report_of(folder: Folder) -> Page:
    """The page of a search. Raises UserError."""
    return page(findings(folder))


def page(found: Findings) -> Page:
    """The whole report."""
    frame, folder = found.frame, found.folder
    failed = int(frame["error"].notna().sum())
    seconds = float(frame["seconds"].fillna(0).sum())
    sections = [
        _answer(found),
        _front(found),
        _progress(found),
        Section("choices", "Choices", "Which choices matter", importance_parts(found)),
        *_network(found),
        *_family(found),
        costs(folder, len(frame), failed, seconds),
        *_failures(found),
        again(folder),
    ]
    of = found.quantity
    sign = ">=" if of.inverse else "<="
    badges = [(f"T: {of.title} {sign} {of.format(found.target)}", "")]
    badges += [(text, "") for text in _limits(folder.experiment.get("limits"))]
    keys = ("space", "strategy", "evaluator")
    badges += [(f"{key} {folder.experiment.get(key, '?')}", "") for key in keys]
    badges += [(f"{len(frame):,} evaluations", "")]
    badges += [(f"{failed:,} failed", "warning")] if failed else []
    name = folder.path.resolve().name
    return Page("compound-nas · nas search", name, _lead(found), badges, sections)


def _limits(limits: Any) -> list[str]:
    texts = []
    for key, at_most in limits.items() if isinstance(limits, dict) else ():
        try:
            texts.append(str(Limit(key, at_most)))
        except (UserError, TypeError):
            texts.append(f"{key} {at_most}")
    return texts


def _row(found: Findings) -> dict[str, Any]:
    """The pick's figures: best.json's, else the trial's."""
    if found.best is not None and not found.provisional:
        row = dict(found.best)
        number = row.get(found.quantity.column)
        return row | ({} if number is None else {"amount": found.quantity.base(number)})
    rows = records(found.compared[found.compared["number"] == found.pick_number])
    return rows[0] if rows else {}


def _base(found: Findings) -> dict[str, Any]:
    """B0's figures: the run's, else its costs at the pick's pixels and classes."""
    base = (found.best or {}).get("baseline")
    if base:
        number = base.get(found.quantity.column)
        return {**base, **({} if number is None else {"amount": found.quantity.base(number)})}
    if found.pick is None:
        return {}
    b0 = dataclasses.replace(
        EFFICIENTNET_B0, resolution=found.pick.resolution, classes=found.pick.classes
    )
    figures = cost(b0)
    of = found.quantity.of_cost
    return {
        "macs": figures.macs, "params": figures.params, "memory": figures.memory,
        **({"amount": of(figures)} if of is not None else {}),
    }  # fmt: skip


def _trained(found: Findings) -> bool:
    return "training" in found.folder.experiment


def _meaning(found: Findings) -> str:
    """What the accuracies are."""
    evaluator = str(found.folder.experiment.get("evaluator"))
    if _trained(found):
        budget = found.compared["budget"].max() if len(found.compared) else 0
        return (
            f"Top-1 is measured on the validation images after {budget:g} epochs; ± is one "
            "standard deviation of that measurement from the images' number."
        )
    if evaluator == "surrogate":
        return (
            "Top-1 is a prediction for the surrogate's shortened ImageNet recipe, not what the "
            "full recipe reaches: it compares networks. ± is one standard deviation of its error "
            f"against a new training; the pick is chosen by top-1 minus {found.caution:g} x that."
        )
    return f"Top-1 is what the evaluator {evaluator} returned; ± is the spread that it stated."


def _lead(found: Findings) -> str:
    row, base = _row(found), _base(found)
    if not row or optional(row.get("accuracy")) is None:
        return "This run has no pick."
    what = "The best so far" if found.provisional else "The pick"
    text = f"{what} has {accuracy_text(row['accuracy'], optional(row.get('spread')))} % top-1"
    if optional(row.get("amount")) is not None:
        text += f" at {found.quantity.format(row['amount'])} {found.quantity.title}"
    if optional(base.get("accuracy")) is None:
        return text + "."
    gain = row["accuracy"] - base["accuracy"]
    here, there = optional(row.get("amount")), optional(base.get("amount"))
    title, times = "MACs", row["macs"] / base["macs"]
    if here and there:
        of = found.quantity
        title, times = of.title, there / here if of.inverse else here / there
    return f"{text}: {gain:+.2f} points against EfficientNet-B0, at {times:.2f}x of its {title}."


def _answer(found: Findings) -> Section:
    warnings: list[Part] = [Text(text, "warning") for text in found.warnings]
    row, of = _row(found), found.quantity
    if not row:
        text = (
            "No network has been evaluated yet." if not len(found.compared)
            else f"No network that was evaluated has {of.title} within the target."
        )  # fmt: skip
        return Section("answer", "Answer", "The answer", [*warnings, Text(text)])
    cards = [("top-1", accuracy_text(optional(row["accuracy"]), optional(row["spread"])) + " %",
              "measured" if _trained(found) else "predicted")]  # fmt: skip
    amount = optional(row.get("amount"))
    if amount is not None:
        share = found.target / amount if of.inverse else amount / found.target
        cards.append((of.title, of.format(amount), f"{share:.1%} of T {of.format(found.target)}"))
    cards += [
        (one.title, one.format(row[one.column]), "")
        for one in (_MACS, _PARAMS, _MEMORY)
        if one.key != of.key
    ]
    parts: list[Part] = [*warnings, Cards(cards), Text(_meaning(found), "note"), _beside(found)]
    command = (found.best or {}).get("command")
    if command:
        parts.append(Code("the command that made it", masked(str(command))))
    data = " --data DIR" if _trained(found) else ""
    folder = shlex.quote(str(found.folder.path))
    following = f"gridsearch run --phi 1 --baseline {folder}{data}"
    if not found.provisional:
        parts.append(Code("the next step: alpha, beta, gamma of this network", following))
    return Section("answer", "Answer", "The answer", parts)


def _beside(found: Findings) -> Table:
    """The pick, the other objective's pick and B0."""
    names = {"hard": "most accurate within T", "soft": "reward with w = -0.07"}
    best, base, row = found.best or {}, _base(found), _row(found)
    objective = names.get(str(best.get("objective")), str(best.get("objective")))
    title = "best so far" if found.provisional else f"pick ({objective})"
    listed: list[tuple[str, str, Mapping[str, Any]]] = [(title, str(row["id"]), row)]
    other = best.get("other")
    if other:
        number = other.get(found.quantity.column)
        more = {} if number is None else {"amount": found.quantity.base(number)}
        name = names.get(str(other.get("objective")), str(other.get("objective")))
        listed.append((f"other ({name})", str(other["id"]), {**other, **more}))
    if base:
        pixels = found.pick.resolution if found.pick else EFFICIENTNET_B0.resolution
        name = base.get("name") or f"at {pixels} px, not evaluated"
        listed.append(("EfficientNet-B0", name, base))
    own = found.quantity.key not in QUANTITIES
    rows = []
    for label, name, one in listed:
        amount = optional(one.get("amount"))
        spread = optional(one.get("spread"))
        rows.append((
            label, name, accuracy_text(optional(one.get("accuracy")), spread),
            *([found.quantity.format(amount) if amount is not None else "-"] if own else []),
            *(q.format(one[q.column]) for q in (_MACS, _PARAMS, _MEMORY)),
        ))  # fmt: skip
    titles = [found.quantity.title] if own else []
    columns = ("", "network", "top-1 %", *titles, "MACs", "params", "memory")
    return Table("The pick beside EfficientNet-B0", columns, rows, left=2, marked=(0,))


def _front(found: Findings) -> Section:
    of = found.quantity
    title = f"The front: top-1 against {of.title}"
    drawn = front_chart(found)
    if drawn is None:
        text = "No network with an accuracy and an amount of the quantity was evaluated yet."
        return Section("front", "Front", title, [Text(text)])
    rows = records(front_of(found))
    step = -(-len(rows) // _FRONT_ROWS)
    own = of.key not in QUANTITIES
    cells = [
        (
            str(row["id"]),
            *([of.format(row["amount"])] if own else []),
            *(q.format(row[q.column]) for q in (_MACS, _PARAMS, _MEMORY)),
            accuracy_text(row["accuracy"], optional(row["spread"])),
        )
        for row in rows[::-1][::step][::-1]
    ]
    columns = ("network", *([of.title] if own else []), "MACs", "params", "memory", "top-1 %")
    caption = f"{len(cells)} of {len(rows)} networks on the front"
    parts: list[Part] = [drawn, Table(caption, columns, cells, folded=True)]
    shorter = len(found.frame[found.frame["accuracy"].notna()]) - len(found.compared)
    if shorter:
        text = (
            f"{shorter:,} measurements of smaller budgets are not drawn: accuracies of different "
            "budgets don't compare."
        )
        parts.append(Text(text, "note"))
        parts.append(_rungs(found))
    return Section("front", "Front", title, parts)


def _rungs(found: Findings) -> Table:
    """What each budget was spent on."""
    done = found.frame[found.frame["accuracy"].notna()]
    rows = [
        (f"{budget:g}", f"{len(one):,}", f"{one['accuracy'].median():.2f}",
         f"{one['accuracy'].max():.2f}", f"{one['seconds'].median():.3g}")
        for budget, one in done.groupby("budget")
    ]  # fmt: skip
    columns = ("budget", "measurements", "median top-1 %", "best top-1 %", "median s")
    return Table("The budgets", columns, rows)


def _progress(found: Findings) -> Section:
    drawn = progress_chart(found) if found.objective is not None else None
    parts: list[Part] = [drawn] if drawn else [Text("There is no reward to show yet.")]
    again_trained = (found.best or {}).get("retrained")
    if again_trained:
        rows = [(str(one["id"]), accuracy_text(optional(one["proxy"]), None),
                 accuracy_text(optional(one["retrained"]), None))
                for one in again_trained]  # fmt: skip
        columns = ("network", "proxy top-1 %", "retrained top-1 %")
        parts.append(Table("The best, trained again from scratch and longer", columns, rows))
        tau = optional((found.best or {}).get("tau"))
        if tau is not None:
            text = f"Kendall's tau of proxy and retrained, {len(rows)} networks: {tau:.2f}"
            parts.append(Text(text, "note"))
    return Section("progress", "Progress", "Progress against evaluations", parts)


def _network(found: Findings) -> list[Section]:
    if found.pick is None:
        return []
    what = "best so far" if found.provisional else "pick"
    return [network_section(found.pick, f"The {what}, stage by stage")]


def _family(found: Findings) -> list[Section]:
    """The families of the pick that stand beside the run. Their accuracies are another
    evaluator's, so they have a chart of their own."""
    if found.pick is None or found.provisional:
        return []
    sections = []
    for i, content in enumerate(families_of(found.pick.id, found.folder.path.resolve().parent)):
        parts = family_parts(content["networks"], str(content.get("label", "")), f"family-{i}")
        short = "Family" if not i else f"Family {i + 1}"
        title = f"The family: {content.get('title', 'scaled')}"
        sections.append(Section(f"family{i}", short, title, parts))
    return sections


def _failures(found: Findings) -> list[Section]:
    errors = found.frame["error"].dropna().astype(str)
    if not len(errors):
        return []
    rows = [(text[:300], f"{n:,}") for text, n in Counter(errors).most_common(12)]
    table = Table("Errors, the most frequent first", ("error", "evaluations"), rows)
    return [Section("failures", "Failures", "What failed", [table])]
