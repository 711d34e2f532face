"""What commands say while they work: a live area on a terminal, else a log line now and then.

Both are on standard error. Each of these can be used alone or within another: the terminal has one
owner (`nas.commands.live.area`), and what was shown last is seen.
"""

import contextlib
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from typing import NoReturn

from nas.commands.live.area import MARGIN, Area, area, current, drawable
from nas.commands.live.rate import Rate, speed
from nas.commands.live.scene import Scene, lines
from nas.objective import Objective
from nas.watch import Poll
from results.interrupts import now_kept
from results.runs.records import Trial
from results.terminal import accuracy_text, tell

SOON = 2.0  # seconds between log lines of a run that is read, where there is no terminal
EVERY = 10.0  # seconds between other log lines
DRAWN = 0.5  # seconds between two drawings of what a thread would disturb

STOP = "Stopping."
STOP_SEARCH = "Stopping: what was found so far is written down."
STOP_TRAININGS = (
    "Stopping: the trainings under way are given up, and what was found so far is written down."
)
STOP_PLAYS = "Stopping: the plays under way are given up."
STOP_DECODING = "Stopping: the images decoded so far are not kept."
STOP_STEPS = "Stopping after this step: it is written down, and the same command goes on from it."
DECODED = "the decoded images are kept, and the same command goes on from there"


def say(text: str) -> None:
    """A line that stays, on standard error."""
    print(text, file=sys.stderr, flush=True)


def interrupted(after: str, then: Callable[[], None] = lambda: None) -> NoReturn:
    """Says how far a run came that Ctrl-C ended, and `then` more, and leaves the process."""
    tell(f"Interrupted after {after}: the same command continues from there.")
    then()
    raise SystemExit(130)


class _Log:
    """Lines now and then, where there is no terminal."""

    def __init__(self, live: Area, quiet: bool, every: float | None = None) -> None:
        self._wanted, self._last = not (live.live or quiet), time.perf_counter()
        self._every = EVERY if every is None else every

    def __call__(self, text: Callable[[], str]) -> None:
        if self._wanted and time.perf_counter() - self._last >= self._every:
            self._last = time.perf_counter()
            say(text())


class Trials:
    """Shows trials as they finish, and what goes on between them.

    Args:
        live: Where they are shown.
        wanted: How many there will be.
        objective: Says which is the best so far.
        quiet: Nothing is said.
    """

    unit = "%"  # of accuracies; a score's name

    def __init__(self, live: Area, wanted: int, objective: Objective, quiet: bool) -> None:
        self._area, self._wanted, self._objective = live, wanted, objective
        self._log, self._rate, self._quiet = _Log(live, quiet), Rate(), quiet
        self._name, self._finished = "preparing", 0
        self._poll: Poll | None = None
        self._moved = False  # whether anything was done in this phase
        self._best, self._top, self._reward = "", list[Trial](), -1.0
        live.show(self._scene, STOP)

    def __call__(self, trial: Trial, finished: int) -> None:
        """Takes a finished trial, and how many there are."""
        self._finished = finished
        self._judge(trial)
        self._log(self._line)

    def earlier(self, trials: Sequence[Trial]) -> None:
        """Takes those of earlier sessions, as `nas.watch.Recalls` has it."""
        if not self._quiet and (best := self._objective.pick(trials)) is not None:
            self._judge(best)

    def _judge(self, trial: Trial) -> None:
        reward = self._objective.of(trial)
        if reward >= self._reward and self._objective.pick([*self._top, trial]) is trial:
            cost = self._objective.of_quantity.format(self._objective.cost(trial.architecture))
            self._top, self._reward = [trial], reward
            self._best = f"best {accuracy_text(trial.accuracy, trial.spread)} {self.unit} at {cost}"

    def phase(self, name: str, poll: Poll | None = None, finished: int = 0) -> None:
        """Takes what begins now, as `nas.watch.Watches` has it."""
        self._name, self._poll = name, poll
        if poll is not None:
            self._finished, self._rate, self._moved = finished, Rate(finished), False
        self._area.show(self._scene, STOP_SEARCH)

    def _line(self) -> str:
        count = f"{self._finished:,}/{max(self._wanted, self._finished):,} trials"
        return f"{count}  {speed(self._rate.of(self._finished))}  {self._best}"

    def _scene(self) -> Scene:
        if self._poll is None:
            return Scene(self._name)
        running = self._poll()
        if running:
            self._area.stop = STOP_TRAININGS
        done = self._finished + sum(one.done / one.of for one in running if one.of)
        wanted = max(self._wanted, self._finished)
        if running and not self._moved and done > self._finished:
            self._rate, self._moved = Rate(done), True  # workers had to start first
        detail = [f"{self._best} so far"] if self._best else []
        if (rate := self._rate.of(self._finished)) > 0:
            detail.append(speed(rate))
        return Scene(
            self._name, done, wanted, f"{self._finished:,} of {wanted:,} networks",
            self._rate.left(done, wanted), ", ".join(detail), running,
        )  # fmt: skip


@contextlib.contextmanager
def progress(wanted: int, objective: Objective, quiet: bool = False) -> Iterator[Trials]:
    """Gives `show(trial, finished)`, to be called after each trial."""
    with area(quiet) as live:
        yield Trials(live, wanted, objective, quiet)


