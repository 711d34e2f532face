"""Latency tables of Once-for-all and ProxylessNAS, read as device files.

Their entries are layers of MobileNets by a text, with milliseconds (mit-han-lab/once-for-all,
`ofa/tutorial/latency_table.py`; mit-han-lab/proxylessnas, `utils/latency_estimator.py`):

    Conv-input:224x224x3-output:112x112x16
    expanded_conv-input:7x7x192-output:7x7x320-expand:6-kernel:5-stride:1-idskip:0
    expanded_conv-input:14x14x80-output:14x14x112-expand:480-kernel:3-stride:1-idskip:0-se:1-hs:1
    Conv_1-input:7x7x320-output:7x7x1280
    Logits-input:7x7x1280-output:1000

With `se` and `hs` (hard swish) `expand` counts channels, without them it is a ratio.
"""

import hashlib
import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from nas.devices.blocks import key_of
from nas.devices.file import ProfiledDevice, Times
from search_spaces.architecture import Stage
from search_spaces.errors import UserError
from search_spaces.layers import Ends, block, head, stem
from search_spaces.rounding import Size, round_channels

SHAPE = re.compile(r"(\d+)x(\d+)x(\d+)|(\d+)")
FORM = (
    "expected entries as expanded_conv-input:7x7x192-output:7x7x320-expand:6-kernel:5-stride:1-"
    "idskip:0 with {mean: milliseconds}"
)


class Entry(NamedTuple):
    """A layer of a table.

    Attributes:
        kind: `Conv`, `expanded_conv`, `Conv_1`, `Logits`, ...
        size_in, channels_in: Of its input.
        size_out, channels_out: Of its output.
        fields: `expand`, `kernel`, `stride`, `idskip`, `se`, `hs`, as far as it has them.
        ms: The mean.
    """

    kind: str
    size_in: Size
    channels_in: int
    size_out: Size
    channels_out: int
    fields: Mapping[str, int]
    ms: float


def read_table(path: Path, activation: str | None = None) -> ProfiledDevice:
    """A device from a table.

    Args:
        path: YAML or JSON.
        activation: That the times are taken for; None is what the table was made for: `relu6`, or
            `relu` and `hard_swish` as its entries say.

    Raises:
        UserError: The file can't be read, or holds no such table.
    """
    import yaml

    try:
        text = path.read_bytes()
        content = yaml.load(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except OSError as error:
        raise UserError(f"the table {path} can't be read: {error.strerror}") from None
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError, ValueError):
        raise UserError(f"the table {path} is no YAML and no JSON: {FORM}") from None
    if not isinstance(content, dict) or not content:
        raise UserError(f"the table {path} has no entries: {FORM}")
    entries = [_entry(path, text, value) for text, value in content.items()]
    blocks = blocks_of(entries, activation)
    if not blocks:
        raise UserError(f"the table {path} has no stem, block or head: {FORM}")
    stamp = {"table": path.name, "sha256": hashlib.sha256(text).hexdigest()}
    if activation is not None:
        stamp["taken_for"] = activation
    return ProfiledDevice(path.stem, 1, stamp, None, blocks)


def _entry(path: Path, text: Any, value: Any) -> Entry:
    ms = value.get("mean") if isinstance(value, dict) else value
    good = isinstance(ms, int | float) and not isinstance(ms, bool) and 0 < ms < math.inf
    parts = str(text).split("-")
    named = dict(part.split(":", 1) for part in parts[1:] if ":" in part)
    shapes = [SHAPE.fullmatch(named.pop(name, "")) for name in ("input", "output")]
    if not good or None in shapes or not all(v.isdigit() for v in named.values()):
        raise UserError(f"the table {path} has the entry {str(text)!r}: {value!r}; {FORM}")
    (size_in, c_in), (size_out, c_out) = (_shape(match) for match in shapes)
    numbers = {name: int(number) for name, number in named.items()}
    return Entry(parts[0], size_in, c_in, size_out, c_out, numbers, float(ms or 0.0))


def _shape(match: Any) -> tuple[Size, int]:
    if match[4]:
        return Size(1, 1), int(match[4])
    return Size(int(match[1]), int(match[2])), int(match[3])


def blocks_of(entries: list[Entry], activation: str | None) -> dict[str, Times | None]:
    """Times by the keys of our blocks; a head is the sum of its layers' entries.

    Args:
        entries: Of a table.
        activation: As in `read_table`.
    """
    hard = any("hs" in entry.fields for entry in entries)
    outer = activation or ("hard_swish" if hard else "relu6")
    times: dict[str, Times | None] = {}
    for entry in entries:
        if entry.kind == "Conv":
            stride = -(-entry.size_in.height // entry.size_out.height)
            ends = _ends(entry.channels_out, entry.size_in, entry.channels_in, stride)
            times[key_of(stem(ends), outer)] = Times(entry.ms)
        elif entry.kind == "expanded_conv":
            times[_block_key(entry, activation)] = Times(entry.ms)
    return times | _heads(entries, outer)


def _block_key(entry: Entry, activation: str | None) -> str:
    """The key of an MBConv block."""
    fields, c_in = entry.fields, entry.channels_in
    hidden = fields["expand"] if "hs" in fields else fields["expand"] * c_in
    act = activation or (("relu", "hard_swish")[fields["hs"]] if "hs" in fields else "relu6")
    squeezed = round_channels(hidden // 4) if fields.get("se") else 0
    stage = Stage(
        "mbconv", entry.channels_out, 1, fields["kernel"], fields["stride"], hidden / c_in,
        squeezed, "identity" if fields.get("idskip") else "none", se_from="channels",
        se_activation="relu" if squeezed and act != "relu" else None,
        gate="hard_sigmoid" if squeezed else "sigmoid",
    )  # fmt: skip
    return key_of(block(stage, c_in, entry.size_in, stage.stride), act)


def _ends(stem_channels: int, images: Size, in_channels: int, stride: int) -> Ends:
    return Ends(stem_channels, 3, stride, False, in_channels, images, 0, 0, True, 1, "relu6", 1,
                Size(1, 1))  # fmt: skip


def _heads(entries: list[Entry], activation: str) -> dict[str, Times | None]:
    """Heads: a last conv and the classifier that reads it, with a mixing layer between or not."""
    by_kind: dict[str, list[Entry]] = {}
    for entry in entries:
        by_kind.setdefault(entry.kind, []).append(entry)
    times: dict[str, Times | None] = {}
    for conv in by_kind.get("Conv_1", []):
        mixes = [one for one in by_kind.get("Conv_2", []) if one.channels_in == conv.channels_out]
        pools = [one.ms for kind in by_kind if kind.startswith("AvgPool")
                 for one in by_kind[kind] if one.channels_in == conv.channels_out]  # fmt: skip
        every: list[Entry | None] = [*mixes] if mixes else [None]
        for mix in every:
            last = conv if mix is None else mix
            for logits in by_kind.get("Logits", []):
                if logits.channels_in != last.channels_out:
                    continue
                ends = _ends(1, Size(1, 1), 3, 1)._replace(
                    head=conv.channels_out, mix=0 if mix is None else mix.channels_out,
                    mix_bias=mix is None, classes=logits.channels_out, activation=activation,
                    channels=conv.channels_in, size=conv.size_in,
                )  # fmt: skip
                ms = conv.ms + logits.ms + (0.0 if mix is None else mix.ms) + sum(pools[:1])
                times[key_of(head(ends), activation)] = Times(ms)
    return times
