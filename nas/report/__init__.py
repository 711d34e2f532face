"""The report of a search: what its folder holds, its charts, its page, and its notebook view.

The package can be called: `nas.report("mine")` is `nas.api.report("mine")`.
"""

import sys
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any


class _Report(ModuleType):
    def __call__(self, run: Any, **options: Any) -> Path:
        page: Path = import_module("nas.api").report(run, **options)
        return page


sys.modules[__name__].__class__ = _Report
