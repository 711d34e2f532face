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

CHECKS, CALIBRATIONS = 50, 25  # networks that are timed whole to check, and to calibrate with
CONTEXTS = 3  # designed networks that each block shall stand in
CANDIDATES = 40  # random networks of which each designed network is the best
DESIGNS = 400  # designed networks at most
REPEATS = 4  # timed runs a visit, after one that warms the caches
# Networks are added until this share of the time has passed; after it only those with blocks that
# could not be estimated from the measured ones, and after COVERING none.
BUILDING = 0.45
COVERING = 0.9
ROOM = 0.25  # share of the machine's memory that the weights may take
FEWEST = 3  # networks of each sort, whatever the time
FITTING = 0.03  # share of the time that is kept for the fit


@dataclasses.dataclass
class Sort:
    """Networks of one use, and what their runs took.

    Attributes:
        networks: All that may be visited.
        runs: By network, or by block for `design`.
        visited: Those that were built.
    """

    networks: Sequence[Architecture]
    runs: dict[Any, list[Run]] = dataclasses.field(default_factory=lambda: defaultdict(list))
    visited: set[Architecture] = dataclasses.field(default_factory=set)


def drawn(space: Space, count: int, rng: random.Random, others: set[Architecture]) -> list[Any]:
    """Draws different random networks of a space.

    Args:
        space: Where they come from.
        count: How many; a small space gives fewer.
        rng: The source of randomness.
        others: Networks that must not be drawn.
    """
    architectures: dict[Architecture, None] = {}
    for _ in range(50 * count):
        architecture = space.build(space.sample(rng))
        if architecture not in others:
            architectures[architecture] = None
        if len(architectures) == count:
            break
    return list(architectures)


def designs(space: Space, rng: random.Random, keys: Iterable[str]) -> list[Architecture]:
    """Designs networks that hold each block CONTEXTS times, most new blocks first.

    Args:
        space: Where candidates are drawn from.
        rng: The source of randomness.
        keys: Of the space's blocks.

    Returns:
        DESIGNS networks at most.
    """
    met, wanted, chosen = Counter[str](), set(keys), list[Architecture]()
    while len(chosen) < DESIGNS and any(met[key] < CONTEXTS for key in wanted):
        candidates = [space.build(space.sample(rng)) for _ in range(CANDIDATES)]
        gains = [
            sum(1 / (1 + 9 * met[key]) for key in set(keys_of(candidate)) if met[key] < CONTEXTS)
            for candidate in candidates
        ]
        best = candidates[int(np.argmax(gains))]
        if max(gains) > 0:
            met.update(set(keys_of(best)))
            chosen.append(best)
    return chosen


def interleaved(sorts: Mapping[str, Sort]) -> list[tuple[str, Architecture]]:
    """All networks with the name of their sort, each sort spread evenly over the list."""
    rows = [
        ((i + 0.5) / len(sort.networks), name, architecture)
        for name, sort in sorts.items()
        for i, architecture in enumerate(sort.networks)
    ]
    return [(name, architecture) for _, name, architecture in sorted(rows, key=lambda row: row[:2])]


def plan(space: Space, keys: Iterable[str], seed: int) -> dict[str, Sort]:
    """Chooses networks to design, to calibrate and to check with; no network is in two sorts.

    Args:
        space: Where they are drawn from.
        keys: Of the space's blocks.
        seed: Of all draws.

    Raises:
        UserError: The space is too small for three sorts.
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


def _visit(
    runtime: Runtime, sort: Sort, name: str, architecture: Architecture
) -> Callable[[], None]:
    """Builds a network; the function visits it: one run to warm up, REPEATS that count."""
    sort.visited.add(architecture)
    if name == "design":
        keys, chain = keys_of(architecture), runtime.chain(architecture)

        def visit() -> None:
            chain()
            for _ in range(REPEATS):
                for key, run in zip(keys, chain(), strict=True):
                    sort.runs[key].append(run)

        return visit
    whole = runtime.whole(architecture)

    def visit_whole() -> None:
        whole()
        sort.runs[architecture].extend(whole() for _ in range(REPEATS))

    return visit_whole


def measure(
    runtime: Runtime,
    sorts: Mapping[str, Sort],
    seconds: float,
    passed: Callable[[], float],
    rng: random.Random,
    show: Show,
) -> int:
    """Visits networks again and again, and collects their runs in the sorts.

    Args:
        runtime: Runs them.
        sorts: What is visited, by name.
        seconds: When it ends.
        passed: Gives the seconds that passed so far.
        rng: Of the order of visits.
        show: Is told how it goes.

    Returns:
        The number of rounds over all built networks.
    """
    visits, weights, reach = list[Callable[[], None]](), 0, Reach()
    room = ROOM * os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    for name, architecture in interleaved(sorts):
        sort, now = sorts[name], passed() / seconds
        new = set(keys_of(architecture)) - sort.runs.keys() if name == "design" else set()
        late = now > COVERING or (now > BUILDING and all(key in reach for key in new))
        if len(sort.visited) >= FEWEST and (late or weights > room):
            continue
        visits.append(_visit(runtime, sort, name, architecture))
        visits[-1]()
        reach.add(new)
        weights += 4 * cost(architecture).params
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
    """The visits, round after round without end, each round in a new order."""
    while True:
        yield from rng.sample(visits, len(visits))


def times_of(runs: Sequence[Run]) -> Times:
    """The times of the undisturbed runs, in ms."""
    p50, p90 = np.percentile(1e3 * np.array(quiet_ones(runs)), (50, 90))
    return Times(float(f"{p50:.5g}"), float(f"{p90:.5g}"), len(runs))


def profile(
    space: Space, setting: Setting, minutes: float, name: str, seed: int, show: Show
) -> ProfiledDevice:
    """Measures this machine.

    Args:
        space: Whose blocks are timed.
        setting: How networks run.
        minutes: For about how long.
        name: Of the device.
        seed: Of all draws.
        show: Is told how it goes.

    Returns:
        The device, with the error on networks that it was not fitted to.

    Raises:
        UserError: The space is too small, or the runtime is not installed.
    """
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
        kind: {architecture: times_of(runs).p50 for architecture, runs in sorts[kind].runs.items()}
        for kind in ("calibration", "check")
    }
    device = fitted(device, whole["calibration"])
    runs = [run for sort in sorts.values() for timed in sort.runs.values() for run in timed]
    made = stamp(setting, runtime) | {
        "space": space.name,
        "resolution": [
            size.label for size in sorted({one.size for one in sorts["check"].networks})
        ],
        "minutes": minutes,
        "seed": seed,
        "rounds": rounds,
        "blocks": f"{len(blocks)} of {len(every)}",
        "disturbed": round(sum(not run.quiet for run in runs) / len(runs), 4),
        "load": [round(average, 2) for average in (load[0], os.getloadavg()[0])],
    }
    check = check_of(device, whole["check"])
    return dataclasses.replace(device, stamp=made, check=check)
