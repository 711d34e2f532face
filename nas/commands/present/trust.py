"""What an audit and a forecast say."""

from typing import TYPE_CHECKING

from nas.scores.judge import IMAGENET, TITLES
from nas.search.audit import Report
from nas.search.forecast import Forecast, duration
from results.terminal import bold, console, epochs_text, table
from search_spaces.stages import MACS

if TYPE_CHECKING:
    from rich.console import Console


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
    several = any(row.noise == row.noise for row in report.rows)
    longest = "the mean of the other seeds" if several else "the same seed"
    out.print(
        f"{len(report.trials)} trainings of {networks} networks are kept in {report.folder}. tau "
        "says how alike two orders are, 1 for the same: here that of one training, and that of "
        f"{longest} at the longest length."
        + ("" if several else " With one seed the longest length is compared with itself.")
    )
    cheapest = report.cheapest(tau)
    out.print(
        f"{bold(epochs_text(cheapest.budget))} {'is' if cheapest.budget == 1 else 'are'} enough: "
        f"no shorter length has a tau of {tau:g}."
        if cheapest
        else f"No length has a tau of {tau:g}: train longer, on more images, or with more seeds."
    )

    _print_known(out, report)


def _print_known(out: "Console", report: Report) -> None:
    """What was known of the networks before any training, and how well that ranks them."""
    if not report.known:
        return
    rows = table("known beforehand", "tau to the longest", "95 %", "over multiply-adds")
    for one in report.known:
        of = one.ranked
        gain = f"{of.gain:+.2f} ({of.gain_low:+.2f} to {of.gain_high:+.2f})"
        rows.add_row(
            TITLES.get(one.name, one.name), f"{of.tau:.2f}", f"{of.low:.2f} to {of.high:.2f}", gain
        )
    out.print()
    out.print(rows)
    better = [TITLES.get(one.name, one.name) for one in report.known if one.ranked.gain_low > 0]
    out.print(
        f"On these {report.known[0].networks} networks "
        + (f"{', '.join(better)} surely ranked" if better else "nothing surely ranked")
        + " better than multiply-adds do; docs/scores.md says what each of them is."
    )
    if all(one.name != IMAGENET for one in report.known):
        out.print("The ImageNet model can't speak of these networks, at any resolution.")


def _trainings(forecast: Forecast) -> str:
    """How many trainings of how many epochs."""
    number, each, epochs = forecast.trainings, forecast.budget, forecast.epochs
    if number == 1:
        return f"1 training of {epochs_text(each)}"
    alike = epochs == number * each
    return (
        f"{number:,} trainings{'' if alike else ', the first'} of {epochs_text(each)} each "
        f"({epochs:g} in all)"
    )


def print_forecast(forecast: Forecast) -> None:
    """Prints the forecast in four lines."""
    out = console()
    low, high = duration(forecast.low), duration(forecast.high)
    out.print(
        f"{_trainings(forecast)}, {forecast.workers} at the same time, will take about "
        f"{bold(duration(forecast.hours))} ({low} to {high})"
        + (f", or {forecast.gpu_hours:.1f} GPU-hours." if forecast.gpu_hours else ".")
        + " The seconds in which their processes start are not counted."
    )
    pairs = zip(forecast.macs, forecast.seconds, strict=True)
    listed = ", ".join(f"{MACS.format(m)} {s:.1f} s" for m, s in sorted(pairs))
    out.print(f"The shortest training takes, by a network's MACs: {listed}.")
    out.print("Nothing was trained. To begin, give the same command without --dry-run.")
