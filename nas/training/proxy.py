"""How candidates are trained: the images, the recipe, and what it will take."""

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nas.training.evaluator import TrainingEvaluator
    from nas.training.images import ImageData

CHECKPOINTS = "checkpoints"  # the folder of a run that keeps training states


@dataclass(frozen=True)
class Proxy:
    """A shorter training that stands for the real one.

    Attributes:
        data: Folder of train/CLASS/* and perhaps val/CLASS/*.
        pixels: The resolution that images are decoded to.
        subset: Part of the training images, in (0, 1].
        recipe: A name of `nas.training.recipes`.
        batch: Images a step.
        device: auto, cpu, cuda.
    """

    data: Path
    pixels: int = 32
    subset: float = 1.0
    recipe: str = "fast"
    batch: int = 64
    device: str = "auto"

    def images(
        self, workers: int = 2, show: Callable[..., None] | None = None, seed: int = 0
    ) -> "ImageData":
        """The decoded images, as `nas.training.images.load_images` gives and raises.

        Args:
            workers: Decoding processes.
            show: Called with how many images are decoded, and of how many; and once more with
                what a user should know of them, where there is something.
            seed: Of the images set aside to validate.
        """
        from nas.training.images import load_images

        loaded = load_images(self.data, self.pixels, None, workers, seed, show)
        if show is not None and (notes := loaded.notes()):
            show(loaded.train + loaded.val, loaded.train + loaded.val, notes)
        return loaded

    def evaluator(
        self, images: "ImageData | tuple[ImageData, ...]", checkpoints: Path | None, keep: bool
    ) -> "TrainingEvaluator":
        """The evaluator that trains on the images.

        Args:
            images: A data set, or the same one at several resolutions.
            checkpoints: Folder of training states; None to keep none.
            keep: Whether the state at a budget's end stays, for a larger one.

        Raises:
            UserError: The recipe is unknown, or a number out of range.
        """
        from nas.training.evaluator import TrainingEvaluator
        from nas.training.recipes import recipe

        return TrainingEvaluator(
            images,
            recipe(self.recipe),
            self.batch,
            self.subset,
            checkpoints,
            self.device,
            keep=keep,
        )

    def identity(self, images: "ImageData") -> dict[str, Any]:
        """What makes two trainings the same experiment, as plain JSON values."""
        fields = dataclasses.asdict(self)
        del fields["data"], fields["device"]
        return {**fields, "images": images.digest, "classes": len(images.classes)}
