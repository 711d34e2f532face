"""The charts of a search's report: the front, the progress, which choices matter."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from nas.report.findings import Findings
from results.report.charts import (
    ALARM,
    BASE,
    FAINT,
    FRONT,
    OTHER,
    PICK,
    Axis,
    axis,
    chart,
    dots,
    figure,
    spoken,
    thin,
    upright,
)
from results.report.page import Chart, Part, Table, Text
from results.runs.frames import figures_of, front_frame
from results.terminal import accuracy_text
from search_spaces.quantities import QUANTITIES

ENOUGH = 20  # networks that importances need
LISTED = 16  # choices in the chart
FITTED = 2500  # networks that they are learnt from
_SHOWN = ("accuracy", "spread", "macs", "params", "memory")


def optional(value: Any) -> float | None:
    """The number, or None for nan and None."""
    return None if value is None or value != value else float(value)


def texts(rows: "Sequence[Mapping[str, Any]]", findings: Findings) -> list[str]:
    """What is shown where a network is pointed at, for each row."""
    labels, of, (measure, sign) = [], findings.quantity, findings.measure
    for row in rows:
        lines = [f"<b>{spoken(row['id'])}</b>"]
        reached = accuracy_text(optional(row["accuracy"]), optional(row["spread"]))
        lines.append(f"{measure} {reached}{sign}")
        if optional(row.get("amount")) is not None:
            lines.append(f"{spoken(of.title)} {of.format(row['amount'])}")
        lines += [
            f"{quantity.title} {quantity.format(row[quantity.column])}"
            for quantity in QUANTITIES.values()
            if quantity.key != of.key
        ]
        if "number" in row:
            lines.append(f"trial {row['number']}")
        labels.append("<br>".join(lines))
    return labels


def records(frame: Any) -> list[dict[str, Any]]:
    """The rows of a frame with the figures that charts and tables show."""
    if "network" in frame:  # only what is shown is counted
        frame = frame.assign(**figures_of(frame["network"].tolist()))
    keys = ["number", "id", *_SHOWN, "amount", "reward"]
    return frame[keys].to_dict("records")  # type: ignore[no-any-return]


def front_of(findings: Findings) -> Any:
    """The rows on the front of accuracy against the quantity, cheapest first."""
    known = findings.compared[findings.compared["amount"].notna()]
    column = findings.quantity.column
    if column not in known:
        known = known.assign(**{column: known["amount"].map(findings.quantity.number)})
    if "network" in known and known.duplicated(["accuracy", "spread", column]).any():
        known = known.assign(**figures_of(known["network"].tolist()))  # they decide among equals
    return front_frame(known, findings.caution, findings.quantity)


def front_chart(findings: Findings) -> Chart | None:
    """Accuracy against the quantity: all trials, the front, the target, the pick, B0."""
    of, known = findings.quantity, findings.compared[findings.compared["amount"].notna()]
    if not len(known):
        return None
    along = axis(of, findings.target)
    kept = records(known.iloc[thin(len(known))])
    best = records(front_of(findings))
    name = "all trials" if len(kept) == len(known) else f"{len(kept):,} of {len(known):,} trials"
    traces = [
        _trace(findings, kept, along, name, FAINT, size=5, opacity=0.45),
        _trace(findings, best, along, "front", FRONT, size=6, mode="lines+markers",
               line={"color": FRONT, "width": 1.5, "shape": "hv"}),
        *_named(findings, along),
    ]  # fmt: skip
    measure = findings.measure
    made = figure(traces, along.title, measure.heading.replace(" %", ", %"))
    upright(made, along.of(findings.target), f"T = {of.format(findings.target)}")
    return chart(
        "front-chart",
        made,
        f"{len(known)} networks by {measure.name} and {of.title}; {len(best)} are on the front.",
        "The front is the networks that no other beats on both"
        + (
            f", by {measure.name} minus {findings.caution:g} x its spread." * findings.cautious
            or "."
        ),
        height=460,
    )


def _trace(
    findings: Findings,
    rows: Sequence[Mapping[str, Any]],
    along: Axis,
    name: str,
    colour: str,
    **how: Any,
) -> Any:
    x = [along.of(row["amount"]) for row in rows]
    y = [row["accuracy"] for row in rows]
    if colour != FAINT:  # what a click shows: `nas.report.front`
        how["customdata"] = [str(row["id"]) for row in rows]
    return dots(x, y, name, colour, texts(rows, findings), **how)


def _named(findings: Findings, along: Axis) -> list[Any]:
    """The other objective's pick, B0 and the pick, where their figures are known."""
    frame, best = findings.compared, findings.best or {}
    traces = []
    chosen = frame[frame["number"] == findings.pick_number]
    other = best.get("other") or {}
    for rows, name, colour, symbol, size in (
        (frame[frame["number"] == other.get("number")], "the other objective's pick", OTHER,
         "triangle-up", 12),
        (chosen, "best so far" if findings.provisional else "pick", PICK, "star", 17),
    ):  # fmt: skip
        if len(rows):
            how = {"symbol": symbol, "size": size, "edge": 1}
            traces.append(_trace(findings, records(rows), along, name, colour, **how))
    base = best.get("baseline") or {}
    number = base.get(along.quantity.column)
    if base.get("accuracy") is not None and number:
        amount = along.quantity.base(number)
        row = {**base, "id": base["name"], "amount": amount}
        how = {"symbol": "diamond", "size": 12, "edge": 1}
        traces.insert(-1, _trace(findings, [row], along, "EfficientNet-B0", BASE, **how))
    return traces


