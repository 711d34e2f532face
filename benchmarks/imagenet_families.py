"""Each family of networks left out whole: how well the ImageNet model predicts what it never saw.

    python benchmarks/imagenet_families.py --data DIR [--families ofa,mnasnet] [--folds 10]
        [--json FILE] [--keep FOLDER]
    python benchmarks/imagenet_families.py --data DIR --alone ofa_predictor_mbv3

DIR holds the tables of `python -m nas.imagenet.evidence.fit`; a fit takes 20 to 90 s of one core,
and there is one for each family and each fold. --keep keeps the fits, for a second run with the
same tables and code. --alone leaves one source out whose family stays in: what its kin say of it.

Whatever a source's recipe is, its level is taken off: what is judged are differences within it,
in its own points. Beside the model stand MACs alone, a law of MACs (log error ~ slope * log MACs,
fitted on the sources that are left), the law of `gridsearch.prior` (fitted without the family, on
networks that are scaled versions of its baselines) and the surrogate of B0's skeleton.
"""

import argparse
import dataclasses
import json
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.stats import kendalltau

from gridsearch.prior import law
from nas.imagenet.evidence.data import data_of
from nas.imagenet.evidence.fit import BASE, SKELETON, SPREAD, fit
from nas.imagenet.evidence.rows import Row, read
from nas.imagenet.fit import fit as fit_surrogate
from nas.imagenet.joint.doubt import doubt
from nas.imagenet.joint.model import STRETCH, Joint
from nas.imagenet.joint.numbers import Numbers
from nas.imagenet.model import embedded
from nas.imagenet.table import domain_of, read_table, rows_of
from search_spaces.cost import cost
from search_spaces.networks import NETWORKS
from search_spaces.scaling.rules import Multipliers, scale

Floats = NDArray[np.float64]
At = NDArray[np.int64]

FEWEST = 3  # rows of a source that is scored
EQUAL_COST, APART, PAIRS = 0.1, 0.3, 200_000  # of MACs; points; at most so many pairs of a source
FEWEST_PAIRS = 5
COUNTS_IN_FULL = 60  # rows of a source in the law of MACs
SEEDS = 3  # trainings behind a result of the sources SEEDED
SEEDED = ("anb_proxified", "anb_fewproxy")
SINGLE = ("effnet_paper_table3", "effnet_paper_table7")  # tables of one network scaled
TABLE = "accel_nasbench_imagenet.csv"
TOP = 2 / 3  # the top third by prediction
# Of the law: its own name of a family left out, and what a scaled version is looked for among.
LAW_OF = {"mobilenet-v1": "mobilenet_v1", "mobilenet-v2": "mobilenet_v2", "mnasnet": "mnasnet_a1",
          "efficientnet": "efficientnet_b0", "resnet": "resnet_50"}  # fmt: skip
DEPTHS = (1, 1.1, 1.2, 1.4, 1.8, 2, 2.2, 2.6, 3.1, 3.6, 4)
WIDTHS = (0.25, 0.35, 0.5, 0.6, 0.75, 0.8, 1, 1.1, 1.2, 1.3, 1.4, 1.6, 1.8, 2, 2.2, 2.6, 3.8)
# Of the spread's two factors: the grid, rows of a source and references that set them.
POSTERIORS, DOUBTS = np.geomspace(0.1, 6, 18), (0, 0.25, 0.5, 1, 2, 4)
DRAWN, REFERENCES = 150, 25
WITHIN = (0.6827, 0.9545)  # of a normal distribution
SHARES = (0, 0.05, 0.08, 0.1, 0.12, 0.15)  # that a recipe may make more or less of differences


class Table:
    """All rows, and what is asked of them at many places."""

    def __init__(self, folder: Path) -> None:
        self.rows: list[Row] = read(folder)
        self.data = data_of(self.rows)
        self.numbers: Numbers = self.data.numbers
        self.family = np.array([row.family for row in self.rows])
        self.source = np.array([row.source for row in self.rows])
        self.kind = np.array([row.kind for row in self.rows])
        self.top1 = np.array([row.top1 for row in self.rows])
        self.gain = -np.log(100 - self.top1)
        self.macs = self.numbers.macs
        self.base = next(n for n, row in enumerate(self.rows) if row.source == BASE)

    def fitted(self, kept: NDArray[np.bool_]) -> Joint:
        """The package's model of some of the rows."""
        reference = self.numbers.take(np.array([self.base]))
        return fit(self.data.take(np.flatnonzero(kept)), reference, float(self.top1[self.base]))

    def of(self, at: At | Sequence[int]) -> Numbers:
        return self.numbers.take(np.asarray(at))

    def trainings(self, source: str) -> float:
        """Single trainings' variances in a difference of two results."""
        return 2 / SEEDS if source in SEEDED else 2.0


