"""Standing between a process and its terminal: what is written to it is read first.

A pseudo-terminal takes the place of standard output and error. So everything comes by here that
this process, its workers and their libraries print, warnings too, and can be set above the live
area; and whoever asks is still told that it writes to a terminal, and how wide that is.
"""

import codecs
import contextlib
import fcntl
import os
import struct
import sys
import termios
import tty
from collections.abc import Iterator

USUAL = (80, 24)  # columns and rows


class Capture:
    """Takes the place of standard error, and of standard output where that is a terminal too.

    Attributes:
        reader: A file's number, from which what was written can be read.

    Raises:
        OSError: The system has no pseudo-terminal left.
    """

    def __init__(self) -> None:
        self.reader, writer = os.openpty()
        tty.setraw(writer)
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._rest = ""
        self._flush()
        self._before = {number: os.dup(number) for number in (1, 2) if os.isatty(number)}
        self.fit()
        for number in self._before:
            os.dup2(writer, number)
        os.close(writer)
        os.set_blocking(self.reader, False)

    @property
    def terminal(self) -> int:
        """The number of the true standard error."""
        return self._before[2]

    def fit(self) -> int:
        """Gives the pseudo-terminal the terminal's size; returns its columns."""
        columns, rows = 0, 0
        with contextlib.suppress(OSError):
            columns, rows = os.get_terminal_size(self.terminal)
        columns, rows = columns or USUAL[0], rows or USUAL[1]  # some say 0
        with contextlib.suppress(OSError):
            fcntl.ioctl(self.reader, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        return columns

    def lines(self, last: bool = False) -> Iterator[str]:
        """What was written since, in whole lines, without waiting.

        Args:
            last: A line without an end is given too.
        """
        while True:
            try:
                content = os.read(self.reader, 1 << 16)
            except OSError:  # nothing is there now, or nobody writes any more
                content = b""
            if not content:
                break
            self._rest += self._decoder.decode(content)
        *whole, self._rest = self._rest.split("\n")
        if last and self._rest:
            whole.append(self._rest)
            self._rest = ""
        for line in whole:  # of what was written over, as by other bars, the last counts
            yield line.rstrip("\r").rpartition("\r")[2]

    def give_back(self, flush: bool = True) -> None:
        """Standard output and error are the terminal again; what was written can still be read.

        Args:
            flush: Whether Python's streams are emptied before; not by another thread than theirs.
        """
        if flush:
            self._flush()
        for number, before in self._before.items():
            os.dup2(before, number)

    def close(self) -> None:
        """Closes its files."""
        for number in (self.reader, *self._before.values()):
            os.close(number)

    @staticmethod
    def _flush() -> None:
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(OSError, ValueError):
                stream.flush()
