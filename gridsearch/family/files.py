"""A family as files: JSON, CSV, and a Python module that builds its torch networks."""

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from gridsearch.family.family import Member, full, row
from results.runs.files import write_atomically, write_json
from search_spaces.architecture import to_json

FILES = ("family.json", "family.csv", "family.py")

_HEAD = '''"""The networks {names} as torch modules. Written by compound-nas.

    from family import {first}
    net = {first}()  # {shape} -> (batch, {classes})

Each function takes `seed` for the initial weights; None draws from torch's global generator.
"""

from search_spaces.architecture import from_json
from search_spaces.builder import Network, build
'''

_NETWORK = '''

def {name}(seed: int | None = None) -> Network:
    """{pixels} px, {macs:,} MACs, {params:,} params."""
    return build(from_json(ARCHITECTURES["{name}"]), seed=seed)
'''


def module(members: Sequence[Member]) -> str:
    """The source of a module with one function for each member."""
    first = members[0]
    taken = first.architecture
    parts = [
        _HEAD.format(
            names=", ".join(m.name for m in members),
            first=first.name,
            shape=f"(batch, {taken.in_channels}, {taken.size.height}, {taken.size.width})",
            classes=taken.classes,
        ),
        "\nARCHITECTURES = {\n",
        *(f"    {m.name!r}: {to_json(m.architecture)!r},\n" for m in members),
        "}\n",
    ]
    for member in members:
        figures = row(member)
        parts.append(
            _NETWORK.format(
                name=member.name,
                pixels=member.architecture.size,
                macs=figures["macs"],
                params=figures["params"],
            )
        )
    return "".join(parts)


def table(rows: Sequence[Mapping[str, Any]]) -> str:
    """Rows of equal keys as CSV."""
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def write_family(
    folder: Path, members: Sequence[Member], about: Mapping[str, Any]
) -> dict[str, Any]:
    """Writes FILES.

    Args:
        folder: Where to.
        members: The networks.
        about: What else family.json holds.

    Returns:
        What family.json holds: `about` and the networks.

    Raises:
        RunFailure: The disk refuses.
    """
    content = {**about, "networks": [full(member) for member in members]}
    write_json(folder / "family.json", content)
    write_atomically(folder / "family.csv", table([row(member) for member in members]))
    write_atomically(folder / "family.py", module(members))
    return content