class Kept:
    """Fits, each made once and kept in a folder if there is one."""

    def __init__(self, folder: Path | None) -> None:
        self.folder = folder
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)

    def __call__(self, name: str, make: Callable[[], Joint]) -> Joint:
        if self.folder is None:
            return make()
        path = self.folder / f"{name}.npz"
        if not path.exists():
            path.write_bytes(make().to_bytes())
        return Joint.from_bytes(path.read_bytes())


# How good an order and its differences are ------------------------------------------------------


class Order(NamedTuple):
    """Of one prediction of one source. pairs: share ordered rightly, nan for fewer than 5."""

    tau: float
    rmse: float
    pairs: float


def rmse(gain: Floats, top1: Floats) -> float:
    """Of differences within a source: in points, its level taken off in log error and in points."""
    target = -np.log(100 - top1)
    error = 100 - np.exp(-(gain + np.mean(target - gain))) - top1
    return float(np.sqrt(np.mean((error - error.mean()) ** 2)))


def equal_cost(gain: Floats, top1: Floats, macs: Floats) -> float:
    """The share of pairs of equal cost, yet apart in top-1, that are ordered rightly."""
    left, right = np.triu_indices(len(gain), 1)
    close = np.abs(np.log(macs[left] / macs[right])) < np.log1p(EQUAL_COST)
    close &= np.abs(top1[left] - top1[right]) > APART
    left, right = left[close], right[close]
    if len(left) < FEWEST_PAIRS:
        return float("nan")
    some = np.random.default_rng(0).permutation(len(left))[:PAIRS]
    left, right = left[some], right[some]
    return float(np.mean((gain[left] > gain[right]) == (top1[left] > top1[right])))


def order(gain: Floats, top1: Floats, macs: Floats) -> Order:
    tau = float(kendalltau(gain, top1).statistic)
    return Order(tau, rmse(gain, top1), equal_cost(gain, top1, macs))


class Errors(NamedTuple):
    """Of differences to one reference network. Arrays (n,), squares in points of the source.

    error: in points.   posterior, apart: what the two factors of the spread multiply.
    training: variance of the trainings.   gained: the predicted difference's square, of which a
    recipe makes a share more or less.   doubt: variance that `joint/doubt.py` adds.
    """

    error: Floats
    posterior: Floats
    apart: Floats
    training: Floats
    gained: Floats
    doubt: Floats

    def expected(self, factors: tuple[float, float]) -> Floats:
        """Variance of the difference without what trainings add."""
        return np.asarray(factors[0] * self.posterior + factors[1] * self.apart)

    def variance(self, factors: tuple[float, float], share: float = STRETCH) -> Floats:
        """Of a difference, judged by trainings. share: of it that a recipe makes more or less."""
        return np.asarray(self.expected(factors) + self.training + share**2 * self.gained)

    def ratio(self, factors: tuple[float, float], share: float = STRETCH) -> Floats:
        """Errors in spreads."""
        return np.asarray(np.abs(self.error) / np.sqrt(self.variance(factors, share)))

    def unlikely(
        self, weight: Floats, factors: tuple[float, float], share: float = STRETCH
    ) -> float:
        """-log likelihood of the errors, up to a constant."""
        variance = self.variance(factors, share)
        return float(weight @ (np.log(variance) + self.error**2 / variance)) / 2


def errors(model: Joint, table: Table, at: At, reference: int, stretch: float = 1.0) -> Errors:
    """Of the rows `at`, one source's, to one row of it that is left out of them.

    stretch: of the model's differences, to those of the source's recipe.
    """
    at = at[at != reference]
    of, ref = table.of(at), table.of([reference])
    gains, base = model.gains(of), model.gains(ref)
    points = stretch * (100 - (table.top1[at] + table.top1[reference]) / 2)
    apart = gains - base
    gained = apart.mean(0)
    error = gained - (table.gain[at] - table.gain[reference]) / stretch
    noise = table.trainings(str(table.source[reference])) * model.spread.training**2
    return Errors(error * points, model.posterior(of, ref) * points**2,
                  apart.var(0) * points**2, np.full(len(at), noise), (gained * points) ** 2,
                  doubt(of) ** 2 + doubt(ref) ** 2)  # fmt: skip


