"""The answer of a search's report: the pick, what its accuracy means, what it stands beside."""

import dataclasses
import shlex
from collections.abc import Mapping
from typing import Any

from nas.holding import HOLDERS
from nas.imagenet.granted import trusted
from nas.report.charts import optional, records
from nas.report.findings import Findings
from nas.report.words import (
    above_pick,
    agreed,
    ahead,
    beyond,
    published_title,
    roles,
    scaled_to,
    short_role,
    taking,
    verdict,
)
from nas.search.beside.otherwise import to_build_on
from results.report.page import Cards, Code, Part, Section, Table, Text
from results.runs.folder import masked
from results.terminal import accuracy_text, epochs_text
from search_spaces.cost import cost
from search_spaces.networks import EFFICIENTNET_B0
from search_spaces.quantities import QUANTITIES

_COSTS = tuple(QUANTITIES[key] for key in ("flops", "params", "memory"))


def _row(findings: Findings) -> dict[str, Any]:
    """The pick's figures: best.json's, else the trial's."""
    if findings.best is not None and not findings.provisional:
        row = dict(findings.best)
        number = row.get(findings.quantity.column)
        return row | ({} if number is None else {"amount": findings.quantity.base(number)})
    rows = records(findings.compared[findings.compared["number"] == findings.pick_number])
    return rows[0] if rows else {}


def _base(findings: Findings) -> dict[str, Any]:
    """B0's figures: the run's, else its costs at the pick's pixels and classes."""
    base = (findings.best or {}).get("baseline")
    if base:
        number = base.get(findings.quantity.column)
        return {**base, **({} if number is None else {"amount": findings.quantity.base(number)})}
    if findings.pick is None:
        return {}
    b0 = dataclasses.replace(
        EFFICIENTNET_B0, resolution=findings.pick.resolution, classes=findings.pick.classes,
        in_channels=findings.pick.in_channels,
    )  # fmt: skip
    figures = cost(b0)
    of = findings.quantity.of_cost
    return {
        "macs": figures.macs, "params": figures.params, "memory": figures.memory,
        **({"amount": of(figures)} if of is not None else {}),
    }  # fmt: skip


def _trained(findings: Findings) -> bool:
    return "training" in findings.folder.experiment


def _meaning(findings: Findings) -> str:
    """What the accuracies are."""
    evaluator = str(findings.folder.experiment.get("evaluator"))
    if _trained(findings):
        budget = findings.compared["budget"].max() if len(findings.compared) else 0
        return (
            f"Top-1 is measured on the validation images after {epochs_text(budget)}; ± is "
            "one standard deviation of that measurement from the images' number."
        )
    label = (findings.best or {}).get("label")
    if label and evaluator != "surrogate":
        chosen = f" The pick is chosen by top-1 minus {findings.caution:g} x that."
        return f"{label}{chosen * bool(findings.measure.sign)}"
    if evaluator == "surrogate":
        return (
            "Top-1 is a prediction for the surrogate's shortened ImageNet recipe, not what the "
            "full recipe reaches: it compares networks. ± is one standard deviation of its error "
            "against a new training; the pick is chosen by top-1 minus "
            f"{findings.caution:g} x that."
        )
    return f"Top-1 is what the evaluator {evaluator} returned; ± is the spread that it stated."


def lead(findings: Findings) -> str:
    """A sentence on the pick's accuracy and cost, and its lead over EfficientNet-B0 scaled to T."""
    row = _row(findings)
    if not row or optional(row.get("accuracy")) is None:
        return "This run has no pick."
    best = {} if findings.provisional else findings.best or {}
    what, known = "The best so far" if findings.provisional else "The pick", best.get("otherwise")
    text = f"{what} has {_reached(findings, row)}{ahead(best)}."
    base, scaled = _base(findings), (known or {}).get("scaled_b0") or {}
    if optional(base.get("accuracy")) is None or base["macs"] == scaled.get("macs"):
        return text
    over = _over(findings, base)
    whose = f"EfficientNet-B0 as it is{f', {over},' * bool(over)}"
    return f"{text} {whose} has {_reached(findings, base)}."


def _over(findings: Findings, base: Mapping[str, Any]) -> str:
    """That B0 as it is breaks T or a limit, in words; empty where it doesn't."""
    best = findings.best or {}
    over = beyond(best, base) if "target" in best else []
    return f"over in {' and '.join(over)}" if over else ""


def _reached(findings: Findings, row: Mapping[str, Any]) -> str:
    """An accuracy, and at which cost."""
    (measure, sign), of = findings.measure, findings.quantity
    text = f"{accuracy_text(row['accuracy'], optional(row.get('spread')))}{sign or ' of'} {measure}"
    amount = optional(row.get("amount"))
    return text if amount is None else f"{text} at {of.format(amount)} {of.title}"


