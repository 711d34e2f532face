"""The life of a final training: begun, cut off, continued, and ended with its files.

run.json             what was asked for, and the settings that were taken
state.pt             while it goes on: everything that it is continued from
history.csv          a row for each time that the network was validated
weights.safetensors  the averaged weights; class names, size, mean and deviation beside them
scores.json          top-1, top-5, confusion, worst classes and images
best.json            the network, as every command takes it
"""

import contextlib
import itertools
import signal
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import torch

from nas.final.batches import Share
from nas.final.files import STATE, ended, read_history
from nas.final.finish import finish, made_anew
from nas.final.keeping import check_kept, keeper, restored
from nas.final.loop import Hooks, Progress, optimizer_of, train
from nas.final.parallel import averaging, group, my_share, shared, told
from nas.final.plan import Plan
from nas.final.settings import Settings, epochs_within, settings_for
from nas.final.task import Task, outputs
from nas.logs.log import About
from nas.logs.registry import Logs, logging, row_of
from nas.parent.start import calm_classifier, load_start
from nas.training.folders import real_place
from nas.training.loop import CHECK, prepare
from nas.training.loop import settings as of_torch
from nas.training.state import State
from nas.training.weights import kept_weights
from results.interrupts import STOPPING, TWICE, of_command
from results.runs.files import write_json
from results.runs.folder import RECORD, run_path
from results.runs.session import Run, session
from results.terminal import epochs_text
from search_spaces.builder import build
from search_spaces.errors import UserError

TIMED = 8  # steps that are measured where the training's length is given in minutes
FORESEEN = 3  # of a training of shared weights, whose steps are dear


@dataclass(repr=False)
class Trained:
    """What came of a training.

    Attributes:
        folder: Of the run.
        settings: Those taken.
        best: What best.json holds; None of a training that was interrupted.
        scores: What scores.json holds.
        history: A row for each validation.
        seconds: Of steps and validations, all sessions together.
        interrupted: Ctrl-C ended it.
        before: An earlier session ended it, and nothing was trained in this one.
        notes: What the user should know of the folder's files.
    """

    folder: Path
    settings: Settings
    best: dict[str, Any] | None = None
    scores: dict[str, Any] = field(default_factory=dict)
    history: list[dict[str, float]] = field(default_factory=list)
    seconds: float = 0.0
    interrupted: bool = False
    before: bool = False
    notes: list[str] = field(default_factory=list)

    def __repr__(self) -> str:
        if self.best is None:
            return f"<training in {self.folder}, not ended>"
        accuracy, epochs = self.best["accuracy"], self.settings.epochs
        return f"<training in {self.folder}: top-1 {accuracy:.2f} % after {epochs_text(epochs)}>"


@dataclass(frozen=True)
class Told:
    """Who is told how things go.

    Attributes:
        began: Called once with the settings, the steps in all, and those done before.
        step: Called now and then with the step and a line on how things stand.
        foreseen: Called before the first step with the hours that are left, where they are many:
            of a training of shared weights.
    """

    began: Callable[[Settings, int, int], None] = lambda settings, steps, done: None
    step: Callable[[int, str], None] = lambda step, text: None
    foreseen: Callable[[float], None] = lambda hours: None


def run(plan: Plan, watch: Told | None = None) -> Trained:
    """Trains to the end, or goes on where the same training was cut off.

    In every process of a training in parallel; the first of them keeps the run.

    Args:
        plan: What is asked for.
        watch: Who is told how it goes.

    Raises:
        UserError: The run's folder can't be used, or the plan can't be done here.
        RunFailure: The training diverges, memory does not suffice, or the disk refuses.
    """
    share, watch = my_share(), watch or Told()
    folder = run_path(plan.folder, plan.runs)
    with group(share, plan.device) as device:
        if share.rank:
            return _work(plan, folder, device, None, watch)
        with session(folder, plan.experiment, plan.command) as kept:
            return _work(plan, folder, device, kept, watch)


