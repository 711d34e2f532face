"""What a search found."""

import shlex
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from nas.commands.present.network import costs, print_architecture
from nas.holding import holder_of
from nas.imagenet.granted import trusted
from nas.objective import Limit
from nas.prior.asked import sentence
from nas.report.words import (
    above_pick,
    agreed,
    beyond,
    leaving,
    merit,
    published_title,
    roles,
    taking,
    verdict,
)
from nas.search.beside.otherwise import to_build_on
from nas.search.conclude import Result
from results.runs.addresses import BESIDE
from results.terminal import accuracy_text, bold, console, show, table, yellow
from search_spaces.networks import EFFICIENTNET_B0
from search_spaces.quantities import Quantity
from search_spaces.stages import MACS, MEMORY, PARAMS

if TYPE_CHECKING:
    from rich.console import Console

TOP1 = "top-1 %"  # what numbers are called where the evaluator gives them no name


def _figures(named: dict[str, Any], predicted: Sequence[Quantity]) -> tuple[str, ...]:
    return (
        *(quantity.text(named) for quantity in predicted),
        MACS.format(named["macs"]),
        PARAMS.format(named["params"]),
        MEMORY.format(named["memory"]),
        accuracy_text(named["accuracy"], named["spread"]),
    )


def _spare(of: Quantity) -> list[str]:
    """Columns that a narrow terminal may lack, the first of them first: never T's."""
    return [title for title in ("memory", "params", "MACs") if title != of.title]


def print_result(result: Result) -> None:
    """Prints the pick beside B0, the other objective's pick, the front."""
    out, objective = console(), result.plan.objective
    quantity = objective.of_quantity
    seconds = sum(result.seconds.values())
    rate = result.new / max(1e-9, result.seconds["search"])
    networks = len({trial.architecture for trial in result.trials})
    of = "" if networks == len(result.trials) else f"{len(result.trials):,} trials of "
    speed = f"{rate:,.0f}/s" if rate >= 1 else f"{1 / rate:.1f} s each" if rate else ""
    out.print(
        f"{of}{networks:,} distinct network{'s are' if networks != 1 else ' is'} kept in "
        f"{result.folder} "
        f"({result.new:,} new{', ' if speed else ''}{speed}; {seconds:.1f} s in all)."
    )
    if result.stopped:
        out.print(f"{yellow('The search stopped early:')} {result.stopped}.")
    failed = [trial for trial in result.trials if trial.error]
    if failed:
        which = "1 trial" if len(failed) == 1 else f"{len(failed):,} trials"
        out.print(f"{yellow(f'{which} failed')}, the last one with: {failed[-1].error}")
    best = result.best
    if best is None or result.pick is None:
        return
    print_pick(out, best, quantity, result.plan.predicted)
    out.print()
    print_architecture(result.pick.architecture)
    out.print(
        f"fvcore counts the same in the network as torch builds it: {result.fvcore_macs:,} MACs.\n"
    )
    if result.prior is not None:
        out.print(f"{sentence(result.prior)}\n", style="dim")
    _print_retrained(out, result)
    _print_front(out, result)
    if result.tuned_by:
        out.print(f"\nThe pick's weights are in {result.folder}. This trains it on from them:")
        out.print(bold(result.tuned_by), soft_wrap=True)


def print_next(result: Result) -> None:
    """Prints the next command: what would be built on, the better choice first."""
    if result.best is None:
        return
    out, folder, proxy = console(), shlex.quote(str(result.folder)), result.plan.proxy
    images = proxy or holder_of(result.evaluator)
    data = f" --data {shlex.quote(str(images.data))}" if images else ""
    data += f" --fit {images.fit}" if images and images.fit != "crop" else ""
    out.print()
    begins, several = "next:", len(to_build_on(result.best)) > 1
    for name, address in to_build_on(result.best):
        command = f"gridsearch run --phi 1 --baseline {folder}{address}{data}"
        what = f" (of {name})" if several else ""
        out.print(f"{begins} {bold(command)}{what}", soft_wrap=True)
        begins = "or:  "
    if ((result.best.get("otherwise") or {}).get("scaled_b0") or {}).get("at"):
        out.print(
            f"EfficientNet-B0 scaled is {folder}:{BESIDE}, for nas train and every other command.",
            style="dim", soft_wrap=True,
        )  # fmt: skip


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
    titles = [*(quantity.title for quantity in predicted), "MACs", "params", "memory"]
    titles.append(best.get("unit") or TOP1)
    rows = [
        {"": role, "network": name, **dict(zip(titles, _figures(of, predicted), strict=True))}
        for role, name, of in _beside(best)
    ]
    print_targets(out, best, quantity)
    show(out, rows, _spare(quantity), left=2)
    out.print(roles(best, quantity), style="dim")
    if text := taking(best, quantity):
        out.print(text)
    if text := leaving(best, quantity):
        out.print(text, style="dim")
    _print_otherwise(out, best)


