"""What a network is: a frozen `Architecture` of frozen `Stage`s, its canonical JSON, and its id."""

import dataclasses
import functools
import hashlib
import json
import operator
from dataclasses import dataclass
from typing import Any

from search_spaces import errors
from search_spaces.errors import MOST_STAGES, UserError, odd, one_of, rate, true_or_false, whole
from search_spaces.rounding import Size, resolution_of, size_of

OPS = ("mbconv", "dsconv", "conv", "fused", "bottleneck")
SKIPS = ("identity", "none", "pool")
ACTIVATIONS = ("swish", "relu", "relu6", "hard_swish")
ALIASES = {"silu": "swish", "h_swish": "hard_swish", "hardswish": "hard_swish"}  # on reading
GATES, PADDINGS = ("sigmoid", "hard_sigmoid"), ("half", "same")
SE_FROM = ("input", "expanded", "channels")
FORMAT, LARGEST_EXPAND = 1, 64
_WHOLE = ("stem", "classes", "stem_kernel", "stem_stride", "in_channels", "head", "mix")
_LATER = {"later": True}  # metadata of fields that older files lack: written where not the default
_set = object.__setattr__  # what values do to their own fields before anybody has them


def _activation(owner: str, field: str, value: Any) -> str:
    """The activation under its own name."""
    name = ALIASES.get(value, value) if isinstance(value, str) else value
    one_of(owner, field, name, ACTIVATIONS)
    return str(name)


@dataclass(frozen=True)
class Stage:
    """`repeats` equal blocks; the first has the stride, the others stride 1.

    Attributes:
        op: `mbconv` (inverted residual; expand 1 has no expansion conv), `dsconv` (MobileNetV1's
            depthwise-separable conv, activation after both), `conv` (one plain conv), `fused`
            (MBConv whose expansion and depthwise conv are one conv), `bottleneck` (ResNet v1.5).
        channels: Output channels of every block, >= 1.
        repeats: Blocks, >= 1.
        kernel, stride: >= 1; the kernel is odd, the stride that of the first block.
        expand: Hidden channels / input channels (mbconv, fused), above 0; a fraction gives the
            nearest whole number of channels. Output / hidden (bottleneck), whole.
        se: Squeeze-and-excitation width, in the unit of `se_from`; 0 for none.
        skip: `identity` (where stride is 1 and in = out; a bottleneck projects elsewhere), `none`,
            or `pool` (3x3 average pooling of the input, where in = out).
        activation: Of this stage's layers; None is the network's.
        se_from: `input` (se is a ratio to the block's input channels, rounded down, as in
            EfficientNet), `expanded` (a ratio to the channels that SE scales, to the nearest
            multiple of 8, as in MobileNetV3) or `channels` (se is the width itself).
        se_activation: Between SE's two layers; None is the stage's.
        gate: Of SE, `sigmoid` or `hard_sigmoid`.
        keep_expansion: An mbconv of expand 1 has its expansion conv (timm's `ir_..._e1`).
    """

    op: str
    channels: int
    repeats: int = 1
    kernel: int = 3
    stride: int = 1
    expand: int | float = 1
    se: float = 0.0
    skip: str = "identity"
    activation: str | None = dataclasses.field(default=None, metadata=_LATER)
    se_from: str = dataclasses.field(default="input", metadata=_LATER)
    se_activation: str | None = dataclasses.field(default=None, metadata=_LATER)
    gate: str = dataclasses.field(default="sigmoid", metadata=_LATER)
    keep_expansion: bool = dataclasses.field(default=False, metadata=_LATER)

    @errors.of_any_numbers
    def __post_init__(self) -> None:
        one_of("Stage", "op", self.op, OPS)
        for field in ("channels", "repeats", "kernel", "stride"):
            whole("Stage", field, getattr(self, field), 1)
        odd("Stage", "kernel", self.kernel)
        one_of("Stage", "skip", self.skip, SKIPS)
        self._settle_expand()
        self._settle_se()
        if self.activation is not None:
            _set(self, "activation", _activation("Stage", "activation", self.activation))
        _set(self, "_hash", hash(_values(self)))  # once: stages are the keys of the cost cache

    def _settle_expand(self) -> None:
        expand = self.expand
        if isinstance(expand, float) and expand.is_integer():
            _set(self, "expand", expand := int(expand))
        if self.op not in ("mbconv", "fused"):
            whole("Stage", "expand", expand, 1)
        elif type(expand) not in (int, float) or not 0 < expand <= LARGEST_EXPAND:
            raise UserError(
                f"Stage.expand is {expand!r}: expected a number above 0, to {LARGEST_EXPAND}"
            )
        if self.op in ("conv", "dsconv") and expand != 1:
            raise UserError(f"Stage.expand is {expand}: a {self.op} stage has expand 1")
        if self.op == "bottleneck" and self.channels % expand:
            wanted = f"a bottleneck's channels must be a multiple of its expand, {expand}"
            raise UserError(f"Stage.channels is {self.channels}: {wanted}")
        true_or_false("Stage", "keep_expansion", self.keep_expansion)
        if self.op != "mbconv" or expand != 1:
            _set(self, "keep_expansion", False)

    def _settle_se(self) -> None:
        one_of("Stage", "se_from", self.se_from, SE_FROM)
        one_of("Stage", "gate", self.gate, GATES)
        if self.se_from == "channels":
            as_whole = isinstance(self.se, float) and self.se.is_integer()
            whole("Stage", "se", int(self.se) if as_whole else self.se, 0)
        elif type(self.se) is bool or not isinstance(self.se, int | float) or not 0 <= self.se <= 8:
            raise UserError(f"Stage.se is {self.se!r}: expected a ratio from 0 (none) to 8")
        _set(self, "se", float(self.se))
        if self.se_activation is not None:
            _set(self, "se_activation", _activation("Stage", "se_activation", self.se_activation))
        if not self.se:
            for field in ("se_from", "se_activation", "gate"):
                _set(self, field, _FIELDS_OF_STAGE[field].default)

    def __hash__(self) -> int:
        return self._hash  # type: ignore[attr-defined, no-any-return]

    def __reduce__(self) -> tuple[Any, ...]:  # string hashes differ between processes
        return Stage, _values(self)