def progress_chart(findings: Findings) -> Chart | None:
    """The reward of each trial and the best so far, in the order of evaluation."""
    frame = findings.frame.reset_index(drop=True)
    longest = (
        frame["budget"] == findings.compared["budget"].max() if len(findings.compared) else None
    )
    done = frame[frame["reward"].notna() & longest] if longest is not None else frame.iloc[:0]
    if not len(done):
        return None
    rising = done["reward"].cummax()
    steps = done[(rising != rising.shift()).to_numpy()]
    kept = done.iloc[thin(len(done))]
    failed = frame[frame["error"].notna()]
    said = [f"{text}<br>reward {row['reward']:.2f}" for text, row in
            zip(texts(records(kept), findings), records(kept), strict=True)]  # fmt: skip
    better = [f"best so far: {value:.2f}<br>after {n + 1:,} evaluations"
              for n, value in zip(steps.index, steps["reward"], strict=True)]  # fmt: skip
    line_x = [n + 1 for n in steps.index] + [len(frame)]
    line_y = [*steps["reward"], rising.iloc[-1]]
    last = f"best: {rising.iloc[-1]:.2f}<br>after {len(frame):,} evaluations"
    traces = [
        dots(kept.index + 1, kept["reward"], "each trial", FAINT, said, size=5, opacity=0.5),
        dots(line_x, line_y, "best so far", FRONT, [*better, last], mode="lines", size=5,
             line={"color": FRONT, "width": 2.5, "shape": "hv"}),
    ]  # fmt: skip
    if len(failed):
        why = [f"trial {n} failed:<br>{spoken(str(error)[:120])}"
               for n, error in zip(failed["number"], failed["error"], strict=True)]  # fmt: skip
        floor = [float(kept["reward"].min())] * len(failed)
        traces.append(dots(failed.index + 1, floor, "failed", ALARM, why, symbol="x", size=8))
    made = figure(traces, "evaluations", "reward")
    low, high = np.quantile(done["reward"], [0.02, 1])
    room = 0.06 * (high - low) or 0.5
    if len(done) > 50:  # a few very bad networks must not flatten the rest of the chart
        made.update_yaxes(range=[low - room, high + room])
    about = f"Best reward so far and each of {len(done)} trials against evaluations."
    return chart("progress-chart", made, about, _reward_text(findings), height=360)


def _reward_text(findings: Findings) -> str:
    assert findings.objective is not None
    of, target = findings.quantity, findings.quantity.format(findings.target)
    hard, caution = findings.objective.name == "hard", findings.caution
    number = findings.measure.name + f" - {caution:g} x spread" * findings.cautious
    falls = "times T / F where F exceeds T" if hard else "times (T / F) ** 0.07, whatever F is"
    text = f"Reward: {number}, {falls}; F is the network's "
    amount = f"1 / {of.title}" if of.inverse else of.title
    return text + f"{amount}, T = {target}. The lowest 2 % of many trials may lie below the chart."


