"""Imported, it has this process and those that it starts begin with `site/sitecustomize.py`."""

import os
import runpy
from pathlib import Path

SITE = str(Path(__file__).parent / "site")
if SITE not in os.environ.get("PYTHONPATH", ""):
    given = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = os.pathsep.join([SITE, given] if given else [SITE])
    runpy.run_path(f"{SITE}/sitecustomize.py")