_FIELDS_OF_STAGE = {field.name: field for field in dataclasses.fields(Stage)}
_values = operator.attrgetter(*_FIELDS_OF_STAGE)


@dataclass(frozen=True)
class Architecture:
    """A convolutional network: stem conv, stages, head conv, pooling, mix, dropout, linear.

    Attributes:
        stages: In order, at least one.
        stem, head: Channels of the stem conv and of the 1x1 head conv; head 0 means none.
        resolution: Input pixels: one number, or (height, width), or a text as `96x160`.
        classes: Outputs of the linear layer.
        activation: Of every layer but those of stages that have their own.
        dropout: Before the linear layer, in [0, 1).
        drop_connect: Block i of n is dropped with probability drop_connect * i / n, in [0, 1).
        stem_kernel, stem_stride: Of the stem conv; the kernel is odd.
        stem_pool: A 3x3 max pooling of stride 2 follows the stem (ResNet; padding `half`).
        mix: Channels of a linear layer with an activation after the pooling (MobileNetV3); or 0.
        mix_bias, in_channels: Whether that layer has a bias; of the images (3 for RGB, 1 for grey).
        padding: `half` (kernel // 2 on every side) or `same` (TensorFlow's, whose weights ask it).
        name: For people only; two architectures that differ only in name are equal.
    """

    stages: tuple[Stage, ...]
    stem: int = 32
    head: int = 1280
    resolution: int | tuple[int, int] = 224
    classes: int = 1000
    activation: str = "swish"
    dropout: float = 0.2
    drop_connect: float = 0.2
    stem_kernel: int = 3
    stem_stride: int = 2
    stem_pool: bool = False
    mix: int = dataclasses.field(default=0, metadata=_LATER)
    mix_bias: bool = dataclasses.field(default=True, metadata=_LATER)
    in_channels: int = dataclasses.field(default=3, metadata=_LATER)
    padding: str = dataclasses.field(default="half", metadata=_LATER)
    name: str = dataclasses.field(default="", compare=False)

    @errors.of_any_numbers
    def __post_init__(self) -> None:
        listed = self.stages if type(self.stages) is tuple else ()
        if not listed or not all(issubclass(one, Stage) for one in set(map(type, listed))):
            raise UserError(f"Architecture.stages is {self.stages!r}: expected a tuple of stages")
        if len(self.stages) > MOST_STAGES:
            raise UserError(f"{len(self.stages)} stages: expected {MOST_STAGES} or fewer")
        for field in _WHOLE:
            whole("Architecture", field, getattr(self, field), int(field not in ("head", "mix")))
        _set(self, "resolution", resolution_of(self.resolution))
        odd("Architecture", "stem_kernel", self.stem_kernel)
        for field in ("stem_pool", "mix_bias"):
            true_or_false("Architecture", field, getattr(self, field))
        one_of("Architecture", "padding", self.padding, PADDINGS[: 1 if self.stem_pool else 2])
        if not isinstance(self.name, str):
            raise UserError(f"Architecture.name is {self.name!r}: expected a text")
        for field in ("dropout", "drop_connect"):
            rate("Architecture", field, getattr(self, field))
        self._settle()

    def _settle(self) -> None:
        """One value for one network: activations under one name, none where it says nothing."""
        _set(self, "activation", _activation("Architecture", "activation", self.activation))
        _set(self, "mix_bias", self.mix_bias or not self.mix)
        if any(s.activation or s.se_activation for s in self.stages):
            _set(self, "stages", tuple(_relative(s, self.activation) for s in self.stages))

    @property
    def id(self) -> str:
        """Twelve hex digits of the SHA-256 of the canonical JSON without the name."""
        whole = ",".join(map(_text, self.stages)).join(_around(*_frame(self)))
        return hashlib.sha256(whole.encode()).hexdigest()[:12]

    @property
    def size(self) -> Size:
        """Height and width of its images."""
        return size_of(self.resolution)

    @property
    def blocks(self) -> int:
        """Of all stages."""
        return sum(stage.repeats for stage in self.stages)


