"""How wrong the published-scaling prior is on networks that it was not fitted to.

    python benchmarks/scaling_prior.py

Takes about half a minute on one core. Each network's gains over its own 1x are predicted by a law
fitted to the other networks, and compared with the spread that is stated; TinyNets, which are
shallower than anything that was fitted, and two compound rows that could not be fitted (the paper
prints no coefficients for them) are predicted by the law on all rows. Then the two numbers of the
field around the law (`gridsearch/prior/field.py`) by their likelihood on the networks left out, and
what a field would do that changes less below 1x than above.
"""

import math

import numpy as np

from gridsearch.prior import field, heldout
from gridsearch.prior.law import fitted
from gridsearch.prior.printed import effective, first_error, fitted_rows, published
from gridsearch.prior.prior import Expected, ScalingPrior
from nas import predict
from search_spaces import cost
from search_spaces.networks import EFFICIENTNET_B0
from search_spaces.scaling.budget import Recipe, fit_budget
from search_spaces.scaling.coefficients import PAPER
from search_spaces.scaling.published import network
from search_spaces.stages import MACS

# Tan & Le 2019, table 3: compound rows without coefficients, (network, MACs, top-1).
COMPOUND = (("mobilenet_v2", 1.3e9, 77.4), ("resnet_50", 16.7e9, 78.8))
# Han et al. 2020 (arXiv 2010.14819), TinyNets: depth (to the nearest), width, pixels, top-1.
TINY = {"a": 76.8, "b": 75.0, "c": 71.2, "d": 67.0, "e": 59.9}  # top-1 of TinyNets, Han et al. 2020
RANGES = ((0.1, 0.4), (0.4, 1.0), (1.0, math.inf))
SAME = 1.25  # pairs within this ratio of MACs count as of equal cost


def rms(values: np.ndarray) -> float:
    return math.sqrt(float(np.mean(np.square(values))))


def by_network(held: tuple[heldout.HeldOut, ...]) -> None:
    print("\n| network left out | results | RMSE above 1x | RMSE from 0.1x to 1x | mean error |")
    print("|---|---|---|---|---|")
    for one in held:
        large = np.array([row.ratio > 1 for row in one.rows])
        cells = [f"{rms(one.off[some]):.2f}" if some.any() else "" for some in (large, ~large)]
        mean = one.off.mean()
        print(f"| {one.rows[0].network} | {len(large)} | {' | '.join(cells)} | {mean:+.2f} |")
    found = heldout.check(held)
    print(f"| all | {found.n} | {found.above:.2f} | {found.below:.2f} | |")


def by_range(held: tuple[heldout.HeldOut, ...]) -> None:
    print("\n| MACs / the 1x network's | results | RMSE | mean stated ± | within 1 ± "
          "| within 95 % | pairs of equal cost | error / stated ± |")  # fmt: skip
    print("|---" * 8 + "|")
    off = np.concatenate([one.off for one in held])
    spread = np.concatenate([one.spreads for one in held])
    ratio = np.array([row.ratio for one in held for row in one.rows])
    pairs = [pair for one in held for pair in pairs_of(one)]
    for low, high in RANGES:
        some = (ratio >= low) & (ratio < high)
        z = np.abs(off[some] / spread[some])
        own = np.array([z for z, at in pairs if low <= at < high])
        shares = f"{100 * np.mean(z < 1):.0f} % | {100 * np.mean(z < 1.96):.0f} %"
        print(
            f"| {low:g} to {high:g} | {some.sum()} | {rms(off[some]):.2f} "
            f"| {spread[some].mean():.2f} | {shares} | {len(own)} | {rms(own):.2f} |"
        )


def pairs_of(one: heldout.HeldOut) -> list[tuple[float, float]]:
    """(error of a difference / stated, ratio) of pairs of one table and equal cost."""
    found = []
    off = one.predicted - one.printed
    for i, a in enumerate(one.rows):
        for j, b in enumerate(one.rows[:i]):
            near = max(a.ratio / b.ratio, b.ratio / a.ratio) <= SAME
            if a.recipe == b.recipe and a.logs != b.logs and near:
                c = one.covariance
                found.append(
                    ((off[i] - off[j]) / math.sqrt(c[i, i] + c[j, j] - 2 * c[i, j]), a.ratio)
                )
    return found


def large_ones(held: tuple[heldout.HeldOut, ...]) -> None:
    print("\n| held out, larger than 1x | d, w, r (real) | printed gain | predicted | ± |")
    print("|---|---|---|---|---|")
    for one in held:
        for row, off, spread in zip(one.rows, one.off, one.spreads, strict=True):
            if row.ratio > 1:
                d, w, r = (math.exp(log) for log in row.logs)
                gain = row.top1 - (100 - first_error(published(), row.recipe))
                print(
                    f"| {row.recipe} | {d:.2f}, {w:.2f}, {r:.2f} | {gain:.1f} | {gain + off:.1f} "
                    f"| {spread:.1f} |"
                )


