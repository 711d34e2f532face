"""A grid's points trained on one's own images: the data at each resolution, the forecast."""

import dataclasses
import shutil
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from gridsearch.grid.grid import Grid
from gridsearch.grid.plan import Plan
from nas.training.proxy import Proxy
from results.terminal import epochs_text
from search_spaces.architecture import Architecture
from search_spaces.errors import UserError
from search_spaces.quantities import QUANTITIES

if TYPE_CHECKING:
    from nas.search.forecast import Forecast
    from nas.training.images import ImageData

_GB = QUANTITIES["memory"]
Decoded = Callable[..., None]


def fitted(baseline: Architecture, proxy: Proxy) -> Architecture:
    """The baseline with the data's classes and channels; its resolution stays its own.

    So the MACs of its scaled versions are those of what is trained.

    Raises:
        UserError: The folder can't be used, or the resolution can't be decoded.
    """
    from nas.training.folders import splits_of

    _check_pixels([baseline])
    listing = splits_of(proxy.data, 0)
    return dataclasses.replace(baseline, classes=len(listing.classes), in_channels=proxy.channels)


def decodable(network: Architecture) -> bool:
    """Whether images can be decoded to the network's resolution."""
    from nas.training.decoding import LARGEST
    from nas.training.headers import SMALLEST

    return SMALLEST <= min(network.size) <= max(network.size) <= LARGEST


def _check_pixels(networks: Sequence[Architecture]) -> None:
    from nas.training.decoding import LARGEST
    from nas.training.headers import SMALLEST

    for network in networks:
        if not decodable(network):
            raise UserError(
                f"the baseline or a point of its grid is for {network.size} px, and images "
                f"can be decoded to {SMALLEST} to {LARGEST} px: take another --baseline, a phi "
                "nearer 0, or --evaluator module:name"
            )


def room(proxy: Proxy, networks: Sequence[Architecture]) -> int:
    """Bytes of the images decoded at each resolution that the networks need."""
    from nas.training.folders import splits_of

    listing = splits_of(proxy.data, 0)
    count = sum(map(len, listing.splits.values()))
    return sum(
        n * count * size.area for n, size in {(one.in_channels, one.size) for one in networks}
    )


def _check_room(proxy: Proxy, networks: Sequence[Architecture]) -> None:
    """Raises UserError where the images can't fit into the cache's disk.

    What the cache holds may be some of them.
    """
    from nas.training.images import default_cache

    cache, need = default_cache(), room(proxy, networks)
    held = sum(path.stat().st_size for path in cache.glob("*/*.npy"))
    disk = next(place for place in (cache, *cache.resolve().parents) if place.exists())
    free = shutil.disk_usage(disk).free
    if need > free + held:
        raise UserError(
            f"the images at the grid's resolutions take {_GB.format(need)}, and {cache} has room "
            f"for {_GB.format(free + held)}: take a smaller --phi or --baseline, "
            "--round-resolution 32, --replicates 2, which trains the grid's points alone, or set "
            "COMPOUND_NAS_CACHE to another disk"
        )


def load(
    proxy: Proxy, networks: Sequence[Architecture], decoded: Decoded | None = None
) -> "tuple[ImageData, ...]":
    """The images at each resolution that the networks need, ascending.

    Args:
        proxy: Whose images.
        networks: Theirs are the resolutions.
        decoded: Called with how many images are decoded, and of how many over all resolutions.

    Raises:
        UserError: The data, the recipe or the disk's room.
        RunFailure: The disk.
    """
    _check_pixels(networks)
    proxy.evaluator((), None, keep=False)  # refuses the recipe, batch, ... before anything is read
    _check_room(proxy, networks)
    pixels = sorted({network.size for network in networks})
    loaded = []
    for i, px in enumerate(pixels):

        def show(done: int, of: int, notes: Sequence[str] = (), before: int = i) -> None:
            if decoded is not None and notes:
                decoded(of, of, notes)
            elif decoded is not None:
                decoded(before * of + done, len(pixels) * of)

        loaded.append(dataclasses.replace(proxy, pixels=px.plain).images(show=show))
    return tuple(loaded)


def of_networks(
    images: "Sequence[ImageData]", networks: Sequence[Architecture]
) -> "tuple[ImageData, ...]":
    """Those of the images that are at the networks' resolutions."""
    sizes = {network.size for network in networks}
    return tuple(data for data in images if data.size in sizes)


def identity(proxy: Proxy, images: "Sequence[ImageData]") -> dict[str, Any]:
    """What makes two trainings the same experiment, as plain JSON values.

    Args:
        proxy: How they are trained.
        images: At the resolutions of the grid's points.
    """
    return {
        **proxy.identity(images[0]),
        "pixels": [data.size.label for data in images],
        "images": [data.digest for data in images],
    }


def label(plan: Plan, images: "Sequence[ImageData]") -> str:
    """What the numbers are, to be shown beside them."""
    assert plan.proxy is not None
    data, subset = images[0], plan.proxy.subset
    part = f"{subset:g} of " if subset != 1 else ""
    each = f"{plan.first} or more" if plan.further else f"{plan.wanted}"
    return (
        f"top-1 is a measurement: the mean of {each} trainings of {epochs_text(plan.budget)} "
        f"(seeds from 0) on {part}the {data.train:,} training images of "
        f"{plan.proxy.data.resolve().name} ({len(data.classes)} classes), validated on "
        f"{data.val:,}. It stands for longer training as far as nas audit says."
    )


def forecast(
    plan: Plan,
    grid: Grid,
    decoded: Decoded | None = None,
    doing: Callable[[str], None] = lambda text: None,
) -> "Forecast":
    """Times some steps of a few points, decoding no more than these need; trains nothing.

    Raises:
        UserError: The plan trains nothing, or as `load`.
        RunFailure: As `load`.
    """
    from nas.search.forecast import SAMPLE, Work, epochs_of, reckon

    if plan.proxy is None:
        raise UserError("--dry-run forecasts training: give --data DIR")
    some = _spread(grid, SAMPLE)
    evaluator = plan.proxy.evaluator(load(plan.proxy, some, decoded), None, keep=False)
    counts = [plan.wanted * n for n in plan.sizes(len(grid.points))]
    work = Work(sum(counts), epochs_of(counts, plan.budgets), plan.budgets[0])
    return reckon(evaluator, some, work, plan.executor, plan.resources, doing)


def _spread(grid: Grid, count: int) -> list[Architecture]:
    """`count` points, evenly from shallow to deep: at equal MACs, depth is what takes time."""
    networks = [point.architecture for point in grid.points]
    networks.sort(key=lambda network: (network.blocks, network.size))
    count = min(count, len(networks))
    last = len(networks) - 1
    return [networks[round(i * last / max(1, count - 1))] for i in range(count)]