def answer(findings: Findings) -> Section:
    """The first section: warnings, the pick's figures, a table beside others, the next command."""
    warnings: list[Part] = [Text(text, "warning") for text in findings.warnings]
    row, of = _row(findings), findings.quantity
    if not row:
        text = (
            "No network has been evaluated yet." if not len(findings.compared)
            else f"No network that was evaluated has {of.title} within the target."
        )  # fmt: skip
        return Section("answer", "Answer", "The answer", [*warnings, Text(text)])
    measure, sign = findings.measure
    judge = str(findings.folder.experiment.get("evaluator")).partition(":")[0]
    how = "predicted" if sign else "of the untrained network"
    how = "measured" if _trained(findings) or judge in HOLDERS else how
    reached = accuracy_text(optional(row["accuracy"]), optional(row["spread"]))
    cards = [(measure, reached + sign, how)]
    amount = optional(row.get("amount"))
    if amount is not None:
        share = findings.target / amount if of.inverse else amount / findings.target
        cards.append(
            (of.title, of.format(amount), f"{share:.1%} of T {of.format(findings.target)}")
        )
    cards += [
        (quantity.title, quantity.format(row[quantity.column]), "")
        for quantity in _COSTS
        if quantity.key != of.key
    ]
    parts: list[Part] = [
        *warnings,
        Cards(cards),
        Text(_meaning(findings), "note"),
        _beside(findings),
        *_otherwise(findings),
    ]
    command = (findings.best or {}).get("command")
    if command:
        parts.append(Code("the command that made it", masked(str(command))))
    data = " --data DIR" if _trained(findings) or judge in HOLDERS else ""
    folder = shlex.quote(str(findings.folder.path))
    for name, address in () if findings.provisional else to_build_on(findings.best or {}):
        following = f"gridsearch run --phi 1 --baseline {folder}{address}{data}"
        parts.append(Code(f"the next step: alpha, beta, gamma of {name}", following))
    return Section("answer", "Answer", "The answer", parts)


def _otherwise(findings: Findings) -> list[Part]:
    """How the pick compares with what a user would otherwise take, and where evidence is thin."""
    known = (findings.best or {}).get("otherwise") or {}
    parts: list[Part] = []
    concluded = findings.best is not None and not findings.provisional
    if concluded:
        best, of = findings.best or {}, findings.quantity
        parts += [Text(roles(best, of), "note")] * (best.get("other") is not None)
        parts += [Text(text) for text in [taking(best, of)] if text]
    if text := verdict(known.get("scaled_b0") or {}):
        parts.append(Text(f"{text} {trusted(findings.best or {})}".rstrip()))
    if published := known.get("published"):
        macs, params = (QUANTITIES[key] for key in ("flops", "params"))
        rows = [
            (
                str(row["network"]), str(row["recipe"]), f"{row['top1']:.1f}",
                macs.format(row["macs"]), params.format(row["params"]), str(row["resolution"]),
            )
            for row in published
        ]  # fmt: skip
        columns = ("network", "recipe", "ImageNet top-1 %, printed", "MACs", "params", "px")
        parts.append(Table(published_title(findings.best or {}), columns, rows, left=2))
        if text := above_pick(findings.best or {}):
            parts.append(Text(text, "note"))
    parts += [Text(f"Note: {note}", "note") for note in known.get("notes", [])]
    return parts


def _beside(findings: Findings) -> Table:
    """The pick, the other objective's pick and B0."""
    best, base, row = findings.best or {}, _base(findings), _row(findings)
    role = short_role(best, str(best.get("objective")))
    role += ", and by the other objective" if agreed(best) else ""
    title = "best so far" if findings.provisional else f"pick ({role})"
    listed: list[tuple[str, str, Mapping[str, Any]]] = [(title, str(row["id"]), row)]
    other = best.get("other")
    if other and not agreed(best):
        number = other.get(findings.quantity.column)
        more = {} if number is None else {"amount": findings.quantity.base(number)}
        name = short_role(best, str(other.get("objective")))
        listed.append((f"other ({name})", str(other["id"]), {**other, **more}))
    scaled = (best.get("otherwise") or {}).get("scaled_b0")
    if scaled:
        number = scaled.get(findings.quantity.column)
        more = {} if number is None else {"amount": findings.quantity.base(number)}
        name = f"EfficientNet-B0 scaled to {scaled_to(best)}"
        listed.append((name, str(scaled["name"]), {**scaled, **more}))
    if base and not (scaled and scaled["macs"] == base["macs"]):
        pixels = findings.pick.resolution if findings.pick else EFFICIENTNET_B0.resolution
        name = base.get("name") or f"at {pixels} px, not evaluated"
        over = _over(findings, base)
        listed.append(("EfficientNet-B0" + f" ({over})" * bool(over), name, base))
    own = findings.quantity.key not in QUANTITIES
    rows = []
    for label, name, figures in listed:
        amount = optional(figures.get("amount"))
        spread = optional(figures.get("spread"))
        rows.append((
            label, name, accuracy_text(optional(figures.get("accuracy")), spread),
            *([findings.quantity.format(amount) if amount is not None else "-"] if own else []),
            *(q.format(figures[q.column]) for q in _COSTS),
        ))  # fmt: skip
    titles = [findings.quantity.title] if own else []
    columns = ("", "network", findings.measure.heading, *titles, "MACs", "params", "memory")
    return Table("The pick beside EfficientNet-B0", columns, rows, left=2, marked=(0,))
