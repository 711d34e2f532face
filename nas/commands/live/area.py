"""The one owner of a terminal's bottom lines, and of Ctrl-C, while a command works.

On a terminal the lines change ten times a second, and whatever is printed meanwhile, by whom ever,
goes above them. Where standard error is no terminal nothing is drawn. In both cases Ctrl-C is
answered at once, even where Python is in the middle of a long call, and a second one ends the
process: all that is kept on disk is written in one step, so that nothing of it is lost. The process
is the command's then; a function that a program or a notebook calls leaves Ctrl-C to it.
"""

import contextlib
import os
import select
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import click

from nas.commands.live.scene import Scene, lines
from results.interrupts import CODE, STOPPING, TWICE, Interrupts, held, of_command
from results.terminal import folded

if TYPE_CHECKING:
    from rich.console import Group

    from nas.commands.live.capture import Capture

OFTEN = 0.1  # seconds between two drawings
PATIENCE = 0.3  # seconds before the first: what fails at once draws nothing
HANDED_ON = 0.1  # seconds that another program has to print what it reads
MARGIN = 4  # columns left free: the terminal prints ^C there
ENDED = "ended at once: what was finished before is kept, and the same command goes on from there"
AGAIN = "Press Ctrl-C again to end at once."

_open: "list[Area]" = []  # the process's area, while there is one: a process has one terminal


def current() -> "Area | None":
    """The area that is open."""
    return _open[-1] if _open else None


@contextlib.contextmanager
def area(quiet: bool = False) -> Iterator["Area"]:
    """The process's area: the one that is open, else a new one until the end of the block.

    Args:
        quiet: A new one draws nothing.
    """
    if _open:
        yield _open[-1]
        return
    made = Area(quiet)
    _open.append(made)
    made.start()
    try:
        yield made
    finally:
        made.close()
        _open.remove(made)


@contextlib.contextmanager
def aside() -> Iterator[None]:
    """For what is printed on standard output while an area may be open.

    Where another program reads that, as `tee`, and prints on the same terminal, nobody can see when
    it does; so the lines are gone meanwhile, and a moment longer.
    """
    if not _open or not _open[-1].live or sys.stdout.isatty():
        yield
        return
    with _open[-1].gone():
        yield
        sys.stdout.flush()
        time.sleep(HANDED_ON)


def drawable() -> bool:
    """Whether standard error is a terminal on which lines can be written over."""
    with contextlib.suppress(OSError, ValueError):
        return sys.stderr.isatty() and os.environ.get("TERM") not in (None, "", "dumb", "unknown")
    return False


