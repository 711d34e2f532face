"""Reports of a grid, a family and a comparison, on a page.

The package can be called: `gridsearch.report(grid)` is `gridsearch.api.report(grid)`.
"""

import sys
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any


class _Report(ModuleType):
    def __call__(self, run: Any, **options: Any) -> Path:
        page: Path = import_module("gridsearch.api").report(run, **options)
        return page


sys.modules[__name__].__class__ = _Report
