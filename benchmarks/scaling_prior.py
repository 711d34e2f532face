"""How wrong the published-scaling prior is on networks that it was not fitted to.

    python benchmarks/scaling_prior.py

Takes about 3 s on one core. Each network's gains over its own 1x are predicted by a law fitted
to the other networks; then two compound rows that could not be fitted (the paper prints no
coefficients for them); then the same errors under other choices of what to fit.
"""

import dataclasses
import math

from gridsearch.prior import law
from gridsearch.prior.prior import ScalingPrior
from search_spaces.networks import network
from search_spaces.scaling.budget import Recipe, fit_budget
from search_spaces.scaling.coefficients import PAPER

# Tan & Le 2019, table 3: compound rows without coefficients, (network, MACs, top-1).
COMPOUND = (("mobilenet_v2", 1.3e9, 77.4), ("resnet_50", 16.7e9, 78.8))


def rms(values: list[float]) -> float:
    return math.sqrt(math.fsum(value**2 for value in values) / len(values))


def show(held: tuple[law.HeldOut, ...]) -> None:
    for name in dict.fromkeys(one.row.network for one in held):
        off = [one.predicted - one.printed for one in held if one.row.network == name]
        print(f"| {name} | {len(off)} | {rms(off):.2f} | {sum(off) / len(off):+.2f} |")


def main() -> None:
    rows = law.fitted_rows()
    fitted, check = law.fitted()
    print(f"{len(rows)} of {len(law.published())} rows have at least {law.SMALLEST:g} of their 1x")
    print("law:", dataclasses.replace(fitted, shares={}))
    print("k by network:", {name: round(share, 3) for name, share in fitted.shares.items()})
    held = law.hold_out(rows)
    print("\n| network left out | results | RMSE of gains | mean error |\n|---|---|---|---|")
    show(held)
    print(f"| all | {check.n} | {check.gain:.2f} | |")
    print(
        f"\ndifference at equal MACs: {check.difference:.2f} * sqrt(distance), {check.pairs} pairs"
    )
    print("\n| held out, larger than 1x | d, w, r (real) | printed gain | predicted | off |")
    print("|---|---|---|---|---|")
    for one in held:
        if one.row.ratio > 1:
            d, w, r = (math.exp(log) for log in one.row.logs)
            print(
                f"| {one.row.recipe} | {d:.2f}, {w:.2f}, {r:.2f} | {one.printed:.1f} "
                f"| {one.predicted:.1f} | {one.predicted - one.printed:+.1f} |"
            )
    print("\n| compound row not fitted | MACs | printed | predicted | off |\n|---|---|---|---|---|")
    for name, macs, top1 in COMPOUND:
        phi, scaled = fit_budget(Recipe(network(name), PAPER), macs)
        guess = ScalingPrior(network(name))(scaled, 1.0, 0).accuracy
        print(
            f"| {name} at phi {phi:.2f} | {macs:.3g} | {top1} | {guess:.1f} | {guess - top1:+.1f} |"
        )
    print("\n| smallest MACs fitted | rows | fit RMSE | held-out RMSE |\n|---|---|---|---|")
    for smallest in (0.0, 0.1, 0.25, 0.4, 0.6):
        some = [row for row in law.published() if row.ratio >= smallest]
        held_out = law.check(law.hold_out(some))
        print(f"| {smallest:g} | {len(some)} | {law.fit(some).rmse:.2f} | {held_out.gain:.2f} |")


if __name__ == "__main__":
    main()
