"""Networks as others write them, both ways where they have words.

`tf`: block strings of TensorFlow's EfficientNet and MnasNet.   `timm`: timm's arch_def.
`blocks`: block by block in channels, as tables of evidence have them.
"""

from search_spaces.interchange.blocks import from_blocks
from search_spaces.interchange.tf import from_tf, to_tf
from search_spaces.interchange.timm import from_timm, from_timm_row
from search_spaces.interchange.timm_strings import to_timm
from search_spaces.interchange.timm_styles import STYLES, Style

__all__ = [
    "STYLES",
    "Style",
    "from_blocks",
    "from_tf",
    "from_timm",
    "from_timm_row",
    "to_tf",
    "to_timm",
]
