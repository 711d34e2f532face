"""Lets torchvision load beside a CPU build of torch, in every Python process of the tests.

The wheel's compiled part wants CUDA's libraries there, and `import torchvision` stops at an
operator that it would have brought. What the project uses, transforms on tensors, needs none of
it, so the operators' names are defined where they are missing. Users have a whole torchvision.
"""

import importlib.abc
import sys


class _Whole(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name == "torchvision":
            sys.meta_path.remove(self)
            self._define()
        return None

    def _define(self):
        import importlib.util
        from pathlib import Path

        import torch

        place = importlib.util.find_spec("torchvision")
        if place is None or _loads(torch, next(Path(place.origin).parent.glob("_C*"), None)):
            return
        library = torch.library.Library("torchvision", "DEF")
        for name in ("nms", "qnms"):
            library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        torch._torchvision_of_tests = library  # kept as long as torch is


def _loads(torch, compiled):
    """Whether the compiled part is there and fits this torch."""
    try:
        torch.ops.load_library(str(compiled))
        return True
    except OSError:
        return False


sys.meta_path.insert(0, _Whole())