def _work(plan: Plan, folder: Path, device: str, kept: Run | None, watch: Told) -> Trained:
    place, share = torch.device(device), my_share()
    threads = plan.threads or max(1, torch.get_num_threads() // share.world)
    with of_torch(threads, place):
        if told(kept is not None and ended(folder), share):
            return _finished(plan, folder, place, kept)
        settings = told(_settings(plan, kept, place), share)
        task = _task(plan, settings, place)
        state = _state(plan, settings, place)
        progress = restored(folder / STATE, state)
        if kept is not None:
            check_kept(folder, state)
        if place.type == "cuda" and share.world > 1:
            state.network = torch.nn.SyncBatchNorm.convert_sync_batchnorm(state.network)  # type: ignore[no-untyped-call]
        if plan.shared:
            state.together = averaging(share)
        else:
            state.forward = shared(state.network, share, device)
        watch.began(settings, task.steps, state.step)
        if plan.shared and kept is not None:
            left = None if plan.minutes is None else plan.minutes / 60 - progress.hours
            watch.foreseen(left or _hours(plan, settings, place, state.step))
        trained = Trained(folder, settings)
        logs = Logs(() if kept is None else plan.logs)
        about = About(folder.name, folder, plan.experiment)
        with (
            _asked_to_stop(share) as stop,
            logging(logs, about) as last,
        ):
            hooks = Hooks(watch.step, keeper(folder, kept is not None, row_of(logs)), stop)
            trained.interrupted = not train(state, progress, task, hooks, plan.step)
            trained.history, trained.seconds = progress.history, progress.seconds
            if kept is not None:
                kept.interrupted = trained.interrupted
                kept.facts |= {"steps": state.step, "hours": progress.hours}
                if not trained.interrupted:
                    trained.best, trained.scores = finish(plan, state, progress, task, folder)
                    (folder / STATE).unlink(missing_ok=True)
                    last["accuracy"] = trained.best["accuracy"]
    return trained


def _finished(plan: Plan, folder: Path, place: torch.device, kept: Run | None) -> Trained:
    """What an earlier session left; what is damaged of it is made anew from the weights.

    Raises:
        UserError: The weights are damaged themselves.
    """
    if kept is None:  # the first process looks after the files
        return Trained(folder, Settings())
    settings = Settings(**kept.record["settings"])
    weights = kept_weights(folder, plan.architecture, {"evaluator": "trained"}, kept.record)
    network = build(plan.architecture, seed=0)
    network.load_state_dict(dict(weights.state))
    hours = next((s["hours"] for s in reversed(kept.record["sessions"]) if "hours" in s), None)
    task = _task(plan, settings, place)
    best, scores, notes = made_anew(plan, prepare(network, place), task, hours, folder)
    try:
        history = read_history(folder)
    except UserError as error:
        history, notes = [], [*notes, f"{error}, so the training's course can't be shown"]
    (folder / STATE).unlink(missing_ok=True)
    seconds = 3600 * (best["hours"] or 0.0)
    return Trained(folder, settings, best, scores, history, seconds, before=True, notes=notes)


def _task(plan: Plan, settings: Settings, place: torch.device) -> Task:
    cores = torch.get_num_threads()
    usual = min(8, cores) if place.type == "cuda" else 0
    return Task(
        data=plan.images,
        settings=settings,
        size=plan.architecture.size,
        mean=plan.inputs.by_channel[0],
        deviation=plan.inputs.by_channel[1],
        seed=plan.seed,
        workers=usual if plan.workers is None else plan.workers,
        share=my_share(),
    )


def _state(plan: Plan, settings: Settings, place: torch.device) -> State:
    network = plan.architecture
    if not settings.regularize:
        network = replace(network, dropout=0.0, drop_connect=0.0)
    built = build(network, seed=plan.seed, bn_momentum=0.1)
    calm_classifier(built, plan.start is not None and plan.start.new)
    if plan.start is not None:
        load_start(built, plan.start)
    made = prepare(built, place)
    return State(made, optimizer_of(made, settings), averaged=settings.ema > 0)


def _settings(plan: Plan, kept: Run | None, place: torch.device) -> Settings | None:
    """The first session's settings; made now where this is it. None in other processes."""
    if kept is None:
        return None
    if "settings" not in kept.record:
        images, gpu, given = len(plan.images.train_y), place.type == "cuda", dict(plan.given)
        about = (images, min(plan.architecture.size), plan.inputs.channels)
        fine = plan.start is not None and not plan.start.young
        if plan.minutes is not None:
            short = settings_for(given | {"epochs": 1.0}, *about, fine, gpu)
            given["epochs"] = epochs_within(plan.minutes, *_seconds(plan, short, place))
        chosen = settings_for(given, *about, fine, gpu)
        kept.record |= {"settings": asdict(chosen), "network": plan.spec}
        kept.record |= {"data": str(real_place(plan.data))}
        write_json(kept.folder / RECORD, kept.record)
    return Settings(**kept.record["settings"])


def _seconds(plan: Plan, settings: Settings, place: torch.device) -> tuple[float, float]:
    """(seconds of an epoch's steps, of a validation), measured on a few steps."""
    task, state = _task(plan, settings, place), _state(plan, settings, place)
    stamps: list[float] = []

    def enough(_: int) -> bool:
        stamps.append(time.perf_counter())
        return len(stamps) > (FORESEEN if plan.shared else TIMED)

    train(state, Progress(), task, Hooks(stop=enough), plan.step)
    steps = [b - a for a, b in itertools.pairwise(stamps)] or [1.0]
    begun = time.perf_counter()
    outputs(state.network, task)
    return sorted(steps)[len(steps) // 2] * task.order.steps, time.perf_counter() - begun


def _hours(plan: Plan, settings: Settings, place: torch.device, done: int) -> float:
    """How long what is left of a training takes, measured on a few steps."""
    epoch, look = _seconds(plan, settings, place)
    task = _task(plan, settings, place)
    looks = sum(at > done for at in task.looks)
    return ((task.steps - done) / task.order.steps * epoch + looks * look) / 3600


@contextlib.contextmanager
def _asked_to_stop(share: Share) -> Iterator[Callable[[int], bool]]:
    """Gives `stop(step)`: whether Ctrl-C or SIGTERM came; a second Ctrl-C ends at once.

    Several processes stop at the same step: they ask one another now and then.
    """
    came: list[float] = []  # when

    def note(number: int, frame: Any) -> None:
        now = time.monotonic()
        if came and number == signal.SIGINT and now - came[0] > TWICE:
            raise KeyboardInterrupt
        came.append(now)

    def stop(step: int) -> bool:
        if share.world == 1 or step % CHECK:
            return bool(came) and share.world == 1
        flag = torch.tensor(float(bool(came)))
        flag = flag.cuda() if torch.distributed.get_backend() == "nccl" else flag
        torch.distributed.all_reduce(flag, torch.distributed.ReduceOp.MAX)
        return bool(flag)

    main = threading.current_thread() is threading.main_thread()
    numbers = STOPPING if main else ()
    before = {number: signal.signal(number, note) for number in numbers}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        command = of_command()
        if came and command is not None:  # any other is the second one there
            command.came = came[0]
