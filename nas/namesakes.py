"""Files of other people that have our packages' names, as a results.py beside a script.

Python would import them in place of ours, and fail somewhere else with what they lack.
"""

import contextlib
import os
from importlib.util import find_spec


def check_namesakes(beside: str, names: tuple[str, ...]) -> None:
    """Sees that packages are those that stand beside a file's own; none of them is imported.

    Args:
        beside: `__file__` of a package's `__init__.py`.
        names: Of the packages that it needs.

    Raises:
        ImportError: Something else is found first; it is named.
    """
    around = os.path.dirname(os.path.dirname(beside))
    for name in names:
        with contextlib.suppress(ValueError):  # a module without a spec: it is no file
            spec = find_spec(name)
            if spec is None:
                continue
            found = str([*(spec.submodule_search_locations or ()), spec.origin][0])
            if os.path.realpath(found) != os.path.realpath(os.path.join(around, name)):
                raise ImportError(
                    f"{found} has the name of compound-nas's package {name!r} and is found before "
                    "it: rename it or move it elsewhere",
                    name=name,
                    path=found,
                )
