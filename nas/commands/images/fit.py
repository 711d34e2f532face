"""`nas fit`: from a folder of images to a trained network in an ONNX file, in one line."""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import click

from nas.commands.help.config import CONFIG, write_config
from nas.commands.images.options import How, Machine
from nas.commands.images.parents import Parents
from nas.commands.options import command_line, options
from nas.commands.sizes import FIT, pixels
from nas.commands.targets import Targets
from results.interrupts import NOTHING, now_kept
from results.terminal import tell
from search_spaces.rounding import Size

if TYPE_CHECKING:
    from nas.final.journey import Asked, Seen
    from nas.final.run import Trained
    from nas.search.conclude import Result
    from nas.search.feasibility import Feasibility
    from nas.training.images import ImageData
    from search_spaces.architecture import Architecture


@dataclass(frozen=True, kw_only=True)
class Journey(Machine):
    """How the images are taken, and what is searched."""

    title = "The images, and the search"
    pixels: Annotated[int | Size | None, pixels(
        "the images' own, at most 96 without a GPU and 224 with one."
    )]  # fmt: skip
    channels: Annotated[int, click.option(
        "--channels", type=click.IntRange(1), default=3, show_default=True, metavar="N",
        help="Channels of the images: 1 for grey, 3 for colour.",
    )]  # fmt: skip
    fit: Annotated[str, FIT]
    judge: Annotated[str | None, click.option(
        "--judge", metavar="train|imagenet",
        help="Compare networks by training each for a short while (train), or by what a model of "
        "ImageNet results predicts (imagenet), which needs 96 px. Default: imagenet where images "
        "are of 96 px or more and fewer than 20,000, else train.",
    )]  # fmt: skip
    trials: Annotated[int | None, click.option(
        "--trials", type=click.IntRange(1), metavar="N",
        help="How many networks are compared. Default: 12 that are trained, or 10,000 that are "
        "predicted.",
    )]  # fmt: skip


@click.command()
@click.argument("images", metavar="IMAGES", type=click.Path(path_type=Path))
@options(targets=Targets, journey=Journey, parents=Parents, how=How)
@CONFIG
def fit(images: Path, targets: Targets, journey: Journey, parents: Parents, how: How) -> None:
    """From IMAGES to a trained network in an ONNX file, within a target.

    IMAGES: a folder of CLASS/*, or of train/CLASS/* and val/CLASS/*, or a CSV with the columns
    path and label. It looks at the images, searches a network, trains it to the end and exports
    it; `nas classify` then names the class of any image. One --target-... is needed. Search and
    training are runs, NAME-search and NAME; what was stopped goes on with the same command.
    """
    from nas.commands.progress import working

    now_kept(NOTHING)
    with working(journey.as_json) as say:
        say("loading what is needed")
        asked = _asked(images, targets, journey, parents, how)
    steps = Steps(asked, journey.as_json)
    seen, data = steps.look()
    found = steps.search(seen, data)
    trained = steps.train(seen, data, found)
    write_config(trained.folder)
    files = steps.export(trained)
    steps.end(trained, files)


def _asked(images: Path, targets: Targets, journey: Journey, parents: Parents, how: How) -> "Asked":
    """What is asked for; what can't be done is said before the hours, not after them.

    Raises:
        UserError: It can't.
    """
    from nas.final.journey import Asked, check_asked
    from nas.final.loop import check_optimizer
    from nas.final.plan import check_there
    from results.export.to_onnx import check_installed

    asked = Asked(
        images, targets.limits(), journey.pixels, journey.channels, journey.fit, journey.judge,
        journey.trials, how.given(), journey.minutes, journey.seed, journey.device,
        journey.threads, journey.name, journey.runs, command_line("nas"),
        parents.read(journey.runs),
    )  # fmt: skip
    check_asked(asked)
    check_there(images)
    check_optimizer(how.optimizer or "sgd")
    check_installed()
    return asked


