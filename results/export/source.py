"""What is exported: a network, its name in files, and the records of how it was found."""

import dataclasses
import keyword
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from results.runs.files import read_json
from results.runs.folder import RECORD, read_record
from results.runs.load import (
    BEST,
    Member,
    architecture_of,
    family_member,
    load_architecture,
    run_folder,
)
from search_spaces.architecture import Architecture
from search_spaces.errors import UserError
from search_spaces.networks import NETWORKS


@dataclass(frozen=True)
class Source:
    """A network to export.

    Attributes:
        architecture: The network.
        name: A Python identifier, of the exported files.
        spec: What the user typed.
        folder: The run that found it, if it is a run's pick.
        best: That run's best.json.
        record: The run.json beside the network's file.
        family: Of a family's network, the family.json without its networks.
        row: The network's row in family.json.
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


def load_source(
    spec: str | Architecture, runs: Path = Path("runs"), name: str | None = None
) -> Source:
    """The network that `spec` names, and what is known of it.

    Args:
        spec: As in `load_architecture`.
        runs: The folder of runs.
        name: Of the files; None makes one from `spec`.

    Raises:
        UserError: There is no such network, or the name is no Python identifier.
    """
    if name is not None and name != identifier(name):
        raise UserError(
            f"--name is {name!r}: expected a name of a Python module in small letters, as "
            f"{identifier(name)}"
        )
    source = _found(spec, runs) if isinstance(spec, str) else _itself(spec)
    return dataclasses.replace(source, name=name) if name else source


def _itself(network: Architecture) -> Source:
    name = network.name or network.id
    return Source(network, identifier(name), name)


def _found(spec: str, runs: Path) -> Source:
    if spec in NETWORKS:
        return Source(NETWORKS[spec], identifier(spec), spec)
    if Path(spec).name == BEST and Path(spec).is_file():
        return _found(str(Path(spec).parent), runs)
    if (member := family_member(spec, runs)) is not None:
        return _of_family(member, spec)
    architecture = load_architecture(spec, runs)
    folder = run_folder(spec, runs)
    if folder is None:
        name = identifier(architecture.name or Path(spec).stem)
        return Source(architecture, name, spec)
    best = read_json(folder / BEST)
    name = identifier(folder.resolve().name)
    return Source(architecture, name, spec, folder, best, _record(folder))


def _of_family(member: Member, spec: str) -> Source:
    architecture = architecture_of(member.row, str(member.file))
    family = {key: value for key, value in member.content.items() if key != "networks"}
    name = identifier(architecture.name or str(member.row["name"]))
    return Source(
        architecture, name, spec, record=_record(member.file.parent), family=family, row=member.row
    )


def _record(folder: Path) -> Mapping[str, Any]:
    return read_record(folder) if (folder / RECORD).is_file() else {}
