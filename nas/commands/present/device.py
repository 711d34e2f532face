"""What was measured on this machine."""

from pathlib import Path
from typing import Any

from results.terminal import bold, console, table, tell
from search_spaces.quantities import DEVICE_QUANTITIES, QUANTITIES
from search_spaces.stages import pixels_text


def print_profile(device: Any, path: Path, following: str) -> None:
    """Prints what a file of a profile holds, and what to do with one that was measured."""
    out = console()
    if "machine" not in device.stamp:
        out.print(
            f"{path}: {len(device.blocks)} blocks of {device.stamp['space']} with no times, for "
            f"batches of {device.batch}; put milliseconds where it says null"
        )
        return
    made, check = device.stamp, device.check
    out.print(
        f"{bold(device.name)}  {made['machine']}  {made['runtime']} on {made['on']}, "
        f"{made['threads']} thread{'s' * (made['threads'] > 1)}, batch {device.batch}, "
        f"{made['dtype']}\n"
        f"{made['blocks']} blocks of {made['space']} in {made['rounds']} "
        f"round{'s' * (made['rounds'] != 1)}; "
        f"{made['disturbed']:.0%} of the runs were disturbed by other programs and are left out"
    )
    if check is not None:
        out.print(
            f"on {check['networks']} networks timed whole that nothing was fitted to: median error "
            f"{check['median_error']:.1%}, 90 % below {check['p90_error']:.1%}, Kendall's tau "
            f"{check['tau']:.3f}"
        )
    else:
        out.print("too little was measured to check it: give more --minutes")
    tell(f"written: {path}\n{following}", err=False)


def print_timing(
    architecture: Any, network: str, setting: Any, timing: Any, predicted: Any
) -> None:
    """Prints what was measured of a network, and what was expected."""
    from nas.devices.measure import QUIET

    latency, memory = DEVICE_QUANTITIES["latency"], QUANTITIES["memory"]
    rows = table("", "measured", "expected")
    foreseen = ""
    if predicted:
        ms, spread = predicted
        foreseen = latency.format(1e-3 * ms) + (f" ± {spread / ms:.1%}" if spread == spread else "")
    rows.add_row("latency p50", latency.format(1e-3 * timing.p50_ms), foreseen)
    rows.add_row("latency p90", latency.format(1e-3 * timing.p90_ms), "")
    rows.add_row("throughput", DEVICE_QUANTITIES["throughput"].format(1 / timing.images_per_s), "")
    peak = memory.format(timing.peak_bytes) if timing.peak_bytes else "-"
    rows.add_row("peak memory", peak, memory.format(timing.analytic_bytes))
    out = console()
    out.print(
        f"{bold(architecture.name or network)}  {pixels_text(architecture)}  "
        f"{setting.runtime} on {setting.on}, {setting.threads} "
        f"thread{'s' * (setting.threads > 1)}, batch {setting.batch}, {setting.dtype}"
    )
    out.print(rows)
    left = "left out"
    if timing.disturbed > 1 - QUIET:
        left = "too many to be left out, so the lower half of the processor's own seconds counts"
    out.print(
        f"{timing.runs} runs, {timing.disturbed:.0%} of them disturbed by other programs: {left}; "
        "the expected memory is that of `nas show`"
    )
