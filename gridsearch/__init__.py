"""How to scale what was found: the scaler, the grid, the prior, families, and `gridsearch`.

Light to import: numpy and scipy load when what needs them is used.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # what editors and type checkers see; at run time a name loads when it is used
    from gridsearch.family.family import Recipe as Recipe
    from gridsearch.family.family import fit_budget as fit_budget
    from gridsearch.family.named import family_from as family_from
    from gridsearch.family.presets import released as released
    from gridsearch.grid.grid import Question as Question
    from gridsearch.grid.grid import build_grid as build_grid
    from gridsearch.grid.run import find as find
    from gridsearch.prior.prior import ScalingPrior as ScalingPrior
    from gridsearch.scaler import PAPER as PAPER
    from gridsearch.scaler import Coefficients as Coefficients
    from gridsearch.scaler import Multipliers as Multipliers
    from gridsearch.scaler import scale as scale

_HOME = {
    "Coefficients": "gridsearch.scaler",
    "Multipliers": "gridsearch.scaler",
    "PAPER": "gridsearch.scaler",
    "Question": "gridsearch.grid.grid",
    "Recipe": "gridsearch.family.family",
    "ScalingPrior": "gridsearch.prior.prior",
    "build_grid": "gridsearch.grid.grid",
    "family_from": "gridsearch.family.named",
    "find": "gridsearch.grid.run",
    "fit_budget": "gridsearch.family.family",
    "released": "gridsearch.family.presets",
    "scale": "gridsearch.scaler",
}
__all__ = list(_HOME)


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'gridsearch' has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOME})
