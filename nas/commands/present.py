"""What the commands print, as rich tables."""

import shlex
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console

from nas.devices.registry import Device, errors_text
from nas.objective import Limit
from nas.search.audit import Report
from nas.search.conclude import Result
from nas.search.feasibility import Feasibility
from nas.search.forecast import Forecast, duration
from nas.search.otherwise import verdict
from results.terminal import accuracy_text, bold, console, table, two_digits, yellow
from search_spaces.architecture import Architecture
from search_spaces.cost import Cost, cost
from search_spaces.quantities import QUANTITIES, Quantity
from search_spaces.space import Range, Space
from search_spaces.stages import MACS, MEMORY, PARAMS, pixels_text, rows


def costs(figures: Cost) -> tuple[str, str, str, str]:
    """MACs, parameters, peak memory, live activations, for a row."""
    return (
        MACS.format(figures.macs),
        PARAMS.format(figures.params),
        MEMORY.format(figures.memory),
        MEMORY.format(figures.activation_memory),
    )


def print_architecture(architecture: Architecture) -> None:
    """Prints a network stage by stage, as the papers' tables do."""
    a, whole = architecture, cost(architecture)
    listed = table(
        "stage", "operator", "in px", "channels", "layers", "stride", "MACs", "params",
        "activations", "live", left=2,
    )  # fmt: skip
    for row in rows(a):
        shape = map(str, (row.size, row.channels, row.layers, row.stride))
        counts = [PARAMS.format(n) for n in (row.cost.params, row.cost.activations)]
        figures = (MACS.format(row.cost.macs), *counts, MEMORY.format(row.cost.activation_memory))
        listed.add_row(row.name, row.operator, *shape, *figures)
    out = console()
    out.print(
        f"{bold(a.name or 'network')}  id {a.id}  {pixels_text(a)}  {a.classes} classes  "
        f"{a.activation}  dropout {a.dropout:g}  drop-connect {a.drop_connect:g}"
    )
    out.print(listed)
    out.print(
        f"{whole.macs:,} MACs ({MACS.format(whole.flops)} FLOPs at 2 a multiply-add)  "
        f"{whole.params:,} params  {whole.activations:,} activations\n"
        f"peak memory at batch 1, float32: {MEMORY.format(whole.memory)} "
        f"(live activations {MEMORY.format(whole.activation_memory)})"
    )


def print_spaces(rows: Sequence[tuple[Space, dict[str, Range]]]) -> None:
    """Prints each space's size, and smallest, median and largest of each quantity."""
    listed = table("space", "networks", "choices", "quantity", "smallest", "median", "largest")
    for space, ranges in rows:
        heading = (space.name, two_digits(space.size), str(len(space.choices)))
        for name, span in ranges.items():
            quantity = QUANTITIES[name]
            values = (quantity.format(v) for v in (span.smallest, span.median, span.largest))
            listed.add_row(*heading, quantity.title, *values)
            heading = ("", "", "")
    out = console()
    out.print(listed)
    for space, _ in rows:
        if space.description:
            out.print(f"{bold(space.name)}: {space.description}")


def print_feasibility(feasibility: Feasibility) -> None:
    """Prints the span of each limited quantity, and the share of the space that is within."""
    rows = table("target", "smallest", "median", "largest", "space within")
    for row in feasibility.rows:
        of, span = row.quantity, row.span
        values = [of.format(v) for v in (span.smallest, span.median, span.largest)]
        wanted = f"{of.title} {'>=' if of.inverse else '<='} {of.format(row.at_most)}"
        rows.add_row(
            wanted, *(values[::-1] if of.inverse else values), _share(row.share, feasibility)
        )
    out = console()
    out.print(rows)
    if len(feasibility.rows) > 1:
        out.print(f"all at once: {_share(feasibility.share, feasibility)} of {feasibility.space}")


def _share(share: float, feasibility: Feasibility) -> str:
    return f"{share:.1%}" if share else f"under {1 / feasibility.samples:.2%}"


def print_devices(devices: Sequence[Device]) -> None:
    """Prints each device's quantities with their errors, and what is covered."""
    rows = table("device", "quantity", "tau", "median error", "networks", "", left=2)
    for device in devices:
        for kind in device.quantities:
            errors = device.errors.get(kind)
            tau, median = errors_text(errors)
            rows.add_row(device.name, kind, tau, median, str(errors.networks) if errors else "-",
                         device.title)  # fmt: skip
    out = console()
    out.print(rows)
    out.print("tau (Kendall's) and error on networks that were not fitted", style="dim")
    for covers in dict.fromkeys(device.covers for device in devices):
        names = ", ".join(device.name for device in devices if device.covers == covers)
        out.print(f"{bold(names)}: {covers}")


