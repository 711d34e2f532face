"""Ctrl-C and SIGTERM of a command: the first is a KeyboardInterrupt, and no other comes after it.

Shells and terminals send the same one twice, and people press twice: what is done after the first,
as giving workers up and closing a store, is not cut off by the second. Whoever presses again half a
second later ends the process, from which nothing is lost that was finished.
"""

import _thread
import atexit
import contextlib
import os
import signal
import sys
import threading
import time
from collections.abc import Collection, Iterator
from types import FrameType
from typing import Optional

STOPPING = (signal.SIGINT, signal.SIGTERM)
TWICE = 0.5  # seconds after the first Ctrl-C in which another is the same one, sent on by a shell
AGAIN = 0.02  # seconds until an interrupt comes again that was lost
CODE = 130  # a command's exit code
NOTHING = "nothing new was kept yet, and the same command begins as this one did"


class Interrupts:
    """What answers the signals.

    Attributes:
        kept: What is said of the work where the command ends by it; empty says nothing.
        came: When the first came, as `time.monotonic()`; None before.
        watched: A thread watches for the second one and ends the process at it.
        resent: Signals under way that nobody sent but this.
    """

    def __init__(self) -> None:
        self.kept = ""
        self.came: float | None = None
        self.watched = False
        self.resent = 0
        self._lost, self._over = False, False

    def __call__(self, number: int, frame: FrameType | None) -> None:
        """Raises KeyboardInterrupt at the first; ends the process at a late second one."""
        now = time.monotonic()
        if self.came is None or self._lost:
            self.came, self._lost = self.came or now, False
            raise KeyboardInterrupt
        if not self.watched and now - self.came > TWICE:
            os._exit(CODE)

    def take(self) -> None:
        """Takes the process's signals, until it gives them back or they have ended it."""
        self._before = {number: signal.signal(number, self) for number in STOPPING}
        atexit.register(self._end)
        self._unraisable = sys.unraisablehook
        sys.unraisablehook = self._swallowed

    def give_back(self) -> None:
        """Leaves them to whoever had them, unless they are what ends the process."""
        if not self._over:
            for number, handler in self._before.items():
                signal.signal(number, handler)
            atexit.unregister(self._end)
            sys.unraisablehook = self._unraisable

    def ending(self) -> None:
        """Nothing is left to be done: any other signal ends the process."""
        if self.came is None:
            return
        self._over = True
        for number in STOPPING:
            signal.signal(number, lambda number, frame: os._exit(CODE))

    def _end(self) -> None:
        """Is called last: Python itself would end by the signal, where that cut an import short."""
        for number in STOPPING:
            signal.signal(number, signal.SIG_IGN)
        if self._over:
            for stream in (sys.stdout, sys.stderr):
                with contextlib.suppress(OSError, ValueError):
                    stream.flush()
            os._exit(CODE)

    def _swallowed(self, what: "sys.UnraisableHookArgs") -> None:
        """An interrupt that Python dropped, as in a weak reference's callback, comes once more."""
        if not issubclass(what.exc_type, KeyboardInterrupt):
            self._unraisable(what)
            return
        self._lost = True
        _thread.start_new_thread(self._send_again, ())

    def _send_again(self) -> None:
        time.sleep(AGAIN)
        self.resent += 1
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)


def of_command() -> Optional["Interrupts"]:
    """What answers the signals of this process, where it is a command's."""
    handler = signal.getsignal(signal.SIGINT)
    return handler if isinstance(handler, Interrupts) else None


def now_kept(text: str) -> None:
    """Notes what is said of the work where Ctrl-C ends this process's command from now on."""
    command = of_command()
    if command is not None:
        command.kept = text


def caused(error: BaseException | None) -> bool:
    """Whether this is an interrupt, or came of one: a lock that it broke raises its own error."""
    while error is not None and not isinstance(error, KeyboardInterrupt):
        error = error.__cause__ or error.__context__
    return error is not None


@contextlib.contextmanager
def held(numbers: Collection[signal.Signals] = STOPPING) -> Iterator[None]:
    """Signals wait for what is done inside, so that it is done once and not by halves."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, numbers)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextlib.contextmanager
def undisturbed() -> Iterator[None]:
    """Processes that are started inside never hear Ctrl-C: it is for the one that started them."""
    from multiprocessing import resource_tracker

    resource_tracker.ensure_running()  # starting it lets the signals through
    with held((signal.SIGINT,)):
        yield
