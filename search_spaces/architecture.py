"""What a network is: a frozen `Architecture` of frozen `Stage`s, its canonical JSON, and its id."""

import dataclasses
import functools
import hashlib
import json
from dataclasses import dataclass
from typing import Any

from search_spaces.errors import UserError

OPS = ("mbconv", "dsconv", "conv", "fused", "bottleneck")
SKIPS = ("identity", "none", "pool")
ACTIVATIONS = ("swish", "relu", "relu6")
FORMAT = 1


def _whole(owner: str, field: str, value: Any, smallest: int) -> None:
    if type(value) is not int or value < smallest:
        raise UserError(
            f"{owner}.{field} is {value!r}: expected a whole number of {smallest} or more"
        )


def _one_of(owner: str, field: str, value: Any, names: tuple[str, ...]) -> None:
    if value not in names:
        raise UserError(f"{owner}.{field} is {value!r}: expected one of {', '.join(names)}")


def _rate(owner: str, field: str, value: Any) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1:
        raise UserError(f"{owner}.{field} is {value!r}: expected a number from 0 to below 1")


@dataclass(frozen=True)
class Stage:
    """`repeats` equal blocks; the first has the stride, the others stride 1.

    op: `mbconv` (inverted residual; expand 1 has no expansion conv), `dsconv` (MobileNetV1's
        depthwise-separable conv, activation after both), `conv` (one plain conv), `fused`
        (MBConv whose expansion and depthwise conv are one conv), `bottleneck` (ResNet v1.5).
    channels: output channels of every block, >= 1.
    repeats: blocks, >= 1.   kernel: odd, >= 1.   stride: of the first block, >= 1.
    expand: hidden channels / input channels (mbconv, fused); output / hidden (bottleneck).
    se: squeeze-and-excitation width / block input channels, 0 for none.
    skip: `identity` (where stride is 1 and in = out; a bottleneck projects elsewhere), `none`,
        or `pool` (3x3 average pooling of the input, where in = out).
    """

    op: str
    channels: int
    repeats: int = 1
    kernel: int = 3
    stride: int = 1
    expand: int = 1
    se: float = 0.0
    skip: str = "identity"

    def __post_init__(self) -> None:
        _one_of("Stage", "op", self.op, OPS)
        for field in ("channels", "repeats", "kernel", "stride", "expand"):
            _whole("Stage", field, getattr(self, field), 1)
        if self.kernel % 2 == 0:
            raise UserError(f"Stage.kernel is {self.kernel}: expected an odd number")
        if self.op in ("conv", "dsconv") and self.expand != 1:
            raise UserError(f"Stage.expand is {self.expand}: a {self.op} stage has expand 1")
        if self.op == "bottleneck" and self.channels % self.expand:
            raise UserError(
                f"Stage.channels is {self.channels}: a bottleneck's channels must be a multiple "
                f"of its expand, {self.expand}"
            )
        # NaN fails too
        if not isinstance(self.se, int | float) or not 0 <= self.se <= 8:
            raise UserError(f"Stage.se is {self.se!r}: expected a ratio from 0 (none) to 8")
        _one_of("Stage", "skip", self.skip, SKIPS)
        object.__setattr__(self, "se", float(self.se))
        # Stages are the keys of the cost cache, so the hash is computed once.
        object.__setattr__(self, "_hash", hash(dataclasses.astuple(self)))

    def __hash__(self) -> int:
        return self._hash  # type: ignore[attr-defined, no-any-return]

    def __reduce__(self) -> tuple[Any, ...]:  # string hashes differ between processes
        return Stage, dataclasses.astuple(self)


