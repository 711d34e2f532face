"""Servers of databases for tests, started from the installed programs without a service."""

import contextlib
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from waiting import wait_for

POSTGRESQL = [*sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True), Path("/usr/bin")]
MARIADB = [Path("/usr/sbin"), Path("/usr/bin"), Path("/usr/local/bin")]
LIMIT = 60  # seconds for a server to answer


@dataclass
class Server:
    """A server that runs, and listens on a socket of its own alone.

    Attributes:
        make: Makes an empty database of a name; gives its URL.
        count: How many it has made.
    """

    make: Callable[[str], str]
    count: int = 0

    def database(self) -> str:
        """The URL of a new, empty database."""
        self.count += 1
        return self.make(f"runs{self.count}")


@contextlib.contextmanager
def _place(prefix: str) -> Iterator[tuple[Path, dict[str, Any]]]:
    """A folder for a server, and how programs are run there: by a user who is never root.

    A socket's path is short.
    """
    short = Path(tempfile.mkdtemp(prefix=prefix, dir="/tmp"))
    how: dict[str, Any] = {"stdout": subprocess.DEVNULL, "cwd": short}
    if os.getuid() == 0:
        shutil.chown(short, "nobody")
        how |= {"user": "nobody", "group": pwd.getpwnam("nobody").pw_gid}
    try:
        yield short, how
    finally:
        shutil.rmtree(short, ignore_errors=True)


def _programs(places: list[Path], program: str, what: str) -> Path:
    found = next((place for place in places if (place / program).exists()), None)
    if found is None:
        pytest.skip(f"{what} is not installed")
    return found


def postgresql() -> Iterator[Server]:
    """Starts PostgreSQL and ends it."""
    pytest.importorskip("psycopg")
    programs = _programs(POSTGRESQL, "initdb", "PostgreSQL")
    with _place("pg") as (short, how):
        home = short / "data"

        def make(name: str) -> str:
            call = [programs / "createdb", "-h", short, "-U", "tester", name]
            subprocess.run(list(map(str, call)), check=True)
            return f"postgresql://tester@/{name}?host={short}"

        initdb = [programs / "initdb", "-D", home, "-U", "tester", "-A", "trust"]
        subprocess.run(initdb, check=True, **how)
        started = ["-o", f"-k {short} -c listen_addresses='' -c fsync=off", "-l", short / "log"]
        control = [programs / "pg_ctl", "-D", home]
        subprocess.run([*control, "-w", *started, "start"], check=True, **how)
        try:
            yield Server(make)
        finally:
            subprocess.run([*control, "-m", "immediate", "stop"], check=True, **how)


def mysql() -> Iterator[Server]:
    """Starts MariaDB, which speaks as MySQL does, and ends it."""
    pymysql = pytest.importorskip("pymysql")
    server = _programs(MARIADB, "mariadbd", "MariaDB") / "mariadbd"
    install = _programs(MARIADB, "mariadb-install-db", "MariaDB") / "mariadb-install-db"
    with _place("my") as (short, how):
        place, socket = f"--datadir={short}/data", f"{short}/socket"
        quick = ["--innodb-log-file-size=8M", "--innodb-buffer-pool-size=32M",
                 "--innodb-flush-method=nosync", "--innodb-flush-log-at-trx-commit=0"]  # fmt: skip
        made = [install, "--no-defaults", place, "--auth-root-authentication-method=normal",
                "--skip-test-db", *quick]  # fmt: skip
        subprocess.run(made, check=True, stderr=subprocess.DEVNULL, **how)
        options = ["--no-defaults", place, f"--socket={socket}", f"--pid-file={short}/pid",
                   "--skip-networking", *quick]  # fmt: skip
        running = subprocess.Popen([server, *options], stderr=subprocess.DEVNULL, **how)

        def make(name: str) -> str:
            with pymysql.connect(unix_socket=socket, user="root") as line:
                line.cursor().execute(f"CREATE DATABASE {name}")
            return f"mysql+pymysql://root@localhost/{name}?unix_socket={socket}"

        try:
            wait_for(lambda: running.poll() is not None or os.path.exists(socket), LIMIT)
            yield Server(make)
        finally:
            running.kill()
            running.wait()
