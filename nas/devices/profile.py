"""Makes a device file: blocks timed inside of running networks, and the error on whole ones.

Designed networks hold every block of the space several times, or as many as the time allows;
each block is timed where it runs, since alone and with a warm cache it is quicker. Calibration
networks, timed whole, give offset and factor; check networks, timed whole, only the error. All
are visited again and again in a new order, so that a busy minute disturbs none of them alone.
"""

import dataclasses
import os
import random
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from nas.devices.blocks import blocks_in, keys_of
from nas.devices.estimate import Reach
from nas.devices.file import ProfiledDevice, Times
from nas.devices.fit import check_of, fitted
from nas.devices.measure import Show, quiet_ones
from nas.devices.runtime import Run, Runtime, Setting, stamp, start
from search_spaces.architecture import Architecture
from search_spaces.cost import cost
from search_spaces.errors import UserError
from search_spaces.space import Space

CHECKS, CALIBRATIONS = 50, 25  # networks
CONTEXTS = 3  # designed networks that hold a block
CANDIDATES = 40  # of which each designed network is the best
DESIGNS = 400  # at most
REPEATS = 4  # timed runs a visit, after one that warms the caches
BUILDING = 0.45  # of the time, at most, until every network was visited once
COVERING = 0.9  # of the time, at most, while blocks are met that could not even be estimated
ROOM = 0.25  # of the machine's memory, for weights
FEWEST = 3  # networks of each sort, whatever the time
FITTING = 0.03  # of the time, kept for the rest


@dataclasses.dataclass
class Sort:
    """Networks of one use, and what their runs took: by network, or by block for `design`."""

    networks: Sequence[Architecture]
    runs: dict[Any, list[Run]] = dataclasses.field(default_factory=lambda: defaultdict(list))
    visited: set[Architecture] = dataclasses.field(default_factory=set)


def drawn(space: Space, count: int, rng: random.Random, others: set[Architecture]) -> list[Any]:
    """So many random networks (fewer in a small space) that are not among the others."""
    found: dict[Architecture, None] = {}
    for _ in range(50 * count):
        one = space.build(space.sample(rng))
        if one not in others:
            found[one] = None
        if len(found) == count:
            break
    return list(found)


def designs(space: Space, rng: random.Random, keys: Iterable[str]) -> list[Architecture]:
    """Networks that hold each block CONTEXTS times, most new blocks first; DESIGNS at most."""
    met, wanted, found = Counter[str](), set(keys), list[Architecture]()
    while len(found) < DESIGNS and any(met[key] < CONTEXTS for key in wanted):
        candidates = [space.build(space.sample(rng)) for _ in range(CANDIDATES)]
        gains = [
            sum(1 / (1 + 9 * met[key]) for key in set(keys_of(one)) if met[key] < CONTEXTS)
            for one in candidates
        ]
        best = candidates[int(np.argmax(gains))]
        if max(gains) > 0:
            met.update(set(keys_of(best)))
            found.append(best)
    return found


def interleaved(sorts: Mapping[str, Sort]) -> list[tuple[str, Architecture]]:
    """(sort, network) of all, each sort spread evenly over the list."""
    rows = [
        ((i + 0.5) / len(sort.networks), name, one)
        for name, sort in sorts.items()
        for i, one in enumerate(sort.networks)
    ]
    return [(name, one) for _, name, one in sorted(rows, key=lambda row: row[:2])]


def plan(space: Space, keys: Iterable[str], seed: int) -> dict[str, Sort]:
    """Networks to design, to calibrate and to check with; no network is in two sorts.

    keys: of the space's blocks.   Raises UserError for a space that is too small.
    """
    rng = random.Random(seed)
    design = designs(space, rng, keys)
    check = drawn(space, CHECKS, rng, set(design))
    calibration = drawn(space, CALIBRATIONS, rng, {*design, *check})
    if min(len(check), len(calibration)) < FEWEST:
        raise UserError(
            f"the space {space.name!r} has too few networks to calibrate and to check with: "
            f"expected {2 * FEWEST} or more besides those that hold its blocks"
        )
    return {"design": Sort(design), "check": Sort(check), "calibration": Sort(calibration)}


