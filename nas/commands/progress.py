"""A live line on a terminal, a log line now and then elsewhere; both on standard error."""

import contextlib
import math
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from nas.objective import Objective
from results.runs.records import Trial

OFTEN = 0.1  # seconds between updates of a terminal's line
SOON = 2.0  # between those of a run that is read
EVERY = 10.0  # seconds between log lines where there is no terminal


@contextlib.contextmanager
def progress(
    wanted: int, objective: Objective, quiet: bool = False
) -> Iterator[Callable[[Trial, int], None]]:
    """Gives `show(trial, finished)`, to be called after each trial."""
    quantity = objective.of_quantity
    state = {"first": 0.0, "begun": time.perf_counter(), "rate": 0.0, "reward": -math.inf}
    best: list[Trial] = []

    def note(trial: Trial, finished: int) -> None:
        if not state["first"]:  # from here on: what came before was also the reading of a run
            begun = max(state["begun"], _before(trial.seconds))
            state.update(first=finished - 1, begun=begun)
        if trial.accuracy is not None and objective.allows(trial):
            reward = objective.of(trial)
            if reward > state["reward"]:
                state["reward"], best[:] = reward, [trial]

    def text(trial: Trial, finished: int) -> str:
        elapsed = max(1e-9, time.perf_counter() - state["begun"])
        state["rate"] = (finished - state["first"]) / elapsed
        leader = ""
        if best and best[0].accuracy is not None:
            cost = quantity.format(objective.cost(best[0].architecture))
            leader = f"best {best[0].accuracy:.2f} % at {cost}"
        rate = state["rate"]
        speed = f"{rate:,.0f}/s" if rate >= 1 else f"{1 / rate:.1f} s each"
        return f"{finished:,}/{max(wanted, finished):,} trials  {speed}  {leader}"

    if quiet:
        yield lambda trial, finished: None
    elif sys.stderr.isatty():
        yield from _live(text, wanted, state, note)
    else:
        yield from _log(text, note)


def _before(seconds: float) -> float:
    """The clock, so many seconds ago."""
    return time.perf_counter() - seconds


def _silent(trial: Any, finished: int) -> None:
    pass


def _live(
    text: Callable[[Any, int], str],
    wanted: int,
    state: dict[str, float],
    note: Callable[[Any, int], None] = _silent,
) -> Iterator[Callable[[Any, int], None]]:
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    from results.terminal import console

    columns = (BarColumn(24), TextColumn("{task.description}", markup=False), TimeRemainingColumn())
    with Progress(*columns, console=console(stderr=True), transient=True) as bar:
        task = bar.add_task("starting", total=wanted)

        last = [0.0]

        def show(trial: Any, finished: int) -> None:
            note(trial, finished)
            if (now := time.perf_counter()) - last[0] < OFTEN:
                return
            last[0] = now
            bar.update(task, description=text(trial, finished), completed=finished)

        yield show


def _log(
    text: Callable[[Any, int], str], note: Callable[[Any, int], None] = _silent
) -> Iterator[Callable[[Any, int], None]]:
    last = [time.perf_counter()]

    def show(trial: Any, finished: int) -> None:
        note(trial, finished)
        if time.perf_counter() - last[0] >= EVERY:
            last[0] = time.perf_counter()
            print(text(trial, finished), file=sys.stderr, flush=True)

    yield show


def reading(quiet: bool = False) -> Callable[[int, int], None]:
    """Gives `show(read, of about how many)`: a line now and then while a run's trials are read."""
    last = [time.perf_counter()]

    def show(done: int, of: int) -> None:
        if not quiet and time.perf_counter() - last[0] >= SOON:
            last[0] = time.perf_counter()
            text = f"reading the run's trials: {done:,} of about {of:,}"
            print(text, file=sys.stderr, flush=True)

    return show