_frame = operator.attrgetter(*(field.name for field in dataclasses.fields(Architecture)[1:-1]))


@functools.lru_cache(maxsize=1 << 16)
def _text(stage: Stage) -> str:
    """The stage in the canonical JSON."""
    return json.dumps(_written(stage), sort_keys=True, separators=(",", ":"))


@functools.lru_cache(maxsize=1 << 14)
def _around(*frame: Any) -> list[str]:
    """The canonical JSON before and after the stages: 100,000 networks have most of it alike."""
    one = Stage("conv", 1)
    return to_json(Architecture((one,), *frame), name=False).split(_text(one))


def _relative(stage: Stage, activation: str) -> Stage:
    """The stage in a network of this activation: what it repeats of it is None."""
    own = None if stage.activation == activation else stage.activation
    squeeze = None if stage.se_activation == (own or activation) else stage.se_activation
    if (own, squeeze) == (stage.activation, stage.se_activation):
        return stage
    return dataclasses.replace(stage, activation=own, se_activation=squeeze)


def _written(value: Any) -> dict[str, Any]:
    """The fields of a value; later ones where they aren't the default, so that ids stay."""
    given = [(field, getattr(value, field.name)) for field in dataclasses.fields(value)]
    return {f.name: own for f, own in given if not (f.metadata and own == f.default)}


def to_dict(architecture: Architecture) -> dict[str, Any]:
    """The architecture as plain JSON values, with the number of the format."""
    fields = _written(architecture)
    return {"format": FORMAT, **fields, "stages": [_written(stage) for stage in fields["stages"]]}


def to_json(architecture: Architecture, name: bool = True, indent: int | None = None) -> str:
    """Canonical JSON: sorted keys, no spaces unless `indent` is given.

    Fields that came after the first version are there where they aren't their default.
    """
    fields = to_dict(architecture)
    fields |= {field: float(fields[field]) for field in ("dropout", "drop_connect")}
    if not name:
        del fields["name"]
    separators = (",", ":") if indent is None else None
    return json.dumps(fields, sort_keys=True, indent=indent, separators=separators)


def from_dict(fields: Any) -> Architecture:
    """The inverse of `to_dict`.

    Raises:
        UserError: A field is missing, unknown or can't be; it is named.
    """
    if not isinstance(fields, dict) or not isinstance(fields.get("stages"), list | tuple):
        raise UserError("this JSON is no architecture: expected an object with a list 'stages'")
    fields = dict(fields)
    if (written := fields.pop("format", FORMAT)) != FORMAT:
        raise UserError(
            f"the architecture has format {written!r}, this version reads format {FORMAT}: "
            "use the version of compound-nas that wrote it"
        )
    stages = tuple(_construct(Stage, stage) for stage in fields.pop("stages"))
    return _construct(Architecture, {**fields, "stages": stages})  # type: ignore[no-any-return]


def _construct(kind: Any, fields: Any) -> Any:
    name = kind.__name__
    if not isinstance(fields, dict):
        raise UserError(f"a {name} is {fields!r}: expected an object of its fields")
    known = {field.name: field for field in dataclasses.fields(kind)}
    unknown = sorted(set(fields) - set(known))
    if unknown:
        raise UserError(f"{name} has no field {unknown[0]!r}: expected some of {', '.join(known)}")
    missing = [n for n, f in known.items() if n not in fields and f.default is dataclasses.MISSING]
    if missing:
        raise UserError(f"{name} lacks its field {missing[0]!r}")
    return kind(**fields)


def from_json(text: str) -> Architecture:
    """The inverse of `to_json`; a UserError where the text is none, or no architecture."""
    try:
        fields = json.loads(text)
    except ValueError as error:
        raise UserError(f"this is no JSON ({error}): expected an architecture") from None
    return from_dict(fields)