def _figures(named: dict[str, Any], predicted: Sequence[Quantity]) -> tuple[str, ...]:
    return (
        *(quantity.text(named) for quantity in predicted),
        MACS.format(named["macs"]),
        PARAMS.format(named["params"]),
        MEMORY.format(named["memory"]),
        accuracy_text(named["accuracy"], named["spread"]),
    )


def print_result(result: Result) -> None:
    """Prints the pick beside B0, the other objective's pick, the front, the next command."""
    out, objective = console(), result.plan.objective
    quantity = objective.of_quantity
    seconds = sum(result.seconds.values())
    rate = result.new / max(1e-9, result.seconds["search"])
    networks = len({trial.architecture for trial in result.trials})
    of = "" if networks == len(result.trials) else f"{len(result.trials):,} trials of "
    speed = f"{rate:,.0f}/s" if rate >= 1 else f"{1 / rate:.1f} s each" if rate else ""
    out.print(
        f"{of}{networks:,} distinct networks in {result.folder} "
        f"({result.new:,} new{', ' if speed else ''}{speed}; {seconds:.1f} s in all)"
    )
    if result.stopped:
        out.print(f"{yellow('stopped early:')} {result.stopped}")
    failed = [trial for trial in result.trials if trial.error]
    if failed:
        out.print(f"{yellow(f'{len(failed)} failed')}, the last with: {failed[-1].error}")
    best = result.best
    if best is None or result.pick is None:
        return
    print_pick(out, best, quantity, result.plan.predicted)
    out.print()
    print_architecture(result.pick.architecture)
    out.print(f"recounted with fvcore on the built network: {result.fvcore_macs:,} MACs\n")
    _print_retrained(out, result)
    _print_front(out, result)
    target = shlex.quote(str(result.folder))
    proxy = result.plan.proxy
    data = f" --data {shlex.quote(str(proxy.data))}" if proxy else ""
    data += f" --fit {proxy.fit}" if proxy and proxy.fit != "crop" else ""
    out.print(
        f"\nnext: {bold(f'gridsearch run --phi 1 --baseline {target}{data}')}", soft_wrap=True
    )


def print_pick(
    out: "Console", best: dict[str, Any], quantity: Quantity, predicted: Sequence[Quantity] = ()
) -> None:
    """Prints the pick, the other objective's pick and B0, a row for each.

    Args:
        out: Where to.
        best: best.json.
        quantity: That has the target.
        predicted: A device's quantities, which have columns of their own.
    """
    titles = [quantity.title for quantity in predicted]
    rows = table("", "network", *titles, "MACs", "params", "memory", "top-1 %", left=2)
    names = {"hard": "most accurate within T", "soft": "reward with w = -0.07"}
    rows.add_row(f"pick ({names[best['objective']]})", best["id"], *_figures(best, predicted))
    other = best["other"]
    if other is not None:
        rows.add_row(
            f"other ({names[other['objective']]})", other["id"], *_figures(other, predicted)
        )
    for name, network in _alternatives(best):
        rows.add_row(name, network["name"], *_figures(network, predicted))
    print_targets(out, best, quantity)
    out.print(rows)
    taken = quantity.base(best[quantity.column]) / best["target"]
    if taken < 0.8 and best["objective"] == "hard":
        out.print(
            f"the pick takes {taken:.0%} of T: see with `nas spaces` how far the space reaches",
            style="dim",
        )
    _print_otherwise(out, best)