@contextlib.contextmanager
def counting(wanted: int, what: str, quiet: bool = False) -> Iterator[Callable[[int], None]]:
    """Gives `show(done)`: a bar with the rate and the time left, or a log line now and then."""
    begun = time.perf_counter()
    state = {"first": -1, "rate": 0.0}

    def text(done: int) -> str:
        if state["first"] < 0:  # what an earlier session did is no rate
            state["first"] = done - 1
        state["rate"] = (done - state["first"]) / max(1e-9, time.perf_counter() - begun)
        rate = state["rate"]
        speed = f"{rate:,.0f}/s" if rate >= 1 else f"{1 / max(rate, 1e-9):.1f} s each"
        return f"{done:,}/{wanted:,} {what}  {speed}"

    if quiet:
        yield lambda done: None
    elif sys.stderr.isatty():
        with contextlib.contextmanager(_live)(lambda _, done: text(done), wanted, state) as show:
            yield lambda done: show(None, done)
    else:
        with contextlib.contextmanager(_log)(lambda _, done: text(done)) as show:
            yield lambda done: show(None, done)


Begin = Callable[[int, int, str], None]
Step = Callable[[int, str], None]


@contextlib.contextmanager
def steps(quiet: bool = False) -> Iterator[tuple[Begin, Step]]:
    """Gives `begin(steps in all, steps done, text)` and `step(done, how things stand)`.

    The text is a line of its own; then a bar with the time left, or a log line now and then.
    """
    if quiet:
        yield (lambda wanted, done, text: None), (lambda done, text: None)
        return
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    from results.terminal import console

    out, state = console(stderr=True), {"last": time.perf_counter(), "wanted": 1.0}
    columns = (BarColumn(16), TextColumn("{task.description}", markup=False), TimeRemainingColumn())
    bar = Progress(
        *columns, console=out, transient=True, disable=not out.is_terminal,
        speed_estimate_period=120,
    )  # fmt: skip
    task = bar.add_task("starting")

    def begin(wanted: int, done: int, text: str) -> None:
        state["wanted"] = wanted
        out.print(text) if out.is_terminal else print(text, file=sys.stderr, flush=True)
        bar.start()
        bar.update(task, total=wanted, completed=done)

    def step(done: int, text: str) -> None:
        bar.update(task, completed=done, description=text)
        if not out.is_terminal and time.perf_counter() - state["last"] >= EVERY:
            state["last"] = time.perf_counter()
            line = f"{text}  {100 * done / state['wanted']:.0f} %"
            print(line, file=sys.stderr, flush=True)

    try:
        yield begin, step
    finally:
        bar.stop()


@contextlib.contextmanager
def decoding(quiet: bool = False) -> Iterator[Callable[..., None]]:
    """Gives `show(images, of, notes)`: a bar on a terminal while images are decoded, else a line.

    Notes are said once each, on standard error.
    """
    if quiet:
        yield lambda done, of, notes=(): None
        return
    from rich.progress import Progress

    from results.terminal import console

    out = console(stderr=True)
    bar = Progress(console=out, transient=True, disable=not out.is_terminal)
    task = bar.add_task("decoding images", total=None)
    said: set[str] = set()

    def show(done: int, of: int, notes: Sequence[str] = ()) -> None:
        for note in notes:
            if note not in said:
                said.add(note)
                print(f"note: {note}", file=sys.stderr, flush=True)
        if notes:
            return
        bar.start()
        bar.update(task, completed=done, total=of)
        if done >= of and "decoded" not in said:
            said.add("decoded")
            bar.stop()
            print(f"decoded {of:,} images into the cache", file=sys.stderr, flush=True)

    try:
        yield show
    finally:
        bar.stop()


@contextlib.contextmanager
def working(quiet: bool = False) -> Iterator[Callable[[str], None]]:
    """Says what goes on, of steps whose length nobody knows, on standard error.

    A line that moves on a terminal, else a log line now and then.

    Yields:
        `say(what goes on)`.
    """
    from rich.markup import escape

    from results.terminal import console

    out = console(stderr=True)
    if quiet:
        yield lambda text: None
    elif out.is_terminal:
        with out.status("starting") as status:
            yield lambda text: status.update(escape(text))
    else:
        with contextlib.contextmanager(_log)(lambda text, _: text) as show:
            yield lambda text: show(text, 0)
