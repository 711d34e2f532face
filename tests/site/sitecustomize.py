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

        import torch

        place = importlib.util.find_spec("torchvision")
        if place is None or torch.version.cuda is not None:
            return
        self.library = torch.library.Library("torchvision", "DEF")
        for name in ("nms", "qnms"):
            self.library.define(
                f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"
            )
        torch._torchvision_of_tests = self.library  # kept as long as torch is


sys.meta_path.insert(0, _Whole())
