"""Which climbs are under way, and where the next ones begin.

The first begin at the best networks of niches. Then, in turn, climbs begin between two of the best
peaks, at crossovers of two, at the best niche that none began in and at any, and at elites of the
front's cheaper part, those within their own costs. What begins where depends on the seed and on
what was told alone.
"""

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from nas.strategies.climbing.climbs import Aim, Climbing, Ground, Peak, aim_of, climb
from nas.strategies.climbing.nearby import Niches, Slopes
from nas.strategies.codes import Codes, Floats

ACTIVE = 8  # climbs that are under way at once
BEGINNING = ("best", "best", "front", "best", "front", "best")  # where the first climbs begin
TURNS = (  # and the others
    *("best", "between", "crossed", "any", "between", "crossed"),
    *("best", "between", "crossed", "any", "between", "front"),
)
PEAKS, ALIKE = 12, 2  # of the best that others begin from; at most so many of one niche
CUBE = 12  # choices at most of whose differences all combinations are ranked
DRAWN = 4096  # combinations that are ranked where there are more
BETWEEN, CROSSED = 24, 4  # networks of which the best one begins
UNKNOWN = -0.3  # points that a change is taken to bring where that isn't known


class Archive(NamedTuple):
    """What climbs may begin at.

    Attributes:
        best: (n, choices) networks, those of best reward first.
        front: (m, choices) the best of each bin of costs.
        caps: (m,) what the bins' networks cost at most.
    """

    best: Codes
    front: Codes
    caps: Floats


@dataclass
class _Active:
    """A climb under way, and what it waits for."""

    climbing: Climbing
    main: bool
    asked: Codes
    left: Codes = field(init=False)

    def __post_init__(self) -> None:
        self.left = self.asked


