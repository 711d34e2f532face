"""How to scale what was found: the scaler, the grid, the prior, families, and `gridsearch`.

Light to import: numpy and scipy load when what needs them is used.
"""

import os
from importlib import import_module
from importlib.util import module_from_spec, spec_from_file_location
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # what editors and type checkers see; at run time a name loads when it is used
    from gridsearch.api import find as find
    from gridsearch.family.named import family_from as family_from
    from gridsearch.grid.grid import Question as Question
    from gridsearch.grid.grid import build_grid as build_grid
    from gridsearch.prior.prior import ScalingPrior as ScalingPrior
    from search_spaces.scaling.budget import Recipe as Recipe
    from search_spaces.scaling.budget import fit_budget as fit_budget
    from search_spaces.scaling.coefficients import PAPER as PAPER
    from search_spaces.scaling.coefficients import Coefficients as Coefficients
    from search_spaces.scaling.published import released as released
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
    "find": "gridsearch.api",
    "fit_budget": "search_spaces.scaling.budget",
    "released": "search_spaces.scaling.published",
    "scale": "search_spaces.scaling.rules",
}
__all__ = [*_HOME, "report"]  # report is a package that can be called


def _check_nas() -> None:
    """As `nas.namesakes.check_namesakes`, which is read by its place: `nas` may be another's."""
    place = os.path.join(os.path.dirname(os.path.dirname(__file__)), "nas", "namesakes.py")
    spec = spec_from_file_location("namesakes", place)
    assert spec is not None
    assert spec.loader is not None
    namesakes = module_from_spec(spec)
    spec.loader.exec_module(namesakes)
    namesakes.check_namesakes(__file__, ("nas",))


_check_nas()
import_module("nas")  # which sees to the other names


def __getattr__(name: str) -> Any:
    if name == "report":
        return import_module("gridsearch.report")
    if name not in _HOME:
        raise AttributeError(f"module 'gridsearch' has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