class Steps:
    """The steps of the journey, each of which says what it does."""

    def __init__(self, asked: "Asked", quiet: bool) -> None:
        self.asked, self.quiet = asked, quiet
        self.said: list[str] = []  # notes on the images, which every step would say again

    def say(self, text: str) -> None:
        """A line on standard output, which is for people."""
        if not self.quiet:
            tell(text, err=False)

    def look(self) -> "tuple[Seen, ImageData]":
        """Lists and decodes the images; says what they are."""
        from nas.commands.images.train import decoded
        from nas.commands.images.words import seen_lines
        from nas.final.journey import check_seen, look
        from nas.training.loop import device_named

        asked = self.asked
        seen = look(asked, device_named(asked.device).type == "cuda")
        check_seen(asked, seen)
        given = (asked.data, seen.size, asked.channels, asked.fit, asked.given.get("crop"))
        images = decoded(*given, self.quiet)
        self.said = images.notes()
        for line in seen_lines(seen, images):
            self.say(line)
        return seen, images

    def search(self, seen: "Seen", images: "ImageData") -> "Architecture":
        """The network; of an earlier session's finished search, where there is one."""
        from nas.commands.images.words import space_text
        from nas.commands.progress import decoding, progress
        from nas.final.journey import check_number, search_plan, searched_before
        from nas.search.run import run

        plan = search_plan(self.asked, seen, len(images.classes), images.train)
        check_number(plan, images.train)
        doing = f"searching among up to {plan.trials:,} networks"
        self.say(f"\n{'searched before' if searched_before(plan) else doing}: {plan.name}")
        assert not isinstance(plan.space, str)
        asked = (self.asked, seen, len(images.classes), plan.space, plan.proxy is not None)
        self.say(f"space: {space_text(*asked)}")
        with (
            decoding(self.quiet) as decoded,
            progress(plan.evaluations, plan.objective, self.quiet) as show,
        ):

            def told(done: int, of: int, notes: Sequence[str] = ()) -> None:
                if not notes or (notes := [note for note in notes if note not in self.said]):
                    decoded(done, of, notes)

            result = run(plan, show, told, None if self.quiet else self._feasible)
        if result.interrupted:
            self._interrupted()
        self._found(result)
        return result.architecture

    def _feasible(self, offered: "Feasibility") -> None:
        from nas.commands.present.space import idle

        for text in idle(offered):
            tell(f"note: {text}")

    def _found(self, result: "Result") -> None:
        from nas.commands.images.words import found_lines

        for line in found_lines(result, self.said):
            self.say(line)

    def train(self, seen: "Seen", images: "ImageData", found: "Architecture") -> "Trained":
        """The network trained to the end."""
        from nas.commands.images.train import trained_by
        from nas.commands.images.words import score_lines
        from nas.final.files import ended
        from nas.final.journey import search_plan, training_plan

        plan = training_plan(self.asked, seen, found, images)
        before = ended(plan.runs / plan.folder)
        self.say(f"\n{'trained before' if before else 'training it to the end'}: {plan.folder}")
        search = search_plan(self.asked, seen, len(images.classes), images.train)
        trained = trained_by(plan, self.quiet, search.budget if search.proxy else 0.0)
        if trained.interrupted:
            self._interrupted()
        for line in score_lines(plan, trained):
            self.say(line)
        return trained

    def export(self, trained: "Trained") -> list[str]:
        """The ONNX file and the card, beside the weights; made once, the card last."""
        from nas.commands.export import request_of
        from nas.commands.progress import working
        from results.export.check import CARD
        from results.export.to_onnx import OPSET
        from results.export.write import export

        place = trained.folder / "export"
        if (place / CARD).is_file() and any(place.glob("*.onnx")):
            self.say(f"\nexported before: {place}")
            return sorted(map(str, place.iterdir()))
        request = request_of(
            str(trained.folder), ("onnx",), None, None, 0, OPSET, False, None, self.asked.runs
        )
        with working(self.quiet) as say:
            export(request, place, True, say)
        return sorted(map(str, place.iterdir()))

    def end(self, trained: "Trained", files: list[str]) -> None:
        """Says where everything is, and how an image is classified."""
        if self.quiet:
            from results.terminal import print_json

            print_json({"run": str(trained.folder), "best": trained.best, "files": files})
            return
        file = next(name for name in files if name.endswith(".onnx"))
        self.say(f"\nkept in {trained.folder}, exported to {file}")
        self.say(f"try it: nas classify {shlex.quote(file)} IMAGE")

    def _interrupted(self) -> None:
        tell("interrupted; the same command goes on from here")
        raise SystemExit(130)
