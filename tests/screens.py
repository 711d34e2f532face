"""A command in a terminal of its own, and what stands on the screen: read by pyte, not as bytes."""

import fcntl
import itertools
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from pathlib import Path

import processes
import pyte

ROWS = 250  # so that nothing that a test looks at leaves the screen


class Terminal:
    """`python -m module arguments...` in a pseudo-terminal of so many columns.

    It has the slow packages imported already (`processes.py`), or, where keys are pressed, is a
    process of its own that the terminal belongs to.

    Attributes:
        seen: Every screen that stood still, without its empty lines at the end.
    """

    def __init__(self, columns, module, *arguments, cwd=".", env=None, keys=False):
        self._ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, columns, 0, 0))
        self._screen = pyte.Screen(columns, ROWS)
        self._stream = pyte.ByteStream(self._screen)
        self.seen: list[list[str]] = []
        self._lines: list[str] | None = None
        self._moved = False
        kept = {k: v for k, v in os.environ.items() if k not in ("COLUMNS", "LINES", "NO_COLOR")}
        environment = {**kept, "TERM": "xterm-256color", **(env or {})}
        words = [*map(str, arguments)]
        if processes.FORKS and not keys:
            self.process = processes.Forked(
                processes.address(), module, words, Path(cwd).resolve(), environment, theirs, theirs
            )
        else:
            self.process = subprocess.Popen(
                [sys.executable, "-m", module, *words], cwd=cwd, env=environment,
                stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True,
                preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
            )  # fmt: skip
        os.close(theirs)

    def lines(self):
        """What stands on the screen now, without empty lines at the end."""
        if self._lines is None:
            rows, columns = self._screen.buffer, range(self._screen.columns)
            used = range(max(rows, default=-1) + 1)
            self._lines = ["".join(rows[y][x].data for x in columns).rstrip() for y in used]
            while self._lines and not self._lines[-1]:
                self._lines.pop()
        return self._lines

    def text(self):
        """The same as one text, each run of blanks a single one."""
        return " ".join(" ".join(self.lines()).split())

    def read(self, wait=0.01):
        """Takes in what was printed; False when the terminal is closed. Notes a still screen."""
        ready, _, _ = select.select([self._ours], [], [], wait)
        if not ready:
            if self._moved:
                self._moved = False
                self.seen.append(self.lines())
            select.select([self._ours], [], [], 0.2)
            return True
        try:
            content = os.read(self._ours, 1 << 16)
        except OSError:  # nobody has the other end
            content = b""
        self._stream.feed(content)
        self._lines, self._moved = None, True
        return bool(content)

    def until(self, wanted, seconds=60):
        """Reads until this is true of the screen's text."""
        end = time.monotonic() + seconds
        while not wanted(self.text()):
            assert self.read(), f"it ended without: {self.lines()}"
            assert time.monotonic() < end, "\n".join(self.lines())

    def _style(self, x, y):
        """A sign's colour, as rich names it, and whether it is bold."""
        own = self._screen.buffer[y][x]
        colour = {"default": None, "brown": "yellow"}.get(own.fg, own.fg)
        known = re.fullmatch("[0-9a-f]{6}", colour or "")
        return f"#{colour}" if known else colour, own.bold

    def picture(self, file, title):
        """Writes the screen as it stands into an SVG file."""
        from rich.console import Console
        from rich.style import Style
        from rich.text import Text

        drawn = Console(record=True, width=self._screen.columns, file=open(os.devnull, "w"))  # noqa: SIM115
        for y, line in enumerate(self.lines()):
            text = Text()
            for style, signs in itertools.groupby(range(len(line)), lambda x: self._style(x, y)):  # noqa: B023
                text.append("".join(line[x] for x in signs), Style(color=style[0], bold=style[1]))
            drawn.print(text, no_wrap=True)
        drawn.save_svg(str(file), title=title)

    def press(self, keys):
        """Types, as `\\x03` for Ctrl-C, which the terminal makes a signal."""
        os.write(self._ours, keys.encode())

    def end(self, seconds=120):
        """Reads to the end; gives the exit code."""
        end = time.monotonic() + seconds
        while self.read():
            assert time.monotonic() < end, "\n".join(self.lines())
        return self.process.wait(10)

    @property
    def cursor_is_shown(self):
        return not self._screen.cursor.hidden

    def close(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        os.close(self._ours)
