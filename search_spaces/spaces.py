"""The spaces that come with the package, by name."""

import contextlib
import functools
import importlib
import importlib.abc
import importlib.util
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from search_spaces.architecture import Architecture
from search_spaces.errors import UserError, check_is, meant
from search_spaces.mbconv import mbconv
from search_spaces.scaling.published import network as network_named
from search_spaces.space import Space, Value, Values, check
from search_spaces.tables import read_space, table_space

_B0 = ((16, 1), (24, 2), (40, 2), (80, 2), (112, 1), (192, 2), (320, 1))  # channels, stride


@functools.cache
def efficientnet() -> Space:
    """EfficientNet-B0's skeleton: expansion, kernel, repeats and SE in every stage."""
    stages = [
        {
            "channels": channels,
            "stride": stride,
            "expand": [1, 4, 6],
            "kernel": [3, 5],
            "repeats": [1, 2, 3, 4] if i == 5 else [1, 2, 3],
            "se": [0.0, 0.25],
        }
        for i, (channels, stride) in enumerate(_B0)
    ]
    return table_space("efficientnet", stages, {}, (efficientnet.__doc__ or "").strip())


@functools.cache
def efficientnet_wide() -> Space:
    """EfficientNet-B0's skeleton with width and resolution choices besides."""
    widths = (
        [8, 16, 24],
        [16, 24, 32],
        [32, 40, 48],
        [64, 80, 96],
        [88, 112, 136],
        [152, 192, 232],
        [256, 320, 384],
    )
    stages = [
        {
            "channels": channels,
            "stride": stride,
            "expand": [1, 3, 4, 6],
            "kernel": [3, 5, 7],
            "repeats": [1, 2, 3, 4],
            "se": [0.0, 0.25],
        }
        for channels, (_, stride) in zip(widths, _B0, strict=True)
    ]
    network = {"stem": [24, 32, 40], "resolution": [160, 176, 192, 208, 224, 240, 256]}
    return table_space(
        "efficientnet-wide", stages, network, (efficientnet_wide.__doc__ or "").strip()
    )


@functools.cache
def efficientnet_small() -> Space:
    """EfficientNet's blocks for small images: 32 px, a stem of stride 1, six stages, 10 classes."""
    rows = ((16, 1), (24, 2), (40, 1), (80, 2), (112, 1), (192, 2))  # channels, stride
    stages = [
        {
            "channels": channels,
            "stride": stride,
            "expand": [1, 3, 6],
            "kernel": [3, 5],
            "repeats": [1, 2, 3],
            "se": [0.0, 0.25],
        }
        for channels, stride in rows
    ]
    network = {"stem": 24, "stem_stride": 1, "head": 640, "resolution": 32, "classes": 10}
    return table_space(
        "efficientnet-small", stages, network, (efficientnet_small.__doc__ or "").strip()
    )


@functools.cache
def mnasnet() -> Space:
    """MnasNet's factorized hierarchical space (Tan et al. 2019, sec. 4.1).

    Filters are 0.75, 1 and 1.25 times MobileNetV2's, and those that MnasNet-A1, B1 and
    EfficientNet-B0 need besides; layers are MobileNetV2's and one fewer or more. mbconv1 is the
    paper's depthwise-separable conv.
    """
    rows = (  # stride, filters, layers
        (1, [16, 24], [1, 2]),
        (2, [16, 24, 32], [1, 2, 3]),
        (2, [24, 32, 40], [2, 3, 4]),
        (2, [48, 64, 80], [3, 4, 5]),
        (1, [72, 96, 112, 120], [2, 3, 4]),
        (2, [120, 160, 192, 200], [2, 3, 4]),
        (1, [240, 320, 400], [1, 2]),
    )
    stages = [
        {
            "op": ["conv", "mbconv1", "mbconv3", "mbconv6"],
            "kernel": [3, 5],
            "se": [0.0, 0.25],
            "skip": ["pool", "identity", "none"],
            "channels": filters,
            "repeats": layers,
            "stride": stride,
        }
        for stride, filters, layers in rows
    ]
    summary = "MnasNet's factorized hierarchical space (Tan et al. 2019, sec. 4.1)."
    return table_space("mnasnet", stages, {"activation": "relu"}, summary)


INSIDE = "inside:"  # before the name of a network: the space of what is left of it
PARTS = (0.5, 0.75, 1.0)  # of a network's channels, and of what is too much for every number


def inside(network: Architecture) -> Space:
    """What is left of a network where blocks, channels, expansion and kernels are taken away.

    Each of its networks can take its weights over from the whole one (`nas.parent`). Channels
    between blocks are one choice for all stages where stages have an expansion to choose: what
    adds up along shortcuts is what a trained network can miss least (docs/parents.md).

    Args:
        network: The largest of them.

    Raises:
        UserError: It is no Architecture.
    """
    check_is("the network", network, Architecture, "an Architecture, as a result's `architecture`")
    choices: dict[str, tuple[Value, ...]] = {}
    wide = [one.op in ("mbconv", "fused") and one.expand > 2 for one in network.stages]
    for i, stage in enumerate(network.stages):
        repeats = range(1, stage.repeats + 1) if stage.repeats <= 4 else _parts(stage.repeats)
        choices[f"stage{i}.repeats"] = tuple(repeats)
        choices[f"stage{i}.kernel"] = tuple(range(min(3, stage.kernel), stage.kernel + 1, 2))
        if wide[i]:
            few = stage.expand <= 6 and stage.expand == int(stage.expand)
            each = range(2, int(stage.expand) + 1) if few else _parts(stage.expand)
            choices[f"stage{i}.expand"] = tuple(each)
        if not any(wide):
            choices[f"stage{i}.channels"] = tuple(_parts(stage.channels, 8))
    if any(wide):
        choices["width"] = PARTS
    if network.head:
        choices["head"] = tuple(_parts(network.head, 8))
    name = network.name or network.id
    return Space(
        f"{INSIDE}{name}", choices, functools.partial(_left_of, network),
        f"What is left of {name} where blocks, channels, expansion and kernels are taken away.",
        functools.partial(_whole, choices),
    )  # fmt: skip


