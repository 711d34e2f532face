"""What a network is, what it costs, and the spaces a search chooses from.

Light to import: torch loads with `search_spaces.builder` only.
"""

from search_spaces.architecture import Architecture, Stage, from_json, to_json
from search_spaces.cost import Cost, cost
from search_spaces.errors import OutOfDomain, RunFailure, UserError
from search_spaces.networks import NETWORKS
from search_spaces.scaling.published import network
from search_spaces.space import Space
from search_spaces.spaces import SPACES, space
from search_spaces.stages import html
from search_spaces.tables import read_space, table_space

# Notebooks draw a network. The value itself doesn't know how: `stages` reads it, not it `stages`.
Architecture._repr_html_ = html  # type: ignore[attr-defined]

__all__ = [
    "NETWORKS",
    "SPACES",
    "Architecture",
    "Cost",
    "OutOfDomain",
    "RunFailure",
    "Space",
    "Stage",
    "UserError",
    "cost",
    "from_json",
    "network",
    "read_space",
    "space",
    "table_space",
    "to_json",
]
