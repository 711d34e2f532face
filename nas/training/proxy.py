"""How candidates are trained: the images, the recipe, and what it will take."""

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from results.runs.folder import RECORD, read_record
from search_spaces.rounding import resolution_of

if TYPE_CHECKING:
    from nas.parent.parent import Parent
    from nas.training.evaluator import TrainingEvaluator
    from nas.training.images import ImageData

CEILING = 64  # pixels of the shorter side that a search takes at most where none are asked for
CHECKPOINTS = "checkpoints"  # the folder of a run that keeps training states


@dataclass(frozen=True)
class Proxy:
    """A shorter training that stands for the real one.

    Attributes:
        data: Folder of train/CLASS/* and perhaps val/CLASS/*.
        pixels: The resolution that images are decoded to, or (height, width); None takes their
            own size, at most CEILING (`nas.training.headers.own_pixels`).
        subset: Part of the training images, in (0, 1].
        recipe: A name of `nas.training.recipes`.
        batch: Images a step.
        device: auto, cpu, cuda.
        channels: Of the images, and of the networks' input.
        fit: `crop` or `letterbox`.
        parent: A trained network from whose weights each one starts; None starts from nothing.
    """

    data: Path
    pixels: int | tuple[int, int] | None = None
    subset: float = 1.0
    recipe: str = "fast"
    batch: int = 64
    device: str = "auto"
    channels: int = 3
    fit: str = "crop"
    parent: "Parent | None" = None

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
        from nas.training.folders import splits_of
        from nas.training.headers import own_pixels, words_of
        from nas.training.images import load_images

        listing, pixels = splits_of(self.data, seed), self.pixels
        notes: list[str] = []
        if pixels is None:
            own = own_pixels(listing, CEILING)
            pixels = own.plain
            notes = [
                f"images are taken at {own} px, the median of their shorter sides and {CEILING} at "
                "most; --pixels takes another size"
            ]
        loaded = load_images(self.data, pixels, None, workers, seed, show, self.channels, self.fit)
        notes += words_of(listing, loaded.size, self.fit) + loaded.notes()
        if show is not None and notes:
            show(loaded.train + loaded.val, loaded.train + loaded.val, notes)
        return loaded

    def foreseen(self, seed: int = 0) -> tuple[int, int | tuple[int, int]]:
        """How many classes the images have and at which resolution, by their files alone.

        Args:
            seed: As in `images`.

        Raises:
            UserError: The images can't be listed.
        """
        from nas.training.folders import splits_of
        from nas.training.headers import own_pixels

        listing = splits_of(self.data, seed)
        own = self.pixels if self.pixels is not None else own_pixels(listing, CEILING).plain
        return len(listing.classes), own

    def as_in(self, folder: Path) -> "Proxy":
        """The same with the pixels that a run there took, where none are asked for.

        So a run goes on as it began, though images may have come since.

        Raises:
            UserError: The run's record can't be read.
        """
        if self.pixels is not None or not (folder / RECORD).is_file():
            return self
        held = read_record(folder)["experiment"].get("training")
        pixels = held.get("pixels") if isinstance(held, dict) else None
        if not isinstance(pixels, int | str):
            return self
        return dataclasses.replace(self, pixels=resolution_of(pixels, "the run's resolution"))

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
            parent=self.parent,
        )

    def identity(self, images: "ImageData") -> dict[str, Any]:
        """What makes two trainings the same experiment, as plain JSON values."""
        fields = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        del fields["data"], fields["device"], fields["parent"]
        if self.parent is not None:
            fields["parent"] = self.parent.identity
        fields["pixels"] = images.size.label
        for later, usual in (("channels", 3), ("fit", "crop")):  # runs from before have neither
            if fields[later] == usual:
                del fields[later]
        return {**fields, "images": images.digest, "classes": len(images.classes)}
