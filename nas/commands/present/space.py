"""Spaces, what they offer within limits, and devices."""

from collections.abc import Sequence

from nas.devices.registry import Device, errors_text
from nas.search.feasibility import Feasibility
from results.terminal import bold, console, table, two_digits
from search_spaces.quantities import QUANTITIES
from search_spaces.space import Range, Space


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
    out.print(f"What the space {feasibility.space} has to offer:")
    out.print(rows)
    if len(feasibility.rows) > 1:
        share = _share(feasibility.share, feasibility)
        out.print(f"All limits together leave {share} of the space.")


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
    out.print(
        "tau and median error are of networks that the predictor was not fitted to; tau "
        "(Kendall's) is 1 where it orders them as they were measured.",
        style="dim",
    )
    for covers in dict.fromkeys(device.covers for device in devices):
        names = ", ".join(device.name for device in devices if device.covers == covers)
        out.print(f"{bold(names)}: {covers}")
