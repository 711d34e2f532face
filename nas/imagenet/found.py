"""Networks that long searches by the embedded model have found, which other searches begin with.

Made by `python -m nas.search.long`, anew with every model and every change of the
space. They are starts and no answers: each search judges and betters them for its own T and limits.
"""

import functools
import importlib.resources
import json
from collections.abc import Sequence
from typing import Any

from search_spaces.space import Space, Values

FILE = "found.json"


def found_in(space: Space) -> Sequence[Values]:
    """Those of a space, the cheapest first; none of a space that was not searched.

    Args:
        space: With the choices and options that it had then; what these lack now is left out.
    """
    held = _held()
    if space.name != held["space"] or list(space.choices) != held["choices"]:
        return ()
    rows = (dict(zip(held["choices"], row["values"], strict=True)) for row in held["networks"])
    return [row for row in rows if all(row[name] in of for name, of in space.choices.items())]


@functools.cache
def _held() -> dict[str, Any]:
    file = importlib.resources.files("nas.imagenet") / "data" / FILE
    held: dict[str, Any] = json.loads(file.read_text())
    return held