@dataclass(frozen=True)
class Architecture:
    """A convolutional network: stem conv, stages, head conv, pooling, dropout, linear.

    stem, head: channels of the stem conv and of the 1x1 head conv; head 0 means none.
    resolution: input height and width in pixels.   classes: outputs of the linear layer.
    stem_pool: a 3x3 max pooling of stride 2 follows the stem (ResNet).
    dropout: before the linear layer, in [0, 1).
    drop_connect: block i of n is dropped with probability drop_connect * i / n, in [0, 1).
    name: for people only; two architectures that differ only in name are equal.
    """

    stages: tuple[Stage, ...]
    stem: int = 32
    head: int = 1280
    resolution: int = 224
    classes: int = 1000
    activation: str = "swish"
    dropout: float = 0.2
    drop_connect: float = 0.2
    stem_kernel: int = 3
    stem_stride: int = 2
    stem_pool: bool = False
    name: str = dataclasses.field(default="", compare=False)

    def __post_init__(self) -> None:
        if (
            type(self.stages) is not tuple
            or not self.stages
            or not all(isinstance(stage, Stage) for stage in self.stages)
        ):
            raise UserError(f"Architecture.stages is {self.stages!r}: expected a tuple of Stage")
        for field in ("stem", "resolution", "classes", "stem_kernel", "stem_stride"):
            _whole("Architecture", field, getattr(self, field), 1)
        _whole("Architecture", "head", self.head, 0)
        if self.stem_kernel % 2 == 0:
            raise UserError(
                f"Architecture.stem_kernel is {self.stem_kernel}: expected an odd number"
            )
        if self.activation not in ACTIVATIONS:
            _one_of("Architecture", "activation", self.activation, ACTIVATIONS)
        if type(self.stem_pool) is not bool:
            raise UserError(f"Architecture.stem_pool is {self.stem_pool!r}: expected true or false")
        if not isinstance(self.name, str):
            raise UserError(f"Architecture.name is {self.name!r}: expected a text")
        _rate("Architecture", "dropout", self.dropout)
        _rate("Architecture", "drop_connect", self.drop_connect)

    @functools.cached_property
    def id(self) -> str:
        """Twelve hex digits of the SHA-256 of the canonical JSON without the name."""
        return hashlib.sha256(to_json(self, name=False).encode()).hexdigest()[:12]

    @property
    def blocks(self) -> int:
        return sum(stage.repeats for stage in self.stages)


def to_dict(architecture: Architecture) -> dict[str, Any]:
    """The architecture as plain JSON values, with the number of the format."""
    return {"format": FORMAT, **dataclasses.asdict(architecture)}


def to_json(architecture: Architecture, name: bool = True, indent: int | None = None) -> str:
    """Canonical JSON: sorted keys, every field, no spaces unless `indent` is given."""
    fields = to_dict(architecture)
    for rate in ("dropout", "drop_connect"):
        fields[rate] = float(fields[rate])
    if not name:
        del fields["name"]
    separators = (",", ":") if indent is None else None
    return json.dumps(fields, sort_keys=True, indent=indent, separators=separators)


def from_dict(fields: Any) -> Architecture:
    """The inverse of `to_dict`. Raises UserError that names the field at fault."""
    if not isinstance(fields, dict) or not isinstance(fields.get("stages"), list | tuple):
        raise UserError("this JSON is no architecture: expected an object with a list 'stages'")
    fields = dict(fields)
    written = fields.pop("format", FORMAT)
    if written != FORMAT:
        raise UserError(
            f"the architecture has format {written!r}, this version reads format {FORMAT}: "
            "use the version of compound-nas that wrote it"
        )
    stages = tuple(_construct(Stage, stage) for stage in fields.pop("stages"))
    return _construct(Architecture, {**fields, "stages": stages})  # type: ignore[no-any-return]


def _construct(kind: Any, fields: Any) -> Any:
    if not isinstance(fields, dict):
        raise UserError(f"a {kind.__name__} is {fields!r}: expected an object of its fields")
    known = {field.name: field for field in dataclasses.fields(kind)}
    unknown = sorted(set(fields) - set(known))
    if unknown:
        raise UserError(
            f"{kind.__name__} has no field {unknown[0]!r}: expected some of {', '.join(known)}"
        )
    missing = [
        name
        for name, field in known.items()
        if name not in fields and field.default is dataclasses.MISSING
    ]
    if missing:
        raise UserError(f"{kind.__name__} lacks its field {missing[0]!r}")
    return kind(**fields)


def from_json(text: str) -> Architecture:
    """The inverse of `to_json`. Raises UserError."""
    try:
        fields = json.loads(text)
    except ValueError as error:
        raise UserError(f"this is no JSON ({error}): expected an architecture") from None
    return from_dict(fields)