def _beside(best: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    """(what it is, its name, its figures) of the picks, and of what one would take otherwise."""
    scaled, base = (best.get("otherwise") or {}).get("scaled_b0"), best["baseline"]
    rows = [("pick", str(best["id"]), best)]
    if (other := best["other"]) is not None and not agreed(best):
        rows.append(("other pick", other["id"], other))
    if scaled is not None:
        soft = best["objective"] == "soft"
        name = "B0 scaled to the pick" if soft else "EfficientNet-B0 scaled"
        rows.append(("beside", name, scaled))
    if base is not None and (scaled is None or scaled["macs"] != base["macs"]):
        over = " and ".join(beyond(best, base))
        rows.append(("unscaled", "EfficientNet-B0" + f" (over in {over})" * bool(over), base))
    return rows


def _print_otherwise(out: "Console", best: dict[str, Any]) -> None:
    """What the numbers mean, how the pick compares with what a user would otherwise take."""
    beside = best.get("otherwise") or {}
    scaled = beside.get("scaled_b0") or {}
    if text := verdict(scaled):
        good = "dim" if scaled.get("at") else "bold"
        well = scaled.get("at") or text.startswith("The pick is predicted")
        out.print(text, style=good if well else "yellow")
        if trust := trusted(best):
            out.print(trust)
    if published := beside.get("published"):
        usual = EFFICIENTNET_B0.resolution
        listed = ", ".join(
            f"{row['network']} {row['top1']:.1f} % at {MACS.format(row['macs'])}"
            + (f" and {row['resolution']} px" if row["resolution"] != usual else "")
            for row in published
        )
        own = f"{published_title(best)}, each trained on ImageNet by its own recipe: {listed}."
        out.print(f"{own} {above_pick(best)}".rstrip())
    if label := best.get("label"):
        out.print(label, style="dim")
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
    rows = table("trained again", "MACs", "short top-1 %", "long top-1 %")
    for short, long in result.retrained:
        texts = (accuracy_text(t.accuracy, t.spread) for t in (short, long))
        rows.add_row(long.architecture.id, MACS.format(long.cost.macs), *texts)
    out.print(rows)
    if result.tau is not None:
        out.print(
            f"The short and the long trainings order these {len(result.retrained)} networks with a "
            f"Kendall's tau of {result.tau:.2f}; 1 is the same order."
        )
    out.print()


def _print_front(out: "Console", result: Result, most: int = 12) -> None:
    front = result.front
    step = max(1, -(-len(front) // most))
    shown = front[::-1][::step][::-1]
    predicted = result.plan.predicted
    titles = [quantity.title for quantity in predicted]
    unit = (result.best or {}).get("unit") or TOP1
    titles = ["front", *titles, "MACs", "params", "memory", unit]
    rows = []
    for trial in shown:
        own = [quantity.text(quantity.figures(trial.architecture)) for quantity in predicted]
        figures = (*own, *costs(trial.cost)[:3], accuracy_text(trial.accuracy, trial.spread))
        rows.append(dict(zip(titles, (trial.architecture.id, *figures), strict=True)))
    if rows:
        show(out, rows, _spare(result.plan.objective.of_quantity), left=1)
    what = merit(result.best or {})
    out.print(
        f"{len(shown)} of the {len(front)} networks that no other beats in both {what} and cost; "
        f"all are in {result.folder / 'front.csv'}."
    )
    if shown:
        example = f"nas show {result.folder}:{shown[0].architecture.id}"
        out.print(f"Every command takes each of them, as {example}.", style="dim")
    if note := (result.best or {}).get("front_note"):
        out.print(f"note: {note}", style="dim")