class Climbers:
    """The climbs of a search.

    Args:
        ground: Where they go.
        niches: That they begin in.
        seed: Of everything random.
    """

    def __init__(self, ground: Ground, niches: Niches, seed: int) -> None:
        self._ground, self._niches, self._seed = ground, niches, seed % 2**32
        self._aim = aim_of(ground.problem.objective)
        self._groups = _groups([*ground.problem.choices])
        self._active: list[_Active] = []
        self._peaks: list[tuple[float, Peak]] = []
        self._linked: set[tuple[bytes, bytes]] = set()
        self._begun, self._used = 0, set[int]()

    def waiting(self, n: int) -> Codes:
        """At most n codes that are asked for, (m, choices), those of the oldest climb first."""
        every = [one.left for one in self._active]
        return np.vstack([np.zeros((0, len(self._ground.sizes)), np.int64), *every])[:n]

    def tell(self, archive: Archive, asked: int) -> None:
        """Goes on as far as what was told allows, and begins others in place of what ended.

        Args:
            archive: What they may begin at.
            asked: How many of the codes that were waited for the generation had room for; those
                not told are of networks that other codes build too, or that can't be had.
        """
        self._ground.told.find(self.waiting(asked))
        self._active = [one for one in self._active if self._on(one)]
        for _ in range(2 * ACTIVE):
            if len(self._active) >= ACTIVE:
                break
            if (one := self._next(archive)) is not None and self._on(one):
                self._active.append(one)

    def _on(self, one: _Active) -> bool:
        """Sends a climb what it asked for, until something is missing; False when it has ended."""
        while True:
            merit = self._ground.told.merits(one.asked)
            one.left = one.asked[np.isnan(merit)]
            if len(one.left):
                return True
            try:
                one.asked = one.climbing.send(merit)
            except StopIteration as end:
                if one.main and end.value is not None:
                    self._keep(end.value)
                return False

    def _keep(self, peak: Peak) -> None:
        """Takes a peak among the best, of which those of one niche are few: more are all alike."""
        self._peaks.append((self._aim.of(peak.at), peak))
        self._peaks.sort(key=lambda kept: -kept[0])
        niches = self._niches.keys(np.array([kept.at.code for _, kept in self._peaks]))
        alike = [niches[:at].count(niche) for at, niche in enumerate(niches)]
        kept = zip(self._peaks, alike, strict=True)
        self._peaks = [one for one, before in kept if before < ALIKE][:PEAKS]

    def _next(self, archive: Archive) -> _Active | None:
        """The next climb; None where the one whose turn it is has nowhere to begin."""
        rng = np.random.RandomState([self._seed, self._begun, 12])
        after = self._begun - len(BEGINNING)
        turn = BEGINNING[self._begun] if after < 0 else TURNS[after % len(TURNS)]
        self._begun += 1
        if turn == "front":
            return self._at_front(archive, rng)
        found: tuple[Codes, Slopes] | tuple[Codes] | None = None
        if turn == "between":
            found = self._between(rng)
        elif turn == "crossed" and len(self._peaks) > 1:
            found = self._crossed(rng)
        if found is None:
            found = self._at_niche(archive, rng if turn == "any" else None)
        return None if found is None else self._begin(self._aim, *found)

    def _begin(self, aim: Aim, starts: Codes, slopes: Slopes | None = None) -> _Active:
        climbing = climb(self._ground, aim, starts, slopes)
        return _Active(climbing, aim is self._aim, next(climbing))

    def _at_niche(self, archive: Archive, rng: np.random.RandomState | None) -> tuple[Codes] | None:
        """The best network of a niche that none began in: of any, without rng of the best one."""
        rows = self._niches.elites(archive.best)
        for row in (rows if rng is None else rng.permutation(rows)).tolist():
            code = archive.best[row : row + 1]
            (key,) = self._niches.keys(code)
            if key not in self._used:
                self._used.add(key)
                return (code,)
        return None

    def _at_front(self, archive: Archive, rng: np.random.RandomState) -> _Active | None:
        """The best of a random bin, within what the bin's networks cost at most."""
        if not len(archive.front):
            return None
        row = rng.randint(len(archive.front))
        return self._begin(Aim(None, float(archive.caps[row])), archive.front[row : row + 1])

    def _between(self, rng: np.random.RandomState) -> tuple[Codes, Slopes] | None:
        """Networks between the best two peaks that none began between, with the first's slopes."""
        pairs = [(i + j, i, j) for i in range(len(self._peaks)) for j in range(len(self._peaks))]
        for _, i, j in sorted(pairs):
            one, two = self._peaks[i][1], self._peaks[j][1]
            key = (one.at.code.tobytes(), two.at.code.tobytes())
            if i == j or key in self._linked:
                continue
            self._linked.add(key)
            ranked = between(one, two, rng)
            starts, _ = self._ground.some(ranked[: 6 * BETWEEN], self._aim, BETWEEN)
            if len(starts):
                return starts, one.slopes
        return None

    def _crossed(self, rng: np.random.RandomState) -> tuple[Codes, Slopes] | None:
        """Crossovers of two peaks, part by part, at about the first's cost."""
        one, two = rng.choice(len(self._peaks), 2, replace=False)
        mother, father = self._peaks[one][1], self._peaks[two][1]
        mixed = (rng.random_sample((4 * CROSSED, self._groups.max() + 1)) < 0.5)[:, self._groups]
        codes = np.where(mixed, father.at.code, mother.at.code)
        mothers = np.repeat(mother.at.code[None], len(codes), 0)
        codes = self._ground.rough().balanced(codes, mothers, rng)
        starts, _ = self._ground.some(codes, self._aim, CROSSED)
        return (starts, mother.slopes) if len(starts) else None


def between(one: Peak, two: Peak, rng: np.random.RandomState) -> Codes:
    """Networks with some choices of one peak and the rest of the other, the best expected first.

    As in path relinking (Glover, Laguna & Marti 2000), but of all paths at once.

    Args:
        one: A peak, with the slopes around it.
        two: Another.
        rng: Draws combinations where there are too many.

    Returns:
        Codes (n, choices).
    """
    here, there = one.at.code, two.at.code
    places = np.flatnonzero(here != there)
    n = len(places)
    if n <= CUBE:
        taken = (np.arange(1, max(1, 2**n - 1))[:, None] >> np.arange(n) & 1).astype(bool)
    else:
        taken = rng.random_sample((DRAWN, n)) < 0.5
    guesses = []
    for peak, to, changed in ((one, there, taken), (two, here, ~taken)):
        gain = peak.slopes.gains(peak.at.code, np.stack([places, to[places]]))[:, 0]
        gain = np.where(np.isfinite(gain), gain, UNKNOWN)
        guesses.append(peak.at.merit + (changed * gain).sum(1))
    share = taken.sum(1) / max(n, 1)
    order = np.argsort(-((1 - share) * guesses[0] + share * guesses[1]), kind="stable")
    codes = np.repeat(here[None], len(taken), 0)
    codes[:, places] = np.where(taken, there[places], here[places])
    return codes[order]


def _groups(names: list[str]) -> NDArray[np.int64]:
    """(choices,) a number for each part: choices with one prefix, as `stage3.`, are of one."""
    parts: dict[str, int] = {}
    return np.array([parts.setdefault(name.partition(".")[0], len(parts)) for name in names])
