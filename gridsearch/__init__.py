"""How to scale what was found: the scaler, the grid, the prior, families, and `gridsearch`.

Light to import: numpy and scipy load when what needs them is used.
"""

from importlib import import_module
from typing import Any

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