def reading(quiet: bool = False) -> Callable[[int, int], None]:
    """Gives `show(read, of about how many)`, for a run's trials while they are read."""
    live = current()
    log = None if live is None else _Log(live, quiet, SOON)

    def show(done: int, of: int) -> None:
        if live is not None and log is not None:
            counted = f"{done:,} of about {of:,}"
            live.show(lambda: Scene("reading the run's trials", done, of, counted), STOP)
            log(lambda: f"reading the run's trials: {counted}")

    return show


@contextlib.contextmanager
def counting(wanted: int, what: str, quiet: bool = False) -> Iterator[Callable[[int], None]]:
    """Gives `show(done)`: a bar with the rate and the time left, or a log line now and then."""
    with area(quiet) as live:
        log, rate, now = _Log(live, quiet), Rate(), [0]

        def show(done: int) -> None:
            nonlocal rate
            if not now[0]:  # what an earlier session did is no rate
                rate = Rate(done - 1)
            now[0] = done
            log(lambda: f"{done:,}/{wanted:,} {what}  {speed(rate.of(done))}")

        def scene() -> Scene:
            counted = f"{now[0]:,} of {wanted:,} {what}"
            left = rate.left(now[0], wanted)
            return Scene("comparing", now[0], wanted, counted, left, speed(rate.of(now[0])))

        live.show(scene, STOP_PLAYS)
        yield show


@contextlib.contextmanager
def steps(
    quiet: bool = False,
) -> Iterator[tuple[Callable[[int, int, str], None], Callable[[int, str], None]]]:
    """Gives `begin(steps in all, steps done, text)` and `step(done, how things stand)`.

    The text is a line of its own; then a bar with the time left, or a log line now and then.
    """
    with area(quiet) as live:
        log, rate = _Log(live, quiet), Rate()
        wanted, now, stands = 1, 0, ""

        def begin(total: int, done: int, text: str) -> None:
            nonlocal wanted, now, rate
            wanted, now, rate = total, done, Rate(done)
            if not quiet:
                say(text)
            live.show(scene, STOP_STEPS)

        def step(done: int, text: str) -> None:
            nonlocal now, stands
            now, stands = done, text
            log(lambda: f"{text}  {100 * done / wanted:.0f} %")

        def scene() -> Scene:
            counted = f"step {now:,} of {wanted:,}"
            return Scene("training", now, wanted, counted, rate.left(now, wanted), stands)

        yield begin, step


@contextlib.contextmanager
def decoding(quiet: bool = False) -> Iterator[Callable[..., None]]:
    """Gives `show(images, of, notes)`: a bar on a terminal while images are decoded, else a line.

    Notes are said once each, on standard error.
    """
    with area(quiet) as live:
        said: set[str] = set()
        rate = Rate()

        def show(done: int, of: int, notes: Sequence[str] = ()) -> None:
            nonlocal rate
            if not said:
                said.add("begun")
                rate = Rate(done)
            for note in [] if quiet else (note for note in notes if note not in said):
                said.add(note)
                say(f"note: {note}")
            if quiet or notes:
                return
            counted, left = f"{done:,} of {of:,} images", rate.left(done, of)
            live.show(lambda: Scene("decoding", done, of, counted, left), STOP_DECODING)
            if done >= of and "decoded" not in said:
                said.add("decoded")
                now_kept(DECODED)
                live.show(lambda: Scene("preparing"), STOP)
                say(f"decoded {of:,} images into the cache")

        yield show


@contextlib.contextmanager
def working(quiet: bool = False) -> Iterator[Callable[[str], None]]:
    """Says what goes on, of steps whose length nobody knows, on standard error.

    A line that moves on a terminal, else a log line now and then.

    Yields:
        `say(what goes on)`.
    """
    with area(quiet) as live:
        log = _Log(live, quiet)

        def show(text: str) -> None:
            live.show(lambda: Scene(text), STOP)
            log(lambda: text)

        yield show


@contextlib.contextmanager
def clock(seconds: float, quiet: bool) -> Iterator[Callable[[float, str], None]]:
    """Gives `show(seconds passed, text)`: a bar with the time left, or a log line now and then.

    It is drawn by who calls `show`: another thread would disturb what is timed.
    """
    if quiet or not drawable():
        last = [0.0]

        def line(passed: float, text: str) -> None:
            if passed - last[0] >= EVERY and not quiet:
                last[0] = passed
                say(f"{passed:.0f} of {seconds:.0f} s  {text}")

        yield line
        return
    from rich.console import Group
    from rich.live import Live

    from results.terminal import console

    out, drawn, said, begun = console(stderr=True), 0.0, "", time.perf_counter()
    with Live(console=out, auto_refresh=False, transient=True) as bar:

        def draw(passed: float, text: str) -> None:
            nonlocal drawn, said
            now = time.perf_counter()
            if now - drawn >= DRAWN or text != said:
                drawn, said = now, text
                scene = Scene(text, passed, seconds, left=max(0.0, seconds - passed))
                bar.update(Group(*lines(scene, out.width - MARGIN, now - begun)), refresh=True)

        yield draw
