"""How to scale what was found: the scaler, the grid, the prior, families, and `gridsearch`.

Light to import: numpy and scipy load when what needs them is used.
"""

from importlib import import_module
from typing import Any

_HOME = {
    "Coefficients": "gridsearch.scaler",
    "Multipliers": "gridsearch.scaler",
    "PAPER": "gridsearch.scaler",
    "Question": "gridsearch.grid",
    "Recipe": "gridsearch.family",
    "ScalingPrior": "gridsearch.prior",
    "build_grid": "gridsearch.grid",
    "family_from": "gridsearch.named_family",
    "find": "gridsearch.run",
    "fit_budget": "gridsearch.family",
    "released": "gridsearch.presets",
    "scale": "gridsearch.scaler",
}
__all__ = list(_HOME)


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'gridsearch' has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)
