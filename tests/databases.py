"""A PostgreSQL server for tests, started from the installed programs without a service."""

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

PLACES = [*sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True), Path("/usr/bin")]


@dataclass
class Server:
    programs: Path
    socket: Path
    count: int = 0

    def database(self) -> str:
        """The URL of a new, empty database."""
        self.count += 1
        name = f"runs{self.count}"
        call = [self.programs / "createdb", "-h", self.socket, "-U", "tester", name]
        subprocess.run(list(map(str, call)), check=True)
        return f"postgresql://tester@/{name}?host={self.socket}"


def serving() -> Iterator[Server]:
    """Starts the server and ends it; it listens on a socket of its own alone."""
    pytest.importorskip("psycopg")
    programs = next((place for place in PLACES if (place / "initdb").exists()), None)
    if programs is None:
        pytest.skip("PostgreSQL is not installed")
    # A socket's path is short, and the server's user, who is never root, must reach it.
    short = Path(tempfile.mkdtemp(prefix="pg", dir="/tmp"))
    user = "nobody" if os.getuid() == 0 else None
    if user:
        shutil.chown(short, user)
    home, run = short / "data", {"check": True, "stdout": subprocess.DEVNULL, "user": user}
    if user:
        run["group"] = pwd.getpwnam(user).pw_gid
    subprocess.run([programs / "initdb", "-D", home, "-U", "tester", "-A", "trust"], **run)
    started = ["-o", f"-k {short} -c listen_addresses='' -c fsync=off", "-l", short / "log"]
    subprocess.run([programs / "pg_ctl", "-D", home, "-w", *started, "start"], **run)
    try:
        yield Server(programs, short)
    finally:
        subprocess.run([programs / "pg_ctl", "-D", home, "-m", "immediate", "stop"], **run)
        shutil.rmtree(short, ignore_errors=True)
