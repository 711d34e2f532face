"""Spaces as data: a table of the network and its stages in which a list is a choice."""

import functools
import operator
import re
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

from search_spaces.architecture import OPS, Architecture, Stage
from search_spaces.errors import UserError, meant, said
from search_spaces.space import Space, Values, check

_STAGE = tuple(field.name for field in fields(Stage))
_NETWORK = tuple(f.name for f in fields(Architecture) if f.name not in ("stages", "name"))
_stage = functools.lru_cache(maxsize=1 << 16, typed=True)(
    Stage
)  # stages recur: build each one once


@functools.lru_cache(maxsize=1024)
def op_and_expand(op: str) -> tuple[str, int | None]:
    """`mbconv6` is op mbconv with expand 6; `mbconv` leaves expand to its own column."""
    match = re.fullmatch(r"(mbconv|fused)(\d+)", op) if isinstance(op, str) else None
    if match:
        return match[1], int(match[2])
    if op not in OPS:
        raise UserError(
            f"op is {op!r}: expected one of {', '.join(OPS)}, or mbconvN or fusedN with expansion N"
        )
    return op, None


def _choices(
    name: str, stages: Sequence[Mapping[str, Any]], network: Mapping[str, Any]
) -> dict[str, Any]:
    """The lists of a table. Raises UserError for fields that are missing or unknown."""
    if not stages:
        raise UserError(f"space {name!r} has no stages: expected a [[stages]] table for each")
    for i, stage in enumerate(stages):
        if "channels" not in stage:
            raise UserError(
                f"space {name!r} has no channels in stage{i}: expected a number or a list"
            )
    choices: dict[str, Any] = {}
    parts = [("", network, _NETWORK), *((f"stage{i}.", s, _STAGE) for i, s in enumerate(stages))]
    for prefix, table, known in parts:
        for key, value in table.items():
            if key not in known:
                raise UserError(
                    f"space {name!r} has {prefix + key!r}{meant(key, known)}: expected one of "
                    f"{', '.join(known)}"
                )
            if isinstance(value, list | tuple):
                choices[prefix + key] = value
    return choices


def _builder(
    stages: Sequence[Mapping[str, Any]], network: Mapping[str, Any]
) -> Callable[[Values], Architecture]:
    makers = [_maker(f"stage{i}.", {"op": "mbconv", **stage}) for i, stage in enumerate(stages)]

    def build(values: Values) -> Architecture:
        built = [make(*options_of(values)) for make, options_of in makers]
        whole: dict[str, Any] = {key: values.get(key, value) for key, value in network.items()}
        return Architecture(tuple([stage for stage in built if stage is not None]), **whole)

    return build


def _maker(
    prefix: str, table: Mapping[str, Any]
) -> tuple[Callable[..., Stage | None], Callable[[Values], tuple[Any, ...]]]:
    """What makes a stage of its options, None with 0 repeats; and its options of all values."""
    chosen = [key for key, value in table.items() if isinstance(value, list | tuple)]

    @functools.lru_cache(maxsize=1 << 12, typed=True)
    def make(*options: Any) -> Stage | None:
        made = {**table, **dict(zip(chosen, options, strict=True))}
        if made.get("repeats") == 0:  # an optional block that is not there
            return None
        made["op"], expand = op_and_expand(made["op"])
        return _stage(**made if expand is None else {**made, "expand": expand})

    paths = [prefix + key for key in chosen]
    if len(paths) < 2:  # of one name `itemgetter` gives no tuple
        return make, lambda values: tuple([values[path] for path in paths])
    return make, operator.itemgetter(*paths)


def table_space(
    name: str,
    stages: Sequence[Mapping[str, Any]],
    network: Mapping[str, Any] | None = None,
    description: str = "",
) -> Space:
    """A space from a table. A list is a choice; anything else is fixed.

    Choices are called `stageI.FIELD` and `FIELD`.

    Args:
        name: Of the space.
        stages: Fields of `Stage` each; `op` may be `mbconvN` or `fusedN`, and a stage of
            `repeats` 0 is left out.
        network: Fields of `Architecture` but stages and name.
        description: A sentence for people.

    Raises:
        UserError: A field is missing, unknown, or has a value that can't be built.
    """
    network = network or {}
    choices = _choices(name, stages, network)
    build = _builder(stages, network)
    return check(Space(name, choices, build, description))


def read_space(path: str | Path) -> Space:
    """A space from a TOML file with `name`, `[network]` and `[[stages]]`.

    Raises:
        UserError: The file can't be read, or as `table_space`.
    """
    if Path(path).exists() and not Path(path).is_file():
        raise UserError(f"the space file {path} is no regular file: expected a TOML file")
    try:
        table = tomllib.loads(Path(path).read_text(encoding="utf-8-sig"))
    except RecursionError:
        raise UserError(f"the space file {path} is nested too deep: expected tables") from None
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"the space file {path} can't be read: {said(error)}") from None
    except ValueError as error:  # TOML's own, or of a number without end
        raise UserError(f"the space file {path} is no TOML: {error}") from None
    unknown = sorted(set(table) - {"name", "description", "network", "stages"})
    if unknown:
        raise UserError(
            f"the space file {path} has {unknown[0]!r}: expected name, description, [network] "
            "and [[stages]]"
        )
    stages, network = table.get("stages", []), table.get("network", {})
    if not isinstance(stages, list) or not all(isinstance(s, dict) for s in stages):
        raise UserError(f"the space file {path} has no list of [[stages]] tables")
    if not isinstance(network, dict):
        raise UserError(f"the space file {path} has network = {network!r}: expected a table")
    try:
        name = str(table.get("name", Path(path).stem))
        return table_space(name, stages, network, str(table.get("description", "")))
    except UserError as error:
        raise UserError(f"the space file {path}: {error}") from None
    except TypeError as error:
        raise UserError(f"the space file {path} has an incomplete stage: {error}") from None
