"""From a folder of images to a trained network in an ONNX file: each step is a command's own.

    look      what the images are: classes, balance, size; what can't be used
    search    a network within the targets: judged by the ImageNet model where the images are large
              and few, else by short trainings on them
    train     that network to the end
    export    ONNX, with classes and preprocessing

Every step is a run of its own that goes on where it was stopped.
"""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from nas.final.plan import Plan as Training
from nas.final.plan import check_place, inputs_for
from nas.final.settings import batch_for, check_given
from nas.objective import CAUTION, Limit, Objective, feasible_values
from nas.parent.parent import Parent
from nas.search.feasibility import check_domain
from nas.search.plan import Plan as Search
from nas.training.folders import Listing, real_place, splits_of
from nas.training.headers import own_pixels
from nas.training.images import ImageData, for_data
from nas.training.proxy import Proxy
from nas.workers.executor import Resources
from results.runs.addresses import SEARCH
from results.runs.folder import LONGEST_NAME, RECORD, check_run, read_record, run_name, run_path
from results.runs.load import BEST
from search_spaces.architecture import Architecture
from search_spaces.errors import UserError
from search_spaces.rounding import Size, size_of
from search_spaces.space import Space
from search_spaces.spaces import inside, space

CEILING = {False: 96, True: 224}  # px of images at most, without and with a GPU
KNOWN = 96  # px from which the ImageNet model speaks
FEW = 20_000  # training images below which short trainings tell less than the ImageNet model
SHORT = 300  # steps of a short training of the search
TRIALS = {False: 12, True: 10_000}  # networks: trained, and predicted
JUDGES = {"train": "short trainings", "imagenet": "the ImageNet model"}
SMALLER = "take smaller images (--pixels)"  # which have no fewer parameters
ANOTHER = "search a space of your own (nas search --data), and train what it finds (nas train)"
SPACES = ("efficientnet-small", "mbconv")  # for small images: the first that reaches the target


@dataclass(frozen=True)
class Asked:
    """What the journey is asked for.

    Attributes:
        data: Where the images are.
        targets: The first is T of the search, the others are limits.
        pixels: Of the networks' images; None takes the images' own size.
        channels: Of the images.
        fit: `crop` or `letterbox`.
        evaluator: `train` or `imagenet`; None chooses by the images.
        trials: Networks of the search; None for TRIALS.
        given: Settings of the final training that the user gave.
        minutes: Of the final training instead of epochs.
        seed: Of everything random.
        device: auto, cpu, cuda.
        threads: Of torch in the final training.
        name: Of the run; None makes one of the images and the target.
        runs: The folder of runs.
        command: The command line, for the records.
        parent: A trained network, inside which is searched; None searches a space of ours.
    """

    data: Path
    targets: tuple[Limit, ...]
    pixels: int | Size | None = None
    channels: int = 3
    fit: str = "crop"
    evaluator: str | None = None
    trials: int | None = None
    given: dict[str, Any] = field(default_factory=dict)
    minutes: float | None = None
    seed: int = 0
    device: str = "auto"
    threads: int | None = None
    name: str | None = None
    runs: Path = Path("runs")
    command: str = ""
    parent: Parent | None = None

    @property
    def run(self) -> str:
        """The run's name; the search's ends in SEARCH."""
        if self.name is not None:
            return self.name
        first = self.targets[0]
        return run_name(
            ["fit", real_place(self.data).stem[:80], first.of_quantity.format(first.at_most)]
        )


def check_asked(asked: Asked) -> None:
    """Refuses what can be seen without the images.

    Raises:
        UserError: A setting, `--judge` or the run's name can't be used.
    """
    check_given(asked.given, asked.minutes)
    if asked.evaluator not in (None, *JUDGES):
        raise UserError(f"--judge is {asked.evaluator!r}: expected train or imagenet")
    check_place(asked.run, asked.runs, asked.given, asked.minutes, asked.seed)
    most = LONGEST_NAME - len(SEARCH)
    if len(asked.run) > most:
        raise UserError(
            f"the run's name has {len(asked.run)} letters: expected {most} or fewer, since its "
            f"search is called NAME{SEARCH}"
        )


@dataclass(frozen=True)
class Seen:
    """What was seen of the images before anything else.

    Attributes:
        listing: Their files.
        size: That networks are made for.
        evaluator: What the search is judged by, `train` or `imagenet`.
        why: In words that follow what it is judged by.
    """

    listing: Listing
    size: Size
    evaluator: str
    why: str


def look(asked: Asked, gpu: bool) -> Seen:
    """Looks at the images' files, and decides how to search.

    Args:
        asked: What is asked for.
        gpu: Whether there is one.

    Raises:
        UserError: The images can't be listed, or the evaluator knows nothing of their size.
    """
    listing = splits_of(asked.data, 0)
    given = asked.pixels
    size = own_pixels(listing, CEILING[gpu]) if given is None else size_of(given)
    images = len(listing.splits["train"])
    large, few = min(size) >= KNOWN, images < FEW
    if asked.evaluator == "imagenet" and min(size) < KNOWN:
        raise UserError(
            f"--judge imagenet knows of images of {KNOWN} px and more, and these are taken at "
            f"{size} px: take --judge train, or --pixels {KNOWN}, to which they are enlarged"
        )
    if asked.evaluator is not None:
        return Seen(listing, size, asked.evaluator, "as asked")
    if large and few:
        why = f"since {images:,} training images are few for short trainings"
        return Seen(listing, size, "imagenet", why)
    why = f"since {images:,} training images are enough for them"
    if not large:
        why = f"since the ImageNet model knows of {KNOWN} px and more, and these have {size} px"
    return Seen(listing, size, "train", why)


