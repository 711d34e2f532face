"""What networks cost that are built for it, for spaces whose build fits no tables."""

import itertools

import numpy as np

from nas.strategies.codes import Codes, Floats, keys_of, network_of
from nas.strategies.counting.tables import COUNTS, numbers_of
from search_spaces.architecture import Architecture
from search_spaces.costs import Counted, costs, keep
from search_spaces.space import Space

KEPT = 1 << 13  # networks at most that are remembered


class Rows:
    """Costs of networks that are built for it; the latest are remembered."""

    def __init__(self, space: Space) -> None:
        self._space = space
        self._built: dict[bytes, Architecture] = {}
        self._counted: dict[bytes, Floats] = {}

    def networks(self, codes: Codes) -> list[Architecture]:
        """The networks of codes (n, choices); the latest are built once."""
        keys = keys_of(codes)
        if len(self._built) > KEPT:
            for key in list(itertools.islice(self._built, KEPT // 2)):
                del self._built[key]
                self._counted.pop(key, None)
        for key, row in zip(keys, codes, strict=True):
            if key not in self._built:
                self._built[key] = network_of(self._space, row)
        return [self._built[key] for key in keys]

    identities = networks

    def __call__(self, codes: Codes) -> tuple[Floats, Floats]:
        """A model's numbers (n, f) and counts (n, COUNTS); those of the latest are remembered."""
        networks, keys = self.networks(codes), keys_of(codes)
        new = [at for at, key in enumerate(keys) if key not in self._counted]
        if new:
            counted = self._count([networks[at] for at in new])
            self._counted.update(zip((keys[at] for at in new), counted, strict=True))
        if len(new) == len(keys):
            whole = counted if new else np.zeros((0, COUNTS))
        else:
            whole = np.array([self._counted[key] for key in keys])
        return numbers_of(whole), whole

    def _count(self, networks: list[Architecture]) -> Floats:
        counted = costs(networks)
        keep(networks, counted)
        return counts_of(counted)


def counts_of(counted: Counted) -> Floats:
    """The counts (n, COUNTS) of n networks."""
    of, n = counted.stages, len(counted.columns)
    repeats = of.repeats.astype(float)
    sums = [
        np.bincount(of.network, column, n)
        for column in (repeats, repeats * (of.se > 0), repeats * of.kernel, repeats * of.expand)
    ]
    return np.hstack([counted.columns, np.stack(sums, 1)])
