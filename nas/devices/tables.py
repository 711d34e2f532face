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
import json
import re
from collections.abc import Hashable, Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from nas.devices.blocks import key_of
from nas.devices.file import ProfiledDevice, Times
from results.runs.files import read_bytes
from search_spaces.architecture import Stage
from search_spaces.errors import UserError
from search_spaces.layers import Ends, block, head, stem
from search_spaces.rounding import Size, round_channels

NUMBER = r"(\d{1,9})"
SHAPE = re.compile(f"{NUMBER}x{NUMBER}x{NUMBER}|{NUMBER}", re.ASCII)
NEEDED = {"expanded_conv": ("expand", "kernel", "stride")}  # fields that a kind of layer must have
FLAGS = ("idskip", "se", "hs")  # fields that are 0 or 1
SLOWEST = 1e9  # milliseconds, beyond which no entry can be
LARGEST = 1 << 26  # bytes of a table; Once-for-all's have some millions
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
    text = read_bytes(path)
    if len(text) > LARGEST:
        raise UserError(f"the table {path} has {len(text):,} bytes: expected {LARGEST:,} or fewer")
    content = _content(path, text)
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


def _content(path: Path, text: bytes) -> Any:
    """What the table holds. Raises UserError where it is no JSON, no YAML, or has a key twice."""
    import yaml

    class Once(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
        def construct_mapping(self, node: Any, deep: bool = False) -> Any:
            made = super().construct_mapping(node, deep)
            _check_once(path, [self.construct_object(key) for key, _ in node.value])
            return made

    def pairs(given: list[tuple[str, Any]]) -> dict[str, Any]:
        _check_once(path, [key for key, _ in given])
        return dict(given)

    try:
        try:
            return json.loads(text, object_pairs_hook=pairs)  # where YAML takes 1e-05 for a text
        except json.JSONDecodeError:
            return yaml.load(text, Once)
    except UserError:
        raise
    except (yaml.YAMLError, RecursionError, ValueError, TypeError):
        raise UserError(f"the table {path} is no YAML and no JSON: {FORM}") from None


def _check_once(path: Path, keys: Iterable[Hashable]) -> None:
    seen: set[Hashable] = set()
    for key in keys:
        if key in seen:
            raise UserError(f"the table {path} has {str(key)!r:.200} twice: leave one of them out")
        seen.add(key)


def _entry(path: Path, text: Any, value: Any) -> Entry:
    ms = value.get("mean") if isinstance(value, dict) else value
    good = isinstance(ms, int | float) and not isinstance(ms, bool) and 0 < ms < SLOWEST
    parts = str(text).split("-")
    named = dict(part.split(":", 1) for part in parts[1:] if ":" in part)
    shapes = [SHAPE.fullmatch(named.pop(name, "")) for name in ("input", "output")]
    if (
        not good
        or None in shapes
        or not all(re.fullmatch(NUMBER, number, re.ASCII) for number in named.values())
    ):
        raise _refused(path, text, f"{value!r:.200}; {FORM}")
    (size_in, c_in), (size_out, c_out) = (_shape(match) for match in shapes)
    numbers = {name: int(number) for name, number in named.items()}
    entry = Entry(parts[0], size_in, c_in, size_out, c_out, numbers, float(ms or 0.0))
    if wrong := _wrong(entry):
        raise _refused(path, text, wrong)
    try:
        blocks_of([entry], None)
    except UserError as error:
        raise _refused(path, text, str(error)) from None
    return entry


def _refused(path: Path, text: Any, why: str) -> UserError:
    return UserError(f"the table {path} has the entry {str(text)!r:.200}: {why}")


def _wrong(entry: Entry) -> str | None:
    """What no layer can have, in words."""
    fields = entry.fields
    if missing := [name for name in NEEDED.get(entry.kind, ()) if name not in fields]:
        return f"it lacks {missing[0]}; {FORM}"
    if flag := next((name for name in FLAGS if fields.get(name, 0) > 1), None):
        return f"{flag} is {fields[flag]}: expected 0 or 1"
    if min(*entry.size_in, *entry.size_out, entry.channels_in, entry.channels_out) < 1:
        return "a size or a number of channels is 0: expected 1 or more"
    stride = _stem_stride(entry) if entry.kind == "Conv" else fields.get("stride", 0)
    if entry.kind not in ("Conv", *NEEDED) or stride < 1:  # a stride of 0 is the block's to refuse
        return None
    after = Size(*(-(-side // stride) for side in entry.size_in))
    if after != entry.size_out:
        return (
            f"its output is {entry.size_out}, and a stride of {stride} makes {after} of its input"
        )
    return None


def _stem_stride(entry: Entry) -> int:
    return -(-entry.size_in.height // entry.size_out.height)


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
            ends = _ends(entry.channels_out, entry.size_in, entry.channels_in, _stem_stride(entry))
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