def check_seen(asked: Asked, seen: Seen) -> None:
    """Refuses what the search would refuse, before images are decoded.

    Raises:
        UserError: No network is within the targets, a device doesn't cover the networks, or the
            search's folder holds another one.
    """
    images = len(seen.listing.splits["train"])
    plan = search_plan(asked, seen, len(seen.listing.classes), images)
    assert not isinstance(plan.space, str)
    classes = len(seen.listing.classes)
    where = for_data(plan.space, classes, seen.size.plain, asked.channels)
    known = plan.experiment(where)
    del known["budget"]  # of images that can be used
    try:
        check_run(run_path(f"{asked.run}{SEARCH}", asked.runs), known)
    except UserError as error:
        raise UserError(f"the name {asked.run} is taken: {error}") from None
    for quantity in plan.predicted:
        check_domain(quantity.measure, where, quantity.title)
    for limit in asked.targets:
        way = ANOTHER if limit.of_quantity.key == "params" else SMALLER
        feasible_values(where, [limit], otherwise=way)
    feasible_values(where, asked.targets)


def search_plan(asked: Asked, seen: Seen, classes: int, images: int) -> Search:
    """The search's plan.

    Args:
        asked: What is asked for.
        seen: Of the images.
        classes: How many.
        images: Training images that can be used.

    Raises:
        UserError: No space reaches the targets.
    """
    first, *limits = asked.targets
    trained = seen.evaluator == "train"
    objective = Objective("hard", first.at_most, first.quantity, 0.0 if trained else CAUTION)
    batch = batch_for(images, False)
    epochs = max(1.0, round(SHORT / max(1, images // batch), 1))
    proxy = Proxy(
        asked.data, seen.size.plain, 1.0, "tune" if asked.parent else "fast", batch, asked.device,
        asked.channels, asked.fit, asked.parent,
    )  # fmt: skip
    shared: dict[str, Any] = {
        "objective": objective, "limits": tuple(limits), "seed": asked.seed,
        "trials": asked.trials or TRIALS[not trained], "name": f"{asked.run}{SEARCH}",
        "runs": asked.runs, "command": asked.command,
    }  # fmt: skip
    if not trained:
        return Search(space=space_at(asked, seen, classes), patience=2000, **shared)
    return Search(
        space=_reaching(asked, seen, classes), strategy="predictor", proxy=proxy,
        budget=min(epochs, asked.given.get("epochs", epochs)), executor="pool",
        resources=Resources(), **shared,
    )  # fmt: skip


def check_number(plan: Search, images: int) -> None:
    """Refuses another number of images than the search began with, by its trainings' length.

    Raises:
        UserError: It is another.
    """
    folder = run_path(str(plan.name), plan.runs)
    if plan.proxy is None or not (folder / RECORD).is_file():
        return
    if read_record(folder)["experiment"].get("budget") != plan.budget:
        raise UserError(
            f"the run {folder.name} began with another number of images than the {images:,} that "
            "can be trained on now: put them back as they were, or choose another --name"
        )


def searched_before(plan: Search) -> bool:
    """Whether an earlier session ended this search, as far as its folder says."""
    folder = run_path(str(plan.name), plan.runs)
    if not (folder / RECORD).is_file() or not (folder / BEST).is_file():
        return False
    sessions = read_record(folder)["sessions"]
    last = sessions[-1] if sessions else {"interrupted": True}
    enough = (last.get("trials") or 0) >= plan.trials or bool(last.get("stopped"))
    return enough and not last.get("interrupted")


def spaces_of(asked: Asked) -> list[Space]:
    """What may be searched: inside the parent, else SPACES; the last reaches the most budgets."""
    if asked.parent is not None:
        return [inside(asked.parent.architecture)]
    return [space(name) for name in SPACES]


def space_at(asked: Asked, seen: Seen, classes: int) -> Any:
    """The space at the images' size and classes, whose costs are then what is trained."""
    whole = spaces_of(asked)[-1]
    made = for_data(whole, classes, seen.size.plain, asked.channels)
    return replace(made, name=f"{whole.name} at {seen.size} px")


def _reaching(asked: Asked, seen: Seen, classes: int) -> Space:
    """The first space that has networks below and above the first target, else the last."""
    from search_spaces.space import cost_ranges

    *smaller, last = spaces_of(asked)
    target = asked.targets[0]
    for where in smaller:
        ranges = cost_ranges(for_data(where, classes, seen.size.plain, asked.channels))
        held = ranges.get(target.of_quantity.key)
        if held is None or held.smallest <= target.at_most <= held.largest:
            return where
    return last


def training_plan(asked: Asked, seen: Seen, found: Architecture, images: ImageData) -> Training:
    """The final training's plan.

    Args:
        asked: What is asked for.
        seen: Of the images.
        found: The search's pick.
        images: Decoded for it.
    """
    start = None if asked.parent is None else asked.parent.start(found)
    inputs = inputs_for(
        images, seen.size, start, None, None, asked.channels, asked.fit, asked.given.get("crop")
    )
    return Training(
        f"{asked.run}{SEARCH}", found, asked.data, images, inputs, asked.given, asked.minutes,
        start, asked.seed, asked.device, asked.threads, None, asked.run, asked.runs,
        command=asked.command,
    )  # fmt: skip
