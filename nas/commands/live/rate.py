"""How fast something goes, and how long the rest of it takes."""

import time

SURE = 2.0  # seconds after which a rate says how long the rest takes


class Rate:
    """How fast a count grows, and how long the rest takes."""

    def __init__(self, first: float = 0.0) -> None:
        self._first, self._begun = first, time.perf_counter()

    def of(self, done: float) -> float:
        """How many a second."""
        return (done - self._first) / max(1e-9, time.perf_counter() - self._begun)

    def left(self, done: float, wanted: float) -> float | None:
        """Seconds; None as long as that is a guess."""
        rate = self.of(done)
        known = rate > 0 and time.perf_counter() - self._begun > SURE
        return max(0.0, wanted - done) / rate if known else None


def speed(rate: float) -> str:
    """A rate in words: by the second, or seconds each."""
    return f"{rate:,.0f}/s" if rate >= 1 else f"{1 / max(rate, 1e-9):.1f} s each"
