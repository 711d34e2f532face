"""Search long for good networks: `python -m nas.search.long --out FILE`.

One search of the space `mbconv` by the embedded model for each T of a row of T, from small to
large, each beginning among what those before it found. Their picks are what the package's searches
begin with (`nas/imagenet/found.py`). The same seed gives the same file.
"""

import functools
import hashlib
import importlib.resources
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from nas.evaluators import Evaluator, against, evaluator, predictor_of
from nas.imagenet.joint.load import EMBEDDED
from nas.objective import Objective
from nas.search.beside.scaled import reference_of
from nas.search.generations import Generations
from nas.strategies.codes import codes_of
from nas.workers.predicting import PredictingExecutor
from results.runs.files import check_writable, read_json, write_json
from results.runs.records import Trial
from results.terminal import exit_code
from search_spaces.errors import UserError
from search_spaces.space import Space, Values
from search_spaces.spaces import space
from search_spaces.stages import MACS

SPACE = "mbconv"
LEAST, RATIO, COUNT = 15e6, 1.17**0.5, 85  # the first T, multiply-adds, and those after it


def targets() -> list[float]:
    """The T of the searches, multiply-adds."""
    return [LEAST * RATIO**step for step in range(COUNT)]


def searched(
    where: Space, measure: Evaluator, objective: Objective, seed: int, wanted: int,
    starts: Sequence[Values] = (), patience: int = 0,
) -> Iterator[list[Trial]]:  # fmt: skip
    """The trials of a search by generations, a generation at a time, without a store.

    Args:
        where: What is searched.
        measure: A model.
        objective: The reward.
        seed: Of everything random.
        wanted: How many networks there are to be.
        starts: What it begins with.
        patience: As of `Generations`.
    """
    asked = Generations(where, objective, (), seed, wanted=wanted, patience=patience, starts=starts)
    model = predictor_of(measure)
    assert model is not None, f"{measure} is no model"
    executor = PredictingExecutor(model, measure, lambda: asked.networks)
    while True:
        count = 0
        while (job := asked.ask()) is not None:
            executor.submit(job)
            count += 1
        if not count:
            return
        yield [asked.tell(*executor.next()) for _ in range(count)]


def judge(where: Space, objective: Objective) -> Evaluator:
    """The embedded model, by differences to B0 scaled to T, as a search asks it."""
    model = evaluator("imagenet")
    return against(model, *reference_of(where, objective, (), model))


def best(where: Space, target: float, seed: int, wanted: int, starts: Sequence[Values]) -> Values:
    """The pick of one search for T multiply-adds."""
    objective = Objective("hard", target)
    parts = searched(where, judge(where, objective), objective, seed, wanted, starts)
    tops = [one for part in parts if (one := objective.pick(part)) is not None]
    found = objective.pick(tops)
    assert found is not None, "every T has networks within it"
    return found.values


def row(where: Space, target: float, values: Values) -> dict[str, Any]:
    """A network as the file has it: its T, its top-1 less twice its ±, its options in order."""
    objective = Objective("hard", target)
    model = predictor_of(judge(where, objective))
    assert model is not None
    (mean,), (spread,) = model.predict([where.build(values)])
    merit = float(mean - objective.caution * spread)
    return {"target": target, "merit": merit, "values": [values[name] for name in where.choices]}


def merged(rows: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The best for each T, the smallest T first."""
    order = sorted(rows, key=lambda one: (one["target"], one["merit"]))
    return [*{one["target"]: one for one in order}.values()]


def held(where: Space, place: Path) -> tuple[list[dict[str, Any]], list[str]]:
    """The networks of a file of this command, judged anew, and how they were found.

    Raises:
        UserError: It is no such file, or is of another space.
    """
    file = read_json(place)
    try:
        if file["space"] != where.name or file["choices"] != list(where.choices):
            raise UserError(f"{place} is of another space: expected one of {where.name}")
        named = [dict(zip(where.choices, one["values"], strict=True)) for one in file["networks"]]
        for values in named:
            codes_of(where.choices, [values])
        asked = [float(one["target"]) for one in file["networks"]]
        rows = [row(where, of, values) for of, values in zip(asked, named, strict=True)]
        for of, values in zip(asked, named, strict=True):
            if MACS.measure(where.build(values)) > of:
                raise ValueError(f"a network is beyond its T of {MACS.format(of)}")
        return rows, str(file["how"]).split("; ")
    except (KeyError, TypeError, ValueError) as error:
        raise UserError(
            f"{place} holds no networks ({error!r:.80}): expected a file that "
            "`python -m nas.search.long` wrote"
        ) from None


def file_of(where: Space, rows: Sequence[Mapping[str, Any]], how: str) -> dict[str, Any]:
    """The whole file, with the model that it is of."""
    model = (importlib.resources.files("nas.imagenet") / "data" / EMBEDDED).read_bytes()
    return {
        "space": where.name, "model": hashlib.sha256(model).hexdigest(), "how": how,
        "choices": list(where.choices), "networks": rows,
    }  # fmt: skip


@click.command()
@click.option(
    "--out", type=click.Path(path_type=Path), required=True, help="File to write, a new one."
)
@click.option(
    "--trials", type=click.IntRange(1000), default=100_000, show_default=True,
    help="Of each search.",
)  # fmt: skip
@click.option("--seed", type=click.IntRange(0, 2**32 - 1), default=0, show_default=True)
@click.option("--least", default="1M", show_default=True, help="Search for no smaller T.")
@click.option("--most", default="1T", show_default=True, help="Search for no larger T.")
@click.option(
    "--begin", type=click.Path(path_type=Path), multiple=True,
    help="Files of this command to begin with and to better.",
)  # fmt: skip
def command(
    out: Path, trials: int, seed: int, least: str, most: str, begin: Sequence[Path]
) -> None:
    """Search long for networks that other searches begin with; takes 40 minutes of one core.

    \b
    python -m nas.search.long --out found.json
    python -m nas.search.long --out better.json --begin found.json --seed 1
    """  # noqa: D301 (click reads \b)
    check_writable(out)
    if out.exists():
        raise UserError(f"{out} is there already: expected the name of a new file")
    low, high = (MACS.parse(text, "--least or --most") for text in (least, most))
    asked = [target for target in targets() if low <= target <= high]
    if not asked:
        raise UserError(
            f"no T lies between --least {least} and --most {most}: there are {COUNT} from "
            f"{MACS.format(LEAST)} on, each {RATIO:.3f} times the one before"
        )
    where = space(SPACE)
    before = [held(where, path) for path in begin]
    rows = [one for each, _ in before for one in each]
    earlier = [text for _, each in before for text in each]
    for count, target in enumerate(asked, 1):
        begun = time.perf_counter()
        starts = [dict(zip(where.choices, one["values"], strict=True)) for one in merged(rows)]
        rows.append(row(where, target, best(where, target, seed, trials, starts)))
        own = f"{count} x {trials:,} networks with seed {seed}"  # of those that are done
        how = "; ".join(dict.fromkeys([*earlier, own]))
        write_json(out, file_of(where, merged(rows), how))
        kept = next(one["merit"] for one in merged(rows) if one["target"] == target)
        click.echo(f"{MACS.format(target)}: {kept:.3f} in {time.perf_counter() - begun:.0f} s")


main = functools.partial(exit_code, command, "python -m nas.search.long")


if __name__ == "__main__":
    sys.exit(main())
