"""What is exported: a network, its name in files, and the records of how it was found."""

import dataclasses
import keyword
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from results.load import BEST, architecture_of, load_architecture
from results.run_folder import RECORD, read_json
from search_spaces.architecture import Architecture
from search_spaces.errors import UserError
from search_spaces.networks import NETWORKS

FAMILY = "family.json"


@dataclass(frozen=True)
class Source:
    """A network to export.

    name: a Python identifier, of the exported files.   spec: what the user typed.
    folder: the run that found it, if it is a run's pick.   best: that run's best.json.
    record: the run.json beside the network's file.   family, row: of a family's network, the
    family.json without its networks, and the network's row in it.
    """

    architecture: Architecture
    name: str
    spec: str
    folder: Path | None = None
    best: Mapping[str, Any] = field(default_factory=dict)
    record: Mapping[str, Any] = field(default_factory=dict)
    family: Mapping[str, Any] = field(default_factory=dict)
    row: Mapping[str, Any] = field(default_factory=dict)


def identifier(text: str) -> str:
    """`efficientnet-400M` -> `efficientnet_400m`: a name for modules and functions."""
    name = re.sub(r"[^0-9a-z]+", "_", text.lower()).strip("_") or "network"
    name = f"net_{name}" if name[0].isdigit() else name
    return f"{name}_" if keyword.iskeyword(name) or name == "torch" else name


def load_source(spec: str, runs: Path = Path("runs"), name: str | None = None) -> Source:
    """The network that `spec` names, as in `load_architecture`, or `FAMILY:NETWORK` with a run,
    a folder or a family.json of `gridsearch family`.

    name: of the files, in place of one made from `spec`. Raises UserError.
    """
    if name is not None and name != identifier(name):
        raise UserError(
            f"--name is {name!r}: expected a name of a Python module in small letters, as "
            f"{identifier(name)}"
        )
    found = _found(spec, runs)
    return dataclasses.replace(found, name=name) if name else found


def _found(spec: str, runs: Path) -> Source:
    if spec in NETWORKS:
        return Source(NETWORKS[spec], identifier(spec), spec)
    if Path(spec).name == BEST and Path(spec).is_file():
        return _found(str(Path(spec).parent), runs)
    place, _, member = spec.rpartition(":")
    for path in (Path(spec), runs / spec, Path(place), runs / place):
        family = path / FAMILY if path.is_dir() else path
        if not family.is_file() or (path.is_dir() and (path / BEST).exists()):
            continue
        content = read_json(family)
        if isinstance(content, dict) and isinstance(content.get("networks"), list):
            asked = member if place and str(path).endswith(place) else ""
            return _member(content, family, spec, asked)
    architecture = load_architecture(spec, runs)
    folder = next((p for p in (Path(spec), runs / spec) if p.is_dir()), None)
    if folder is None:
        name = identifier(architecture.name or Path(spec).stem)
        return Source(architecture, name, spec)
    best = read_json(folder / BEST)
    name = identifier(folder.resolve().name)
    return Source(architecture, name, spec, folder, best, _record(folder))


def _member(content: dict[str, Any], file: Path, spec: str, member: str) -> Source:
    """The network of that name in a family.json."""
    rows = {str(row.get("name")): row for row in content["networks"] if isinstance(row, dict)}
    if member not in rows:
        named = f"no network {member!r}" if member else "several networks"
        one = next(iter(rows), "NAME")
        raise UserError(
            f"{file} holds {named}: take one of {', '.join(rows)}, as {file.parent}:{one}"
        )
    row = rows[member]
    architecture = architecture_of(row, str(file))
    family = {key: value for key, value in content.items() if key != "networks"}
    name = identifier(architecture.name or member)
    return Source(
        architecture, name, spec, record=_record(file.parent), family=family, row=row
    )  # fmt: skip


def _record(folder: Path) -> Mapping[str, Any]:
    found = read_json(folder / RECORD) if (folder / RECORD).is_file() else {}
    return found if isinstance(found, dict) else {}
