"""Commands in processes of their own, which don't import torch, optuna and pandas anew.

That takes a process seconds. On Linux one process that has them imported is forked for every
command; each has its own folder, environment, signals and exit code, as `python -m nas` has.
Elsewhere it is `python -m nas`. How long a start takes, and what it imports, is tested without.
"""

import json
import os
import resource
import signal
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

FORKS = sys.platform == "linux"
PLACE = "TESTS_FORKS"  # in the environment: where the server of another process listens
SERVER = Path(__file__).parent / "forking.py"
_server: list[subprocess.Popen] = []  # of this process, started when it is needed


def address() -> str:
    """Where the server listens: of this process, or of that which started it."""
    if PLACE in os.environ:
        return os.environ[PLACE]
    if not _server:
        place = tempfile.mkdtemp()
        given = [sys.executable, str(SERVER), f"{place}/forks"]
        _server.append(subprocess.Popen(given, stdin=subprocess.PIPE, stdout=subprocess.PIPE))
        assert _server[0].stdout.readline() == b"ready\n"
    return _server[0].args[-1]


def close() -> None:
    """Ends the server."""
    while _server:
        with _server.pop() as server:
            server.stdin.close()
        Path(server.args[-1]).unlink()
        Path(server.args[-1]).parent.rmdir()


class Forked:
    """A command under way, with what is used of `subprocess.Popen`."""

    def __init__(self, at, module, arguments, cwd, env, out, err) -> None:
        self.returncode = None
        self._line = socket.socket(socket.AF_UNIX)
        self._line.connect(at)
        message = json.dumps([module, arguments, str(cwd), env]).encode()
        socket.send_fds(self._line, [len(message).to_bytes(8, "big")], [out, err])
        self._line.sendall(message)
        self.pid = int(self._line.recv(8))

    def send_signal(self, sent) -> None:
        if self.poll() is None:
            os.kill(self.pid, sent)

    def wait(self, timeout=None):
        if self.returncode is None:
            self._line.settimeout(timeout)
            self.returncode = int(self._line.recv(8))
            self._line.close()
        return self.returncode

    def poll(self):
        try:
            return self.wait(0)
        except BlockingIOError:
            return None


class Running:
    """`python -m module arguments...` under way; its output is in files that can be read.

    A module that ends in `.py` is a program.
    """

    def __init__(self, module, *arguments, cwd=".", env=None) -> None:
        self._out, self._err = tempfile.TemporaryFile(), tempfile.TemporaryFile()  # noqa: SIM115
        given, cwd = [str(one) for one in arguments], Path(cwd).resolve()
        outputs = self._out.fileno(), self._err.fileno()
        if FORKS:
            now = dict(os.environ) if env is None else env
            self._process = Forked(address(), module, given, cwd, now, *outputs)
        else:
            program = [module] if module.endswith(".py") else ["-m", module]
            command = [sys.executable, *program, *given]
            self._process = subprocess.Popen(
                command, cwd=cwd, env=env, stdout=outputs[0], stderr=outputs[1]
            )
        self.send_signal, self.poll, self.wait = (
            getattr(self._process, name) for name in ("send_signal", "poll", "wait")
        )

    @property
    def stdout(self) -> str:
        """What it has printed so far."""
        return os.pread(self._out.fileno(), 1 << 26, 0).decode()

    @property
    def stderr(self) -> str:
        """What it has printed to its standard error so far."""
        return os.pread(self._err.fileno(), 1 << 26, 0).decode()

    def communicate(self):
        """All that it prints, when it has ended."""
        self.wait()
        return self.stdout, self.stderr

    @property
    def returncode(self):
        return self._process.returncode


def run(module, *arguments, cwd=".", env=None, timeout=600):
    """`python -m module arguments...` when it has ended: returncode, stdout, stderr."""
    process = Running(module, *arguments, cwd=cwd, env=env)
    try:
        process.wait(timeout)
    except BaseException:
        process.send_signal(signal.SIGKILL)
        raise
    return process


def spent(*command, cwd="."):
    """What a true process of `python command...` prints, and its seconds of processor."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)  # others may run beside
    done = subprocess.run([sys.executable, *command], cwd=cwd, capture_output=True, text=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def help_comes_at_once(*command):
    """In 0.3 s of processor, or on a busy machine in four times what click alone takes there."""
    ours = min(spent("-m", *command, "--help")[1] for _ in range(4))
    return ours < 0.3 or ours < 4 * min(spent("-c", "import click")[1] for _ in range(4))