def _alternatives(best: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """(what it is, its figures) of the networks that the pick stands beside."""
    scaled, base = (best.get("otherwise") or {}).get("scaled_b0"), best["baseline"]
    rows = [] if scaled is None else [("EfficientNet-B0 scaled to T", scaled)]
    if base is not None and (scaled is None or scaled["macs"] != base["macs"]):
        rows.append(("EfficientNet-B0", base))
    return rows


def _print_otherwise(out: "Console", best: dict[str, Any]) -> None:
    """What the numbers mean, how the pick compares with what a user would otherwise take."""
    beside = best.get("otherwise") or {}
    if text := verdict(beside.get("scaled_b0") or {}):
        out.print(text, style="bold" if text.startswith("The pick is predicted") else "yellow")
    if published := beside.get("published"):
        listed = ", ".join(
            f"{row['network']} {row['top1']:.1f} % at {MACS.format(row['macs'])}"
            for row in published
        )
        out.print(f"published within T, each trained by its own recipe: {listed}")
    if label := best.get("label"):
        chosen = f" The pick is chosen by top-1 - {best['caution']:g} x that." * bool(
            best["caution"]
        )
        out.print(f"{label}{chosen}", style="dim")
    for note in beside.get("notes", [])[:3]:
        out.print(f"note: {note}", style="dim")


def print_targets(out: "Console", best: dict[str, Any], of: Quantity) -> None:
    """Prints T, and the other limits."""
    text = f"{of.format(best['target'])} {of.title}"
    limits = best.get("limits", {}).items()
    others = [str(Limit(key, at_most)) for key, at_most in limits]
    out.print(f"\n{bold(f'T = {text}')}" + (f", {', '.join(others)}" if others else ""))


def _print_retrained(out: "Console", result: Result) -> None:
    if not result.retrained:
        return
    rows = table("retrained", "MACs", "proxy top-1 %", "retrained top-1 %")
    for short, long in result.retrained:
        texts = (accuracy_text(t.accuracy, t.spread) for t in (short, long))
        rows.add_row(long.architecture.id, MACS.format(long.cost.macs), *texts)
    out.print(rows)
    if result.tau is not None:
        out.print(
            f"Kendall's tau of proxy and retrained, {len(result.retrained)} networks: "
            f"{result.tau:.2f}\n"
        )


def _print_front(out: "Console", result: Result, most: int = 12) -> None:
    front = result.front
    step = max(1, -(-len(front) // most))
    shown = front[::-1][::step][::-1]
    predicted = result.plan.predicted
    titles = [quantity.title for quantity in predicted]
    rows = table("front", *titles, "MACs", "params", "memory", "top-1 %")
    for trial in shown:
        own = [quantity.text(quantity.figures(trial.architecture)) for quantity in predicted]
        figures = (*own, *costs(trial.cost)[:3])
        rows.add_row(trial.architecture.id, *figures, accuracy_text(trial.accuracy, trial.spread))
    out.print(rows)
    address = (
        f"; each has an address, as {result.folder}:{front[0].architecture.id}" if front else ""
    )
    out.print(f"{len(shown)} of {len(front)} on the front: {result.folder / 'front.csv'}{address}")


def print_audit(report: Report, tau: float) -> None:
    """Prints the table of an audit, and the cheapest length that ranks well enough."""
    rows = table("epochs", "top-1 %", "seed noise", "tau to the longest", "over seeds", "s each")
    for row in report.rows:
        noise = f"{row.noise:.2f}" if row.noise == row.noise else "-"
        span = f"{row.low:.2f} to {row.high:.2f}"
        texts = (f"{row.accuracy:.2f}", noise, f"{row.tau:.2f}", span, f"{row.seconds:.1f}")
        rows.add_row(f"{row.budget:g}", *texts)
    out = console()
    out.print(rows)
    networks = len({trial.architecture for trial in report.trials})
    out.print(
        f"{len(report.trials)} trainings of {networks} networks in {report.folder}; tau compares "
        "one training with the mean of the other seeds at the longest length"
    )
    cheapest = report.cheapest(tau)
    out.print(
        f"{bold(f'{cheapest.budget:g} epochs')} are the cheapest with a tau of {tau:g} or more"
        if cheapest
        else f"no length reaches a tau of {tau:g}: train longer, on more images, or with more seeds"
    )


def print_forecast(forecast: Forecast) -> None:
    """Prints the forecast in three lines."""
    out = console()
    low, high = duration(forecast.low), duration(forecast.high)
    out.print(
        f"{forecast.trainings} trainings, {forecast.epochs:g} epochs in all, "
        f"{forecast.workers} at once: "
        f"{bold(duration(forecast.hours))} ({low} to {high})"
        + (f", {forecast.gpu_hours:.1f} GPU-hours" if forecast.gpu_hours else "")
    )
    pairs = zip(forecast.macs, forecast.seconds, strict=True)
    listed = ", ".join(f"{MACS.format(m)} {s:.1f} s" for m, s in sorted(pairs))
    out.print(f"one training at the first budget, by MACs: {listed}")
    out.print("nothing was trained; leave --dry-run out to begin")