def choice_columns(findings: Findings) -> list[str]:
    """The columns of the space's choices that have more than one option."""
    known = findings.folder.experiment.get("choices")
    names = known if isinstance(known, dict) else {}
    pairs = [(f"choice.{name}" if f"choice.{name}" in findings.frame else name, options)
             for name, options in names.items()]  # fmt: skip
    return [name for name, options in pairs if name in findings.frame and len(options) > 1]


def importances(frame: Any, names: Sequence[str]) -> dict[str, float]:
    """What share of the reward's variance over the space each choice explains.

    fANOVA, on a forest that undoes what a search looks at most. Not PED-ANOVA: a choice worth a
    hundredth of a point that the best tenth shares counts there as much as one worth ten.

    Args:
        frame: Trials with a `reward`.
        names: Columns of choices.

    Returns:
        Shares that sum to 1, by column; columns of a single option are left out.
    """
    import pandas as pd

    from nas.report.importance import shares

    coded = {name: pd.factorize(frame[name], sort=True, use_na_sentinel=False) for name in names}
    coded = {name: pair for name, pair in coded.items() if len(pair[1]) > 1}
    if not coded:
        return {}
    codes = np.stack([at for at, _ in coded.values()], 1)
    sizes = [len(options) for _, options in coded.values()]
    found = shares(codes, sizes, frame["reward"].to_numpy(float))
    return dict(zip(coded, found.tolist(), strict=True))


def importance_parts(findings: Findings) -> list[Part]:
    """The chart, and each option's mean; a sentence where there is too little to tell."""
    frame = findings.frame[findings.frame["reward"].notna()]
    if len(frame):  # halving has several budgets; the last has few networks, so take the fullest
        frame = frame[frame["budget"] == frame["budget"].mode()[0]]
    names = choice_columns(findings)
    frame = frame.drop_duplicates("network" if "network" in frame else "id")
    frame = frame.iloc[thin(len(frame), FITTED)]
    if len(frame) < ENOUGH or not names or frame["reward"].nunique() < 2:
        return [Text(f"{len(frame)} comparable networks with rewards and {len(names)} choices are "
                     f"too few to tell: at least {ENOUGH} networks are needed.")]  # fmt: skip
    shares = importances(frame, names)
    ranked = sorted(shares.items(), key=lambda pair: -pair[1])
    options = {name: _options(frame, name) for name, _ in ranked}
    rows = [
        (name.removeprefix("choice."), f"{100 * share:.1f} %", option, f"{mean:.2f}", f"{n:,}")
        for name, share in ranked
        for option, mean, n in options[name]
    ]
    caption = "The mean reward of each option, whatever the other choices were"
    columns = ("choice", "share", "option", "mean reward", "networks")
    return [_bars(ranked, options, len(frame)), Table(caption, columns, rows, folded=True)]


def _options(frame: Any, name: str) -> list[tuple[str, float, int]]:
    """Each option of a choice with its mean reward and its networks, the best first."""
    grouped = frame.groupby(frame[name].astype(str))["reward"]
    means = [(str(option), float(rewards.mean()), len(rewards)) for option, rewards in grouped]
    return sorted(means, key=lambda row: -row[1])


def _bars(ranked: Sequence[tuple[str, float]], options: Mapping[str, Any], networks: int) -> Chart:
    import plotly.graph_objects as go

    shown = ranked[:LISTED][::-1]
    names = [spoken(name.removeprefix("choice.")) for name, _ in shown]
    said = [
        f"<b>{spoken(name)}</b> {share:.1%}<br>"
        + "<br>".join(f"{spoken(o)}: mean reward {m:.2f}, {n:,} networks"
                      for o, m, n in options[name])
        for name, share in shown
    ]  # fmt: skip
    bar = go.Bar(
        x=[100 * share for _, share in shown], y=names, orientation="h", name="",
        marker={"color": FRONT}, hovertext=said, hoverinfo="text",
    )  # fmt: skip
    made = figure([bar], "share of the reward's variance, %", "", bargap=0.3, showlegend=False)
    made.update_yaxes(type="category")
    caption = (
        f"fANOVA on {networks:,} networks: the share of the reward's variance over the space that "
        f"a choice explains. {len(shown)} of {len(ranked)} choices."
    )
    about = f"Bars of importance; {spoken(ranked[0][0])} is first with {ranked[0][1]:.0%}."
    return chart("importance-chart", made, about, caption, height=90 + 23 * len(shown))
