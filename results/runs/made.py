"""What a record says of how it was made: experiment, versions, commit, machine, time.

And in words, how the experiments of two records differ.
"""

import contextlib
import datetime
import json
import os
import platform
import subprocess
from collections.abc import Iterator, Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

_PACKAGES = ("compound-nas", "torch", "optuna", "ray", "fvcore", "pandas", "numpy")
LONGEST = 80  # letters of a difference that a message quotes
DIGESTS = {"images": "images", "weights": "weights", "stages": "network"}  # said, and not shown
# What trainings have of it, as it is typed.
TYPED = {"budget": "epochs", "budgets": "epochs", "retrain_budget": "retrain-epochs"}


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


def difference(held: Any, wanted: Any) -> str:
    """What differs between two experiments, for a message: as it is held, and as it is wanted."""
    if not isinstance(held, dict):
        return "of another program"
    if held.get("kind") != wanted.get("kind"):
        return f"of the kind {held.get('kind')}, not {wanted.get('kind')}"
    trained = wanted.get("evaluator") == "train"
    return ", ".join(dict.fromkeys(_differences(held, wanted, TYPED if trained else {})))


def _differences(
    held: Mapping[str, Any], wanted: Mapping[str, Any], typed: Mapping[str, str]
) -> Iterator[str]:
    """One by one, those inside of objects too, as they are typed."""
    for field in {**held, **wanted}:
        was, now, key = held.get(field), wanted.get(field), typed.get(field, field)
        if was == now:
            continue
        if key in DIGESTS:
            yield f"{'another' if key == 'stages' else 'other'} {DIGESTS[key]}"
        elif all(value is None or isinstance(value, dict) for value in (was, now)):
            yield from _differences(was or {}, now or {}, typed)
        elif max(len(_said(was)), len(_said(now))) > LONGEST:
            yield f"other {key}"
        elif was is None:
            yield f"{key} not given, now {_said(now)}"
        elif now is None:
            yield f"{key} {_said(was)}, now not given"
        else:
            yield f"{key} {_said(was)}, not {_said(now)}"


def _said(value: Any) -> str:
    """A value for a message: `400,000,000`, `'rand'`, `true`."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return repr(value) if isinstance(value, str | list) else json.dumps(value)
    return f"{value:,.10g}" if abs(value) < 1e9 else f"{value:.10g}"