def whose(spec: str) -> str:
    """The network that a text `inside:NETWORK` names. Raises UserError where it names none."""
    if spec == INSIDE:
        raise UserError(f"the space is {spec!r}: expected a network's name behind the colon")
    return spec.removeprefix(INSIDE)


def _parts(whole: int | float, multiple: int = 1) -> list[int]:
    """Some of a number: PARTS of it, to multiples, each once."""
    wanted = (multiple * max(1, round(part * whole / multiple)) for part in PARTS[:-1])
    return list(dict.fromkeys([*(part for part in wanted if part < whole), whole]))  # type: ignore[list-item]


def _left_of(network: Architecture, values: Values) -> Architecture:
    stages, width = [], float(values.get("width", 1.0))
    for i, stage in enumerate(network.stages):
        names = ("repeats", "kernel", "channels", "expand")
        of = {name: values[f"stage{i}.{name}"] for name in names if f"stage{i}.{name}" in values}
        if width != 1.0:
            of["channels"] = 8 * max(1, round(width * stage.channels / 8))
        stages.append(replace(stage, **of))  # type: ignore[arg-type]
    head = int(values.get("head", network.head))
    return replace(network, stages=tuple(stages), head=head, name="")


def _whole(choices: dict[str, tuple[Value, ...]]) -> list[dict[str, Value]]:
    """The largest of a space inside a network, which is the network."""
    return [{name: options[-1] for name, options in choices.items()}]


# A space is one function and one line here.
SPACES: dict[str, Callable[[], Space]] = {
    "mbconv": mbconv,
    "efficientnet": efficientnet,
    "efficientnet-wide": efficientnet_wide,
    "efficientnet-small": efficientnet_small,
    "mnasnet": mnasnet,
}


class _UserFiles(importlib.abc.MetaPathFinder):
    """Finds a file whose plain name stands for another module, as `random.py`.

    Its name here holds its path, so that a worker's process, which unpickles by name, finds it too.
    """

    PREFIX = "user_file_"

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        if not name.startswith(self.PREFIX):
            return None
        return importlib.util.spec_from_file_location(
            name, bytes.fromhex(name.removeprefix(self.PREFIX)).decode()
        )


sys.meta_path.append(_UserFiles())


def _module(place: str) -> str:
    """The name to import `module` or `file.py` by, the same for one file however it is named.

    The file's folder, or the current one, comes to the end of `sys.path`, where it hides nothing:
    user files may import what lies beside them, in workers too, which get the same path.
    """
    is_file = place.endswith(".py")
    folder, name = (Path(place).parent, Path(place).stem) if is_file else (Path(), place)
    if (here := str(folder.resolve())) not in sys.path:
        sys.path.append(here)
    file = (Path(place) if is_file else Path(f"{place.replace('.', '/')}.py")).resolve()
    if not file.is_file():
        if is_file:
            raise ImportError(f"no Python file {place}")
        return name
    importlib.invalidate_caches()
    with contextlib.suppress(ImportError, ValueError):  # ValueError: of a module without a spec
        spec = importlib.util.find_spec(name)
        if spec is not None and spec.origin and Path(spec.origin).resolve() == file:
            return name
    return _UserFiles.PREFIX + str(file).encode().hex()


def load_object(spec: str, what: str) -> Any:
    """The object that `module:name` or `file.py:name` stands for.

    A file is run once, whoever asks for it, and what stands in it pickles.

    Args:
        spec: What names it.
        what: Names the option in messages.

    Raises:
        UserError: There is no such object.
    """
    place, _, name = spec.rpartition(":")
    near = ""
    try:
        with contextlib.redirect_stdout(sys.stderr):  # what it prints is no answer of a command
            module = importlib.import_module(_module(place))
        if not hasattr(module, name):
            near = meant(name, [one for one in dir(module) if not one.startswith("_")])
        return getattr(module, name)
    except Exception as error:
        raise UserError(f"the {what} {spec!r} can't be loaded: {error}{near}") from None


def space(spec: str) -> Space:
    """A space by name, by TOML file, or as `module:name`.

    Raises:
        UserError: There is none.
    """
    if spec in SPACES:
        return SPACES[spec]()
    if spec.startswith(INSIDE):
        return inside(network_named(whose(spec)))
    if spec.endswith(".toml"):
        return read_space(spec)
    if ":" in spec:
        loaded = load_object(spec, "space")
        if callable(loaded):
            try:
                loaded = loaded()
            except Exception as error:
                raise UserError(
                    f"{spec!r} can't be called: {error}; expected a Space, or a function without "
                    "arguments that gives one"
                ) from None
        if not isinstance(loaded, Space):
            raise UserError(f"{spec!r} is {type(loaded).__name__}: expected a Space")
        return check(loaded)
    raise UserError(
        f"there is no space {spec!r}{meant(spec, SPACES)}: expected one of {', '.join(SPACES)}, a "
        "FILE.toml, or module:name of a Space of your own"
    )
