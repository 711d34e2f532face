"""What a comparison says of one dimension scaled alone, and what such promises were worth."""

from collections.abc import Iterator, Mapping, Sequence

from gridsearch.family.compare import SINGLE, Scaled
from gridsearch.prior.heldout import Alone, alone, held
from gridsearch.prior.prior import ScalingPrior

Priors = Mapping[str, ScalingPrior]  # by the baseline's name


def outside(scaled: Sequence[Scaled], priors: Priors) -> list[str]:
    """Where networks lie outside what the law was fitted to."""
    return [
        f"{one.baseline} scaled to {one.target:g}x by {one.method}: {note}"
        for one in scaled
        for note in priors[one.baseline].notes(one.architecture)
    ]


def promised(scaled: Sequence[Scaled], priors: Priors) -> str:
    """What stands above compound scaling, and what such promises were worth; empty without a prior.

    Args:
        scaled: All networks of the comparison, measured by the priors.
        priors: Of the baselines.
    """
    if not priors:
        return ""
    found = list(_ahead(scaled, priors))
    ahead = ", ".join(text for _, text in found)
    text = f"Above compound scaling at the same MACs stand {ahead}. " if ahead else ""
    claimed = {method for method, _ in found}
    listed = [one for one in alone(held()) if not claimed or one.dimension in claimed]
    known = {prior.expected.known for prior in priors.values()}
    own = [one for one in listed if one.network in known] or listed
    if claimed - {one.dimension for one in own}:  # of those networks nothing is printed of it
        own = listed
    by_network = "; ".join(
        f"{network} " + ", ".join(_off(one) for one in own if one.network == network)
        for network in dict.fromkeys(one.network for one in own)
    )
    text += (
        "What the law promises of one dimension alone has been off. For networks left out of the "
        "fit its gains less those that were printed, in points, are: "
        f"{by_network}."
    )
    return text + (" What is ahead by less than such errors is no finding." if ahead else "")


def _ahead(scaled: Sequence[Scaled], priors: Priors) -> Iterator[tuple[str, str]]:
    """Networks of one dimension that are predicted above the compound one: which, and in words."""
    whole = {(one.baseline, one.target): one for one in scaled if one.method == "compound"}
    for one in scaled:
        other = whole.get((one.baseline, one.target))
        if one.method not in SINGLE or other is None or None in (one.measured, other.measured):
            continue
        over = one.measured.accuracy - other.measured.accuracy  # type: ignore[union-attr]
        if over >= 0.005:
            error = priors[one.baseline].difference_error(one.architecture, other.architecture)
            at = f"{one.baseline}'s {one.method} alone at {one.target:g}x"
            yield one.method, f"{at} (by {over:.2f} ± {error:.2f})"


def _off(one: Alone) -> str:
    """`+2.0 at 4 times the depth`, or the least and the most of several."""
    rounded = [round(value, 1) for value in one.off]
    off, times = (
        " to ".join(dict.fromkeys(f"{value + 0:{how}}" for value in (min(values), max(values))))
        for values, how in ((rounded, "+.1f"), (one.times, ".3g"))
    )
    return f"{off} at {times} times the {one.dimension}"
