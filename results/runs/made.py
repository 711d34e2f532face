"""What a record says of how it was made: experiment, versions, commit, machine, time."""

import contextlib
import datetime
import json
import os
import platform
import subprocess
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

_PACKAGES = ("compound-nas", "torch", "optuna", "ray", "fvcore", "pandas", "numpy")


def new_record(experiment: Mapping[str, Any]) -> dict[str, Any]:
    """What run.json starts with: the experiment and where it was begun."""
    return {
        "experiment": json.loads(json.dumps(experiment)),
        "versions": versions(),
        "commit": commit(),
        "machine": {
            "system": platform.platform(),
            "python": platform.python_version(),
            "cores": os.cpu_count(),
        },
        "started": now(),
        "sessions": [],
    }


def now() -> str:
    """The time, ISO 8601, UTC."""
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")


def versions() -> dict[str, str]:
    """The installed versions of what a result depends on."""
    installed = {}
    for package in _PACKAGES:
        with contextlib.suppress(metadata.PackageNotFoundError):
            installed[package] = metadata.version(package)
    return installed


def commit() -> str | None:
    """The git commit of this program's own checkout, `-dirty` where it was changed; or None."""
    here = Path(__file__).resolve().parents[2]
    if not (here / ".git").exists():
        return None

    def git(*arguments: str) -> str:
        return subprocess.run(
            ["git", "-C", str(here), *arguments], capture_output=True, text=True, check=True
        ).stdout.strip()

    try:
        return git("rev-parse", "HEAD") + ("-dirty" if git("status", "--porcelain") else "")
    except (OSError, subprocess.CalledProcessError):
        return None
