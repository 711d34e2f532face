"""How timm's model functions read one arch_def: SE widths, gates, heads, roundings.

One arch_def gives different networks in timm's EfficientNet and in its MobileNetV3, and there by
what the model's function passes on (timm 1.0, efficientnet.py and mobilenetv3.py).
"""

from collections.abc import Mapping
from dataclasses import dataclass

from search_spaces.errors import UserError, meant, one_of


@dataclass(frozen=True)
class Style:
    """What one of timm's model functions adds to its strings.

    Attributes:
        se_from: What the number after `se` is a ratio of: `input` (the block's input channels) or
            `expanded`.
        se_divisor: Squeezed widths are multiples of it.
        se_limit: Squeezed widths are at least this part of the exact width.
        se_activation: Between SE's two layers; None for the block's.
        gate: Of SE.
        mix: num_features are of a layer after the pooling, as in timm's MobileNetV3, and not of a
            head conv before it.
        mix_bias: Whether that layer has a bias.
        round_limit: Channels after a width multiplier are at least this part of the exact number.
    """

    se_from: str = "input"
    se_divisor: int = 1
    se_limit: float = 0.9
    se_activation: str | None = None
    gate: str = "sigmoid"
    mix: bool = False
    mix_bias: bool = True
    round_limit: float = 0.9

    def __post_init__(self) -> None:
        one_of("Style", "se_from", self.se_from, ("input", "expanded"))

    def squeezed(self, hidden: int, expand: float, se: float) -> int:
        """The squeezed width that timm takes.

        Args:
            hidden: Channels that SE scales.
            expand: The number after `e`.
            se: The number after `se`.
        """
        exact = hidden * (se / expand if self.se_from == "input" else se)
        if self.se_divisor == 1:
            return round(exact)
        return divisible(exact, self.se_divisor, self.se_limit)


def divisible(channels: float, divisor: int = 8, limit: float = 0.9) -> int:
    """The nearest multiple, at least `limit` of `channels`: timm's make_divisible."""
    rounded = max(divisor, int(channels + divisor / 2) // divisor * divisor)
    return rounded + divisor if rounded < limit * channels else rounded


# A style is one line here.
STYLES = {
    "efficientnet": Style(),
    "efficientnetv2_base": Style(round_limit=0.0),
    "mobilenetv3": Style("expanded", 8, 0.9, "relu", "hard_sigmoid", mix=True),
    "mobilenetv3_rw": Style("expanded", gate="hard_sigmoid", mix=True, mix_bias=False),
    "lcnet": Style("expanded", se_activation="relu", gate="hard_sigmoid", mix=True),
    "fbnetv3": Style("input", 8, 0.95, None, "hard_sigmoid", True, False, 0.95),
}

# The first part of a timm model's name -> its style; others are `efficientnet`.
_STYLE_OF = (
    ("mobilenetv3_rw", "mobilenetv3_rw"),
    ("mobilenetv3", "mobilenetv3"),
    ("efficientnetv2_b", "efficientnetv2_base"),
    ("lcnet", "lcnet"),
    ("fbnetv3", "fbnetv3"),
)


def style(which: str | Style) -> Style:
    """The style itself, or the one of a name in STYLES.

    Raises:
        UserError: There is none of this name.
    """
    if isinstance(which, Style):
        return which
    if which not in STYLES:
        raise UserError(
            f"there is no timm style {which!r}{meant(which, STYLES)}: expected one of "
            f"{', '.join(STYLES)}"
        )
    return STYLES[which]


def style_of(model: str) -> Style:
    """The style of one of timm's models by its name, as `tf_mobilenetv3_large_075`."""
    name = model.removeprefix("tf_")
    return STYLES[next((s for start, s in _STYLE_OF if name.startswith(start)), "efficientnet")]


def multiplier(row: Mapping[str, str], key: str) -> float | tuple[float, ...]:
    """A row's multiplier: `1.1`, or `(1.2, 1.2, 1.6)` for each group of strings."""
    text = row[key].strip()
    if text.startswith("("):
        return tuple(float(part) for part in text.strip("()").split(",") if part.strip())
    return float(text)
