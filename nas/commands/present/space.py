"""Spaces, what they offer within limits, and devices."""

from collections.abc import Sequence

from nas.devices.registry import Device, errors_text
from nas.search.feasibility import Feasibility, LimitShare
from results.terminal import bold, console, show, two_digits, yellow
from search_spaces.quantities import QUANTITIES, Quantity
from search_spaces.space import Range, Space


def print_spaces(rows: Sequence[tuple[Space, dict[str, Range]]]) -> None:
    """Prints each space's size, and smallest, median and largest of each quantity."""
    listed = []
    for space, ranges in rows:
        heading = (space.name, two_digits(space.size), str(len(space.choices)))
        for name, span in ranges.items():
            of = QUANTITIES[name]
            named = dict(zip(("space", "networks", "choices"), heading, strict=True))
            listed.append({**named, "quantity": of.title, **_spanned(of, span)})
            heading = ("", "", "")
    out = console()
    show(out, listed, ("choices", "networks"), left=1)
    for space, _ in rows:
        if space.description:
            out.print(f"{bold(space.name)}: {space.description}")


def _spanned(of: Quantity, span: Range) -> dict[str, str]:
    """A quantity's span, in columns."""
    values = [of.format(value) for value in (span.smallest, span.median, span.largest)]
    names = ("smallest", "median", "largest")
    return dict(zip(names, values[::-1] if of.inverse else values, strict=True))


def print_feasibility(feasibility: Feasibility) -> None:
    """Prints the span of each limited quantity, and the share of the space that is within."""
    rows = []
    for row in feasibility.rows:
        of, share = row.quantity, _share(row.share, feasibility)
        rows.append({"target": _wanted(row), **_spanned(of, row.span), "space within": share})
    out = console()
    out.print(f"What the space {feasibility.space} has to offer:")
    show(out, rows, ("median", "largest", "smallest"), left=1)
    for text in idle(feasibility):
        out.print(yellow(text))
    if len(feasibility.rows) > 1:
        share = _share(feasibility.share, feasibility)
        out.print(f"All limits together leave {share} of the space.")


def idle(feasibility: Feasibility) -> list[str]:
    """A sentence on each target that every network of the space meets."""
    return [
        f"{_wanted(row)} limits nothing: the {'least' if row.quantity.inverse else 'most'} that a "
        f"network of this space has is {row.quantity.format(row.span.largest)}."
        for row in feasibility.rows
        if row.span.largest < row.at_most
    ]


def _wanted(row: LimitShare) -> str:
    of = row.quantity
    return f"{of.title} {'>=' if of.inverse else '<='} {of.format(row.at_most)}"


def _share(share: float, feasibility: Feasibility) -> str:
    return f"{share:.1%}" if share else f"under {1 / feasibility.samples:.2%}"


def print_devices(devices: Sequence[Device]) -> None:
    """Prints each device's quantities with their errors, and what is covered."""
    rows = []
    for device in devices:
        for kind in device.quantities:
            errors = device.errors.get(kind)
            tau, median = errors_text(errors)
            rows.append({
                "device": device.name, "quantity": kind, "tau": tau, "median error": median,
                "networks": str(errors.networks) if errors else "-", "what": device.title,
            })  # fmt: skip
    out = console()
    show(out, rows, ("networks", "what"), left=2)
    out.print(
        "tau and median error are of networks that the predictor was not fitted to; tau "
        "(Kendall's) is 1 where it orders them as they were measured.",
        style="dim",
    )
    for covers in dict.fromkeys(device.covers for device in devices):
        names = ", ".join(device.name for device in devices if device.covers == covers)
        out.print(f"{bold(names)}: {covers}")
