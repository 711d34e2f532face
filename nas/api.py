"""The commands as functions: the same options, refused alike, and results instead of text.

An option `--train-on cuda` is an argument `train_on="cuda"`. Who works in processes of its own
(`executor="pool"`, the default with images) needs a script's code under
`if __name__ == "__main__":`, as Python's multiprocessing does.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nas.arguments import with_arguments
from search_spaces.errors import UserError, check_place, check_positive

if TYPE_CHECKING:
    from click import Command

    from nas.devices.file import ProfiledDevice
    from nas.final.run import Trained
    from nas.logs.log import Log
    from nas.objective import Limit
    from nas.search.conclude import Result
    from results.export.write import Exported
    from results.report.page import Page
    from results.report.record import Folder
    from search_spaces.architecture import Architecture

Place = str | Path
PARTS = ("space", "strategy", "evaluator")  # that may be objects


@with_arguments
def find(
    target_flops: float | str | None = None,
    *,
    target: "Limit | None" = None,
    data: Place | None = None,
    logs: "Sequence[Log | str]" = (),
    **options: Any,
) -> "Result":
    """`nas search`: a network within a budget, judged by ImageNet's evidence or by your images.

    >>> nas.find(400e6, trials=300).architecture
    >>> nas.find(30e6, data="IMAGES", epochs=2, trials=12, name="mine")

    Args:
        target_flops: T in multiply-adds, a number or as "400M"; or give `target`, or another option
            `target_...`.
        target: T on any quantity, as `Limit(device("zcu102").quantity("latency"), 5e-3)`.
        data: Images: networks are trained on them for a short while, instead of predicted.
        logs: Names as of `--log`, or objects of three methods (`nas.logs.log.Log`): are
            told of the run besides.
        options: Those of `nas search`, with data; without, the fields of `Plan`, and `space`,
            `strategy` and `evaluator` may be objects, the evaluator any callable of
            (architecture, budget, seed).

    Raises:
        UserError: An argument is unknown, or can't be used.
        RunFailure: The disk, or an evaluator that never works.
    """
    import nas.report.notebook  # noqa: F401  # results show in notebooks
    from nas.logs.registry import logs_given
    from nas.objective import no_pick

    result = _found(target_flops, target, data, logs_given(logs), options)
    if result.pick is None and not result.interrupted:
        raise no_pick(result.trials, result.folder)
    return result


def _found(
    target_flops: Any, target: Any, data: Any, logs: "Sequence[Log | str]", options: dict[str, Any]
) -> "Result":
    """What a search of these arguments of `find` leaves."""
    from nas.commands.help.groups import check_known, parsed
    from nas.objective import Limit, limits_given
    from nas.search import run

    texts = isinstance(target_flops, str) or any(
        name.startswith(("target_", "max_")) or name == "device" for name in options
    )
    if data is None and not texts:
        known = [*plan_fields(), "objective", "caution"]
        check_known("nas.find", options, known, "; with data=..., the options of nas search")
        if "limits" in options:
            options["limits"] = limits_given(options["limits"])
        if isinstance(target, Limit):
            limits_given(target, "target")
        return run.find(target_flops, target=target, logs=logs, **options)

    from nas.commands.search import plan_of, search

    if target is not None:
        raise UserError("target is a Limit of a search without images: give target_flops=..., or "
                        "device=... and target_latency=...")  # fmt: skip
    objects = {name: options.pop(name) for name in PARTS
               if not isinstance(options.get(name, ""), str)}  # fmt: skip
    flops = target_flops
    if flops is not None and not isinstance(flops, str):
        check_positive("target_flops", flops)
        flops = f"{flops:.12g}"
    given = {"target_flops": flops, "data": data, **options}
    values = parsed(search, "nas.find", (), given)
    return run.run(replace(plan_of(**values), **objects), logs=(*values["kept"].logs, *logs))


def plan_fields() -> list[str]:
    """Arguments of `nas.Plan` but the objective, which `find` makes."""
    from dataclasses import fields

    from nas.search.plan import Plan

    return [field.name for field in fields(Plan) if field.name != "objective"]


@with_arguments
def train(
    network: Any, data: Place, *, logs: "Sequence[Log | str]" = (), **options: Any
) -> "Trained":
    """`nas train`: a network trained to the end on your images.

    >>> nas.train("efficientnet_b0", "IMAGES", pixels=96, epochs=50, name="b0").best["accuracy"]

    Args:
        network: An Architecture, a name, a run, a JSON file, or a result of `find`.
        data: The images.
        logs: As of `find`; they are told of each validation.
        options: Those of `nas train`, as `weights`, `epochs`, `minutes`, `name`.

    Raises:
        UserError: An argument is unknown, or can't be used.
        RunFailure: The training can't go on.
    """
    from nas.commands.help.groups import parsed
    from nas.commands.images.train import plan_of, trained_by
    from nas.commands.images.train import train as command
    from nas.logs.registry import logs_given

    told, given = logs_given(logs), _network(network)
    values = parsed(command, "nas.train", (_text(given),), {"data": data, **options})
    what, how, where = values["what"], values["how"], values["where"]
    if where.processes > 1:
        raise UserError("processes is for the command: start `nas train --processes N`")
    plan = plan_of(given, what, how, where, True)
    return trained_by(replace(plan, logs=(*plan.logs, *told)), True)


@with_arguments
def export(network: Any, folder: Place, to: Any = ("torch",), **options: Any) -> "Exported":
    """`nas export`: a network as files of other programs, compared with it.

    >>> nas.export("pets", "exported", to=["onnx"], softmax=True)

    Args:
        network: An Architecture, a name, a run, a JSON file, `FAMILY:NAME`, or a result of `find`
            or `train`.
        folder: Where they are written.
        to: Formats, as `nas export --to` names them: torch, onnx, int8 and so on.
        options: Those of `nas export`.

    Raises:
        UserError: An argument is unknown, or can't be used.
    """
    from nas.commands.export import export as command
    from nas.commands.export import request_of
    from nas.commands.help.groups import parsed
    from results.export.write import export as write

    several = isinstance(to, Iterable) and not isinstance(to, str)
    formats = ",".join(map(str, to)) if several else to
    check_place("folder", folder, "a folder")
    given = _network(network)
    arguments = (_text(given), str(folder))
    values = parsed(command, "nas.export", arguments, {"to": formats, **options})
    values["network"] = given
    place, force = values.pop("folder"), values.pop("force")
    del values["as_json"]
    return write(request_of(**values), place, force, lambda said: None)


@with_arguments
def profile(out: Place, **options: Any) -> "ProfiledDevice":
    """`nas profile`: times the blocks of a space here, and writes a device file.

    Args:
        out: The file.
        options: Those of `nas profile`.

    Raises:
        UserError: An argument is unknown, or can't be used.
    """
    from nas.commands.help.groups import parsed
    from nas.commands.profile import profile as command
    from nas.commands.profile import profiled

    values = parsed(command, "nas.profile", (), {"out": out, **options})
    return profiled(True, **values)[0]


@with_arguments
def report(run: Any, **options: Any) -> Path:
    """`nas report`: a run as one HTML page.

    Args:
        run: A name, a folder, or a result of `find` or `train`.
        options: Those of `nas report`.

    Returns:
        The page.

    Raises:
        UserError: An argument is unknown, or the run can't be reported.
    """
    from nas.commands.report import report as command
    from nas.report.sections import report_of

    return reported("nas.report", command, report_of, run, options)


def reported(
    name: str,
    command: "Command",
    report_of: "Callable[[Folder], Page]",
    run: Any,
    options: dict[str, Any],
) -> Path:
    """Writes a run's page, as `nas.report` and `gridsearch.report` do.

    Args:
        name: Of the function that was called.
        command: Whose options there are.
        report_of: Makes the page.
        run: A name, a folder, or a result that has one.
        options: As they were given.

    Returns:
        The page.

    Raises:
        UserError: An argument is unknown, or the run can't be reported.
    """
    from nas.commands.help.groups import parsed
    from nas.commands.report import written

    values = parsed(command, name, (_run(run),), options)
    place = (values["run"], values["runs"], values["storage"], values["out"])
    return written(report_of, *place, True)[0]


def _network(thing: Any) -> "str | Architecture":
    """A network, or what a command would be given for it."""
    from search_spaces.architecture import Architecture

    folder = thing if isinstance(thing, str | Path) else getattr(thing, "folder", None)
    if isinstance(folder, str | Path):
        return str(folder)
    network = getattr(thing, "architecture", thing)  # of a family's member
    if not isinstance(network, Architecture):
        raise UserError(
            f"{type(thing).__name__} names no network: expected an Architecture, a name, a run, a "
            "JSON file, or a result of nas.find or nas.train"
        )
    return network


def _text(given: "str | Architecture") -> str:
    """What a command's parser is given for it."""
    return given if isinstance(given, str) else given.name or given.id


def _run(thing: Any) -> str:
    """What a command would be given for it: a text, or the folder of a result."""
    folder = thing if isinstance(thing, str | Path) else getattr(thing, "folder", None)
    if not isinstance(folder, str | Path):
        raise UserError(
            f"{type(thing).__name__} names no run: expected a run's name or folder, or the result "
            "of a function that makes one"
        )
    return str(folder)