class Area:
    """What is shown, and the thread that shows it.

    Args:
        quiet: Nothing is drawn.

    Attributes:
        live: Whether something is drawn.
        stop: What is said at Ctrl-C: what is done before the command ends.
    """

    def __init__(self, quiet: bool = False) -> None:
        self.live = not quiet and drawable()
        self.stop = "Stopping."
        self._shown = Scene("preparing")
        self._scene: Callable[[], Scene] = lambda: self._shown
        self._phase, self._since, self._begun = "", 0.0, time.monotonic()
        self._drew = 0.0
        self._stopped: float | None = None  # when Ctrl-C came
        self._capture: Capture | None = None
        self._ended, self._lock = threading.Event(), threading.Lock()
        self._thread = threading.Thread(target=self._keep, daemon=True)

    def show(self, scene: Callable[[], Scene], stop: str) -> None:
        """Shows what this gives from now on; it is called by another thread.

        Args:
            scene: Gives what goes on.
            stop: What is said at Ctrl-C meanwhile.
        """
        self._scene, self.stop = scene, stop

    @contextlib.contextmanager
    def gone(self) -> Iterator[None]:
        """Nothing is drawn within the block."""
        with self._lock:
            self._drawing.stop()
            yield

    def start(self) -> None:
        """Takes the terminal, and where a command runs Ctrl-C."""
        if self.live:
            try:
                self._take()
            except OSError:  # no pseudo-terminal is left
                self.live = False
        self._inbox, outbox = os.pipe()
        for number in (self._inbox, outbox):
            os.set_blocking(number, False)
        self._outbox = outbox
        self._interrupts: Interrupts | None = None
        self._before: int | None = None  # who was told of signals, where this is told in its place
        main = threading.current_thread() is threading.main_thread()
        if main and click.get_current_context(silent=True) is not None:
            self._before = signal.set_wakeup_fd(outbox, warn_on_full_buffer=False)
            _forget_in_children()
            self._watch(True)
        with held():  # signals are the main thread's
            self._thread.start()

    def close(self) -> None:
        """Gives the terminal back as it was, with all that was printed."""
        if self._before is not None:
            signal.set_wakeup_fd(self._before)
            self._watch(False)
        self._ended.set()
        with contextlib.suppress(OSError):
            os.write(self._outbox, b"\0")
        self._thread.join()
        os.close(self._outbox)
        os.close(self._inbox)
        if self._capture is not None:
            self._capture.give_back()
            self._print(last=True)
            self._leave()
            self._capture.close()

    def _watch(self, watched: bool) -> None:
        self._interrupts = of_command()
        if self._interrupts is not None:
            self._interrupts.watched = watched

    def _take(self) -> None:
        from rich.live import Live

        from nas.commands.live.capture import Capture
        from results.terminal import console

        self._capture = Capture()
        number = os.dup(self._capture.terminal)
        encoding = sys.stderr.encoding or "utf-8"
        self._file = open(number, "w", encoding=encoding, errors="alike")  # noqa: SIM115
        self._console = console(file=self._file)
        self._drawing = Live(
            console=self._console, auto_refresh=False, transient=True, redirect_stdout=False,
            redirect_stderr=False, get_renderable=self._drawn,
        )  # fmt: skip

    def _leave(self) -> None:
        """Takes the lines off the terminal."""
        self._drawing.stop()
        self._file.close()

    def _keep(self) -> None:
        """The thread: draws, prints what came, and answers Ctrl-C."""
        try:
            while not self._ended.is_set():
                self._turn()
        finally:
            if self._capture is not None and not self._ended.is_set():
                self._capture.give_back(flush=False)  # nobody waits for a thread that failed

    def _turn(self) -> None:
        """Waits for something, and does what there is to do."""
        waiting = [self._inbox, *([self._capture.reader] if self._capture else [])]
        ready, _, _ = select.select(waiting, [], [], OFTEN if self._capture else None)
        if self._inbox in ready:
            self._answer(os.read(self._inbox, 64))
        if self._capture is None or self._ended.is_set():
            return
        self._print()
        if (now := time.monotonic()) - self._drew >= OFTEN:
            self._drew = now
            self._draw()

    def _print(self, last: bool = False) -> None:
        """Sets what was written above the lines, broken at words."""
        from rich.text import Text

        assert self._capture is not None
        came = [Text.from_ansi(line) for line in self._capture.lines(last)]
        if came:
            self._console.print(*came, sep="\n")

    def _draw(self) -> None:
        assert self._capture is not None
        self._console.width = self._capture.fit()
        if self._stopped is None and time.monotonic() - self._begun < PATIENCE:
            return
        if self._lock.acquire(blocking=False):
            try:
                self._drawing.start()
                self._drawing.refresh()
            finally:
                self._lock.release()

    def _drawn(self) -> "Group":
        from rich.console import Group

        with contextlib.suppress(RuntimeError):  # a table that changes while it is read
            self._shown = self._scene()
        scene, now = self._shown, time.monotonic()
        if scene.phase != self._phase:
            self._phase, self._since = scene.phase, now
        width = max(10, self._console.width - MARGIN)
        stopping = "" if self._stopped is None else f"{self.stop} {AGAIN}"
        return Group(*lines(scene, width, now - self._since, stopping))

    def _answer(self, came: bytes) -> None:
        """Says what happens at the first signal, ends at the second."""
        for _ in [number for number in came if number in STOPPING]:
            now = time.monotonic()
            if self._interrupts is not None and self._interrupts.resent:
                self._interrupts.resent -= 1
            elif self._stopped is None:
                self._stopped = now
                if self.live:
                    self._draw()
                else:
                    self._say(f"{self.stop} {AGAIN}")
            elif now - self._stopped > TWICE:
                self._end()

    def _say(self, text: str) -> None:
        """A line on standard error, past Python's streams, which the main thread may hold."""
        with contextlib.suppress(OSError):
            os.write(2, f"{folded(text)}\n".encode())

    def _end(self) -> None:
        """Ends the process, whatever it does."""
        if self._capture is not None:
            self._capture.give_back(flush=False)
            self._print(last=True)
            self._leave()
        self._say(ENDED)
        os._exit(CODE)


_forgetting: list[bool] = []


def _forget_in_children() -> None:
    """A process that is forked, as those that load images, does not report its signals here."""
    if not _forgetting:
        _forgetting.append(True)
        os.register_at_fork(after_in_child=lambda: signal.set_wakeup_fd(-1))
