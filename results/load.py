"""From what a user types to an architecture: a network's name, a run, a JSON file."""

from pathlib import Path
from typing import Any

from results.run_folder import read_json
from search_spaces.architecture import Architecture, from_dict
from search_spaces.errors import UserError
from search_spaces.networks import NETWORKS

BEST = "best.json"


def load_architecture(spec: str, runs: Path = Path("runs")) -> Architecture:
    """The network that `spec` names: `efficientnet_b0`, a run's name, its folder, or a file.

    A file holds an architecture, or an object with one under `architecture`, as best.json does.
    Raises UserError that lists what would do.
    """
    if spec in NETWORKS:
        return NETWORKS[spec]
    for path in (Path(spec), runs / spec):
        if path.is_dir():
            path = path / BEST
            if not path.exists():
                raise UserError(
                    f"the run {spec} has no {BEST} yet: let its search finish, or interrupt it"
                )
        if path.is_file():
            return architecture_of(read_json(path), str(path))
    raise UserError(
        f"{spec!r} is no network, run or file: expected one of {', '.join(NETWORKS)}, the name "
        f"of a run in {runs}/, or a JSON file of an architecture"
    )


def architecture_of(content: Any, place: str) -> Architecture:
    """The architecture in parsed JSON; `place` names it in messages. Raises UserError."""
    if isinstance(content, dict) and "architecture" in content:
        content = content["architecture"]
    try:
        return from_dict(content)
    except UserError as error:
        raise UserError(f"{place}: {error}") from None