def _visit(runtime: Runtime, sort: Sort, name: str, one: Architecture) -> Callable[[], None]:
    """Builds a network; the function visits it: one run to warm up, REPEATS that count."""
    sort.visited.add(one)
    if name == "design":
        keys, chain = keys_of(one), runtime.chain(one)

        def visit() -> None:
            chain()
            for _ in range(REPEATS):
                for key, run in zip(keys, chain(), strict=True):
                    sort.runs[key].append(run)

        return visit
    whole = runtime.whole(one)

    def visit_whole() -> None:
        whole()
        sort.runs[one].extend(whole() for _ in range(REPEATS))

    return visit_whole


def measure(
    runtime: Runtime,
    sorts: Mapping[str, Sort],
    seconds: float,
    passed: Callable[[], float],
    rng: random.Random,
    show: Show,
) -> int:
    """Visits networks until so many seconds have `passed`; gives the number of rounds."""
    visits, weights, reach = list[Callable[[], None]](), 0, Reach()
    room = ROOM * os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    for name, one in interleaved(sorts):
        sort, now = sorts[name], passed() / seconds
        new = set(keys_of(one)) - sort.runs.keys() if name == "design" else set()
        late = now > COVERING or (now > BUILDING and all(key in reach for key in new))
        if len(sort.visited) >= FEWEST and (late or weights > room):
            continue
        visits.append(_visit(runtime, sort, name, one))
        visits[-1]()
        reach.add(new)
        weights += 4 * cost(one).params
        show(passed(), f"{len(visits)} networks built")
    rounds = 1
    for visit in _rounds(visits, rng):
        if passed() > seconds:
            break
        rounds += visit is visits[0]
        visit()
        show(passed(), f"{len(visits)} networks, round {rounds}")
    return rounds


def _rounds(visits: Sequence[Callable[[], None]], rng: random.Random) -> Iterator[Any]:
    while True:
        yield from rng.sample(visits, len(visits))


def times_of(runs: Sequence[Run]) -> Times:
    """Of the undisturbed runs, in ms."""
    p50, p90 = np.percentile(1e3 * np.array(quiet_ones(runs)), (50, 90))
    return Times(float(f"{p50:.5g}"), float(f"{p90:.5g}"), len(runs))


def profile(
    space: Space, setting: Setting, minutes: float, name: str, seed: int, show: Show
) -> ProfiledDevice:
    """A device of this machine, measured for about so many minutes. Raises UserError."""
    begun, load, seconds = time.perf_counter(), os.getloadavg(), 60 * minutes
    show(0.0, "choosing networks")
    runtime, every = start(setting), blocks_in(space)
    sorts, rng = plan(space, every, seed), random.Random(seed)
    until = (1 - FITTING) * seconds
    rounds = measure(runtime, sorts, until, lambda: time.perf_counter() - begun, rng, show)
    show(until, "fitting")
    met = sorts["design"].runs
    blocks = {key: times_of(met[key]) for key in every if key in met}
    device = ProfiledDevice(name, setting.batch, {}, None, blocks)
    whole = {
        kind: {one: times_of(runs).p50 for one, runs in sorts[kind].runs.items()}
        for kind in ("calibration", "check")
    }
    device = fitted(device, whole["calibration"])
    runs = [run for sort in sorts.values() for many in sort.runs.values() for run in many]
    made = stamp(setting, runtime) | {
        "space": space.name,
        "resolution": sorted({one.resolution for one in sorts["check"].networks}),
        "minutes": minutes,
        "seed": seed,
        "rounds": rounds,
        "blocks": f"{len(blocks)} of {len(every)}",
        "disturbed": round(sum(not run.quiet for run in runs) / len(runs), 4),
        "load": [round(one, 2) for one in (load[0], os.getloadavg()[0])],
    }
    check = check_of(device, whole["check"])
    return dataclasses.replace(device, stamp=made, check=check)