def middle(table: Table, at: At) -> int:
    """The source's median network."""
    return int(at[np.argsort(table.top1[at], kind="stable")[len(at) // 2]])


def within(ratio: Floats, weight: Floats | None = None) -> tuple[float, float]:
    """Shares within 1 and 2 spreads."""
    one, two = (float(np.average(ratio < n, weights=weight)) for n in (1, 2))
    return one, two


# What stands beside the model --------------------------------------------------------------------


def slope_of_macs(table: Table, kept: NDArray[np.bool_]) -> float:
    """-log error by log MACs, an offset a source, sources counting up to COUNTS_IN_FULL rows."""
    top = bottom = 0.0
    for source in np.unique(table.source[kept]):
        at = np.flatnonzero(kept & (table.source == source))
        weight = min(1.0, COUNTS_IN_FULL / len(at))
        x, y = np.log(table.macs[at]), table.gain[at]
        top += weight * float((x - x.mean()) @ (y - y.mean()))
        bottom += weight * float((x - x.mean()) @ (x - x.mean()))
    return top / bottom


def scaled_versions(table: Table) -> dict[int, tuple[str, tuple[float, float, float]]]:
    """Row -> (baseline, logs of its effective multipliers), where scaling gives its exact costs."""
    found = {}
    params = table.numbers.params.round().astype(int)
    for name, baseline in NETWORKS.items():
        for depth in DEPTHS:
            for width in WIDTHS:
                scaled = scale(baseline, Multipliers(depth, width))
                for n in np.flatnonzero(params == cost(scaled).params):
                    pixels = int(table.numbers.resolution[n])
                    one = dataclasses.replace(scaled, resolution=pixels)
                    if n not in found and cost(one).macs == round(table.macs[n]):
                        logs = np.log(law.effective(baseline, one))
                        found[int(n)] = (name, tuple(map(float, logs)))
    return found  # type: ignore[return-value]


def law_without(family: str) -> Callable[[tuple[float, float, float]], float]:
    """-log error over the 1x network's, by the law fitted without the family's network."""
    rows = [row for row in law.fitted_rows() if row.network != LAW_OF.get(family)]
    fitted = law.fit(rows)
    return lambda logs: -float(np.log(1 - fitted.gain(1.0, logs)))


def codes(row: Row) -> tuple[tuple[float, ...], ...]:
    """(e, k, l, se) of each stage of a network of B0's skeleton."""
    stages: dict[int, list[Any]] = {}
    for block in row.network.blocks:
        stages.setdefault(block.c_out, []).append(block)
    return tuple((blocks[0].hidden / blocks[0].c_in, float(blocks[0].kernel), float(len(blocks)),
                  float(blocks[0].se > 0)) for blocks in stages.values())  # fmt: skip


def new_to_the_surrogate(table: Table, at: At) -> At:
    """Those rows of B0's skeleton that it covers and was not fitted on."""
    rows, domain = table.rows, embedded().domain
    known = {codes(row) for row in rows if row.source == SKELETON}
    kept = [n for n in at if (one := codes(rows[n])) not in known and _covered(domain, one)]
    return np.array(kept, int)


def _covered(domain: Any, code: tuple[tuple[float, ...], ...]) -> bool:
    return all(one in known for one, known in zip(code, domain.codes, strict=True))


def positions(table: Table, at: At) -> At:
    """Rows of B0's skeleton as the surrogate takes them."""
    known = embedded().domain.codes
    return np.array([[options.index(one) for one, options in zip(codes(table.rows[n]), known,
                     strict=True)] for n in at])  # fmt: skip


def skeleton_gain(predicted: Floats) -> Floats:
    """-log error of top-1 that the surrogate predicts."""
    return np.asarray(-np.log(100 - predicted))


# Families ----------------------------------------------------------------------------------------


class Score(NamedTuple):
    """Of one source left out.

    within: to the median network;
    own_slope, own_stretch: RMSE of a law of MACs with the source's own slope, and of the model
    stretched to the source, both in hindsight;
    any: to many networks as references; bare: no training's noise in the spread; doubt: with that
    of `joint/doubt.py` in it.   law, skeleton: the same rows by (the model, the other), if any.
    """

    family: str
    source: str
    networks: int
    model: Order
    macs: Order
    own_slope: float
    own_stretch: float
    within: tuple[float, float]
    within_any: tuple[float, float]
    within_bare: tuple[float, float]
    within_doubt: tuple[float, float]
    law: tuple[int, Order, Order] | None
    skeleton: tuple[int, Order, Order] | None


def score(model: Joint, table: Table, at: At, pairs: Errors, slope: float,
          versions: dict[int, Any], by_law: Callable[[Any], float]) -> Score:  # fmt: skip
    """Of the rows `at` of one source of the family that the model never saw."""
    top1, macs = table.top1[at], table.macs[at]
    gain = model.gains(table.of(at)).mean(0)
    own, stretch = (float(np.polyfit(x, table.gain[at], 1)[0]) for x in (np.log(macs), gain))
    off = errors(model, table, at, middle(table, at))
    factors = (model.spread.posterior, model.spread.doubt)
    bare = np.sqrt(np.maximum(off.expected(factors), 1e-12))
    doubted = np.sqrt(off.variance(factors) + off.doubt)
    family, source = str(table.family[at[0]]), str(table.source[at[0]])
    return Score(family, source, len(at), order(gain, top1, macs),
                 order(slope * np.log(macs), top1, macs), rmse(own * np.log(macs), top1),
                 rmse(stretch * gain, top1),
                 within(off.ratio(factors)),
                 within(pairs.ratio(factors)),
                 within(np.abs(off.error) / bare),
                 within(np.abs(off.error) / doubted),
                 beside_law(table, at, gain, versions, by_law),
                 beside_surrogate(table, at, gain))  # fmt: skip


def beside_law(table: Table, at: At, gain: Floats, versions: dict[int, Any],
               by_law: Callable[[Any], float]) -> tuple[int, Order, Order] | None:  # fmt: skip
    """(rows, the model's, the law's) of the baseline with most scaled versions in the source."""
    groups: dict[str, list[int]] = {}
    for n, row in enumerate(at):
        if int(row) in versions:
            groups.setdefault(versions[int(row)][0], []).append(n)
    some = np.array(max(groups.values(), key=len, default=[]), int)
    if len(some) < FEWEST:
        return None
    top1, macs = table.top1[at[some]], table.macs[at[some]]
    other = np.array([by_law(versions[int(at[n])][1]) for n in some])
    return len(some), order(gain[some], top1, macs), order(other, top1, macs)


def beside_surrogate(table: Table, at: At, gain: Floats) -> tuple[int, Order, Order] | None:
    """(rows, the model's, the surrogate's) of the three-seed networks."""
    if str(table.source[at[0]]) not in SEEDED:
        return None
    some = new_to_the_surrogate(table, at)
    other = skeleton_gain(embedded().predict_rows(positions(table, some))[0])
    top1, macs = table.top1[some], table.macs[some]
    mine = gain[np.searchsorted(at, some)]
    return len(some), order(mine, top1, macs), order(other, top1, macs)


class Drawn(NamedTuple):
    """Errors of pairs of one source, that calibrate the spread."""

    family: str
    source: str
    errors: Errors
    weight: Floats


def drawn(model: Joint, table: Table, at: At, seed: int) -> Drawn:
    """Some rows to some references; each source weighs the same."""
    some = np.random.default_rng(seed).permutation(at)[:DRAWN]
    parts = [errors(model, table, some, int(one)) for one in some[:REFERENCES]]
    joined = Errors(*(np.concatenate(one) for one in zip(*parts, strict=True)))
    weight = np.full(len(joined.error), 1 / len(joined.error))
    return Drawn(str(table.family[at[0]]), str(table.source[at[0]]), joined, weight)


class Single(NamedTuple):
    """A network scaled in one dimension or all: points gained over its 1x network."""

    network: str
    printed: float
    model: float
    law: float


def singles(model: Joint, table: Table, at: At, versions: dict[int, Any],
            by_law: Callable[[Any], float]) -> list[Single]:  # fmt: skip
    """Of a table that scales one network; its first row is the 1x network."""
    gain, error = model.gains(table.of(at)).mean(0), 100 - float(table.top1[at[0]])
    other = [by_law(versions[int(n)][1]) for n in at]
    return [
        Single(table.rows[n].name, float(table.top1[n] - table.top1[at[0]]),
               error * float(1 - np.exp(gain[0] - one)), error * float(1 - np.exp(other[0] - two)))
        for n, one, two in zip(at[1:], gain[1:], other[1:], strict=True)
    ]  # fmt: skip


class Found(NamedTuple):
    """What leaving families out gave."""

    scores: list[Score]
    pairs: list[Drawn]
    singles: list[Single]


def families(table: Table, names: Iterable[str], kept: Kept) -> Found:
    """Each family predicted by a model fitted on all others."""
    versions, found = scaled_versions(table), Found([], [], [])
    for name in names:
        rest = table.family != name
        sources = [np.flatnonzero(~rest & (table.source == source))
                   for source in dict.fromkeys(table.source[~rest])]  # fmt: skip
        sources = [at for at in sources if len(at) >= FEWEST]
        if not sources:
            continue
        model = kept(name, lambda rest=rest: table.fitted(rest))  # type: ignore[misc]
        slope, by_law = slope_of_macs(table, rest), law_without(name)
        for at in sources:
            pairs = drawn(model, table, at, len(found.pairs))
            found.pairs.append(pairs)
            found.scores.append(score(model, table, at, pairs.errors, slope, versions, by_law))
            print(cells(found.scores[-1]), flush=True)
            if str(table.source[at[0]]).startswith(SINGLE):
                found.singles.extend(singles(model, table, at, versions, by_law))
    return found


# The spread --------------------------------------------------------------------------------------


def together(pairs: Sequence[Drawn]) -> tuple[Errors, Floats]:
    """All errors, and their weights: of a family the root of how many sources it has."""
    count = {one.family: sum(other.family == one.family for other in pairs) for one in pairs}
    weight = np.concatenate([one.weight / np.sqrt(count[one.family]) for one in pairs])
    joined = zip(*(one.errors for one in pairs), strict=True)
    return Errors(*(np.concatenate(one) for one in joined)), weight / weight.sum()


def factors_of(pairs: Sequence[Drawn]) -> tuple[float, float]:
    """The factors whose coverage is nearest to a normal distribution's."""
    off, weight = together(pairs)
    best, chosen = np.inf, (1.0, 1.0)
    for one in POSTERIORS:
        for two in DOUBTS:
            shares = within(off.ratio((one, two)), weight)
            near = sum(abs(a - b) for a, b in zip(shares, WITHIN, strict=True))
            score = near + 0.1 * off.unlikely(weight, (one, two))
            if score < best:
                best, chosen = score, (float(one), float(two))
    return chosen


class Coverage(NamedTuple):
    """Of the spread on one family, its factors set on all others."""

    family: str
    factors: tuple[float, float]
    within: tuple[float, float]
    rmse: float
    spread: float


def nested(pairs: Sequence[Drawn]) -> list[Coverage]:
    found = []
    for name in dict.fromkeys(one.family for one in pairs):
        factors = factors_of([one for one in pairs if one.family != name])
        off, weight = together([one for one in pairs if one.family == name])
        found.append(Coverage(name, factors, within(off.ratio(factors), weight),
                              float(np.sqrt(weight @ off.error**2)),
                              float(np.sqrt(weight @ off.variance(factors)))))  # fmt: skip
    return found


def by_share(pairs: Sequence[Drawn], factors: tuple[float, float]) -> list[str]:
    """Coverage and likelihood, with several shares of a difference in the spread."""
    off, weight = together(pairs)
    lines = ["", "| a recipe's share of a difference | within 1 | within 2 | -log likelihood |",
             "|---|---|---|---|"]  # fmt: skip
    for share in SHARES:
        one, two = within(off.ratio(factors, share), weight)
        unlikely = off.unlikely(weight, factors, share)
        lines.append(f"| {share:g} | {one:.1%} | {two:.1%} | {unlikely:.3f} |")
    return lines


def pooled(pairs: Sequence[Drawn], factors: dict[str, tuple[float, float]]) -> tuple[float, float]:
    """Coverage over families, each with factors of its own, weighed as in `together`."""
    ratio = np.concatenate([one.errors.ratio(factors[one.family]) for one in pairs])
    return within(ratio, together(pairs)[1])


# Accel-NASBench in folds, and its networks of three seeds --------------------------------------


class Fold(NamedTuple):
    """Of one prediction of a fold, in the table's own points."""

    tau: float
    rmse: float
    top_rmse: float
    top_tau: float


def judged(predicted: Floats, top1: Floats) -> Fold:
    error, top = predicted - top1, predicted > np.quantile(predicted, TOP)
    return Fold(float(kendalltau(predicted, top1).statistic), float(np.sqrt(np.mean(error**2))),
                float(np.sqrt(np.mean(error[top] ** 2))),
                float(kendalltau(predicted[top], top1[top]).statistic))  # fmt: skip


def in_the_tables_recipe(gain: Floats, table: Table, train: At, at: At, all_: At) -> Floats:
    """Top-1 of rows `at` in the table's recipe: a line through the fold's training rows."""
    place = {int(n): i for i, n in enumerate(all_)}
    some = np.array([place[int(n)] for n in train])
    line = np.polyfit(gain[some], table.gain[train], 1)
    return np.asarray(100 - np.exp(-np.polyval(line, gain[[place[int(n)] for n in at]])))


def folds(table: Table, folder: Path, count: int, kept: Kept) -> dict[str, Any]:
    """Figures by fold and kind, and those of the three-seed networks by the models of the folds."""
    every = np.flatnonzero(table.source == SKELETON)
    frame = read_table(folder / TABLE)
    domain = domain_of(frame)
    seeded = {name: new_to_the_surrogate(table, np.flatnonzero(table.source == name))
              for name in SEEDED}  # fmt: skip
    found: dict[str, Any] = {"joint": [], "experts": [], "surrogate": [], "seeded": []}
    parts = np.array_split(np.random.default_rng(1).permutation(len(every)), 10)
    for number, held in enumerate(parts[:count]):
        test = every[held]
        train = np.setdiff1d(every, test)
        rows = ~np.isin(np.arange(len(table.rows)), test) & ~np.isin(table.source, SEEDED)
        model = kept(f"fold{number}", lambda rows=rows: table.fitted(rows))  # type: ignore[misc]
        for name, one in (("joint", model), ("experts", dataclasses.replace(model, skeleton=None))):
            gain = one.gains(table.of(every)).mean(0)
            predicted = in_the_tables_recipe(gain, table, train, test, every)
            found[name].append(judged(predicted, table.top1[test]))
        some = frame.drop(frame.index[held])
        other = fit_surrogate(some.reset_index(drop=True), 0, domain, ["top1"])
        mean, _ = other.predict_rows(rows_of(frame.iloc[held], domain))
        found["surrogate"].append(judged(mean, table.top1[test]))
        found["seeded"].append(by_seeds(model, table, seeded))
        print(f"fold {number}: {found['joint'][-1]} {found['surrogate'][-1]}", flush=True)
    return found


def by_seeds(model: Joint, table: Table, seeded: dict[str, At]) -> dict[str, Any]:
    """Of the three-seed networks, by the model and the embedded surrogate: order and coverage.

    As they are, and `stretched` to the source's recipe in hindsight. The model's coverage is of
    differences between any two of them, the surrogate's of the values with their mean error off.
    """
    found = {}
    for name, at in seeded.items():
        top1, macs = table.top1[at], table.macs[at]
        mean, spread = embedded().predict_rows(positions(table, at))
        gains = {"joint": model.gains(table.of(at)).mean(0), "surrogate": skeleton_gain(mean)}
        for kind, gain in gains.items():
            line = float(np.polyfit(gain, table.gain[at], 1)[0])
            for way, stretch, share in (("", 1.0, STRETCH), (", stretched", line, 0.0)):
                if kind == "joint":
                    every = [errors(model, table, at, int(one), stretch) for one in at]
                    factors = (model.spread.posterior, model.spread.doubt)
                    ratio = np.concatenate([one.ratio(factors, share) for one in every])
                else:
                    moved = stretch * gain
                    level = 100 - np.exp(-(moved + np.mean(table.gain[at] - moved)))
                    ratio = np.abs(level - top1) / spread
                figures = order(stretch * gain, top1, macs)
                found[f"{name} | {len(at)} | {kind}{way}"] = [*figures[:2], *within(ratio)]
    return found


# Printing ----------------------------------------------------------------------------------------


def number(value: float, places: int = 2) -> str:
    return "" if np.isnan(value) else f"{value:.{places}f}"


def shares(of: tuple[float, float]) -> str:
    return f"{of[0]:.0%}, {of[1]:.0%}"


HEAD = ["| left out | source | n | tau | MACs | RMSE | stretched | law of MACs "
        "| own slope | pairs | MACs | within 1, 2 | to any |",
        "|---|---|---|---|---|---|---|---|---|---|---|---|---|"]  # fmt: skip


def cells(one: Score) -> str:
    parts = [one.family, one.source, str(one.networks), number(one.model.tau, 3),
             number(one.macs.tau, 3), number(one.model.rmse), number(one.own_stretch),
             number(one.macs.rmse), number(one.own_slope),
             number(one.model.pairs, 3), number(one.macs.pairs, 3),
             shares(one.within), shares(one.within_any)]  # fmt: skip
    return "| " + " | ".join(parts) + " |"


class Overall(NamedTuple):
    """Means of tau and medians of RMSE over groups of sources; see Score."""

    over: str
    groups: int
    tau: float
    macs_tau: float
    rmse: float
    own_stretch: float
    macs_rmse: float
    own_slope: float


def overall(scores: Sequence[Score]) -> list[Overall]:
    """Over sources and over families; a family counts by the mean of its sources."""
    by_family: dict[str, list[Score]] = {}
    for one in scores:
        by_family.setdefault(one.family, []).append(one)
    groups = {
        "sources of 3 rows or more": [[one] for one in scores],
        "sources of 4 rows or more": [[one] for one in scores if one.networks > 3],
        "families": list(by_family.values()),
    }
    found = []
    for name, some in groups.items():
        if not some:
            continue
        figures = [[(one.model.tau, one.macs.tau, one.model.rmse, one.own_stretch,
                     one.macs.rmse, one.own_slope) for one in group] for group in some]  # fmt: skip
        values = np.array([np.mean(group, axis=0) for group in figures])
        means, medians = values[:, :2].mean(0), np.median(values[:, 2:], axis=0)
        found.append(Overall(name, len(some), *map(float, [*means, *medians])))
    return found


def summary(found: Sequence[Overall]) -> list[str]:
    lines = ["", "| over | n | mean tau | MACs | median RMSE | stretched | law of MACs "
             "| own slope |", "|---|---|---|---|---|---|---|---|"]  # fmt: skip
    return lines + [
        f"| {one.over} | {one.groups} | {one.tau:.3f} | {one.macs_tau:.3f} | {one.rmse:.2f} "
        f"| {one.own_stretch:.2f} | {one.macs_rmse:.2f} | {one.own_slope:.2f} |"
        for one in found
    ]


def beside(scores: Sequence[Score]) -> list[str]:
    """The model beside the law and the surrogate, on the rows that these cover."""
    lines = ["", "| source | n | beside | tau | its tau | RMSE | its RMSE | pairs | its pairs |",
             "|---|---|---|---|---|---|---|---|---|"]  # fmt: skip
    for one in scores:
        for name, found in (("law", one.law), ("surrogate", one.skeleton)):
            if found:
                n, mine, its = found
                lines.append(
                    f"| {one.source} | {n} | {name} | {mine.tau:.3f} | {its.tau:.3f} "
                    f"| {mine.rmse:.2f} | {its.rmse:.2f} | {number(mine.pairs, 3)} "
                    f"| {number(its.pairs, 3)} |"
                )
    return lines


def alone(found: Sequence[Single]) -> list[str]:
    """Gains over 1x, printed and promised."""
    lines = ["", "| scaled (depth, width, pixels) | printed gain | the model's | the law's |",
             "|---|---|---|---|"]  # fmt: skip
    return lines + [
        f"| {one.network} | {one.printed:+.1f} | {one.model:+.1f} | {one.law:+.1f} |"
        for one in found
    ]


def spreads(pairs: Sequence[Drawn], factors: tuple[float, float]) -> list[str]:
    """Coverage: nested by family, pooled, and with the factors in the package."""
    found = nested(pairs)
    lines = ["", "| family | factors set on the others | within 1 | within 2 | RMS error "
             "| RMS spread |", "|---|---|---|---|---|---|"]  # fmt: skip
    for one in found:
        lines.append(
            f"| {one.family} | {one.factors[0]:.2f}, {one.factors[1]:g} | {one.within[0]:.0%} "
            f"| {one.within[1]:.0%} | {one.rmse:.2f} | {one.spread:.2f} |"
        )
    by_name = {one.family: one.factors for one in found}
    package = f"pooled, the package's factors {factors[0]:g} and {factors[1]:g}"
    for name, some in (
        ("pooled, nested", by_name),
        (package, dict.fromkeys(by_name, factors)),
    ):
        first, second = pooled(pairs, some)
        lines.append(f"| {name} | | {first:.1%} | {second:.1%} | | |")
    with_doubt = [
        one._replace(errors=one.errors._replace(training=one.errors.training + one.errors.doubt))
        for one in pairs
    ]
    first, second = pooled(with_doubt, dict.fromkeys(by_name, factors))
    lines.append(f"| the same, with the doubt of a search | | {first:.1%} | {second:.1%} | | |")
    mean = np.mean([one.within for one in found], axis=0)
    lines.append(f"| mean of families, nested | | {mean[0]:.1%} | {mean[1]:.1%} | | |")
    return lines + by_share(pairs, factors)


def fold_lines(found: dict[str, Any]) -> list[str]:
    """Means and standard deviations over folds."""
    lines = ["", f"{len(found['joint'])} of 10 folds of Accel-NASBench", ""]
    lines += ["| model | tau | RMSE | top third's RMSE | its tau |", "|---|---|---|---|---|"]
    for name in ("joint", "experts", "surrogate"):
        values = np.array(found[name])
        figures = [f"{m:.4f} ± {s:.4f}" for m, s in zip(values.mean(0), values.std(0), strict=True)]
        lines.append(f"| {name} | " + " | ".join(figures) + " |")
    lines += ["", "| three seeds | n | model | tau | RMSE | within 1 | within 2 |",
              "|---|---|---|---|---|---|---|"]  # fmt: skip
    for name in found["seeded"][0]:
        figures = np.mean([one[name] for one in found["seeded"]], axis=0)
        lines.append("| {} | {:.3f} | {:.2f} | {:.0%} | {:.0%} |".format(name, *figures))
    return lines


def plain(value: Any) -> Any:
    """For JSON: named tuples as objects, arrays as lists, nan as null."""
    if hasattr(value, "_asdict"):
        return {key: plain(one) for key, one in value._asdict().items()}
    if isinstance(value, dict):
        return {key: plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [plain(one) for one in value]
    return None if isinstance(value, float) and np.isnan(value) else value


def main() -> None:
    """Print the tables, and write the figures if asked."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--families", default="", help="comma-separated; all without it")
    parser.add_argument("--alone", help="leave out but this source, and nothing else of its family")
    parser.add_argument("--folds", type=int, default=10, help="of 10 of Accel-NASBench; 0 for none")
    parser.add_argument("--json", type=Path, help="file to write the figures to")
    parser.add_argument("--keep", type=Path, help="folder of fits to keep and to take")
    args = parser.parse_args()
    table, kept = Table(args.data), Kept(args.keep)
    if args.alone:
        at = np.flatnonzero(table.source == args.alone)
        gain = table.fitted(table.source != args.alone).gains(table.of(at)).mean(0)
        found = order(gain, table.top1[at], table.macs[at])
        print(f"{args.alone} alone left out, {len(at)} rows: tau {found.tau:.3f}, "
              f"RMSE {found.rmse:.2f}, pairs of equal cost {found.pairs:.3f}")  # fmt: skip
        return
    names = args.families.split(",") if args.families else sorted(set(table.family))
    print(*HEAD, sep="\n")
    left_out = families(table, names, kept)
    told: dict[str, Any] = {"scores": left_out.scores, "singles": left_out.singles}
    if left_out.scores:
        told["overall"] = overall(left_out.scores)
        lines = summary(told["overall"]) + beside(left_out.scores) + alone(left_out.singles)
        print(*lines, sep="\n", flush=True)
    if len({one.family for one in left_out.pairs}) > 1:
        print(*spreads(left_out.pairs, (SPREAD.posterior, SPREAD.doubt)), sep="\n", flush=True)
        told["coverage"] = nested(left_out.pairs)
    if args.folds:
        told["folds"] = folds(table, args.data, args.folds, kept)
        print(*fold_lines(told["folds"]), sep="\n")
    if args.json:
        args.json.write_text(json.dumps(plain(told), indent=1))


if __name__ == "__main__":
    main()