def tiny() -> None:
    made = [network(f"tinynet_{name}") for name in TINY]
    logs = [[math.log(value) for value in effective(EFFICIENTNET_B0, one)] for one in made]
    drop = Expected.of(EFFICIENTNET_B0).drop(np.array(logs))
    print("\n| TinyNet | MACs / B0's | printed less A's | predicted | off |\n|---|---|---|---|---|")
    first = 100 - TINY["a"]
    for (name, top1), one, saved in zip(TINY.items(), made, drop, strict=True):
        ratio = cost(one).macs / cost(EFFICIENTNET_B0).macs
        gain, printed = first * (1 - math.exp(drop[0] - saved)), top1 - TINY["a"]
        print(f"| {name} | {ratio:.2f} | {printed:+.1f} | {gain:+.1f} | {gain - printed:+.1f} |")
    print("\n| TinyNet | MACs | printed | by `nas predict` |\n|---|---|---|---|")
    for (name, top1), said in zip(TINY.items(), predict(*made).to_dict("records"), strict=True):
        macs, text = MACS.format(said["macs"]), f"{said['top1']:.2f} ± {said['spread']:.2f}"
        print(f"| {name} | {macs} | {top1} | {text} |")


def compound() -> None:
    print("\n| compound row not fitted | MACs | printed | predicted | off |\n|---|---|---|---|---|")
    for name, macs, top1 in COMPOUND:
        phi, scaled = fit_budget(Recipe(network(name), PAPER), macs)
        guess = ScalingPrior(network(name))(scaled, 1.0, 0).accuracy
        print(
            f"| {name} at phi {phi:.2f} | {macs:.3g} | {top1} | {guess:.1f} | {guess - top1:+.1f} |"
        )


def likelihood() -> None:
    print("\n| roughness, exponent | log likelihood of networks left out |\n|---|---|")
    kept = field.ROUGH, field.HURST
    for hurst in (0.35, 0.5, 0.75, 0.9):
        for rough in (0.015, 0.02, 0.03, 0.045):
            field.ROUGH, field.HURST = rough, hurst
            field.variogram.__defaults__ = field.covariance.__defaults__ = (rough,)
            found = sum(map(likely, heldout.hold_out(fitted_rows())))
            mark = " (the package's)" if (rough, hurst) == kept else ""
            print(f"| {rough:g}, {hurst:g}{mark} | {found:.1f} |")
    field.ROUGH, field.HURST = kept
    field.variogram.__defaults__ = field.covariance.__defaults__ = (kept[0],)


def narrower() -> None:
    print("\n| steps below 1x count | log likelihood | mean stated ±, 0.1 to 0.4 | within 1 ± "
          "| within 95 %, below 1x |\n|---|---|---|---|---|")  # fmt: skip
    whole = heldout.covariance
    for share in (1.0, 0.7, 0.5, 0.35, 0.2):

        def shrunk(one: np.ndarray, two: np.ndarray, share: float = share) -> np.ndarray:
            one, two = (np.where(logs < 0, logs * share, logs) for logs in (one, two))
            return whole(one, two)

        heldout.covariance = shrunk
        held = heldout.hold_out(fitted_rows())
        off = np.concatenate([one.off for one in held])
        z = np.abs(off / np.concatenate([one.spreads for one in held]))
        ratio = np.array([row.ratio for one in held for row in one.rows])
        stated = np.concatenate([one.spreads for one in held])[ratio < 0.4].mean()
        one, all95 = 100 * np.mean(z[ratio < 0.4] < 1), 100 * np.mean(z[ratio < 1] < 1.96)
        found = sum(map(likely, held))
        print(f"| {share:g} | {found:.1f} | {stated:.2f} | {one:.0f} % | {all95:.0f} % |")
    heldout.covariance = whole


def likely(one: heldout.HeldOut) -> float:
    """Log likelihood of a network's rows, less a constant."""
    off = one.predicted - one.printed
    return -(off @ np.linalg.solve(one.covariance, off) + np.linalg.slogdet(one.covariance)[1]) / 2


def main() -> None:
    law, rows = fitted(), fitted_rows()
    print(f"{len(rows)} of {len(published())} rows have a tenth of their 1x or more")
    parts, powers, bends = (np.round(one, 3).tolist() for one in (law.parts, law.powers, law.bends))
    print(f"a, b, c {parts}; p {powers}; t of width and resolution {bends}; RMSE {law.rmse:.2f}")
    shares = {name: round(law.share_of(cost(network(name)).macs, name), 3) for name in law.own}
    print(f"k {law.share:.3f} at 400M MACs, log k by log MACs {law.slope:.3f}; by network {shares}")
    held = heldout.hold_out(rows)
    by_network(held)
    by_range(held)
    large_ones(held)
    tiny()
    compound()
    likelihood()
    narrower()


if __name__ == "__main__":
    main()
