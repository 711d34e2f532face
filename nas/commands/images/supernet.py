"""`nas supernet`: one network's weights trained for a whole space."""

import functools
import shlex
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated, Any

import click

from nas.commands.help.config import CONFIG
from nas.commands.help.table import names_in
from nas.commands.images.options import How, What, Where
from nas.commands.options import Group, command_line, options
from nas.commands.targets import Targets
from results.terminal import tell

if TYPE_CHECKING:
    from nas.final.run import Trained
    from nas.objective import Limit
    from nas.sandwich.plan import Shared, Supernet
    from nas.training.folders import Listing
    from search_spaces.space import Space


@dataclass(frozen=True, kw_only=True)
class Which(Group):
    """The space, and which of its networks learn most."""

    title = "The space"
    space: Annotated[str, click.option(
        "--space", default="efficientnet-small", show_default=True, metavar="SPACE",
        shell_complete=names_in("search_spaces.spaces", "SPACES"),
        help="Whose networks share the weights: a name of `nas spaces`, a FILE.toml, "
        "inside:NETWORK, or module:name of your own. They may differ in channels, repeats, "
        "kernels, expansion, SE and pixels.",
    )]  # fmt: skip
    near: Annotated[bool, click.option(
        "--near-target", "near", is_flag=True,
        help="Let networks near the first --target-... learn more often than others.",
    )]  # fmt: skip


@click.command()
@options(which=Which, targets=Targets, what=What, how=How, where=Where)
@CONFIG
def supernet(which: Which, targets: Targets, what: What, how: How, where: Where) -> None:
    """Train one network whose weights a whole space's networks share.

    Each step the largest network learns your images' labels, and the smallest and two random ones
    learn what the largest says. Then `nas search --evaluator supernet:RUN` measures any network of
    the space in seconds, with its part of the weights. How long it takes is printed first; what
    was stopped goes on with the same command.
    """
    from nas.commands.images.train import carry_out

    carry_out(
        where,
        functools.partial(plan_of, which, targets, what, how, where),
        functools.partial(_show, targets),
    )


def plan_of(
    which: Which, targets: Targets, what: What, how: How, where: Where, quiet: bool = False
) -> "Supernet":
    """What the options ask for, with the images decoded and the weights read.

    Raises:
        UserError: Something can't be used, or the space can't be shared.
    """
    from nas.commands.images.parents import weights_of
    from nas.commands.images.train import check, decoded, start_of
    from nas.final.plan import inputs_for
    from nas.sandwich.plan import Supernet
    from nas.training.folders import splits_of
    from results.runs.load import load_space

    limits = targets.limits() if which.near or targets.texts else ()
    check(what, how, where, Supernet.kind)
    whole = load_space(which.space, where.runs)
    listing = splits_of(what.data, 0)
    shared, words = _shared(which.space, whole, what, listing)
    idle = _idle(shared.space, limits)
    shared = replace(shared, near=limits[0] if which.near else None)
    largest = shared.ends.largest
    given = weights_of(what.weights, what.parent, where.runs)
    start, more = start_of(given, largest, shared=True)
    if start is not None and start.padding is not None:
        shared = _padded(shared, start.padding)
        largest = shared.ends.largest
    inputs = inputs_for(
        listing, largest.size, start, what.mean, what.deviation, largest.in_channels, what.fit,
        how.crop,
    )  # fmt: skip
    taken = (what.data, largest.size, largest.in_channels, what.fit, how.crop)
    images = decoded(*taken, quiet, [*([words] if words else []), *more, *idle])
    return Supernet(
        f"the largest of {which.space}", largest, what.data, images, inputs, how.given(),
        where.minutes, start, where.seed, where.device, where.threads, where.workers, where.name,
        where.runs, tuple(where.logs), command_line("nas"), of=shared,
    )  # fmt: skip


def _idle(where: "Space", limits: "tuple[Limit, ...]") -> list[str]:
    """Sentences on targets that limit nothing in the later search, which takes the space as it is.

    Raises:
        UserError: No network meets them, or a device doesn't cover the space.
    """
    from nas.commands.present.space import idle
    from nas.objective import Objective, feasible_values
    from nas.search.feasibility import check_domain, feasibility

    if not limits:
        return []
    for limit in limits:
        if limit.of_quantity.of_cost is None:
            check_domain(limit.of_quantity.measure, where, limit.of_quantity.title)
    feasible_values(where, limits)
    first, *others = limits
    return idle(feasibility(where, Objective("hard", first.at_most, first.quantity), others))


def _shared(named: str, whole: "Space", what: What, listing: "Listing") -> "tuple[Shared, str]":
    """The space for these images, and a sentence where its pixels are not its own."""
    from nas.final.plan import size_for
    from nas.sandwich.plan import Shared
    from nas.supernet.hull import fitted, hull, with_fields

    ends = hull(whole)
    size, words = size_for(ends.largest, listing, what.pixels)
    pixels = None if size == ends.largest.size and what.pixels is None else size.plain
    channels = what.channels or ends.largest.in_channels
    fields: dict[str, Any] = {"classes": len(listing.classes), "in_channels": channels}
    ends = with_fields(ends, fields if pixels is None else fields | {"resolution": pixels})
    return Shared(named, fitted(whole, ends.largest, pixels), ends, pixels), words


def _padded(shared: "Shared", padding: str) -> "Shared":
    """The same of networks with the padding that given weights were trained with."""
    from nas.supernet.hull import with_fields
    from search_spaces.space import fixed

    fields = {"padding": padding}
    return replace(shared, space=fixed(shared.space, fields), ends=with_fields(shared.ends, fields))


def _show(targets: Targets, plan: "Supernet", trained: "Trained", as_json: bool) -> None:
    """Prints what came of it, and the search that it is for."""
    from nas.commands.images.train import show

    if as_json or trained.best is None:
        show(plan, trained, as_json)
        return
    for line in _lines(plan, trained, targets):
        tell(line, err=False)


def _lines(plan: "Supernet", trained: "Trained", targets: Targets) -> list[str]:
    from nas.commands.images.words import score_lines

    target = " ".join(f"{option} {text}" for option, text in targets.texts.items())
    target += f" --device {targets.hardware}" if targets.hardware else ""
    evaluator = shlex.quote(f"supernet:{trained.folder}")
    smallest: Any = trained.history[-1].get("smallest") if trained.history else None
    first, *more = score_lines(plan, trained)
    return [
        *(["this training ended before: nothing is trained anew"] if trained.before else []),
        f"of the largest network: {first}",
        *([] if smallest is None else [f"of the smallest: top-1 {smallest:.2f} %"]),
        *more,
        f"kept in {trained.folder}: weights.safetensors, scores.json, history.csv",
        f"next: nas search --evaluator {evaluator} {target or '--target-flops MACS'}",
    ]
