"""How to scale what was found: the scaler, the grid, the prior, families, and `gridsearch`.

Light to import: numpy and scipy load when what needs them is used.
"""

import os
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # what editors and type checkers see; at run time a name loads when it is used
    from gridsearch.family.named import family_from as family_from
    from gridsearch.family.presets import released as released
    from gridsearch.grid.grid import Question as Question
    from gridsearch.grid.grid import build_grid as build_grid
    from gridsearch.grid.run import find as find
    from gridsearch.prior.prior import ScalingPrior as ScalingPrior
    from search_spaces.scaling.budget import Recipe as Recipe
    from search_spaces.scaling.budget import fit_budget as fit_budget
    from search_spaces.scaling.coefficients import PAPER as PAPER
    from search_spaces.scaling.coefficients import Coefficients as Coefficients
    from search_spaces.scaling.rules import Multipliers as Multipliers
    from search_spaces.scaling.rules import scale as scale

_HOME = {
    "Coefficients": "search_spaces.scaling.coefficients",
    "Multipliers": "search_spaces.scaling.rules",
    "PAPER": "search_spaces.scaling.coefficients",
    "Question": "gridsearch.grid.grid",
    "Recipe": "search_spaces.scaling.budget",
    "ScalingPrior": "gridsearch.prior.prior",
    "build_grid": "gridsearch.grid.grid",
    "family_from": "gridsearch.family.named",
    "find": "gridsearch.grid.run",
    "fit_budget": "search_spaces.scaling.budget",
    "released": "gridsearch.family.presets",
    "scale": "search_spaces.scaling.rules",
}
__all__ = list(_HOME)


def _check_nas() -> None:
    """Raises ImportError where a file nas.py of somebody else's is found before ours."""
    spec = find_spec("nas")  # looks for it and doesn't run it
    found = str([*(spec.submodule_search_locations or ()), spec.origin][0]) if spec else ""
    ours = os.path.join(os.path.dirname(os.path.dirname(__file__)), "nas")
    if found and os.path.realpath(found) != os.path.realpath(ours):
        raise ImportError(
            f"{found} has the name of compound-nas's package 'nas' and is found before it: rename "
            "it or move it elsewhere",
            name="nas",
            path=found,
        )


_check_nas()
import_module("nas")  # which sees to the other names


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'gridsearch' has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
